// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/detail/ascii.hpp>

#include "support/catch.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace framewire::detail;

static_assert(iequals("WebSocket", "websocket") && !iequals("websocket", "websockets"));
static_assert(!iequals("[", "{") && !iequals("@", "`")); // 0x20 apart, but no letters
static_assert(istarts_with("Sec-WebSocket-Key", "sec-websocket-") && !istarts_with("Sec", "sec-"));
static_assert(trim_ows(" \t a b\t ") == "a b" && trim_ows(" \t").empty() && trim_ows("").empty());
static_assert(is_token("permessage-deflate") && !is_token("") && !is_token("a b"));

// The bytes of a class, in order, as a text.
template <class Predicate> std::string members(Predicate predicate) {
    std::string out;
    for (int value = 0; value < 256; ++value) {
        const char c = static_cast<char>(static_cast<unsigned char>(value));
        if (predicate(c)) out += c;
    }
    return out;
}

const std::string digits = "0123456789";
const std::string capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const std::string small = "abcdefghijklmnopqrstuvwxyz";

} // namespace

TEST_CASE("ascii: the character classes have exactly the members that the RFCs list",
          "[rfc9110-5.6.2][rfc3986-2]") {
    CHECK(members(is_digit) == digits);
    CHECK(members(is_alpha) == capitals + small);
    CHECK(members(is_hex_digit) == digits + "ABCDEF" + "abcdef");
    // RFC 9110 5.6.2, tchar
    CHECK(members(is_token_char) == "!#$%&'*+-." + digits + capitals + "^_`" + small + "|~");
    // RFC 3986 2.2 sub-delims and 2.3 unreserved
    CHECK(members(is_uri_char) == "!$&'()*+,-." + digits + ";=" + capitals + "_" + small + "~");
    CHECK(members(is_ows) == "\t ");
    CHECK(members(is_vchar).size() == 0x7e - 0x21 + 1);
    const auto in = [](std::uint8_t classes) {
        return members([=](char c) { return is_one_of(classes, c); });
    };
    // RFC 9112 3.2: a request-target is visible, and a fragment is no part of it.
    CHECK(in(target_chars) == members([](char c) { return is_vchar(c) && c != '#'; }));
    // RFC 3986 3.3 pchar and 3.4 query, but for pct-encoded
    CHECK(in(path_chars) == members([](char c) {
              return is_uri_char(c) || c == '/' || c == '?' || c == ':' || c == '@';
          }));
    // RFC 4648 4
    CHECK(in(base64_chars) == "+/" + digits + capitals + small);
    CHECK(in(token_chars | base64_chars) ==
          members([](char c) { return is_token_char(c) || c == '/'; }));
}

TEST_CASE("ascii: a run ends at the first character of another class") {
    STATIC_REQUIRE(count_front(token_chars, "") == 0);
    STATIC_REQUIRE(count_front(token_chars, " a") == 0);
    STATIC_REQUIRE(count_front(token_chars, "name: value") == 4);
    STATIC_REQUIRE(count_front(token_chars, "name") == 4);
    STATIC_REQUIRE(count_front(token_chars | field_chars, "a b\x7f") == 3);
    STATIC_REQUIRE(all_are(token_chars, "name") && all_are(token_chars, ""));
    STATIC_REQUIRE_FALSE(all_are(token_chars, "name:"));
    STATIC_REQUIRE_FALSE(all_are(token_chars, ":name"));
}

TEST_CASE("ascii: a field may have tabs, spaces, visible and non-ASCII bytes, and nothing else",
          "[rfc9110-5.5]") {
    CHECK(members(is_field_char).size() == 1 + 1 + 94 + 128);
    CHECK_FALSE(is_field_char('\0'));
    CHECK_FALSE(is_field_char('\r'));
    CHECK_FALSE(is_field_char('\n'));
    CHECK_FALSE(is_field_char('\x7f'));
}
