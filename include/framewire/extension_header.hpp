// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Reads Sec-WebSocket-Extensions: a list of extensions, each with its parameters (RFC 6455 9.1).

#ifndef FRAMEWIRE_EXTENSION_HEADER_HPP
#define FRAMEWIRE_EXTENSION_HEADER_HPP

#include <framewire/detail/ascii.hpp>
#include <framewire/detail/inlining.hpp>
#include <framewire/detail/pull_iterator.hpp>
#include <framewire/http_fields.hpp>

#include <cstddef>
#include <string_view>

namespace framewire {

/// One parameter of an extension. The value of a quoted string comes without its quotes.
/// Backslashes in it stay where they are, since removing them takes memory: such a value is no
/// token and equals none that an extension defines, so that a server declines the offer.
struct extension_param {
    std::string_view name;
    std::string_view value;
    bool has_value = false;
};

namespace detail {

// Takes the pieces of an extension off the front of a text. White space is allowed between any two
// of them: RFC 6455 9.1 is written in the grammar of RFC 2616, where it is implied (2.1).
class extension_lexer {
public:
    constexpr explicit extension_lexer(std::string_view text) noexcept : rest_(trim_ows(text)) {}

    [[nodiscard]] constexpr std::string_view rest() const noexcept { return rest_; }

    [[nodiscard]] constexpr bool take(char c) noexcept {
        if (rest_.empty() || rest_.front() != c) return false;
        advance(1);
        return true;
    }

