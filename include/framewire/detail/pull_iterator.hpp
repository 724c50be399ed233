// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Makes a forward iterator of a cursor, which only has to know how to find the next value.

#ifndef FRAMEWIRE_DETAIL_PULL_ITERATOR_HPP
#define FRAMEWIRE_DETAIL_PULL_ITERATOR_HPP

#include <cstddef>
#include <iterator>

namespace framewire::detail {

// A cursor has a value_type, `bool next(value_type&)`, which is false at the end, and `left()`,
// which counts down as it moves, so that two cursors of one range can be told apart.
template <class Cursor> class pull_iterator {
public:
    using value_type = typename Cursor::value_type;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::forward_iterator_tag;

    constexpr pull_iterator() noexcept = default;
    constexpr explicit pull_iterator(Cursor cursor) noexcept : cursor_(cursor) { ++*this; }

    [[nodiscard]] constexpr value_type operator*() const noexcept { return value_; }
    constexpr pull_iterator& operator++() noexcept {
        valid_ = cursor_.next(value_);
        return *this;
    }
    constexpr pull_iterator operator++(int) noexcept {
        pull_iterator before = *this;
        ++*this;
        return before;
    }
    [[nodiscard]] friend constexpr bool operator==(const pull_iterator& a,
                                                   const pull_iterator& b) noexcept {
        return a.valid_ == b.valid_ && (!a.valid_ || a.cursor_.left() == b.cursor_.left());
    }

private:
    Cursor cursor_;
    value_type value_{};
    bool valid_ = false;
};

} // namespace framewire::detail

#endif
