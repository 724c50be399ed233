// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// UTF-8 by arithmetic, to compare tables and vectors with.

#ifndef FRAMEWIRE_TESTS_SUPPORT_UTF8_HPP
#define FRAMEWIRE_TESTS_SUPPORT_UTF8_HPP

#include <cstddef>
#include <cstdint>
#include <span>

namespace framewire::test {

struct utf8_verdict {
    std::size_t accepted; // bytes before the first that no valid text could have there
    std::size_t whole;    // of these, how many are whole code points

    friend bool operator==(const utf8_verdict&, const utf8_verdict&) = default;
};

/// RFC 3629 3: a first byte says how many bytes a code point has, each of them carries some of its
/// bits, and the value must need that many bytes, be at most 10FFFF and be no surrogate. A byte is
/// possible as long as one such value begins with the bits seen.
inline utf8_verdict utf8_by_arithmetic(std::span<const std::byte> text) {
    std::size_t i = 0;
    while (i < text.size()) {
        const auto first = std::to_integer<std::uint32_t>(text[i]);
        const std::size_t length = first < 0x80             ? 1
                                   : (first & 0xE0) == 0xC0 ? 2
                                   : (first & 0xF0) == 0xE0 ? 3
                                   : (first & 0xF8) == 0xF0 ? 4
                                                            : 0;
        if (length == 0) return {i, i};
        const std::uint32_t least = length == 1   ? 0
                                    : length == 2 ? 0x80
                                    : length == 3 ? 0x800
                                                  : 0x10000;
        std::uint32_t value = length == 1 ? first : first & (0x7Fu >> length);
        for (std::size_t seen = 1;; ++seen) {
            const std::size_t unknown = 6 * (length - seen);
            std::uint32_t low = value << unknown;
            std::uint32_t high = low + ((1u << unknown) - 1);
            if (low < least) low = least;
            if (high > 0x10FFFF) high = 0x10FFFF;
            const bool surrogates = low >= 0xD800 && high <= 0xDFFF;
            if (low > high || surrogates) return {i + seen - 1, i};
            if (seen == length) break;
            if (i + seen == text.size()) return {text.size(), i};
            const auto next = std::to_integer<std::uint32_t>(text[i + seen]);
            if ((next & 0xC0) != 0x80) return {i + seen, i};
            value = (value << 6) | (next & 0x3F);
        }
        i += length;
    }
    return {i, i};
}

/// Sequences on both sides of every border: the first and last code point of each length and of
/// each row in RFC 3629 4, and what lies just outside.
inline constexpr const char* utf8_borders[] = {
    // possible
    "00", "7f", "c2 80", "df bf", "e0 a0 80", "e0 bf bf", "e1 80 80", "ec bf bf", "ed 80 80",
    "ed 9f bf", "ee 80 80", "ef bf bf", "f0 90 80 80", "f0 bf bf bf", "f1 80 80 80", "f3 bf bf bf",
    "f4 80 80 80", "f4 8f bf bf",
    // overlong
    "c0 80", "c1 bf", "e0 80 80", "e0 9f bf", "f0 80 80 80", "f0 8f bf bf",
    // surrogates
    "ed a0 80", "ed bf bf",
    // over U+10FFFF, and first bytes that never are
    "f4 90 80 80", "f4 bf bf bf", "f5 80 80 80", "f7 bf bf bf", "f8 88 80 80 80", "ff", "fe",
    // cut off
    "c2", "df", "e0 a0", "e1", "ef bf", "f0", "f0 90", "f0 90 80", "f4 8f bf", "c2 41", "e1 80 41",
    "f1 80 80 41", "e1 c2 80", "f1 80 e1 80 80", "f1 80 80 c2 80",
    // a continuation too many
    "80", "bf", "41 80", "c2 80 80", "e1 80 80 bf", "f1 80 80 80 80"};

} // namespace framewire::test

#endif
