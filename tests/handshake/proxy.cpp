// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/handshake/proxy.hpp>

#include "support/allocation_counter.hpp"
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

constexpr proxy_request example{.host = "server.example.com", .port = 80};

// RFC 9110 9.3.6 has the request and RFC 7617 2 the credentials.
constexpr bool asks_like_the_rfcs() {
    std::array<char, 256> out{};
    proxy_request request = example;
    request.user = "Aladdin";
    request.password = "open sesame";
    const written result = proxy_handshake(request, {}).write_request(out);
    return result.error == errc::success &&
           std::string_view(out.data(), result.size) ==
               "CONNECT server.example.com:80 HTTP/1.1\r\n"
               "Host: server.example.com:80\r\n"
               "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n";
}
static_assert(asks_like_the_rfcs());

constexpr auto answer = test::byte_array("HTTP/1.1 200 OK\r\n\r\nSSH");
constexpr bool opens_a_tunnel() {
    std::array<char, 64> storage{};
    proxy_handshake proxy(example, storage);
    std::span<const std::byte> in(answer);
    return proxy.feed(in) == handshake_status::complete && in.size() == 3 &&
           proxy.status_code() == 200 && proxy.reason() == "OK" && proxy.has_response();
}
static_assert(opens_a_tunnel());

std::string write(const proxy_request& request) {
    std::array<char, 1024> out{};
    const written result = proxy_handshake(request, {}).write_request(out);
    REQUIRE(message(result.error) == message(errc::success));
    return {out.data(), result.size};
}

errc write_error(const proxy_request& request) {
    std::array<char, 1024> out{};
    return proxy_handshake(request, {}).write_request(out).error;
}

struct outcome {
    errc error = errc::success;
    handshake_status status = handshake_status::need_data;
    int code = 0;
    std::size_t line = 0;
    std::string reason, rest;

    bool operator==(const outcome&) const = default;
};

// Runs over the input cut in every way; all have to come to the same.
outcome run(std::string_view input, std::size_t limit = 1024, std::size_t max_fields = 100) {
    outcome first;
    bool any = false;
    test::for_each_chunking(test::bytes(input), [&](const test::chunk_list& chunks) {
        const auto storage = std::make_unique<char[]>(limit);
        proxy_handshake proxy(example, std::span(storage.get(), limit), max_fields);
        outcome result;
        for (std::span<std::byte> in : chunks) {
            const handshake_status status = proxy.feed(in);
            if (status == handshake_status::need_data && !in.empty()) FAIL("left what it needs");
            result.rest += test::text_of(in);
        }
        result.error = proxy.error();
        result.status = proxy.status();
        result.code = proxy.status_code();
        result.line = proxy.error_line();
        result.reason = proxy.reason();
        if (any && !(result == first)) FAIL("differs by chunking");
        first = result;
        any = true;
    });
    return first;
}

} // namespace

TEST_CASE("proxy_handshake: names the host as CONNECT wants it", "[rfc9112-3.2.3]") {
    struct row {
        std::string_view host;
        std::uint16_t port;
        std::string_view authority;
    };
    for (const row& r : {
             row{"www.example.com", 443, "www.example.com:443"},
             row{"localhost", 65535, "localhost:65535"},
             row{"127.0.0.1", 1, "127.0.0.1:1"},
             row{"::1", 8080, "[::1]:8080"},
             row{"[::1]", 8080, "[::1]:8080"},
             row{"2001:db8::ffff:192.0.2.1", 80, "[2001:db8::ffff:192.0.2.1]:80"},
         }) {
        const std::string authority(r.authority);
        CHECK(write({.host = r.host, .port = r.port}) ==
              "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n\r\n");
    }
}

