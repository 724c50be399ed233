// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/handshake/uri.hpp>

#include "support/catch.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace {

using namespace framewire;
using namespace std::string_view_literals;

constexpr uri example = parse_uri("wss://example.org:8443/chat?x=1");
static_assert(example.error == errc::success && example.secure && example.port == 8443 &&
              example.host == "example.org" && example.authority == "example.org:8443" &&
              example.target == "/chat?x=1");

} // namespace

TEST_CASE("uri: takes WebSocket URIs apart", "[rfc6455-3]") {
    struct row {
        std::string_view text;
        bool secure;
        std::string_view host;
        std::uint16_t port;
        std::string_view authority;
        std::string_view target;
    };
    for (const row& r : {
             row{"ws://h", false, "h", 80, "h", ""},
             row{"wss://h", true, "h", 443, "h", ""},
             row{"WSS://H.example/", true, "H.example", 443, "H.example", "/"},
             // RFC 6455 4.1, item 4: the port only when it is not the default
             row{"ws://h:80/", false, "h", 80, "h", "/"},
             row{"ws://h:443/", false, "h", 443, "h:443", "/"},
             row{"wss://h:443/", true, "h", 443, "h", "/"},
             row{"wss://h:80/", true, "h", 80, "h:80", "/"},
             row{"ws://h:/", false, "h", 80, "h", "/"}, // RFC 3986 3.2.3: an empty port
             row{"ws://h:00080/", false, "h", 80, "h", "/"},
             row{"ws://h:65535/", false, "h", 65535, "h:65535", "/"},
             row{"ws://h?a=b/c?d", false, "h", 80, "h", "?a=b/c?d"},
             row{"ws://h/?", false, "h", 80, "h", "/?"},
             row{"ws://h/a%20b/%C3%A4;x=1,2:@!$&'()*+?q=/?:@-._~", false, "h", 80, "h",
                 "/a%20b/%C3%A4;x=1,2:@!$&'()*+?q=/?:@-._~"},
             row{"ws://h/ws://x:1/", false, "h", 80, "h", "/ws://x:1/"},
             row{"ws://h/a@b", false, "h", 80, "h", "/a@b"},
             row{"ws://127.0.0.1:9001", false, "127.0.0.1", 9001, "127.0.0.1:9001", ""},
             row{"ws://[::1]", false, "::1", 80, "[::1]", ""},
             row{"ws://[::1]:80/", false, "::1", 80, "[::1]", "/"},
             row{"wss://[2001:db8::A:0]:8443/x", true, "2001:db8::A:0", 8443,
                 "[2001:db8::A:0]:8443", "/x"},
             row{"ws://[::ffff:192.0.2.1]/", false, "::ffff:192.0.2.1", 80, "[::ffff:192.0.2.1]",
                 "/"},
             row{"ws://a_b.xn--4ca.example~/", false, "a_b.xn--4ca.example~", 80,
                 "a_b.xn--4ca.example~", "/"},
             row{"ws://a%2Db/", false, "a%2Db", 80, "a%2Db", "/"},
         }) {
        CAPTURE(r.text);
        const uri parsed = parse_uri(r.text);
        CHECK(parsed.error == errc::success);
        CHECK(parsed.secure == r.secure);
        CHECK(parsed.host == r.host);
        CHECK(parsed.port == r.port);
        CHECK(parsed.authority == r.authority);
        CHECK(parsed.target == r.target);
    }
}

