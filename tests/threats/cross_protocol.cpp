// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Attacks between protocols: web pages of somebody else, proxies that take bytes for another
// request, payloads that look like one.
//
// Held elsewhere:
//  - That a server decides about origins at all: tests/asio/listener.cpp and tests/qt, which have
//    no default but a decision. The comparison that they use is here.
//  - Signed overflow in Qt's masking (6b31ac7): UndefinedBehaviorSanitizer under this suite, which
//    the last test gives what it would have seen.

#include "driver.hpp"
#include "handshakes.hpp"

#include <framewire/handshake/origin.hpp>

#include <algorithm>
#include <cmath>

using namespace framewire;
using namespace framewire::test;
using namespace std::string_view_literals;

TEST_CASE("threats: CVE-2025-52882 class, cross-site WebSocket hijacking, only an origin that is "
          "the same in scheme, host and port is let in (mcp-server-tauri#36, webpack-dev-server, "
          "play-java-websocket-example#57, cockpit#496, pi-agent-dashboard#625)",
          "[threats]") {
    constexpr std::string_view allowed[] = {"https://example.org", "http://localhost:3000",
                                            "http://[::1]:8080"};
    for (const std::string_view origin :
         {"https://example.org"sv, "https://EXAMPLE.ORG"sv, "HTTPS://example.org:443"sv,
          "http://localhost:3000"sv, "http://[::1]:8080"sv}) {
        CAPTURE(origin);
        CHECK(origin_allowed(origin, allowed));
    }
    for (const std::string_view origin :
         {""sv, "null"sv, "NULL"sv, "*"sv, "evil"sv, "https://evil.example"sv,
          // in front of it and behind it
          "https://example.org.evil.example"sv, "https://evil-example.org"sv,
          "https://evilexample.org"sv, "https://example.orgevil"sv, "https://sub.example.org"sv,
          "https://example.or"sv, "https://example.org."sv, "https://localhost"sv,
          // somewhere in it
          "https://evil.example/https://example.org"sv,
          "https://evil.example?https://example.org"sv,
          "https://evil.example#https://example.org"sv, "https://example.org@evil.example"sv,
          "https://example.org:443@evil.example"sv, "https://evil.example:443@example.org"sv,
          "https://example.org, https://evil.example"sv, "https://example.org https://a"sv,
          "https://evil.example\\@example.org"sv, "https://example.org\\.evil.example"sv,
          // another scheme or port
          "http://example.org"sv, "ws://example.org"sv, "wss://example.org"sv, "file://"sv,
          "https://example.org:80"sv, "https://example.org:4430"sv, "https://example.org:0"sv,
          "http://localhost:30000"sv, "http://localhost:300"sv, "http://localhost"sv,
          "http://127.0.0.1:3000"sv, "http://[::1]"sv, "http://[::1]:80"sv,
          "http://[::ffff:127.0.0.1]:8080"sv, "http://0:3000"sv,
          // what is no origin
          "https://example.org/"sv, "https://example.org/path"sv, "https://u@example.org"sv,
          "https:example.org"sv, "//example.org"sv, "example.org"sv, " https://example.org"sv,
          "https://example.org\0"sv, "https://example.org\0.evil.example"sv,
          "https://example.org\t"sv, "https://ex\xC3\xA4mple.org"sv}) {
        CAPTURE(origin);
        CHECK_FALSE(origin_allowed(origin, allowed));
    }
    // An entry that is no origin lets nobody in.
    constexpr std::string_view careless[] = {"*",           "",         "null", "https://",
                                             "example.org", "https://*"};
    for (const std::string_view origin :
         {"null"sv, ""sv, "*"sv, "https://evil.example"sv, "https://example.org"sv, "https://"sv})
        CHECK_FALSE(origin_allowed(origin, careless));
}

