// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Character classes of HTTP and URIs, independent of the locale (RFC 9110 5.6, RFC 3986 2).

#ifndef FRAMEWIRE_DETAIL_ASCII_HPP
#define FRAMEWIRE_DETAIL_ASCII_HPP

#include <framewire/detail/inlining.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
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

[[nodiscard]] constexpr bool is_ows(char c) noexcept { return c == ' ' || c == '\t'; }

// Classes that are asked for once a character: a bit each.
inline constexpr std::uint8_t token_chars = 1;   // tchar (RFC 9110 5.6.2)
inline constexpr std::uint8_t field_chars = 2;   // of a field value or a reason phrase (5.5)
inline constexpr std::uint8_t target_chars = 4;  // visible, and not "#" (RFC 9112 3.2)
inline constexpr std::uint8_t uri_chars = 8;     // unreserved or sub-delims (RFC 3986 2.2, 2.3)
inline constexpr std::uint8_t path_chars = 16;   // of a path or a query, but for "%" (3.3, 3.4)
inline constexpr std::uint8_t base64_chars = 32; // RFC 4648 4, without "="

inline constexpr std::array<std::uint8_t, 256> char_classes = [] {
    std::array<std::uint8_t, 256> table{};
    const auto add = [&](std::string_view chars, unsigned classes) {
        for (const char c : chars) {
            std::uint8_t& entry = table[static_cast<unsigned char>(c)];
            entry = static_cast<std::uint8_t>(entry | classes);
        }
    };
    for (std::size_t c = '!'; c <= '~'; ++c)
        table[c] = field_chars | target_chars;
    for (std::size_t c = 0x80; c < table.size(); ++c)
        table[c] = field_chars;
    table['#'] = field_chars;
    add("\t ", field_chars);
    add("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        token_chars | uri_chars | path_chars | base64_chars);
    add("!#$%&'*+-.^_`|~", token_chars);
    add("-._~!$&'()*+,;=", uri_chars | path_chars);
    add("/?:@", path_chars);
    add("+/", base64_chars);
    return table;
}();

[[nodiscard]] constexpr bool is_one_of(std::uint8_t classes, char c) noexcept {
    return (char_classes[static_cast<unsigned char>(c)] & classes) != 0;
}

/// What may stand in a field value or a reason phrase (RFC 9110 5.5).
[[nodiscard]] constexpr bool is_field_char(char c) noexcept { return is_one_of(field_chars, c); }

/// tchar (RFC 9110 5.6.2).
[[nodiscard]] constexpr bool is_token_char(char c) noexcept { return is_one_of(token_chars, c); }

/// unreserved or sub-delims (RFC 3986 2.2, 2.3).
[[nodiscard]] constexpr bool is_uri_char(char c) noexcept { return is_one_of(uri_chars, c); }

template <class Predicate>
[[nodiscard]] constexpr bool all_of(std::string_view text, Predicate predicate) noexcept {
    for (const char c : text) {
        if (!predicate(c)) return false;
    }
    return true;
}

/// How many characters at the front of a text are of the classes.
[[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr std::size_t
count_front(std::uint8_t classes, std::string_view text) noexcept {
    std::size_t count = 0;
    while (count < text.size() && is_one_of(classes, text[count]))
        ++count;
    return count;
}

/// True when all characters of a text are of the classes.
[[nodiscard]] constexpr bool all_are(std::uint8_t classes, std::string_view text) noexcept {
    return count_front(classes, text) == text.size();
}

/// A token: at least one tchar (RFC 9110 5.6.2).
[[nodiscard]] constexpr bool is_token(std::string_view text) noexcept {
    return !text.empty() && all_are(token_chars, text);
}

/// Equality that takes no notice of ASCII case.
[[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr bool iequals(std::string_view a,
                                                            std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
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
