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
#include <initializer_list>
#include <string_view>

namespace framewire::detail {

class sha1_state {
public:
    FRAMEWIRE_NEVER_INLINE constexpr void update(std::string_view text) noexcept {
        while (!text.empty()) {
            const std::size_t at = size_ % block_.size();
            const std::size_t count = text.copy(block_.data() + at, block_.size() - at);
            text.remove_prefix(count);
            size_ += count;
            if (at + count == block_.size()) compress();
        }
    }

    [[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr std::array<std::uint8_t, 20> finish() noexcept {
        const std::uint64_t bits = size_ * 8;
        std::size_t at = size_ % block_.size();
        block_[at++] = '\x80';
        if (at > block_.size() - sizeof bits) {
            fill(at, block_.size());
            compress();
            at = 0;
        }
        fill(at, block_.size() - sizeof bits);
        for (std::size_t i = 0; i < sizeof bits; ++i)
            block_[block_.size() - 1 - i] = static_cast<char>(bits >> i * 8);
        compress();

        std::array<std::uint8_t, 20> digest{};
        std::size_t i = 0;
        for (const std::uint32_t word : {hash_.a, hash_.b, hash_.c, hash_.d, hash_.e}) {
            for (int shift = 24; shift >= 0; shift -= 8)
                digest[i++] = static_cast<std::uint8_t>(word >> shift);
        }
        return digest;
    }

private:
    struct words {
        constexpr void round(std::uint32_t added) noexcept {
            const std::uint32_t next = std::rotl(a, 5) + e + added;
            e = d;
            d = c;
            c = std::rotl(b, 30);
            b = a;
            a = next;
        }
        std::uint32_t a, b, c, d, e;
    };

    constexpr void fill(std::size_t from, std::size_t to) noexcept {
        while (from < to)
            block_[from++] = 0;
    }

    [[nodiscard]] constexpr std::uint32_t octet(std::size_t at) const noexcept {
        return static_cast<unsigned char>(block_[at]);
    }

    FRAMEWIRE_NEVER_INLINE constexpr void compress() noexcept {
        std::array<std::uint32_t, 80> w;
        for (std::size_t t = 0; t < 16; ++t) {
            const std::size_t at = t * 4;
            w[t] = octet(at) << 24 | octet(at + 1) << 16 | octet(at + 2) << 8 | octet(at + 3);
        }
        for (std::size_t t = 16; t < 80; ++t)
            w[t] = std::rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);

        // A loop for each f of RFC 3174 5: one loop would choose 80 times.
        words x = hash_;
        for (std::size_t t = 0; t < 20; ++t)
            x.round((x.d ^ (x.b & (x.c ^ x.d))) + 0x5A827999u + w[t]);
        for (std::size_t t = 20; t < 40; ++t)
            x.round((x.b ^ x.c ^ x.d) + 0x6ED9EBA1u + w[t]);
        for (std::size_t t = 40; t < 60; ++t)
            x.round(((x.b & x.c) | (x.d & (x.b | x.c))) + 0x8F1BBCDCu + w[t]);
        for (std::size_t t = 60; t < 80; ++t)
            x.round((x.b ^ x.c ^ x.d) + 0xCA62C1D6u + w[t]);
        hash_ = {hash_.a + x.a, hash_.b + x.b, hash_.c + x.c, hash_.d + x.d, hash_.e + x.e};
    }

    words hash_{0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    std::array<char, 64> block_{};
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
