// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What a stream can do after operator new has thrown, here every allocation in turn: the program
// goes on using it. What a function started and then threw is started again; a handler that was
// lost as memory was refused to the event loop is followed by another one.

#include <framewire/asio/stream.hpp>

#include "support/allocation_counter.hpp"
#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/connected.hpp"
#include "support/fate.hpp"
#include "support/tokens.hpp"

#if FRAMEWIRE_BOOST_ASIO
#include <boost/asio/bind_executor.hpp>
#else
#include <asio/bind_executor.hpp>
#endif

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace framewire;
using namespace framewire::test;

namespace {

/// A program that does not give up. Memory is refused only while the stream is at work for it.
template <typename End> class program {
public:
    explicit program(throwing_allocations& memory, const net::stream_options& options = {})
        : end(options), memory_(memory) {}
    program(throwing_allocations& memory, typename End::not_open_yet closed,
            const net::stream_options& options = {})
        : end(closed, options), memory_(memory) {}

    [[nodiscard]] auto& stream() { return *end.stream; }

    /// False when it has thrown.
    template <typename Act> bool attempt(Act act) { return memory_.during(act); }
    template <typename Act> void insist(Act act) {
        for (int i = 0; !attempt(act); ++i)
            REQUIRE(i < 100);
    }
    /// The event loop runs, until there is nothing to do, and time goes by.
    void go_on() {
        for (int quiet = 0; quiet < 2;) {
            quiet = attempt([&] { end.poll(); }) ? quiet + 1 : 0;
            fake_clock::advance(1s);
        }
        attempt([&] { end.poll(); });
    }
    void receive(const frame_writer& frames) {
        end.far.write(frames.str());
        go_on();
    }

    /// Starts an operation, until its handler is called; `provoke` is what it waits for.
    template <typename Start, typename Provoke> fate until_called(Start start, Provoke provoke) {
        for (int i = 0; i < 100; ++i) {
            fate one;
            if (attempt([&] { start(noting(one)); })) {
                provoke();
                go_on();
            } else {
                go_on();
                REQUIRE(one.calls == 0);
            }
            REQUIRE(one.ends() == 1);
            if (one.calls == 1) return one;
        }
        FAIL("it was never called");
        return {};
    }

    /// All frames that were sent so far, in words.
    std::string sent() { return sent_ += end.sent(); }

    End end;

private:
    throwing_allocations& memory_;
    std::string sent_;
};

/// Lets each allocation in turn throw, and those behind it.
template <typename Act> void whichever_throws(Act act) {
    test::detail::system_works = &throwing_allocations::exempt;
    const std::int64_t in_a_row = GENERATE(1, 2, 3, 10);
    bool more = true;
    std::int64_t n = -1; // the first time is for what a thread keeps
    for (; more && n < 1000; ++n) {
        CAPTURE(n, in_a_row);
        const std::int64_t before = allocations().live_bytes;
        {
            throwing_allocations memory(n < 0 ? 1'000'000 : n, in_a_row);
            act(memory, in_a_row);
            more = n < 0 || memory.happened();
        }
        // The first exception of a test takes something for Catch.
        if (n > 0) REQUIRE(allocations().live_bytes == before);
    }
    test::detail::system_works = nullptr;
    CHECK(n > 1); // one was refused
    CHECK(n < 1000);
}

// A refusal takes a second each.
net::stream_options patient() {
    net::stream_options options;
    options.timeouts.ping = 0s;
    options.timeouts.open = 60s;
    options.timeouts.close = 60s;
    return options;
}

} // namespace

