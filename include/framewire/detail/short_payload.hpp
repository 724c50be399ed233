// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Unmasks a short payload and finds out whether it is ASCII, in one pass, meant to be inlined: for
// the messages of chat and telemetry, which cost less than a call and its set-up.

#ifndef FRAMEWIRE_DETAIL_SHORT_PAYLOAD_HPP
#define FRAMEWIRE_DETAIL_SHORT_PAYLOAD_HPP

#include <framewire/detail/bytes.hpp>
#include <framewire/masking.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace framewire::detail {

// A word that is XORed to what lies `size` octets behind its place, in terms of the key.
[[nodiscard]] constexpr std::uint64_t behind(std::uint64_t key, std::size_t size) noexcept {
    const int bits = static_cast<int>(8 * (size & 3));
    return std::endian::native == std::endian::little ? std::rotr(key, bits) : std::rotl(key, bits);
}

template <bool Masked> using payload_octet = std::conditional_t<Masked, std::byte, const std::byte>;

// Unmasks the payload where it stands; without `Masked` it only looks. True when all is ASCII.
//
// What is left over by the steps is not done octet by octet: the last step ends where the payload
// ends, overlapping the one before it. It is loaded before that one is stored.
template <bool Masked> [[nodiscard, gnu::always_inline]] constexpr bool
unmask_short(payload_octet<Masked>* payload, std::size_t size, masking_key key) noexcept {
    constexpr std::uint64_t high = 0x8080808080808080;
    const std::uint64_t front = Masked ? key_word(key) : 0;
    const std::uint64_t back = Masked ? behind(front, size) : 0;
    std::uint64_t seen = 0;
    if (size >= 16) {
        auto* const tail = payload + (size - 16);
        const std::uint64_t y0 = load_native<std::uint64_t>(tail) ^ back;
        const std::uint64_t y1 = load_native<std::uint64_t>(tail + 8) ^ back;
        for (auto* p = payload; p < tail; p += 16) {
            const std::uint64_t x0 = load_native<std::uint64_t>(p) ^ front;
            const std::uint64_t x1 = load_native<std::uint64_t>(p + 8) ^ front;
            if constexpr (Masked) {
                store_native(p, x0);
                store_native(p + 8, x1);
            }
            seen |= x0 | x1;
        }
        if constexpr (Masked) {
            store_native(tail, y0);
            store_native(tail + 8, y1);
        }
        seen |= y0 | y1;
    } else if (size >= 8) {
        auto* const tail = payload + (size - 8);
        const std::uint64_t x = load_native<std::uint64_t>(payload) ^ front;
        const std::uint64_t y = load_native<std::uint64_t>(tail) ^ back;
        if constexpr (Masked) {
            store_native(payload, x);
            store_native(tail, y);
        }
        seen = x | y;
    } else if (size >= 4) {
        auto* const tail = payload + (size - 4);
        const auto x = load_native<std::uint32_t>(payload) ^ static_cast<std::uint32_t>(front);
        const auto y = load_native<std::uint32_t>(tail) ^ static_cast<std::uint32_t>(back);
        if constexpr (Masked) {
            store_native(payload, x);
            store_native(tail, y);
        }
        seen = x | y;
    } else {
        for (std::size_t i = 0; i < size; ++i) {
            if constexpr (Masked) payload[i] ^= key.octets[i];
            seen |= std::to_integer<std::uint64_t>(payload[i]);
        }
    }
    return (seen & high) == 0;
}

} // namespace framewire::detail

#endif
