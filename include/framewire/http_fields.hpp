// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The fields of an HTTP head, and the elements of fields that are lists, as ranges of views.

#ifndef FRAMEWIRE_HTTP_FIELDS_HPP
#define FRAMEWIRE_HTTP_FIELDS_HPP

#include <framewire/detail/ascii.hpp>

#include <cstddef>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>

namespace framewire {

/// One field line. `value` has no white space at its ends.
struct http_field {
    std::string_view name;
    std::string_view value;
};

class http_list;

/// A forward range of `http_field` in the order of the lines. It keeps no table: every walk reads
/// the text again, so it costs four words whatever the head holds. Names are looked up without
/// regard to case (RFC 9110 5.1). Borrows what it was made from.
class http_fields {
public:
    /// Pulls one field after the other.
    class iterator {
    public:
        using value_type = http_field;
        using difference_type = std::ptrdiff_t;
        using iterator_concept = std::forward_iterator_tag;

        constexpr iterator() noexcept = default;

        [[nodiscard]] constexpr http_field operator*() const noexcept {
            if (!parsed_.empty()) {
                return {parsed_.front().name, detail::trim_ows(parsed_.front().value)};
            }
            const std::string_view line = text_.substr(0, text_.find('\r'));
            const std::size_t colon = line.find(':');
            if (colon == std::string_view::npos) return {line, {}};
            return {line.substr(0, colon), detail::trim_ows(line.substr(colon + 1))};
        }
        constexpr iterator& operator++() noexcept {
            if (!parsed_.empty()) {
                parsed_ = parsed_.subspan(1);
            } else {
                const std::size_t end = text_.find('\n');
                text_.remove_prefix(end == std::string_view::npos ? text_.size() : end + 1);
            }
            return *this;
        }
        constexpr iterator operator++(int) noexcept {
            iterator before = *this;
            ++*this;
            return before;
        }
        // Both sides are of one range, so what is left tells where they are.
        [[nodiscard]] friend constexpr bool operator==(const iterator& a,
                                                       const iterator& b) noexcept {
            return a.text_.size() == b.text_.size() && a.parsed_.size() == b.parsed_.size();
        }

    private:
        friend class http_fields;
        constexpr iterator(std::string_view text, std::span<const http_field> parsed) noexcept
            : text_(text), parsed_(parsed) {}

        std::string_view text_;
        std::span<const http_field> parsed_;
    };

    constexpr http_fields() noexcept = default;

    /// Field lines, each ended by CR LF, without the empty line behind them. `http_head_reader`
    /// makes sure that they are well formed; from elsewhere, that is the caller's duty.
    constexpr explicit http_fields(std::string_view lines) noexcept : text_(lines) {}

    /// Fields that somebody else has parsed, such as another HTTP server.
    constexpr explicit http_fields(std::span<const http_field> parsed) noexcept : parsed_(parsed) {}

    [[nodiscard]] constexpr iterator begin() const noexcept { return {text_, parsed_}; }
    [[nodiscard]] constexpr iterator end() const noexcept { return {}; }
    [[nodiscard]] constexpr bool empty() const noexcept { return text_.empty() && parsed_.empty(); }

    /// The value of the first field of that name.
    [[nodiscard]] constexpr std::optional<std::string_view>
    find(std::string_view name) const noexcept {
        for (const http_field field : *this) {
            if (detail::iequals(field.name, name)) return field.value;
        }
        return std::nullopt;
    }

    /// How many fields have that name.
    [[nodiscard]] constexpr std::size_t count(std::string_view name) const noexcept {
        std::size_t found = 0;
        for (const http_field field : *this) {
            if (detail::iequals(field.name, name)) ++found;
        }
        return found;
    }

    /// The elements of a list-valued field, over all the lines of that name (RFC 9110 5.3).
    [[nodiscard]] constexpr http_list list(std::string_view name) const noexcept;

    /// True when the list of that name has the token, without regard to case.
    [[nodiscard]] constexpr bool list_contains(std::string_view name,
                                               std::string_view token) const noexcept;

private:
    std::string_view text_;
    std::span<const http_field> parsed_;
};

/// A forward range of the elements of a comma-separated list: `std::string_view`s without white
/// space at their ends. Empty elements are skipped (RFC 9110 5.6.1.2), commas inside a quoted
/// string separate nothing, and a quoted string does not go on in the next line. Borrows like
/// http_fields.
class http_list {
public:
    /// Pulls one element after the other.
    class iterator {
    public:
        using value_type = std::string_view;
        using difference_type = std::ptrdiff_t;
        using iterator_concept = std::forward_iterator_tag;

        constexpr iterator() noexcept = default;

        [[nodiscard]] constexpr std::string_view operator*() const noexcept { return element_; }
        constexpr iterator& operator++() noexcept {
            do {
                element_ = {};
                while (rest_.empty()) {
                    if (line_ == http_fields::iterator{}) return *this;
                    if (const http_field field = *line_++; detail::iequals(field.name, name_)) {
                        rest_ = field.value;
                    }
                }
                take_element();
            } while (element_.empty());
            return *this;
        }
        constexpr iterator operator++(int) noexcept {
            iterator before = *this;
            ++*this;
            return before;
        }
        [[nodiscard]] friend constexpr bool operator==(const iterator& a,
                                                       const iterator& b) noexcept {
            return a.line_ == b.line_ && a.rest_.size() == b.rest_.size() &&
                   a.element_.size() == b.element_.size();
        }

    private:
        friend class http_list;
        constexpr iterator(http_fields::iterator line, std::string_view name,
                           std::string_view rest) noexcept
            : line_(line), name_(name), rest_(rest) {
            ++*this;
        }

        constexpr void take_element() noexcept {
            bool quoted = false;
            std::size_t end = 0;
            for (; end < rest_.size() && (quoted || rest_[end] != ','); ++end) {
                if (rest_[end] == '"')
                    quoted = !quoted;
                else if (quoted && rest_[end] == '\\' && end + 1 < rest_.size())
                    ++end;
            }
            element_ = detail::trim_ows(rest_.substr(0, end));
            rest_.remove_prefix(end < rest_.size() ? end + 1 : end);
        }

        http_fields::iterator line_;
        std::string_view name_;
        std::string_view rest_;
        std::string_view element_;
    };

    constexpr http_list() noexcept = default;
    /// The elements of one value.
    constexpr explicit http_list(std::string_view value) noexcept : value_(value) {}
    /// The elements of all fields of that name; both are borrowed.
    constexpr http_list(http_fields fields, std::string_view name) noexcept
        : fields_(fields), name_(name) {}

    [[nodiscard]] constexpr iterator begin() const noexcept {
        return {fields_.begin(), name_, value_};
    }
    [[nodiscard]] constexpr iterator end() const noexcept { return {}; }
    [[nodiscard]] constexpr bool empty() const noexcept { return begin() == end(); }

private:
    http_fields fields_;
    std::string_view name_;
    std::string_view value_;
};

constexpr http_list http_fields::list(std::string_view name) const noexcept {
    return {*this, name};
}

constexpr bool http_fields::list_contains(std::string_view name,
                                          std::string_view token) const noexcept {
    for (const std::string_view element : list(name)) {
        if (detail::iequals(element, token)) return true;
    }
    return false;
}

} // namespace framewire

#endif