TEMPLATE_TEST_CASE("recovery: whichever allocation throws, a stream reads and sends as before",
                   "[asio]", server_end, client_end, waitable_server_end, waitable_client_end) {
    whichever_throws([](throwing_allocations& memory, std::int64_t) {
        program<TestType> app(memory, patient());
        const auto frames = &TestType::frames;

        const fate read = app.until_called([&](noting h) { app.stream().read(std::move(h)); },
                                           [&] { app.end.far.write(frames().text("one").str()); });
        REQUIRE(read.size == 3);

        // These do not throw at all.
        net::send_result queued;
        errc error = errc::out_of_memory;
        REQUIRE(app.attempt([&] { queued = app.stream().send_text("two"); }));
        REQUIRE(app.attempt([&] { error = app.stream().ping(); }));
        REQUIRE(queued);
        REQUIRE(error == errc::success);
        app.go_on();
        REQUIRE(app.sent() == "text(\"two\") ping(\"\")");

        app.until_called([&](noting h) { app.stream().send_text("three", std::move(h)); }, [] {});
        REQUIRE(app.sent().find("text(\"three\")") != std::string::npos);
        app.until_called([&](noting h) { app.stream().drain(std::move(h)); }, [] {});

        net::sender sender;
        app.insist([&] { sender = app.stream().get_sender(); });
        do { // nor does this
            REQUIRE(app.attempt([&] { queued = sender.send_text("four"); }));
            REQUIRE((queued || queued.error == errc::out_of_memory));
        } while (!queued);
        app.go_on();
        REQUIRE(app.sent().find("text(\"four\")") != std::string::npos);

        const fate again = app.until_called([&](noting h) { app.stream().read(std::move(h)); },
                                            [&] { app.receive(frames().ping("p").text("five")); });
        REQUIRE(again.size == 4);
        REQUIRE(app.sent().find("pong(\"p\")") != std::string::npos);

        // A message is lent meanwhile: the Pong stands behind it.
        const fate pinged =
            app.until_called([&](noting h) { app.stream().ping(std::move(h)); },
                             [&] {
                                 app.go_on();
                                 std::string bytes = app.end.far.read();
                                 for (const wire_frame& frame : take_frames(bytes)) {
                                     if (frame.op() == 9) app.receive(frames().pong(frame.payload));
                                 }
                             });
        REQUIRE_FALSE(pinged.error);
        REQUIRE(app.end.stream->is_open());
    });
}

TEMPLATE_TEST_CASE("recovery: whichever allocation throws, a connection can be closed", "[asio]",
                   server_end, client_end, waitable_server_end, waitable_client_end) {
    const bool answered = GENERATE(true, false);
    const bool by_sender = GENERATE(true, false);
    whichever_throws([&](throwing_allocations& memory, std::int64_t) {
        program<TestType> app(memory, patient());
        fate read;
        fate closed;
        app.insist([&] { app.stream().read(noting(read = {})); });
        app.receive(TestType::frames().text("the application goes on looking at it"));
        REQUIRE(read.ends() == 1);
        app.insist([&] { app.stream().closed(noting(closed = {})); });

        if (by_sender) {
            net::sender sender;
            app.insist([&] { sender = app.stream().get_sender(); });
            errc error = errc::out_of_memory;
            while (error == errc::out_of_memory) {
                REQUIRE(app.attempt([&] { error = sender.close(close_code::normal, "bye"); }));
            }
            REQUIRE(error == errc::success);
        } else {
            errc error = errc::out_of_memory;
            REQUIRE(app.attempt([&] { error = app.stream().close(close_code::normal, "bye"); }));
            REQUIRE(error == errc::success);
        }
        app.go_on();
        REQUIRE(app.sent() == "close(1000 \"bye\")");
        if (answered) {
            const std::string reason(100, 'r'); // more than a string holds by itself
            app.receive(TestType::frames().close(1000, reason));
            app.end.far.end();
        } else {
            fake_clock::advance(60s);
        }
        app.go_on();
        app.go_on();
        REQUIRE(app.end.far.closed());
        REQUIRE(closed.ends() == 1);
        if (closed.calls == 0) {
            REQUIRE(memory.happened());
            return;
        }
        REQUIRE_FALSE(closed.error);
        REQUIRE(closed.info.clean == answered);
        if (!answered) REQUIRE(closed.info.error == errc::close_timeout);
    });
}

