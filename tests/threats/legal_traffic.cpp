// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Exhaustion by what the protocol allows.
//
// Held elsewhere:
//  - QTBUG-63312, H1#868834, a handshake or a message at one octet a second: the core knows no
//    time. The deadlines are the adapters' (tests/asio/timers.cpp, tests/qt), and the timer of a
//    connection takes constant time (asio/detail/timer_queue.hpp). What waiting costs is here.
//  - How many connections may be half open at a time is the listener's (tests/asio/listener.cpp).

#include "driver.hpp"
#include "support/catch.hpp"

#include <framewire/handshake/client.hpp>
#include <framewire/handshake/server.hpp>

using namespace framewire;
using namespace framewire::test;

TEMPLATE_TEST_CASE("threats: QTBUG-63312, a frame that never comes to an end costs what has come",
                   "[threats]", FRAMEWIRE_THREAT_DRIVERS) {
    TestType end;
    const std::string header =
        frame_writer(TestType::side).header(0x82, 1'000'000).str() + std::string(1000, 'x');
    for (std::size_t i = 0; i < header.size(); ++i) {
        end.receive(std::string_view(header).substr(i, 1));
        if (i < 10) CHECK(end.allocation_calls() == 0);
    }
    CHECK(end.held() <= 3000);
    CHECK_FALSE(end.ended());
}

TEST_CASE("threats: QTBUG-63312, a handshake that waits holds only what its caller has given",
          "[threats]") {
    STATIC_REQUIRE(sizeof(server_handshake) <= 256);
    STATIC_REQUIRE(sizeof(client_handshake) <= 288);
    std::array<char, 1024> storage{};
    const std::string head = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
    const allocation_count before = allocations();
    server_handshake handshake(storage);
    for (const char c : head) {
        const std::byte octet[] = {static_cast<std::byte>(c)};
        std::span<const std::byte> in(octet);
        CHECK(handshake.feed(in) == handshake_status::need_data);
    }
    CHECK((allocations() - before).calls == 0);
}

TEMPLATE_TEST_CASE("threats: a flood of Pings whose answers nobody reads is bounded", "[threats]",
                   FRAMEWIRE_THREAT_DRIVERS) {
    // RFC 6455 5.5.3: the newest has to be answered.
    constexpr std::size_t longest = TestType::side == role::client ? 131 : 127;
    for (const std::uint32_t backlog : {0u, limits{}.pong_backlog}) {
        TestType end(limits{.pong_backlog = backlog});
        for (int i = 0; i < 1000; ++i) {
            frame_writer pings(TestType::side);
            for (int k = 0; k < 1000; ++k)
                pings.ping(std::string(125, static_cast<char>('a' + k % 26)));
            end.receive(pings);
            const std::size_t waiting = end.connection().output().size();
            if (waiting > backlog + longest) FAIL("waiting: " << waiting);
        }
        CHECK(end.control_frames() == 1'000'000);
        CHECK(end.peak() <= 3 * (static_cast<std::int64_t>(backlog) + 256) + 1024);
        const std::vector<wire_frame> answers = frames_of(end.connection().output());
        CHECK(answers.back().payload == std::string(125, 'a' + 999 % 26));
        CHECK(answers.size() >= 1 + backlog / longest);
    }
}

TEMPLATE_TEST_CASE("threats: a flood of Close frames, and of data behind one, is not looked at",
                   "[threats]", FRAMEWIRE_THREAT_DRIVERS) {
    for (const bool first : {false, true}) {
        TestType end;
        if (first) REQUIRE(end.connection().close(close_code::going_away) == errc::success);
        end.receive(frame_writer(TestType::side).close(1000, "bye"));
        const std::int64_t calls = end.allocation_calls();
        frame_writer more(TestType::side);
        for (int i = 0; i < 10; ++i)
            more.close(1001, "again").ping("p").text("late").close().frame(0xFF, "wrong");
        for (int i = 0; i < 1000; ++i)
            end.receive(more);
        CHECK(end.ends() == 1);
        CHECK(end.messages() == 0);
        CHECK(end.control_frames() == 0);
        CHECK(end.allocation_calls() == calls);
        CHECK(frames_of(end.connection().output()).size() == 1);
    }
    // Behind a failure likewise.
    TestType end;
    end.receive(frame_writer(TestType::side).frame(0x83).close(1000).close(1000).text("x"));
    CHECK(end.ends() == 1);
    CHECK(end.messages() == 0);
    CHECK(frames_of(end.connection().output()).size() == 1);
}

TEMPLATE_TEST_CASE("threats: while this side waits for a Close, a flood of data costs no memory",
                   "[threats]", FRAMEWIRE_THREAT_DRIVERS) {
    TestType end;
    REQUIRE(end.connection().close() == errc::success);
    const std::string flood = message_in_frames<TestType>(noise(5000), 3).str() +
                              frame_writer(TestType::side).ping("p").str();
    for (int i = 0; i < 1000; ++i)
        end.receive(flood);
    CHECK(end.messages() == 0);
    CHECK(end.peak() <= 256);
    CHECK(frames_of(end.connection().output()).size() == 1);
    end.receive(frame_writer(TestType::side).close(1000));
    CHECK(end.ends() == 1);
}

TEMPLATE_TEST_CASE("threats: a flood of empty fragments ends after the number that is allowed",
                   "[threats]", FRAMEWIRE_THREAT_DRIVERS) {
    for (const std::uint32_t most : {1u, 2u, 1000u, limits{}.max_fragments}) {
        TestType end(limits{.max_fragments = most});
        end.receive(frame_writer(TestType::side).frame(first_of_many<TestType>));
        const std::string one = frame_writer(TestType::side).frame(0x00).str();
        std::string thousand;
        for (int i = 0; i < 1000; ++i)
            thousand += one;
        std::size_t fragments = 1;
        for (; fragments + 1000 < most; fragments += 1000)
            end.receive(thousand);
        for (; !end.ended() && fragments < most + 10; ++fragments)
            end.receive(one);
        CHECK(fragments == most + 1);
        CHECK(end.error() == errc::too_many_fragments);
        CHECK(end.close_sent() == 1008);
        CHECK(end.peak() <= driver_overhead<TestType>);
    }
}

TEMPLATE_TEST_CASE("threats: Autobahn 6.4, text that is no UTF-8 fails at its first wrong octet, "
                   "with nothing gathered",
                   "[threats]", FRAMEWIRE_THREAT_DRIVERS) {
    for (const bool many : {false, true}) {
        std::string start = "ok \xCE\xBA\xF4\x90"; // over U+10FFFF at its second octet
        if (TestType::deflates) start = compressing_peer().raw(start, Z_SYNC_FLUSH);
        const unsigned first = (many ? 0x01u : 0x81u) | (TestType::deflates ? 0x40u : 0u);
        TestType end;
        const std::size_t announced = many ? start.size() : 10'000'000;
        std::string sent = frame_writer(TestType::side).header(first, announced).str();
        std::string key(4, '\0');
        if (TestType::side == role::server) key = sent.substr(sent.size() - 4);
        for (std::size_t i = 0; i < start.size(); ++i)
            start[i] = static_cast<char>(start[i] ^ key[i % 4]);
        end.receive(sent);
        end.receive(std::string_view(start).substr(0, start.size() - 1));
        if (!TestType::deflates) CHECK_FALSE(end.ended());
        end.receive(std::string_view(start).substr(start.size() - 1));
        CHECK(end.error() == errc::text_not_utf8);
        CHECK(end.close_sent() == 1007);
        CHECK(end.peak() <= driver_overhead<TestType>);
    }
}
