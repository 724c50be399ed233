// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/masking.hpp>

#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/simd_levels.hpp"

#include <algorithm>
#include <set>
#include <vector>

using namespace framewire;

namespace {

constexpr masking_key key_of(unsigned a, unsigned b, unsigned c, unsigned d) {
    return {{static_cast<std::byte>(a), static_cast<std::byte>(b), static_cast<std::byte>(c),
             static_cast<std::byte>(d)}};
}

// RFC 6455 5.3, word for word: octet i of the result is octet i XOR octet (i MOD 4) of the key.
std::vector<std::byte> masked_octet_by_octet(std::span<const std::byte> payload, masking_key key) {
    std::vector<std::byte> out;
    for (std::size_t i = 0; i < payload.size(); ++i)
        out.push_back(payload[i] ^ key.octets[i % 4]);
    return out;
}

std::vector<std::byte> sample(std::size_t size) {
    std::vector<std::byte> out(size);
    for (std::size_t i = 0; i < size; ++i)
        out[i] = static_cast<std::byte>(i * 7 + (i >> 8));
    return out;
}

constexpr std::array<std::byte, 32> seed_of(unsigned value) {
    std::array<std::byte, 32> seed{};
    for (std::size_t i = 0; i < seed.size(); ++i)
        seed[i] = static_cast<std::byte>(value + i);
    return seed;
}

} // namespace

TEST_CASE("masking: the masked Hello of RFC 6455", "[rfc6455-5.7]") {
    constexpr auto hello = [] {
        auto payload = test::byte_array("\x7f\x9f\x4d\x51\x58"); // RFC 6455 5.7
        mask_in_place(payload, key_of(0x37, 0xfa, 0x21, 0x3d));
        return payload;
    };
    STATIC_REQUIRE(hello() == test::byte_array("Hello"));
    CHECK(hello() == test::byte_array("Hello"));
}

TEST_CASE("masking: equals the definition at every size and alignment", "[rfc6455-5.3]") {
    test::at_every_simd_level([] {
        const masking_key key = key_of(0x01, 0x80, 0xfe, 0x55);
        const auto source = sample(300);
        for (std::size_t size = 0; size <= 280; ++size) {
            for (std::size_t offset = 0; offset < 9; ++offset) {
                const auto payload = std::span(source).subspan(offset, size);
                const auto expected = masked_octet_by_octet(payload, key);

                auto in_place = source;
                const masking_key after =
                    mask_in_place(std::span(in_place).subspan(offset, size), key);
                REQUIRE(std::equal(expected.begin(), expected.end(),
                                   in_place.begin() + static_cast<std::ptrdiff_t>(offset)));
                REQUIRE(after == rotated(key, size));
                // Nothing before or behind the payload is touched.
                REQUIRE(std::equal(source.begin(),
                                   source.begin() + static_cast<std::ptrdiff_t>(offset),
                                   in_place.begin()));
                REQUIRE(std::equal(source.begin() + static_cast<std::ptrdiff_t>(offset + size),
                                   source.end(),
                                   in_place.begin() + static_cast<std::ptrdiff_t>(offset + size)));

                std::vector<std::byte> copy(size);
                REQUIRE(mask_copy(copy, payload, key) == after);
                REQUIRE(copy == expected);
            }
        }
    });
}

TEST_CASE("masking: goes on over pieces of any size with the key it returns", "[rfc6455-5.3]") {
    const masking_key key = key_of(0xde, 0xad, 0xbe, 0xef);
    const auto source = sample(300);
    const auto expected = masked_octet_by_octet(source, key);
    test::at_every_simd_level([&] {
        for (std::size_t first = 0; first <= source.size(); ++first) {
            auto payload = source;
            const masking_key next = mask_in_place(std::span(payload).first(first), key);
            mask_in_place(std::span(payload).subspan(first), next);
            REQUIRE(payload == expected);
        }
    });
}

TEST_CASE("masking: the key source is the ChaCha20 key stream", "[rfc8439-2.3]") {
    // The first 32 octets of the stream are the next seed, so the first masking key is word 8 of
    // block 0. RFC 8439 A.1, test vector 1: all-zero key and nonce, block counter 0; its octets 32
    // to 47 are da 41 59 7c 51 57 48 8d 77 24 e0 3f b8 d8 4a 37.
    constexpr auto first_keys = [] {
        const std::array<std::byte, 32> zero{};
        masking_key_source source(zero);
        return std::array{source.next(), source.next(), source.next(), source.next()};
    };
    constexpr std::array expected{key_of(0xda, 0x41, 0x59, 0x7c), key_of(0x51, 0x57, 0x48, 0x8d),
                                  key_of(0x77, 0x24, 0xe0, 0x3f), key_of(0xb8, 0xd8, 0x4a, 0x37)};
    STATIC_REQUIRE(first_keys() == expected);
    CHECK(first_keys() == expected);
}

TEST_CASE("masking: keys of a source do not repeat over refills", "[rfc6455-10.3]") {
    masking_key_source source(seed_of(1));
    std::set<std::uint32_t> seen;
    constexpr int count = 100'000;
    std::array<int, 256> by_octet{};
    for (int i = 0; i < count; ++i) {
        const masking_key key = source.next();
        seen.insert(detail::load_big_endian<std::uint32_t>(key.octets.data()));
        for (const std::byte octet : key.octets)
            ++by_octet[std::to_integer<std::size_t>(octet)];
    }
    // 10^5 draws out of 2^32 collide about 1.2 times; the seed is fixed, so this is no matter of
    // luck.
    CHECK(seen.size() >= count - 5);
    // Chi squared over octet values, 255 degrees of freedom: over 330 has a probability of 0.1 %.
    double chi_squared = 0;
    const double expected = 4.0 * count / 256;
    for (const int n : by_octet)
        chi_squared += (n - expected) * (n - expected) / expected;
    CHECK(chi_squared < 330);
}

TEST_CASE("masking: other seeds give other keys", "[rfc6455-10.3]") {
    masking_key_source a(seed_of(1));
    masking_key_source b(seed_of(1));
    masking_key_source c(seed_of(2));
    const masking_key key = a.next();
    CHECK(b.next() == key);
    CHECK(c.next() != key);
}
