// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// permessage-deflate through the streams: negotiated by themselves, and used on what is sent.

#include <framewire/asio/client.hpp>
#include <framewire/asio/client_stream.hpp>
#include <framewire/asio/listener.hpp>
#include <framewire/asio/server_stream.hpp>
#include <framewire/deflate/permessage_deflate.hpp>

#include "support/allocation_counter.hpp"
#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/connected.hpp"
#include "support/sockets.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

using namespace framewire;
using namespace framewire::test;

namespace {

constexpr deflate_settings on{};
constexpr deflate_settings off{.enabled = false};

/// A client and a server with the extension, and the bytes between them.
template <typename Transport, options Options = options{}> struct both_ends {
    using client_type = net::client_stream<Transport, Options, permessage_deflate, fake_clock>;
    using server_type = net::server_stream<Transport, Options, permessage_deflate, fake_clock>;

    explicit both_ends(const deflate_settings& client_wants = on,
                       const deflate_settings& server_wants = on,
                       const net::stream_options& limits = {}) {
        Transport at_client(events.context);
        Transport at_server(events.context);
        client_far = at_client.other_end();
        server_far = at_server.other_end();
        client.emplace(std::move(at_client), limits, client_wants);
        server.emplace(std::move(at_server), server_options_of(limits), server_wants);
    }

    /// The opening handshake.
    void open() {
        server->read_request([this](const error_code& e, const upgrade_request& asked) {
            if (e) return accepted.note(e);
            for (const extension_element one : asked.extensions())
                offered += one.text();
            server->accept({}, accepted.handler());
        });
        client->handshake({.host = "example.org"}, opened.handler());
        move();
        REQUIRE(accepted.done());
        REQUIRE(opened.done());
        for (const auto& [name, value] : client->response().headers) {
            if (name == "Sec-WebSocket-Extensions") answered = value;
        }
    }

    /// Carries bytes until nothing moves any more; counts them.
    void move() {
        for (bool moved = true; moved;) {
            events.poll();
            const std::string there = client_far.read();
            const std::string back = server_far.read();
            moved = !there.empty() || !back.empty();
            to_server += there.size();
            to_client += back.size();
            server_far.write(there);
            client_far.write(back);
        }
    }

    loop events;
    peer client_far;
    peer server_far;
    completion accepted;
    completion opened;
    std::string offered;
    std::string answered;
    std::size_t to_server = 0;
    std::size_t to_client = 0;
    std::optional<client_type> client;
    std::optional<server_type> server;
};

} // namespace

TEMPLATE_TEST_CASE("deflate: client and server agree on it, and messages go compressed both ways",
                   "[asio][rfc7692-7]", test_stream, waitable_test_stream) {
    const deflate_settings client_wants =
        GENERATE(deflate_settings{}, deflate_settings::no_context_takeover());
    both_ends<TestType> ends(client_wants);
    ends.open();
    CHECK(ends.client->extension().active());
    CHECK(ends.server->extension().active());
    CHECK(ends.server->extension().parameters() == ends.client->extension().parameters());
    const bool takeover = !client_wants.client_no_context_takeover;
    CHECK(ends.offered == (takeover ? "permessage-deflate; client_max_window_bits"
                                    : "permessage-deflate; server_no_context_takeover; "
                                      "client_no_context_takeover; client_max_window_bits"));
    CHECK(ends.answered ==
          (takeover ? "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"
                    : "permessage-deflate; server_no_context_takeover; "
                      "client_no_context_takeover; server_max_window_bits=12; "
                      "client_max_window_bits=12"));

    reader at_server;
    reader at_client;
    at_server.start(*ends.server);
    at_client.start(*ends.client);
    const std::string text =
        "{\"temperature\": 21.5, \"humidity\": 40, \"place\": \"the attic, behind "
        "the chimney, where it is warm\"}";
    ends.to_server = ends.to_client = 0;
    for (int i = 0; i < 10; ++i) {
        CHECK(ends.client->send_text(text));
        CHECK(ends.server->send_binary(bytes(text)));
    }
    ends.move();
    CHECK(at_server.messages == 10);
    CHECK(at_client.messages == 10);
    CHECK(at_server.told.starts_with("text(\"" + shown(text) + "\") text("));
    CHECK(at_client.told.ends_with("binary(\"" + shown(text) + "\")"));
    // The window knows the message already, or begins anew for each.
    const std::size_t most = takeover ? 3 * text.size() : 10 * text.size();
    CHECK(ends.to_server < most);
    CHECK(ends.to_client < most);
}

