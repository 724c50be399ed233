// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Every operation on the transport, and every allocation that may be refused, fails in turn, in a
// connection from its handshake to its end, with permessage-deflate and without. Whichever it is,
// whoever waits is told once, the transport is closed, and nothing is left.

#include <framewire/asio/stream.hpp>
#include <framewire/deflate/permessage_deflate.hpp>

#include "support/allocation_counter.hpp"
#include "support/catch.hpp"
#include "support/connected.hpp"
#include "support/deflate.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>

using namespace framewire;
using namespace framewire::test;

namespace {

enum class ending { by_peer, here, by_destroying, by_timer };

/// One connection: opened, with an echo, a fragmented message, a ping, more than the pipe holds,
/// and its end. The far end plays its part for as long as there is something to play to.
template <typename End> class story {
public:
    story(std::size_t failing, bool for_good, ending how, const error_code& fault)
        : end_(typename End::not_open_yet{}, options_of()) {
        end_.far.settings().failing = failing;
        end_.far.settings().fails_for_good = for_good;
        end_.far.settings().fault = fault;
        end_.far.settings().largest_read = 40;
        end_.far.set_capacity(700);
        end_.stream->closed(closed.handler());
        open();
        echo();
        finish(how);
    }

    [[nodiscard]] std::size_t operations() const { return end_.far.counts().all(); }
    /// True when it came to the operation that fails.
    [[nodiscard]] bool failed() { return operations() > end_.far.settings().failing; }

    completion opened;
    close_completion closed;
    reader in;
    completion sent;
    completion drained;
    ping_completion pinged;
    int waiting = 0; ///< Operations that were started.

    void require_one_end(ending how) const {
        const int completed = opened.calls + in.ends + sent.calls + drained.calls + pinged.calls;
        REQUIRE(end_.far.closed());
        if (how == ending::by_destroying) {
            REQUIRE(completed <= waiting);
            REQUIRE(closed.calls <= 1);
            return;
        }
        REQUIRE(closed.done());
        REQUIRE(opened.calls == 1);
        REQUIRE(in.ends == 1);
        REQUIRE(sent.calls == 1);
        REQUIRE(drained.calls == 1);
        REQUIRE(pinged.calls == 1);
        REQUIRE(completed == waiting);
        if (!closed.info.clean) REQUIRE(closed.info.error);
    }

private:
    static constexpr bool deflates = !std::is_same_v<typename End::extension_type, no_extension>;
    static constexpr std::string_view agreement =
        deflates ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "";
    static constexpr unsigned encoded = deflates ? 0x40 : 0;

    // Of a message of the far end.
    std::string payload(std::string_view text) {
        compressing_peer peer;
        return deflates ? peer.message(text) : std::string(text);
    }
    // Letters that compress badly, so that there is something to be written.
    static std::string noise(std::size_t size) {
        std::minstd_rand random(1);
        std::string out;
        while (out.size() < size)
            out += static_cast<char>('A' + random() % 64);
        return out;
    }

    static net::stream_options options_of() {
        net::stream_options options;
        options.high_water = 1000;
        options.low_water = 300;
        return options;
    }

    void open() {
        ++waiting;
        if constexpr (End::is_server) {
            end_.stream->read_request([this](const error_code& error, const upgrade_request&) {
                if (error) return opened.note(error);
                end_.stream->accept({}, opened.handler());
            });
            end_.poll();
            const std::string request = request_head(agreement);
            end_.receive(request.substr(0, 100));
            end_.receive(request.substr(100));
            (void)end_.far.read();
        } else {
            end_.stream->handshake({.host = "example.org"}, opened.handler());
            end_.poll();
            const std::string request = end_.far.read();
            if (request.ends_with("\r\n\r\n")) end_.receive(response_head(request, agreement));
        }
        end_.poll();
    }

    void echo() {
        ++waiting;
        in.on_message = [this](const net::message& m) { (void)end_.stream->send(m); };
        in.start(*end_.stream);
        const std::string in_two = payload("fragment");
        end_.receive(End::frames()
                         .frame(0x81 | encoded, payload("hello"))
                         .ping("p")
                         .frame(0x01 | encoded, in_two.substr(0, 4)));
        end_.receive(
            End::frames().frame(0x80, in_two.substr(4)).frame(0x82 | encoded, payload(noise(300))));
        (void)end_.far.read();
        waiting += 3;
        end_.stream->send_text(noise(4000), sent.handler());
        end_.stream->drain(drained.handler());
        end_.stream->ping(pinged.handler());
        end_.poll();
        for (int i = 0; i < 20; ++i) {
            (void)end_.far.read();
            end_.poll();
        }
    }

    void finish(ending how) {
        switch (how) {
        case ending::by_peer:
            // A handshake that was refused touches nothing, and may be tried again.
            if (operations() == 0) (void)end_.stream->close();
            end_.receive(End::frames().close(1000, "bye"));
            break;
        case ending::here:
            (void)end_.stream->close(close_code::normal, "bye");
            end_.receive(End::frames().close(1000, "bye"));
            break;
        case ending::by_destroying:
            end_.stream.reset();
            end_.poll();
            end_.receive(End::frames().close(1001));
            break;
        case ending::by_timer:
            (void)end_.stream->close(close_code::normal, "bye");
            end_.poll();
            break;
        }
        (void)end_.far.read();
        if (how != ending::by_timer) end_.far.end();
        end_.poll();
        end_.advance(20s); // for what is cut off in the middle
        end_.advance(20s);
        end_.advance(10s);
        (void)end_.far.read();
        end_.poll();
    }

    End end_;
};

using deflating_server_end = connected<role::server, test_stream, options{}, permessage_deflate>;
using deflating_client_end =
    connected<role::client, waitable_test_stream, options{}, permessage_deflate>;

} // namespace

