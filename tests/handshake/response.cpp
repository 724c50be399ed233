// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/handshake/response.hpp>

#include "support/catch.hpp"

#include <array>
#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace framewire;
using namespace std::string_view_literals;

// The example of RFC 6455 1.2 and 1.3, which chooses a subprotocol.
constexpr upgrade_request example{
    "/chat", "server.example.com", "http://example.com", "dGhlIHNhbXBsZSBub25jZQ==",
    http_fields("Sec-WebSocket-Protocol: chat, superchat\r\n"
                "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
                "Sec-WebSocket-Protocol: third\r\n"sv)};

constexpr bool answers_like_the_rfc() {
    std::array<char, 256> out{};
    const written result = write_accept(out, example, {.subprotocol = "chat"});
    return result.error == errc::success &&
           std::string_view(out.data(), result.size) ==
               "HTTP/1.1 101 Switching Protocols\r\n"
               "Upgrade: websocket\r\n"
               "Connection: Upgrade\r\n"
               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
               "Sec-WebSocket-Protocol: chat\r\n\r\n";
}
static_assert(answers_like_the_rfc());

struct result {
    errc error;
    std::string text;
};

// Writes into a heap block of exactly the size that is asked for, having seen each smaller one
// fail.
template <class Write> result run(Write write) {
    const written needed = write(std::span<char>{});
    if (needed.error != errc::buffer_too_small) {
        CHECK(needed.size == 0);
        return {needed.error, {}};
    }
    for (const std::size_t size : {std::size_t{1}, needed.needed / 2, needed.needed - 1}) {
        std::vector<char> small(size);
        const written again = write(std::span<char>(small));
        CHECK(again.error == errc::buffer_too_small);
        CHECK(again.size == 0);
        CHECK(again.needed == needed.needed);
    }
    std::vector<char> out(needed.needed);
    const written done = write(std::span<char>(out));
    CHECK(done.size == needed.needed);
    return {done.error, std::string(out.begin(), out.end())};
}

result accept(const server_response& response, const upgrade_request& request = example) {
    return run([&](std::span<char> out) { return write_accept(out, request, response); });
}

result reject(const http_rejection& rejection) {
    return run([&](std::span<char> out) { return write_reject(out, rejection); });
}

} // namespace

