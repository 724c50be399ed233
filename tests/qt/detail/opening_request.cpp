// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/qt/detail/opening_request.hpp>

#include "support/catch.hpp"

#include <set>
#include <string>

using namespace framewire;
using qt::client_options;
using qt::detail::opening_request;

namespace {
std::string request_for(const char* url, const client_options& options = {}) {
    opening_request request;
    const errc error = request.prepare(QUrl(QString::fromUtf8(url)), options, false);
    return error == errc::success ? request.text.toStdString() : std::string(message(error));
}
bool starts(const std::string& text, const std::string& with) { return text.rfind(with, 0) == 0; }
bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}
} // namespace

TEST_CASE("opening_request: target and Host come from the URL", "[rfc6455-3]") {
    CHECK(starts(request_for("ws://example.org"), "GET / HTTP/1.1\r\nHost: example.org\r\n"));
    CHECK(starts(request_for("ws://example.org:80/a"), "GET /a HTTP/1.1\r\nHost: example.org\r\n"));
    CHECK(
        starts(request_for("wss://example.org:80/"), "GET / HTTP/1.1\r\nHost: example.org:80\r\n"));
    CHECK(starts(request_for("wss://example.org:443/"), "GET / HTTP/1.1\r\nHost: example.org\r\n"));
    CHECK(starts(request_for("ws://[::1]:3000/a?b=c"),
                 "GET /a?b=c HTTP/1.1\r\nHost: [::1]:3000\r\n"));
    CHECK(starts(request_for("ws://example.org?q"), "GET /?q HTTP/1.1\r\n"));
    // Qt leaves these as they are.
    CHECK(starts(request_for("ws://a/[x]|\"?[y]"), "GET /%5Bx%5D%7C%22?%5By%5D HTTP/1.1\r\n"));
    CHECK(starts(request_for("ws://a/\xC3\xA9"), "GET /%C3%A9 HTTP/1.1\r\n"));
    CHECK(contains(request_for("ws://b\xC3\xBC"
                               "cher.example/"),
                   "Host: xn--bcher-kva.example\r\n"));
}

TEST_CASE("opening_request: refuses what is no WebSocket URL") {
    CHECK(request_for("http://example.org/") == message(errc::uri_scheme_not_websocket));
    CHECK(request_for("localhost:80") == message(errc::uri_scheme_not_websocket));
    CHECK(request_for("ws://example.org/#part") == message(errc::uri_has_fragment));
    CHECK(request_for("ws:///path") == message(errc::invalid_host));
    CHECK(request_for("ws://example.org:0/") == message(errc::invalid_host));
    CHECK(request_for("ws://bad host:99999/") == message(errc::invalid_uri));
    CHECK(request_for("") == message(errc::invalid_uri));
}

TEST_CASE("opening_request: a user in the URL is sent as Basic authorization", "[rfc7617-2]") {
    CHECK(contains(request_for("ws://Aladdin:open%20sesame@example.org/"),
                   "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"));
    CHECK_FALSE(contains(request_for("ws://Aladdin@example.org/"), "Aladdin"));
    client_options options;
    options.headers = {{"authorization", "Bearer x"}};
    const std::string text = request_for("ws://a:b@example.org/", options);
    CHECK(contains(text, "authorization: Bearer x\r\n"));
    CHECK_FALSE(contains(text, "Basic"));
    CHECK(request_for("ws://a%3Ab:c@example.org/") == message(errc::uri_has_userinfo));
}

TEST_CASE("opening_request: sends what the options say, and nothing that could be misread") {
    client_options options;
    options.headers = {{"Cookie", "a=b"}};
    options.origin = "https://example.org";
    options.subprotocols = {"chat", "superchat"};
    const std::string text = request_for("ws://a/", options);
    CHECK(contains(text, "Cookie: a=b\r\n"));
    CHECK(contains(text, "Origin: https://example.org\r\n"));
    CHECK(contains(text, "Sec-WebSocket-Protocol: chat, superchat\r\n"));

    options.headers = {{"X", "a\r\nY: b"}};
    CHECK(request_for("ws://a/", options) == message(errc::invalid_field));
    options.headers = {{"Sec-WebSocket-Key", "x"}};
    CHECK(request_for("ws://a/", options) == message(errc::reserved_field));
    options.headers = {};
    options.subprotocols = {"not a token"};
    CHECK(request_for("ws://a/", options) == message(errc::invalid_subprotocol));
}

TEST_CASE("opening_request: each attempt has a key of its own", "[rfc6455-4.1]") {
    std::set<std::string> keys;
    for (int i = 0; i < 20; ++i) {
        const std::string text = request_for("ws://a/");
        const std::string name = "\r\nSec-WebSocket-Key: ";
        const std::string key = text.substr(text.find(name) + name.size(), 24);
        CHECK(is_key(key));
        keys.insert(key);
    }
    CHECK(keys.size() == 20);
}
