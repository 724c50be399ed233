// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The completion tokens: callbacks are used all over the other files; here are futures, coroutines
// and what the Asio in use has besides, bound executors, and cancellation.

#include <framewire/asio/stream.hpp>

#include "support/allocation_counter.hpp"
#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/connected.hpp"
#include "support/sockets.hpp"
#include "support/tokens.hpp"

#include <array>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using namespace framewire;
using namespace framewire::test;

namespace {

template <typename Future> bool ready(Future& future) {
    return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

template <typename Coroutine> void run(io::io_context& context, Coroutine coroutine) {
    io::co_spawn(context, std::move(coroutine), [](std::exception_ptr error) {
        if (error) std::rethrow_exception(error);
    });
}

} // namespace

TEMPLATE_TEST_CASE("stream: futures", "[asio]", waitable_server_end, client_end) {
    TestType end;
    auto& stream = *end.stream;
    std::string text;
    auto read = stream.read(io::use_future);
    end.receive(TestType::frames().text("one").text("two"));
    REQUIRE(ready(read));
    CHECK(read.get().text() == "one");
    auto into = stream.read(text, io::use_future);
    auto sent = stream.send_text("x", io::use_future);
    auto sent_too = stream.send_binary(bytes_of("y"), io::use_future);
    auto drained = stream.drain(io::use_future);
    auto pinged = stream.ping(io::use_future);
    auto closed = stream.closed(io::use_future);
    end.poll();
    REQUIRE(ready(into));
    CHECK(into.get() == opcode::text);
    CHECK(text == "two");
    REQUIRE(ready(sent));
    sent.get();
    sent_too.get();
    drained.get();
    CHECK(!ready(pinged));

    auto failing = stream.read(io::use_future);
    end.answer_close(1001);
    REQUIRE(ready(failing));
    CHECK_THROWS_AS(failing.get(), framewire::test::system_error);
    CHECK_THROWS_AS(pinged.get(), framewire::test::system_error);
    REQUIRE(ready(closed));
    CHECK(closed.get().clean);
}

TEMPLATE_TEST_CASE("stream: coroutines", "[asio]", waitable_server_end, client_end) {
    TestType end(typename TestType::not_open_yet{});
    std::string log;
    run(end.events.context, [&end, &log]() -> io::awaitable<void> {
        auto& stream = *end.stream;
        if constexpr (TestType::is_server) {
            const upgrade_request request = co_await stream.read_request(io::use_awaitable);
            log += request.target;
            co_await stream.accept({}, io::use_awaitable);
        } else {
            co_await stream.handshake({.host = "example.org"}, io::use_awaitable);
            log += "/";
        }
        const net::message first = co_await stream.read(io::use_awaitable);
        log += first.text();
        co_await stream.send(first, io::use_awaitable);
        std::string second;
        const opcode kind = co_await stream.read(second, io::use_awaitable);
        log += second + (kind == opcode::binary ? "!" : "?");
        const auto time = co_await stream.ping(io::use_awaitable);
        CHECK(time == 3ms);
        co_await stream.drain(io::use_awaitable);
        const net::close_info info =
            co_await stream.close(close_code::going_away, "done", io::use_awaitable);
        log += info.reason;
        try {
            (void)co_await stream.read(io::use_awaitable);
        } catch (const framewire::test::system_error& error) {
            CHECK(error.code() == errc::closed);
            log += ".";
        }
    });
    end.poll();
    if (TestType::is_server) {
        end.receive(request_head());
        (void)end.far.read();
    } else {
        end.receive(response_head(end.far.read()));
    }
    end.receive(TestType::frames().text("a"));
    CHECK(end.sent() == "text(\"a\")");
    end.receive(TestType::frames().binary("b"));
    std::string wire = end.far.read();
    const auto ping = take_frames(wire);
    REQUIRE(ping.size() == 1);
    end.advance(3ms);
    end.receive(TestType::frames().pong(ping[0].payload));
    CHECK(end.sent() == "close(1001 \"done\")");
    end.receive(TestType::frames().close(1001, "bye"));
    end.far.end();
    end.poll();
    CHECK(log == "/ab!bye.");
}

TEMPLATE_TEST_CASE("stream: a coroutine that waits when its stream is destroyed ends there",
                   "[asio]", waitable_server_end, client_end) {
    struct left {
        bool* to;
        ~left() { *to = true; }
    };
    TestType end;
    bool ended = false;
    run(end.events.context, [&end, &ended]() -> io::awaitable<void> {
        const left notes{&ended};
        (void)co_await end.stream->read(io::use_awaitable);
        FAIL("nobody is told");
    });
    auto broken = end.stream->closed(io::use_future);
    end.poll();
    CHECK(!ended);
    end.stream.reset();
    end.poll();
    CHECK(ended);
    REQUIRE(ready(broken));
    CHECK_THROWS_AS(broken.get(), std::future_error);
}

TEMPLATE_TEST_CASE("stream: a coroutine that owns its stream ends with the context", "[asio]",
                   waitable_server_end, client_end) {
    struct left {
        bool* to;
        ~left() { *to = true; }
    };
    bool ended = false;
    {
        TestType end;
        run(end.events.context,
            [&ended, stream = std::move(*end.stream)]() mutable -> io::awaitable<void> {
                const left notes{&ended};
                (void)co_await stream.read(io::use_awaitable);
            });
        end.stream.reset();
        end.poll();
        CHECK(!ended);
    }
    CHECK(ended);
}

#ifdef FRAMEWIRE_TESTS_AS_TUPLE

TEMPLATE_TEST_CASE("stream: coroutines without exceptions", "[asio]", waitable_server_end,
                   client_end) {
    TestType end;
    std::string log;
    run(end.events.context, [&end, &log]() -> io::awaitable<void> {
        auto& stream = *end.stream;
        for (;;) {
            const auto [error, message] = co_await stream.read(tokens::as_tuple(io::use_awaitable));
            if (error) {
                CHECK(error == errc::closed);
                break;
            }
            log += message.text();
        }
        const auto [error] = co_await stream.send_text("late", tokens::as_tuple(io::use_awaitable));
        CHECK(error == errc::not_open);
        const auto [waiting, info] = co_await stream.closed(tokens::as_tuple(io::use_awaitable));
        CHECK(!waiting);
        log += info.clean ? "." : "!";
    });
    end.receive(TestType::frames().text("a").text("b"));
    end.answer_close();
    CHECK(log == "ab.");
}

TEMPLATE_TEST_CASE("stream: deferred operations start when they are called", "[asio]",
                   waitable_server_end, client_end) {
    TestType end;
    read_completion read;
    auto operation = end.stream->read(tokens::deferred);
    end.receive(TestType::frames().text("one"));
    CHECK(read.calls == 0);
    std::move(operation)(read.handler());
    end.poll();
    CHECK(read.text == "one");
    // A send is queued at once all the same: its bytes are borrowed during the call only.
    completion sent;
    auto sending = [&] {
        std::string text = "borrowed";
        auto result = end.stream->send_text(text, tokens::deferred);
        text.assign(text.size(), '?');
        return result;
    }();
    std::move(sending)(sent.handler());
    CHECK(end.sent() == "text(\"borrowed\")");
    CHECK(sent.done());
}

#endif

TEMPLATE_TEST_CASE("stream: handlers run where they are bound to", "[asio]", waitable_server_end,
                   client_end) {
    TestType end;
    loop elsewhere;
    read_completion read;
    completion sent;
    close_completion closed;
    end.stream->read(io::bind_executor(elsewhere.context, read.handler()));
    end.stream->send_text("x", io::bind_executor(elsewhere.context, sent.handler()));
    end.stream->closed(io::bind_executor(elsewhere.context, closed.handler()));
    end.receive(TestType::frames().text("one"));
    CHECK(read.calls + sent.calls == 0);
    elsewhere.poll();
    CHECK(read.text == "one");
    CHECK(sent.done());
    end.stream->abort();
    end.poll();
    CHECK(closed.calls == 0);
    elsewhere.poll();
    CHECK(closed.done());
}

namespace {

/// Counts what it gives out.
template <typename T> struct counting_allocator {
    using value_type = T;
    explicit counting_allocator(int* live) : count(live) {}
    template <typename U> counting_allocator(const counting_allocator<U>& other)
        : count(other.count) {} // NOLINT
    T* allocate(std::size_t n) {
        ++*count;
        ++given;
        return std::allocator<T>().allocate(n);
    }
    void deallocate(T* block, std::size_t n) {
        --*count;
        std::allocator<T>().deallocate(block, n);
    }
    template <typename U> bool operator==(const counting_allocator<U>& other) const {
        return count == other.count;
    }
    int* count;
    static inline int given = 0;
};

struct with_allocator {
    using allocator_type = counting_allocator<char>;
    [[nodiscard]] allocator_type get_allocator() const { return allocator_type(live); }
    void operator()(const error_code& error, const net::message& message) const {
        to->note(error);
        to->text = message.text();
    }
    read_completion* to;
    int* live;
};

} // namespace

namespace {

/// A server that echoes and a client that sends, over TCP and in one thread, neither of which ever
/// looks at the time.
struct echoed_pair {
    using server_type = net::server_stream<any_socket, options{}, no_extension, fake_clock>;
    using client_type = net::client_stream<any_socket, options{}, no_extension, fake_clock>;
    static constexpr std::size_t batch = 10;

