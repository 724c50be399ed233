// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/handshake/client.hpp>

#include "support/allocation_counter.hpp"
#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/chunker.hpp"

#include <framewire/handshake/server.hpp>

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

static_assert(sizeof(client_handshake) <= 288);

// RFC 6455 1.3: the nonce whose Base64 form is "dGhlIHNhbXBsZSBub25jZQ==".
constexpr auto nonce = test::byte_array("the sample nonce");
constexpr std::array offered = {"chat"sv, "superchat"sv};
constexpr client_request example{.host = "server.example.com",
                                 .target = "/chat",
                                 .origin = "http://example.com",
                                 .subprotocols = offered};

constexpr bool asks_like_the_rfc() {
    std::array<char, 512> out{};
    std::array<char, 64> storage{};
    const client_handshake handshake(example, nonce, storage);
    const written request = handshake.write_request(out);
    return request.error == errc::success && handshake.key() == "dGhlIHNhbXBsZSBub25jZQ==" &&
           std::string_view(out.data(), request.size) ==
               "GET /chat HTTP/1.1\r\n"
               "Host: server.example.com\r\n"
               "Upgrade: websocket\r\n"
               "Connection: Upgrade\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
               "Sec-WebSocket-Version: 13\r\n"
               "Origin: http://example.com\r\n"
               "Sec-WebSocket-Protocol: chat, superchat\r\n\r\n";
}
static_assert(asks_like_the_rfc());

// RFC 6455 1.3, with frames behind it.
constexpr auto example_response = test::byte_array("HTTP/1.1 101 Switching Protocols\r\n"
                                                   "Upgrade: websocket\r\n"
                                                   "Connection: Upgrade\r\n"
                                                   "Sec-WebSocket-Accept: "
                                                   "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                                                   "Sec-WebSocket-Protocol: chat\r\n\r\n"
                                                   "\x81\x05Hello");

constexpr bool accepts_the_example() {
    std::array<char, 512> storage{};
    client_handshake handshake(example, nonce, storage);
    std::span<const std::byte> in(example_response);
    return handshake.feed(in) == handshake_status::complete && in.size() == 7 &&
           handshake.status_code() == 101 && handshake.reason() == "Switching Protocols" &&
           handshake.subprotocol() == "chat" && handshake.extensions().empty() &&
           handshake.error() == errc::success && handshake.has_response();
}
static_assert(accepts_the_example());

const std::string response = "HTTP/1.1 101 Switching Protocols\r\n"
                             "Upgrade: websocket\r\n"
                             "Connection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                             "\r\n";

const std::string accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

std::string response_with(std::string_view from, std::string_view to) {
    return replaced(response, from, to);
}

std::string adding(std::string_view lines) {
    return response_with("\r\n\r\n", "\r\n" + std::string(lines) + "\r\n\r\n");
}

struct outcome {
    errc error = errc::success;
    handshake_status status = handshake_status::need_data;
    int code = 0;
    std::size_t line = 0;
    std::string reason, fields, subprotocol, extensions, rest;

    friend bool operator==(const outcome&, const outcome&) = default;
};

// Runs a client over the input cut in every way; all have to come to the same.
outcome run(std::string_view input, const client_request& request = example,
            std::size_t limit = 1024, std::size_t max_fields = 100) {
    outcome first;
    bool any = false;
    test::for_each_chunking(test::bytes(input), [&](const test::chunk_list& chunks) {
        const auto storage = std::make_unique<char[]>(limit);
        client_handshake handshake(request, nonce, std::span(storage.get(), limit), max_fields);
        outcome result;
        for (std::span<const std::byte> in : chunks) {
            const handshake_status status = handshake.feed(in);
            if (status == handshake_status::need_data && !in.empty()) FAIL("left what it needs");
            result.rest += test::text_of(in);
        }
        result.error = handshake.error();
        result.status = handshake.status();
        result.code = handshake.status_code();
        result.line = handshake.error_line();
        result.reason = handshake.reason();
        for (const http_field field : handshake.fields())
            result.fields += std::string(field.name) + "=" + std::string(field.value) + ";";
        result.subprotocol = handshake.subprotocol();
        for (const extension_element element : handshake.extensions()) {
            result.extensions += "[" + std::string(element.text()) + "]";
        }
        if (any && !(result == first)) FAIL("differs by chunking");
        first = result;
        any = true;
    });
    return first;
}

