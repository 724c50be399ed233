// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Words from and to bytes: native order for bulk work, big-endian for the wire, little-endian for
// ChaCha20.

#ifndef FRAMEWIRE_DETAIL_BYTES_HPP
#define FRAMEWIRE_DETAIL_BYTES_HPP

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace framewire::detail {

// Not std::as_bytes: to make spans of char costs every program more time to compile than this.
[[nodiscard]] inline std::span<const std::byte> bytes_of(std::string_view text) noexcept {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

template <std::unsigned_integral Word>
[[nodiscard]] constexpr Word load_native(const std::byte* from) noexcept {
    if (std::is_constant_evaluated()) {
        std::array<std::byte, sizeof(Word)> bytes{};
        for (std::size_t i = 0; i < sizeof(Word); ++i)
            bytes[i] = from[i];
        return std::bit_cast<Word>(bytes);
    }
    Word word;
    std::memcpy(&word, from, sizeof word);
    return word;
}

template <std::unsigned_integral Word>
constexpr void store_native(std::byte* to, Word word) noexcept {
    if (std::is_constant_evaluated()) {
        const auto bytes = std::bit_cast<std::array<std::byte, sizeof(Word)>>(word);
        for (std::size_t i = 0; i < sizeof(Word); ++i)
            to[i] = bytes[i];
        return;
    }
    std::memcpy(to, &word, sizeof word);
}

// Written out, so that compilers see the one instruction that it is.
[[nodiscard]] constexpr std::uint16_t swap_bytes(std::uint16_t v) noexcept {
    return static_cast<std::uint16_t>((v << 8) | (v >> 8));
}
[[nodiscard]] constexpr std::uint32_t swap_bytes(std::uint32_t v) noexcept {
    return (v << 24) | ((v & 0xFF00) << 8) | ((v >> 8) & 0xFF00) | (v >> 24);
}
[[nodiscard]] constexpr std::uint64_t swap_bytes(std::uint64_t v) noexcept {
    return (std::uint64_t{swap_bytes(static_cast<std::uint32_t>(v))} << 32) |
           swap_bytes(static_cast<std::uint32_t>(v >> 32));
}

template <std::unsigned_integral Word>
[[nodiscard]] constexpr Word load_big_endian(const std::byte* from) noexcept {
    const Word word = load_native<Word>(from);
    return std::endian::native == std::endian::little ? swap_bytes(word) : word;
}

template <std::unsigned_integral Word>
constexpr void store_big_endian(std::byte* to, Word word) noexcept {
    store_native(to, std::endian::native == std::endian::little ? swap_bytes(word) : word);
}

template <std::unsigned_integral Word>
[[nodiscard]] constexpr Word load_little_endian(const std::byte* from) noexcept {
    const Word word = load_native<Word>(from);
    return std::endian::native == std::endian::little ? word : swap_bytes(word);
}

template <std::unsigned_integral Word>
constexpr void store_little_endian(std::byte* to, Word word) noexcept {
    store_native(to, std::endian::native == std::endian::little ? word : swap_bytes(word));
}

constexpr void copy_bytes(std::byte* to, const std::byte* from, std::size_t size) noexcept {
    if (std::is_constant_evaluated()) {
        for (std::size_t i = 0; i < size; ++i)
            to[i] = from[i];
        return;
    }
    if (size != 0) std::memcpy(to, from, size);
}

} // namespace framewire::detail

#endif
