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

std::string adding(std::string_view fields) {
    return request_with("\r\n\r\n", "\r\n" + std::string(fields) + "\r\n\r\n");
}

// RFC 6455 1.3: what the server says to any of these requests that it accepts.
const std::string accepted = "HTTP/1.1 101 Switching Protocols\r\n"
                             "Upgrade: websocket\r\n"
                             "Connection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

struct answer {
    errc error = errc::success;
    std::string text;         ///< What the server would write.
    std::string rest;         ///< What it left of the input.
    std::string target, host; ///< What it was asked for, when it accepts.

    friend bool operator==(const answer&, const answer&) = default;
};

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
            result.target = handshake.request().target;
            result.host = handshake.request().host;
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

struct bad_request {
    std::string text;
    std::size_t line = 0; ///< The one to blame, if one is.
};

// Each request is refused for that cause, with that status and a sentence that says why.
void check_refused(errc error, std::string_view status, const std::vector<bad_request>& requests,
                   std::string_view more = "") {
    for (const bad_request& request : requests) {
        CAPTURE(request.text);
        std::string body(message(error));
        if (request.line != 0) body += " (line " + std::to_string(request.line) + ")";
        const answer result = serve(request.text);
        CHECK(message(result.error) == message(error));
        CHECK(result.text == refusal(status, body, more));
    }
}

} // namespace

TEST_CASE("server_handshake: accepts the example of the RFC at every split point",
          "[rfc6455-1.3]") {
    const answer result = serve(test::text_of(example));
    CHECK(result.error == errc::success);
    CHECK(result.rest == "\x81\x85"); // frames that came with the head
    CHECK(result.text == accepted);
}

TEST_CASE("server_handshake: accepts what clients send in practice", "[rfc6455-4.2.1]") {
    for (const std::string& request : {
             request_with("Host: h", "host:\th:80\t"),
             request_with("\r\n\r\n", "\r\nCookie: \xff\x80\r\nEmpty:\r\n\r\n"),
             request_with("GET / ", "GET /?{|}^ "),
         }) {
        CAPTURE(request);
        CHECK(serve(request).text == accepted);
    }
}

TEST_CASE("server_handshake: leaves frames where they can be unmasked in place", "[rfc6455-5.3]") {
    std::vector<std::byte> input(example.begin(), example.end());
    std::array<char, 512> storage{};
    server_handshake handshake(storage);
    for (std::span<std::byte> in : {std::span(input).first(100), std::span(input).subspan(100)}) {
        const handshake_status status = handshake.feed(in);
        CHECK(in.size() == (status == handshake_status::complete ? 2u : 0u));
        CHECK(in.data() + in.size() == input.data() + (in.empty() ? 100u : input.size()));
    }
    CHECK(handshake.status() == handshake_status::complete);
}

TEST_CASE("server_handshake: leaves the frames that came with the request", "[rfc6455-4.2.2]") {
    const std::string request = request_with("GET", "GET");
    for (const std::string_view rest : {""sv, "\x81"sv, "\x89\x80\0\0\0\0\x82\xfe"sv, "\r\n"sv,
                                        "GET /secret HTTP/1.1\r\n\r\n"sv}) {
        const answer result = serve(request + std::string(rest));
        CHECK(result.text == accepted);
        CHECK(result.rest == rest);
    }
}

// RFC 6455 4.2.1, item 1

TEST_CASE("server_handshake: refuses a method that is not GET with 405", "[rfc6455-4.2.1]") {
    check_refused(errc::method_not_get, "405 Method Not Allowed",
                  {{request_with("GET", "POST")},
                   {request_with("GET", "get")},
                   {request_with("GET", "GETS")},
                   {request_with("GET", "OPTIONS")},
                   {request_with("GET", "CONNECT")}},
                  "Allow: GET\r\n");
}

TEST_CASE("server_handshake: refuses any HTTP version below 1.1 or of another major with 505",
          "[rfc6455-4.2.1][rfc9110-15.6.6]") {
    check_refused(errc::http_version_not_supported, "505 HTTP Version Not Supported",
                  {{request_with("HTTP/1.1", "HTTP/1.0")},
                   {request_with("HTTP/1.1", "HTTP/0.9"), 1},
                   {request_with("HTTP/1.1", "HTTP/2.0"), 1},
                   {request_with("HTTP/1.1", "HTTP/3"), 1}});
    CHECK(serve(request_with("HTTP/1.1", "HTTP/1.2")).text == accepted);
}

