// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/handshake/upgrade_request.hpp>

#include "support/catch.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace framewire;

constexpr std::string_view key = "dGhlIHNhbXBsZSBub25jZQ==";

using field_list = std::vector<http_field>;

// The example of RFC 6455 1.2.
field_list example() {
    return {{"Host", "server.example.com"},   {"Upgrade", "websocket"},
            {"Connection", "Upgrade"},        {"Sec-WebSocket-Key", key},
            {"Origin", "http://example.com"}, {"Sec-WebSocket-Protocol", "chat, superchat"},
            {"Sec-WebSocket-Version", "13"}};
}

field_list with(std::string_view name, std::string_view value) {
    field_list fields = example();
    for (http_field& field : fields) {
        if (field.name == name) field.value = value;
    }
    return fields;
}

field_list adding(std::string_view name, std::string_view value, bool in_front = false) {
    field_list fields = example();
    fields.insert(in_front ? fields.begin() : fields.end(), {name, value});
    return fields;
}

field_list without(std::string_view name) {
    field_list fields = example();
    std::erase_if(fields, [&](const http_field& field) { return field.name == name; });
    return fields;
}

errc check(const field_list& fields, std::string_view target = "/chat",
           std::string_view method = "GET", int minor_version = 1) {
    return check_upgrade_request(method, target, minor_version,
                                 http_fields(std::span<const http_field>(fields)))
        .error;
}

struct row {
    field_list fields;
    errc error;
};

void check_all(const std::vector<row>& rows) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
        CAPTURE(i, message(rows[i].error));
        CHECK(message(check(rows[i].fields)) == message(rows[i].error));
    }
}

} // namespace

TEST_CASE("upgrade_request: says what a good request asks for", "[rfc6455-4.2.1]") {
    const field_list fields = adding("Sec-WebSocket-Extensions", "a; b, c");
    const upgrade_check checked = check_upgrade_request(
        "GET", "/chat?x", 1, http_fields(std::span<const http_field>(fields)));
    CHECK(checked.error == errc::success);
    CHECK(checked.request.target == "/chat?x");
    CHECK(checked.request.host == "server.example.com");
    CHECK(checked.request.origin == "http://example.com");
    CHECK(checked.request.key == key);
    std::string offers;
    for (const std::string_view name : checked.request.subprotocols()) {
        offers += std::string(name) + ";";
    }
    CHECK(offers == "chat;superchat;");
    CHECK(checked.request.extensions().contains("c"));
    CHECK(checked.request.fields.count("origin") == 1);
}

TEST_CASE("upgrade_request: the method is GET, the version at least HTTP/1.1", "[rfc6455-4.2.1]") {
    CHECK(check(example(), "/", "GET", 1) == errc::success);
    CHECK(check(example(), "/", "GET", 9) == errc::success);
    CHECK(check(example(), "/", "GET", 0) == errc::http_version_not_supported);
    for (const std::string_view method : {"POST", "HEAD", "get", "CONNECT", "", "GET "}) {
        CAPTURE(method);
        CHECK(check(example(), "/", method) == errc::method_not_get);
    }
}

TEST_CASE("upgrade_request: the target is a path or an absolute URI", "[rfc9112-3.2]") {
    struct target_row {
        std::string_view target;
        std::string_view path_and_query;
        std::string_view host;
    };
    const field_list fields = example();
    const http_fields view{std::span<const http_field>(fields)};
    for (const target_row& r : {
             target_row{"/", "/", "server.example.com"},
             target_row{"//x?|{}", "//x?|{}", "server.example.com"}, // as browsers leave them
             target_row{"http://h:1/a?b", "/a?b", "h:1"},
             target_row{"HTTPS://[::1]/a", "/a", "[::1]"},
             target_row{"ws://h", "/", "h"},
             target_row{"wss://h?b", "?b", "h"},
         }) {
        CAPTURE(r.target);
        const upgrade_check checked = check_upgrade_request("GET", r.target, 1, view);
        CHECK(checked.error == errc::success);
        CHECK(checked.request.target == r.path_and_query);
        CHECK(checked.request.host == r.host);
    }
    for (const std::string_view target :
         {"", "*", "a", "h:80", "?a", "ftp://h/", "http:/h", "http://", "http:///a", "http://u@h/",
          "http://h:x/", "/a b", "/#a", "/\xc3\xa4", "/\r\nX: y", "/\x7f"}) {
        CAPTURE(target);
        CHECK(check(example(), target) == errc::bad_request_target);
    }
}