TEST_CASE("threats: cross-site WebSocket hijacking, the origin that is looked at is the only one",
          "[threats]") {
    // None: most likely not a browser.
    std::vector<char> storage(1024);
    server_handshake handshake(storage);
    const std::vector<std::byte> input = bytes(request_with());
    std::span<const std::byte> in(input);
    REQUIRE(handshake.feed(in) == handshake_status::complete);
    CHECK(handshake.request().origin.empty());
    // Two, of which a check could see the other one.
    for (const char* lines : {"Origin: https://example.org\r\nOrigin: https://evil.example\r\n",
                              "Origin: https://example.org\r\norigin: https://example.org\r\n",
                              "Origin: \r\nORIGIN: https://evil.example\r\n"}) {
        CHECK(serve(request_with(lines)).error == errc::repeated_origin);
        CHECK(status_of(serve(request_with(lines)).answer) == "400");
    }
    // A tab or CR does not split one from the next.
    CHECK(serve(request_with("Origin: a\r Origin: b\r\n")).error == errc::bad_line_ending);
    CHECK(serve(request_with("Origin: a\r\n b\r\n")).error == errc::obsolete_line_folding);
    CHECK(serve(request_with("Origin : a\r\n")).error == errc::bad_field_line);
}

TEST_CASE("threats: websocket-smuggle, bytes behind a refused request are thrown away",
          "[threats]") {
    const std::string second = "GET /secret HTTP/1.1\r\nHost: internal\r\n\r\n";
    struct row {
        std::string text;
        const char* status;
    };
    std::string version = request_with();
    version.replace(version.find(": 13"), 4, ": 777");
    std::string key = request_with();
    key.replace(key.find("dGhl"), 4, "????");
    for (const row& r :
         {row{version, "426"}, row{key, "400"}, row{"POST" + request_with().substr(3), "405"},
          row{request_with("Content-Length: 10\r\n"), "400"},
          row{request_with("Host: b\r\n"), "400"}}) {
        CAPTURE(r.text);
        // At once, in single octets, and long after.
        for (const bool at_once : {true, false}) {
            std::vector<char> storage(4096);
            server_handshake handshake(storage);
            const std::vector<std::byte> all = bytes(r.text + second + second);
            std::span<const std::byte> in(all);
            if (at_once) {
                CHECK(handshake.feed(in) == handshake_status::failed);
            } else {
                for (std::size_t i = 0; i < all.size(); ++i) {
                    std::span<const std::byte> one = std::span(all).subspan(i, 1);
                    if (handshake.feed(one) == handshake_status::failed) break;
                }
            }
            const std::string answer = answer_of(handshake);
            CHECK(status_of(answer) == r.status);
            CHECK(answer.find("\r\nConnection: close") != std::string::npos);
            CHECK(answer.find("HTTP/1.1 ") == answer.rfind("HTTP/1.1 ")); // one response
            // Nothing is taken any more, so nothing can be answered.
            for (int i = 0; i < 3; ++i) {
                const std::vector<std::byte> more = bytes(request_with());
                in = more;
                CHECK(handshake.feed(in) == handshake_status::failed);
                CHECK(in.size() == more.size());
            }
            CHECK(answer_of(handshake) == answer);
        }
    }
}

