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

#include <cstdint>
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
