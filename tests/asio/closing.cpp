// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// How a stream ends: every way there is, told exactly once.

#include <framewire/asio/stream.hpp>

#include "support/allocation_counter.hpp"
#include "support/catch.hpp"
#include "support/connected.hpp"

#include <memory>
#include <string>
#include <string_view>

using namespace framewire;
using namespace framewire::test;

namespace {

/// All who wait for the end of a connection.
template <typename End> struct waiters {
    explicit waiters(End& end) {
        in.start(*end.stream);
        end.stream->closed(first.handler());
        end.stream->closed(second.handler());
        end.poll();
    }
    /// All of them were told the same, once.
    [[nodiscard]] bool told() const {
        return in.ends == 1 && first.done() && second.done() &&
               first.info.code == second.info.code && first.info.reason == second.info.reason &&
               first.info.error == second.info.error;
    }
    [[nodiscard]] bool waiting() const { return first.calls == 0 && second.calls == 0; }
    [[nodiscard]] const net::close_info& info() const { return first.info; }

    reader in;
    close_completion first;
    close_completion second;
};

unsigned code_of(const net::close_info& info) { return static_cast<unsigned>(info.code); }

/// What is done to a stream that has ended is refused or says the same again.
template <typename End> void check_that_it_stays_ended(End& end, const error_code& error) {
    auto& stream = *end.stream;
    read_completion read;
    close_completion closed;
    close_completion closed_again;
    completion sent;
    completion drained;
    ping_completion pinged;
    stream.read(read.handler());
    stream.closed(closed.handler());
    stream.close(close_code::normal, "late", closed_again.handler());
    stream.send_text("late", sent.handler());
    stream.drain(drained.handler());
    stream.ping(pinged.handler());
    CHECK(stream.send_text("late").error == errc::not_open);
    CHECK(stream.send_binary(std::span<const std::byte>()).error == errc::not_open);
    CHECK(stream.ping() == errc::not_open);
    CHECK(stream.pong() == errc::not_open);
    CHECK(stream.close() == errc::success);
    stream.abort();
    stream.pause_reading();
    stream.resume_reading();
    CHECK(!stream.is_open());
    CHECK(stream.buffered_amount() == 0);
    end.poll();
    CHECK(read.failed(error));
    CHECK(closed.done());
    CHECK(closed_again.done());
    CHECK(closed.info.error == closed_again.info.error);
    CHECK(sent.failed(errc::not_open));
    CHECK(drained.calls == 1);
    CHECK(drained.error);
    CHECK(pinged.failed(errc::not_open));
}

} // namespace

TEMPLATE_TEST_CASE("stream: closes with a code and a reason, and tells what the peer answered",
                   "[asio][rfc6455-7.1.2]", server_end, client_end, waitable_server_end,
                   waitable_client_end) {
    TestType end;
    waiters wait(end);
    CHECK(end.stream->send_text("before"));
    CHECK(end.stream->close(close_code::going_away, "bye") == errc::success);
    CHECK(!end.stream->is_open());
    CHECK(end.stream->send_text("behind").error == errc::not_open);
    CHECK(end.sent() == "text(\"before\") close(1001 \"bye\")");
    CHECK(wait.waiting());
    CHECK(!end.far.ended());

    end.receive(TestType::frames().close(4321, "and thanks"));
    // RFC 6455 7.1.1: the server ends the transport first.
    CHECK(end.far.ended() == TestType::is_server);
    CHECK(wait.in.ends == 1);
    end.far.end();
    end.poll();
    CHECK(end.far.closed());
    REQUIRE(wait.told());
    CHECK(wait.in.error == errc::closed);
    CHECK(wait.info().clean);
    CHECK(!wait.info().by_peer);
    CHECK(code_of(wait.info()) == 4321);
    CHECK(wait.info().reason == "and thanks");
    CHECK(!wait.info().error);
    CHECK(end.stream->close_result().reason == "and thanks");
    check_that_it_stays_ended(end, errc::closed);
    CHECK(end.sent().empty());
}

TEMPLATE_TEST_CASE("stream: closes with 1000 and no reason when it is told nothing else", "[asio]",
                   server_end, waitable_client_end) {
    TestType end;
    close_completion closed;
    end.stream->close(closed.handler());
    CHECK(end.sent() == "close(1000 \"\")");
    end.answer_close();
    CHECK(closed.done());
    CHECK(closed.info.clean);
}