void check_refused(errc error, const std::vector<std::string>& responses,
                   const client_request& request = example) {
    for (const std::string& text : responses) {
        CAPTURE(text);
        const outcome result = run(text, request);
        CHECK(message(result.error) == message(error));
        CHECK(result.status == handshake_status::failed);
    }
}

written write(const client_request& request, std::string& text) {
    std::array<char, 64> storage{};
    const client_handshake handshake(request, nonce, storage);
    const written needed = handshake.write_request({});
    if (needed.error != errc::buffer_too_small) {
        CHECK(needed.size == 0);
        return needed;
    }
    std::vector<char> out(needed.needed - 1);
    CHECK(handshake.write_request(out).error == errc::buffer_too_small);
    out.resize(needed.needed);
    const written result = handshake.write_request(out);
    text.assign(out.begin(), out.end());
    return result;
}

errc write_error(const client_request& request) {
    std::string text;
    return write(request, text).error;
}

} // namespace

TEST_CASE("client_handshake: asks for no more than it has to", "[rfc6455-4.1]") {
    std::string text;
    CHECK(write({.host = "[::1]:8080"}, text).error == errc::success);
    CHECK(text == "GET / HTTP/1.1\r\n"
                  "Host: [::1]:8080\r\n"
                  "Upgrade: websocket\r\n"
                  "Connection: Upgrade\r\n"
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                  "Sec-WebSocket-Version: 13\r\n\r\n");
}

TEST_CASE("client_handshake: sends everything it is asked to, in the usual order",
          "[rfc6455-4.1]") {
    const std::array fields = {http_field{"User-Agent", "x/1 (y)"},
                               http_field{"Cookie", "\xc3\xa4"}};
    client_request request = example;
    request.extensions = "permessage-deflate; client_max_window_bits, x";
    request.fields = fields;
    std::string text;
    CHECK(write(request, text).error == errc::success);
    CHECK(text == "GET /chat HTTP/1.1\r\n"
                  "Host: server.example.com\r\n"
                  "Upgrade: websocket\r\n"
                  "Connection: Upgrade\r\n"
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                  "Sec-WebSocket-Version: 13\r\n"
                  "Origin: http://example.com\r\n"
                  "Sec-WebSocket-Protocol: chat, superchat\r\n"
                  "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x\r\n"
                  "User-Agent: x/1 (y)\r\n"
                  "Cookie: \xc3\xa4\r\n\r\n");
}

TEST_CASE("client_handshake: a target without a path asks for the root", "[rfc6455-3]") {
    struct row {
        std::string_view target;
        std::string_view line;
    };
    for (const row& r : {row{"", "GET / HTTP/1.1\r\n"}, row{"?a=b", "GET /?a=b HTTP/1.1\r\n"},
                         row{"/a?b", "GET /a?b HTTP/1.1\r\n"}}) {
        std::string text;
        CHECK(write({.host = "h", .target = r.target}, text).error == errc::success);
        CHECK(text.starts_with(r.line));
    }
}

