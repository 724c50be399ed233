// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What is wrong with two neighbouring bytes of a text, for lookup in tables of 16 entries.
//
// The idea is that of Keiser and Lemire, "Validating UTF-8 in less than one instruction per byte":
// each kind of mistake is a bit, and three tables, indexed by the two halves of the first byte and
// the upper half of the second one, agree on that bit where the mistake was made.

#ifndef FRAMEWIRE_DETAIL_UTF8_TABLES_HPP
#define FRAMEWIRE_DETAIL_UTF8_TABLES_HPP

#include <cstddef>
#include <cstdint>

namespace framewire::detail {

struct utf8_table_set {
    alignas(16) std::uint8_t first_high[16];
    alignas(16) std::uint8_t first_low[16];
    alignas(16) std::uint8_t second_high[16];
    /// For the end of a vector: the highest bytes that leave no code point unfinished.
    alignas(64) std::byte finished[64];
    /// For the beginning of one: leaves out the bytes that depend on those before.
    alignas(64) std::byte behind_three[64];
};

/// The bit of two continuation bytes: no mistake where the third or fourth byte of a code point
/// stands, and only there.
inline constexpr std::uint8_t two_continuations = 0x80;

[[nodiscard]] constexpr utf8_table_set make_utf8_tables() noexcept {
    struct rule {
        std::uint8_t bit;
        unsigned first_from, first_to;
        unsigned second_from, second_to; // whole rows of 16
    };
    // RFC 3629 4. Rules that share a bit must share one of their two ranges of rows.
    constexpr rule rules[] = {
        {0x01, 0xC0, 0xFF, 0x00, 0x7F}, // the code point goes on
        {0x01, 0xC0, 0xFF, 0xC0, 0xFF}, //
        {0x02, 0x00, 0x7F, 0x80, 0xBF}, // no code point to go on with
        {0x04, 0xC0, 0xC1, 0x80, 0xBF}, // overlong forms
        {0x08, 0xE0, 0xE0, 0x80, 0x9F}, //
        {0x10, 0xED, 0xED, 0xA0, 0xBF}, // surrogates
        {0x20, 0xF4, 0xFF, 0x90, 0xBF}, // over U+10FFFF
        {0x40, 0xF5, 0xFF, 0x80, 0x8F}, //
        {0x40, 0xF0, 0xF0, 0x80, 0x8F}, // an overlong form
        {two_continuations, 0x80, 0xBF, 0x80, 0xBF},
    };
    utf8_table_set tables{};
    for (const rule& r : rules) {
        for (unsigned first = r.first_from; first <= r.first_to; ++first) {
            tables.first_high[first >> 4] |= r.bit;
            tables.first_low[first & 15] |= r.bit;
        }
        for (unsigned row = r.second_from >> 4; row <= r.second_to >> 4; ++row)
            tables.second_high[row] |= r.bit;
    }
    for (std::size_t i = 0; i < 64; ++i) {
        tables.finished[i] = std::byte{0xFF};
        tables.behind_three[i] = i < 3 ? std::byte{0} : std::byte{0xFF};
    }
    tables.finished[61] = std::byte{0xEF};
    tables.finished[62] = std::byte{0xDF};
    tables.finished[63] = std::byte{0xBF};
    return tables;
}

inline constexpr utf8_table_set utf8_tables = make_utf8_tables();

} // namespace framewire::detail

#endif
