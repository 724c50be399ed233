// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/detail/simd_dispatch.hpp>

#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/simd_levels.hpp"
#include "support/utf8.hpp"

#include <array>
#include <bit>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace framewire;

namespace {

constexpr std::array<std::byte, 4> key_octets{std::byte{0x01}, std::byte{0x80}, std::byte{0xFE},
                                              std::byte{0x55}};

// The key in phase `phase`.
std::uint32_t phased_key(std::size_t phase) {
    std::array<std::byte, 4> octets{};
    for (std::size_t i = 0; i < 4; ++i)
        octets[i] = key_octets[(i + phase) % 4];
    return std::bit_cast<std::uint32_t>(octets);
}

// RFC 6455 5.3, word for word.
std::vector<std::byte> with_mask(std::span<const std::byte> payload, std::size_t phase) {
    std::vector<std::byte> out;
    for (std::size_t i = 0; i < payload.size(); ++i)
        out.push_back(payload[i] ^ key_octets[(i + phase) % 4]);
    return out;
}

std::vector<std::byte> any_bytes(std::size_t size) {
    std::vector<std::byte> out(size);
    for (std::size_t i = 0; i < size; ++i)
        out[i] = static_cast<std::byte>(i * 7 + (i >> 8));
    return out;
}

// Every distance from a multiple of 64 comes up, all sizes do, and all phases, though not all
// combinations: those of the distance with what is left over at the end matter.
template <class F> void for_each_place(std::size_t max_size, F&& run) {
    for (std::size_t size = 0; size <= max_size; ++size) {
        for (std::size_t distance = size % 5; distance < 64; distance += 5)
            run(size, distance, (size + distance) % 4);
    }
}

// What the kernels promise of a text: the whole code points of the valid beginning, or at most the
// steps before the mistake; and after a mistake that the mistake itself is unmasked.
void check_text(std::span<const std::byte> text, std::size_t distance, std::size_t phase) {
    const test::utf8_verdict verdict = test::utf8_by_arithmetic(text);
    const test::placed_bytes plain(text, distance);
    const std::size_t valid = detail::kernels().valid_utf8(plain.data(), text.size());

    const auto hidden = with_mask(text, phase);
    const test::placed_bytes masked(hidden, distance);
    const std::size_t unmasked_valid =
        detail::kernels().unmask_utf8(masked.data(), text.size(), phased_key(phase));

    bool good = plain.holds(text);
    if (verdict.accepted == text.size()) {
        good = good && valid == verdict.whole && unmasked_valid == verdict.whole;
        good = good && masked.holds(text);
    } else {
        for (const std::size_t n : {valid, unmasked_valid}) {
            // What is left begins with a code point.
            good = good && n <= verdict.whole &&
                   test::utf8_by_arithmetic(text.first(n)) == test::utf8_verdict{n, n};
        }
        const std::size_t shown = verdict.accepted + 1;
        good = good && std::equal(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(shown),
                                  masked.data());
    }
    if (!good) {
        CAPTURE(test::to_hex(text), distance, phase, valid, unmasked_valid, verdict.whole);
        FAIL("a kernel disagrees with the arithmetic");
    }
}

std::string repeated(const char* unit, std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i)
        out += unit;
    return out;
}

} // namespace

TEST_CASE("simd: at every level masking is the definition, at every size, place and phase",
          "[rfc6455-5.3]") {
    test::at_every_simd_level([] {
        for (std::size_t size = 64; size <= 300; ++size) { // the widest vector; see kernels_from
            const auto source = any_bytes(size);
            for (std::size_t phase = 0; phase < 4; ++phase) {
                const auto expected = with_mask(source, phase);
                for (std::size_t distance = 0; distance < 64; ++distance) {
                    const test::placed_bytes in_place(source, distance);
                    detail::kernels().mask(in_place.data(), in_place.data(), size,
                                           phased_key(phase));
                    bool good = in_place.holds(expected);
                    if (distance % 8 == size % 8) {
                        const test::placed_bytes from(source, (distance * 3) % 64);
                        const test::placed_bytes to(source, distance);
                        detail::kernels().mask(to.data(), from.data(), size, phased_key(phase));
                        good = good && to.holds(expected) && from.holds(source);
                    }
                    if (!good) {
                        CAPTURE(size, distance, phase);
                        FAIL("a kernel masks wrongly");
                    }
                }
            }
        }
    });
}

