// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Base64 encoding of blocks whose size is known when compiling (RFC 4648 4).

#ifndef FRAMEWIRE_DETAIL_BASE64_HPP
#define FRAMEWIRE_DETAIL_BASE64_HPP

#include <framewire/detail/ascii.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace framewire::detail {

[[nodiscard]] constexpr bool is_base64_char(char c) noexcept {
    return is_alpha(c) || is_digit(c) || c == '+' || c == '/';
}

template <std::size_t Size> [[nodiscard]] constexpr std::array<char, (Size + 2) / 3 * 4>
base64_encode(std::span<const std::uint8_t, Size> data) noexcept {
    constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::array<char, (Size + 2) / 3 * 4> out{};
    std::size_t at = 0;
    for (std::size_t i = 0; i < Size; i += 3) {
        const std::size_t left = Size - i;
        std::uint32_t group = static_cast<std::uint32_t>(data[i]) << 16;
        if (left > 1) group |= static_cast<std::uint32_t>(data[i + 1]) << 8;
        if (left > 2) group |= data[i + 2];
        out[at++] = alphabet[group >> 18];
        out[at++] = alphabet[group >> 12 & 63];
        out[at++] = left > 1 ? alphabet[group >> 6 & 63] : '=';
        out[at++] = left > 2 ? alphabet[group & 63] : '=';
    }
    return out;
}

} // namespace framewire::detail

#endif
