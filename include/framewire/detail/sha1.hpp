// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// SHA-1 (RFC 3174), which RFC 6455 uses as a fingerprint of the key, not for its security.

#ifndef FRAMEWIRE_DETAIL_SHA1_HPP
#define FRAMEWIRE_DETAIL_SHA1_HPP

#include <framewire/detail/bytes.hpp>
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
        for (const char c : text)
            put(static_cast<std::byte>(c));
    }

    [[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr std::array<std::uint8_t, 20> finish() noexcept {
        const std::uint64_t bits = size_ * 8;
        put(std::byte{0x80});
        if (filled() > length_at) compress();
        store_big_endian(block_.data() + length_at, bits);
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

    static constexpr std::size_t length_at = 56;

    [[nodiscard]] constexpr std::size_t filled() const noexcept {
        return static_cast<std::size_t>(size_ % block_.size());
    }

    constexpr void put(std::byte byte) noexcept {
        block_[filled()] = byte;
        ++size_;
        if (filled() == 0) compress();
    }

    FRAMEWIRE_NEVER_INLINE constexpr void compress() noexcept {
        std::array<std::uint32_t, 80> w;
        // One after the other: in a loop of their own they become vectors that wait for each other.
        const auto word = [&](std::size_t t) {
            w[t] = t < 16 ? load_big_endian<std::uint32_t>(block_.data() + t * 4)
                          : std::rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
            return w[t];
        };
        // A loop for each f of RFC 3174 5: one loop would choose 80 times.
        words x = hash_;
        for (std::size_t t = 0; t < 20; ++t)
            x.round((x.d ^ (x.b & (x.c ^ x.d))) + 0x5A827999u + word(t));
        for (std::size_t t = 20; t < 40; ++t)
            x.round((x.b ^ x.c ^ x.d) + 0x6ED9EBA1u + word(t));
        for (std::size_t t = 40; t < 60; ++t)
            x.round(((x.b & x.c) | (x.d & (x.b | x.c))) + 0x8F1BBCDCu + word(t));
        for (std::size_t t = 60; t < 80; ++t)
            x.round((x.b ^ x.c ^ x.d) + 0xCA62C1D6u + word(t));
        hash_ = {hash_.a + x.a, hash_.b + x.b, hash_.c + x.c, hash_.d + x.d, hash_.e + x.e};
        block_ = {};
    }

    words hash_{0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    std::array<std::byte, 64> block_{}; // zeros where nothing was put
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