TEST_CASE("server_handshake: refuses a target that is neither a path nor an absolute URI",
          "[rfc9112-3.2]") {
    check_refused(errc::bad_request_target, "400 Bad Request",
                  {{request_with("GET / ", "GET * ")},
                   {request_with("GET / ", "GET h:80 ")},
                   {request_with("GET / ", "GET chat ")},
                   {request_with("GET / ", "GET ftp://h/ ")},
                   {request_with("GET / ", "GET http:///chat ")},
                   {request_with("GET / ", "GET /#a "), 1}});
}

TEST_CASE("server_handshake: an absolute target says the host, whatever Host says",
          "[rfc6455-4.2.1][rfc9112-3.2.2]") {
    struct row {
        std::string_view target;
        std::string_view path;
        std::string_view host;
    };
    for (const row& r : {row{"/chat?a", "/chat?a", "h"}, row{"ws://other/chat", "/chat", "other"},
                         row{"wss://other:1?a", "?a", "other:1"}, row{"http://other", "/", "other"},
                         row{"HTTPS://[::1]/", "/", "[::1]"}}) {
        CAPTURE(r.target);
        const answer result = serve(request_with("GET /", "GET " + std::string(r.target)));
        CHECK(result.text == accepted);
        CHECK(result.target == r.path);
        CHECK(result.host == r.host);
    }
}

// Item 2

TEST_CASE("server_handshake: refuses a request without a host", "[rfc6455-4.2.1][rfc9112-3.2]") {
    check_refused(errc::missing_host, "400 Bad Request",
                  {{request_with("Host: h\r\n", "")},
                   {request_with("Host: h", "Host:")},
                   {request_with("Host: h", "Host: \t")},
                   {request_with("GET / HTTP/1.1\r\nHost: h", "GET ws://h/ HTTP/1.1")}});
}

TEST_CASE("server_handshake: refuses a request with two Host fields", "[rfc9112-3.2]") {
    check_refused(errc::repeated_host, "400 Bad Request",
                  {{request_with("Host: h", "Host: h\r\nHost: h")},
                   {request_with("Host: h", "Host: h\r\nhost: other")},
                   {request_with("\r\n\r\n", "\r\nHOST:\r\n\r\n")}});
}

TEST_CASE("server_handshake: refuses a Host that is not a host with an optional port",
          "[rfc9112-3.2]") {
    check_refused(errc::bad_host, "400 Bad Request",
                  {{request_with("Host: h", "Host: h/x")},
                   {request_with("Host: h", "Host: a b")},
                   {request_with("Host: h", "Host: u@h")},
                   {request_with("Host: h", "Host: ::1")},
                   {request_with("Host: h", "Host: h:65536")},
                   {request_with("Host: h", "Host: ws://h")}});
}

// Items 3 and 4

TEST_CASE("server_handshake: refuses a request whose Upgrade does not name websocket",
          "[rfc6455-4.2.1]") {
    check_refused(errc::missing_upgrade, "400 Bad Request",
                  {{request_with("Upgrade: websocket\r\n", "")},
                   {request_with("Upgrade: websocket", "Upgrade:")},
                   {request_with("Upgrade: websocket", "Upgrade: h2c")},
                   {request_with("Upgrade: websocket", "Upgrade: websockets")},
                   {request_with("Upgrade: websocket", "Upgrade: web, socket")},
                   {request_with("Upgrade: websocket", "Upgrade: \"websocket\"")},
                   {request_with("Upgrade: websocket", "Upgrade: web\r\nUpgrade: socket")}});
}

TEST_CASE("server_handshake: finds websocket among the tokens of Upgrade, in any case",
          "[rfc6455-4.2.1][rfc9110-7.8]") {
    for (const std::string_view upgrade :
         {"Upgrade: WebSocket", "upgrade:WEBSOCKET", "Upgrade: foo, websocket",
          "Upgrade: websocket , h2c", "Upgrade: ,websocket,", "Upgrade: h2c\r\nUpgrade: WebSocket",
          "Upgrade: websocket\r\nUpgrade: h2c"}) {
        CAPTURE(upgrade);
        CHECK(serve(request_with("Upgrade: websocket", upgrade)).text == accepted);
    }
}