TEST_CASE("threats: uWebSockets 601a100, a request with a body, or whose body is in doubt, is "
          "refused",
          "[threats]") {
    for (const char* lines :
         {"Content-Length: 5\r\n", "Content-Length: 00\r\n", "Content-Length: +0\r\n",
          "Content-Length: -1\r\n", "Content-Length: 0x0\r\n", "Content-Length: \r\n",
          "Content-Length: 0, 5\r\n", "Content-Length: 0\r\nContent-Length: 5\r\n",
          "Content-Length: 5\r\nContent-Length: 0\r\n",
          "Content-Length: 0\r\ncontent-length: 0\r\n", "Content-Length: 18446744073709551616\r\n",
          "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: identity\r\n",
          "Transfer-Encoding: xchunked\r\n", "Transfer-Encoding:\r\n",
          "transfer-encoding: chunked\r\nContent-Length: 0\r\n"}) {
        CAPTURE(lines);
        const served result = serve(request_with(lines) + "GET / HTTP/1.1\r\n");
        CHECK(result.error == errc::request_has_body);
        CHECK(status_of(result.answer) == "400");
    }
    CHECK(serve(request_with("Content-Length: 0\r\n")).error == errc::success);
    // Names that a proxy may take for these, and this side not.
    for (const char* lines : {"Content-Length : 5\r\n", "Content Length: 5\r\n",
                              "Transfer-Encoding\t: chunked\r\n", " Transfer-Encoding: chunked\r\n",
                              "X: y\n Transfer-Encoding: chunked\r\n", ": chunked\r\n"}) {
        CAPTURE(lines);
        const served result = serve(request_with(lines));
        CHECK(result.status == handshake_status::failed);
        CHECK(status_of(result.answer) == "400");
    }
}

TEST_CASE("threats: uWebSockets 601a100, two Host fields are refused, the same or not",
          "[threats]") {
    for (const char* lines : {"Host: example.org\r\n", "host: other.example\r\n", "HOST:\r\n"}) {
        const served result = serve(request_with(lines));
        CHECK(result.error == errc::repeated_host);
        CHECK(status_of(result.answer) == "400");
    }
}

TEST_CASE("threats: bytes behind the 101 are frames, wherever they are cut", "[threats]") {
    const std::string frames = frame_writer(role::client).text("first").ping("p").str();
    const std::string all = std::string(sample_response) + frames;
    for (std::size_t cut = 0; cut <= all.size(); ++cut) {
        std::vector<char> storage(512);
        client_handshake handshake({.host = "h"}, sample_nonce, storage);
        client end;
        for (const std::string_view part :
             {std::string_view(all).substr(0, cut), std::string_view(all).substr(cut)}) {
            std::vector<std::byte> block = bytes(part);
            std::span<std::byte> in(block);
            if (handshake.status() != handshake_status::complete) (void)handshake.feed(in);
            if (handshake.status() == handshake_status::complete) end.feed(in);
        }
        CAPTURE(cut);
        CHECK(handshake.status() == handshake_status::complete);
        CHECK(end.told() == R"(text("first") ping("p"))");
    }
}

TEST_CASE("threats: bytes that a client sends ahead of the 101 are frames, and never a request",
          "[threats]") {
    for (const std::string& behind :
         {frame_writer(role::server).text("early").str(), std::string("GET / HTTP/1.1\r\n\r\n"),
          std::string("\r\n\r\n")}) {
        const served result = serve(request_with() + behind);
        CHECK(result.status == handshake_status::complete);
        CHECK(result.rest == behind);
        CHECK(result.answer.find("HTTP/1.1 ") == result.answer.rfind("HTTP/1.1 "));
        server end;
        std::vector<std::byte> block = bytes(result.rest);
        end.feed(std::span<std::byte>(block));
        const bool frame = behind[0] == '\x81';
        CHECK(end.told().find(frame ? "text(\"early\")" : "failed(1002") == 0);
    }
}