TEST_CASE("client_handshake: sends nothing that could mean something else", "[rfc6455-4.1]") {
    for (const std::string_view host : {""sv, "a b"sv, "a\r\nX: y"sv, "a\nb"sv, "a\0"sv, "u@h"sv,
                                        "h/x"sv, "::1"sv, "h:x"sv, "\xc3\xa4"sv, "h#"sv}) {
        CAPTURE(host);
        CHECK(write_error({.host = host}) == errc::invalid_host);
    }
    for (const std::string_view target : {"a"sv, "/a b"sv, "/\r\nX: y"sv, "/\n"sv, "/\0"sv, "/#"sv,
                                          "/\xc3\xa4"sv, "*"sv, "http://h/"sv, "/%zz"sv, " /"sv}) {
        CAPTURE(target);
        CHECK(write_error({.host = "h", .target = target}) == errc::invalid_target);
    }
    for (const std::string_view origin : {"a\r\nX: y"sv, "a\n"sv, "\0"sv, " "sv}) {
        CAPTURE(origin);
        CHECK(write_error({.host = "h", .origin = origin}) == errc::invalid_field);
    }
    for (const std::string_view name : {""sv, "a b"sv, "a,b"sv, "a\r\nX: y"sv, "a\0"sv,
                                        "\xc3\xa4"sv, "\"a\""sv, "a;b"sv, "superchat"sv}) {
        CAPTURE(name);
        const std::array both = {"superchat"sv, name}; // 4.1, item 10: the elements are unique
        CHECK(write_error({.host = "h", .subprotocols = both}) == errc::invalid_subprotocol);
    }
    for (const std::string_view list : {","sv, " "sv, "a;"sv, "a b"sv, "a\r\nX: y"sv, "a\n"sv,
                                        "a\0"sv, "a; b=\"c d\""sv, "\xc3\xa4"sv}) {
        CAPTURE(list);
        CHECK(write_error({.host = "h", .extensions = list}) == errc::invalid_extension);
    }
    const auto error_with = [](http_field field) {
        return write_error({.host = "h", .fields = std::span(&field, 1)});
    };
    CHECK(error_with({"X", "a\r\nY: b"}) == errc::invalid_field);
    CHECK(error_with({"X\r\nY", "b"}) == errc::invalid_field);
    CHECK(error_with({"X", ""}) == errc::invalid_field);
    CHECK(error_with({"", "x"}) == errc::invalid_field);
    CHECK(error_with({"X Y", "x"}) == errc::invalid_field);
    for (const std::string_view name : {"host", "Upgrade", "Connection", "Origin", "Content-Length",
                                        "Transfer-Encoding", "Sec-WebSocket-Key"}) {
        CAPTURE(name);
        CHECK(error_with({name, "x"}) == errc::reserved_field);
    }
}

TEST_CASE("client_handshake: accepts the example of the RFC at every split point",
          "[rfc6455-1.3]") {
    const outcome result = run(test::text_of(example_response));
    CHECK(result.status == handshake_status::complete);
    CHECK(result.code == 101);
    CHECK(result.subprotocol == "chat");
    CHECK(result.rest == "\x81\x05Hello");
}

TEST_CASE("client_handshake: accepts what servers send in practice", "[rfc6455-4.1]") {
    client_request request = example;
    request.extensions = "permessage-deflate; client_max_window_bits, x";
    for (const std::string& text : {
             response,
             response_with("Switching Protocols", ""),
             response_with(" Switching Protocols", ""),
             response_with("HTTP/1.1", "HTTP/1.2"),
             adding("Sec-WebSocket-Protocol:\tsuperchat "),
             adding("Sec-WebSocket-Extensions: permessage-deflate"),
             adding("Sec-WebSocket-Extensions: x\r\nSec-WebSocket-Extensions: permessage-deflate"),
             adding("Sec-WebSocket-Extensions:"),
             adding("Sec-WebSocket-Extensions: ,, x,"),
             adding("Server: \xff\r\nEmpty:"),
         }) {
        CAPTURE(text);
        const outcome result = run(text + "\x82", request);
        CHECK(message(result.error) == message(errc::success));
        CHECK(result.status == handshake_status::complete);
        CHECK(result.rest == "\x82");
    }
    CHECK(run(adding("Sec-WebSocket-Extensions: permessage-deflate; a=\"1\", x"), request)
              .extensions == "[permessage-deflate; a=\"1\"][x]");
}

