// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The fields of an HTTP head, and the elements of fields that are lists, as ranges of views.

#ifndef FRAMEWIRE_HTTP_FIELDS_HPP
#define FRAMEWIRE_HTTP_FIELDS_HPP

#include <framewire/detail/ascii.hpp>
#include <framewire/detail/inlining.hpp>
#include <framewire/detail/pull_iterator.hpp>

#include <cstddef>
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

namespace detail {

class known_fields;

class field_cursor {
public:
    using value_type = http_field;

    constexpr field_cursor() noexcept = default;
    constexpr field_cursor(std::string_view lines, std::span<const http_field> parsed) noexcept
        : lines_(lines), parsed_(parsed) {}

    // Walks are not inlined, here and below: each would bring a copy of all this.
    [[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr bool next(http_field& field) noexcept {
        if (!parsed_.empty()) {
            field = parsed_.front();
            parsed_ = parsed_.subspan(1);
        } else {
            if (lines_.empty()) return false;
            const std::string_view line = take_line();
            const std::size_t colon = line.find(':');
            field = {line.substr(0, colon), {}};
            if (colon != std::string_view::npos) field.value = line.substr(colon + 1);
        }
        field.value = trim_ows(field.value);
        return true;
    }
    [[nodiscard]] constexpr std::size_t left() const noexcept {
        return lines_.size() + parsed_.size(); // one of them is empty
    }

private:
    constexpr std::string_view take_line() noexcept {
        const std::string_view line = lines_.substr(0, lines_.find('\r'));
        lines_.remove_prefix(line.size());
        lines_.remove_prefix(lines_.size() < 2 ? lines_.size() : 2); // CR LF
        return line;
    }

    std::string_view lines_;
    std::span<const http_field> parsed_;
};

} // namespace detail

/// A forward range of `http_field` in the order of the lines. It keeps no table: every walk reads
/// the text again, so it costs four words whatever the head holds. Names are looked up without
/// regard to case (RFC 9110 5.1). Borrows what it was made from.
class http_fields {
public:
    using iterator = detail::pull_iterator<detail::field_cursor>;

    constexpr http_fields() noexcept = default;

    /// Field lines, each ended by CR LF, without the empty line behind them. `http_head_reader`
    /// makes sure that they are well formed; from elsewhere, that is the caller's duty.
    constexpr explicit http_fields(std::string_view lines) noexcept : text_(lines) {}

    /// Fields that somebody else has parsed, such as another HTTP server.
    constexpr explicit http_fields(std::span<const http_field> parsed) noexcept : parsed_(parsed) {}

    [[nodiscard]] constexpr iterator begin() const noexcept { return iterator(cursor()); }
    [[nodiscard]] constexpr iterator end() const noexcept { return {}; }
    [[nodiscard]] constexpr bool empty() const noexcept { return text_.empty() && parsed_.empty(); }

    /// The value of the first field of that name.
    [[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr std::optional<std::string_view>
    find(std::string_view name) const noexcept {
        detail::field_cursor rest = cursor();
        http_field field;
        while (rest.next(field)) {
            if (detail::iequals(field.name, name)) return field.value;
        }
        return std::nullopt;
    }

    /// How many fields have that name.
    [[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr std::size_t
    count(std::string_view name) const noexcept {
        std::size_t found = 0;
        detail::field_cursor rest = cursor();
        http_field field;
        while (rest.next(field)) {
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
    friend class http_list;
    friend class detail::known_fields; // walks without what an iterator costs to compile
    [[nodiscard]] constexpr detail::field_cursor cursor() const noexcept {
        return {text_, parsed_};
    }

    std::string_view text_;
    std::span<const http_field> parsed_;
};

namespace detail {

class list_cursor {
public:
    using value_type = std::string_view;

    constexpr list_cursor() noexcept = default;
    // The elements of `value`, and then of all fields of that name.
    constexpr list_cursor(std::string_view value, field_cursor fields,
                          std::string_view name) noexcept
        : rest_(value), fields_(fields), name_(name) {}

    [[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr bool next(std::string_view& element) noexcept {
        do {
            while (rest_.empty()) {
                http_field field;
                if (!fields_.next(field)) return false;
                if (iequals(field.name, name_)) rest_ = field.value;
            }
            element = take_element();
        } while (element.empty());
        return true;
    }
    [[nodiscard]] constexpr std::size_t left() const noexcept {
        return rest_.size() + fields_.left();
    }

private:
    constexpr std::string_view take_element() noexcept {
        bool quoted = false;
        std::size_t end = 0;
        for (; end < rest_.size() && (quoted || rest_[end] != ','); ++end) {
            if (rest_[end] == '"')
                quoted = !quoted;
            else if (quoted && rest_[end] == '\\' && end + 1 < rest_.size())
                ++end;
        }
        const std::string_view element = trim_ows(rest_.substr(0, end));
        rest_.remove_prefix(end < rest_.size() ? end + 1 : end);
        return element;
    }

    std::string_view rest_;
    field_cursor fields_;
    std::string_view name_;
};

} // namespace detail

/// A forward range of the elements of a comma-separated list: `std::string_view`s without white
/// space at their ends. Empty elements are skipped (RFC 9110 5.6.1.2), commas inside a quoted
/// string separate nothing, and a quoted string does not go on in the next line. Borrows like
/// http_fields.
class http_list {
public:
    using iterator = detail::pull_iterator<detail::list_cursor>;

    constexpr http_list() noexcept = default;
    /// The elements of one value.
    constexpr explicit http_list(std::string_view value) noexcept : value_(value) {}
    /// The elements of all fields of that name; both are borrowed.
    constexpr http_list(http_fields fields, std::string_view name) noexcept
        : fields_(fields), name_(name) {}

    [[nodiscard]] constexpr iterator begin() const noexcept { return iterator(cursor()); }
    [[nodiscard]] constexpr iterator end() const noexcept { return {}; }
    [[nodiscard]] constexpr bool empty() const noexcept {
        std::string_view element;
        return !cursor().next(element);
    }

    /// True when the list has the element, as it is.
    [[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr bool
    contains(std::string_view wanted) const noexcept {
        detail::list_cursor rest = cursor();
        std::string_view element;
        while (rest.next(element)) {
            if (element == wanted) return true;
        }
        return false;
    }

    /// True when the list has the token, without regard to case.
    [[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr bool
    contains_token(std::string_view token) const noexcept {
        detail::list_cursor rest = cursor();
        std::string_view element;
        while (rest.next(element)) {
            if (detail::iequals(element, token)) return true;
        }
        return false;
    }

    /// True when every element is a token (RFC 9110 5.6.2), and when there is none.
    [[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr bool are_tokens() const noexcept {
        detail::list_cursor rest = cursor();
        std::string_view element;
        while (rest.next(element)) {
            if (!detail::is_token(element)) return false;
        }
        return true;
    }

private:
    friend class extension_list;
    [[nodiscard]] constexpr detail::list_cursor cursor() const noexcept {
        return {value_, fields_.cursor(), name_};
    }

    http_fields fields_;
    std::string_view name_;
    std::string_view value_;
};

constexpr http_list http_fields::list(std::string_view name) const noexcept {
    return {*this, name};
}

constexpr bool http_fields::list_contains(std::string_view name,
                                          std::string_view token) const noexcept {
    return list(name).contains_token(token);
}

} // namespace framewire

#endif
