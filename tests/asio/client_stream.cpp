// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/asio/client_stream.hpp>

#include "support/allocation_counter.hpp"
#include "support/catch.hpp"
#include "support/connected.hpp"
#include "support/sockets.hpp"
#include "support/tokens.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

using namespace framewire;
using namespace framewire::test;

namespace {

/// A client that asks, and a server written by hand.
template <typename Transport> struct asking : connected<role::client, Transport> {
    using base = connected<role::client, Transport>;

    explicit asking(const net::stream_options& options = {})
        : base(typename base::not_open_yet{}, options) {}

    /// Sends the request, which is returned.
    std::string ask(const client_request& request = {.host = "example.org"}) {
        this->stream->handshake(request, opened.handler());
        this->poll();
        std::string out;
        while (!this->far.waiting().empty()) {
            out += this->far.read();
            this->poll();
        }
        return out;
    }

    completion opened;
};

} // namespace

TEMPLATE_TEST_CASE("client_stream: asks for what it was told to ask for", "[asio][rfc6455-4.1]",
                   test_stream, waitable_test_stream) {
    const std::size_t chunk = GENERATE(from_range(std::begin(chunk_sizes), std::end(chunk_sizes)));
    CAPTURE(chunk);
    asking<TestType> client;
    client.far.settings().largest_read = chunk;
    client.far.settings().largest_write = chunk;
    client.far.set_capacity(100);
    std::string request;
    {
        // All of it is the caller's only until the call returns.
        std::string host = "example.org:8080";
        std::string target = "/chat?x=1";
        std::string value = "Bearer abc";
        std::string name = "chat";
        const std::string_view subprotocols[] = {name, "superchat"};
        const http_field fields[] = {{"Authorization", value}};
        client.stream->handshake({.host = host,
                                  .target = target,
                                  .origin = "https://example.org",
                                  .subprotocols = subprotocols,
                                  .fields = fields},
                                 client.opened.handler());
        for (std::string* const text : {&host, &target, &value, &name})
            text->assign(text->size(), '?');
    }
    client.poll();
    while (!client.far.waiting().empty()) {
        request += client.far.read();
        client.poll();
    }
    CHECK(request.starts_with("GET /chat?x=1 HTTP/1.1\r\nHost: example.org:8080\r\n"));
    CHECK(field_of(request, "Authorization") == "Bearer abc");
    CHECK(field_of(request, "Origin") == "https://example.org");
    CHECK(field_of(request, "Sec-WebSocket-Protocol") == "chat, superchat");
    CHECK(field_of(request, "Sec-WebSocket-Version") == "13");
    CHECK(request.ends_with("\r\n\r\n"));
    CHECK(client.opened.calls == 0);

    client.receive(
        response_head(request, "Sec-WebSocket-Protocol: superchat\r\nX-Name: value\r\n") +
        frame_writer(role::client).text("welcome").str());
    CHECK(client.opened.done());
    CHECK(client.stream->is_open());
    const net::http_response& response = client.stream->response();
    CHECK(response.status == 101);
    CHECK(response.reason == "Switching Protocols");
    REQUIRE(response.headers.size() == 5);
    CHECK(response.headers[3].first == "Sec-WebSocket-Protocol");
    CHECK(response.headers[3].second == "superchat");
    CHECK(response.headers[4].first == "X-Name");
    CHECK(response.body.empty());
    reader in;
    in.start(*client.stream);
    client.poll();
    CHECK(in.told == "text(\"welcome\")");
}

TEST_CASE("client_stream: has a TCP socket send at once", "[asio]") {
    io::io_context context;
    io::ip::tcp::acceptor acceptor(context, {io::ip::address_v4::loopback(), 0});
    net::client_stream<any_socket> stream(connect_to(context, acceptor.local_endpoint()));
    io::ip::tcp::no_delay no_delay;
    stream.next_layer().get_option(no_delay);
    CHECK(no_delay.value());
}

TEMPLATE_TEST_CASE("client_stream: each connection has a key of its own", "[asio][rfc6455-4.1]",
                   test_stream, waitable_test_stream) {
    std::set<std::string> keys;
    std::set<std::string> masks;
    for (int i = 0; i < 20; ++i) {
        asking<TestType> client;
        const std::string request = client.ask();
        keys.insert(field_of(request, "Sec-WebSocket-Key"));
        client.receive(response_head(request));
        REQUIRE(client.opened.done());
        CHECK(client.stream->send_text("x"));
        client.poll();
        std::string wire = client.far.read();
        const auto frames = take_frames(wire);
        REQUIRE(frames.size() == 1);
        masks.insert(std::string(frames[0].key.begin(), frames[0].key.end()));
    }
    CHECK(keys.size() == 20);
    CHECK(masks.size() == 20);
}