// RFC 6455 4.1, item 4 of the request

TEST_CASE("client_handshake: Host names the port only when it is not the usual one",
          "[rfc6455-4.1]") {
    struct row {
        std::string_view uri;
        std::string_view host;
    };
    for (const row& r : {
             row{"ws://example.org/", "example.org"},
             row{"ws://example.org:80/", "example.org"},
             row{"ws://example.org:443/", "example.org:443"},
             row{"ws://example.org:8080", "example.org:8080"},
             row{"wss://example.org/", "example.org"},
             row{"wss://example.org:443/", "example.org"},
             row{"wss://example.org:80/", "example.org:80"},
             row{"ws://127.0.0.1:81", "127.0.0.1:81"},
             row{"ws://[2001:db8::1]/", "[2001:db8::1]"}, // RFC 3986 3.2.2: in brackets
             row{"ws://[2001:db8::1]:80/", "[2001:db8::1]"},
             row{"wss://[::1]:8443/", "[::1]:8443"},
         }) {
        CAPTURE(r.uri);
        const uri parsed = parse_uri(r.uri);
        std::string text;
        CHECK(write({.host = parsed.authority, .target = parsed.target}, text).error ==
              errc::success);
        CHECK(text.starts_with("GET / HTTP/1.1\r\nHost: " + std::string(r.host) + "\r\nUpgrade: "));
    }
}

// Item 7

TEST_CASE("client_handshake: the key is its nonce, and only the answer to it opens",
          "[rfc6455-4.1]") {
    struct row {
        std::string_view nonce; // hexadecimal
        std::string_view key;
    };
    // As Python's base64 has them.
    for (const row& r : {
             row{"74 68 65 20 73 61 6d 70 6c 65 20 6e 6f 6e 63 65", "dGhlIHNhbXBsZSBub25jZQ=="},
             row{"00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00", "AAAAAAAAAAAAAAAAAAAAAA=="},
             row{"ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff", "/////////////////////w=="},
             row{"74 68 65 20 73 61 6d 70 6c 65 20 6e 6f 6e 63 64", "dGhlIHNhbXBsZSBub25jZA=="},
         }) {
        CAPTURE(r.nonce);
        const auto octets = test::from_hex(r.nonce);
        const std::span<const std::byte, 16> one(octets.data(), 16);
        std::array<char, 1024> storage{};
        std::array<char, 512> out{};
        client_handshake handshake({.host = "h"}, one, storage);
        const written asked = handshake.write_request(out);
        CHECK(std::string_view(out.data(), asked.size)
                  .find("\r\nSec-WebSocket-Key: " + std::string(r.key) + "\r\n") !=
              std::string_view::npos);
        const auto answer = test::bytes(response); // to the first of these keys
        std::span<const std::byte> in(answer);
        (void)handshake.feed(in);
        CHECK(handshake.error() ==
              (r.key == "dGhlIHNhbXBsZSBub25jZQ==" ? errc::success : errc::wrong_accept));
    }
}

// The six checks of the response, and HTTP

TEST_CASE("client_handshake: any status but 101 is a refusal, told with its head and body",
          "[rfc6455-4.1]") {
    for (const int status : {200, 201, 204, 300, 301, 302, 303, 304, 307, 308, 400,
                             401, 403, 404, 407, 426, 429, 500, 501, 503, 999}) {
        CAPTURE(status);
        // With everything that a 101 needs: the status alone decides.
        const std::string head = replaced(response, "101", std::to_string(status));
        const outcome result = run(head + "body \x81\x01x");
        CHECK(message(result.error) == message(errc::upgrade_refused));
        CHECK(result.status == handshake_status::failed);
        CHECK(result.code == status);
        CHECK(result.reason == "Switching Protocols");
        CHECK(result.fields == "Upgrade=websocket;Connection=Upgrade;"
                               "Sec-WebSocket-Accept=s3pPLMBiTxaQ9kYGzzhZRbK+xOo=;");
        CHECK(result.rest == "body \x81\x01x");
    }
    // Nor does HTTP/1.0 matter in an answer of HTTP.
    CHECK(run("HTTP/1.0 503 Later\r\n\r\nbody").error == errc::upgrade_refused);
}