TEMPLATE_TEST_CASE("stream: answers a Close, and tells who closed", "[asio][rfc6455-5.5.1]",
                   server_end, client_end, waitable_server_end, waitable_client_end) {
    const std::size_t chunk = GENERATE(1u, 3u, 1000u);
    TestType end;
    end.far.settings().largest_read = chunk;
    end.far.settings().largest_write = chunk;
    waiters wait(end);
    end.receive(TestType::frames().text("last").close(1000, "done").text("never"));
    CHECK(wait.in.told == "text(\"last\")");
    CHECK(end.sent() == "close(1000 \"\")");
    CHECK(end.far.ended() == TestType::is_server);
    end.far.end();
    end.poll();
    CHECK(end.far.closed());
    REQUIRE(wait.told());
    CHECK(wait.in.error == errc::closed);
    CHECK(wait.info().clean);
    CHECK(wait.info().by_peer);
    CHECK(code_of(wait.info()) == 1000);
    CHECK(wait.info().reason == "done");
    CHECK(!wait.info().error);
    check_that_it_stays_ended(end, errc::closed);
}

TEMPLATE_TEST_CASE("stream: a Close without a code is told as 1005", "[asio][rfc6455-7.1.5]",
                   server_end, waitable_client_end) {
    TestType end;
    waiters wait(end);
    end.receive(TestType::frames().close());
    CHECK(end.sent() == "close()");
    end.far.end();
    end.poll();
    REQUIRE(wait.told());
    CHECK(code_of(wait.info()) == 1005);
    CHECK(wait.info().clean);
}

TEMPLATE_TEST_CASE("stream: closing is idempotent", "[asio]", server_end, waitable_client_end) {
    TestType end;
    waiters wait(end);
    close_completion with_token;
    CHECK(end.stream->close(close_code::normal, "once") == errc::success);
    CHECK(end.stream->close(close_code::going_away, "twice") == errc::success);
    end.stream->close(close_code::going_away, "thrice", with_token.handler());
    end.poll();
    CHECK(end.stream->close() == errc::success);
    CHECK(end.sent() == "close(1000 \"once\")");
    end.answer_close();
    CHECK(end.sent().empty());
    CHECK(wait.told());
    CHECK(with_token.done());
    CHECK(with_token.info.clean);
    CHECK(end.stream->close() == errc::success);
}

TEMPLATE_TEST_CASE("stream: what cannot be said in a Close is refused, and the stream goes on",
                   "[asio]", server_end, waitable_client_end) {
    TestType end;
    auto& stream = *end.stream;
    CHECK(stream.close(close_code{1006}) == errc::close_code_not_sendable);
    CHECK(stream.close(close_code{999}) == errc::close_code_not_sendable);
    CHECK(stream.close(close_code::normal, std::string(124, 'x')) == errc::close_reason_too_long);
    CHECK(stream.close(close_code::normal, "\xFF") == errc::close_reason_not_utf8);
    close_completion told;
    stream.close(close_code{1005}, "a reason needs a code", told.handler());
    end.poll();
    CHECK(told.failed(errc::close_code_not_sendable));
    CHECK(stream.is_open());
    CHECK(stream.send_text("still here"));
    CHECK(end.sent() == "text(\"still here\")");
}

TEMPLATE_TEST_CASE("stream: both sides may close at once", "[asio]", server_end, client_end,
                   waitable_server_end, waitable_client_end) {
    TestType end;
    waiters wait(end);
    end.far.write(TestType::frames().text("late").close(1001, "their reason").str());
    CHECK(end.stream->close(close_code::normal, "our reason") == errc::success);
    end.poll();
    CHECK(end.sent() == "close(1000 \"our reason\")");
    end.far.end();
    end.poll();
    REQUIRE(wait.told());
    CHECK(wait.in.told.empty()); // it was there, but nobody had taken it when the stream closed
    CHECK(wait.info().clean);
    CHECK(code_of(wait.info()) == 1001);
    CHECK(end.far.closed());
}

