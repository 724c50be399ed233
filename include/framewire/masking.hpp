// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Masking: the XOR that clients apply to each payload, and a source of keys nobody can predict.

#ifndef FRAMEWIRE_MASKING_HPP
#define FRAMEWIRE_MASKING_HPP

#include <framewire/detail/bytes.hpp>
#include <framewire/detail/simd_dispatch.hpp>
#include <framewire/detail/simd_portable.hpp>
#include <framewire/detail/simd_short.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace framewire {

/// The four octets that a payload is masked with, in the order they stand in the frame (5.3).
struct masking_key {
    std::array<std::byte, 4> octets{};

    friend constexpr bool operator==(const masking_key&, const masking_key&) = default;
};

/// The key as it applies to the octets that follow the first `offset` octets of a payload.
[[nodiscard]] constexpr masking_key rotated(masking_key key, std::size_t offset) noexcept {
    const auto half = std::bit_cast<std::uint32_t>(key.octets);
    return {std::bit_cast<std::array<std::byte, 4>>(detail::rotated_key(half, offset))};
}

namespace detail {

[[nodiscard]] constexpr std::uint64_t key_word(masking_key key) noexcept {
    return key_word(std::bit_cast<std::uint32_t>(key.octets));
}

// XORs `size` octets of `from` into `to`; the two are the same place or do not overlap.
constexpr void mask_bytes(std::byte* to, const std::byte* from, std::size_t size,
                          masking_key key) noexcept {
    const auto half = std::bit_cast<std::uint32_t>(key.octets);
    if (std::is_constant_evaluated()) {
        portable::mask(to, from, size, half);
    } else if (size < kernels_from) {
        mask_short<false>(to, from, size, half);
    } else {
        kernels().mask(to, from, size, half);
    }
}

} // namespace detail

/// Masks or unmasks `payload` where it stands (RFC 6455 5.3: both are the same operation).
/// \returns the key to go on with, when the rest of the same frame arrives later.
constexpr masking_key mask_in_place(std::span<std::byte> payload, masking_key key) noexcept {
    detail::mask_bytes(payload.data(), payload.data(), payload.size(), key);
    return rotated(key, payload.size());
}

/// Writes the masked (or unmasked) `payload` to `out`, which holds at least `payload.size()`
/// octets and does not overlap it.
/// \returns the key to go on with.
constexpr masking_key mask_copy(std::span<std::byte> out, std::span<const std::byte> payload,
                                masking_key key) noexcept {
    detail::mask_bytes(out.data(), payload.data(), payload.size(), key);
    return rotated(key, payload.size());
}

/// Makes masking keys that nobody who sees the payloads can predict (RFC 6455 10.3), without a
/// system call a frame: a ChaCha20 key stream which replaces its own key at every refill, so that
/// keys already used cannot be computed from the memory of the process.
///
/// One source may serve all connections of a thread. Not safe for concurrent use. Copying is
/// disabled: two sources with one seed would produce the same keys. So would the two sides of a
/// fork: the child makes a source of its own, with a seed of its own.
class masking_key_source {
public:
    /// \param seed 32 octets from the operating system's cryptographic random number generator.
    constexpr explicit masking_key_source(std::span<const std::byte, 32> seed) noexcept {
        for (std::size_t i = 0; i < key_.size(); ++i) {
            key_[i] = detail::load_little_endian<std::uint32_t>(seed.data() + 4 * i);
        }
    }

    masking_key_source(const masking_key_source&) = delete;
    masking_key_source& operator=(const masking_key_source&) = delete;

    /// A fresh key: use it for one frame only.
    [[nodiscard]] constexpr masking_key next() noexcept {
        if (next_ == pool_.size()) refill();
        masking_key key;
        detail::store_little_endian(key.octets.data(), pool_[next_]);
        pool_[next_++] = 0;
        return key;
    }

private:
    static constexpr std::size_t block_words = 16; // a ChaCha20 block: RFC 8439 2.3
    static constexpr std::size_t blocks = 8;

    // `Word` is the same word of one block, or of several that are made at a time: the rounds are
    // what a key costs, and vectors make them cheap without any flag of the compiler.
    template <class Word> using state = std::array<Word, block_words>;
#if defined(__GNUC__) && (defined(__SSE2__) || defined(__ARM_NEON))
    using words = std::uint32_t __attribute__((vector_size(16)));
#else
    using words = std::uint32_t;
#endif

    template <int Bits, class Word> static constexpr Word rotl(Word word) noexcept {
        return (word << Bits) | (word >> (32 - Bits));
    }
    template <class Word>
    static constexpr void quarter_round(Word& a, Word& b, Word& c, Word& d) noexcept {
        a += b, d = rotl<16>(d ^ a);
        c += d, b = rotl<12>(b ^ c);
        a += b, d = rotl<8>(d ^ a);
        c += d, b = rotl<7>(b ^ c);
    }
    template <class Word> static constexpr void add_rounds(state<Word>& s) noexcept {
        const state<Word> start = s;
        for (int double_round = 0; double_round < 10; ++double_round) {
            quarter_round(s[0], s[4], s[8], s[12]);
            quarter_round(s[1], s[5], s[9], s[13]);
            quarter_round(s[2], s[6], s[10], s[14]);
            quarter_round(s[3], s[7], s[11], s[15]);
            quarter_round(s[0], s[5], s[10], s[15]);
            quarter_round(s[1], s[6], s[11], s[12]);
            quarter_round(s[2], s[7], s[8], s[13]);
            quarter_round(s[3], s[4], s[9], s[14]);
        }
        for (std::size_t i = 0; i < block_words; ++i)
            s[i] += start[i];
    }

    // Makes as many blocks as a word has lanes, from number `counter` on.
    template <class Word> constexpr void make_blocks(std::uint32_t counter) noexcept {
        constexpr std::size_t lanes = sizeof(Word) / 4;
        // RFC 8439 2.3: constants, key, block counter, nonce (zero: each key is used once).
        const std::array<std::uint32_t, block_words> start{
            0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, key_[0], key_[1], key_[2], key_[3],
            key_[4],    key_[5],    key_[6],    key_[7],    counter, 0,       0,       0};
        state<Word> s{};
        for (std::size_t w = 0; w < block_words; ++w)
            s[w] = Word{} + start[w];
        if constexpr (lanes > 1) {
            for (std::uint32_t i = 0; i < lanes; ++i)
                s[12][i] += i;
        }
        add_rounds(s);
        std::uint32_t* const out = pool_.data() + counter * block_words;
        for (std::size_t w = 0; w < block_words; ++w) {
            if constexpr (lanes > 1) {
                for (std::size_t i = 0; i < lanes; ++i)
                    out[i * block_words + w] = s[w][i];
            } else {
                out[w] = s[w];
            }
        }
    }

    constexpr void refill() noexcept {
        if (std::is_constant_evaluated()) {
            for (std::uint32_t i = 0; i < blocks; ++i)
                make_blocks<std::uint32_t>(i);
        } else {
            for (std::uint32_t i = 0; i < blocks; i += sizeof(words) / 4)
                make_blocks<words>(i);
        }
        for (std::size_t i = 0; i < key_.size(); ++i) {
            key_[i] = pool_[i];
            pool_[i] = 0;
        }
        next_ = key_.size();
    }

    std::array<std::uint32_t, 8> key_{};
    std::array<std::uint32_t, blocks * block_words> pool_{};
    std::size_t next_ = blocks * block_words;
};

} // namespace framewire

#endif