TEST_CASE("client_handshake: tells where a redirect leads, and what a 401 wants to know",
          "[rfc6455-4.1]") {
    const outcome moved = run("HTTP/1.1 307 There\r\nLocation: wss://other/\r\n"
                              "Content-Length: 4\r\n\r\nbody");
    CHECK(moved.error == errc::upgrade_refused);
    CHECK(moved.code == 307);
    CHECK(moved.fields == "Location=wss://other/;Content-Length=4;");
    CHECK(moved.rest == "body");
    const outcome who = run("HTTP/1.1 401 Who are you\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"
                            "WWW-Authenticate: Bearer\r\n\r\n");
    CHECK(who.error == errc::upgrade_refused);
    CHECK(who.code == 401);
    CHECK(who.reason == "Who are you");
    CHECK(who.fields == "WWW-Authenticate=Basic realm=\"x\";WWW-Authenticate=Bearer;");
}

TEST_CASE("client_handshake: refuses a 101 of HTTP/1.0", "[rfc6455-4.1][rfc9110-7.8]") {
    check_refused(errc::http_version_not_supported,
                  {response_with("HTTP/1.1", "HTTP/1.0"), response_with("HTTP/1.1", "HTTP/2.0"),
                   response_with("HTTP/1.1", "HTTP/0.9")});
}

TEST_CASE("client_handshake: refuses a 101 whose Upgrade is not just websocket", "[rfc6455-4.1]") {
    check_refused(
        errc::response_without_upgrade,
        {response_with("Upgrade: websocket\r\n", ""), response_with("websocket", ""),
         response_with("websocket", "h2c"), response_with("websocket", "websockets"),
         response_with("websocket", "web socket"), response_with("websocket", "\"websocket\""),
         response_with("websocket", "websocket, h2c"), response_with("websocket", "h2c, websocket"),
         response_with("websocket", "websocket,"), response_with("websocket", "w\xc3\xabsocket"),
         response_with("websocket", "websocket\r\nUpgrade: websocket"),
         response_with("websocket", "websocket\r\nUpgrade:")});
}

TEST_CASE("client_handshake: takes no notice of case in Upgrade and Connection", "[rfc6455-4.1]") {
    for (const std::string& text :
         {response_with("websocket", "WebSocket"), response_with("websocket", "WEBSOCKET"),
          response_with("Upgrade:", "UPGRADE:"),
          response_with("Connection: Upgrade", "connection: upgrade"),
          response_with("Connection: Upgrade", "Connection: UPGRADE")}) {
        CAPTURE(text);
        CHECK(run(text).status == handshake_status::complete);
    }
}

TEST_CASE("client_handshake: refuses a 101 whose Connection does not name Upgrade",
          "[rfc6455-4.1]") {
    check_refused(errc::response_without_connection_upgrade,
                  {response_with("Connection: Upgrade\r\n", ""),
                   response_with("Connection: Upgrade", "Connection:"),
                   response_with("Connection: Upgrade", "Connection: close"),
                   response_with("Connection: Upgrade", "Connection: Upgraded"),
                   response_with("Connection: Upgrade", "Connection: keep-alive Upgrade")});
}

TEST_CASE("client_handshake: finds Upgrade in the lists of all Connection lines",
          "[rfc6455-4.1][rfc9110-7.6.1]") {
    for (const std::string_view connection :
         {"Connection: keep-alive, Upgrade", "Connection: Upgrade,keep-alive",
          "Connection: , Upgrade", "Connection: x\r\nConnection: Upgrade",
          "Connection: Upgrade\r\nConnection: x"}) {
        CAPTURE(connection);
        CHECK(run(response_with("Connection: Upgrade", connection)).status ==
              handshake_status::complete);
    }
}