TEST_CASE("server_handshake: refuses a request whose Connection does not name Upgrade",
          "[rfc6455-4.2.1]") {
    check_refused(errc::missing_connection_upgrade, "400 Bad Request",
                  {{request_with("Connection: Upgrade\r\n", "")},
                   {request_with("Connection: Upgrade", "Connection:")},
                   {request_with("Connection: Upgrade", "Connection: close")},
                   {request_with("Connection: Upgrade", "Connection: keep-alive")},
                   {request_with("Connection: Upgrade", "Connection: Upgraded")},
                   {request_with("Connection: Upgrade", "Connection: keep-alive Upgrade")},
                   {request_with("Connection: Upgrade", "Proxy-Connection: Upgrade")}});
}

TEST_CASE("server_handshake: finds Upgrade in the lists of all Connection lines, in any case",
          "[rfc6455-4.2.1][rfc9110-7.6.1]") {
    for (const std::string_view connection :
         {"connection:UPGRADE", "Connection: keep-alive, Upgrade", // Firefox
          "Connection: Upgrade,Keep-Alive", "Connection: ,, upgrade",
          "Connection: keep-alive\r\nconnection: upgrade",
          "Connection: Upgrade\r\nConnection: keep-alive", "Connection:\r\nConnection: Upgrade"}) {
        CAPTURE(connection);
        CHECK(serve(request_with("Connection: Upgrade", connection)).text == accepted);
    }
}

// Item 5

TEST_CASE("server_handshake: refuses a request without a key", "[rfc6455-4.2.1]") {
    check_refused(errc::missing_key, "400 Bad Request",
                  {{request_with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "")},
                   {request_with("Sec-WebSocket-Key:", "Sec-WebSocket-Keys:")}});
}

TEST_CASE("server_handshake: refuses a key that is not the Base64 form of 16 bytes",
          "[rfc6455-4.2.1]") {
    const auto with_key = [](std::string_view key) {
        return request_with("dGhlIHNhbXBsZSBub25jZQ==", key);
    };
    check_refused(errc::bad_key, "400 Bad Request",
                  {{with_key("")},
                   {with_key("dGhlIHNhbXBsZSBub25jZQ=")},   // 23 characters
                   {with_key("dGhlIHNhbXBsZSBub25jZQ===")}, // 25 characters
                   {with_key("dGhlIHNhbXBsZSBub25jZQ")},    // without its padding
                   {with_key("dGhlIHNhbXBsZSBub25jZQA=")},  // 17 bytes
                   {with_key("dGhlIHNhbXBsZSBub25jZQAA")},  // 18 bytes
                   {with_key("dGhlIHNhbXBsZSBub25j")},      // 15 bytes
                   {with_key("dGhlIHNhbXBsZSBub25j_Q==")},  // the URL alphabet
                   {with_key("dGhlIHNhbXBs SBub25jZQ==")},
                   {with_key("dGhlIHNhbXBsZSBub25j\xff\xff==")},
                   {with_key("dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==")}});
}

TEST_CASE("server_handshake: refuses a request with two keys", "[rfc6455-11.3.1]") {
    check_refused(errc::bad_key, "400 Bad Request",
                  {{request_with("ZQ==\r\n", "ZQ==\r\nSec-WebSocket-Key: "
                                             "dGhlIHNhbXBsZSBub25jZQ==\r\n")},
                   {request_with("ZQ==\r\n", "ZQ==\r\nsec-websocket-key: "
                                             "AQIDBAUGBwgJCgsMDQ4PEC==\r\n")},
                   {request_with("ZQ==\r\n", "ZQ==\r\nSec-WebSocket-Key:\r\n")}});
}

