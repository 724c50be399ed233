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

std::string response_with(std::string_view from, std::string_view to) {
    std::string text = response;
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

std::string adding(std::string_view lines) {
    return response_with("\r\n\r\n", "\r\n" + std::string(lines) + "\r\n\r\n");
}

struct outcome {
    errc error = errc::success;
    handshake_status status = handshake_status::need_data;
    int code = 0;
    std::size_t line = 0;
    std::string reason, subprotocol, extensions, rest;
};

bool operator==(const outcome& a, const outcome& b) {
    return a.error == b.error && a.status == b.status && a.code == b.code && a.line == b.line &&
           a.reason == b.reason && a.subprotocol == b.subprotocol && a.extensions == b.extensions &&
           a.rest == b.rest;
}

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
             response_with("websocket", "WebSocket"),
             response_with("Connection: Upgrade", "connection: keep-alive, upgrade"),
             response_with("Connection: Upgrade", "Connection: x\r\nConnection: Upgrade"),
             response_with("Switching Protocols", ""),
             response_with(" Switching Protocols", ""),
             response_with("HTTP/1.1", "HTTP/1.2"),
             response_with("xOo=\r\n", "xOo= \t\r\n"),
             adding("Sec-WebSocket-Protocol:\tsuperchat "),
             adding("Sec-WebSocket-Extensions: permessage-deflate"),
             adding("Sec-WebSocket-Extensions: x\r\nSec-WebSocket-Extensions: permessage-deflate"),
             adding("Sec-WebSocket-Extensions:"),
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

TEST_CASE("client_handshake: checks the response", "[rfc6455-4.1]") {
    struct row {
        std::string text;
        errc error;
    };
    const std::string accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    const std::vector<row> rows = {
        // Item 1
        {response_with("101", "200"), errc::upgrade_refused},
        {response_with("101", "426"), errc::upgrade_refused},
        {response_with("101", "302"), errc::upgrade_refused},
        {response_with("101", "999"), errc::upgrade_refused},
        // RFC 9110 7.8
        {response_with("HTTP/1.1", "HTTP/1.0"), errc::http_version_not_supported},
        {response_with("HTTP/1.1", "HTTP/2.0"), errc::http_version_not_supported},
        // Item 2
        {response_with("Upgrade: websocket\r\n", ""), errc::response_without_upgrade},
        {response_with("websocket", "h2c"), errc::response_without_upgrade},
        {response_with("websocket", "websocket, h2c"), errc::response_without_upgrade},
        {response_with("websocket", ""), errc::response_without_upgrade},
        {response_with("websocket", "websocket\r\nUpgrade: websocket"),
         errc::response_without_upgrade},
        {response_with("websocket", "w\xc3\xabsocket"), errc::response_without_upgrade},
        // Item 3
        {response_with("Connection: Upgrade\r\n", ""), errc::response_without_connection_upgrade},
        {response_with("Connection: Upgrade", "Connection: close"),
         errc::response_without_connection_upgrade},
        {response_with("Connection: Upgrade", "Connection: Upgraded"),
         errc::response_without_connection_upgrade},
        {response_with("Connection: Upgrade", "Connection:"),
         errc::response_without_connection_upgrade},
        // Item 4
        {response_with(accept + "\r\n", ""), errc::missing_accept},
        {response_with("s3pPL", "S3pPL"), errc::wrong_accept},
        {response_with("xOo=", "xOo"), errc::wrong_accept},
        {response_with("xOo=", "xOo=="), errc::wrong_accept},
        {response_with("xOo=", "xOo=, x"), errc::wrong_accept},
        {response_with("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", ""), errc::wrong_accept},
        {response_with("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "\xff"), errc::wrong_accept},
        {response_with(accept, accept + "\r\n" + accept), errc::wrong_accept},
        {response_with(accept, "Sec-WebSocket-Accept: x\r\n" + accept), errc::wrong_accept},
        // Item 5
        {adding("Sec-WebSocket-Extensions: permessage-deflate"), errc::extension_not_offered},
        {adding("Sec-WebSocket-Extensions: a;"), errc::bad_extension_list},
        {adding("Sec-WebSocket-Extensions: \xff"), errc::bad_extension_list},
        // Item 6
        {adding("Sec-WebSocket-Protocol: other"), errc::subprotocol_not_offered},
        {adding("Sec-WebSocket-Protocol: Chat"), errc::subprotocol_not_offered},
        {adding("Sec-WebSocket-Protocol:"), errc::subprotocol_not_offered},
        {adding("Sec-WebSocket-Protocol: \xff"), errc::subprotocol_not_offered},
        {adding("Sec-WebSocket-Protocol: chat, superchat"), errc::repeated_subprotocol},
        {adding("Sec-WebSocket-Protocol: chat,"), errc::repeated_subprotocol},
        {adding("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat"),
         errc::repeated_subprotocol},
        // HTTP
        {response_with("HTTP/1.1", "\x15\x03\x03"), errc::bad_character},
        {response_with("HTTP/1.1", "ICY"), errc::bad_status_line},
        {response_with("Upgrade:", "Upgrade :"), errc::bad_field_line},
        {response_with("Connection", " Connection"), errc::obsolete_line_folding},
        {response_with("websocket\r\n", "websocket\n"), errc::bad_line_ending},
    };
    for (const row& r : rows) {
        CAPTURE(r.text);
        const outcome result = run(r.text);
        CHECK(message(result.error) == message(r.error));
        CHECK(result.status == handshake_status::failed);
    }
}

TEST_CASE("client_handshake: offers nothing, so that the server may choose nothing",
          "[rfc6455-4.1]") {
    const client_request plain{.host = "h"};
    CHECK(run(response, plain).error == errc::success);
    CHECK(run(adding("Sec-WebSocket-Protocol: chat"), plain).error ==
          errc::subprotocol_not_offered);
    CHECK(run(adding("Sec-WebSocket-Extensions: x"), plain).error == errc::extension_not_offered);
}

TEST_CASE("client_handshake: an extension that was offered does not let another one in",
          "[rfc6455-9.1]") {
    client_request request = example;
    request.extensions = "permessage-deflate; mux";
    CHECK(run(adding("Sec-WebSocket-Extensions: permessage-deflate, mux"), request).error ==
          errc::extension_not_offered);
    CHECK(run(adding("Sec-WebSocket-Extensions: Permessage-Deflate"), request).error ==
          errc::extension_not_offered);
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
