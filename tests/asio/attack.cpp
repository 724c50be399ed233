// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What went wrong once, mostly where two rare things meet.

#include <framewire/asio/server_stream.hpp>

#include <framewire/asio/detail/operation.hpp>

#include "support/connected.hpp"
#include "support/tokens.hpp"

#include "../support/catch.hpp"

using namespace framewire;
using namespace framewire::test;

namespace {

// A server's stream that nobody has asked anything yet.
template <typename Transport> struct unasked : connected<role::server, Transport> {
    using base = connected<role::server, Transport>;
    explicit unasked(const net::stream_options& options = {})
        : base(typename base::not_open_yet{}, options) {}
};

} // namespace

TEST_CASE("attack: a sender outlives a context whose strand it posted to", "[asio]") {
    using strand = io::strand<io::io_context::executor_type>;
    using socket = io::basic_stream_socket<io::ip::tcp, strand>;
    net::sender sender;
    {
        io::io_context context;
        net::server_stream<socket> stream(socket(strand(context.get_executor())),
                                          {.origins = net::origin_policy::any()});
        sender = stream.get_sender();
    }
    CHECK(sender.expired());
    CHECK(sender.send_text("late").error == errc::not_open);
}

TEMPLATE_TEST_CASE("attack: a message in bytes that were adopted outlives a close", "[asio]",
                   test_stream, waitable_test_stream) {
    unasked<TestType> end;
    const std::string text(40, 'x');
    const std::string head = request_head() + end.frames().text(text).str();
    end.stream->adopt(std::as_bytes(std::span(head)));
    completion opened;
    end.stream->read_request([&](const error_code&, const upgrade_request&) {
        end.stream->accept({}, opened.handler());
    });
    read_completion read;
    end.stream->read(read.handler());
    end.poll();
    REQUIRE(read.done());
    end.stream->close();
    end.poll();
    CHECK(read.view.text() == text);
}

TEMPLATE_TEST_CASE("attack: a ping that came in pieces stays as it was until the next read",
                   "[asio]", (connected<role::server, test_stream, options{.auto_pong = false}>),
                   (connected<role::server, waitable_test_stream, options{.auto_pong = false}>)) {
    TestType end;
    read_completion read;
    end.stream->read(read.handler());
    const std::string frames = end.frames().frame(0x01, "some of a text, ").ping("hello").str();
    end.receive(frames.substr(0, frames.size() - 3));
    end.receive(frames.substr(frames.size() - 3));
    REQUIRE(read.text == "hello");
    SECTION("after abort") { end.stream->abort(); }
    SECTION("after close, whatever comes") {
        end.stream->close();
        end.receive(end.frames().frame(0x80, "and its rest").ping("other").close(1000));
    }
    end.poll();
    CHECK(read.view.text() == "hello");
}

TEMPLATE_TEST_CASE("attack: a read_request that was cancelled leaves the request to the next one",
                   "[asio]", test_stream, waitable_test_stream) {
#if FRAMEWIRE_ASIO_HAS_CANCELLATION
    unasked<TestType> end;
    io::cancellation_signal stop;
    completion first;
    completion second;
    completion third;
    const auto told = [](completion& to) {
        return [&to](const error_code& e, const upgrade_request&) { to.note(e); };
    };
    end.stream->read_request(io::bind_cancellation_slot(stop.slot(), told(first)));
    end.poll();
    stop.emit(io::cancellation_type::terminal);
    end.poll();
    CHECK(first.failed(io::error::operation_aborted));
    end.receive(request_head());
    end.stream->read_request(told(second));
    end.poll();
    CHECK(second.done());
    end.stream->read_request(told(third));
    end.poll();
    CHECK(third.failed(errc::not_open));
#endif
}

TEMPLATE_TEST_CASE("attack: a refusal that was not written has not succeeded", "[asio]",
                   test_stream, waitable_test_stream) {
    unasked<TestType> end;
    end.far.set_capacity(10);
    completion asked;
    completion refused;
    end.stream->read_request([&](const error_code& e, const upgrade_request&) { asked.note(e); });
    end.receive(request_head());
    REQUIRE(asked.done());
    end.stream->refuse({.status = 404}, refused.handler());
    end.poll();
    SECTION("when the application has no patience") { end.stream->abort(); }
    SECTION("when the client takes too long") { fake_clock::advance(5s); }
    end.poll();
    CHECK(end.far.closed());
    CHECK(refused.failed(errc::connection_lost));
}

#ifdef FRAMEWIRE_TESTS_AS_TUPLE

TEMPLATE_TEST_CASE("attack: a refusal that is waited for after its end", "[asio]", test_stream,
                   waitable_test_stream) {
    unasked<TestType> end;
    completion asked;
    completion refused;
    end.stream->read_request([&](const error_code& e, const upgrade_request&) { asked.note(e); });
    end.receive(request_head());
    auto operation = end.stream->refuse({.status = 404}, tokens::deferred);
    end.poll();
    (void)end.far.read();
    end.far.end();
    end.poll();
    REQUIRE(end.far.closed());
    std::move(operation)(refused.handler());
    end.poll();
    CHECK(refused.done());
}

TEMPLATE_TEST_CASE("attack: a send that is waited for when all is written, or over", "[asio]",
                   server_end, waitable_client_end) {
    net::stream_options options;
    options.high_water = 10;
    options.low_water = 5;
    TestType end(options);
    completion sent;
    auto operation = end.stream->send_text("more than ten bytes", tokens::deferred);
    SECTION("written") {
        (void)end.sent();
        std::move(operation)(sent.handler());
        end.poll();
        CHECK(sent.done());
    }
    SECTION("over") {
        end.stream->abort();
        end.poll();
        std::move(operation)(sent.handler());
        end.poll();
        CHECK(sent.failed(io::error::operation_aborted));
    }
}