TEMPLATE_TEST_CASE("client_stream: sends no request that may not be sent, and may try another",
                   "[asio]", test_stream, waitable_test_stream) {
    asking<TestType> client;
    const http_field split[] = {{"X", "a\r\nY: b"}};
    const http_field reserved[] = {{"Host", "other"}};
    const std::string_view twice[] = {"chat", "chat"};
    struct row {
        client_request request;
        errc error;
    };
    const row rows[] = {
        {{.host = ""}, errc::invalid_host},
        {{.host = "a\r\nX: y"}, errc::invalid_host},
        {{.host = "a", .target = "/\r\nX: y"}, errc::invalid_target},
        {{.host = "a", .subprotocols = twice}, errc::invalid_subprotocol},
        {{.host = "a", .fields = split}, errc::invalid_field},
        {{.host = "a", .fields = reserved}, errc::reserved_field},
    };
    for (const row& one : rows) {
        completion tried;
        client.stream->handshake(one.request, tried.handler());
        client.poll();
        CHECK(tried.failed(one.error));
        CHECK(client.far.waiting().empty());
    }
    client.receive(response_head(client.ask()));
    CHECK(client.opened.done());
    completion again;
    client.stream->handshake({.host = "a"}, again.handler());
    client.poll();
    CHECK(again.calls == 1);
    CHECK(again.error);
    CHECK(client.stream->is_open());
    CHECK(client.far.waiting().empty());
}

TEMPLATE_TEST_CASE("client_stream: a refusal is told with status, headers and body", "[asio]",
                   test_stream, waitable_test_stream) {
    struct row {
        std::string response;
        bool ends; // the server ends the transport behind it
        std::string body;
    };
    const std::string start = "HTTP/1.1 403 Forbidden\r\nX-Why: because\r\n";
    const row rows[] = {
        {start + "Content-Length: 5\r\n\r\nsorry", false, "sorry"},
        {start + "Content-Length: 5\r\n\r\nsorry and not this", false, "sorry"},
        {start + "Content-Length: 50\r\n\r\nsorry", true, "sorry"},
        {start + "\r\nsorry", true, "sorry"},
        {start + "Content-Length: 0\r\n\r\n", false, ""},
        {start + "Transfer-Encoding: chunked\r\n\r\n3\r\nsor\r\n2\r\nry\r\n0\r\n\r\n", false,
         "sorry"},
    };
    const std::size_t chunk = GENERATE(from_range(std::begin(chunk_sizes), std::end(chunk_sizes)));
    for (const row& one : rows) {
        CAPTURE(chunk, one.response);
        asking<TestType> client;
        client.far.settings().largest_read = chunk;
        close_completion closed;
        client.stream->closed(closed.handler());
        (void)client.ask();
        client.receive(one.response);
        if (one.ends) {
            CHECK(client.opened.calls == 0);
            client.far.end();
            client.poll();
        }
        CHECK(client.opened.failed(errc::upgrade_refused));
        CHECK(client.opened.error == condition::handshake_failed);
        const net::http_response& response = client.stream->response();
        CHECK(response.status == 403);
        CHECK(response.reason == "Forbidden");
        REQUIRE(!response.headers.empty());
        CHECK(response.headers[0].first == "X-Why");
        CHECK(response.headers[0].second == "because");
        CHECK(response.body == one.body);
        CHECK(client.far.closed());
        CHECK(closed.done());
        CHECK(closed.info.error == errc::upgrade_refused);
        CHECK(!client.stream->is_open());
        read_completion read;
        client.stream->read(read.handler());
        client.poll();
        CHECK(read.failed(errc::upgrade_refused));
    }
}