TEST_CASE("upgrade_request: each field that has to be there is missed", "[rfc6455-4.2.1]") {
    check_all({
        {example(), errc::success},
        {without("Host"), errc::missing_host},
        {without("Upgrade"), errc::missing_upgrade},
        {without("Connection"), errc::missing_connection_upgrade},
        {without("Sec-WebSocket-Key"), errc::missing_key},
        {without("Sec-WebSocket-Version"), errc::missing_version},
        {without("Origin"), errc::success},
        {without("Sec-WebSocket-Protocol"), errc::success},
        {{}, errc::missing_host},
    });
}

TEST_CASE("upgrade_request: fields that may come once only, and those that make a list",
          "[rfc6455-4.2.1][rfc6455-11.3]") {
    check_all({
        {adding("host", "server.example.com"), errc::repeated_host},
        {adding("HOST", "evil", true), errc::repeated_host},
        {adding("Sec-WebSocket-Key", key), errc::bad_key},
        {adding("sec-websocket-version", "13"), errc::version_not_supported},
        {adding("Origin", "http://example.com"), errc::repeated_origin},
        {adding("Upgrade", "h2c"), errc::success},
        {adding("Upgrade", "h2c", true), errc::success},
        {adding("Connection", "keep-alive"), errc::success},
        {adding("Connection", "keep-alive", true), errc::success},
        {adding("Sec-WebSocket-Protocol", "third"), errc::success},
        {adding("Sec-WebSocket-Extensions", "x"), errc::success},
    });
}

TEST_CASE("upgrade_request: Host is a host with an optional port", "[rfc9112-3.2]") {
    for (const std::string_view host : {"h", "h:80", "h:", "127.0.0.1", "[::1]:9001", "a_b.c"}) {
        CAPTURE(host);
        CHECK(check(with("Host", host)) == errc::success);
    }
    CHECK(check(with("Host", "")) == errc::missing_host);
    CHECK(check(with("Host", " ")) == errc::missing_host);
    for (const std::string_view host : {"a b", "a/b", "a@b", "a,b", ":80", "a:b", "a:65536", "[::1",
                                        "::1", "\xc3\xa4", "http://a"}) {
        CAPTURE(host);
        // A comma is a sub-delim of RFC 3986, odd as it looks.
        CHECK(check(with("Host", host)) == (host == "a,b" ? errc::success : errc::bad_host));
    }
}

TEST_CASE("upgrade_request: Upgrade and Connection are lists, read without regard to case",
          "[rfc6455-4.2.1]") {
    check_all({
        {with("Upgrade", "WebSocket"), errc::success},
        {with("Upgrade", "foo, WEBSOCKET"), errc::success},
        {with("Upgrade", ",websocket,,"), errc::success},
        {with("Upgrade", ""), errc::missing_upgrade},
        {with("Upgrade", "websockets"), errc::missing_upgrade},
        {with("Upgrade", "web socket"), errc::missing_upgrade},
        {with("Upgrade", "\"websocket\""), errc::missing_upgrade},
        {with("Upgrade", "\"a, websocket"), errc::missing_upgrade},
        {with("Upgrade", "websocket/13"), errc::missing_upgrade},
        {with("Upgrade", "w\xc3\xabsocket"), errc::missing_upgrade},
        {with("Connection", "upgrade"), errc::success},
        {with("Connection", "keep-alive, Upgrade"), errc::success}, // Firefox
        {with("Connection", "keep-alive"), errc::missing_connection_upgrade},
        {with("Connection", "close"), errc::missing_connection_upgrade},
        {with("Connection", ""), errc::missing_connection_upgrade},
        {with("Connection", "Upgrade keep-alive"), errc::missing_connection_upgrade},
        {with("Connection", "\xffUpgrade"), errc::missing_connection_upgrade},
    });
}

TEST_CASE("upgrade_request: the version is 13 and nothing else", "[rfc6455-4.2.2][rfc6455-4.4]") {
    for (const std::string_view version :
         {"8",     "0",   "7",   "12",  "14",  "25",   "255",  "256", "013",  "13, 8",
          "8, 13", "13,", "130", "+13", "1 3", "0x0d", "13.0", "",    "\xff", "thirteen"}) {
        CAPTURE(version);
        CHECK(check(with("Sec-WebSocket-Version", version)) == errc::version_not_supported);
    }
    CHECK(check(with("Sec-WebSocket-Version", "\t13 ")) ==
          errc::success); // white space of the field
}

