// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Base64 encoding: a group at a time, or a block whose size is known when compiling (RFC 4648 4).

#ifndef FRAMEWIRE_DETAIL_BASE64_HPP
#define FRAMEWIRE_DETAIL_BASE64_HPP

#include <framewire/detail/inlining.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace framewire::detail {

/// The four characters for one to three octets. Only the last group of a text has fewer than three.
[[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr std::array<char, 4>
base64_group(const std::uint8_t* octets, std::size_t size) noexcept {
    constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::uint32_t group = static_cast<std::uint32_t>(octets[0]) << 16;
    if (size > 1) group |= static_cast<std::uint32_t>(octets[1]) << 8;
    if (size > 2) group |= octets[2];
    return {alphabet[group >> 18], alphabet[group >> 12 & 63],
            size > 1 ? alphabet[group >> 6 & 63] : '=', size > 2 ? alphabet[group & 63] : '='};
}

template <std::size_t Size> [[nodiscard]] constexpr std::array<char, (Size + 2) / 3 * 4>
base64_encode(const std::array<std::uint8_t, Size>& data) noexcept {
    std::array<char, (Size + 2) / 3 * 4> out{};
    std::size_t at = 0;
    for (std::size_t i = 0; i < Size; i += 3) {
        const std::size_t octets = Size - i < 3 ? Size - i : 3;
        for (const char c : base64_group(data.data() + i, octets))
            out[at++] = c;
    }
    return out;
}

} // namespace framewire::detail

#endif
