// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Character classes of HTTP and URIs, independent of the locale (RFC 9110 5.6, RFC 3986 2).

#ifndef FRAMEWIRE_DETAIL_ASCII_HPP
#define FRAMEWIRE_DETAIL_ASCII_HPP

#include <framewire/detail/inlining.hpp>

#include <cstddef>
#include <string_view>

namespace framewire::detail {

[[nodiscard]] constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

[[nodiscard]] constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

[[nodiscard]] constexpr bool is_alpha(char c) noexcept {
    return lower(c) >= 'a' && lower(c) <= 'z';
}

[[nodiscard]] constexpr bool is_hex_digit(char c) noexcept {
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

/// A visible ASCII character: 0x21-0x7E.
[[nodiscard]] constexpr bool is_vchar(char c) noexcept { return c > ' ' && c < '\x7f'; }

/// A byte of 0x80-0xFF, whatever the signedness of char.
[[nodiscard]] constexpr bool is_obs_text(char c) noexcept {
    return static_cast<unsigned char>(c) >= 0x80;
}

[[nodiscard]] constexpr bool is_ows(char c) noexcept { return c == ' ' || c == '\t'; }

/// What may stand in a field value or a reason phrase (RFC 9110 5.5).
[[nodiscard]] constexpr bool is_field_char(char c) noexcept {
    return is_vchar(c) || is_ows(c) || is_obs_text(c);
}

/// tchar (RFC 9110 5.6.2).
[[nodiscard]] constexpr bool is_token_char(char c) noexcept {
    return is_alpha(c) || is_digit(c) ||
           (is_vchar(c) && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

/// unreserved or sub-delims (RFC 3986 2.2, 2.3).
[[nodiscard]] constexpr bool is_uri_char(char c) noexcept {
    return is_alpha(c) || is_digit(c) ||
           (is_vchar(c) && std::string_view("-._~!$&'()*+,;=").find(c) != std::string_view::npos);
}

template <class Predicate>
[[nodiscard]] constexpr bool all_of(std::string_view text, Predicate predicate) noexcept {
    for (const char c : text) {
        if (!predicate(c)) return false;
    }
    return true;
}

/// A token: at least one tchar (RFC 9110 5.6.2).
[[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr bool is_token(std::string_view text) noexcept {
    return !text.empty() && all_of(text, is_token_char);
}

/// Equality that takes no notice of ASCII case.
[[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr bool iequals(std::string_view a,
                                                            std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (lower(a[i]) != lower(b[i])) return false;
    }
    return true;
}

[[nodiscard]] constexpr bool istarts_with(std::string_view text, std::string_view start) noexcept {
    return text.size() >= start.size() && iequals(text.substr(0, start.size()), start);
}

/// The text without spaces and tabs at either end.
[[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr std::string_view
trim_ows(std::string_view text) noexcept {
    while (!text.empty() && is_ows(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_ows(text.back()))
        text.remove_suffix(1);
    return text;
}

} // namespace framewire::detail

#endif
