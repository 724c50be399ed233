// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// SHA-1 (RFC 3174), which RFC 6455 uses as a fingerprint of the key, not for its security.

#ifndef FRAMEWIRE_DETAIL_SHA1_HPP
#define FRAMEWIRE_DETAIL_SHA1_HPP

#include <framewire/detail/inlining.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace framewire::detail {

class sha1_state {
public:
    constexpr void update(std::string_view text) noexcept {
        for (const char c : text)
            put(static_cast<std::uint8_t>(c));
    }

    [[nodiscard]] constexpr std::array<std::uint8_t, 20> finish() noexcept {
        const std::uint64_t bits = size_ * 8;
        put(0x80);
        while (size_ % 64 != 56)
            put(0);
        for (int shift = 56; shift >= 0; shift -= 8)
            put(static_cast<std::uint8_t>(bits >> shift));

        std::array<std::uint8_t, 20> digest{};
        for (std::size_t i = 0; i < digest.size(); ++i) {
            digest[i] = static_cast<std::uint8_t>(hash_[i / 4] >> (24 - i % 4 * 8));
        }
        return digest;
    }

private:
    constexpr void put(std::uint8_t byte) noexcept {
        std::uint32_t& word = block_[size_ % 64 / 4];
        word = word << 8 | byte;
        if (++size_ % 64 == 0) compress();
    }

    FRAMEWIRE_NEVER_INLINE constexpr void compress() noexcept {
        std::array<std::uint32_t, 80> w{};
        for (std::size_t t = 0; t < 80; ++t) {
            w[t] = t < 16 ? block_[t] : std::rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
        }
        auto [a, b, c, d, e] = hash_;
        for (std::size_t t = 0; t < 80; ++t) {
            std::uint32_t f = 0;
            if (t < 20)
                f = ((b & c) | (~b & d)) + 0x5A827999u;
            else if (t < 40)
                f = (b ^ c ^ d) + 0x6ED9EBA1u;
            else if (t < 60)
                f = ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDCu;
            else
                f = (b ^ c ^ d) + 0xCA62C1D6u;
            const std::uint32_t next = std::rotl(a, 5) + f + e + w[t];
            e = d;
            d = c;
            c = std::rotl(b, 30);
            b = a;
            a = next;
        }
        hash_ = {hash_[0] + a, hash_[1] + b, hash_[2] + c, hash_[3] + d, hash_[4] + e};
    }

    std::array<std::uint32_t, 5> hash_{0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    std::array<std::uint32_t, 16> block_{};
    std::uint64_t size_ = 0;
};

/// The digest of the parts, one after the other.
template <class... Parts>
[[nodiscard]] constexpr std::array<std::uint8_t, 20> sha1(const Parts&... parts) noexcept {
    sha1_state state;
    (state.update(parts), ...);
    return state.finish();
}

} // namespace framewire::detail

#endif