TEMPLATE_TEST_CASE("stream: a peer that never answers a Close is dropped in time", "[asio]",
                   server_end, client_end, waitable_server_end, waitable_client_end) {
    TestType end;
    waiters wait(end);
    close_completion closed;
    end.stream->close(close_code::normal, "bye", closed.handler());
    end.poll();
    end.advance(4'999ms);
    CHECK(wait.waiting());
    // Nothing but a Close ends it earlier, and nothing makes it last longer.
    end.receive(TestType::frames().text("a").ping("b").text("c"));
    CHECK(wait.in.told.empty());
    CHECK(!end.far.closed());
    end.advance(1ms);
    REQUIRE(wait.told());
    CHECK(closed.done());
    CHECK(end.far.closed());
    CHECK(wait.in.error == errc::close_timeout);
    CHECK(wait.in.error == condition::timeout);
    CHECK(wait.info().error == errc::close_timeout);
    CHECK(!wait.info().clean);
    CHECK(!wait.info().by_peer);
    CHECK(code_of(wait.info()) == 1006);
    CHECK(end.sent() == "close(1000 \"bye\")");
    check_that_it_stays_ended(end, errc::close_timeout);
}

TEMPLATE_TEST_CASE("stream: a peer that answers and never ends the transport is dropped in time",
                   "[asio]", server_end, client_end, waitable_server_end, waitable_client_end) {
    const bool by_peer = GENERATE(true, false);
    TestType end;
    waiters wait(end);
    if (!by_peer) CHECK(end.stream->close() == errc::success);
    end.receive(TestType::frames().close(1000));
    CHECK(wait.in.ends == 1);
    CHECK(wait.in.error == errc::closed);
    end.advance(4'999ms);
    end.receive(TestType::frames().text("nobody reads this").close(1002));
    end.advance(1ms);
    REQUIRE(wait.told());
    CHECK(end.far.closed());
    CHECK(wait.info().clean);
    CHECK(wait.info().by_peer == by_peer);
    CHECK(code_of(wait.info()) == 1000);
    CHECK(!wait.info().error);
    CHECK(end.sent() == "close(1000 \"\")");
}

TEMPLATE_TEST_CASE("stream: closes while reading is paused", "[asio]", server_end, client_end,
                   waitable_server_end, waitable_client_end) {
    TestType end;
    waiters wait(end);
    end.stream->pause_reading();
    end.receive(TestType::frames().text("unread").text(std::string(100'000, 'x')));
    CHECK(end.stream->close(close_code::normal, "bye") == errc::success);
    CHECK(end.sent() == "close(1000 \"bye\")");
    end.answer_close();
    REQUIRE(wait.told());
    CHECK(wait.in.told.empty());
    CHECK(wait.info().clean);
}

TEMPLATE_TEST_CASE("stream: closes while messages wait that nobody read", "[asio]", server_end,
                   client_end, waitable_server_end, waitable_client_end) {
    TestType end;
    close_completion closed;
    end.receive(TestType::frames().text("one").text("two").text(std::string(100'000, 'x')));
    end.stream->close(close_code::normal, "bye", closed.handler());
    CHECK(end.sent() == "close(1000 \"bye\")");
    end.answer_close();
    REQUIRE(closed.done());
    CHECK(closed.info.clean);
    read_completion read;
    end.stream->read(read.handler());
    end.poll();
    CHECK(read.failed(errc::closed));
}

TEMPLATE_TEST_CASE("stream: messages that came before the peer's Close can be read behind it",
                   "[asio]", server_end, client_end, waitable_server_end, waitable_client_end) {
    TestType end;
    close_completion closed;
    end.stream->closed(closed.handler());
    end.receive(TestType::frames().text("one").text("two").close(1000, "done"));
    end.far.end();
    end.poll();
    reader in;
    in.start(*end.stream);
    end.poll();
    CHECK(in.told == "text(\"one\") text(\"two\")");
    CHECK(in.ends == 1);
    CHECK(in.error == errc::closed);
    CHECK(closed.done());
    CHECK(closed.info.clean);
    CHECK(closed.info.by_peer);
}

TEMPLATE_TEST_CASE("stream: a message that is looked at outlives what happens to the connection",
                   "[asio]", server_end, client_end, waitable_server_end, waitable_client_end) {
    TestType end;
    const std::string text(300, 'm');
    read_completion read;
    end.stream->read(read.handler());
    end.receive(TestType::frames().text(text));
    REQUIRE(read.done());
    const auto how = GENERATE(0, 1, 2);
    if (how == 0) {
        // Somebody else closes, and the peer's answer has to be read.
        CHECK(end.stream->get_sender().close() == errc::success);
        end.poll();
        end.receive(TestType::frames().text(std::string(300, 'o')).close(1000, "bye"));
        end.far.end();
        end.poll();
    } else if (how == 1) {
        CHECK(end.stream->close() == errc::success);
        end.receive(TestType::frames().text(std::string(300, 'o')));
        end.advance(5s);
    } else {
        end.stream->abort();
        end.poll();
    }
    CHECK(end.far.closed());
    // Others read on the same thread meanwhile.
    TestType other;
    reader in;
    in.start(*other.stream);
    other.receive(TestType::frames().text(std::string(400, 'q')));
    CHECK(std::string(read.view.text()) == text);
}

TEMPLATE_TEST_CASE("stream: a transport that ends without a Close is a lost connection",
                   "[asio][rfc6455-7.1.5]", server_end, client_end, waitable_server_end,
                   waitable_client_end) {
    TestType end;
    waiters wait(end);
    const bool in_a_frame = GENERATE(true, false);
    end.far.write(TestType::frames().text("whole").str());
    if (in_a_frame) end.far.write(TestType::frames().header(0x82, 5).str() + "ab");
    end.far.end();
    end.poll();
    REQUIRE(wait.told());
    CHECK(wait.in.told == "text(\"whole\")");
    CHECK(wait.in.error == errc::connection_lost);
    CHECK(wait.in.error == condition::connection_lost);
    CHECK(wait.info().error == errc::connection_lost);
    CHECK(code_of(wait.info()) == 1006);
    CHECK(!wait.info().clean);
    CHECK(end.far.closed());
    check_that_it_stays_ended(end, errc::connection_lost);
}

TEMPLATE_TEST_CASE("stream: a transport that breaks tells its own error", "[asio]", server_end,
                   client_end, waitable_server_end, waitable_client_end) {
    TestType end;
    waiters wait(end);
    end.far.reset();
    end.poll();
    REQUIRE(wait.told());
    CHECK(wait.in.error == io::error::connection_reset);
    CHECK(wait.info().error == io::error::connection_reset);
    CHECK(code_of(wait.info()) == 1006);
    CHECK(!wait.info().clean);
    CHECK(end.far.closed());
    check_that_it_stays_ended(end, io::error::connection_reset);
}

TEMPLATE_TEST_CASE("stream: a transport that ends while the Close is answered was closed cleanly",
                   "[asio]", server_end, client_end, waitable_server_end, waitable_client_end) {
    TestType end;
    waiters wait(end);
    end.far.write(TestType::frames().close(1000).str());
    end.far.end();
    end.poll();
    REQUIRE(wait.told());
    CHECK(wait.info().clean);
    CHECK(!wait.info().error);
    CHECK(wait.in.error == errc::closed);
    CHECK(end.far.closed());
    CHECK(end.sent() == "close(1000 \"\")");
}

TEMPLATE_TEST_CASE("stream: a peer that closes and reads no more does not hold the stream",
                   "[asio]", server_end, client_end, waitable_server_end, waitable_client_end) {
    TestType end;
    waiters wait(end);
    end.far.set_capacity(10);
    CHECK(end.stream->send_text(std::string(1000, 'x')));
    end.receive(TestType::frames().close(1000));
    CHECK(wait.waiting());
    end.advance(5s);
    REQUIRE(wait.told());
    CHECK(end.far.closed());
}

TEMPLATE_TEST_CASE("stream: the closing handshake has one time, which nothing extends", "[asio]",
                   server_end, client_end, waitable_server_end, waitable_client_end) {
    TestType end;
    waiters wait(end);
    CHECK(end.stream->close() == errc::success);
    end.advance(4s);
    end.receive(TestType::frames().close(1000));
    CHECK(wait.in.ends == 1);
    end.advance(1s);
    REQUIRE(wait.told());
    CHECK(end.far.closed());
    CHECK(wait.info().clean);
}

TEMPLATE_TEST_CASE("stream: what cannot be written is told, and what was sent before is read",
                   "[asio]", server_end, client_end, waitable_server_end, waitable_client_end) {
    net::stream_options options;
    options.high_water = 1000;
    options.low_water = 300;
    TestType end(options);
    waiters wait(end);
    completion sent;
    completion drained;
    end.far.set_capacity(10);
    end.stream->send_text(std::string(2000, 'x'), sent.handler());
    end.stream->drain(drained.handler());
    end.poll();
    end.far.stop_reading();
    end.poll();
    CHECK(sent.failed(io::error::broken_pipe));
    CHECK(drained.failed(io::error::broken_pipe));
    CHECK(!end.stream->is_open());
    CHECK(end.stream->send_text("y").error == errc::not_open);
    CHECK(end.stream->buffered_amount() == 0);
    end.receive(TestType::frames().text("the peer's last words"));
    CHECK(wait.in.told == "text(\"the peer's last words\")");
    const bool said = GENERATE(true, false);
    if (said) {
        end.receive(TestType::frames().close(1001, "I am leaving"));
    } else {
        end.advance(5s); // but not for ever
    }
    REQUIRE(wait.told());
    CHECK(end.far.closed());
    CHECK(wait.info().error == (said ? error_code() : error_code(io::error::broken_pipe)));
    CHECK(wait.info().reason == (said ? "I am leaving" : ""));
}

TEMPLATE_TEST_CASE("stream: abort drops the transport now", "[asio]", server_end, client_end,
                   waitable_server_end, waitable_client_end) {
    TestType end;
    waiters wait(end);
    end.far.set_capacity(0);
    completion sent;
    ping_completion pinged;
    end.stream->send_text(std::string(2'000'000, 'x'), sent.handler());
    end.stream->ping(pinged.handler());
    end.poll();
    const bool closing = GENERATE(true, false);
    if (closing) CHECK(end.stream->close() == errc::success);
    end.stream->abort();
    CHECK(end.far.closed());
    CHECK(wait.waiting()); // not from within
    end.poll();
    REQUIRE(wait.told());
    CHECK(wait.in.error == io::error::operation_aborted);
    CHECK(wait.info().error == io::error::operation_aborted);
    CHECK(!wait.info().clean);
    CHECK(sent.calls == 1);
    CHECK(sent.error == io::error::operation_aborted);
    CHECK(pinged.calls == 1);
    CHECK(pinged.error == io::error::operation_aborted);
    check_that_it_stays_ended(end, io::error::operation_aborted);
}

TEMPLATE_TEST_CASE("stream: close in the middle of a message that is sent in fragments", "[asio]",
                   server_end, waitable_client_end) {
    TestType end;
    waiters wait(end);
    const std::byte piece[2]{};
    CHECK(end.stream->send_fragment(opcode::binary, piece, false));
    CHECK(end.stream->close() == errc::success);
    CHECK(end.sent() == "binary-(\"\\x00\\x00\") close(1000 \"\")");
    end.answer_close();
    CHECK(wait.told());
}

// --- Before it is open

TEMPLATE_TEST_CASE("stream: may be closed before it opens", "[asio]", server_end, client_end,
                   waitable_server_end, waitable_client_end) {
    const bool begun = GENERATE(true, false);
    const bool abort = GENERATE(true, false);
    TestType end(typename TestType::not_open_yet{});
    completion opening;
    close_completion closed;
    if (begun) {
        if constexpr (TestType::is_server) {
            end.stream->read_request(
                [&](const error_code& error, const upgrade_request&) { opening.note(error); });
        } else {
            end.stream->handshake({.host = "example.org"}, opening.handler());
        }
        end.poll();
    }
    end.stream->closed(closed.handler());
    if (abort) {
        end.stream->abort();
    } else {
        CHECK(end.stream->close() == errc::success);
    }
    end.poll();
    CHECK(end.far.closed());
    CHECK(opening.calls == (begun ? 1 : 0));
    if (begun) CHECK(opening.error);
    CHECK(closed.done());
    CHECK(!closed.info.clean);
    CHECK(closed.info.error);
    read_completion read;
    end.stream->read(read.handler());
    end.poll();
    CHECK(read.calls == 1);
    CHECK(read.error);
}

TEMPLATE_TEST_CASE("stream: refuses to send before it opens", "[asio]", server_end,
                   waitable_client_end) {
    TestType end(typename TestType::not_open_yet{});
    CHECK(!end.stream->is_open());
    CHECK(end.stream->send_text("early").error == errc::not_open);
    CHECK(end.stream->ping() == errc::not_open);
    CHECK(end.stream->buffered_amount() == 0);
    completion sent;
    end.stream->send_text("early", sent.handler());
    end.poll();
    CHECK(sent.failed(errc::not_open));
    CHECK(end.far.waiting().empty());
}

// --- Destroying

TEMPLATE_TEST_CASE("stream: destroyed, it says 1001 and finishes in the background", "[asio]",
                   server_end, client_end, waitable_server_end, waitable_client_end) {
    TestType end;
    auto wait = std::make_unique<waiters<TestType>>(end);
    CHECK(end.stream->send_text("before"));
    end.stream.reset();
    end.poll();
    const int told = wait->in.ends + wait->first.calls + wait->second.calls;
    wait.reset(); // nobody is told anything from here on
    CHECK((told == 0 || told == 3));
    CHECK(end.sent() == "text(\"before\") close(1001 \"\")");
    const bool answers = GENERATE(true, false);
    if (answers) {
        end.receive(TestType::frames().text("ignored").ping("ignored").close(1001));
        end.far.end();
        end.poll();
    } else {
        end.advance(4'999ms);
        CHECK(!end.far.closed());
        end.advance(1ms);
    }
    CHECK(end.far.closed());
    CHECK(end.sent().empty());
}

TEMPLATE_TEST_CASE("stream: may be destroyed in any of its handlers", "[asio]", server_end,
                   client_end, waitable_server_end, waitable_client_end) {
    const int where = GENERATE(range(0, 7));
    CAPTURE(where);
    TestType end;
    int calls = 0;
    const auto destroy = [&](const auto&...) {
        ++calls;
        end.stream.reset();
    };
    const auto ignore = [](const auto&...) {};
    auto& stream = *end.stream;
    switch (where) {
    case 0:
        stream.read(destroy);
        end.far.write(TestType::frames().text("a").text("b").close(1000).str());
        break;
    case 1:
        stream.read(destroy);
        end.far.reset();
        break;
    case 2: stream.send_text("a", destroy); break;
    case 3: stream.drain(destroy); break;
    case 4:
        stream.closed(destroy);
        stream.read(ignore);
        end.far.end();
        break;
    case 5:
        stream.ping(destroy);
        stream.read(ignore);
        end.poll();
        {
            std::string wire = end.far.read();
            end.far.write(TestType::frames().pong(take_frames(wire).at(0).payload).str());
        }
        break;
    case 6:
        stream.close(close_code::normal, {}, destroy);
        end.far.write(TestType::frames().close(1000).str());
        end.far.end();
        break;
    default: FAIL();
    }
    end.poll();
    CHECK(calls == 1);
    CHECK(!end.stream);
    (void)end.sent();
    end.advance(5s);
    CHECK(end.far.closed());
}

TEMPLATE_TEST_CASE("stream: may be destroyed while it opens", "[asio]", server_end, client_end,
                   waitable_server_end, waitable_client_end) {
    const bool begun = GENERATE(true, false);
    TestType end(typename TestType::not_open_yet{});
    if (begun) {
        if constexpr (TestType::is_server) {
            end.stream->read_request([](const error_code&, const upgrade_request&) {});
            end.receive(request_head().substr(0, 50));
        } else {
            end.stream->handshake({.host = "example.org"}, [](const error_code&) {});
            end.poll();
        }
    }
    end.stream.reset();
    end.poll();
    CHECK(end.far.closed());
}

TEMPLATE_TEST_CASE("stream: destroying the context ends everything without a leak", "[asio]",
                   server_end, client_end, waitable_server_end, waitable_client_end) {
    const bool destroyed_before = GENERATE(true, false);
    const allocation_count before = allocations();
    {
        TestType end;
        waiters wait(end);
        completion drained;
        ping_completion pinged;
        end.far.set_capacity(5);
        CHECK(end.stream->send_text(std::string(2'000'000, 'x')));
        end.stream->drain(drained.handler());
        end.stream->ping(pinged.handler());
        end.poll();
        CHECK(end.stream->send_text("and something that was not even looked at"));
        if (destroyed_before) end.stream.reset();
    }
    // The block of the thread stays for the next stream.
    CHECK((allocations() - before).live <= 2);
    CHECK((allocations() - before).live_bytes <= 140'000);
}

TEMPLATE_TEST_CASE("stream: everything is given back after its end", "[asio]", server_end,
                   client_end, waitable_server_end, waitable_client_end) {
    const auto once = [] {
        TestType end;
        waiters wait(end);
        end.receive(TestType::frames().text(std::string(5000, 'x')));
        CHECK(end.stream->close() == errc::success);
        CHECK(end.sent() == "close(1000 \"\")");
        end.answer_close();
        CHECK(wait.told());
    };
    once();
    const allocation_count before = allocations();
    for (int i = 0; i < 20; ++i)
        once();
    CHECK((allocations() - before).live == 0);
}
