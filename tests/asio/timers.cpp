// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The five timers of a stream: open, idle, ping, pong and close, each with a clock that the test
// moves. What the close timer does besides: closing.cpp.

#include <framewire/asio/options.hpp>

#include "support/catch.hpp"
#include "support/connected.hpp"

#include <string>

using namespace framewire;
using namespace framewire::test;

namespace {

constexpr net::timeouts no_timeouts{
    .open = 0ms, .idle = 0ms, .ping = 0ms, .pong = 0ms, .close = 0ms};

net::stream_options with(net::timeouts timeouts) {
    net::stream_options options;
    options.timeouts = timeouts;
    return options;
}

/// Begins the opening handshake of either side.
template <typename End> void open(End& end, completion& opened) {
    if constexpr (End::is_server) {
        end.stream->read_request([&end, &opened](const error_code& error, const upgrade_request&) {
            if (error) return opened.note(error);
            end.stream->accept({}, opened.handler());
        });
    } else {
        end.stream->handshake({.host = "example.org"}, opened.handler());
    }
    end.poll();
}

TEMPLATE_TEST_CASE("timers: a peer that takes nothing is given up, though it is not read from",
                   "[asio]", waitable_server_end, server_end, client_end) {
    net::stream_options options;
    options.high_water = 5'000;
    options.low_water = 1'000;
    TestType end(options);
    end.far.set_capacity(1'000);
    read_completion got;
    end.stream->read(got.handler());
    end.receive(TestType::frames().text("kept"));
    REQUIRE(got.done());
    completion sent;
    end.stream->send_text(std::string(200'000, 'x'), sent.handler());
    end.poll();
    end.advance(20s);
    CHECK(sent.calls == 0);

    SECTION("unless it takes something in time") {
        (void)end.far.read();
        end.poll();
        end.advance(20s);
        CHECK(sent.calls == 0);
        CHECK(end.stream->is_open());
    }
    end.advance(20s);
    end.advance(20s);
    CHECK(sent.failed(errc::pong_timeout));
    CHECK(got.view.text() == "kept");
}

TEMPLATE_TEST_CASE("timers: a Pong is read while the application looks at a message", "[asio]",
                   waitable_server_end, server_end) {
    TestType end;
    read_completion got;
    end.stream->read(got.handler());
    end.receive(TestType::frames().text("kept"));
    ping_completion back;
    end.stream->ping(back.handler());
    end.poll();
    const std::string ping = end.far.read();
    REQUIRE(ping.size() == 6);
    end.receive(TestType::frames().pong(ping.substr(2)));
    CHECK(back.done());
    CHECK(got.view.text() == "kept");
}

} // namespace

TEST_CASE("timers: the defaults are those that are documented", "[asio]") {
    constexpr net::timeouts defaults;
    CHECK(defaults.open == 10s);
    CHECK(defaults.idle == 0s);
    CHECK(defaults.ping == 20s);
    CHECK(defaults.pong == 20s);
    CHECK(defaults.close == 5s);
}

// --- Open

TEMPLATE_TEST_CASE("timers: an opening handshake that gets no answer ends in time", "[asio]",
                   waitable_server_end, client_end) {
    TestType end(typename TestType::not_open_yet{}, with({.open = 3s}));
    completion opened;
    close_completion closed;
    end.stream->closed(closed.handler());
    open(end, opened);
    (void)end.far.read();
    end.advance(2'999ms);
    CHECK(opened.calls == 0);
    end.advance(1ms);
    CHECK(opened.failed(errc::open_timeout));
    CHECK(opened.error == condition::timeout);
    // RFC 9110 15.5.9: a server says so.
    if (TestType::is_server) CHECK(end.far.read().starts_with("HTTP/1.1 408 "));
    end.far.end();
    end.poll();
    CHECK(end.far.closed());
    CHECK(closed.done());
    CHECK(closed.info.error == errc::open_timeout);
}

TEMPLATE_TEST_CASE("timers: a head that trickles in does not get more time", "[asio]",
                   waitable_server_end) {
    TestType end(typename TestType::not_open_yet{});
    completion opened;
    open(end, opened);
    const std::string head = request_head();
    for (std::size_t i = 0; i < 9; ++i) {
        end.far.write(head.substr(i, 1));
        end.advance(1s);
    }
    CHECK(opened.calls == 0);
    end.far.write(head.substr(9, 1));
    end.advance(1s);
    CHECK(opened.failed(errc::open_timeout));
    // A peer that neither reads nor goes is dropped, too.
    end.advance(5s);
    CHECK(end.far.closed());
}

TEMPLATE_TEST_CASE("timers: a response that trickles in does not get more time", "[asio]",
                   client_end) {
    TestType end(typename TestType::not_open_yet{});
    completion opened;
    open(end, opened);
    const std::string head = response_head(end.far.read());
    for (std::size_t i = 0; i < 10; ++i) {
        CHECK(opened.calls == 0);
        end.far.write(head.substr(i, 1));
        end.advance(1s);
    }
    CHECK(opened.failed(errc::open_timeout));
    CHECK(end.far.closed());
}

TEMPLATE_TEST_CASE("timers: a peer that does not read the handshake is dropped in time", "[asio]",
                   waitable_server_end, client_end) {
    TestType end(typename TestType::not_open_yet{});
    completion opened;
    close_completion closed;
    end.stream->closed(closed.handler());
    end.far.set_capacity(20);
    if (TestType::is_server) end.far.write(request_head());
    open(end, opened);
    // To the server it is open once the answer is on its way: a silent peer like any other.
    end.advance(20s);
    end.advance(20s);
    CHECK(end.far.closed());
    CHECK(opened.calls == 1);
    CHECK(closed.done());
    CHECK(closed.info.error == condition::timeout);
}

TEMPLATE_TEST_CASE("timers: the time to decide on a request is the application's", "[asio]",
                   waitable_server_end) {
    // The peer did its part: what is left is not in its hands.
    TestType end(typename TestType::not_open_yet{});
    completion read;
    completion accepted;
    end.stream->read_request(
        [&](const error_code& error, const upgrade_request&) { read.note(error); });
    end.receive(request_head());
    REQUIRE(read.done());
    end.advance(9s);
    end.stream->accept({}, accepted.handler());
    end.poll();
    CHECK(accepted.done());
    CHECK(end.far.read().starts_with("HTTP/1.1 101 "));
    end.advance(2s); // the open timer is not running any more
    CHECK(end.stream->is_open());
}

// --- Idle

TEMPLATE_TEST_CASE("timers: a silent peer is told to go after the idle time", "[asio]",
                   waitable_server_end, client_end) {
    TestType end(with({.idle = 30s, .ping = 0s}));
    reader in;
    close_completion closed;
    in.start(*end.stream);
    end.stream->closed(closed.handler());
    end.poll();
    end.advance(29'999ms);
    CHECK(end.stream->is_open());
    end.receive(std::string(1, '\x81')); // a byte of a frame is a byte
    end.advance(29'999ms);
    CHECK(end.stream->is_open());
    CHECK(end.sent().empty());
    end.advance(1ms);
    CHECK(!end.stream->is_open());
    CHECK(end.sent().starts_with("close(1001 "));
    end.advance(5s);
    CHECK(end.far.closed());
    CHECK(in.ends == 1);
    CHECK(in.error == errc::idle_timeout);
    CHECK(in.error == condition::timeout);
    CHECK(closed.info.error == errc::idle_timeout);
}

TEMPLATE_TEST_CASE("timers: a peer that says good-bye to the idle time-out ends cleanly", "[asio]",
                   waitable_server_end, client_end) {
    TestType end(with({.idle = 30s, .ping = 0s}));
    reader in;
    close_completion closed;
    in.start(*end.stream);
    end.stream->closed(closed.handler());
    end.poll();
    end.advance(30s);
    CHECK(end.sent().starts_with("close(1001 "));
    end.answer_close(1001);
    CHECK(end.far.closed());
    CHECK(in.ends == 1);
    CHECK(in.error == errc::idle_timeout);
    CHECK(closed.done());
    CHECK(closed.info.clean);
    CHECK(closed.info.error == errc::idle_timeout);
}

TEMPLATE_TEST_CASE("timers: what this side sends does not count as life of the peer", "[asio]",
                   waitable_server_end, client_end) {
    TestType end(with({.idle = 30s, .ping = 0s}));
    reader in;
    in.start(*end.stream);
    for (int i = 0; i < 30; ++i) {
        CHECK(end.stream->send_text("x"));
        end.advance(1s);
    }
    CHECK(!end.stream->is_open());
}

// --- Ping and pong

TEMPLATE_TEST_CASE("timers: pings a silent peer, and drops one that stays silent",
                   "[asio][rfc6455-5.5.2]", waitable_server_end, client_end) {
    TestType end;
    reader in;
    close_completion closed;
    in.start(*end.stream);
    end.stream->closed(closed.handler());
    end.poll();
    end.advance(19'999ms);
    CHECK(end.sent().empty());
    end.advance(1ms);
    CHECK(end.sent() == "ping(\"\")");
    end.advance(19'999ms);
    CHECK(closed.calls == 0);
    CHECK(end.sent().empty());
    end.advance(1ms);
    CHECK(end.far.closed());
    REQUIRE(closed.done());
    CHECK(in.ends == 1);
    CHECK(in.error == errc::pong_timeout);
    CHECK(in.error == condition::timeout);
    CHECK(closed.info.error == errc::pong_timeout);
    CHECK(closed.info.code == close_code::abnormal_closure);
    CHECK(!closed.info.clean);
}

TEMPLATE_TEST_CASE("timers: any byte answers a ping", "[asio]", waitable_server_end, client_end) {
    const std::string answers[] = {TestType::frames().pong().str(), TestType::frames().ping().str(),
                                   TestType::frames().text("a").str(),
                                   TestType::frames().header(0x81, 5).str().substr(0, 1)};
    const std::string answer = answers[GENERATE(range(0, 4))];
    TestType end;
    reader in;
    in.start(*end.stream);
    end.poll();
    end.advance(20s);
    CHECK(end.sent() == "ping(\"\")");
    end.advance(19s);
    end.receive(answer);
    end.advance(19s);
    CHECK(end.stream->is_open());
    (void)end.sent();
    end.advance(1s); // 20 s after the last byte
    CHECK(end.sent() == "ping(\"\")");
    CHECK(end.stream->is_open());
    CHECK(in.ends == 0);
}

TEMPLATE_TEST_CASE("timers: a busy peer is not pinged", "[asio]", waitable_server_end, client_end) {
    TestType end;
    reader in;
    in.start(*end.stream);
    for (int i = 0; i < 100; ++i) {
        end.receive(TestType::frames().text("x"));
        end.advance(10s);
    }
    CHECK(end.sent().empty());
    CHECK(in.messages == 100);
}

TEMPLATE_TEST_CASE("timers: an application that does not read does not make its peer look dead",
                   "[asio]", waitable_server_end, client_end) {
    const bool paused = GENERATE(true, false);
    TestType end(with({.idle = 40s, .ping = 10s, .pong = 10s}));
    close_completion closed;
    end.stream->closed(closed.handler());
    if (paused) {
        end.stream->pause_reading();
    } else {
        end.receive(TestType::frames().text("nobody reads this"));
    }
    end.receive(TestType::frames().pong().text("a").text("b"));
    for (int i = 0; i < 100; ++i)
        end.advance(10s);
    REQUIRE(end.stream->is_open());
    CHECK(closed.calls == 0);

    // It starts anew when the application reads again.
    reader in;
    if (paused) end.stream->resume_reading();
    in.start(*end.stream);
    end.poll();
    CHECK(in.messages == (paused ? 2 : 3));
    (void)end.sent();
    end.advance(9'999ms);
    CHECK(end.sent().empty());
    end.advance(1ms);
    CHECK(end.sent() == "ping(\"\")");
    end.advance(10s);
    CHECK(closed.done());
    CHECK(closed.info.error == errc::pong_timeout);
}

TEMPLATE_TEST_CASE("timers: a stream that nobody reads from notices a peer that is gone", "[asio]",
                   waitable_server_end, client_end) {
    // Nothing came, so there is nothing unread: the stream itself keeps listening.
    TestType end;
    close_completion closed;
    end.stream->closed(closed.handler());
    end.poll();
    end.advance(20s);
    CHECK(end.sent() == "ping(\"\")");
    end.receive(TestType::frames().pong());
    end.advance(20s);
    CHECK(end.sent() == "ping(\"\")");
    end.advance(20s);
    CHECK(closed.done());
    CHECK(closed.info.error == errc::pong_timeout);
}

TEMPLATE_TEST_CASE("timers: pings of the application change nothing", "[asio]", waitable_server_end,
                   client_end) {
    TestType end;
    reader in;
    in.start(*end.stream);
    end.poll();
    end.advance(15s);
    CHECK(end.stream->ping() == errc::success);
    CHECK(end.sent() == "ping(\"\")");
    end.advance(5s);
    CHECK(end.sent() == "ping(\"\")");
    end.advance(19s);
    CHECK(end.stream->is_open());
    end.advance(1s);
    CHECK(!end.stream->is_open());
}

TEMPLATE_TEST_CASE("timers: a peer that reads nothing and says nothing is dropped", "[asio]",
                   waitable_server_end, client_end) {
    TestType end;
    reader in;
    end.far.set_capacity(0);
    in.start(*end.stream);
    CHECK(end.stream->send_text(std::string(100'000, 'x')));
    end.poll();
    end.advance(20s);
    end.advance(20s);
    CHECK(in.ends == 1);
    CHECK(in.error == errc::pong_timeout);
    CHECK(end.far.closed());
}

TEMPLATE_TEST_CASE("timers: a peer that reads slowly lives, whether or not a send waits for it",
                   "[asio]", waitable_server_end, server_end, client_end) {
    TestType end;
    reader in;
    end.far.set_capacity(1'000);
    in.start(*end.stream);
    CHECK(end.stream->send_text(std::string(200'000, 'x')));
    end.poll();
    for (int i = 0; i < 10; ++i) {
        end.advance(15s);
        REQUIRE(end.stream->is_open());
        (void)end.far.read();
        end.poll();
    }
    end.advance(20s);
    end.advance(20s);
    CHECK(in.ends == 1);
    CHECK(in.error == errc::pong_timeout);
}

// --- Off

TEMPLATE_TEST_CASE("timers: zero is off", "[asio]", waitable_server_end, client_end) {
    {
        TestType end(typename TestType::not_open_yet{}, with(no_timeouts));
        completion opened;
        open(end, opened);
        end.advance(1000h);
        CHECK(opened.calls == 0);
        CHECK(!end.far.closed());
        end.stream->abort();
        end.poll();
        CHECK(opened.calls == 1);
    }
    TestType end(with(no_timeouts));
    reader in;
    in.start(*end.stream);
    end.poll();
    end.advance(1000h);
    CHECK(end.stream->is_open());
    CHECK(end.sent().empty());
    CHECK(end.stream->close() == errc::success);
    CHECK(end.sent() == "close(1000 \"\")");
    end.advance(1000h);
    CHECK(!end.far.closed());
    end.answer_close();
    CHECK(end.far.closed());
    CHECK(in.ends == 1);
}

TEMPLATE_TEST_CASE("timers: durations of centuries do not wrap", "[asio]", waitable_server_end,
                   client_end) {
    const auto ever = std::chrono::milliseconds::max();
    TestType end(with({.open = ever, .idle = ever, .ping = ever, .pong = ever, .close = ever}));
    reader in;
    in.start(*end.stream);
    end.poll();
    end.advance(1h);
    CHECK(end.stream->is_open());
    CHECK(end.sent().empty());
    CHECK(end.stream->close() == errc::success);
    end.advance(1h);
    CHECK(!end.far.closed());
}

TEMPLATE_TEST_CASE("timers: the close timer runs from the violation of a peer that stays", "[asio]",
                   waitable_server_end, client_end) {
    TestType end(with({.close = 2s}));
    close_completion closed;
    end.stream->closed(closed.handler());
    end.receive(TestType::frames().text("\xFF"));
    end.poll();
    CHECK(end.sent().starts_with("close(1007 "));
    end.advance(1s);
    end.receive(std::string(1000, 'x'));
    end.advance(1s);
    CHECK(end.far.closed());
    CHECK(closed.done());
    CHECK(closed.info.error == errc::text_not_utf8);
}
