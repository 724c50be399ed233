// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What the clients of the soak say: text that all messages are cut from.

#ifndef FRAMEWIRE_TESTS_SOAK_MATERIAL_HPP
#define FRAMEWIRE_TESTS_SOAK_MATERIAL_HPP

#include "support/client.hpp"

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace soak {

using benchmarks::bytes;

/// UTF-8 with characters of one to four bytes.
[[nodiscard]] inline bytes material() {
    static const std::vector<std::uint8_t> all = [] {
        std::vector<std::uint8_t> made;
        std::mt19937 random(4);
        const auto tail = [&] { return static_cast<std::uint8_t>(0x80 + random() % 0x40); };
        while (made.size() < (4u << 20)) {
            switch (random() % 16) {
            case 0: made.insert(made.end(), {0xC3, tail()}); break;
            case 1: made.insert(made.end(), {0xE2, tail(), tail()}); break;
            case 2: made.insert(made.end(), {0xF0, 0x9F, tail(), tail()}); break;
            default: made.push_back(static_cast<std::uint8_t>(' ' + random() % 95));
            }
        }
        made.insert(made.end(), 4, ' '); // where no character is cut
        return made;
    }();
    return all;
}

/// Whole characters, about `size` bytes of them.
[[nodiscard]] inline bytes some_text(std::size_t at, std::size_t size) {
    const bytes all = material();
    const auto next_character = [&](std::size_t from) {
        while ((all[from] & 0xC0) == 0x80)
            ++from;
        return from;
    };
    const std::size_t begin = next_character(at);
    const std::size_t end = next_character(at + size);
    return all.subspan(begin, end < begin ? 0 : end - begin);
}

} // namespace soak

#endif