TEST_CASE("response: opens the connection with 101, and says nothing that was not chosen",
          "[rfc6455-4.2.2]") {
    const result plain = accept({});
    CHECK(plain.error == errc::success);
    CHECK(plain.text == "HTTP/1.1 101 Switching Protocols\r\n"
                        "Upgrade: websocket\r\n"
                        "Connection: Upgrade\r\n"
                        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");

    const std::array fields = {http_field{"Server", "x"}, http_field{"Set-Cookie", "a=b; Secure"}};
    const result full = accept({.subprotocol = "third",
                                .extensions = "permessage-deflate; client_max_window_bits=10",
                                .fields = fields});
    CHECK(full.error == errc::success);
    CHECK(full.text == "HTTP/1.1 101 Switching Protocols\r\n"
                       "Upgrade: websocket\r\n"
                       "Connection: Upgrade\r\n"
                       "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                       "Sec-WebSocket-Protocol: third\r\n"
                       "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=10\r\n"
                       "Server: x\r\n"
                       "Set-Cookie: a=b; Secure\r\n\r\n");
}

TEST_CASE("response: chooses only among what the client offered", "[rfc6455-4.2.2][rfc6455-9.1]") {
    for (const std::string_view name :
         {"other"sv, "Chat"sv, "chat, superchat"sv, "chat\r\nX: y"sv, " "sv, "cha"sv, "chat\0"sv}) {
        CAPTURE(name);
        CHECK(accept({.subprotocol = name}).error == errc::subprotocol_not_offered);
    }
    CHECK(accept({.subprotocol = "chat"}, {"/", "h", "", "k", {}}).error ==
          errc::subprotocol_not_offered);
    CHECK(accept({.extensions = "mux"}).error == errc::extension_not_offered);
    CHECK(accept({.extensions = "permessage-deflate, mux"}).error == errc::extension_not_offered);
    for (const std::string_view list : {","sv, " "sv, "permessage-deflate;"sv, "a b"sv,
                                        "permessage-deflate\r\nX: y"sv, "permessage-deflate\0"sv}) {
        CAPTURE(list);
        CHECK(accept({.extensions = list}).error == errc::invalid_extension);
    }
}

TEST_CASE("response: refuses fields that could split the head or belong to the handshake") {
    const auto error_with = [](http_field field, bool accepting) {
        const std::span<const http_field> one(&field, 1);
        return accepting ? accept({.fields = one}).error : reject({.fields = one}).error;
    };
    for (const bool accepting : {true, false}) {
        CHECK(error_with({"X", "a\r\nY: b"}, accepting) == errc::invalid_field);
        CHECK(error_with({"X\r\nY", "b"}, accepting) == errc::invalid_field);
        CHECK(error_with({"X", ""}, accepting) == errc::invalid_field);
        CHECK(error_with({"X Y", "b"}, accepting) == errc::invalid_field);
        CHECK(error_with({"Connection", "keep-alive"}, accepting) == errc::reserved_field);
        CHECK(error_with({"Content-Length", "0"}, accepting) == errc::reserved_field);
        CHECK(error_with({"Transfer-Encoding", "chunked"}, accepting) == errc::reserved_field);
        CHECK(error_with({"sec-websocket-accept", "x"}, accepting) == errc::reserved_field);
        CHECK(error_with({"X", "\xc3\xa4"}, accepting) == errc::success);
    }
    // RFC 9110 8.3: one Content-Type, which has a member of its own.
    CHECK(error_with({"content-type", "text/html"}, false) == errc::reserved_field);
    CHECK(reject({.content_type = "text/plain\r\nX: y"}).error == errc::invalid_field);
    CHECK(reject({.content_type = ""}).error == errc::invalid_field);
}

TEST_CASE("response: a refusal always ends the connection and has the length of its body") {
    const result plain = reject({});
    CHECK(plain.text == "HTTP/1.1 403 Forbidden\r\n"
                        "Connection: close\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\n"
                        "Content-Length: 14\r\n\r\n"
                        "403 Forbidden\n");

    const std::array fields = {http_field{"WWW-Authenticate", "Basic realm=\"x\""}};
    const result full = reject({.status = 401,
                                .body = "{\"a\":\"\xc3\xa4\r\n\"}",
                                .content_type = "application/json",
                                .fields = fields});
    CHECK(full.text == "HTTP/1.1 401 Unauthorized\r\n"
                       "Connection: close\r\n"
                       "Content-Type: application/json\r\n"
                       "Content-Length: 12\r\n"
                       "WWW-Authenticate: Basic realm=\"x\"\r\n\r\n"
                       "{\"a\":\"\xc3\xa4\r\n\"}");
}

TEST_CASE("response: a refusal tells the cause and the line") {
    CHECK(reject({.status = 400, .cause = errc::bad_field_line, .line = 3}).text ==
          "HTTP/1.1 400 Bad Request\r\n"
          "Connection: close\r\n"
          "Content-Type: text/plain; charset=utf-8\r\n"
          "Content-Length: 69\r\n\r\n"
          "400 Bad Request: a field line of the HTTP head is malformed (line 3)\n");
}

TEST_CASE("response: 426 says which version is spoken, 405 which method",
          "[rfc6455-4.2.2][rfc9110-15.5.22]") {
    CHECK(reject({.status = 426, .body = "x"}).text == "HTTP/1.1 426 Upgrade Required\r\n"
                                                       "Connection: close, Upgrade\r\n"
                                                       "Upgrade: websocket\r\n"
                                                       "Sec-WebSocket-Version: 13\r\n"
                                                       "Content-Type: text/plain; charset=utf-8\r\n"
                                                       "Content-Length: 1\r\n\r\nx");
    CHECK(reject({.status = 405, .body = "x"}).text == "HTTP/1.1 405 Method Not Allowed\r\n"
                                                       "Connection: close\r\n"
                                                       "Allow: GET\r\n"
                                                       "Content-Type: text/plain; charset=utf-8\r\n"
                                                       "Content-Length: 1\r\n\r\nx");
}

TEST_CASE("response: statuses without content have none", "[rfc9110-8.6][rfc9110-9.3.2]") {
    CHECK(reject({.status = 204, .body = "x"}).text ==
          "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    CHECK(reject({.status = 304}).text == "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n");
    // HEAD: the fields are those of the answer to GET.
    CHECK(reject({.body = "abc", .without_content = true}).text ==
          "HTTP/1.1 403 Forbidden\r\n"
          "Connection: close\r\n"
          "Content-Type: text/plain; charset=utf-8\r\n"
          "Content-Length: 3\r\n\r\n");
}

TEST_CASE("response: a refusal has a final status", "[rfc9110-15]") {
    for (const int status : {-1, 0, 99, 100, 101, 199, 600, 1000, 2147483647}) {
        CAPTURE(status);
        CHECK(reject({.status = status}).error == errc::invalid_status);
    }
    CHECK(reject({.status = 200, .body = "x"}).error == errc::success);
    CHECK(reject({.status = 599}).text == "HTTP/1.1 599 \r\n"
                                          "Connection: close\r\n"
                                          "Content-Type: text/plain; charset=utf-8\r\n"
                                          "Content-Length: 4\r\n\r\n"
                                          "599\n");
}

TEST_CASE("response: every status that is sent for an error has a reason phrase") {
    for (int value = 0; value <= static_cast<int>(errc::invalid_status); ++value) {
        const int status = http_status_for(static_cast<errc>(value));
        CAPTURE(value, status);
        CHECK((status >= 400 && status <= 599));
        CHECK_FALSE(reason_phrase(status).empty());
    }
    CHECK(http_status_for(errc::bad_line_ending) == 400);
    CHECK(http_status_for(errc::bad_extension_list) == 400);
    CHECK(http_status_for(errc::upgrade_refused) == 500);
    CHECK(http_status_for(errc::open_timeout) == 408);
    CHECK(reason_phrase(418).empty());
}

TEST_CASE("response: the statuses that a program may answer with have reason phrases",
          "[rfc9110-15][rfc6585]") {
    struct row {
        int status;
        const char* phrase;
    };
    const row rows[] = {{101, "Switching Protocols"},
                        {200, "OK"},
                        {204, "No Content"},
                        {301, "Moved Permanently"},
                        {302, "Found"},
                        {303, "See Other"},
                        {304, "Not Modified"},
                        {307, "Temporary Redirect"},
                        {308, "Permanent Redirect"},
                        {400, "Bad Request"},
                        {401, "Unauthorized"},
                        {403, "Forbidden"},
                        {404, "Not Found"},
                        {405, "Method Not Allowed"},
                        {406, "Not Acceptable"},
                        {407, "Proxy Authentication Required"},
                        {408, "Request Timeout"},
                        {409, "Conflict"},
                        {410, "Gone"},
                        {413, "Content Too Large"},
                        {414, "URI Too Long"},
                        {421, "Misdirected Request"},
                        {426, "Upgrade Required"},
                        {429, "Too Many Requests"},
                        {431, "Request Header Fields Too Large"},
                        {500, "Internal Server Error"},
                        {501, "Not Implemented"},
                        {502, "Bad Gateway"},
                        {503, "Service Unavailable"},
                        {504, "Gateway Timeout"},
                        {505, "HTTP Version Not Supported"}};
    int known = 0;
    for (int status = 0; status < 1000; ++status)
        known += reason_phrase(status).empty() ? 0 : 1;
    CHECK(known == static_cast<int>(std::size(rows)));
    for (const row& r : rows) {
        CAPTURE(r.status);
        CHECK(reason_phrase(r.status) == r.phrase);
    }
}