TEMPLATE_TEST_CASE("faults: whichever operation fails, there is one end and nothing is left",
                   "[asio]", server_end, client_end, waitable_server_end, waitable_client_end,
                   deflating_server_end, deflating_client_end) {
    const ending how =
        GENERATE(ending::by_peer, ending::here, ending::by_destroying, ending::by_timer);
    const bool for_good = GENERATE(true, false);
    const error_code faults[] = {io::error::connection_reset, io::error::eof, io::error::no_memory};
    const error_code fault = faults[GENERATE(range(0, 3))];
    {
        const story<TestType> whole(wire_settings::never, for_good, how, fault);
        REQUIRE(whole.opened.done());
        REQUIRE(whole.in.messages == 3);
    }
    bool more = true;
    std::size_t n = 0;
    for (; more && n < 1000; ++n) {
        CAPTURE(n, for_good, static_cast<int>(how), fault);
        const std::int64_t before = allocations().live_bytes;
        {
            story<TestType> one(n, for_good, how, fault);
            more = one.failed();
            one.require_one_end(how);
        }
        REQUIRE(allocations().live_bytes - before < 1000);
    }
    CHECK(n > 10);
    CHECK(n < 1000);
}

TEMPLATE_TEST_CASE("faults: whichever allocation is refused, there is one end and nothing is left",
                   "[asio]", server_end, client_end, deflating_server_end, deflating_client_end) {
    const ending how =
        GENERATE(ending::by_peer, ending::here, ending::by_destroying, ending::by_timer);
    const std::int64_t in_a_row = GENERATE(1, 1'000'000);
    { // what a thread keeps for its connections is there before anything is counted
        const story<TestType> one(wire_settings::never, true, how, {});
        one.require_one_end(how);
    }
    bool more = true;
    std::int64_t n = 0;
    for (; more && n < 1000; ++n) {
        CAPTURE(n, in_a_row, static_cast<int>(how));
        const std::int64_t before = allocations().live_bytes;
        {
            const failing_allocations failing(n, in_a_row);
            const story<TestType> one(wire_settings::never, true, how, {});
            more = failing.happened();
            one.require_one_end(how);
        }
        REQUIRE(allocations().live_bytes - before < 1000);
    }
    CHECK(n > 5);
    CHECK(n < 1000);
}

// --- Allocations that throw