    echoed_pair() {
        io::ip::tcp::acceptor acceptor(context, {io::ip::address_v4::loopback(), 0});
        client.emplace(connect_to(context, acceptor.local_endpoint()));
        any_socket accepted(context);
        acceptor.accept(accepted);
        server.emplace(std::move(accepted), server_options_of({}));
        completion opened;
        server->read_request([&](const error_code&, const upgrade_request&) {
            server->accept({}, [](const error_code&) {});
        });
        client->handshake({.host = "example.org"}, opened.handler());
        REQUIRE(run_until(context, [&] { return opened.done(); }));
    }

    /// What is allocated while the client is answered so many times, each from a read handler.
    [[nodiscard]] std::int64_t allocations_of(std::size_t rounds) {
        wanted += rounds * batch;
        const allocation_count before = allocations();
        send_batch();
        REQUIRE(run_until(context, [&] { return answers == wanted; }));
        return (allocations() - before).calls;
    }

    void echo() {
        server->read([this](const error_code& error, const net::message& message) {
            if (!error && server->send(message)) echo();
        });
    }
    void take() {
        client->read([this](const error_code& error, const net::message&) {
            if (error) return;
            ++answers;
            if (answers != wanted && answers % batch == 0) send_batch();
            take();
        });
    }
    void send_batch() {
        for (std::size_t i = 0; i < batch; ++i)
            (void)client->send_text("a message of thirty-two octets..");
    }