TEST_CASE("client_handshake: refuses a 101 without Sec-WebSocket-Accept", "[rfc6455-4.1]") {
    check_refused(errc::missing_accept, {response_with(accept + "\r\n", "")});
}

TEST_CASE("client_handshake: refuses a Sec-WebSocket-Accept that is wrong in any character",
          "[rfc6455-4.1]") {
    const std::string value = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    std::vector<std::string> responses = {
        response_with("xOo=", "xOo"),       response_with("xOo=", "xOo=="),
        response_with("xOo=", "xOo=, x"),   response_with("xOo=", "xOo= x"),
        response_with(value, ""),           response_with(value, "\"" + value + "\""),
        response_with(value, "\xff"),       response_with(value, "dGhlIHNhbXBsZSBub25jZQ=="),
        response_with(value, value + value)};
    for (std::size_t i = 0; i < value.size(); ++i) {
        std::string other = value;
        // A letter in the other case, as in "S3pP"; or the next character.
        const bool letter = (value[i] | 0x20) >= 'a' && (value[i] | 0x20) <= 'z';
        other[i] = static_cast<char>(letter ? value[i] ^ 0x20 : value[i] + 1);
        responses.push_back(response_with(value, other));
    }
    check_refused(errc::wrong_accept, responses);
    CHECK(run(response_with(accept, "sec-websocket-ACCEPT:" + value + " \t")).status ==
          handshake_status::complete); // the name, and the white space around it
}

TEST_CASE("client_handshake: refuses two Sec-WebSocket-Accept fields", "[rfc6455-11.3.3]") {
    check_refused(errc::wrong_accept,
                  {response_with(accept, accept + "\r\n" + accept),
                   response_with(accept, "Sec-WebSocket-Accept: x\r\n" + accept),
                   response_with(accept, accept + "\r\nsec-websocket-accept: x")});
}

TEST_CASE("client_handshake: refuses an extension that it did not offer",
          "[rfc6455-4.1][rfc6455-9.1]") {
    check_refused(errc::extension_not_offered,
                  {adding("Sec-WebSocket-Extensions: permessage-deflate"),
                   adding("Sec-WebSocket-Extensions: ,x"),
                   adding("Sec-WebSocket-Extensions:\r\nSec-WebSocket-Extensions: x")});
    client_request request = example;
    request.extensions = "permessage-deflate; mux";
    check_refused(errc::extension_not_offered,
                  {adding("Sec-WebSocket-Extensions: permessage-deflate, mux"),
                   adding("Sec-WebSocket-Extensions: mux, permessage-deflate"),
                   adding("Sec-WebSocket-Extensions: permessage-deflate\r\n"
                          "Sec-WebSocket-Extensions: mux"),
                   adding("Sec-WebSocket-Extensions: Permessage-Deflate"),
                   adding("Sec-WebSocket-Extensions: permessage")},
                  request);
}

TEST_CASE("client_handshake: refuses a malformed list of extensions", "[rfc6455-9.1]") {
    client_request request = example;
    request.extensions = "a";
    check_refused(errc::bad_extension_list,
                  {adding("Sec-WebSocket-Extensions: a;"), adding("Sec-WebSocket-Extensions: \xff"),
                   adding("Sec-WebSocket-Extensions: a b"),
                   adding("Sec-WebSocket-Extensions: a; b=\"c d\""),
                   adding("Sec-WebSocket-Extensions: a, a;b=")},
                  request);
}

TEST_CASE("client_handshake: refuses a subprotocol that it did not offer", "[rfc6455-4.1]") {
    check_refused(errc::subprotocol_not_offered,
                  {adding("Sec-WebSocket-Protocol: other"), adding("Sec-WebSocket-Protocol: Chat"),
                   adding("Sec-WebSocket-Protocol: cha"), adding("Sec-WebSocket-Protocol: chats"),
                   adding("Sec-WebSocket-Protocol: \"chat\""),
                   adding("Sec-WebSocket-Protocol: \xff"), adding("Sec-WebSocket-Protocol:")});
    check_refused(errc::subprotocol_not_offered, {adding("Sec-WebSocket-Protocol: chat")},
                  {.host = "h"});
    CHECK(run(response).subprotocol.empty()); // it need not choose one
    CHECK(run(response).status == handshake_status::complete);
}