TEST_CASE("upgrade_request: the key is one Base64 value of 16 bytes", "[rfc6455-4.2.1]") {
    check_all({
        {with("Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4PEC=="), errc::success}, // RFC 6455 4.1
        {with("Sec-WebSocket-Key", ""), errc::bad_key},
        {with("Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4PEC="), errc::bad_key},
        {with("Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4P"), errc::bad_key},
        {with("Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4P\xff\xff=="), errc::bad_key},
        {with("Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4PEC==, x"), errc::bad_key},
    });
}

TEST_CASE("upgrade_request: no body may follow", "[rfc6455-4.2.1][rfc9112-6]") {
    check_all({
        {adding("Content-Length", "0"), errc::success},
        {adding("Content-Length", "1"), errc::request_has_body},
        {adding("content-length", "00"), errc::request_has_body},
        {adding("Content-Length", ""), errc::request_has_body},
        {adding("Content-Length", "-1"), errc::request_has_body},
        {adding("Content-Length", "0, 0"), errc::request_has_body},
        {adding("Transfer-Encoding", "chunked"), errc::request_has_body},
        {adding("transfer-encoding", "identity"), errc::request_has_body},
        {adding("Transfer-Encoding", ""), errc::request_has_body},
    });
    field_list twice = adding("Content-Length", "0");
    twice.push_back({"Content-Length", "0"});
    CHECK(check(twice) == errc::request_has_body);
}

TEST_CASE("upgrade_request: lists of subprotocols and extensions are well formed",
          "[rfc6455-4.2.1][rfc6455-9.1]") {
    check_all({
        {with("Sec-WebSocket-Protocol", "a"), errc::success},
        {with("Sec-WebSocket-Protocol", "a,,b,"), errc::success},
        {with("Sec-WebSocket-Protocol", ""), errc::success}, // RFC 9110 5.6.1.2: none
        {with("Sec-WebSocket-Protocol", "a b"), errc::bad_subprotocol_list},
        {with("Sec-WebSocket-Protocol", "a, b/c"), errc::bad_subprotocol_list},
        {with("Sec-WebSocket-Protocol", "\"a\""), errc::bad_subprotocol_list},
        {with("Sec-WebSocket-Protocol", "a, \xc3\xa4"), errc::bad_subprotocol_list}, // Granian
        {adding("Sec-WebSocket-Protocol", "a;b"), errc::bad_subprotocol_list},
        {adding("Sec-WebSocket-Extensions", ""), errc::success},
        {adding("Sec-WebSocket-Extensions", "unknown; x=y"), errc::success},
        {adding("Sec-WebSocket-Extensions", "a;"), errc::bad_extension_list},
        {adding("Sec-WebSocket-Extensions", "a; b=\"c d\""), errc::bad_extension_list},
        {adding("Sec-WebSocket-Extensions", "\xff"), errc::bad_extension_list},
    });
}

TEST_CASE("upgrade_request: of several faults, the one to mend first is reported") {
    field_list fields;
    const auto next = [&](http_field field) {
        fields.push_back(field);
        return check(fields);
    };
    CHECK(check({}, "x", "POST", 0) == errc::method_not_get);
    CHECK(check({}, "x", "GET", 0) == errc::http_version_not_supported);
    CHECK(check({}, "x") == errc::bad_request_target);
    CHECK(check({{"Host", "a b"}}) == errc::bad_host);
    // All the faults behind the one reported are there from the beginning.
    fields = {{"Content-Length", "5"},
              {"Origin", "a"},
              {"Origin", "b"},
              {"Sec-WebSocket-Protocol", "/"},
              {"Sec-WebSocket-Extensions", "/"}};
    CHECK(check(fields) == errc::missing_host);
    CHECK(next({"Host", "a"}) == errc::missing_upgrade);
    CHECK(next({"Upgrade", "websocket"}) == errc::missing_connection_upgrade);
    CHECK(next({"Connection", "upgrade"}) == errc::missing_version);
    CHECK(next({"Sec-WebSocket-Version", "13"}) == errc::missing_key);
    CHECK(next({"Sec-WebSocket-Key", key}) == errc::request_has_body);
    const auto without_first = [&] {
        fields.erase(fields.begin());
        return check(fields);
    };
    CHECK(without_first() == errc::repeated_origin);      // Content-Length is gone
    CHECK(without_first() == errc::bad_subprotocol_list); // the first Origin
    CHECK(without_first() == errc::bad_subprotocol_list); // the second Origin
    CHECK(without_first() == errc::bad_extension_list);   // Sec-WebSocket-Protocol
    CHECK(without_first() == errc::success);              // Sec-WebSocket-Extensions
}