TEST_CASE("uri: refuses what is not a WebSocket URI, and says why", "[rfc6455-3]") {
    struct row {
        std::string_view text;
        errc error;
    };
    for (const row& r : {
             row{"", errc::invalid_uri},
             row{"example.org", errc::invalid_uri},
             row{"//example.org/", errc::invalid_uri},
             row{"example.org:80/", errc::invalid_uri},
             row{"ws:example.org", errc::invalid_uri},
             row{"ws:/example.org", errc::invalid_uri},
             row{":", errc::invalid_uri},
             row{"http://h/", errc::uri_scheme_not_websocket},
             row{"https://h/", errc::uri_scheme_not_websocket},
             row{"wsss://h/", errc::uri_scheme_not_websocket},
             row{" ws://h/", errc::uri_scheme_not_websocket},
             row{"://h/", errc::uri_scheme_not_websocket},
             row{"ws://h/#", errc::uri_has_fragment},
             row{"ws://h/#a", errc::uri_has_fragment},
             row{"ws://h#a", errc::uri_has_fragment},
             row{"ws://h/?a#b", errc::uri_has_fragment},
             row{"ws://u@h/", errc::uri_has_userinfo},
             row{"ws://u:p@h/", errc::uri_has_userinfo},
             row{"ws://@h/", errc::uri_has_userinfo},
             row{"ws://", errc::invalid_host},
             row{"ws:///", errc::invalid_host},
             row{"ws://:80/", errc::invalid_host},
             row{"ws://?x", errc::invalid_host},
             row{"ws://h:0/", errc::invalid_host},
             row{"ws://h:65536/", errc::invalid_host},
             row{"ws://h:99999999999999999999/", errc::invalid_host},
             row{"ws://h:8o/", errc::invalid_host},
             row{"ws://h:-1/", errc::invalid_host},
             row{"ws://h:+1/", errc::invalid_host},
             row{"ws://h: 1/", errc::invalid_host},
             row{"ws://h:80:80/", errc::invalid_host},
             row{"ws://::1/", errc::invalid_host},
             row{"ws://a b/", errc::invalid_host},
             row{"ws://h\\evil/", errc::invalid_host},
             row{"ws://h\r\nX: y/", errc::invalid_host},
             row{"ws://h\0/"sv, errc::invalid_host},
             row{"ws://\xc3\xa4/", errc::invalid_host},
             row{"ws://a%/", errc::invalid_host},
             row{"ws://a%4/", errc::invalid_host},
             row{"ws://a%zz/", errc::invalid_host},
             row{"ws://[::1/", errc::invalid_host},
             row{"ws://[::1]x/", errc::invalid_host},
             row{"ws://[::1]80/", errc::invalid_host},
             row{"ws://[]/", errc::invalid_host},
             row{"ws://[h]/", errc::invalid_host},
             row{"ws://[fe80::1%25eth0]/",
                 errc::invalid_host}, // RFC 6874: means something here only
             row{"ws://[v1.a]/", errc::invalid_host},
             row{"ws://h/a b", errc::invalid_target},
             row{"ws://h/\r\nX: y", errc::invalid_target},
             row{"ws://h/a\0b"sv, errc::invalid_target},
             row{"ws://h/\xc3\xa4", errc::invalid_target},
             row{"ws://h/%", errc::invalid_target},
             row{"ws://h/%4", errc::invalid_target},
             row{"ws://h/%zz", errc::invalid_target},
             row{"ws://h/?a|b", errc::invalid_target},
             row{"ws://h/\"<>", errc::invalid_target},
             row{"ws://h/\x7f", errc::invalid_target},
         }) {
        CAPTURE(r.text);
        // A copy of exactly that size, so that reading past its end shows.
        const auto copy = std::make_unique<char[]>(r.text.size());
        r.text.copy(copy.get(), r.text.size());
        const uri parsed = parse_uri({copy.get(), r.text.size()});
        CHECK(parsed.error == r.error);
        CHECK(parsed.host.empty());
        CHECK(parsed.target.empty());
        CHECK(parsed.port == 0);
    }
}

TEST_CASE("uri: refuses a fragment, and lets a percent-encoded number sign pass", "[rfc6455-3]") {
    for (const std::string_view text : {"ws://h#", "ws://h/#", "ws://h/a#b", "ws://h/?q#b",
                                        "wss://h:1/a?q#", "ws://h/a#?q", "ws://#h/"}) {
        CAPTURE(text);
        CHECK(parse_uri(text).error == errc::uri_has_fragment);
    }
    const uri parsed = parse_uri("ws://h/a%23b?c%23d");
    CHECK(parsed.error == errc::success);
    CHECK(parsed.target == "/a%23b?c%23d");
}

TEST_CASE("uri: knows an IPv6 address when it sees one", "[rfc3986-3.2.2]") {
    for (const std::string_view text : {"::", "::1", "1::", "1:2:3:4:5:6:7:8", "::2:3:4:5:6:7:8",
                                        "1:2:3:4:5:6:7::", "1::8", "fe80::ABCD:ef01", "::1.2.3.4",
                                        "1:2:3:4:5:6:1.2.3.4", "1::0.0.0.0", "::255.255.255.255"}) {
        CAPTURE(text);
        CHECK(detail::is_ipv6(text));
    }
    for (const std::string_view text : {"",
                                        ":",
                                        ":::",
                                        "1",
                                        "1:",
                                        ":1",
                                        "1:2:3:4:5:6:7",
                                        "1:2:3:4:5:6:7:8:9",
                                        "1:2:3:4:5:6:7:8::",
                                        "::1:2:3:4:5:6:7:8",
                                        "1::2::3",
                                        "1:::2",
                                        "12345::",
                                        "g::",
                                        "1:2:3:4:5:6:7:",
                                        "1.2.3.4",
                                        "::1.2.3",
                                        "::1.2.3.4.5",
                                        "::1.2.3.256",
                                        "::01.2.3.4",
                                        "::1.2.3.4:5",
                                        "::1..3.4",
                                        "1:2:3:4:5:6:7:1.2.3.4",
                                        "::1.2.3.",
                                        "::1 ",
                                        "::1%1"}) {
        CAPTURE(text);
        CHECK_FALSE(detail::is_ipv6(text));
    }
}