TEST_CASE("simd: at every level masking works on large payloads", "[rfc6455-5.3]") {
    test::at_every_simd_level([] {
        for (const std::size_t size : {1000u, 4095u, 4096u, 10'001u}) {
            for (const std::size_t distance : {0u, 6u, 14u, 63u}) {
                const auto source = any_bytes(size);
                const test::placed_bytes payload(source, distance);
                detail::kernels().mask(payload.data(), payload.data(), size, phased_key(1));
                CHECK(payload.holds(with_mask(source, 1)));
            }
        }
    });
}

TEST_CASE("simd: at every level texts of every size and place are valid", "[rfc3629-4]") {
    test::at_every_simd_level([] {
        for (const char* unit : {"a", "\xc3\xa9", "\xe6\x97\xa5", "\xf0\x9f\x98\x80",
                                 "abcdefghijklmnopqrstuvwxyz0123456789\xe2\x82\xac"}) {
            const auto text = test::bytes(repeated(unit, 310));
            for_each_place(300, [&](std::size_t size, std::size_t distance, std::size_t phase) {
                check_text(std::span(text).first(size), distance, phase);
            });
        }
    });
}

TEST_CASE("simd: at every level large texts are judged as short ones", "[rfc3629-4]") {
    test::at_every_simd_level([] {
        for (const char* unit :
             {"a", "\xe6\x97\xa5", "abcdefghijklmnopqrstuvwxyz0123456789\xc3\xa9"}) {
            auto text = test::bytes(repeated(unit, 5000));
            text.resize(4999);
            for (const std::size_t distance : {0u, 6u, 14u, 63u})
                check_text(text, distance, 3);
            for (const std::size_t at : {0u, 511u, 4093u, 4094u, 4095u, 4096u, 4097u, 4998u}) {
                const std::byte right = std::exchange(text[at], std::byte{0xFF});
                check_text(text, 6, 3);
                text[at] = right;
            }
        }
    });
}

TEST_CASE("simd: at every level each border case is found at every offset", "[rfc3629-4]") {
    test::at_every_simd_level([] {
        for (const char* around : {"x", "\xe6\x97\xa5"}) {
            const auto filler = test::bytes(repeated(around, 140));
            for (const char* border : test::utf8_borders) {
                const auto sequence = test::from_hex(border);
                const std::size_t unit = filler[0] == std::byte{'x'} ? 1 : 3;
                for (std::size_t before = 0; before <= 130; before += unit) {
                    std::vector<std::byte> text(
                        filler.begin(), filler.begin() + static_cast<std::ptrdiff_t>(before));
                    text.insert(text.end(), sequence.begin(), sequence.end());
                    check_text(text, before % 64, before % 4);
                    for (const std::size_t after : {unit, 17 * unit, 23 * unit}) {
                        auto longer = text;
                        longer.insert(longer.end(), filler.begin(),
                                      filler.begin() + static_cast<std::ptrdiff_t>(after));
                        check_text(longer, 0, before % 4);
                    }
                }
            }
        }
    });
}

TEST_CASE("simd: at every level random texts with a random mistake are judged alike",
          "[rfc3629-4]") {
    test::at_every_simd_level([] {
        std::mt19937 random(20260801);
        const auto below = [&](std::size_t n) { return random() % n; };
        for (int round = 0; round < 10'000; ++round) {
            std::vector<std::byte> text;
            const std::size_t size = below(400);
            const bool ascii = below(2) == 0;
            while (text.size() < size) {
                const char* const unit =
                    test::utf8_borders[ascii && below(20) != 0 ? 1 : below(18)];
                const auto code_point = test::from_hex(unit);
                text.insert(text.end(), code_point.begin(), code_point.end());
            }
            if (!text.empty() && below(3) != 0)
                text[below(text.size())] = static_cast<std::byte>(random());
            if (!text.empty() && below(3) == 0) text.resize(below(text.size()));
            check_text(text, below(64), below(4));
        }
    });
}

TEST_CASE("simd: the level is found out at the first call") {
    const auto source = any_bytes(200);
    const auto text = test::bytes(repeated("\xe6\x97\xa5", 60));
    const auto* const best = detail::kernels_of(detail::best_simd_level());
    REQUIRE(best != nullptr);

    detail::take_kernels(detail::unresolved_kernels);
    const test::placed_bytes payload(source, 3);
    detail::kernels().mask(payload.data(), payload.data(), source.size(), phased_key(0));
    CHECK(payload.holds(with_mask(source, 0)));
    CHECK(&detail::kernels() == best);

    detail::take_kernels(detail::unresolved_kernels);
    CHECK(detail::kernels().valid_utf8(text.data(), text.size()) == text.size());
    CHECK(&detail::kernels() == best);

    detail::take_kernels(detail::unresolved_kernels);
    const test::placed_bytes masked(with_mask(text, 0), 3);
    CHECK(detail::kernels().unmask_utf8(masked.data(), text.size(), phased_key(0)) == text.size());
    CHECK(masked.holds(text));
    CHECK(&detail::kernels() == best);
}

TEST_CASE("simd: a level that the processor does not have is not forced") {
    for (const test::named_level& level : test::simd_levels) {
        CAPTURE(level.name);
        const auto* const before = &detail::kernels();
        const bool possible =
            detail::kernels_of(level.level) != nullptr && level.level <= detail::best_simd_level();
        CHECK(detail::force_simd_level(level.level) == possible);
        if (!possible) CHECK(&detail::kernels() == before);
    }
    CHECK(detail::force_simd_level(detail::best_simd_level()));
}
