// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/handshake/origin.hpp>

#include "support/catch.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace framewire;
using namespace std::string_view_literals;

static_assert(same_origin("https://example.org", "HTTPS://Example.ORG:443"));
static_assert(!same_origin("https://example.org", "https://example.org.evil.example"));
static_assert(origin_allowed("http://[::1]:8080", {"https://example.org", "http://[::1]:8080"}));
static_assert(!origin_allowed("https://example.org", {}));

constexpr std::string_view allowed[] = {"https://example.org", "http://localhost:3000",
                                        "http://[fe80::1]:8080", "chrome-extension://abcdef"};

} // namespace

TEST_CASE("origin: is the same in scheme, host and port", "[rfc6454-5]") {
    for (const std::string_view origin :
         {"https://example.org"sv, "https://EXAMPLE.org"sv, "HTTPS://example.org"sv,
          "https://example.org:443"sv, "https://example.org:"sv, "https://example.org:0443"sv,
          "http://localhost:3000"sv, "http://[fe80::1]:8080"sv, "http://[FE80::1]:8080"sv,
          "chrome-extension://abcdef"sv}) {
        CAPTURE(origin);
        CHECK(origin_allowed(origin, allowed));
    }
}

TEST_CASE("origin: anything else is another one", "[rfc6454-5]") {
    for (const std::string_view origin : {
             // not the scheme, host or port
             "http://example.org"sv,
             "wss://example.org"sv,
             "https://example.com"sv,
             "https://example.org:444"sv,
             "https://example.org:80"sv,
             "https://example.org:0"sv,
             "http://localhost"sv,
             "http://localhost:30000"sv,
             "http://localhost:300"sv,
             "http://127.0.0.1:3000"sv,
             "http://[fe80::1]"sv,
             "http://[fe80::2]:8080"sv,
             "http://fe80::1:8080"sv,
             "https://abcdef"sv,
             // suffix, prefix, and parts of it elsewhere
             "https://example.or"sv,
             "https://example.orga"sv,
             "https://example.org."sv,
             "https://example.org.evil.example"sv,
             "https://evil-example.org"sv,
             "https://sub.example.org"sv,
             "https://.example.org"sv,
             "https://evil.example/https://example.org"sv,
             "https://evil.example#https://example.org"sv,
             "https://evil.example?https://example.org"sv,
             "https://evil.example\\example.org"sv,
             "https://example.org@evil.example"sv,
             "https://example.org:443@evil.example"sv,
             "https://example.org:443.evil.example"sv,
             "evil+https://example.org"sv,
             "xhttps://example.org"sv,
             // what a browser never sends as an origin
             "https://user@example.org"sv,
             "https://user:pw@example.org"sv,
             "https://@example.org"sv,
             "https://example.org/"sv,
             "https://example.org/chat"sv,
             "https://example.org?"sv,
             "https://example.org#"sv,
             "https://example.org https://example.org"sv,
             " https://example.org"sv,
             "https://example.org "sv,
             "https://example.org\0"sv,
             "https://example.org\0.evil.example"sv,
             "https://example.org\r\n"sv,
             "https:/example.org"sv,
             "https:example.org"sv,
             "https//example.org"sv,
             "//example.org"sv,
             "://example.org"sv,
             "example.org"sv,
             "https://"sv,
             "https://:443"sv,
             "https://example.org:443x"sv,
             "https://example.org:65979"sv, // 443 in 16 bits
             "https://example.org:4294967739"sv,
             "https://example.org:-443"sv,
             "file://"sv,
             "null"sv,
             "Null"sv,
             "*"sv,
             ""sv,
         }) {
        CAPTURE(origin);
        CHECK_FALSE(origin_allowed(origin, allowed));
    }
}

TEST_CASE("origin: \"null\" is the same as nothing, itself included", "[rfc6454-4]") {
    CHECK_FALSE(same_origin("null", "null"));
    CHECK_FALSE(same_origin("", ""));
    CHECK_FALSE(same_origin("file://", "file://"));
    CHECK_FALSE(same_origin("https://example.org/", "https://example.org/"));
}

TEST_CASE("origin: a default port may be left out", "[rfc6454-4]") {
    CHECK(same_origin("http://a:80", "http://a"));
    CHECK(same_origin("https://a", "https://a:443"));
    CHECK(same_origin("ws://a:80", "ws://a"));
    CHECK(same_origin("wss://a:443", "wss://a"));
    CHECK_FALSE(same_origin("https://a:80", "https://a"));
    CHECK_FALSE(same_origin("http://a:443", "http://a"));
    CHECK_FALSE(same_origin("x://a:80", "x://a"));
    CHECK(same_origin("x://a", "X://A"));
    CHECK(same_origin("http://[::1]:80", "http://[::1]"));
}

TEST_CASE("origin: says whether an entry of a list can match at all", "[rfc6454-7]") {
    for (const std::string_view text : {"https://example.org", "http://[::1]:8080", "ws://a:1",
                                        "moz-extension://0d1f", "http://xn--bcher-kva.example"}) {
        CAPTURE(text);
        CHECK(is_origin(text));
    }
    for (const std::string_view text : {"", "*", "null", "example.org", "https://example.org/",
                                        "https://*.example.org/x", "1http://a", "ht tp://a",
                                        "http://b\xc3\xbc"
                                        "cher.example"}) {
        CAPTURE(text);
        CHECK_FALSE(is_origin(text));
    }
}

TEST_CASE("origin: takes any range of texts") {
    const std::vector<std::string> strings = {"https://a", "https://b"};
    const std::vector<std::string_view> views(strings.begin(), strings.end());
    CHECK(origin_allowed("https://b", strings));
    CHECK(origin_allowed("https://b", std::span<const std::string_view>(views)));
    CHECK_FALSE(origin_allowed("https://c", views));
    CHECK_FALSE(origin_allowed("https://a", std::vector<std::string>()));
}