TEST_CASE("server_handshake: proves that it read the key", "[rfc6455-1.3][rfc6455-4.2.2]") {
    CHECK(accepted.find("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") !=
          std::string::npos);
    // RFC 6455 4.1, item 7. The answer is that of Python's hashlib and base64.
    CHECK(serve(request_with("dGhlIHNhbXBsZSBub25jZQ==", "AQIDBAUGBwgJCgsMDQ4PEC==")).text ==
          replaced(accepted, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "OfS0wDaT5NoxF2gqm7Zj2YtetzM="));
}

// Item 6, and 4.4

TEST_CASE("server_handshake: refuses a request without a version", "[rfc6455-4.2.1]") {
    check_refused(errc::missing_version, "400 Bad Request",
                  {{request_with("Sec-WebSocket-Version: 13\r\n", "")}});
}

TEST_CASE("server_handshake: answers any version but 13 with 426, which names 13 and websocket",
          "[rfc6455-4.2.2][rfc6455-4.4][rfc9110-15.5.22]") {
    std::vector<bad_request> requests;
    for (const std::string_view version :
         {"",    "0",   "4",    "7",   "8",   "12",    "14",    "25",     "130", "255",
          "256", "013", "13.0", "+13", "1 3", "13, 8", "8, 13", "13, 13", "13,", "\xff"}) {
        requests.push_back({request_with("Version: 13", "Version: " + std::string(version))});
    }
    requests.push_back({request_with("13\r\n", "13\r\nSec-WebSocket-Version: 13\r\n")});
    requests.push_back({request_with("13\r\n", "8\r\nSec-WebSocket-Version: 13\r\n")});
    requests.push_back({request_with("13\r\n", "13\r\nsec-websocket-version: 8\r\n")});
    check_refused(errc::version_not_supported, "426 Upgrade Required", requests);
}

TEST_CASE("server_handshake: white space around a value is no part of it", "[rfc9112-5.1]") {
    for (const std::string_view version : {"Version:13", "Version:  13", "Version: 13 \t"}) {
        CAPTURE(version);
        CHECK(serve(request_with("Version: 13", version)).text == accepted);
    }
    CHECK(serve(request_with("ZQ==", "ZQ==\t ")).text == accepted);
}

// Items 8 and 9, and 9.1

TEST_CASE("server_handshake: refuses a malformed list of subprotocols", "[rfc6455-4.2.1]") {
    const auto offering = [](std::string_view list) {
        return adding("Sec-WebSocket-Protocol: " + std::string(list));
    };
    check_refused(errc::bad_subprotocol_list, "400 Bad Request",
                  {{offering("a, \xc3\xa4")},
                   {offering("a b")},
                   {offering("\"a\"")},
                   {offering("a\r\nSec-WebSocket-Protocol: b/c")}});
}

TEST_CASE("server_handshake: refuses a malformed list of extensions", "[rfc6455-9.1]") {
    const auto offering = [](std::string_view list) {
        return adding("Sec-WebSocket-Extensions: " + std::string(list));
    };
    check_refused(errc::bad_extension_list, "400 Bad Request",
                  {{offering("a;")},
                   {offering("a; b=\"c d\"")},
                   {offering("a; b=\"c")},
                   {offering("=")},
                   {offering("good\r\nSec-WebSocket-Extensions: a b")}});
}

TEST_CASE("server_handshake: ignores what it does not know, and chooses nothing by itself",
          "[rfc6455-4.2.2][rfc6455-9.1]") {
    for (const std::string& request :
         {adding("Sec-WebSocket-Extensions: x-unknown; a=\"b\", x-webkit-deflate-frame"),
          adding("Sec-WebSocket-Extensions: permessage-deflate"),
          adding("Sec-WebSocket-Extensions: ,"), adding("Sec-WebSocket-Protocol: chat"),
          adding("Sec-WebSocket-Protocol: , chat,"), adding("Sec-WebSocket-Accept: x"),
          adding("X-Unknown: y")}) {
        CAPTURE(request);
        CHECK(serve(request).text == accepted);
    }
}

