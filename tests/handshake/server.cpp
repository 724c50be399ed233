// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/handshake/server.hpp>

#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/chunker.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace framewire;
using namespace std::string_view_literals;

static_assert(sizeof(server_handshake) <= 256);

// RFC 6455 1.3, with the request line of 1.2.
constexpr auto example = test::byte_array("GET /chat HTTP/1.1\r\n"
                                          "Host: server.example.com\r\n"
                                          "Upgrade: websocket\r\n"
                                          "Connection: Upgrade\r\n"
                                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                          "Origin: http://example.com\r\n"
                                          "Sec-WebSocket-Protocol: chat, superchat\r\n"
                                          "Sec-WebSocket-Version: 13\r\n\r\n"
                                          "\x81\x85");

constexpr bool answers_the_example() {
    std::array<char, 512> storage{};
    std::array<char, 256> out{};
    server_handshake handshake(storage);
    std::span<const std::byte> in(example);
    if (handshake.feed(in) != handshake_status::complete || in.size() != 2) return false;
    const upgrade_request& request = handshake.request();
    const written answer = handshake.write_accept(out, {.subprotocol = "chat"});
    return request.target == "/chat" && request.host == "server.example.com" &&
           request.origin == "http://example.com" && request.key == "dGhlIHNhbXBsZSBub25jZQ==" &&
           handshake.error() == errc::success && handshake.error_line() == 0 &&
           std::string_view(out.data(), answer.size) ==
               "HTTP/1.1 101 Switching Protocols\r\n"
               "Upgrade: websocket\r\n"
               "Connection: Upgrade\r\n"
               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
               "Sec-WebSocket-Protocol: chat\r\n\r\n";
}
static_assert(answers_the_example());

const std::string lines = "Host: h\r\n"
                          "Upgrade: websocket\r\n"
                          "Connection: Upgrade\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                          "Sec-WebSocket-Version: 13\r\n";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

std::string request_with(std::string_view from, std::string_view to) {
    return replaced("GET / HTTP/1.1\r\n" + lines + "\r\n", from, to);
}

struct answer {
    errc error = errc::success;
    std::string text; ///< What the server would write.
    std::string rest; ///< What it left of the input.
};

bool operator==(const answer& a, const answer& b) {
    return a.error == b.error && a.text == b.text && a.rest == b.rest;
}

// Runs a server over the input cut in every way; all have to come to the same.
answer serve(std::string_view input, std::size_t limit = 1024, std::size_t max_fields = 100) {
    answer first;
    bool any = false;
    test::for_each_chunking(test::bytes(input), [&](const test::chunk_list& chunks) {
        const auto storage = std::make_unique<char[]>(limit);
        server_handshake handshake(std::span(storage.get(), limit), max_fields);
        answer result;
        for (std::span<const std::byte> in : chunks) {
            const handshake_status status = handshake.feed(in);
            if (status == handshake_status::need_data && !in.empty()) FAIL("left what it needs");
            result.rest += test::text_of(in);
        }
        std::array<char, 512> out{};
        result.error = handshake.error();
        if (handshake.status() != handshake_status::need_data) {
            const written answered = result.error == errc::success
                                         ? handshake.write_accept(out)
                                         : handshake.write_reject(out, handshake.rejection());
            if (answered.error != errc::success) FAIL(message(answered.error));
            result.text.assign(out.data(), answered.size);
        }
        if (any && !(result == first)) FAIL("differs by chunking: " << first.text << result.text);
        first = result;
        any = true;
    });
    return first;
}

std::string refusal(std::string_view status, std::string_view body, std::string_view more = "") {
    std::string connection = "Connection: close\r\n";
    if (status.starts_with("426")) {
        connection = "Connection: close, Upgrade\r\nUpgrade: websocket\r\n"
                     "Sec-WebSocket-Version: 13\r\n";
    }
    const std::string content = std::string(status) + ": " + std::string(body) + "\n";
    return "HTTP/1.1 " + std::string(status) + "\r\n" + connection + std::string(more) +
           "Content-Type: text/plain; charset=utf-8\r\nContent-Length: " +
           std::to_string(content.size()) + "\r\n\r\n" + content;
}

} // namespace

