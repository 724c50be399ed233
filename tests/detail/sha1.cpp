// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/detail/sha1.hpp>

#include "support/bytes.hpp"
#include "support/catch.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace {

using framewire::detail::sha1;

template <class... Parts> std::string hex(const Parts&... parts) {
    const auto digest = sha1(parts...);
    std::string out;
    for (const char c : framewire::test::to_hex(std::as_bytes(std::span(digest)))) {
        if (c != ' ') out += c;
    }
    return out;
}

static_assert(sha1("abc")[0] == 0xA9 && sha1("abc")[19] == 0x9D);

} // namespace

TEST_CASE("sha1: hashes the vectors of the RFC and of FIPS 180", "[rfc3174-7.3]") {
    CHECK(hex(std::string_view{}) == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    CHECK(hex("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d");
    CHECK(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
          "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    CHECK(hex(std::string(1'000'000, 'a')) == "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

TEST_CASE("sha1: parts hash like the text that they make, across block and padding borders") {
    const std::string text(200, 'x');
    for (std::size_t size = 0; size <= text.size(); ++size) {
        const std::string_view whole = std::string_view(text).substr(0, size);
        for (const std::size_t cut : {size / 3, size / 2, size}) {
            CHECK(sha1(whole.substr(0, cut), whole.substr(cut)) == sha1(whole));
        }
    }
    // Around the 55 bytes that leave room for the length in the same block; values from sha1sum.
    CHECK(hex(std::string(55, 'a')) == "c1c8bbdc22796e28c0e15163d20899b65621d65a");
    CHECK(hex(std::string(56, 'a')) == "c2db330f6083854c99d4b5bfb6e8f29f201be699");
    CHECK(hex(std::string(64, 'a')) == "0098ba824b5c16427bd7a1122a5a442a25ec644d");
}
