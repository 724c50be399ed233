// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/handshake/key.hpp>

#include "support/bytes.hpp"
#include "support/catch.hpp"

#include <array>
#include <span>
#include <string>
#include <string_view>

namespace {

using namespace framewire;

// RFC 6455 1.3
constexpr auto nonce = test::byte_array("the sample nonce");
constexpr auto key = make_key(nonce);
static_assert(std::string_view(key.data(), key.size()) == "dGhlIHNhbXBsZSBub25jZQ==");
constexpr auto accept = accept_key("dGhlIHNhbXBsZSBub25jZQ==");
static_assert(std::string_view(accept.data(), accept.size()) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");

template <std::size_t N> std::string text(const std::array<char, N>& chars) {
    return {chars.data(), chars.size()};
}

} // namespace

TEST_CASE("key: answers the keys of the RFC", "[rfc6455-1.3][rfc6455-4.2.2]") {
    CHECK(text(make_key(nonce)) == "dGhlIHNhbXBsZSBub25jZQ==");
    CHECK(text(accept_key("dGhlIHNhbXBsZSBub25jZQ==")) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST_CASE("key: makes a key from any nonce, and recognizes it", "[rfc6455-4.1]") {
    const auto ascending = test::from_hex("01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10");
    const auto made = text(make_key(std::span<const std::byte, 16>(ascending)));
    CHECK(made == "AQIDBAUGBwgJCgsMDQ4PEA==");
    CHECK(is_key(made));
    std::array<std::byte, 16> ones{};
    ones.fill(std::byte{0xff});
    CHECK(text(make_key(ones)) == "/////////////////////w==");
}

TEST_CASE("key: a key is the Base64 form of 16 bytes", "[rfc6455-4.2.1]") {
    CHECK(is_key("AQIDBAUGBwgJCgsMDQ4PEC==")); // RFC 6455 4.1, item 7, with its odd last bits
    CHECK(is_key("++++++++++//////////AA=="));
    for (const std::string_view text : {
             "",
             "==",
             "AAAAAAAAAAAAAAAAAAAAA===", // 15 bytes and a bit
             "AAAAAAAAAAAAAAAAAAAAAAA=", // 17 bytes
             "AAAAAAAAAAAAAAAAAAAAAAAA", // 18 bytes
             "AAAAAAAAAAAAAAAAAAAAAA=",
             "AAAAAAAAAAAAAAAAAAAAAA",
             "AAAAAAAAAAAAAAAAAAAAAA== ",
             "AAAAAAAAAAAAAAAAAAAAAA===",
             "AAAAAAAAAAAAAAAAAAAAA-==", // the URL alphabet
             "AAAAAAAAAAAAAAAAAAAAA ==",
             "AAAAAAAAAA=AAAAAAAAAAA==",
             "AAAAAAAAAAAAAAAAAAAA\xc3\xa4==",
             "AAAAAAAAAAAAAAAAAAAAAA==,AAAAAAAAAAAAAAAAAAAAAA==",
         }) {
        CAPTURE(text);
        CHECK_FALSE(is_key(text));
    }
}