    io::io_context context;
    std::optional<client_type> client;
    std::optional<server_type> server;
    std::size_t answers = 0;
    std::size_t wanted = 0;
};

} // namespace

TEST_CASE("stream: no message allocates once memory for it was taken, with callbacks", "[asio]") {
    echoed_pair pair;
    pair.echo();
    pair.take();
    CHECK(pair.allocations_of(20) > 0);
    CHECK(pair.allocations_of(100) == 0);
}

TEST_CASE("stream: no message allocates once memory for it was taken, with coroutines", "[asio]") {
    echoed_pair pair;
    io::co_spawn(
        pair.context,
        [&]() -> io::awaitable<void> {
            for (;;) {
                const net::message message = co_await pair.server->read(io::use_awaitable);
                co_await pair.server->send(message, io::use_awaitable);
            }
        },
        [](const std::exception_ptr&) {});
    io::co_spawn(
        pair.context,
        [&]() -> io::awaitable<void> {
            for (;;) {
                (void)co_await pair.client->read(io::use_awaitable);
                ++pair.answers;
                if (pair.answers == pair.wanted || pair.answers % pair.batch != 0) continue;
                pair.send_batch();
            }
        },
        [](const std::exception_ptr&) {});
    CHECK(pair.allocations_of(20) > 0);
    CHECK(pair.allocations_of(100) == 0);
}

TEMPLATE_TEST_CASE("stream: the context runs on while an operation waits, and no longer", "[asio]",
                   waitable_server_end, client_end) {
    net::stream_options options;
    options.timeouts = {0ms, 0ms, 0ms, 0ms, 0ms};
    TestType end(options);
    end.receive(TestType::frames().text("nobody reads this, so that nothing else is read"));
    io::io_context& context = end.events.context;
    REQUIRE(context.stopped());

    close_completion first;
    end.stream->closed(first.handler());
    end.poll();
    CHECK(!context.stopped());
    SECTION("by a handler that runs anywhere") {
        close_completion second;
        end.stream->closed(second.handler());
        end.stream->abort();
        end.poll();
        CHECK(second.done());
    }
    SECTION("by one that is bound") {
        completion drained;
        end.stream->drain(io::bind_executor(io::make_strand(context), drained.handler()));
        end.stream->abort();
        end.poll();
        CHECK(drained.done());
    }
    CHECK(first.done());
    CHECK(context.stopped());
}

TEMPLATE_TEST_CASE("stream: operations use the allocator of their handler", "[asio]",
                   waitable_server_end, client_end) {
    TestType end;
    int live = 0;
    read_completion read;
    end.stream->read(with_allocator{&read, &live});
    CHECK(live > 0);
    end.receive(TestType::frames().text("one"));
    CHECK(read.text == "one");
    CHECK(live == 0);
}

TEMPLATE_TEST_CASE("stream: handlers need not be copyable", "[asio]", waitable_server_end,
                   client_end) {
    TestType end;
    std::string text;
    end.stream->read(
        [owned = std::make_unique<int>(1), &text](const error_code&, const net::message& m) {
            text = m.text();
            CHECK(*owned == 1);
        });
    int calls = 0;
    end.stream->drain([owned = std::make_unique<int>(1), &calls](const error_code&) { ++calls; });
    end.stream->closed([owned = std::make_unique<int>(1),
                        &calls](const error_code&, const net::close_info&) { ++calls; });
    end.receive(TestType::frames().text("one"));
    end.stream->abort();
    end.poll();
    CHECK(text == "one");
    CHECK(calls == 2);
}

#if FRAMEWIRE_ASIO_HAS_CANCELLATION

TEMPLATE_TEST_CASE("stream: a cancelled read leaves the message to the next one", "[asio]",
                   waitable_server_end, client_end) {
    const auto type = GENERATE(io::cancellation_type::terminal, io::cancellation_type::partial,
                               io::cancellation_type::total);
    const std::string frames =
        TestType::frames().frame(0x01, "fr").ping("p").frame(0x80, "ag").text("next").str();
    for (std::size_t cut = 0; cut < frames.size(); ++cut) {
        CAPTURE(cut);
        TestType end;
        read_completion cancelled;
        io::cancellation_signal stop;
        end.stream->read(io::bind_cancellation_slot(stop.slot(), cancelled.handler()));
        end.receive(frames.substr(0, cut));
        const bool was_done = cancelled.calls == 1;
        stop.emit(type);
        stop.emit(type); // twice does no harm
        end.poll();
        CHECK(cancelled.calls == 1);
        if (!was_done) CHECK(cancelled.error == io::error::operation_aborted);
        end.receive(frames.substr(cut));
        reader in;
        in.start(*end.stream);
        end.poll();
        CHECK(in.told == (was_done ? "text(\"next\")" : "text(\"frag\") text(\"next\")"));
        CHECK(end.sent() == "pong(\"p\")");
    }
}

TEMPLATE_TEST_CASE("stream: any waiting may be cancelled, and nothing else changes", "[asio]",
                   waitable_server_end, client_end) {
    net::stream_options options;
    options.high_water = 100;
    options.low_water = 10;
    TestType end(options);
    auto& stream = *end.stream;
    end.far.set_capacity(0);
    CHECK(stream.send_text(std::string(200, 'x')));
    io::cancellation_signal stop[5];
    completion sent;
    completion drained;
    ping_completion pinged;
    close_completion closed;
    close_completion closing;
    completion other;
    const auto cancellable = [&](int i, auto handler) {
        return io::bind_cancellation_slot(stop[i].slot(), std::move(handler));
    };
    stream.send_text("waited for", cancellable(0, sent.handler()));
    stream.drain(cancellable(1, drained.handler()));
    stream.drain(other.handler());
    stream.ping(cancellable(2, pinged.handler()));
    stream.closed(cancellable(3, closed.handler()));
    end.poll();
    for (int i = 0; i < 4; ++i)
        stop[i].emit(io::cancellation_type::terminal);
    CHECK(sent.calls + drained.calls + pinged.calls + closed.calls == 0); // not from within
    end.poll();
    CHECK(sent.failed(io::error::operation_aborted));
    CHECK(drained.failed(io::error::operation_aborted));
    CHECK(pinged.failed(io::error::operation_aborted));
    CHECK(closed.failed(io::error::operation_aborted));
    CHECK(other.calls == 0);
    CHECK(stream.is_open());

    // Cancelling to wait for the end does not take the Close back.
    stream.close(close_code::normal, "bye", cancellable(4, closing.handler()));
    stop[4].emit(io::cancellation_type::terminal);
    end.poll();
    CHECK(closing.failed(io::error::operation_aborted));
    end.far.set_capacity(wire_settings::no_limit);
    const std::string wire = end.sent();
    CHECK(wire.find("text(\"waited for\") ping(") != std::string::npos);
    CHECK(wire.ends_with("close(1000 \"bye\")"));
    end.answer_close();
    CHECK(other.calls == 1);
    CHECK(end.far.closed());
    CHECK(stream.close_result().clean);
}

TEMPLATE_TEST_CASE("stream: a signal cancels nothing but its own operation", "[asio]",
                   waitable_server_end, client_end) {
    TestType end;
    io::cancellation_signal stop;
    read_completion read;
    end.stream->read(io::bind_cancellation_slot(stop.slot(), read.handler()));
    end.receive(TestType::frames().text("one"));
    CHECK(read.text == "one");
    // The next one may well lie where the first one lay.
    read_completion next;
    end.stream->read(next.handler());
    stop.emit(io::cancellation_type::terminal);
    end.poll();
    CHECK(read.calls == 1);
    CHECK(next.calls == 0);
    end.receive(TestType::frames().text("two"));
    CHECK(next.text == "two");

    read_completion last;
    end.stream->read(io::bind_cancellation_slot(stop.slot(), last.handler()));
    end.stream.reset();
    stop.emit(io::cancellation_type::terminal);
    end.advance(5s);
    CHECK(end.far.closed());
    stop.emit(io::cancellation_type::terminal);
    end.poll();
    CHECK(last.calls == 0);
}

#endif