TEST_CASE("server_handshake: accepts the example of the RFC at every split point",
          "[rfc6455-1.3]") {
    const answer result = serve(test::text_of(example));
    CHECK(result.error == errc::success);
    CHECK(result.rest == "\x81\x85"); // frames that came with the head
    CHECK(result.text == "HTTP/1.1 101 Switching Protocols\r\n"
                         "Upgrade: websocket\r\n"
                         "Connection: Upgrade\r\n"
                         "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
}

TEST_CASE("server_handshake: accepts what clients send in practice", "[rfc6455-4.2.1]") {
    for (const std::string& request : {
             request_with("websocket", "WebSocket"),
             request_with("websocket", "foo, websocket"),
             request_with("Connection: Upgrade", "Connection: keep-alive, Upgrade"),
             request_with("Connection: Upgrade", "Connection: keep-alive\r\nconnection: upgrade"),
             request_with("Host: h", "host:\th:80\t"),
             request_with("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n"),
             request_with("\r\n\r\n", "\r\nCookie: \xff\x80\r\nEmpty:\r\n\r\n"),
             request_with("GET /", "GET http://h/"),
             request_with("GET / ", "GET /?{|}^ "),
         }) {
        CAPTURE(request);
        CHECK(serve(request).error == errc::success);
    }
}

TEST_CASE("server_handshake: refuses a bad request with its status and a sentence",
          "[rfc6455-4.2.1][rfc6455-4.2.2]") {
    struct row {
        std::string request;
        errc error;
        std::string_view status;
        std::string_view body;
        std::string_view more = "";
    };
    const auto without = [](std::string_view line) { return request_with(line, ""); };
    const std::string_view bad = "400 Bad Request";
    const std::string_view no_version_13 = "Sec-WebSocket-Version is not 13";
    const std::vector<row> rows = {
        // Item 1
        {request_with("GET", "POST"), errc::method_not_get, "405 Method Not Allowed",
         "the request method is not GET", "Allow: GET\r\n"},
        {request_with("GET", "get"), errc::method_not_get, "405 Method Not Allowed",
         "the request method is not GET", "Allow: GET\r\n"},
        {request_with("HTTP/1.1", "HTTP/1.0"), errc::http_version_not_supported,
         "505 HTTP Version Not Supported", "the HTTP version is not 1.1"},
        {request_with("HTTP/1.1", "HTTP/2.0"), errc::http_version_not_supported,
         "505 HTTP Version Not Supported", "the HTTP version is not 1.1 (line 1)"},
        {request_with("GET / ", "GET * "), errc::bad_request_target, bad,
         "the request target is malformed"},
        {request_with("GET / ", "GET /#a "), errc::bad_request_target, bad,
         "the request target is malformed (line 1)"},
        // Item 2
        {without("Host: h\r\n"), errc::missing_host, bad, "the request has no Host field"},
        {request_with("Host: h", "Host:"), errc::missing_host, bad,
         "the request has no Host field"},
        {request_with("Host: h", "Host: h\r\nHost: h"), errc::repeated_host, bad,
         "the request has more than one Host field"},
        {request_with("Host: h", "Host: h/x"), errc::bad_host, bad,
         "the Host field is not a host with an optional port"},
        // Item 3
        {without("Upgrade: websocket\r\n"), errc::missing_upgrade, bad,
         "the request has no Upgrade field that names websocket"},
        {request_with("Upgrade: websocket", "Upgrade: h2c"), errc::missing_upgrade, bad,
         "the request has no Upgrade field that names websocket"},
        // Item 4
        {without("Connection: Upgrade\r\n"), errc::missing_connection_upgrade, bad,
         "the request has no Connection field that names Upgrade"},
        {request_with("Connection: Upgrade", "Connection: close"), errc::missing_connection_upgrade,
         bad, "the request has no Connection field that names Upgrade"},
        // Item 6
        {without("Sec-WebSocket-Version: 13\r\n"), errc::missing_version, bad,
         "the request has no Sec-WebSocket-Version field"},
        {request_with("13", "8"), errc::version_not_supported, "426 Upgrade Required",
         no_version_13},
        {request_with("13", "0"), errc::version_not_supported, "426 Upgrade Required",
         no_version_13},
        {request_with("13", "13, 8"), errc::version_not_supported, "426 Upgrade Required",
         no_version_13},
        {request_with("13", "256"), errc::version_not_supported, "426 Upgrade Required",
         no_version_13},
        {request_with("13", "013"), errc::version_not_supported, "426 Upgrade Required",
         no_version_13},
        {request_with("13\r\n", "13\r\nSec-WebSocket-Version: 13\r\n"), errc::version_not_supported,
         "426 Upgrade Required", no_version_13},
        // Item 5
        {without("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), errc::missing_key, bad,
         "the request has no Sec-WebSocket-Key field"},
        {request_with("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ="), errc::bad_key, bad,
         "Sec-WebSocket-Key is not one Base64 value of 16 bytes"},
        {request_with("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j\xff\xff=="), errc::bad_key,
         bad, "Sec-WebSocket-Key is not one Base64 value of 16 bytes"},
        {request_with("ZQ==\r\n", "ZQ==\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"),
         errc::bad_key, bad, "Sec-WebSocket-Key is not one Base64 value of 16 bytes"},
        // RFC 9112 6: a body
        {request_with("\r\n\r\n", "\r\nContent-Length: 5\r\n\r\nhello"), errc::request_has_body,
         bad, "a request for an upgrade may not have a body"},
        {request_with("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
         errc::request_has_body, bad, "a request for an upgrade may not have a body"},
        // RFC 6454 7.3
        {request_with("\r\n\r\n", "\r\nOrigin: a\r\norigin: b\r\n\r\n"), errc::repeated_origin, bad,
         "the request has more than one Origin field"},
        // Items 8 and 9
        {request_with("\r\n\r\n", "\r\nSec-WebSocket-Protocol: a, \xc3\xa4\r\n\r\n"),
         errc::bad_subprotocol_list, bad, "Sec-WebSocket-Protocol is malformed"},
        {request_with("\r\n\r\n", "\r\nSec-WebSocket-Extensions: a;\r\n\r\n"),
         errc::bad_extension_list, bad, "Sec-WebSocket-Extensions is malformed"},
        // HTTP
        {"\x16\x03\x01\x02", errc::bad_character, bad,
         "the HTTP head has a character that is not allowed there (line 1)"},
        {request_with("Host: h\r\n", "Host: h\n"), errc::bad_line_ending, bad,
         "a line of the HTTP head does not end in CR LF (line 2)"},
        {request_with("Host: h\r\n", "Host : h\r\n"), errc::bad_field_line, bad,
         "a field line of the HTTP head is malformed (line 2)"},
        {request_with("Upgrade: websocket\r\n", "Upgrade:\r\n websocket\r\n"),
         errc::obsolete_line_folding, bad, "a field line of the HTTP head is folded (line 4)"},
        {request_with("Host: h", "Host: h\x01"), errc::bad_character, bad,
         "the HTTP head has a character that is not allowed there (line 2)"},
        {request_with("Host", "H\xc3\xb6st"), errc::bad_character, bad,
         "the HTTP head has a character that is not allowed there (line 2)"},
    };
    for (const row& r : rows) {
        CAPTURE(r.request);
        const answer result = serve(r.request);
        CHECK(message(result.error) == message(r.error));
        CHECK(result.text == refusal(r.status, r.body, r.more));
    }
}

TEST_CASE("server_handshake: refuses heads beyond its limits", "[rfc9110-15.5.15][rfc6585-5]") {
    const std::string request = request_with("GET", "GET");
    CHECK(serve(request, request.size()).error == errc::success);
    CHECK(serve(request, request.size() - 1).text ==
          refusal("431 Request Header Fields Too Large",
                  "the HTTP head is larger than the limit (line 7)"));
    CHECK(serve(request_with("GET /", "GET /" + std::string(100, 'a')), 64).text ==
          refusal("414 URI Too Long", "the HTTP head is larger than the limit (line 1)"));
    CHECK(serve(request, 1024, 5).error == errc::success);
    CHECK(serve(request, 1024, 4).text ==
          refusal("431 Request Header Fields Too Large",
                  "the HTTP head has more fields than the limit (line 6)"));
}

TEST_CASE("server_handshake: answers HEAD without content", "[rfc9110-9.3.2]") {
    for (const std::string& request :
         {request_with("GET", "HEAD"), std::string("HEAD / HTTP/1.1\r\n\n")}) {
        const std::string text = serve(request).text;
        CAPTURE(text);
        CHECK(text.find("Content-Length: ") != std::string::npos);
        CHECK(text.ends_with("\r\n\r\n"));
    }
}

TEST_CASE("server_handshake: every line taken out, doubled, emptied or made non-ASCII",
          "[rfc6455-4.2.1]") {
    // CVE-2024-37890, and the like: never a crash, always one definite answer.
    std::vector<std::string> all;
    for (std::size_t at = 0; at < lines.size(); at = lines.find("\r\n", at) + 2) {
        all.push_back(lines.substr(at, lines.find("\r\n", at) + 2 - at));
    }
    REQUIRE(all.size() == 5);
    const auto request = [](const std::vector<std::string>& parts) {
        std::string text = "GET / HTTP/1.1\r\n";
        for (const std::string& part : parts)
            text += part;
        return text + "\r\n";
    };
    for (std::size_t mask = 0; mask < 32; ++mask) {
        std::vector<std::string> some;
        for (std::size_t i = 0; i < all.size(); ++i) {
            if ((mask >> i & 1) != 0) some.push_back(all[i]);
        }
        CAPTURE(mask);
        const answer result = serve(request(some));
        CHECK((result.error == errc::success) == (mask == 31));
        CHECK(result.text.starts_with(mask == 31 ? "HTTP/1.1 101 " : "HTTP/1.1 400 "));
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
        CAPTURE(all[i]);
        const bool list = all[i].starts_with("Upgrade") || all[i].starts_with("Connection");
        auto doubled = all;
        doubled.push_back(all[i]);
        CHECK((serve(request(doubled)).error == errc::success) == list);

        auto emptied = all;
        emptied[i] = all[i].substr(0, all[i].find(':') + 1) + "\r\n";
        CHECK(serve(request(emptied)).text.starts_with("HTTP/1.1 4"));

        auto foreign = all;
        foreign[i].insert(all[i].find(':') + 3, "\xc3\xa4");
        CHECK(serve(request(foreign)).text.starts_with("HTTP/1.1 4"));
    }
}

TEST_CASE("server_handshake: what follows a refused request is not read as another one") {
    // Upgrade smuggling: one answer, and the rest stays where it is.
    const std::string second = request_with("GET /", "GET /secret");
    for (const std::string& first :
         {request_with("13", "777"), request_with("Host: h", "Host : h"), std::string("\x16")}) {
        std::vector<char> storage(1024);
        server_handshake handshake(storage);
        const auto data = test::bytes(first + second);
        std::span<const std::byte> in(data);
        CHECK(handshake.feed(in) == handshake_status::failed);
        const errc error = handshake.error();
        const std::size_t left = in.size();
        CHECK(left >= second.size());
        CHECK(handshake.feed(in) == handshake_status::failed);
        CHECK(handshake.error() == error);
        CHECK(in.size() == left);
        CHECK(handshake.request().target.empty());
        std::array<char, 256> out{};
        CHECK(handshake.write_accept(out).error == error);
    }
}

TEST_CASE("server_handshake: a complete handshake takes nothing more") {
    std::vector<char> storage(1024);
    server_handshake handshake(storage);
    const auto data = test::bytes(request_with("Host", "Host") + "\x81\x80");
    std::span<const std::byte> in(data);
    CHECK(handshake.feed(in) == handshake_status::complete);
    CHECK(handshake.feed(in) == handshake_status::complete);
    CHECK(in.size() == 2);
}

TEST_CASE("server_handshake: there is nothing to accept before the request is complete") {
    std::vector<char> storage(1024);
    std::array<char, 256> out{};
    server_handshake handshake(storage);
    CHECK(handshake.write_accept(out).error == errc::not_open);
    CHECK(handshake.rejection().status == 403);
    // A program that gives up waiting can say so.
    CHECK(handshake.write_reject(out, {.status = 408, .cause = errc::open_timeout}).error ==
          errc::success);
}

TEST_CASE("server_handshake: rejects a good request when the application wants to") {
    std::vector<char> storage(1024);
    server_handshake handshake(storage);
    std::span<const std::byte> in(example);
    CHECK(handshake.feed(in) == handshake_status::complete);
    std::array<char, 256> out{};
    const written result = handshake.write_reject(out, {.status = 404});
    CHECK(std::string_view(out.data(), result.size).starts_with("HTTP/1.1 404 Not Found\r\n"));
}

TEST_CASE("server_handshake: reads 16 KiB in single bytes") {
    std::string request = request_with("Host", "Host");
    request.resize(request.size() - 2);
    while (request.size() + 200 < 16 * 1024)
        request += "Cookie: " + std::string(170, 'c') + "\r\n";
    request += "\r\n";
    std::vector<char> storage(16 * 1024);
    server_handshake handshake(storage);
    for (const std::byte one : test::bytes(request)) {
        std::span<const std::byte> in(&one, 1);
        if (handshake.feed(in) == handshake_status::failed) FAIL(message(handshake.error()));
    }
    CHECK(handshake.status() == handshake_status::complete);
}