TEMPLATE_TEST_CASE("recovery: whichever allocation throws, everybody is told of an abort but those "
                   "for whom there was no memory",
                   "[asio]", server_end, waitable_client_end) {
    const bool lent = GENERATE(true, false);
    whichever_throws([&](throwing_allocations& memory, std::int64_t in_a_row) {
        program<TestType> app(memory, patient());
        fate read;
        std::vector<fate> waiting(6);
        app.end.far.set_capacity(10);
        (void)app.stream().send_text(std::string(300'000, 'x'));
        app.stream().drain(noting(waiting[0]));
        app.stream().drain(noting(waiting[1]));
        app.stream().ping(noting(waiting[2]));
        app.stream().ping(noting(waiting[3]));
        app.stream().closed(noting(waiting[4]));
        app.stream().closed(noting(waiting[5]));
        app.stream().read(noting(read));
        app.end.poll();
        if (lent) app.end.receive(TestType::frames().text("the application looks at it"));

        app.attempt([&] { app.stream().abort(); });
        REQUIRE(app.end.far.closed());
        app.go_on();
        app.go_on();
        int lost = read.lost;
        REQUIRE(read.ends() == 1);
        for (const fate& one : waiting) {
            CAPTURE(&one - waiting.data());
            REQUIRE(one.ends() == 1);
            lost += one.lost;
        }
        REQUIRE(lost <= (memory.happened() ? in_a_row : 0));
    });
}

TEMPLATE_TEST_CASE("recovery: whichever allocation throws, the limits of time are kept", "[asio]",
                   server_end, client_end, waitable_server_end, waitable_client_end) {
    whichever_throws([](throwing_allocations& memory, std::int64_t) {
        program<TestType> app(memory);
        fate closed;
        fate read;
        app.stream().closed(noting(closed));
        app.stream().read(noting(read));
        app.end.poll();
        // Nothing comes: a Ping after 20 seconds, the end after 20 more.
        for (int second = 0; second < 60; ++second) {
            app.attempt([&] { app.end.poll(); });
            fake_clock::advance(1s);
        }
        app.go_on();
        REQUIRE(app.end.far.closed());
        REQUIRE(read.ends() == 1);
        REQUIRE(closed.ends() == 1);
        if (read.calls == 1)
            REQUIRE(read.error == errc::pong_timeout);
        else
            REQUIRE(memory.happened());
    });
}

TEMPLATE_TEST_CASE("recovery: an opening handshake that could not be begun can be begun again",
                   "[asio]", server_end, client_end, waitable_server_end, waitable_client_end) {
    whichever_throws([](throwing_allocations& memory, std::int64_t) {
        program<TestType> app(memory, typename TestType::not_open_yet{});
        fate opened;
        if constexpr (TestType::is_server) {
            fate requested;
            app.insist([&] { app.stream().read_request(noting(requested = {})); });
            app.end.receive(request_head());
            REQUIRE(requested.done());
            app.insist([&] { app.stream().accept({}, noting(opened = {})); });
        } else {
            app.insist(
                [&] { app.stream().handshake({.host = "example.org"}, noting(opened = {})); });
            app.end.poll();
            app.end.receive(response_head(app.end.far.read()));
        }
        app.end.poll();
        REQUIRE(app.stream().is_open());
        if constexpr (!TestType::is_server) REQUIRE(opened.done());
        fate read;
        app.insist([&] { app.stream().read(noting(read = {})); });
        app.end.receive(TestType::frames().text("hello"));
        REQUIRE(read.size == 5);
    });
}

TEMPLATE_TEST_CASE("recovery: a stream whose reader was lost goes on without another one", "[asio]",
                   waitable_server_end, waitable_client_end) {
    int lost = 0;
    whichever_throws([&](throwing_allocations& memory, std::int64_t) {
        loop elsewhere;
        program<TestType> app(memory, patient());
        fate read;
        app.insist([&] {
            app.stream().read(
                io::bind_executor(elsewhere.context.get_executor(), noting(read = {})));
        });
        app.receive(TestType::frames().text("one"));
        elsewhere.poll();
        REQUIRE(read.ends() == 1);
        if (read.lost == 0) return; // somebody looks at the message
        ++lost;
        app.receive(TestType::frames().ping("p"));
        REQUIRE(app.sent().find("pong(\"p\")") != std::string::npos);
    });
    CHECK(lost > 0);
}

TEST_CASE("recovery: what the application looks at stays, though an abort cannot put it aside",
          "[asio]") {
    whichever_throws([](throwing_allocations& memory, std::int64_t) {
        const std::string sent = "the application looks at it";
        program<waitable_server_end> app(memory, patient());
        app.end.far.set_capacity(10);
        (void)app.stream().send_text(std::string(300'000, 'x')); // its write waits
        std::span<const std::byte> looked_at;
        app.stream().read([&](const error_code&, const net::message& m) { looked_at = m.payload; });
        app.end.receive(waitable_server_end::frames().text(sent));
        REQUIRE(text_of(looked_at) == sent);

        app.attempt([&] { app.stream().abort(); });
        app.attempt([&] { app.end.poll(); });
        waitable_server_end other; // reads in the same thread
        reader in;
        in.start(*other.stream);
        other.receive(waitable_server_end::frames().text(std::string(1000, 'y')));
        REQUIRE(in.messages == 1);
        REQUIRE(text_of(looked_at) == sent);
    });
}

TEST_CASE("recovery: a send does not throw, though a drain is told that the transport has failed",
          "[asio]") {
    whichever_throws([](throwing_allocations& memory, std::int64_t) {
        program<waitable_server_end> app(memory, patient());
        std::vector<fate> drained(5);
        app.end.far.set_capacity(10);
        (void)app.stream().send_text(std::string(300'000, 'x'));
        for (fate& one : drained)
            app.insist([&] { app.stream().drain(noting(one = {})); });
        app.end.far.stop_reading();
        const std::string large(20'000, 'y'); // written at once
        REQUIRE(app.attempt([&] { (void)app.stream().send_text(large); }));
        app.go_on();
        for (const fate& one : drained) {
            REQUIRE(one.ends() == 1);
            if (one.calls == 1)
                REQUIRE(one.error == io::error::broken_pipe);
            else
                REQUIRE(memory.happened());
        }
    });
}

TEST_CASE("recovery: a TLS handshake that could not be begun can be begun again", "[asio]") {
    using end_type = connected<role::server, handshaking_test_stream>;
    whichever_throws([](throwing_allocations& memory, std::int64_t) {
        program<end_type> app(memory, typename end_type::not_open_yet{});
        fate secured;
        app.insist([&] { app.stream().tls_handshake(noting(secured = {})); });
        app.end.receive("!");
        REQUIRE(secured.done());
        fate requested;
        app.stream().read_request(noting(requested));
        app.end.advance(11s); // of its limit of time
        REQUIRE(requested.error == errc::open_timeout);
    });
}

TEMPLATE_TEST_CASE("recovery: whichever allocation the event loop is refused, an opening handshake "
                   "is finished or ends the connection",
                   "[asio]", server_end, client_end, waitable_server_end, waitable_client_end) {
    whichever_throws([](throwing_allocations& memory, std::int64_t) {
        program<TestType> app(memory, typename TestType::not_open_yet{}, patient());
        fate closed;
        fate told;
        app.stream().closed(noting(closed));
        if constexpr (TestType::is_server) {
            app.stream().read_request(noting(told));
            app.go_on();
            app.end.far.write(request_head());
        } else {
            app.stream().handshake({.host = "example.org"}, noting(told));
            app.go_on();
            app.end.far.write(response_head(app.end.far.read()));
        }
        app.go_on();
        REQUIRE(told.ends() == 1);
        REQUIRE(app.end.far.closed() == !told.done());
        if (told.done()) return;
        REQUIRE(memory.happened());
        REQUIRE(closed.ends() == 1);
        if (closed.calls == 1) REQUIRE(closed.info.error == errc::out_of_memory);
        if (told.calls == 1) REQUIRE(told.error == errc::out_of_memory);
    });
}

#ifdef FRAMEWIRE_TESTS_AS_TUPLE

TEST_CASE("recovery: a refusal that was not written is not told as written", "[asio]") {
    whichever_throws([](throwing_allocations& memory, std::int64_t) {
        program<waitable_server_end> app(memory, waitable_server_end::not_open_yet{}, patient());
        app.end.far.set_capacity(0);
        app.stream().read_request([](const error_code&, const upgrade_request&) {});
        app.end.receive(request_head());
        std::vector<fate> closed(3);
        fate refused;
        for (fate& one : closed)
            app.stream().closed(noting(one));
        auto operation = app.stream().refuse({.status = 503}, tokens::deferred);
        app.end.poll();
        app.attempt([&] { app.stream().abort(); }); // no memory to tell all who wait for `closed`
        app.go_on();
        REQUIRE(app.end.far.closed());
        REQUIRE(app.end.far.waiting().empty());
        std::move(operation)(noting(refused));
        app.go_on();
        for (const fate& one : closed)
            REQUIRE(one.ends() == 1);
        REQUIRE(refused.calls == 1);
        REQUIRE(refused.error == errc::connection_lost);
    });
}

#endif // FRAMEWIRE_TESTS_AS_TUPLE

namespace {

struct thrown_by_handler {};

} // namespace

TEMPLATE_TEST_CASE("recovery: the exception of a handler comes out of run() without any memory, "
                   "and the rest goes on",
                   "[asio]", server_end, waitable_client_end) {
    test::detail::system_works = &throwing_allocations::exempt;
    TestType end;
    int messages = 0;
    end.stream->read([&](const error_code&, const net::message&) {
        end.stream->read([&](const error_code&, const net::message&) { ++messages; });
        throw thrown_by_handler{};
    });
    end.poll();
    end.far.write(TestType::frames().text("one").text("two").str());
    {
        throwing_allocations memory(0, 1'000'000);
        bool thrown = false;
        REQUIRE(memory.during([&] {
            try {
                end.poll();
            } catch (const thrown_by_handler&) {
                thrown = true;
            }
        }));
        REQUIRE(thrown);
    }
    end.poll();
    CHECK(messages == 1);
    test::detail::system_works = nullptr;
}

TEMPLATE_TEST_CASE("recovery: a sender refuses what there is no memory for, and goes on", "[asio]",
                   server_end, waitable_client_end) {
    TestType end;
    const net::sender sender = end.stream->get_sender();
    CHECK(sender.send_text("before"));
    const std::string large(1'000, 'x'); // more than the first block holds
    {
        const failing_allocations none(0, 100);
        CHECK(sender.send_text(large).error == errc::out_of_memory);
        CHECK(none.happened());
    }
    CHECK(sender.send_text("behind"));
    CHECK(end.sent() == "text(\"before\") text(\"behind\")");
    {
        const failing_allocations none(0, 100);
        CHECK(sender.close(close_code::normal, "bye") == errc::out_of_memory);
        CHECK(none.happened());
    }
    CHECK_FALSE(sender.expired());
    CHECK(sender.close(close_code::normal, "bye") == errc::success);
    CHECK(end.sent() == "close(1000 \"bye\")");
}

TEMPLATE_TEST_CASE("recovery: a stream without the memory for what was accepted closes", "[asio]",
                   server_end, waitable_client_end) {
    TestType end;
    close_completion closed;
    end.stream->closed(closed.handler());
    end.poll();
    const net::sender sender = end.stream->get_sender();
    CHECK(sender.send_text(std::string(300'000, 'x'))); // in no block that is there
    CHECK(sender.send_text("behind it"));
    {
        const failing_allocations none(0, 1);
        end.poll();
        CHECK(none.happened());
    }
    CHECK(end.sent() == "close(1011 \"" + std::string(message(errc::out_of_memory)) + "\")");
    CHECK(sender.expired());
    end.answer_close(1011);
    REQUIRE(closed.done());
    CHECK(closed.info.error == errc::out_of_memory);
}

TEMPLATE_TEST_CASE("recovery: a stream without any memory sends nothing behind what was accepted",
                   "[asio]", server_end, waitable_client_end) {
    TestType other; // has the block that a thread keeps for what is sent
    other.far.set_capacity(0);
    REQUIRE(other.stream->send_text("x"));
    other.poll();
    REQUIRE(other.stream->send_text("y"));
    TestType end;
    close_completion closed;
    end.stream->closed(closed.handler());
    end.poll();
    const net::sender sender = end.stream->get_sender();
    CHECK(sender.send_text(std::string(300'000, 'x')));
    CHECK(sender.send_text("behind it"));
    {
        const failing_allocations none(0, 1'000);
        end.poll();
        CHECK(none.happened());
    }
    CHECK(end.sent().empty());
    CHECK_FALSE(end.stream->is_open());
    CHECK(end.stream->send_text("x").error == errc::not_open);
    end.advance(5s);
    CHECK(end.far.closed());
    REQUIRE(closed.done());
    CHECK_FALSE(closed.info.clean);
}

TEMPLATE_TEST_CASE("recovery: why a stream closed is not forgotten for want of memory to keep it",
                   "[asio]", server_end, waitable_client_end) {
    const bool overflow = GENERATE(true, false);
    net::stream_options options;
    options.limits.max_output = 1000;
    options.on_overflow = net::overflow_policy::close;
    TestType end(overflow ? options : net::stream_options{});
    close_completion closed;
    end.stream->closed(closed.handler());
    end.poll();
    if (overflow) {
        REQUIRE(end.stream->send_text("waits"));
        const failing_allocations none(0, 1);
        CHECK(end.stream->send_text(std::string(1000, 'x')).error == errc::output_full);
        CHECK(none.happened());
    } else {
        const net::sender sender = end.stream->get_sender();
        REQUIRE(sender.send_text(std::string(300'000, 'x')));
        const failing_allocations none(0, 2); // for the frame, and for what is told
        end.poll();
        CHECK(none.happened());
    }
    CHECK(end.sent().find("close(") != std::string::npos);
    end.answer_close();
    REQUIRE(closed.done());
    CHECK(closed.info.clean);
    CHECK(closed.info.error == errc::out_of_memory);
}

TEMPLATE_TEST_CASE("recovery: closing a stream that ends for want of memory is no error", "[asio]",
                   server_end, waitable_client_end) {
    TestType end;
    close_completion closed;
    end.stream->closed(closed.handler());
    end.far.set_capacity(0);
    REQUIRE(end.stream->send_binary(std::string(200'000, 'x')));
    end.poll();
    REQUIRE(end.stream->send_binary(std::string(200'000, 'x')));
    const net::sender sender = end.stream->get_sender();
    REQUIRE(sender.send_text(std::string(600'000, 'y')));
    {
        const failing_allocations none(0, 1'000);
        CHECK(end.stream->close() == errc::success);
        CHECK(none.happened());
    }
    end.poll();
    CHECK(end.far.closed());
    CHECK(end.stream->buffered_amount() == 0);
    REQUIRE(closed.done());
    CHECK(closed.info.error == errc::out_of_memory);
}

TEST_CASE("recovery: a read into a string that cannot hold the message says so", "[asio]") {
    server_end end;
    std::string to;
    completion read;
    end.stream->read(to, [&](const error_code& error, opcode) { read.note(error); });
    end.poll();
    end.far.write(server_end::frames().text(std::string(300, 'x')).str());
    {
        throwing_allocations memory(0, 1'000'000);
        test::detail::system_works = &throwing_allocations::exempt;
        (void)memory.during([&] { end.poll(); });
        test::detail::system_works = nullptr;
    }
    CHECK(read.failed(errc::out_of_memory));
    end.poll();
    end.stream->read(to, [&](const error_code& error, opcode) { read.note(error); });
    end.receive(server_end::frames().text(std::string(200, 'y')));
    CHECK(read.calls == 2);
    CHECK(to == std::string(200, 'y'));
}
