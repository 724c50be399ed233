// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Payloads too short for an indirect call: masked, and found to be ASCII, inline. Most messages are
// such ones.

#ifndef FRAMEWIRE_DETAIL_SIMD_SHORT_HPP
#define FRAMEWIRE_DETAIL_SIMD_SHORT_HPP

#include <framewire/detail/bytes.hpp>
#include <framewire/detail/inlining.hpp>
#include <framewire/detail/simd_baseline.hpp>
#include <framewire/detail/simd_portable.hpp>

#include <cstddef>
#include <cstdint>

namespace framewire::detail {

// Of one to two words: the first and the last one, which may overlap. In place, both have to be
// loaded before one is stored.
template <class Word> FRAMEWIRE_ALWAYS_INLINE bool
mask_two_words(std::byte* to, const std::byte* from, std::size_t size, std::uint32_t key) noexcept {
    const std::size_t last = size - sizeof(Word);
    const Word a = load_native<Word>(from) ^ static_cast<Word>(key_word(key));
    const Word b =
        load_native<Word>(from + last) ^ static_cast<Word>(key_word(rotated_key(key, last)));
    store_native(to, a);
    store_native(to + last, b);
    return ((a | b) & static_cast<Word>(high_bits)) == 0;
}

template <class Word>
[[nodiscard]] inline bool two_words_are_ascii(const std::byte* text, std::size_t size) noexcept {
    const Word a = load_native<Word>(text);
    const Word b = load_native<Word>(text + size - sizeof(Word));
    return ((a | b) & static_cast<Word>(high_bits)) == 0;
}

enum class short_text : std::uint8_t { ascii, other, still_masked };

/// XORs `from` into `to`; the two are the same place or do not overlap.
/// \returns whether the result is ASCII. With `Text`, a payload that begins or ends otherwise is
/// left for the kernel: reading it again just behind the stores would cost more than all the rest.
template <bool Text>
FRAMEWIRE_ALWAYS_INLINE short_text mask_short(std::byte* to, const std::byte* from,
                                              std::size_t size, std::uint32_t key) noexcept {
    using namespace baseline;
    const auto result = [](bool ascii) { return ascii ? short_text::ascii : short_text::other; };
    if (size >= width) {
        const vector keys = repeat(key);
        const vector first = differ(load(from), keys);
        const vector last = differ(load(from + size - width), repeat(rotated_key(key, size)));
        vector seen = either(first, last);
        if (Text && any_high_bit(seen)) return short_text::still_masked;
        std::size_t i = width;
        for (; size - i > 2 * width; i += 2 * width) {
            const vector a = differ(load(from + i), keys);
            const vector b = differ(load(from + i + width), keys);
            store(to + i, a);
            store(to + i + width, b);
            seen = either(seen, either(a, b));
        }
        if (size - i > width) {
            const vector a = differ(load(from + i), keys);
            store(to + i, a);
            seen = either(seen, a);
        }
        store(to, first);
        store(to + size - width, last);
        return result(!any_high_bit(seen));
    }
    if (size >= 8) return result(mask_two_words<std::uint64_t>(to, from, size, key));
    if (size >= 4) return result(mask_two_words<std::uint32_t>(to, from, size, key));
    std::byte seen{};
    for (std::size_t i = 0; i < size; ++i) {
        to[i] = from[i] ^ key_octet(key, i);
        seen |= to[i];
    }
    return result(seen < std::byte{0x80});
}

[[nodiscard]] inline bool is_short_ascii(const std::byte* text, std::size_t size) noexcept {
    using namespace baseline;
    if (size >= width) {
        vector seen = either(load(text), load(text + size - width));
        if (any_high_bit(seen)) return false;
        std::size_t i = width;
        for (; size - i > 2 * width; i += 2 * width)
            seen = either(seen, either(load(text + i), load(text + i + width)));
        if (size - i > width) seen = either(seen, load(text + i));
        return !any_high_bit(seen);
    }
    if (size >= 8) return two_words_are_ascii<std::uint64_t>(text, size);
    if (size >= 4) return two_words_are_ascii<std::uint32_t>(text, size);
    std::byte seen{};
    for (std::size_t i = 0; i < size; ++i)
        seen |= text[i];
    return seen < std::byte{0x80};
}

} // namespace framewire::detail

#endif