    /// Empty when there is none.
    [[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr std::string_view take_token() noexcept {
        const std::string_view token = rest_.substr(0, count_front(token_chars, rest_));
        advance(token.size());
        return token;
    }

    /// Empty when there is none, or when it is not a token once it is unescaped.
    [[nodiscard]] FRAMEWIRE_COLD constexpr std::string_view take_quoted() noexcept {
        std::size_t end = 1;
        while (end < rest_.size() && rest_[end] != '"') {
            if (rest_[end] == '\\') ++end;
            if (end >= rest_.size() || !is_token_char(rest_[end])) return {};
            ++end;
        }
        if (end >= rest_.size()) return {};
        const std::string_view inside = rest_.substr(1, end - 1);
        advance(end + 1);
        return inside;
    }

    /// Takes `; name`, `; name=token` or `; name="token"`. False when there is none.
    [[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr bool
    take_param(extension_param& param) noexcept {
        if (!take(';')) return false;
        param = {};
        param.name = take_token();
        if (param.name.empty()) return false;
        if (!take('=')) return true;
        param.has_value = true;
        param.value = rest_.starts_with('"') ? take_quoted() : take_token();
        return !param.value.empty();
    }

private:
    FRAMEWIRE_NEVER_INLINE constexpr void advance(std::size_t count) noexcept {
        rest_.remove_prefix(count);
        while (!rest_.empty() && is_ows(rest_.front()))
            rest_.remove_prefix(1);
    }

    std::string_view rest_;
};

} // namespace detail

namespace detail {

class param_cursor {
public:
    using value_type = extension_param;

    constexpr param_cursor() noexcept = default;
    constexpr explicit param_cursor(std::string_view text) noexcept : rest_(text) {}

    [[nodiscard]] constexpr bool next(extension_param& param) noexcept {
        extension_lexer lexer(rest_);
        if (!lexer.take_param(param)) return false;
        rest_ = lexer.rest();
        return true;
    }
    [[nodiscard]] constexpr std::size_t left() const noexcept { return rest_.size(); }

private:
    std::string_view rest_;
};

} // namespace detail

/// The parameters of an extension in their order: a forward range of `extension_param`, which ends
/// early where the text is malformed.
class extension_params {
public:
    using iterator = detail::pull_iterator<detail::param_cursor>;

    constexpr extension_params() noexcept = default;
    constexpr explicit extension_params(std::string_view text) noexcept : text_(text) {}

    [[nodiscard]] constexpr iterator begin() const noexcept {
        return iterator(detail::param_cursor(text_));
    }
    [[nodiscard]] constexpr iterator end() const noexcept { return {}; }

private:
    std::string_view text_;
};

/// One extension of a list, such as `permessage-deflate; client_max_window_bits`. A view.
class extension_element {
public:
    constexpr extension_element() noexcept = default;
    /// One element of a list, without commas outside of quoted strings.
    constexpr explicit extension_element(std::string_view text) noexcept : text_(text) {}

    [[nodiscard]] constexpr std::string_view text() const noexcept { return text_; }
    [[nodiscard]] constexpr std::string_view name() const noexcept {
        return detail::extension_lexer(text_).take_token();
    }
    [[nodiscard]] constexpr extension_params params() const noexcept {
        detail::extension_lexer lexer(text_);
        (void)lexer.take_token();
        return extension_params(lexer.rest());
    }
    /// True when all of the text is an extension as RFC 6455 9.1 has it.
    [[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr bool valid() const noexcept {
        detail::extension_lexer lexer(text_);
        if (lexer.take_token().empty()) return false;
        extension_param param;
        while (!lexer.rest().empty()) {
            if (!lexer.take_param(param)) return false;
        }
        return true;
    }

private:
    std::string_view text_;
};

namespace detail {

class extension_cursor {
public:
    using value_type = extension_element;

    constexpr extension_cursor() noexcept = default;
    constexpr explicit extension_cursor(list_cursor list) noexcept : list_(list) {}

    [[nodiscard]] constexpr bool next(extension_element& element) noexcept {
        std::string_view text;
        if (!list_.next(text)) return false;
        element = extension_element(text);
        return true;
    }
    [[nodiscard]] constexpr std::size_t left() const noexcept { return list_.left(); }

private:
    list_cursor list_;
};

} // namespace detail

/// The extensions of a value, or of all the fields of a head, in their order: a forward range of
/// `extension_element`. Borrows like `http_fields`.
class extension_list {
public:
    using iterator = detail::pull_iterator<detail::extension_cursor>;

    constexpr extension_list() noexcept = default;
    /// The extensions of one value.
    constexpr explicit extension_list(std::string_view value) noexcept : list_(value) {}
    /// The extensions of all the Sec-WebSocket-Extensions lines of a head, which RFC 6455 9.1 reads
    /// as one list.
    constexpr explicit extension_list(http_fields fields) noexcept
        : list_(fields.list("Sec-WebSocket-Extensions")) {}
    /// Of the elements of a Sec-WebSocket-Extensions list.
    constexpr explicit extension_list(const http_list& list) noexcept : list_(list) {}

    [[nodiscard]] constexpr iterator begin() const noexcept {
        return iterator(detail::extension_cursor(list_.cursor()));
    }
    [[nodiscard]] constexpr iterator end() const noexcept { return {}; }
    [[nodiscard]] constexpr bool empty() const noexcept { return list_.empty(); }

    /// True when every element is well formed; so is a list without elements (RFC 9110 5.6.1.2).
    [[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr bool valid() const noexcept {
        detail::list_cursor rest = list_.cursor();
        std::string_view text;
        while (rest.next(text)) {
            if (!extension_element(text).valid()) return false;
        }
        return true;
    }
    /// True when an extension of that name is in the list. Names are compared as they are.
    [[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr bool
    contains(std::string_view name) const noexcept {
        detail::list_cursor rest = list_.cursor();
        std::string_view text;
        while (rest.next(text)) {
            if (extension_element(text).name() == name) return true;
        }
        return false;
    }
    /// True when each extension of this list is in the other one as well, by name.
    [[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr bool
    is_within(const extension_list& other) const noexcept {
        detail::list_cursor rest = list_.cursor();
        std::string_view text;
        while (rest.next(text)) {
            if (!other.contains(extension_element(text).name())) return false;
        }
        return true;
    }

private:
    http_list list_;
};

/// True when the value is a well-formed, possibly empty, list of extensions (RFC 6455 9.1).
[[nodiscard]] constexpr bool is_extension_list(std::string_view value) noexcept {
    return extension_list(value).valid();
}

} // namespace framewire

#endif
