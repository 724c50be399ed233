// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Known attacks on the opening handshake.
//
// Held elsewhere:
//  - CVE-2021-33880, the timing of a comparison of passwords: nothing here compares any. A server
//    is told what the request says, and a client sends what it is given.
//  - websockets 17 strips credentials when it follows a redirect: none is followed, see below.
//  - CVE-2025-11678, a resolver of its own: the adapters use those of Asio and Qt.
//  - Parsers of URIs and heads that read past the end: also tests/fuzz.
//  - CVE-2016-10518 with memory that was never written: also valgrind over this suite.

#include "driver.hpp"
#include "handshakes.hpp"

#include <framewire/handshake/origin.hpp>
#include <framewire/handshake/proxy.hpp>
#include <framewire/handshake/uri.hpp>

using namespace framewire;
using namespace framewire::test;
using namespace std::string_view_literals;

namespace {

// --- Work, counted by the compiler: a constant expression may take a limited number of steps
// (clang about one million, g++ 33 million), so that work which grows with the square of these
// texts does not compile.

template <std::size_t N> struct text_of_size {
    char chars[N]{};
    [[nodiscard]] constexpr std::string_view view() const { return {chars, N}; }
};

template <std::size_t N> constexpr text_of_size<N> repeated(std::string_view pattern) {
    text_of_size<N> out;
    for (std::size_t i = 0; i < N; ++i)
        out.chars[i] = pattern[i % pattern.size()];
    return out;
}

constexpr std::size_t long_value = 6000;
constexpr auto spaces = repeated<long_value>(" ");
constexpr auto spaced_commas = repeated<long_value>(" , ");
constexpr auto quotes = repeated<long_value>("\"");
constexpr auto backslashes = repeated<long_value>("\"\\");
constexpr auto semicolons = repeated<long_value>("a;");
constexpr auto parameters = repeated<long_value>("a;b=\"c\";");
constexpr auto spaced_parameters = repeated<long_value>("a ; ");

// A parameter whose quoted value never ends, made of `pattern`.
template <std::size_t N> constexpr text_of_size<N> unended(std::string_view pattern) {
    text_of_size<N> out = repeated<N>(pattern);
    constexpr std::string_view front = "a;b=\"";
    for (std::size_t i = 0; i < front.size(); ++i)
        out.chars[i] = front[i];
    return out;
}
constexpr auto unended_value = unended<long_value>("c");
constexpr auto unended_escapes = unended<long_value>("c\\");

constexpr std::size_t elements_of(std::string_view value) {
    std::size_t count = 0;
    for (const std::string_view element : http_list(value))
        count += element.empty() ? 0u : 1u;
    return count;
}

// CVE-2021-32640 ws: a list that is all white space and commas
static_assert(elements_of(spaces.view()) == 0);
static_assert(elements_of(spaced_commas.view()) == 0);
static_assert(elements_of(quotes.view()) <= 1);
static_assert(elements_of(backslashes.view()) <= 1);
// CVE-2020-7662, CVE-2020-7663 websocket-extensions: quoted strings that never end
static_assert(is_extension_list(spaces.view()));
static_assert(is_extension_list(spaced_commas.view()));
static_assert(!is_extension_list(quotes.view()));
static_assert(!is_extension_list(backslashes.view()));
static_assert(!is_extension_list(semicolons.view()));
static_assert(!is_extension_list(parameters.view()));
static_assert(!is_extension_list(spaced_parameters.view()));
static_assert(!is_extension_list(unended_value.view()));
static_assert(!is_extension_list(unended_escapes.view()));

std::string field(std::string_view name, std::string_view value) {
    return std::string(name) + ": " + std::string(value) + "\r\n";
}

} // namespace