TEMPLATE_TEST_CASE("client_stream: keeps 64 KiB of a refusal's body", "[asio]", test_stream,
                   waitable_test_stream) {
    asking<TestType> client;
    (void)client.ask();
    const std::int64_t before = allocations().live_bytes;
    client.receive("HTTP/1.1 500 Internal Server Error\r\n\r\n");
    for (int i = 0; i < 200 && client.opened.calls == 0; ++i) {
        client.receive(std::string(1000, 'x'));
        client.far.release_memory();
    }
    CHECK(client.opened.failed(errc::upgrade_refused));
    CHECK(client.stream->response().body.size() == 65'536);
    CHECK(allocations().live_bytes - before < 300'000);
}

TEMPLATE_TEST_CASE("client_stream: a refusal whose body never comes ends with the open timer",
                   "[asio]", test_stream, waitable_test_stream) {
    asking<TestType> client;
    (void)client.ask();
    client.receive("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 100\r\n\r\nbusy");
    CHECK(client.opened.calls == 0);
    client.advance(10s);
    CHECK(client.opened.calls == 1);
    CHECK(client.opened.error);
    CHECK(client.stream->response().status == 503);
    CHECK(client.stream->response().body == "busy");
    CHECK(client.far.closed());
}

TEMPLATE_TEST_CASE("client_stream: refuses an answer that opens nothing", "[asio][rfc6455-4.1]",
                   test_stream, waitable_test_stream) {
    struct row {
        std::string_view from;
        std::string_view to;
        errc error;
    };
    const row rows[] = {
        {"HTTP/1.1", "HTTP/1.0", errc::http_version_not_supported},
        {"HTTP/1.1", "SSH-2.0", errc::bad_status_line},
        {"Upgrade: websocket", "Upgrade: h2c", errc::response_without_upgrade},
        {"Connection: Upgrade", "Connection: close", errc::response_without_connection_upgrade},
        {"Sec-WebSocket-Accept", "X-Accept", errc::missing_accept},
        {"Accept: ", "Accept: x", errc::wrong_accept},
        {"\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat\r\n\r\n", errc::subprotocol_not_offered},
        {"\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
         errc::extension_not_offered},
        {"\r\n\r\n", "\r\nX: \x01\r\n\r\n", errc::bad_character},
    };
    for (const row& one : rows) {
        CAPTURE(one.to);
        asking<TestType> client;
        close_completion closed;
        client.stream->closed(closed.handler());
        std::string response = response_head(client.ask());
        response.replace(response.find(one.from), one.from.size(), one.to);
        client.receive(response + "and more");
        CHECK(client.opened.failed(one.error));
        CHECK(client.far.closed());
        CHECK(client.far.waiting().empty());
        CHECK(closed.done());
        CHECK(closed.info.error == one.error);
        CHECK(!closed.info.clean);
    }
}

TEMPLATE_TEST_CASE("client_stream: skips informational responses, but not for ever", "[asio]",
                   test_stream, waitable_test_stream) {
    const std::string hint = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    {
        asking<TestType> client;
        const std::string request = client.ask();
        client.receive(hint + hint);
        CHECK(client.opened.calls == 0);
        client.receive(response_head(request));
        CHECK(client.opened.done());
    }
    asking<TestType> client;
    (void)client.ask();
    for (int i = 0; i < 100; ++i)
        client.far.write(hint);
    client.poll();
    CHECK(client.opened.failed(errc::too_many_informational_responses));
}

TEMPLATE_TEST_CASE("client_stream: a head over the limit ends the handshake", "[asio]", test_stream,
                   waitable_test_stream) {
    net::stream_options options;
    options.max_head_size = 1000;
    asking<TestType> client(options);
    const std::string request = client.ask();
    CHECK(!request.empty()); // the limit is about what comes
    client.receive(response_head(request, "X: " + std::string(1000, 'x') + "\r\n"));
    CHECK(client.opened.failed(errc::head_too_large));
    CHECK(client.far.closed());
}

TEMPLATE_TEST_CASE("client_stream: a server that leaves instead of answering is a lost connection",
                   "[asio]", test_stream, waitable_test_stream) {
    const bool reset = GENERATE(true, false);
    asking<TestType> client;
    close_completion closed;
    client.stream->closed(closed.handler());
    (void)client.ask();
    client.far.write(GENERATE(as<std::string>(), "", "HTTP/1.1 101 Swi"));
    if (reset) {
        client.far.reset();
    } else {
        client.far.end();
    }
    client.poll();
    CHECK(client.opened.calls == 1);
    if (reset) {
        CHECK(client.opened.error == io::error::connection_reset);
    } else {
        CHECK(client.opened.error == errc::connection_lost);
    }
    CHECK(closed.done());
    CHECK(closed.info.error == client.opened.error);
    CHECK(client.far.closed());
}

TEMPLATE_TEST_CASE("client_stream: frames behind the answer are read wherever they are cut",
                   "[asio]", test_stream, waitable_test_stream) {
    const std::string frames = frame_writer(role::client).text("one").ping("?").text("two").str();
    for (std::size_t cut = 0; cut <= frames.size(); ++cut) {
        CAPTURE(cut);
        asking<TestType> client;
        client.receive(response_head(client.ask()) + frames.substr(0, cut));
        REQUIRE(client.opened.done());
        reader in;
        in.start(*client.stream);
        client.receive(frames.substr(cut));
        CHECK(in.told == "text(\"one\") text(\"two\")");
        CHECK(client.sent() == "pong(\"?\")");
    }
}

#if FRAMEWIRE_ASIO_HAS_CANCELLATION
TEMPLATE_TEST_CASE("client_stream: cancelling the handshake drops the transport", "[asio]",
                   test_stream, waitable_test_stream) {
    asking<TestType> client;
    close_completion closed;
    client.stream->closed(closed.handler());
    io::cancellation_signal stop;
    client.stream->handshake({.host = "a"},
                             io::bind_cancellation_slot(stop.slot(), client.opened.handler()));
    client.poll();
    stop.emit(io::cancellation_type::terminal);
    client.poll();
    CHECK(client.opened.failed(io::error::operation_aborted));
    CHECK(client.far.closed());
    CHECK(closed.done());
}
#endif