TEST_CASE(
    "threats: cache poisoning (Huang et al. 2011, RFC 6455 10.3), each frame has a key of its "
    "own that nobody can choose",
    "[threats]") {
    constexpr std::array<std::byte, 32> seed{std::byte{0x5E}};
    masking_key_source source(seed);
    connection<role::client> end(source, limits{.max_output = 1u << 24});
    constexpr std::size_t count = 100'000;
    std::vector<std::uint32_t> keys;
    std::vector<std::array<double, 256>> seen(4);
    const std::string poison = "GET /evil.js HTTP/1.1\r\nHost: victim\r\n\r\n";
    for (std::size_t i = 0; i < count; ++i) {
        // The ways to send, in turn: all have the same payload.
        const auto payload = bytes(poison);
        errc error = errc::success;
        switch (i % 4) {
        case 0: error = end.send_text(poison); break;
        case 1: error = end.ping(payload); break;
        case 2: error = end.send_fragment(opcode::binary, payload, false); break;
        default: error = end.send_fragment(opcode::binary, payload, true); break;
        }
        if (error != errc::success) FAIL(message(error));
        const std::string wire = text_of(end.output());
        if (wire.find("GET /evil.js") != std::string::npos) FAIL("the payload stands on the wire");
        const std::vector<wire_frame> frames = frames_of(end.output());
        if (frames.size() != 1 || !frames[0].masked || frames[0].payload != poison) FAIL(i);
        std::uint32_t key = 0;
        for (std::size_t k = 0; k < 4; ++k) {
            seen[k][frames[0].key[k]] += 1;
            key = key << 8 | frames[0].key[k];
        }
        if (key == 0) FAIL("a key of zeros shows the payload");
        keys.push_back(key);
        end.consume_output(end.output().size());
    }
    CHECK(std::adjacent_find(keys.begin(), keys.end()) == keys.end());
    std::sort(keys.begin(), keys.end());
    const auto repeated = keys.end() - std::unique(keys.begin(), keys.end());
    CHECK(repeated <= 8); // 1.2 are to be expected of 2^32
    for (const std::array<double, 256>& octet : seen) {
        const double expected = static_cast<double>(count) / 256;
        double chi = 0;
        for (const double n : octet)
            chi += (n - expected) * (n - expected) / expected;
        // 255 degrees of freedom: one in ten thousand lies outside. The seed is the same each time.
        CHECK(chi > 175);
        CHECK(chi < 350);
    }
}

TEST_CASE("threats: cache poisoning, two sources with other seeds have no keys in common order",
          "[threats]") {
    std::array<std::byte, 32> seed{};
    masking_key_source first(seed);
    seed[31] = std::byte{1};
    masking_key_source second(seed);
    int same = 0;
    for (int i = 0; i < 10'000; ++i)
        same += first.next() == second.next() ? 1 : 0;
    CHECK(same == 0);
}

TEMPLATE_TEST_CASE("threats: RFC 6455 5.1, a frame that is masked the wrong way round ends it with "
                   "1002, before its payload",
                   "[threats]", FRAMEWIRE_THREAT_DRIVERS) {
    for (const unsigned first : {0x81u, 0x82u, 0x01u, 0x89u, 0x8Au, 0x88u}) {
        const std::string frame =
            frame_writer(TestType::side).frame_of_wrong_role(first, "payload").str();
        for (const std::size_t size : {std::size_t{2}, frame.size()}) {
            TestType end;
            end.receive(std::string_view(frame).substr(0, size));
            CHECK(end.error() ==
                  (TestType::side == role::server ? errc::frame_not_masked : errc::frame_masked));
            CHECK(end.close_sent() == 1002);
            CHECK(end.messages() == 0);
        }
    }
}

TEST_CASE("threats: Qt 6b31ac7, masking is exact for every key octet, offset and size",
          "[threats]") {
    for (const unsigned fill : {0x00u, 0x7Fu, 0x80u, 0xFFu}) {
        masking_key key;
        key.octets = {static_cast<std::byte>(fill), std::byte{0x80}, std::byte{0xFF},
                      std::byte{0x7F}};
        for (std::size_t size = 0; size <= 300; ++size) {
            std::vector<std::byte> data(size, static_cast<std::byte>(0xFF - fill));
            const masking_key next = mask_in_place(data, key);
            for (std::size_t i = 0; i < size; ++i) {
                if (data[i] != (static_cast<std::byte>(0xFF - fill) ^ key.octets[i % 4])) FAIL(i);
            }
            for (std::size_t i = 0; i < 4; ++i) {
                if (next.octets[i] != key.octets[(size + i) % 4]) FAIL(size);
            }
        }
    }
}
