// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/asio/server_stream.hpp>

#include "support/allocation_counter.hpp"
#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/connected.hpp"
#include "support/sockets.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace framewire;
using namespace framewire::test;

namespace {

/// A server that has read nothing yet, and a client written by hand.
template <typename Transport> struct unanswered {
    using stream_type = net::server_stream<Transport, options{}, no_extension, fake_clock>;

    explicit unanswered(const net::server_options& options = {
                            .origins = net::origin_policy::any()}) {
        Transport transport(events.context);
        far = transport.other_end();
        stream.emplace(std::move(transport), options);
    }

    /// Starts to read the request.
    void read() {
        stream->read_request([this](const error_code& error, const upgrade_request& r) {
            request.note(error);
            if (!error) seen = r;
        });
        events.poll();
    }
    /// Reads a request that stands on the wire already.
    void read(std::string_view head) {
        far.write(head);
        read();
    }
    void answer(const server_response& response = {}) {
        stream->accept(response, accepted.handler());
        events.poll();
    }
    /// The head and body that came back.
    std::string reply() {
        events.poll();
        std::string out;
        while (!far.waiting().empty()) {
            out += far.read();
            events.poll();
        }
        return out;
    }

    loop events;
    peer far;
    completion request;
    completion accepted;
    upgrade_request seen;
    std::optional<stream_type> stream;
};

std::string body_of(std::string_view response) {
    const std::size_t at = response.find("\r\n\r\n");
    return at == std::string_view::npos ? std::string() : std::string(response.substr(at + 4));
}

} // namespace