namespace {

// A handler that takes no memory of its own, and has to be told of the call that starts it.
struct tracked {
    int calls = 0;
    bool started = true;
};

// The same on an executor of its own.
struct noted_elsewhere {
    using executor_type = io::io_context::executor_type;
    [[nodiscard]] executor_type get_executor() const noexcept { return executor; }
    void operator()(const error_code&, const net::message&) const { ++to->calls; }
    executor_type executor;
    tracked* to;
};

/// The calls of an application to a stream, one of whose allocations throws: in the call, or in the
/// event loop. It goes on as if nothing were amiss.
template <typename End> class careless {
public:
    careless(std::int64_t first, std::int64_t count) : throwing_(first, count) {
        throwing_.during([&] { end_.emplace(typename End::not_open_yet{}); });
        if (!end_) return;
        open();
        talk();
        finish();
    }

    [[nodiscard]] bool happened() const { return throwing_.happened(); }

    void require_order() {
        for (const tracked& one : operations_) {
            CAPTURE(&one - operations_.data());
            REQUIRE(one.calls <= 1);
            if (!one.started) REQUIRE(one.calls == 0);
            // Nothing is lost when nothing has thrown.
            if (!happened()) REQUIRE(one.calls == 1);
        }
        if (end_) REQUIRE(end_->far.closed());
    }

private:
    template <typename Act> void start(tracked& one, Act act) {
        one.started = throwing_.during([&] { act(one); });
    }
    void poll() {
        // An exception comes out of run(), which may be called again.
        for (int i = 0; i < 1000; ++i) {
            if (throwing_.during([&] { end_->poll(); })) return;
        }
    }
    void deliver(std::string_view bytes) {
        end_->far.write(bytes);
        poll();
    }
    void deliver(const frame_writer& frames) { deliver(frames.str()); }
    static auto noted(tracked& one) {
        return [&one](const auto&...) { ++one.calls; };
    }
    [[nodiscard]] auto& stream() { return *end_->stream; }

    void open() {
        start(operations_[0], [&](tracked& one) { stream().closed(noted(one)); });
        if constexpr (End::is_server) {
            start(operations_[1], [&](tracked& one) { stream().read_request(noted(one)); });
            poll();
            deliver(request_head());
            start(operations_[2], [&](tracked& one) { stream().accept({}, noted(one)); });
        } else {
            start(operations_[1],
                  [&](tracked& one) { stream().handshake({.host = "example.org"}, noted(one)); });
            poll();
            const std::string request = end_->far.read();
            if (request.ends_with("\r\n\r\n")) deliver(response_head(request));
            operations_[2].calls = 1;
        }
        poll();
        (void)end_->far.read();
    }
    void talk() {
        const std::string text = "text";
        start(operations_[3], [&](tracked& one) { stream().read(noted(one)); });
        deliver(End::frames().text("hello").ping("p"));
        start(operations_[4], [&](tracked& one) { stream().send_text(text, noted(one)); });
        start(operations_[5], [&](tracked& one) { stream().ping(noted(one)); });
        throwing_.during([&] { (void)stream().send_text(text); });
        start(operations_[6], [&](tracked& one) { stream().drain(noted(one)); });
        poll();
        (void)end_->far.read();
        // With an executor of its own, which has work of its own.
        start(operations_[7], [&](tracked& one) {
            stream().read(noted_elsewhere{other_.context.get_executor(), &one});
        });
        deliver(End::frames().frame(0x01, "frag").frame(0x80, "ment"));
        throwing_.during([&] { other_.poll(); });
        start(operations_[8], [&](tracked& one) { stream().read(noted(one)); });
    }
    void finish() {
        start(operations_[9],
              [&](tracked& one) { stream().close(close_code::normal, "bye", noted(one)); });
        poll();
        deliver(End::frames().close(1000, "bye"));
        end_->far.end();
        poll();
        end_->events.context.restart();
        // The application has had enough, whatever came of it.
        throwing_.during([&] { stream().abort(); });
        poll();
        throwing_.during([&] { end_->stream.reset(); });
        poll();
        throwing_.during([&] { other_.poll(); });
    }

    std::array<tracked, 10> operations_;
    throwing_allocations throwing_;
    loop other_; // another context
    std::optional<End> end_;
};

} // namespace

TEMPLATE_TEST_CASE("faults: whichever allocation throws, a handler is called once or not at all, "
                   "and nothing is left",
                   "[asio]", server_end, client_end, waitable_server_end, waitable_client_end) {
    const std::int64_t in_a_row = GENERATE(1, 1'000'000);
    test::detail::system_works = &throwing_allocations::exempt;
    { // what a thread keeps is there
        careless<TestType> one(1'000'000, 1);
        one.require_order();
    }
    bool more = true;
    std::int64_t n = 0;
    for (; more && n < 1000; ++n) {
        CAPTURE(n, in_a_row);
        const std::int64_t before = allocations().live_bytes;
        {
            careless<TestType> one(n, in_a_row);
            more = one.happened();
            one.require_order();
        }
        // The first exception of a test takes something for Catch.
        if (n != 0) REQUIRE(allocations().live_bytes == before);
    }
    CHECK(n > 20);
    CHECK(n < 1000);
}