TEST_CASE("server_handshake: the 101 has one Upgrade, one Connection and no empty field",
          "[rfc6455-4.2.2][rfc9110-7.6.1][rfc9110-7.8]") {
    const auto data = test::bytes(adding("Sec-WebSocket-Protocol: chat\r\n"
                                         "Sec-WebSocket-Extensions: x-one, x-two"));
    std::vector<char> storage(1024);
    server_handshake handshake(storage);
    std::span<const std::byte> in(data);
    REQUIRE(handshake.feed(in) == handshake_status::complete);
    const std::array more = {http_field{"Server", "x"}, http_field{"Set-Cookie", "a=b"}};
    for (const bool subprotocol : {false, true}) {
        for (const bool extension : {false, true}) {
            for (const bool fields : {false, true}) {
                server_response response;
                if (subprotocol) response.subprotocol = "chat";
                if (extension) response.extensions = "x-two";
                if (fields) response.fields = more;
                std::array<char, 512> out{};
                const written answer = handshake.write_accept(out, response);
                REQUIRE(answer.error == errc::success);
                std::array<char, 512> copy{};
                http_head_reader<head_kind::response> reader(copy);
                std::span<const std::byte> sent = std::as_bytes(std::span(out).first(answer.size));
                REQUIRE(reader.feed(sent) == head_status::complete);
                CHECK(sent.empty());
                CHECK(reader.status_code() == 101);
                CHECK(reader.minor_version() == 1);
                const http_fields all = reader.fields();
                CHECK(all.count("Upgrade") == 1);
                CHECK(all.find("Upgrade") == "websocket");
                CHECK(all.count("Connection") == 1);
                CHECK(all.find("Connection") == "Upgrade");
                CHECK(all.count("Sec-WebSocket-Accept") == 1);
                CHECK(all.count("Sec-WebSocket-Protocol") == (subprotocol ? 1 : 0));
                CHECK(all.count("Sec-WebSocket-Extensions") == (extension ? 1 : 0));
                std::size_t count = 0;
                for (const http_field field : all) {
                    CHECK_FALSE(field.value.empty());
                    ++count;
                }
                CHECK(count == 3u + subprotocol + extension + (fields ? 2 : 0));
            }
        }
    }
}

// HTTP

TEST_CASE("server_handshake: refuses a request with a body", "[rfc6455-4.2.1][rfc9112-6]") {
    check_refused(errc::request_has_body, "400 Bad Request",
                  {{adding("Content-Length: 5") + "hello"},
                   {adding("Content-Length: 00")},
                   {adding("Content-Length:")},
                   {adding("Content-Length: 0\r\nContent-Length: 0")},
                   {adding("Content-Length: 0\r\nTransfer-Encoding: chunked") + "0\r\n\r\n"},
                   {adding("Transfer-Encoding: chunked") + "0\r\n\r\n"},
                   {adding("transfer-encoding: gzip, chunked")}});
    CHECK(serve(adding("Content-Length: 0")).text == accepted);
}

TEST_CASE("server_handshake: refuses a request with two origins", "[rfc6454-7.3]") {
    check_refused(errc::repeated_origin, "400 Bad Request",
                  {{adding("Origin: a\r\norigin: b")}, {adding("Origin: a\r\nOrigin: a")}});
}

TEST_CASE("server_handshake: refuses folded field lines", "[rfc9112-5.2]") {
    check_refused(errc::obsolete_line_folding, "400 Bad Request",
                  {{request_with("Upgrade: websocket", "Upgrade:\r\n websocket"), 4},
                   {request_with("Upgrade: websocket", "Upgrade:\r\n\twebsocket"), 4},
                   {request_with("Connection: ", "Connection: a,\r\n "), 5},
                   {request_with("\r\n\r\n", "\r\n \r\n\r\n"), 7}});
}

TEST_CASE("server_handshake: refuses lines that do not end in CR LF", "[rfc9112-2.2]") {
    check_refused(errc::bad_line_ending, "400 Bad Request",
                  {{request_with("HTTP/1.1\r\n", "HTTP/1.1\n"), 1},
                   {request_with("Host: h\r\n", "Host: h\n"), 2},
                   {request_with("Host: h\r\n", "Host: h\r"), 2},
                   {request_with("Host: h\r\n", "Host: h\r\r\n"), 2},
                   {request_with("Host: h", "Host: h\rX: y"), 2},
                   {request_with("\r\n\r\n", "\r\n\n"), 7},
                   {request_with("\r\n\r\n", "\n\n"), 6}});
}