TEST_CASE("proxy_handshake: sends nothing that could mean something else", "[rfc9110-9.3.6]") {
    for (const std::string_view host :
         {""sv,         "a b"sv,      "a\r\nX: y"sv, "a\nb"sv, "a\0"sv,          "u@h"sv,
          "h/x"sv,      "http://h"sv, "h:1"sv,       "h:"sv,   "h:x"sv,          "[::1"sv,
          "::1]"sv,     "[::1]:80"sv, "[h]"sv,       ":::"sv,  "fe80::1%eth0"sv, "[fe80::1%eth0]"sv,
          "\xc3\xa4"sv, "h#"sv,       "h?"sv,        "[]"sv}) {
        CAPTURE(host);
        CHECK(write_error({.host = host, .port = 80}) == errc::invalid_host);
    }
    CHECK(write_error({.host = "h", .port = 0}) == errc::invalid_host);
    const auto error_with = [](http_field field) {
        return write_error({.host = "h", .port = 1, .fields = std::span(&field, 1)});
    };
    CHECK(error_with({"X", "a\r\nY: b"}) == errc::invalid_field);
    CHECK(error_with({"X\r\nY", "b"}) == errc::invalid_field);
    // RFC 9110 9.3.6: a CONNECT request has no content.
    for (const std::string_view name : {"Host", "Content-Length", "transfer-encoding"}) {
        CAPTURE(name);
        CHECK(error_with({name, "1"}) == errc::reserved_field);
    }
}

