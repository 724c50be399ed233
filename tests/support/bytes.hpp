// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Bytes written in tests: as text, as hexadecimal digits, and back.

#ifndef FRAMEWIRE_TESTS_SUPPORT_BYTES_HPP
#define FRAMEWIRE_TESTS_SUPPORT_BYTES_HPP

#include <array>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace framewire::test {

/// The bytes of a text, in place.
inline std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

/// The bytes of a text.
inline std::vector<std::byte> bytes(std::string_view text) {
    std::vector<std::byte> out;
    out.reserve(text.size());
    for (const char c : text)
        out.push_back(static_cast<std::byte>(c));
    return out;
}

/// The bytes of a string literal, NUL characters inside it included.
template <std::size_t N> std::vector<std::byte> bytes(const char (&literal)[N]) {
    return bytes(std::string_view(literal, N - 1));
}

/// The bytes of a string literal as a constant expression.
template <std::size_t N>
constexpr std::array<std::byte, N - 1> byte_array(const char (&literal)[N]) noexcept {
    std::array<std::byte, N - 1> out{};
    for (std::size_t i = 0; i + 1 < N; ++i)
        out[i] = static_cast<std::byte>(literal[i]);
    return out;
}

/// The bytes that pairs of hexadecimal digits stand for. Spaces and newlines are skipped.
inline std::vector<std::byte> from_hex(std::string_view digits) {
    std::vector<std::byte> out;
    int high = -1;
    for (const char c : digits) {
        if (c == ' ' || c == '\n') continue;
        int value = 0;
        if (c >= '0' && c <= '9')
            value = c - '0';
        else if (c >= 'a' && c <= 'f')
            value = c - 'a' + 10;
        else if (c >= 'A' && c <= 'F')
            value = c - 'A' + 10;
        else
            throw std::invalid_argument("from_hex: not a hexadecimal digit");
        if (high < 0) {
            high = value;
        } else {
            out.push_back(static_cast<std::byte>(high * 16 + value));
            high = -1;
        }
    }
    if (high >= 0) throw std::invalid_argument("from_hex: an odd number of digits");
    return out;
}

/// Lower-case hexadecimal digits, a space between bytes: "81 05 48".
inline std::string to_hex(std::span<const std::byte> data) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const std::byte b : data) {
        if (!out.empty()) out += ' ';
        out += digits[std::to_integer<std::size_t>(b) >> 4];
        out += digits[std::to_integer<std::size_t>(b) & 15];
    }
    return out;
}

/// The text that bytes stand for.
inline std::string text_of(std::span<const std::byte> data) {
    std::string out;
    out.reserve(data.size());
    for (const std::byte b : data)
        out += static_cast<char>(b);
    return out;
}

} // namespace framewire::test

#endif