#endif

TEMPLATE_TEST_CASE("attack: empty messages from other threads do not wait without end", "[asio]",
                   server_end, waitable_client_end) {
    net::stream_options options;
    options.limits.max_output = 1000;
    TestType end(options);
    const net::sender sender = end.stream->get_sender();
    std::size_t sent = 0;
    while (sent < 1000 && sender.send_text({}))
        ++sent;
    CHECK(sent > 10);
    CHECK(sent < 1000 / 2); // a frame has two bytes at least
    end.poll();
    CHECK(sender.send_text({}));
}

TEMPLATE_TEST_CASE("attack: a sender closes with 1013 at the hard limit when told to", "[asio]",
                   server_end, waitable_client_end) {
    net::stream_options options;
    options.limits.max_output = 1000;
    options.on_overflow = net::overflow_policy::close;
    TestType end(options);
    const net::sender sender = end.stream->get_sender();
    REQUIRE(sender.send_text(std::string(900, 'x')));
    CHECK(sender.send_text(std::string(900, 'y')).error == errc::output_full);
    CHECK(sender.send_text("more").error == errc::not_open);
    CHECK(sender.expired());
    const std::string sent = end.sent();
    CHECK(sent.find("close(1013") != std::string::npos);
    CHECK(sent.find("yyy") == std::string::npos);
    CHECK_FALSE(end.stream->is_open());
}

TEMPLATE_TEST_CASE("attack: a sender's message is not accepted and lost before the stream opens",
                   "[asio]", test_stream, waitable_test_stream) {
    unasked<TestType> end;
    const net::sender sender = end.stream->get_sender();
    CHECK(sender.send_text("early").error == errc::not_open);
    completion opened;
    end.stream->read_request([&](const error_code&, const upgrade_request&) {
        end.stream->accept({}, opened.handler());
    });
    end.receive(request_head());
    (void)end.far.read();
    REQUIRE(opened.done());
    CHECK_FALSE(sender.expired());
    CHECK(sender.send_text("now"));
    CHECK(end.sent() == "text(\"now\")");
    end.stream->abort();
    CHECK(sender.expired());
}

TEMPLATE_TEST_CASE("attack: message after message stays as it was while the stream reads on",
                   "[asio]", server_end, client_end, waitable_server_end, waitable_client_end) {
    const bool at_once = GENERATE(false, true);
    const bool in_fragments = GENERATE(false, true);
    TestType end;
    auto frames = TestType::frames();
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < 6; ++i) {
        const std::string half(10 + 100 * i, static_cast<char>('a' + i));
        texts.push_back(in_fragments ? half + half : half);
        if (in_fragments) {
            frames.frame(0x01, half).frame(0x80, half);
        } else {
            frames.text(half);
        }
        if (at_once) continue;
        end.far.write(frames.str());
        frames = TestType::frames();
    }
    end.far.write(frames.str());
    ping_completion ping;
    for (const std::string& text : texts) {
        read_completion read;
        end.stream->read(read.handler());
        end.poll();
        REQUIRE(read.text == text);
        end.stream->ping(ping.handler()); // its Pong has to be read
        end.poll();
        CHECK(read.view.text() == text);
    }
    end.stream->abort();
    end.poll();
}

namespace {

struct lone_owner final : net::detail::operation_owner<fake_clock> {
    using executor_type = io::io_context::executor_type;

    explicit lone_owner(const executor_type& where)
        : net::detail::operation_owner<fake_clock>(where), executor_(where) {}
    [[nodiscard]] executor_type executor() const { return executor_; }

private:
    void ring(std::shared_ptr<timed> /*self*/) override {}
    void context_ended() noexcept override {}

    executor_type executor_;
};

} // namespace

TEST_CASE("attack: operations wait in order, wherever one is taken out", "[asio]") {
    io::io_context context;
    lone_owner owner(context.get_executor());
    for (std::size_t count = 1; count < 5; ++count) {
        for (std::size_t gone = 0; gone < count; ++gone) {
            net::detail::operation_queue<> queue;
            std::vector<net::detail::operation<>*> all;
            std::string told;
            for (std::size_t i = 0; i < count; ++i) {
                all.push_back(net::detail::make_operation(
                    owner, queue, [&told, i](const error_code&) { told += std::to_string(i); },
                    net::detail::as_it_is{}));
                queue.push(all.back());
            }
            CHECK(queue.remove(all[gone]));
            CHECK_FALSE(queue.remove(all[gone]));
            queue.push(all[gone]);
            queue.complete_all({});
            CHECK(queue.empty());
            context.restart();
            context.poll();
            std::string expected;
            for (std::size_t i = 0; i < count; ++i)
                if (i != gone) expected += std::to_string(i);
            CHECK(told == expected + std::to_string(gone));
        }
    }
}

// Each looked for its place from the front on: 10^5 of them took some ten seconds.
TEMPLATE_TEST_CASE("attack: a crowd of sends that wait for a peer that does not read", "[asio]",
                   waitable_server_end, client_end) {
    net::stream_options options;
    options.high_water = options.low_water = 0;
    TestType end(options);
    end.far.set_capacity(0);
    constexpr std::size_t count = 300'000;
    std::size_t told = 0;
    for (std::size_t i = 0; i < count; ++i) {
        end.stream->send_text("x", [&](const error_code& e) { told += e ? 1u : 0u; });
    }
    end.stream->abort();
    end.poll();
    CHECK(told == count);
}