TEMPLATE_TEST_CASE("deflate: is not used unless both sides want it", "[asio][rfc7692-5]",
                   test_stream, waitable_test_stream) {
    const auto [client_wants, server_wants] =
        GENERATE(std::pair(on, off), std::pair(off, on), std::pair(off, off));
    both_ends<TestType> ends(client_wants, server_wants);
    ends.open();
    CHECK(ends.offered.empty() == !client_wants.enabled);
    CHECK(ends.answered.empty());
    CHECK_FALSE(ends.client->extension().active());
    CHECK_FALSE(ends.server->extension().active());
    reader at_server;
    at_server.start(*ends.server);
    ends.to_server = 0;
    const std::string text(200, 'x');
    CHECK(ends.client->send_text(text));
    ends.move();
    CHECK(at_server.told == "text(\"" + shown(text) + "\")");
    CHECK(ends.to_server == text.size() + 8);
}

TEMPLATE_TEST_CASE("deflate: what must not be compressed goes as it is", "[asio][rfc7692-6]",
                   test_stream, waitable_test_stream) {
    both_ends<TestType> ends;
    ends.open();
    reader at_server;
    at_server.start(*ends.server);
    const std::string secret(300, 's');
    const std::size_t plain = secret.size() + 8;
    const auto sent = [&](auto send) {
        ends.to_server = 0;
        send();
        ends.move();
        return ends.to_server;
    };
    CHECK(sent([&] { CHECK(ends.client->send_text(secret, compression::never)); }) == plain);
    CHECK(sent([&] { CHECK(ends.client->send_binary(bytes(secret), compression::never)); }) ==
          plain);
    CHECK(sent([&] { CHECK(ends.client->get_sender().send_text(secret, compression::never)); }) ==
          plain);
    CHECK(sent([&] {
              CHECK(ends.client->send_fragment(opcode::text, bytes(secret), true,
                                               compression::never));
          }) == plain);
    CHECK(sent([&] { CHECK(ends.client->get_sender().send_text(secret)); }) < 50);
    CHECK(at_server.messages == 5);
    // And so that it can be waited for.
    completion waited;
    CHECK(sent([&] { ends.client->send_text(secret, compression::never, waited.handler()); }) ==
          plain);
    CHECK(waited.done());
    completion of_bytes;
    CHECK(sent([&] {
              ends.client->send_binary(bytes(secret), compression::never, of_bytes.handler());
          }) == plain);
    CHECK(of_bytes.done());
    std::string received = secret;
    const net::message again{.kind = opcode::text,
                             .payload = std::as_writable_bytes(std::span(received))};
    completion sent_on;
    CHECK(sent([&] { ends.client->send(again, compression::never, sent_on.handler()); }) == plain);
    CHECK(sent_on.done());
    CHECK(at_server.messages == 8);
}

TEMPLATE_TEST_CASE("deflate: an answer that does not fit the offer ends the opening",
                   "[asio][rfc7692-7.1]", test_stream, waitable_test_stream) {
    for (const std::string_view answer :
         {"permessage-deflate; client_max_window_bits",
          "permessage-deflate; server_max_window_bits=16", "permessage-deflate; x=1",
          "permessage-deflate; server_no_context_takeover; server_no_context_takeover"}) {
        both_ends<TestType> ends;
        ends.client->handshake({.host = "example.org"}, ends.opened.handler());
        ends.events.poll();
        ends.client_far.write(response_head(
            ends.client_far.read(), "Sec-WebSocket-Extensions: " + std::string(answer) + "\r\n"));
        ends.events.poll();
        CHECK(ends.opened.failed(errc::bad_extension_answer));
        CHECK_FALSE(ends.client->is_open());
    }
}