TEST_CASE("client_handshake: refuses two subprotocols, and one that is there twice",
          "[rfc6455-4.1][rfc6455-11.3.4]") {
    check_refused(errc::repeated_subprotocol,
                  {adding("Sec-WebSocket-Protocol: chat, superchat"),
                   adding("Sec-WebSocket-Protocol: chat, chat"),
                   adding("Sec-WebSocket-Protocol: chat,"),
                   adding("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat"),
                   adding("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: superchat"),
                   adding("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol:")});
}

TEST_CASE("client_handshake: refuses a head that is not HTTP", "[rfc9112-4][rfc9112-5]") {
    check_refused(errc::bad_character, {response_with("HTTP/1.1", "\x15\x03\x03"), // a TLS alert
                                        response_with("Upgrade", "Upgr\0de"sv),
                                        response_with("websocket", "websocket\0"sv)});
    check_refused(errc::bad_status_line, {response_with("HTTP/1.1", "ICY")});
    check_refused(errc::bad_field_line, {response_with("Upgrade:", "Upgrade :")});
    check_refused(errc::obsolete_line_folding,
                  {response_with("Connection", " Connection"),
                   response_with("Upgrade: websocket", "Upgrade:\r\n websocket")});
    check_refused(errc::bad_line_ending, {response_with("websocket\r\n", "websocket\n"),
                                          response_with("Protocols\r\n", "Protocols\n"),
                                          response_with("\r\n\r\n", "\r\n\n")});
}

TEST_CASE("client_handshake: tells what a server refused with, and leaves the body",
          "[rfc6455-4.1]") {
    std::vector<char> storage(1024);
    client_handshake handshake(example, nonce, storage);
    CHECK_FALSE(handshake.has_response());
    CHECK(handshake.status_code() == 0);
    const auto data = test::bytes("HTTP/1.1 401 Who are you\r\nWWW-Authenticate: Basic\r\n"
                                  "Content-Length: 4\r\n\r\nbody");
    std::span<const std::byte> in(data);
    CHECK(handshake.feed(in) == handshake_status::failed);
    CHECK(handshake.error() == errc::upgrade_refused);
    CHECK(handshake.has_response());
    CHECK(handshake.status_code() == 401);
    CHECK(handshake.reason() == "Who are you");
    CHECK(handshake.fields().find("www-authenticate") == "Basic");
    CHECK(test::text_of(in) == "body");
    CHECK(handshake.feed(in) == handshake_status::failed);
    CHECK(test::text_of(in) == "body");
}

TEST_CASE("client_handshake: skips informational responses, within bounds", "[rfc9110-15.2]") {
    const std::string hint = "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n";
    CHECK(run("HTTP/1.1 100 Continue\r\n\r\n" + hint + response + "\x81").error == errc::success);
    CHECK(run("HTTP/1.1 100 Continue\r\n\r\n" + hint + response + "\x81").rest == "\x81");
    CHECK(run("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 No\r\n\r\n").code == 403);
    for (const std::string_view other : {"100", "102", "103", "110", "199"}) { // known or not
        CAPTURE(other);
        CHECK(run("HTTP/1.1 " + std::string(other) + " x\r\nA: b\r\n\r\n" + response).status ==
              handshake_status::complete);
    }

    const auto repeated = [&](int count) {
        std::string text;
        for (int i = 0; i < count; ++i)
            text += hint;
        return text;
    };
    CHECK(run(repeated(8) + response).error == errc::success);
    CHECK(run(repeated(9) + response).error == errc::too_many_informational_responses);
    CHECK(run(repeated(9) + response).rest == response);
    CHECK(run(repeated(2)).status == handshake_status::need_data);
    CHECK(run(repeated(2)).code == 0);

    // They share the limit of the head's size.
    const std::string whole = hint + response;
    CHECK(run(whole, example, whole.size()).error == errc::success);
    CHECK(run(whole, example, whole.size() - 1).error == errc::head_too_large);
    // A fault is told by its line in the head that has it.
    CHECK(run(hint + response_with("Connection:", "Connection :")).line == 3);
}