TEST_CASE("server_handshake: refuses NUL and other control characters", "[rfc9110-5.5]") {
    check_refused(errc::bad_character, "400 Bad Request",
                  {{"\x16\x03\x01\x02", 1}, // a TLS ClientHello
                   {request_with("GET /", "GET /\0"sv), 1},
                   {request_with("GET /", "GET /\xc3\xa4"), 1},
                   {request_with("Host: h", "Host: h\0"sv), 2},
                   {request_with("Host: h", "Host: h\x01"), 2},
                   {request_with("Host: h", "Host: h\x7f"), 2},
                   {request_with("Host", "Ho\0st"sv), 2},
                   {request_with("Host", "H\xc3\xb6st"), 2}});
}

TEST_CASE("server_handshake: refuses white space in front of a colon and of the first field",
          "[rfc9112-2.2][rfc9112-5.1]") {
    check_refused(errc::bad_field_line, "400 Bad Request",
                  {{request_with("Host: h", "Host : h"), 2},
                   {request_with("Host: h", "Host\t: h"), 2},
                   {request_with("Host: h", " Host: h"), 2},
                   {request_with("Upgrade:", "Upgrade :"), 3},
                   {request_with("Host: h", "Host"), 2},
                   {request_with("Host: h", ": h"), 2}});
}

TEST_CASE("server_handshake: answers a head that is larger than its limit with 431",
          "[rfc6585-5]") {
    const std::string request = request_with("GET", "GET");
    CHECK(serve(request, request.size()).text == accepted);
    CHECK(serve(request, request.size() - 1).text ==
          refusal("431 Request Header Fields Too Large",
                  "the HTTP head is larger than the limit (line 7)"));
    CHECK(serve(adding("Cookie: " + std::string(1000, 'c')), 512).text ==
          refusal("431 Request Header Fields Too Large",
                  "the HTTP head is larger than the limit (line 7)"));
}

TEST_CASE("server_handshake: answers more fields than its limit with 431", "[rfc6585-5]") {
    const std::string request = request_with("GET", "GET");
    CHECK(serve(request, 1024, 5).text == accepted);
    CHECK(serve(request, 1024, 4).text ==
          refusal("431 Request Header Fields Too Large",
                  "the HTTP head has more fields than the limit (line 6)"));
    CHECK(serve(adding("a:\r\nb:"), 1024, 6).text ==
          refusal("431 Request Header Fields Too Large",
                  "the HTTP head has more fields than the limit (line 8)"));
}

TEST_CASE("server_handshake: answers a target that has no room with 414",
          "[rfc9110-15.5.15][rfc9112-3]") {
    const std::string_view status = "414 URI Too Long";
    const std::string_view body = "the HTTP head is larger than the limit (line 1)";
    const std::string request = request_with("GET /", "GET /" + std::string(100, 'a'));
    CHECK(serve(request, 1024).text == accepted);
    CHECK(serve(request, 64).text == refusal(status, body));
    CHECK(serve(request, 5).text == refusal(status, body));
    // As soon as the first line has room, it is the fields that have none.
    const std::size_t line = request.find("\r\n") + 2;
    CHECK(serve(request, line - 1).text == refusal(status, body));
    CHECK(serve(request, line).text.starts_with("HTTP/1.1 431 "));
}

TEST_CASE("server_handshake: answers a method that has no room with 501", "[rfc9112-3]") {
    const std::string request = request_with("GET", std::string(100, 'G'));
    CHECK(serve(request, 64).text ==
          refusal("501 Not Implemented", "the HTTP head is larger than the limit (line 1)"));
    CHECK(serve(request, 1024).text.starts_with("HTTP/1.1 405 "));
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
        request.append("Cookie: ").append(170, 'c').append("\r\n");
    request += "\r\n";
    std::vector<char> storage(16 * 1024);
    server_handshake handshake(storage);
    for (const std::byte one : test::bytes(request)) {
        std::span<const std::byte> in(&one, 1);
        if (handshake.feed(in) == handshake_status::failed) FAIL(message(handshake.error()));
    }
    CHECK(handshake.status() == handshake_status::complete);
}