TEMPLATE_TEST_CASE("server_stream: reads a request however it is cut, and what stands behind it",
                   "[asio][rfc6455-4.2]", test_stream, waitable_test_stream) {
    const std::size_t chunk = GENERATE(from_range(std::begin(chunk_sizes), std::end(chunk_sizes)));
    CAPTURE(chunk);
    unanswered<TestType> server;
    server.far.settings().largest_read = chunk;
    server.far.settings().largest_write = chunk;
    const std::string head =
        request_head("Origin: https://example.org\r\nSec-WebSocket-Protocol: chat, superchat\r\n"
                     "X-Name: value\r\n",
                     "/room?id=7");
    server.far.write(head + frame_writer(role::server).text("eager").str());
    server.read();
    REQUIRE(server.request.done());
    CHECK(server.seen.target == "/room?id=7");
    CHECK(server.seen.host == "example.org");
    CHECK(server.seen.origin == "https://example.org");
    CHECK(server.seen.fields.find("x-name") == "value");
    CHECK(server.seen.subprotocols().begin() != server.seen.subprotocols().end());
    CHECK(server.far.waiting().empty());

    const http_field fields[] = {{"X-Answer", "42"}};
    server.answer({.subprotocol = "superchat", .fields = fields});
    CHECK(server.accepted.done());
    const std::string reply = server.reply();
    CHECK(reply.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
    // RFC 6455 1.3: the answer to its own example key.
    CHECK(field_of(reply, "Sec-WebSocket-Accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    CHECK(field_of(reply, "Sec-WebSocket-Protocol") == "superchat");
    CHECK(field_of(reply, "X-Answer") == "42");
    CHECK(body_of(reply).empty());

    reader in;
    in.start(*server.stream);
    server.events.poll();
    CHECK(in.told == "text(\"eager\")");
    server.far.write(frame_writer(role::server).text("and more").str());
    server.events.poll();
    CHECK(in.told == "text(\"eager\") text(\"and more\")");
}

TEMPLATE_TEST_CASE("server_stream: the answer may take its time", "[asio]", test_stream,
                   waitable_test_stream) {
    unanswered<TestType> server;
    server.read(request_head());
    REQUIRE(server.request.done());
    server.events.poll();
    CHECK(server.far.waiting().empty());
    // Frames that come too early wait in the transport or behind the head.
    server.far.write(frame_writer(role::server).text("early").str());
    server.events.poll();
    CHECK(server.seen.target == "/");
    CHECK(server.seen.host == "example.org");
    io::post(server.events.context, [&] { server.stream->accept({}, server.accepted.handler()); });
    server.events.poll();
    CHECK(server.accepted.done());
    CHECK(server.reply().starts_with("HTTP/1.1 101 "));
    reader in;
    in.start(*server.stream);
    server.events.poll();
    CHECK(in.told == "text(\"early\")");
}

TEMPLATE_TEST_CASE("server_stream: messages sent at once stand behind the answer", "[asio]",
                   test_stream, waitable_test_stream) {
    unanswered<TestType> server;
    server.read(request_head());
    server.far.settings().largest_write = 5;
    server.stream->accept({}, server.accepted.handler());
    CHECK(server.stream->send_text("Welcome"));
    CHECK(server.stream->close() == errc::success);
    server.events.poll();
    CHECK(server.accepted.done());
    std::string frames = body_of(server.reply());
    CHECK(words(take_frames(frames), role::server) == "text(\"Welcome\") close(1000 \"\")");
}

TEMPLATE_TEST_CASE(
    "server_stream: an answer that cannot be given leaves the request to be answered", "[asio]",
    test_stream, waitable_test_stream) {
    unanswered<TestType> server;
    server.read(request_head("Sec-WebSocket-Protocol: chat\r\n"));
    server.answer({.subprotocol = "other"});
    CHECK(server.accepted.failed(errc::subprotocol_not_offered));
    completion again;
    const http_field bad[] = {{"X", "a\r\nSet-Cookie: b"}};
    server.stream->accept({.fields = bad}, again.handler());
    server.events.poll();
    CHECK(again.failed(errc::invalid_field));
    completion refused;
    server.stream->refuse({.status = 101}, refused.handler());
    server.events.poll();
    CHECK(refused.failed(errc::invalid_status));
    CHECK(server.far.waiting().empty());
    completion right;
    server.stream->accept({.subprotocol = "chat"}, right.handler());
    server.events.poll();
    CHECK(right.done());
    CHECK(field_of(server.reply(), "Sec-WebSocket-Protocol") == "chat");

    completion twice;
    server.stream->accept({}, twice.handler());
    server.events.poll();
    CHECK(twice.failed(errc::not_open));
    CHECK(server.stream->is_open());
}

TEMPLATE_TEST_CASE("server_stream: cannot answer before there is a request", "[asio]", test_stream,
                   waitable_test_stream) {
    unanswered<TestType> server;
    completion accepted;
    completion refused;
    server.stream->accept({}, accepted.handler());
    server.stream->refuse({}, refused.handler());
    server.events.poll();
    CHECK(accepted.failed(errc::not_open));
    CHECK(refused.failed(errc::not_open));
    server.read(request_head());
    CHECK(server.request.done());
    completion second;
    server.stream->read_request(
        [&](const error_code& error, const upgrade_request&) { second.note(error); });
    server.events.poll();
    CHECK(second.failed(errc::not_open)); // the same request is not told twice
}

TEMPLATE_TEST_CASE("server_stream: refuses with a status, fields and a body", "[asio]", test_stream,
                   waitable_test_stream) {
    const std::size_t chunk = GENERATE(from_range(std::begin(chunk_sizes), std::end(chunk_sizes)));
    unanswered<TestType> server;
    server.far.settings().largest_write = chunk;
    close_completion closed;
    server.stream->closed(closed.handler());
    server.read(request_head());
    completion refused;
    const http_field fields[] = {{"WWW-Authenticate", "Basic realm=\"chat\""}};
    server.stream->refuse(
        {.status = 401, .body = "{}", .content_type = "application/json", .fields = fields},
        refused.handler());
    server.events.poll();
    const std::string reply = server.reply();
    CHECK(reply.starts_with("HTTP/1.1 401 Unauthorized\r\n"));
    CHECK(field_of(reply, "WWW-Authenticate") == "Basic realm=\"chat\"");
    CHECK(field_of(reply, "Content-Type") == "application/json");
    CHECK(field_of(reply, "Connection") == "close");
    CHECK(body_of(reply) == "{}");
    CHECK(server.far.ended());
    CHECK(!server.stream->is_open());

    // What the client sends on is thrown away, and never answered.
    server.far.write(request_head() + std::string(5000, 'x'));
    server.events.poll();
    CHECK(server.reply().empty());
    server.far.end();
    server.events.poll();
    CHECK(server.far.closed());
    CHECK(refused.done());
    REQUIRE(closed.done());
    CHECK(closed.info.error == errc::upgrade_refused);
    CHECK(!closed.info.clean);
}

TEMPLATE_TEST_CASE("server_stream: a refused client that does not go is dropped", "[asio]",
                   test_stream, waitable_test_stream) {
    unanswered<TestType> server;
    server.read(request_head());
    completion refused;
    const bool reads = GENERATE(true, false);
    if (!reads) server.far.set_capacity(10);
    server.stream->refuse({.status = 503}, refused.handler());
    server.events.poll();
    for (int i = 0; i < 50; ++i) {
        server.far.write("more and more");
        fake_clock::advance(100ms);
        server.events.poll();
    }
    CHECK(server.far.closed());
    CHECK(refused.calls == 1);
}

TEMPLATE_TEST_CASE("server_stream: answers what is no valid request by itself",
                   "[asio][rfc6455-4.2.1]", test_stream, waitable_test_stream) {
    struct row {
        std::string request;
        errc error;
        std::string_view status;
    };
    const std::string good = request_head();
    const auto without = [&](std::string_view line) {
        std::string out = good;
        out.erase(out.find(line), out.find("\r\n", out.find(line)) + 2 - out.find(line));
        return out;
    };
    const row rows[] = {
        {"hello\r\n\r\n", errc::bad_request_line, "400"},
        {"GET / HTTP/1.1\r\nHost: a\r\nBad Field: x\r\n\r\n", errc::bad_field_line, "400"},
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", errc::missing_upgrade, "400"},
        {"POST" + good.substr(3), errc::method_not_get, "405"},
        {without("Host"), errc::missing_host, "400"},
        {without("Sec-WebSocket-Key"), errc::missing_key, "400"},
        {without("Sec-WebSocket-Version"), errc::missing_version, "400"},
        {request_head("Sec-WebSocket-Version: 8\r\n"), errc::version_not_supported, "426"},
        {request_head("Content-Length: 3\r\n") + "abc", errc::request_has_body, "400"},
        {request_head("Transfer-Encoding: chunked\r\n"), errc::request_has_body, "400"},
        {request_head("Sec-WebSocket-Protocol: a b\r\n"), errc::bad_subprotocol_list, "400"},
        {request_head("X: " + std::string(20'000, 'x') + "\r\n"), errc::head_too_large, "431"},
        {request_head({}, "/" + std::string(20'000, 'x')), errc::head_too_large, "414"},
        {"GET / HTTP/1.0" + good.substr(14), errc::http_version_not_supported, "505"},
    };
    for (const row& one : rows) {
        CAPTURE(one.status, one.error);
        unanswered<TestType> server;
        close_completion closed;
        server.stream->closed(closed.handler());
        server.read(one.request);
        CHECK(server.request.failed(one.error));
        CHECK(server.request.error == condition_of(one.error));
        const std::string reply = server.reply();
        CHECK(reply.starts_with("HTTP/1.1 " + std::string(one.status) + " "));
        CHECK(field_of(reply, "Connection").starts_with("close"));
        CHECK(reply.find("HTTP/1.1", 10) == std::string::npos);
        server.far.write(good); // no second answer
        server.events.poll();
        CHECK(server.reply().empty());
        server.far.end();
        server.events.poll();
        CHECK(server.far.closed());
        CHECK(closed.done());
        CHECK(closed.info.error == one.error);
    }
}

TEMPLATE_TEST_CASE("server_stream: lets in the origins that it was told to", "[asio][rfc6455-10.2]",
                   test_stream, waitable_test_stream) {
    struct row {
        std::string_view origin;
        bool any;
        bool none;
        bool listed;
    };
    const row rows[] = {
        {"", true, true, true}, // no browser
        {"https://example.org", true, false, true},
        {"https://EXAMPLE.org:443", true, false, true},
        {"http://localhost:8080", true, false, true},
        {"http://example.org", true, false, false},
        {"https://example.org.evil.com", true, false, false},
        {"https://notexample.org", true, false, false},
        {"https://example.org:444", true, false, false},
        {"https://user@example.org", true, false, false},
        {"http://localhost", true, false, false},
        {"null", true, false, false},
    };
    const auto let_in = [](const net::origin_policy& policy, std::string_view origin) {
        unanswered<TestType> server({.origins = policy});
        server.read(request_head(origin.empty() ? std::string()
                                                : "Origin: " + std::string(origin) + "\r\n"));
        if (server.request.done()) return true;
        CHECK(server.request.failed(errc::origin_not_allowed));
        CHECK(server.reply().starts_with("HTTP/1.1 403 "));
        return false;
    };
    const net::origin_policy listed =
        net::origin_policy::list({"https://example.org", "http://localhost:8080"});
    for (const row& one : rows) {
        CAPTURE(one.origin);
        CHECK(let_in(net::origin_policy::any(), one.origin) == one.any);
        CHECK(let_in(net::origin_policy::none(), one.origin) == one.none);
        CHECK(let_in(listed, one.origin) == one.listed);
    }
}

TEMPLATE_TEST_CASE("server_stream: adopts what another server has read", "[asio]", test_stream,
                   waitable_test_stream) {
    const std::string head = request_head({}, "/adopted");
    const std::string frames = frame_writer(role::server).text("left over").text("cut").str();
    const std::string all = head + frames;
    for (const std::size_t cut : {std::size_t{0}, std::size_t{1}, head.size() - 1, head.size(),
                                  head.size() + 3, all.size() - 1, all.size()}) {
        CAPTURE(cut);
        unanswered<TestType> server;
        {
            std::string taken = all.substr(0, cut);
            server.stream->adopt(bytes_of(taken));
            taken.assign(taken.size(), '?'); // it was copied
        }
        server.far.write(all.substr(cut));
        server.read();
        REQUIRE(server.request.done());
        CHECK(server.seen.target == "/adopted");
        server.answer();
        CHECK(server.accepted.done());
        CHECK(server.reply().starts_with("HTTP/1.1 101 "));
        reader in;
        in.start(*server.stream);
        server.events.poll();
        CHECK(in.told == "text(\"left over\") text(\"cut\")");
    }
}

TEMPLATE_TEST_CASE("server_stream: adopts a request that another server has parsed", "[asio]",
                   test_stream, waitable_test_stream) {
    const http_field fields[] = {{"host", "example.org"},
                                 {"upgrade", "WebSocket"},
                                 {"connection", "keep-alive, upgrade"},
                                 {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="},
                                 {"sec-websocket-version", "13"},
                                 {"sec-websocket-protocol", "chat"},
                                 {"x-user", "alice"}};
    unanswered<TestType> server;
    const std::string frames = frame_writer(role::server).text("left over").str();
    CHECK(server.stream->adopt("/parsed?x", fields, bytes_of(frames)) == errc::success);
    server.read();
    REQUIRE(server.request.done());
    CHECK(server.seen.target == "/parsed?x");
    CHECK(server.seen.fields.find("X-User") == "alice");
    server.answer({.subprotocol = "chat"});
    const std::string reply = server.reply();
    CHECK(reply.starts_with("HTTP/1.1 101 "));
    CHECK(field_of(reply, "Sec-WebSocket-Accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    reader in;
    in.start(*server.stream);
    server.events.poll();
    CHECK(in.told == "text(\"left over\")");
}

TEMPLATE_TEST_CASE("server_stream: checks what it adopts", "[asio]", test_stream,
                   waitable_test_stream) {
    {
        unanswered<TestType> server;
        const http_field fields[] = {{"Host", "example.org"}, {"Upgrade", "websocket"}};
        CHECK(server.stream->adopt("/", fields, {}) == errc::success);
        server.read();
        CHECK(server.request.failed(errc::missing_connection_upgrade));
        CHECK(server.reply().starts_with("HTTP/1.1 400 "));
    }
    unanswered<TestType> server;
    const http_field smuggled[] = {{"Host", "a\r\nX: y"}};
    CHECK(server.stream->adopt("/", smuggled, {}) != errc::success);
    CHECK(server.stream->adopt("/ HTTP/1.1\r\nX: y", {}, {}) != errc::success);
}

TEMPLATE_TEST_CASE("server_stream: a client that leaves before it has asked is a lost connection",
                   "[asio]", test_stream, waitable_test_stream) {
    unanswered<TestType> server;
    close_completion closed;
    server.stream->closed(closed.handler());
    server.read(GENERATE(as<std::string>(), "", "GET / HT"));
    const bool reset = GENERATE(true, false);
    if (reset) {
        server.far.reset();
    } else {
        server.far.end();
    }
    server.events.poll();
    CHECK(server.request.calls == 1);
    if (reset) {
        CHECK(server.request.error == io::error::connection_reset);
    } else {
        CHECK(server.request.error == errc::connection_lost);
    }
    CHECK(closed.done());
    CHECK(closed.info.error == server.request.error);
    CHECK(server.far.closed());
    CHECK(server.reply().empty());
}

TEMPLATE_TEST_CASE("server_stream: a client that leaves while the application decides is noticed "
                   "at the latest by the answer",
                   "[asio]", test_stream, waitable_test_stream) {
    unanswered<TestType> server;
    close_completion closed;
    server.stream->closed(closed.handler());
    server.read(request_head());
    server.far.reset();
    server.events.poll();
    server.answer();
    reader in;
    in.start(*server.stream);
    server.events.poll();
    CHECK(server.accepted.calls == 1);
    CHECK(in.ends == 1);
    CHECK(in.error);
    CHECK(closed.done());
    CHECK(closed.info.error);
    CHECK(server.far.closed());
}

// --- Memory of those who have not opened yet

TEMPLATE_TEST_CASE("server_stream: an answered request leaves no memory of its head behind",
                   "[asio]", test_stream, waitable_test_stream) {
    unanswered<TestType> server(
        {.origins = net::origin_policy::any(), .stream = {.max_head_size = 1u << 20}});
    const std::int64_t before = allocations().live_bytes;
    server.read(request_head("X: " + std::string(1000, 'x') + "\r\n"));
    server.answer();
    (void)server.reply();
    reader in;
    in.start(*server.stream);
    server.far.write(frame_writer(role::server).text("x").str());
    server.events.poll();
    REQUIRE(in.messages == 1);
    CHECK(allocations().live_bytes - before < 200'000); // it was a mebibyte
}

TEMPLATE_TEST_CASE("server_stream: a head costs no more than its limit and a buffer", "[asio]",
                   test_stream, waitable_test_stream) {
    constexpr std::size_t limit = 16'384;
    const std::string head = "GET / HTTP/1.1\r\nX: " + std::string(limit, 'x');
    {
        // From here on the thread has its buffer.
        unanswered<TestType> first;
        first.read();
        first.far.write(head.substr(0, 10'000));
        first.events.poll();
    }
    for (const std::size_t size : {std::size_t{1}, std::size_t{10'000}, limit - 1}) {
        unanswered<TestType> server;
        server.read();
        server.far.write(head.substr(0, size));
        const std::int64_t before = allocations().live_bytes;
        reset_peak();
        server.events.poll();
        CHECK(server.request.calls == 0);
        CHECK(allocations().live_bytes - before <= static_cast<std::int64_t>(limit));
        CHECK(peak_bytes() - before <= static_cast<std::int64_t>(limit) + 140'000);
    }
}

TEST_CASE("server_stream: the open timer runs from the TLS handshake on", "[asio]") {
    using end_type = connected<role::server, handshaking_test_stream>;
    end_type end{end_type::not_open_yet{}};
    completion secured;
    completion requested;
    close_completion closed;
    end.stream->closed(closed.handler());
    const auto read_request = [&] {
        end.stream->read_request(
            [&](const error_code& error, const upgrade_request&) { requested.note(error); });
        end.poll();
    };
    end.stream->tls_handshake(secured.handler());
    end.advance(9s);
    CHECK(secured.calls == 0);

    SECTION("while nothing comes") {
        end.advance(1s);
        CHECK(secured.failed(errc::open_timeout));
        CHECK(closed.info.error == errc::open_timeout);
        CHECK(end.far.closed());
        read_request();
        CHECK(requested.failed(errc::open_timeout));
    }
    SECTION("between the handshakes") {
        end.receive("!");
        CHECK(secured.done());
        end.advance(1s);
        CHECK(end.far.closed());
        read_request();
        CHECK(requested.failed(errc::open_timeout));
    }
    SECTION("while the request is read") {
        end.receive("!");
        CHECK(secured.done());
        read_request();
        end.advance(1s);
        CHECK(requested.failed(errc::open_timeout));
        CHECK(end.far.read().starts_with("HTTP/1.1 408 "));
    }
    SECTION("and ends when the connection is open") {
        end.receive("!" + request_head());
        CHECK(secured.done());
        read_request();
        CHECK(requested.done());
        completion accepted;
        end.stream->accept({}, accepted.handler());
        end.advance(9s);
        CHECK(accepted.done());
        CHECK(end.stream->is_open());
    }
    SECTION("unless it fails") {
        end.receive("?");
        CHECK(secured.failed(io::error::access_denied));
        CHECK(closed.info.error == io::error::access_denied);
        CHECK(end.far.closed());
    }
}

TEST_CASE("server_stream: one TLS handshake, before anything is read", "[asio]") {
    using end_type = connected<role::server, handshaking_test_stream>;
    end_type end{end_type::not_open_yet{}};
    completion first;
    completion second;
    SECTION("one") {
        end.stream->tls_handshake(first.handler());
        end.stream->tls_handshake(second.handler());
        end.receive("!");
        CHECK(first.done());
        CHECK(second.failed(errc::not_open));
    }
    SECTION("before") {
        end.stream->read_request(
            [&](const error_code& error, const upgrade_request&) { first.note(error); });
        end.stream->tls_handshake(second.handler());
        end.poll();
        CHECK(second.failed(errc::not_open));
        CHECK(first.calls == 0);
    }
    SECTION("none of a stream that is open") {
        end_type open;
        reader in;
        in.start(*open.stream);
        open.poll();
        open.stream->tls_handshake(first.handler());
        open.poll();
        CHECK(first.failed(errc::not_open));
        CHECK(open.stream->is_open());
    }
    SECTION("none of a stream that was closed") {
        end.stream->tls_handshake(first.handler());
        end.poll();
        CHECK(end.stream->close() == errc::success);
        end.stream->tls_handshake(second.handler());
        end.poll();
        CHECK(first.failed(io::error::operation_aborted));
        CHECK(second.failed(io::error::operation_aborted));
        CHECK(end.far.closed());
    }
    SECTION("or destroyed") {
        end.stream->tls_handshake(first.handler());
        end.poll();
        end.stream.reset();
        end.poll();
        CHECK(first.calls == 0);
        CHECK(end.far.closed());
    }
}

TEST_CASE("server_stream: has a TCP socket send at once", "[asio]") {
    io::io_context context;
    io::ip::tcp::acceptor acceptor(context, {io::ip::address_v4::loopback(), 0});
    const any_socket client = connect_to(context, acceptor.local_endpoint());
    any_socket accepted(context);
    acceptor.accept(accepted);
    io::ip::tcp::no_delay no_delay;
    accepted.get_option(no_delay);
    REQUIRE(!no_delay.value());
    net::server_stream<any_socket> stream(std::move(accepted), server_options_of({}));
    stream.next_layer().get_option(no_delay);
    CHECK(no_delay.value());
}

TEST_CASE("server_stream: a socket that has said nothing costs less than 2 KiB", "[asio]") {
    constexpr int count = 100;
    loop events;
    std::vector<waitable_test_stream> transports;
    std::vector<net::server_stream<waitable_test_stream, options{}, no_extension, fake_clock>>
        streams;
    transports.reserve(count);
    streams.reserve(count);
    for (int i = 0; i < count; ++i)
        transports.emplace_back(events.context);
    const std::int64_t before = allocations().live_bytes;
    for (auto& transport : transports) {
        streams.emplace_back(std::move(transport), server_options_of({}));
        streams.back().read_request([](const error_code&, const upgrade_request&) {});
    }
    events.poll();
    const std::int64_t each = (allocations().live_bytes - before) / count;
    CAPTURE(each);
    CHECK(each <= 2048);
}