TEST_CASE("client_handshake: refuses heads beyond its limits") {
    CHECK(run(response, example, response.size()).error == errc::success);
    CHECK(run(response, example, response.size() - 1).error == errc::head_too_large);
    CHECK(run(response, example, 1024, 3).error == errc::success);
    CHECK(run(response, example, 1024, 2).error == errc::too_many_fields);
}

TEST_CASE("client_handshake: every line taken out or made non-ASCII fails", "[rfc6455-4.1]") {
    for (std::size_t at = response.find("\r\n") + 2; at + 2 < response.size();) {
        const std::size_t next = response.find("\r\n", at) + 2;
        std::string missing = response;
        missing.erase(at, next - at);
        CAPTURE(missing);
        CHECK(run(missing).status == handshake_status::failed);
        std::string foreign = response;
        foreign.insert(response.find(':', at) + 3, "\xff");
        CHECK(run(foreign).status == handshake_status::failed);
        std::string emptied = response;
        const std::size_t colon = response.find(':', at);
        emptied.erase(colon + 1, next - 2 - (colon + 1));
        CHECK(run(emptied).status == handshake_status::failed);
        at = next;
    }
}

TEST_CASE("client_handshake: both sides understand each other", "[rfc6455-4.1][rfc6455-4.2]") {
    client_request request = example;
    request.extensions = "permessage-deflate; client_max_window_bits";
    std::string text;
    CHECK(write(request, text).error == errc::success);

    std::vector<char> server_storage(1024);
    server_handshake server(server_storage);
    const auto sent = test::bytes(text);
    std::span<const std::byte> in(sent);
    CHECK(server.feed(in) == handshake_status::complete);
    CHECK(server.request().target == "/chat");
    CHECK(server.request().origin == "http://example.com");
    CHECK(server.request().extensions().contains("permessage-deflate"));
    std::array<char, 512> out{};
    const written answer =
        server.write_accept(out, {.subprotocol = "superchat", .extensions = "permessage-deflate"});
    CHECK(answer.error == errc::success);

    const outcome result = run(std::string_view(out.data(), answer.size), request);
    CHECK(result.status == handshake_status::complete);
    CHECK(result.subprotocol == "superchat");
    CHECK(result.extensions == "[permessage-deflate]");
}

TEST_CASE("client_handshake: neither side allocates") {
    std::array<char, 512> storage{};
    std::array<char, 512> out{};
    client_request request = example;
    request.extensions = "permessage-deflate";
    std::span<const std::byte> sent;

    const test::allocation_count before = test::allocations();
    client_handshake client(request, nonce, storage);
    const written asked = client.write_request(out);
    std::array<char, 512> server_storage{};
    std::array<char, 512> answer{};
    server_handshake server(server_storage);
    sent = std::as_bytes(std::span(out).first(asked.size));
    const handshake_status served = server.feed(sent);
    const written accepted =
        server.write_accept(answer, {.subprotocol = "chat", .extensions = "permessage-deflate"});
    sent = std::as_bytes(std::span(answer).first(accepted.size));
    const handshake_status opened = client.feed(sent);
    const written rejected = server.write_reject(answer, server.rejection());
    const test::allocation_count after = test::allocations();

    CHECK((after - before).calls == 0);
    CHECK(served == handshake_status::complete);
    CHECK(opened == handshake_status::complete);
    CHECK(rejected.error == errc::success);
}