TEMPLATE_TEST_CASE("deflate: a bomb ends with 1009 before it has gone off", "[asio][limits]",
                   test_stream, waitable_test_stream) {
    net::stream_options small;
    small.limits.max_message_size = 1u << 20;
    both_ends<TestType> ends(on, on, small);
    ends.open();
    reader at_server;
    at_server.telling = false;
    at_server.start(*ends.server);
    const std::vector<std::byte> zeros(1u << 20);
    CHECK(ends.client->send_binary(zeros)); // as much as may be
    ends.move();
    CHECK(at_server.messages == 1);
    const std::int64_t before = allocations().live_bytes;
    for (int i = 0; i < 64; ++i)
        CHECK(ends.client->send_fragment(opcode::binary, zeros, i == 63));
    close_completion closed;
    ends.client->closed(closed.handler());
    reset_peak();
    ends.move();
    CHECK(peak_bytes() - before < 4 << 20);
    CHECK(at_server.error == errc::message_too_big);
    CHECK(ends.client->close_result().code == close_code::message_too_big);
}

TEST_CASE("deflate: a message larger than the memory it takes is read in pieces",
          "[asio][limits]") {
    net::stream_options boundless;
    boundless.limits.max_message_size = std::uint64_t{1} << 40;
    both_ends<waitable_test_stream, options{.stream_messages = true}> ends(on, on, boundless);
    ends.open();
    std::uint64_t received = 0;
    std::size_t largest = 0;
    int messages = 0;
    reader at_server;
    at_server.telling = false;
    at_server.on_message = [&](const net::message& piece) {
        received += piece.payload.size();
        largest = std::max(largest, piece.payload.size());
        messages += piece.last ? 1 : 0;
    };
    at_server.start(*ends.server);
    const std::vector<std::byte> zeros(1u << 20);
    const std::int64_t before = allocations().live_bytes;
    reset_peak();
    for (int i = 0; i < 64; ++i) {
        CHECK(ends.client->send_fragment(opcode::binary, zeros, i == 63));
        if (i % 8 == 7) ends.move();
    }
    ends.move();
    CHECK(received == std::uint64_t{64} << 20);
    CHECK(messages == 1);
    CHECK(largest < 200'000);
    CHECK(peak_bytes() - before < 2 << 20);
}

TEST_CASE("deflate: costs a connection that is idle no more than its state", "[asio][limits]") {
    using plain = net::server_stream<waitable_test_stream, options{}, no_extension, fake_clock>;
    using compressing =
        net::server_stream<waitable_test_stream, options{}, permessage_deflate, fake_clock>;
    loop events;
    const auto cost = [&]<typename Stream>(std::type_identity<Stream>) {
        const std::int64_t before = allocations().live_bytes;
        const Stream stream(waitable_test_stream(events.context), server_options_of({}));
        return allocations().live_bytes - before;
    };
    (void)cost(std::type_identity<plain>{}); // what all of a context share
    const std::int64_t more =
        cost(std::type_identity<compressing>{}) - cost(std::type_identity<plain>{});
    CHECK(more <= 64);
}

TEST_CASE("deflate: a client that finds its server by itself offers it each time", "[asio]") {
    using socket_type = any_socket;
    using server_type = net::server_stream<socket_type, options{}, permessage_deflate>;
    net::io::io_context context;
    net::listener listener(context);
    REQUIRE_FALSE(listener.listen("127.0.0.1", 0));
    std::optional<server_type> server;
    net::client_with<permessage_deflate> client(context.get_executor(),
                                                deflate_settings::no_context_takeover());
    for (int i = 0; i < 2; ++i) {
        server.reset();
        listener.accept([&](const net::error_code& error, socket_type socket) {
            REQUIRE_FALSE(error);
            server.emplace(std::move(socket), server_options_of({}), on);
            server->read_request([&](const net::error_code& e, const upgrade_request&) {
                REQUIRE_FALSE(e);
                server->accept({}, [](const net::error_code&) {});
            });
        });
        completion opened;
        client.connect("ws://" + std::string("127.0.0.1:") +
                           std::to_string(listener.local_endpoint().port()),
                       opened.handler());
        REQUIRE(run_until(context, [&] { return opened.calls != 0; }));
        REQUIRE(opened.done());
        CHECK(client.extension().active());
        CHECK(client.extension().parameters().server_no_context_takeover);
        std::string got;
        completion read;
        const std::string text(500, 'y');
        CHECK(client.send_text(text));
        server->read(got, [&](const net::error_code& e, opcode) { read.note(e); });
        REQUIRE(run_until(context, [&] { return read.calls != 0; }));
        CHECK(got == text);
    }
}