TEST_CASE("proxy_handshake: says who asks", "[rfc7617-2]") {
    const auto credentials = [](std::string_view user, std::string_view password) {
        const std::string text =
            write({.host = "h", .port = 1, .user = user, .password = password});
        const std::string start = "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n";
        REQUIRE(text.starts_with(start));
        return text.substr(start.size());
    };
    const auto basic = [](std::string_view base64) {
        return "Proxy-Authorization: Basic " + std::string(base64) + "\r\n\r\n";
    };
    CHECK(credentials("", "") == "\r\n");
    CHECK(credentials("Aladdin", "open sesame") == basic("QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    CHECK(credentials("test", "123\xc2\xa3") == basic("dGVzdDoxMjPCow==")); // RFC 7617 2.1
    CHECK(credentials("u", "") == basic("dTo="));
    CHECK(credentials("", "p") == basic("OnA="));
    CHECK(credentials("ab", "") == basic("YWI6"));
    CHECK(credentials("u", "a:b") == basic("dTphOmI="));
    CHECK(credentials("u", "\xff") == basic("dTr/"));
}

TEST_CASE("proxy_handshake: refuses credentials that cannot be told", "[rfc7617-2]") {
    for (const std::string_view user :
         {"a:b"sv, ":"sv, "a\r\nX: y"sv, "\n"sv, "\t"sv, "a\0"sv, "\x7f"sv}) {
        CAPTURE(user);
        CHECK(write_error({.host = "h", .port = 1, .user = user}) == errc::invalid_field);
    }
    for (const std::string_view password : {"\r"sv, "\n"sv, "\t"sv, "a\0"sv, "\x7f"sv}) {
        CAPTURE(password);
        CHECK(write_error({.host = "h", .port = 1, .user = "u", .password = password}) ==
              errc::invalid_field);
    }
}

TEST_CASE("proxy_handshake: sends further fields, and one Proxy-Authorization at most",
          "[rfc9110-11.7.2]") {
    const std::array fields = {http_field{"User-Agent", "x"},
                               http_field{"proxy-authorization", "Bearer y"}};
    CHECK(write({.host = "h", .port = 1, .fields = fields}) ==
          "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\nUser-Agent: x\r\n"
          "proxy-authorization: Bearer y\r\n\r\n");
    CHECK(write_error({.host = "h", .port = 1, .user = "u", .fields = fields}) ==
          errc::reserved_field);
}

TEST_CASE("proxy_handshake: tells the size that the request needs") {
    proxy_request request = example;
    request.user = "u";
    const written needed = proxy_handshake(request, {}).write_request({});
    CHECK(needed.error == errc::buffer_too_small);
    CHECK(needed.needed == write(request).size());
}

TEST_CASE("proxy_handshake: any 2xx makes a tunnel right behind the head", "[rfc9110-9.3.6]") {
    for (const std::string_view head : {
             "HTTP/1.1 200 OK\r\n\r\n",
             "HTTP/1.0 200 Connection established\r\n\r\n",
             "HTTP/1.1 200\r\nProxy-Agent: x\r\n\r\n",
             "HTTP/1.1 201 Created\r\n\r\n",
             "HTTP/1.1 299 \r\n\r\n",
             // RFC 9110 9.3.6: a client ignores both in a successful response to CONNECT.
             "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n",
             "HTTP/1.1 204 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
             "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
             // RFC 9110 15.2
             "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
         }) {
        CAPTURE(head);
        for (const std::string_view behind : {""sv, "\x16\x03\x01"sv, "HTTP/1.1 101 x\r\n\r\n"sv}) {
            const outcome result = run(std::string(head) + std::string(behind));
            CHECK(message(result.error) == message(errc::success));
            CHECK(result.status == handshake_status::complete);
            CHECK(result.rest == behind);
        }
    }
    CHECK(run("HTTP/1.1 200 OK\r\n").status == handshake_status::need_data);
    CHECK(run("HTTP/1.1 200 OK\r\n").code == 0);
    CHECK(run("").status == handshake_status::need_data);
}

TEST_CASE("proxy_handshake: any other status is a refusal, whose body is left", "[rfc9110-9.3.6]") {
    for (const int code : {101, 300, 301, 304, 400, 403, 404, 405, 407, 429, 500, 502, 503, 999}) {
        CAPTURE(code);
        const outcome result =
            run("HTTP/1.1 " + std::to_string(code) + " No\r\nContent-Length: 4\r\n\r\nbody");
        CHECK(result.status == handshake_status::failed);
        CHECK(result.error == errc::proxy_refused);
        CHECK(result.code == code);
        CHECK(result.reason == "No");
        CHECK(result.rest == "body");
    }
}

TEST_CASE("proxy_handshake: tells what a refusing proxy wants to know", "[rfc9110-11.7.1]") {
    std::array<char, 256> storage{};
    proxy_handshake proxy(example, storage);
    CHECK_FALSE(proxy.has_response());
    const auto data = test::bytes(
        "HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\nbody");
    std::span<const std::byte> in(data);
    CHECK(proxy.feed(in) == handshake_status::failed);
    CHECK(proxy.has_response());
    CHECK(proxy.fields().find("proxy-authenticate") == "Basic realm=\"x\"");
    CHECK(proxy.feed(in) == handshake_status::failed);
    CHECK(test::text_of(in) == "body");
}

TEST_CASE("proxy_handshake: is as strict as HTTP about the head", "[rfc9112-4]") {
    struct row {
        std::string_view text;
        errc error;
        std::size_t line;
    };
    for (const row& r : {
             row{"SSH-2.0-x\r\n", errc::bad_status_line, 1},
             row{"\x05\x01", errc::bad_character, 1}, // SOCKS
             row{"HTTP/2.0 200 OK\r\n\r\n", errc::http_version_not_supported, 1},
             row{"HTTP/1.1 20 OK\r\n\r\n", errc::bad_status_line, 1},
             row{"HTTP/1.1 200 OK\n\n", errc::bad_line_ending, 1},
             row{"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", errc::bad_field_line, 2},
             row{"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", errc::obsolete_line_folding, 3},
         }) {
        CAPTURE(r.text);
        const outcome result = run(r.text);
        CHECK(message(result.error) == message(r.error));
        CHECK(result.line == r.line);
        CHECK(result.code == 0);
    }
}

TEST_CASE("proxy_handshake: refuses heads beyond its limits") {
    constexpr std::string_view head = "HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\n\r\n";
    CHECK(run(head, head.size()).error == errc::success);
    CHECK(run(head, head.size() - 1).error == errc::head_too_large);
    CHECK(run(head, 1024, 2).error == errc::success);
    CHECK(run(head, 1024, 1).error == errc::too_many_fields);
    CHECK(run(head, 0).error == errc::head_too_large);

    const std::string hint = "HTTP/1.1 103 Early Hints\r\n\r\n";
    std::string hints;
    for (int i = 0; i < 8; ++i)
        hints += hint;
    CHECK(run(hints + std::string(head)).error == errc::success);
    CHECK(run(hint + hints + std::string(head)).error == errc::too_many_informational_responses);
}

TEST_CASE("proxy_handshake: allocates nothing") {
    std::array<char, 256> storage{};
    std::array<char, 256> out{};
    proxy_request request = example;
    request.user = "Aladdin";

    const test::allocation_count before = test::allocations();
    proxy_handshake proxy(request, storage);
    const written asked = proxy.write_request(out);
    std::span<const std::byte> in(answer);
    const handshake_status opened = proxy.feed(in);
    const test::allocation_count after = test::allocations();

    CHECK((after - before).calls == 0);
    CHECK(asked.error == errc::success);
    CHECK(opened == handshake_status::complete);
}
