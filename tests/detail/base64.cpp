// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/detail/base64.hpp>

#include "support/catch.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace {

using framewire::detail::base64_encode;

template <std::size_t N> constexpr auto encode(const char (&literal)[N]) {
    std::array<std::uint8_t, N - 1> octets{};
    for (std::size_t i = 0; i + 1 < N; ++i)
        octets[i] = static_cast<std::uint8_t>(literal[i]);
    return base64_encode(octets);
}

template <std::size_t N> std::string text(const std::array<char, N>& chars) {
    return {chars.data(), chars.size()};
}

static_assert(encode("foob") == std::array{'Z', 'm', '9', 'v', 'Y', 'g', '=', '='});

} // namespace

TEST_CASE("base64: encodes the vectors of the RFC", "[rfc4648-10]") {
    CHECK(text(encode("f")) == "Zg==");
    CHECK(text(encode("fo")) == "Zm8=");
    CHECK(text(encode("foo")) == "Zm9v");
    CHECK(text(encode("foob")) == "Zm9vYg==");
    CHECK(text(encode("fooba")) == "Zm9vYmE=");
    CHECK(text(encode("foobar")) == "Zm9vYmFy");
}

TEST_CASE("base64: uses all 64 characters of the alphabet", "[rfc4648-4]") {
    // The values 0 to 63, six bits each.
    CHECK(text(encode("\x00\x10\x83\x10\x51\x87\x20\x92\x8b\x30\xd3\x8f\x41\x14\x93\x51"
                      "\x55\x97\x61\x96\x9b\x71\xd7\x9f\x82\x18\xa3\x92\x59\xa7\xa2\x9a"
                      "\xab\xb2\xdb\xaf\xc3\x1c\xb3\xd3\x5d\xb7\xe3\x9e\xbb\xf3\xdf\xbf")) ==
          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
}
