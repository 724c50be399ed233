// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/detail/simd_short.hpp>

#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/simd_levels.hpp"

#include <bit>
#include <vector>

using namespace framewire;
using detail::short_text;

namespace {

constexpr std::array<std::byte, 4> short_key{std::byte{0x37}, std::byte{0xFA}, std::byte{0x21},
                                             std::byte{0x3D}};

std::vector<std::byte> short_masked(std::vector<std::byte> octets) {
    for (std::size_t i = 0; i < octets.size(); ++i)
        octets[i] ^= short_key[i % 4];
    return octets;
}

std::vector<std::byte> letters(std::size_t size) {
    std::vector<std::byte> out(size);
    for (std::size_t i = 0; i < size; ++i)
        out[i] = static_cast<std::byte>(' ' + i % 94);
    return out;
}

constexpr auto half = std::bit_cast<std::uint32_t>(short_key);

} // namespace

TEST_CASE("simd_short: masks every size in place and while copying", "[rfc6455-5.3]") {
    for (std::size_t size = 0; size < detail::kernels_from; ++size) {
        for (const std::size_t distance : {0u, 1u, 6u, 63u}) {
            CAPTURE(size, distance);
            const auto text = letters(size);
            const test::placed_bytes payload(short_masked(text), distance);
            REQUIRE(detail::mask_short<false>(payload.data(), payload.data(), size, half) ==
                    short_text::ascii);
            REQUIRE(payload.holds(text));
            REQUIRE(detail::mask_short<true>(payload.data(), payload.data(), size, 0) ==
                    short_text::ascii);
            REQUIRE(payload.holds(text));

            const test::placed_bytes from(text, distance);
            const test::placed_bytes to(std::vector<std::byte>(size), 0);
            REQUIRE(detail::mask_short<false>(to.data(), from.data(), size, half) !=
                    short_text::still_masked);
            REQUIRE(to.holds(short_masked(text)));
        }
    }
}

TEST_CASE("simd_short: sees a byte that is not ASCII wherever it stands", "[rfc6455-8.1]") {
    for (std::size_t size = 1; size < detail::kernels_from; ++size) {
        for (std::size_t at = 0; at < size; ++at) {
            CAPTURE(size, at);
            auto text = letters(size);
            REQUIRE(detail::is_short_ascii(text.data(), size));
            text[at] = std::byte{0x80};
            const test::placed_bytes plain(text, 0);
            REQUIRE_FALSE(detail::is_short_ascii(plain.data(), size));

            const auto hidden = short_masked(text);
            const test::placed_bytes payload(hidden, 0);
            const auto found = detail::mask_short<true>(payload.data(), payload.data(), size, half);
            REQUIRE(found != short_text::ascii);
            REQUIRE(payload.holds(found == short_text::still_masked ? hidden : text));

            const test::placed_bytes other(hidden, 0);
            REQUIRE(detail::mask_short<false>(other.data(), other.data(), size, half) ==
                    short_text::other);
            REQUIRE(other.holds(text));
        }
    }
}
