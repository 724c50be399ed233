// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/detail/utf8_tables.hpp>

#include "support/catch.hpp"

using namespace framewire;

namespace {

// RFC 3629 4, by row: what may follow a byte. Bytes that begin nothing are refused with whatever
// follows them.
constexpr bool may_follow(unsigned first, unsigned second) {
    const auto in = [&](unsigned low, unsigned high) { return second >= low && second <= high; };
    if (first < 0x80) return !in(0x80, 0xBF);
    if (first < 0xC0) return true; // depends on what stands before
    if (first < 0xC2 || first > 0xF4) return false;
    switch (first) {
    case 0xE0: return in(0xA0, 0xBF);
    case 0xED: return in(0x80, 0x9F);
    case 0xF0: return in(0x90, 0xBF);
    case 0xF4: return in(0x80, 0x8F);
    default: return in(0x80, 0xBF);
    }
}

constexpr unsigned looked_up(unsigned first, unsigned second) {
    const detail::utf8_table_set& tables = detail::utf8_tables;
    return tables.first_high[first >> 4] & tables.first_low[first & 15] &
           tables.second_high[second >> 4];
}

} // namespace

TEST_CASE("utf8_tables: two neighbours share a bit where the second may not follow the first",
          "[rfc3629-4]") {
    for (unsigned first = 0; first < 256; ++first) {
        for (unsigned second = 0; second < 256; ++second) {
            CAPTURE(first, second);
            const unsigned found = looked_up(first, second);
            const bool continuations = (first & 0xC0) == 0x80 && (second & 0xC0) == 0x80;
            REQUIRE(((found & ~unsigned{detail::two_continuations}) == 0) ==
                    may_follow(first, second));
            REQUIRE(((found & detail::two_continuations) != 0) == continuations);
        }
    }
}