TEST_CASE(
    "threats: CVE-2021-32640 ws, CVE-2020-7662 CVE-2020-7663 websocket-extensions, lists made "
    "to be slow are read once",
    "[threats]") {
    // That the work is linear is asserted above, while compiling. Here, as a server meets them.
    for (const std::string_view value :
         {spaces.view(), spaced_commas.view(), quotes.view(), backslashes.view(), semicolons.view(),
          parameters.view(), spaced_parameters.view(), unended_value.view(),
          unended_escapes.view()}) {
        for (const char* name :
             {"Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Connection", "Upgrade"}) {
            const served result = serve(request_with(field(name, value)));
            CHECK(result.status != handshake_status::need_data);
            const bool empty = elements_of(value) == 0;
            if (empty) CHECK(result.error == errc::success);
            if (!empty && std::string_view(name).starts_with("Sec-"))
                CHECK(status_of(result.answer) == "400");
        }
    }
}

TEST_CASE("threats: GHSA-5v72-xg48-5rpm ws, names of extensions and subprotocols mean nothing by "
          "themselves",
          "[threats]") {
    for (const char* name : {"constructor", "__proto__", "toString", "hasOwnProperty", "prototype",
                             "nullptr", "0", "permessage-deflate-evil", "%s%n"}) {
        CAPTURE(name);
        const std::string lines = field("Sec-WebSocket-Extensions", std::string(name) + "; a=b") +
                                  field("Sec-WebSocket-Protocol", name);
        const served result = serve(request_with(lines));
        CHECK(result.error == errc::success);
        CHECK(result.answer.find("Sec-WebSocket-Extensions") == std::string::npos);
        CHECK(result.answer.find("Sec-WebSocket-Protocol") == std::string::npos);
        permessage_deflate server(deflate_settings{});
        std::array<char, 200> answer{};
        CHECK(negotiate(server, extension_list(name), answer).size == 0);
        CHECK_FALSE(server.active());
    }
}

TEST_CASE("threats: CVE-2023-43669 RUSTSEC-2023-0065 tungstenite, a head octet by octet is read "
          "once",
          "[threats]") {
    std::string head = request_with();
    head = request_with(field("X", std::string(8192 - head.size() - 5, 'x')));
    REQUIRE(head.size() == 8192);
    // What was taken before is spoilt while the next octet is: whoever looked at it again, at each
    // read, would find no head there. So the work is one step an octet.
    std::vector<char> storage(8192);
    server_handshake handshake(storage);
    for (std::size_t i = 0; i < head.size(); ++i) {
        if (i + 1 < head.size()) std::fill_n(storage.begin(), i, '\0');
        if (i + 1 == head.size()) std::copy_n(head.begin(), i, storage.begin());
        const std::byte octet[] = {static_cast<std::byte>(head[i])};
        std::span<const std::byte> in(octet);
        const handshake_status status = handshake.feed(in);
        if (!in.empty()) FAIL("left at " << i);
        const bool last = i + 1 == head.size();
        if (status != (last ? handshake_status::complete : handshake_status::need_data)) FAIL(i);
    }
    CHECK(handshake.error() == errc::success);
    CHECK(handshake.request().target == "/chat");
}

