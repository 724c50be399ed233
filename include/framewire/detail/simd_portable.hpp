// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Masking and UTF-8 in words of 64 bits: for constant expressions, and where nothing better exists.

#ifndef FRAMEWIRE_DETAIL_SIMD_PORTABLE_HPP
#define FRAMEWIRE_DETAIL_SIMD_PORTABLE_HPP

#include <framewire/detail/bytes.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace framewire::detail {

/// The octets of a masking key in memory order, as they apply behind the first `offset` octets.
[[nodiscard]] constexpr std::uint32_t rotated_key(std::uint32_t key, std::size_t offset) noexcept {
    const int bits = static_cast<int>(offset & 3) * 8;
    return std::endian::native == std::endian::little ? std::rotr(key, bits) : std::rotl(key, bits);
}

[[nodiscard]] constexpr std::byte key_octet(std::uint32_t key, std::size_t index) noexcept {
    return std::bit_cast<std::array<std::byte, 4>>(key)[index & 3];
}

[[nodiscard]] constexpr std::uint64_t key_word(std::uint32_t key) noexcept {
    return (std::uint64_t{key} << 32) | key;
}

inline constexpr std::uint64_t high_bits = 0x8080808080808080;

/// How much of a possible beginning of a text is left without a code point unfinished at its end.
[[nodiscard]] constexpr std::size_t whole_code_points(const std::byte* text,
                                                      std::size_t size) noexcept {
    if (size >= 1 && text[size - 1] >= std::byte{0xC0}) return size - 1;
    if (size >= 2 && text[size - 2] >= std::byte{0xE0}) return size - 2;
    if (size >= 3 && text[size - 3] >= std::byte{0xF0}) return size - 3;
    return size;
}

namespace portable {

// XORs `from` into `to`; the two are the same place or do not overlap.
constexpr void mask(std::byte* to, const std::byte* from, std::size_t size,
                    std::uint32_t key) noexcept {
    const std::uint64_t word = key_word(key);
    std::size_t i = 0;
    for (; size - i >= 32; i += 32) {
        const auto a = load_native<std::uint64_t>(from + i) ^ word;
        const auto b = load_native<std::uint64_t>(from + i + 8) ^ word;
        const auto c = load_native<std::uint64_t>(from + i + 16) ^ word;
        const auto d = load_native<std::uint64_t>(from + i + 24) ^ word;
        store_native(to + i, a);
        store_native(to + i + 8, b);
        store_native(to + i + 16, c);
        store_native(to + i + 24, d);
    }
    for (; size - i >= 8; i += 8)
        store_native(to + i, load_native<std::uint64_t>(from + i) ^ word);
    for (; i < size; ++i)
        to[i] = from[i] ^ key_octet(key, i);
}

// How many bytes are whole code points of valid UTF-8, up to the first that is not.
constexpr std::size_t valid_utf8(const std::byte* text, std::size_t size) noexcept {
    const auto at = [text](std::size_t i) { return std::to_integer<unsigned>(text[i]); };
    const auto continues = [&](std::size_t i) { return (at(i) & 0xC0) == 0x80; };
    std::size_t i = 0;
    while (i < size) {
        if (at(i) < 0x80) {
            for (; size - i >= 16; i += 16) {
                if (((load_native<std::uint64_t>(text + i) |
                      load_native<std::uint64_t>(text + i + 8)) &
                     high_bits) != 0)
                    break;
            }
            while (i < size && at(i) < 0x80)
                ++i;
            continue;
        }
        // RFC 3629 4: what each first byte allows the second one to be.
        const unsigned lead = at(i);
        const std::size_t left = size - i;
        if (lead < 0xE0) {
            if (lead < 0xC2 || left < 2 || !continues(i + 1)) break;
            i += 2;
        } else if (lead < 0xF0) {
            if (left < 3 || !continues(i + 1) || !continues(i + 2)) break;
            if ((lead == 0xE0 && at(i + 1) < 0xA0) || (lead == 0xED && at(i + 1) > 0x9F)) break;
            i += 3;
        } else {
            if (lead > 0xF4 || left < 4) break;
            if (!continues(i + 1) || !continues(i + 2) || !continues(i + 3)) break;
            if ((lead == 0xF0 && at(i + 1) < 0x90) || (lead == 0xF4 && at(i + 1) > 0x8F)) break;
            i += 4;
        }
    }
    return i;
}

// Unmasks, and says as valid_utf8. When not all is valid, what lies far behind may stay masked.
constexpr std::size_t unmask_utf8(std::byte* text, std::size_t size, std::uint32_t key) noexcept {
    // Pieces that stay in the cache between the two steps; a multiple of 4 keeps the key in phase.
    constexpr std::size_t piece = 4096;
    std::size_t valid = 0;
    std::size_t unmasked = 0;
    while (unmasked < size && unmasked - valid < 4) {
        const std::size_t step = size - unmasked < piece ? size - unmasked : piece;
        mask(text + unmasked, text + unmasked, step, key);
        unmasked += step;
        valid += valid_utf8(text + valid, unmasked - valid);
    }
    return valid;
}

} // namespace portable

} // namespace framewire::detail

#endif
