// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/detail/ascii.hpp>

#include "support/catch.hpp"

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
}

TEST_CASE("ascii: a field may have tabs, spaces, visible and non-ASCII bytes, and nothing else",
          "[rfc9110-5.5]") {
    CHECK(members(is_field_char).size() == 1 + 1 + 94 + 128);
    CHECK_FALSE(is_field_char('\0'));
    CHECK_FALSE(is_field_char('\r'));
    CHECK_FALSE(is_field_char('\n'));
    CHECK_FALSE(is_field_char('\x7f'));
}