TEST_CASE("threats: CVE-2023-43669 tungstenite, a head has a limit of its size and of its fields",
          "[threats]") {
    STATIC_REQUIRE(default_max_fields == 100);
    const std::string endless = "X: " + std::string(100'000, 'x');
    for (const std::size_t limit : {std::size_t{512}, std::size_t{8192}, std::size_t{16'384}}) {
        const std::string text = request_with().substr(0, request_with().size() - 2) + endless;
        const served result = serve(text, limit);
        CHECK(result.error == errc::head_too_large);
        CHECK(result.rest.size() == text.size() - limit); // not one octet more was taken
        CHECK(status_of(result.answer) == "431");
    }
    std::string fields;
    for (int i = 0; i < 95; ++i)
        fields += "A:\r\n";
    CHECK(serve(request_with(fields)).error == errc::success); // with its own five, 100
    const served result = serve(request_with(fields + "A:\r\n"));
    CHECK(result.error == errc::too_many_fields);
    CHECK(status_of(result.answer) == "431");
    // A client likewise.
    std::vector<char> storage(512);
    client_handshake client({.host = "h"}, sample_nonce, storage);
    const std::vector<std::byte> response = bytes("HTTP/1.1 101 \r\n" + endless);
    std::span<const std::byte> in(response);
    CHECK(client.feed(in) == handshake_status::failed);
    CHECK(client.error() == errc::head_too_large);
    CHECK(response.size() - in.size() == 512);
}

TEST_CASE("threats: CVE-2024-37890 ws, a request with any lines missing or twice is accepted or "
          "refused, and only the whole one is accepted",
          "[threats]") {
    const std::vector<std::string> lines = request_lines();
    int accepted = 0;
    // Each of the five fields 0, 1 or 2 times.
    for (int code = 0; code < 243; ++code) {
        std::string text = lines[0];
        int rest = code;
        bool once = true;
        bool allowed = true;
        for (std::size_t i = 1; i < lines.size(); ++i, rest /= 3) {
            for (int k = 0; k < rest % 3; ++k)
                text += lines[i];
            once = once && rest % 3 == 1;
            // Upgrade and Connection are lists: RFC 9110 5.3
            const bool list = i == 2 || i == 3;
            allowed = allowed && (rest % 3 == 1 || (list && rest % 3 == 2));
        }
        const served result = serve(text + "\r\n");
        CAPTURE(text);
        CHECK((result.error == errc::success) == allowed);
        CHECK(status_of(result.answer).find_first_not_of("0123456789") == std::string::npos);
        CHECK((result.answer.substr(9, 3) == "101") == allowed);
        if (once) CHECK(result.error == errc::success);
        accepted += result.error == errc::success ? 1 : 0;
    }
    CHECK(accepted == 4);
    // More fields than are read: the ones that matter, behind the limit, are not just ignored.
    std::string many = lines[0];
    for (int i = 0; i < 200; ++i)
        many += "A: b\r\n";
    CHECK(serve(many + request_with().substr(lines[0].size())).error == errc::too_many_fields);
}

TEST_CASE("threats: Granian, octets outside of ASCII in any line of a request are carried or "
          "refused",
          "[threats]") {
    const std::vector<std::string> lines = request_lines();
    std::vector<std::string> more = lines;
    more.push_back("Sec-WebSocket-Protocol: chat\r\n");
    more.push_back("Sec-WebSocket-Extensions: a; b=c\r\n");
    more.push_back("Origin: http://example.org\r\n");
    more.push_back("Cookie: a=b\r\n");
    for (std::size_t line = 0; line < more.size(); ++line) {
        for (int octet = 0x80; octet <= 0xFF; ++octet) {
            for (const bool at_end : {false, true}) {
                std::string text;
                for (std::size_t i = 0; i < more.size(); ++i) {
                    std::string one = more[i];
                    const std::size_t colon = one.find(':');
                    const std::size_t at = at_end || i == 0 ? one.size() - 2 : colon / 2;
                    if (i == line) one.insert(at, 1, static_cast<char>(octet));
                    text += one;
                }
                const served result = serve(text + "\r\n");
                // A value that means nothing here may have them (RFC 9110 5.5); so may an Origin,
                // which then is like no other.
                const bool carried = at_end && line >= 8;
                if ((result.error == errc::success) != carried) {
                    FAIL(line << " " << octet << " " << message(result.error));
                }
                if (!carried && result.answer.substr(9, 1) != "4" && line != 0) FAIL(result.answer);
            }
        }
    }
    CHECK_FALSE(same_origin("http://example.org\xC3", "http://example.org\xC3"));
}

TEST_CASE("threats: CVE-2025-11677 libwebsockets, nothing goes on behind a refusal", "[threats]") {
    std::vector<std::string> bad;
    for (const char* upgrade : {"h2c", "WebSocket-evil", "", "TLS/1.0"}) {
        std::string text = request_with();
        text.replace(text.find("websocket"), 9, upgrade);
        bad.push_back(text);
    }
    bad.push_back("POST" + request_with().substr(3));
    bad.push_back("GET /\r\n\r\n");
    for (const std::string& text : bad) {
        CAPTURE(text);
        std::vector<char> storage(1024);
        server_handshake handshake(storage);
        std::vector<std::byte> input = bytes(text);
        std::span<const std::byte> in(input);
        REQUIRE(handshake.feed(in) == handshake_status::failed);
        const std::string refused = answer_of(handshake);
        std::array<char, 1024> out{};
        for (int i = 0; i < 3; ++i) {
            input = bytes(request_with());
            in = input;
            CHECK(handshake.feed(in) == handshake_status::failed);
            CHECK(in.size() == input.size());
            CHECK(handshake.write_accept(out).error == handshake.error());
            CHECK(handshake.request().key.empty());
        }
        CHECK(answer_of(handshake) == refused);
    }
}

TEST_CASE("threats: CVE-2026-1527 undici, tetsuo-pulse#3489, CVE-2020-35678 autobahn, a client "
          "cannot be made to write a line of somebody else's",
          "[threats]") {
    std::array<char, 2048> out{};
    std::array<char, 16> storage{};
    const auto error_of = [&](const client_request& request) {
        return client_handshake(request, sample_nonce, storage).write_request(out).error;
    };
    const std::string_view ends[] = {
        "\r\nX: y"sv, "\nX: y"sv, "\rX: y"sv, "\0X"sv, "\r\n\r\nGET /evil HTTP/1.1"sv,
        "\r"sv,       "\n"sv,     "\0"sv};
    for (const std::string_view evil : ends) {
        for (const std::string& text : {"a" + std::string(evil), std::string(evil),
                                        std::string(evil) + "a", "a" + std::string(evil) + "a"}) {
            CAPTURE(text);
            CHECK(error_of({.host = text}) == errc::invalid_host);
            CHECK(error_of({.host = "h:1" + text}) == errc::invalid_host);
            CHECK(error_of({.host = "[::1" + text + "]"}) == errc::invalid_host);
            CHECK(error_of({.host = "h", .target = text}) == errc::invalid_target);
            CHECK(error_of({.host = "h", .target = "/" + text}) == errc::invalid_target);
            CHECK(error_of({.host = "h", .target = "/?" + text}) == errc::invalid_target);
            CHECK(error_of({.host = "h", .origin = text}) == errc::invalid_field);
            const std::string_view names[] = {text};
            CHECK(error_of({.host = "h", .subprotocols = names}) == errc::invalid_subprotocol);
            CHECK(error_of({.host = "h", .extensions = text}) == errc::invalid_extension);
            CHECK(error_of({.host = "h", .extensions = "a; b=\"" + text + "\""}) ==
                  errc::invalid_extension);
            const http_field by_name[] = {{text, "value"}};
            CHECK(error_of({.host = "h", .fields = by_name}) == errc::invalid_field);
            const http_field by_value[] = {{"X-Name", text}};
            CHECK(error_of({.host = "h", .fields = by_value}) == errc::invalid_field);
            CHECK(parse_uri("ws://" + text).error != errc::success);
            CHECK(parse_uri("ws://h/" + text).error != errc::success);
            // The way through a proxy.
            const auto proxied = [&](const proxy_request& request) {
                return proxy_handshake(request, storage).write_request(out).error;
            };
            CHECK(proxied({.host = text, .port = 1}) == errc::invalid_host);
            CHECK(proxied({.host = "h", .port = 1, .user = text}) == errc::invalid_field);
            CHECK(proxied({.host = "h", .port = 1, .password = text}) == errc::invalid_field);
            CHECK(proxied({.host = "h", .port = 1, .fields = by_value}) == errc::invalid_field);
        }
    }
    // Fields that the handshake writes itself cannot be written twice.
    for (const char* name :
         {"Host", "host", "Upgrade", "Connection", "Content-Length", "Transfer-Encoding", "Origin",
          "Sec-WebSocket-Key", "sec-websocket-anything"}) {
        const http_field fields[] = {{name, "x"}};
        CHECK(error_of({.host = "h", .fields = fields}) == errc::reserved_field);
    }
}

TEST_CASE("threats: CVE-2020-35678 autobahn, a server cannot be made to write a line of somebody "
          "else's",
          "[threats]") {
    std::vector<char> storage(1024);
    server_handshake handshake(storage);
    const std::vector<std::byte> input =
        bytes(request_with(field("Sec-WebSocket-Protocol", "chat")));
    std::span<const std::byte> in(input);
    REQUIRE(handshake.feed(in) == handshake_status::complete);
    std::array<char, 1024> out{};
    for (const std::string_view evil : {"\r\nX: y"sv, "\nX: y"sv, "\rX: y"sv, "\0X"sv}) {
        const std::string text = "chat" + std::string(evil);
        CAPTURE(text);
        CHECK(handshake.write_accept(out, {.subprotocol = text}).error ==
              errc::subprotocol_not_offered);
        CHECK(handshake.write_accept(out, {.extensions = text}).error != errc::success);
        const http_field by_name[] = {{text, "value"}};
        const http_field by_value[] = {{"X-Name", text}};
        CHECK(handshake.write_accept(out, {.fields = by_name}).error == errc::invalid_field);
        CHECK(handshake.write_accept(out, {.fields = by_value}).error == errc::invalid_field);
        CHECK(handshake.write_reject(out, {.content_type = text}).error == errc::invalid_field);
        CHECK(handshake.write_reject(out, {.fields = by_name}).error == errc::invalid_field);
        CHECK(handshake.write_reject(out, {.fields = by_value}).error == errc::invalid_field);
    }
}

TEST_CASE("threats: websockets 17, a redirect is told and not followed, so no credentials go along",
          "[threats]") {
    for (const char* status : {"301 Moved", "302 Found", "303 See", "307 Temporary",
                               "308 Permanent", "401 Unauthorized", "407 Proxy"}) {
        std::vector<char> storage(1024);
        const http_field fields[] = {{"Authorization", "Basic c2VjcmV0"}, {"Cookie", "secret"}};
        client_handshake client({.host = "h", .fields = fields}, sample_nonce, storage);
        const std::vector<std::byte> response =
            bytes(std::string("HTTP/1.1 ") + status + "\r\nLocation: ws://evil.example/\r\n\r\n" +
                  std::string(sample_response));
        std::span<const std::byte> in(response);
        CHECK(client.feed(in) == handshake_status::failed);
        CHECK(client.error() == errc::upgrade_refused);
        CHECK(client.fields().find("Location") == "ws://evil.example/");
        // A 101 behind it opens nothing.
        CHECK(client.feed(in) == handshake_status::failed);
        CHECK(text_of(in) == sample_response);
    }
}

TEMPLATE_TEST_CASE(
    "threats: CVE-2016-10518 ws, what is sent is what was given, whatever lay in the "
    "memory",
    "[threats]", FRAMEWIRE_THREAT_DRIVERS) {
    const auto everything = [](unsigned char dirt) {
        // Blocks of the sizes that the connection asks for, soiled and given back.
        for (const std::size_t size : {256u, 512u, 1024u, 2048u, 4096u, 8192u, 16'384u}) {
            const auto block = std::make_unique<unsigned char[]>(size);
            std::fill_n(block.get(), size, dirt);
        }
        TestType end;
        auto& c = end.connection();
        std::string expected;
        for (std::size_t size = 0; size <= 125; ++size) {
            CHECK(c.ping(bytes(std::string(size, 'p'))) == errc::success);
            CHECK(c.pong(bytes(std::string(size, 'q'))) == errc::success);
        }
        CHECK(c.send_text("text") == errc::success);
        CHECK(c.send_binary({}) == errc::success);
        CHECK(c.send_text(std::string(3000, 'x')) == errc::success);
        end.receive(frame_writer(TestType::side).ping("").ping("answer this"));
        CHECK(c.close(close_code::normal, "bye") == errc::success);
        return text_of(c.output());
    };
    const std::string sent = everything(0xAA);
    CHECK((sent == everything(0x55)));
    const std::vector<wire_frame> frames = frames_of(bytes(sent));
    REQUIRE(frames.size() == 257);
    for (std::size_t size = 0; size <= 125; ++size) {
        CHECK(frames[2 * size].payload == std::string(size, 'p'));
        CHECK(frames[2 * size + 1].payload == std::string(size, 'q'));
    }
    if (!TestType::deflates) CHECK(frames[252].payload == "text");
    CHECK(frames[255].payload == "answer this"); // so much waits that only the newest is answered
    CHECK(frames[256].payload == "\x03\xE8"
                                 "bye");
}

TEST_CASE("threats: websocketpp#456, values that are nothing but white space are empty",
          "[threats]") {
    for (const char* name :
         {"Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"}) {
        for (const char* value : {"", " ", "\t", "   \t  ", " ,", ", ,\t,"}) {
            std::string text;
            for (const std::string& line : request_lines())
                text += line.starts_with(name) ? std::string(name) + ":" + value + "\r\n" : line;
            // RFC 3986 3.2.2: a comma may be the name of a host.
            if (std::string_view(name) == "Host" && std::string_view(value).find(',') == 1)
                continue;
            CAPTURE(text);
            const served result = serve(text + "\r\n");
            CHECK(result.status == handshake_status::failed);
            CHECK(status_of(result.answer).front() == '4');
        }
    }
    for (const char* name : {"Origin", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "X"})
        CHECK(serve(request_with(field(name, " \t "))).error == errc::success);
}

TEST_CASE("threats: websocketpp 0.7, a URI that is cut anywhere is read up to its end",
          "[threats]") {
    for (const std::string_view whole :
         {"ws://h"sv, "wss://[2001:db8::1]:8443/a%20b?c=%41&d"sv, "ws://user@example.org:80/#x"sv,
          "ws://1.2.3.4:65535/"sv, "ws://a%4"sv, "ws://[::ffff:1.2.3.4]"sv}) {
        for (std::size_t size = 0; size <= whole.size(); ++size) {
            const auto block = std::make_unique<char[]>(size); // exactly: see AddressSanitizer
            std::copy_n(whole.begin(), size, block.get());
            const std::string_view text(block.get(), size);
            const uri parsed = parse_uri(text);
            CAPTURE(text);
            CHECK((parsed.error == errc::success) == !parsed.host.empty());
            if (size <= 5) CHECK(parsed.error != errc::success);
            if (parsed.error == errc::success)
                CHECK(parsed.host.data() + parsed.host.size() <= text.data() + text.size());
        }
    }
}

TEST_CASE("threats: GHSA-c4j6-fc7j-m34r Next.js, a request that names another host says so to "
          "whoever decides",
          "[threats]") {
    struct row {
        const char* target;
        const char* host;
        const char* path;
    };
    for (const row& r : {row{"/admin", "example.org", "/admin"},
                         row{"//internal/admin", "example.org", "//internal/admin"},
                         row{"http://internal/admin", "internal", "/admin"},
                         row{"wss://internal:1", "internal:1", "/"}}) {
        std::string text = request_with();
        text.replace(4, 5, r.target);
        std::vector<char> storage(1024);
        server_handshake handshake(storage);
        const std::vector<std::byte> input = bytes(text);
        std::span<const std::byte> in(input);
        CHECK(handshake.feed(in) == handshake_status::complete);
        CHECK(handshake.request().host == r.host);
        CHECK(handshake.request().target == r.path);
    }
    for (const char* target : {"*", "internal:80", "ftp://internal/", "http://", "http:///x",
                               "http://u@internal/", "internal"}) {
        std::string text = request_with();
        text.replace(4, 5, target);
        CHECK(status_of(serve(text).answer) == "400");
    }
}
