// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What a peer can make a stream hold, by traffic that is legal: bounded, by counting.

#include <framewire/asio/stream.hpp>

#include "support/allocation_counter.hpp"
#include "support/catch.hpp"
#include "support/connected.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

using namespace framewire;
using namespace framewire::test;

namespace {

/// What a stream itself may take while it reads: its buffers, whatever the peer does.
constexpr std::int64_t buffers = 400'000;

/// The most that was live while `act` ran, beyond what was before.
template <typename Act> std::int64_t peak_of(Act act) {
    const std::int64_t before = allocations().live_bytes;
    reset_peak();
    act();
    return peak_bytes() - before;
}

std::string repeated(const std::string& what, std::size_t times) {
    std::string out;
    out.reserve(what.size() * times);
    for (std::size_t i = 0; i < times; ++i)
        out += what;
    return out;
}

} // namespace

TEMPLATE_TEST_CASE("limits: a million pings to which nobody reads the answers", "[asio]",
                   waitable_server_end, client_end) {
    TestType end;
    reader in;
    in.start(*end.stream);
    end.far.set_capacity(0);
    const std::string thousand =
        repeated(TestType::frames().ping(std::string(125, 'p')).str(), 1000);
    const std::int64_t peak = peak_of([&] {
        for (int i = 0; i < 1000; ++i) {
            end.receive(thousand);
            REQUIRE(end.stream->is_open());
        }
    });
    CHECK(peak < buffers);
    CHECK(end.stream->buffered_amount() < 10'000);
    end.far.set_capacity(wire_settings::no_limit);
    CHECK(end.sent().ends_with("pong(\"" + std::string(125, 'p') + "\")"));
    CHECK(end.stream->is_open());
}

TEMPLATE_TEST_CASE("limits: a million pings while the application does not read", "[asio]",
                   waitable_server_end, client_end) {
    const bool paused = GENERATE(true, false);
    TestType end;
    if (paused) {
        end.stream->pause_reading();
    } else {
        end.receive(TestType::frames().text("nobody reads this"));
    }
    // The peer's transport is full then: it has to wait.
    const std::string pings = repeated(TestType::frames().ping("p").str(), 1'000'000);
    end.far.write(pings);
    const std::int64_t peak = peak_of([&] { end.poll(); });
    CHECK(peak < buffers);
    CHECK(end.far.unread().size() > pings.size() - 200'000);
    reader in;
    end.stream->resume_reading();
    in.start(*end.stream);
    end.poll();
    CHECK(end.far.unread().empty());
    CHECK(end.stream->is_open());
}

TEMPLATE_TEST_CASE("limits: a million pongs that nobody asked for", "[asio]", waitable_server_end,
                   client_end) {
    TestType end;
    reader in;
    in.start(*end.stream);
    const std::string thousand = repeated(TestType::frames().pong("p").str(), 1000);
    const std::int64_t peak = peak_of([&] {
        for (int i = 0; i < 1000; ++i)
            end.receive(thousand);
    });
    CHECK(peak < buffers);
    CHECK(end.sent().empty());
    CHECK(end.stream->is_open());
}

TEMPLATE_TEST_CASE("limits: a peer that never reads what an echo sends", "[asio]",
                   waitable_server_end, client_end) {
    net::stream_options options;
    options.limits.max_output = 100'000;
    TestType end(options);
    end.far.set_capacity(1000);
    std::size_t refused = 0;
    reader in;
    in.telling = false;
    in.on_message = [&](const net::message& m) {
        if (!end.stream->send(m)) ++refused;
        REQUIRE(end.stream->buffered_amount() <= 100'000);
    };
    in.start(*end.stream);
    const std::string hundred =
        repeated(TestType::frames().text(std::string(1000, 'x')).str(), 100);
    const std::int64_t peak = peak_of([&] {
        for (int i = 0; i < 100; ++i)
            end.receive(hundred);
    });
    CHECK(in.messages == 10'000);
    CHECK(refused > 9'000);
    CHECK(peak < buffers + 2 * 100'000);
}

TEMPLATE_TEST_CASE("limits: what waits takes twice its limit while it grows, and once more what "
                   "senders have sent",
                   "[asio]", waitable_server_end, server_end, client_end) {
    constexpr std::size_t most = 4'000'000;
    net::stream_options options;
    options.limits.max_output = most;
    const std::string message(GENERATE(0u, 16u, 1'000u, 60'000u, 1'300'000u), 'x');
    const bool by_sender = GENERATE(true, false);
    TestType end(options);
    end.far.set_capacity(1000);
    const net::sender sender = end.stream->get_sender();
    const std::int64_t peak = peak_of([&] {
        if (by_sender) {
            while (sender.send_text(message))
                continue;
        } else {
            while (end.stream->send_text(message))
                continue;
        }
        end.poll();
    });
    if (message.size() > 16) CHECK(end.stream->buffered_amount() > most / 2);
    CHECK(end.stream->buffered_amount() <= most);
    CHECK(peak < static_cast<std::int64_t>(most) * (by_sender ? 3 : 2) + buffers);
}

TEMPLATE_TEST_CASE("limits: a stream and its senders, each at the limit, take six times of it",
                   "[asio]", waitable_server_end, client_end) {
    constexpr std::size_t most = 4'000'000;
    net::stream_options options;
    options.limits.max_output = most;
    const bool fragment = GENERATE(true, false);
    const std::string own(most * 95 / 100, 'x');
    const std::string theirs(most * GENERATE(96u, 1u) / 100, 'y');
    TestType end(options);
    end.far.set_capacity(0);
    const net::sender sender = end.stream->get_sender();
    const auto send = [&] {
        const auto bytes = std::as_bytes(std::span(own));
        if (fragment) return end.stream->send_fragment(opcode::binary, bytes, false);
        return end.stream->send_binary(bytes);
    };
    const std::int64_t peak = peak_of([&] {
        REQUIRE(send());
        while (sender.send_text(theirs))
            continue;
        (void)sender.send_text(std::string(most / 50, 'z')); // where there is room
        end.poll();
        if (fragment) (void)end.stream->send_fragment(opcode::binary, {}, true);
        end.poll();
    });
    CHECK(peak > 3 * static_cast<std::int64_t>(most));
    CHECK(peak < 6 * static_cast<std::int64_t>(most) + buffers);
}

TEMPLATE_TEST_CASE("limits: an ended stream does not keep the memory that streams share", "[asio]",
                   waitable_server_end, waitable_client_end) {
    const auto use = [] { // leaves a block to the thread
        TestType other;
        REQUIRE(other.stream->send_text(std::string(50'000, 'x')));
        (void)other.sent();
    };
    use();
    use();
    std::vector<std::unique_ptr<TestType>> ended(3);
    const std::int64_t before = allocations().live_bytes;
    for (auto& one : ended) {
        one = std::make_unique<TestType>();
        const net::sender sender = one->stream->get_sender();
        if (&one == &ended[1]) REQUIRE(sender.send_text("x"));
        one->stream->abort();
        one->poll();
        CHECK(one->stream->send_text("x").error == errc::not_open);
        one->poll();
        use();
    }
    CHECK(allocations().live_bytes - before < 3 * 30'000);
}

TEMPLATE_TEST_CASE("limits: a coroutine that waits for its sends lets a peer that never reads wait",
                   "[asio]", waitable_server_end, client_end) {
    net::stream_options options;
    options.high_water = 50'000;
    options.low_water = 10'000;
    TestType end(options);
    end.far.set_capacity(1000);
    struct echo {
        void start() {
            stream.read([this](const error_code& error, const net::message& m) {
                if (error) return;
                ++messages;
                stream.send(m, [this](const error_code& failed) {
                    if (!failed) start();
                });
            });
        }
        typename TestType::stream_type& stream;
        std::size_t messages = 0;
    } echo{*end.stream};
    echo.start();
    const std::string frames =
        repeated(TestType::frames().text(std::string(1000, 'x')).str(), 1000);
    end.far.write(frames);
    const std::int64_t peak = peak_of([&] { end.poll(); });
    CHECK(peak < buffers);
    CHECK(echo.messages < 60);
    CHECK(end.far.unread().size() > frames.size() / 2);
    CHECK(end.stream->buffered_amount() < 52'000);
    end.far.set_capacity(wire_settings::no_limit);
    (void)end.sent();
    CHECK(echo.messages == 1000);
}

TEMPLATE_TEST_CASE("limits: a header that announces much, and nothing behind it", "[asio]",
                   waitable_server_end, client_end) {
    struct row {
        std::uint64_t size;
        bool open;
    };
    const row rows[] = {{16u << 20, true},
                        {(16u << 20) + 1, false},
                        {std::uint64_t{1} << 40, false},
                        {~std::uint64_t{0} >> 1, false}};
    for (const row& one : rows) {
        CAPTURE(one.size);
        TestType end;
        reader in;
        in.start(*end.stream);
        end.poll();
        const std::string header = TestType::frames().header(0x82, one.size).str();
        const std::int64_t peak = peak_of([&] { end.receive(header); });
        CHECK(peak < buffers);
        CHECK(end.stream->is_open() == one.open);
        if (!one.open) CHECK(end.sent().starts_with("close(1009 "));
    }
}

TEMPLATE_TEST_CASE("limits: a message that trickles in takes what has come, and not more", "[asio]",
                   waitable_server_end, client_end) {
    TestType end;
    reader in;
    in.start(*end.stream);
    end.poll();
    const std::int64_t peak = peak_of([&] {
        end.receive(TestType::frames().header(0x82, 10'000'000).str());
        for (int i = 0; i < 100; ++i)
            end.receive(std::string(1000, 'x'));
    });
    // Twice, while it grows.
    CHECK(peak < buffers + 300'000);
    CHECK(in.messages == 0);
}

TEMPLATE_TEST_CASE("limits: a message in a million tiny fragments", "[asio]", waitable_server_end,
                   client_end) {
    TestType end;
    reader in;
    in.start(*end.stream);
    end.poll();
    end.receive(TestType::frames().frame(0x02, "x"));
    const std::string thousand = repeated(TestType::frames().frame(0x00, "x").str(), 1000);
    const std::int64_t peak = peak_of([&] {
        for (int i = 0; i < 1000; ++i)
            end.receive(thousand);
        end.receive(TestType::frames().frame(0x80, "x"));
    });
    CHECK(in.messages == 1);
    CHECK(peak < buffers + 3 * 1'000'000);
}

TEMPLATE_TEST_CASE("limits: a frame that trickles in is cut off by the idle timer only when all is "
                   "silent, and by the application's own clock",
                   "[asio]", waitable_server_end, client_end) {
    // A slow peer is told from a dead one by its bytes: there is no timer for a message.
    TestType end;
    reader in;
    in.start(*end.stream);
    end.poll();
    end.receive(TestType::frames().header(0x82, 1000).str());
    for (int i = 0; i < 100; ++i) {
        end.advance(19s);
        end.receive("x");
    }
    CHECK(end.stream->is_open());
    end.advance(20s);
    end.advance(20s);
    CHECK(!end.stream->is_open());
    CHECK(in.error == errc::pong_timeout);
}

TEMPLATE_TEST_CASE("limits: what comes behind a Close is thrown away", "[asio]",
                   waitable_server_end) {
    TestType end;
    reader in;
    in.start(*end.stream);
    end.receive(TestType::frames().close(1000));
    CHECK(end.sent() == "close(1000 \"\")");
    const std::string thousand =
        repeated(TestType::frames().text("x").ping("y").close().str(), 1000);
    const std::int64_t peak = peak_of([&] {
        for (int i = 0; i < 100 && !end.far.closed(); ++i)
            end.receive(thousand);
    });
    CHECK(peak < buffers);
    CHECK(end.sent().empty());
    CHECK(in.ends == 1);
    end.advance(5s);
    CHECK(end.far.closed());
}

TEMPLATE_TEST_CASE("limits: a thousand connections come and go", "[asio]", waitable_server_end,
                   client_end) {
    const auto once = [] {
        TestType end;
        reader in;
        in.start(*end.stream);
        end.receive(TestType::frames().text("hello").close(1000));
        end.far.end();
        end.poll();
        REQUIRE(in.ends == 1);
    };
    once();
    const std::int64_t before = allocations().live_bytes;
    for (int i = 0; i < 1000; ++i)
        once();
    CHECK(allocations().live_bytes - before < 1000);
}
