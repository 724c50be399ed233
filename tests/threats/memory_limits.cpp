// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Known attacks on memory, and how much each may take here: counted, never timed.
//
// Held elsewhere:
//  - CVE-2020-36406 and the findings of OSS-Fuzz in uWebSockets (out of bounds in its parsers, in
//    unmasking): tests/fuzz, which hands every piece over in a block of exactly its size, and the
//    sanitizers under the whole suite. There are no topics here.
//  - CVE-2024-23672, the time after which a peer that does not hang up is dropped: the adapters
//    have the clock, see the threats.cpp of tests/asio and tests/qt. What the core says to them is
//    here.

#include "driver.hpp"
#include "support/catch.hpp"

using namespace framewire;
using namespace framewire::test;

TEMPLATE_TEST_CASE("threats: CVE-2026-48779 ws, fragments of one octet cost what they carry",
                   "[threats]", FRAMEWIRE_THREAT_DRIVERS) {
    constexpr std::size_t size = 1'000'000;
    const std::string content = noise(size);
    const std::string payload = TestType::deflates ? compressed(content) : content;
    for (const std::size_t limit : {std::size_t{2'000'000}, std::size_t{500'000}}) {
        TestType end(limits{.max_message_size = limit});
        end.receive(frame_writer(TestType::side)
                        .frame(first_of_many<TestType>, std::string_view(payload).substr(0, 1)));
        std::int64_t most = 0;
        std::size_t sent = 1;
        for (; sent < payload.size() && !end.ended(); ++sent) {
            end.receive(frame_writer(TestType::side)
                            .frame(0x00, std::string_view(payload).substr(sent, 1)));
            // At most twice of what has arrived, by doubling, and the Close at the end.
            most = std::max(most, end.held() - 2 * static_cast<std::int64_t>(sent));
        }
        CHECK(most <= driver_overhead<TestType>);
        if (limit > size) {
            end.receive(frame_writer(TestType::side).frame(0x80));
            CHECK(end.messages() == 1);
            CHECK(end.message_size() == size);
        } else {
            CHECK(end.error() == errc::message_too_big);
            CHECK(end.close_sent() == 1009);
            CHECK(sent <= limit + limit / 1000); // as soon as it is passed; zlib adds a little
            CHECK(end.held() <= driver_overhead<TestType>);
        }
    }
}

TEMPLATE_TEST_CASE("threats: CVE-2018-21035 QtWebSockets, CVE-2016-10542 ws, one GiB is refused by "
                   "default before any memory is taken for it",
                   "[threats]", FRAMEWIRE_THREAT_DRIVERS) {
    for (const bool many : {false, true}) {
        TestType end;
        if (many) end.receive(frame_writer(TestType::side).frame(0x02));
        end.receive(
            frame_writer(TestType::side).header(many ? 0x80 : 0x82, std::uint64_t{1} << 30));
        CHECK(end.error() == errc::message_too_big);
        CHECK(end.close_sent() == 1009);
        CHECK(end.allocation_calls() == 1); // the Close frame
        CHECK(end.peak() <= 256);
    }
}

TEMPLATE_TEST_CASE("threats: CVE-2022-35922 RUSTSEC-2022-0035 rust-websocket, gobwas/ws#223, "
                   "CWIST#119, a length of 2^40 takes no memory",
                   "[threats]", FRAMEWIRE_THREAT_DRIVERS) {
    constexpr std::uint64_t size = std::uint64_t{1} << 40;
    for (const bool many : {false, true}) {
        // Over the limit: at the header. A compressed one is held to what it inflates to.
        TestType end;
        if (many) end.receive(frame_writer(TestType::side).frame(first_of_many<TestType>));
        end.receive(frame_writer(TestType::side).header(many ? 0x80 : only_one<TestType>, size));
        CHECK(end.error() == (TestType::deflates ? errc::success : errc::message_too_big));
        CHECK(end.close_sent() == (TestType::deflates ? 0 : 1009));
        CHECK(end.peak() <= driver_overhead<TestType>);
        // Within it: memory follows what has arrived.
        TestType patient(limits{.max_message_size = size});
        if (many) patient.receive(frame_writer(TestType::side).frame(first_of_many<TestType>));
        patient.receive(
            frame_writer(TestType::side).header(many ? 0x80 : only_one<TestType>, size));
        patient.receive(std::string(1000, '\0'));
        CHECK(patient.error() ==
              (TestType::deflates ? errc::extension_data_invalid : errc::success));
        CHECK(patient.peak() <= 2000 + driver_overhead<TestType>);
    }
}

TEMPLATE_TEST_CASE("threats: CVE-2014-0193 Netty, endless continuation frames end at the limit",
                   "[threats]", FRAMEWIRE_THREAT_DRIVERS) {
    constexpr std::size_t limit = 1u << 20;
    compressing_peer peer;
    const std::string content = noise(1000);
    TestType end(limits{.max_message_size = limit});
    std::size_t frames = 0;
    for (; !end.ended() && frames < 5000; ++frames) {
        const std::string part = TestType::deflates ? peer.raw(content, Z_FULL_FLUSH) : content;
        end.receive(
            frame_writer(TestType::side).frame(frames == 0 ? first_of_many<TestType> : 0x00, part));
    }
    CHECK(frames == limit / content.size() + 1);
    CHECK(end.error() == errc::message_too_big);
    CHECK(end.close_sent() == 1009);
    CHECK(end.ends() == 1);
    // Twice, while the room grows.
    CHECK(end.peak() <= 2 * static_cast<std::int64_t>(limit) + driver_overhead<TestType>);
    CHECK(end.held() <= driver_overhead<TestType>);
}

TEMPLATE_TEST_CASE("threats: CVE-2020-35896 RUSTSEC-2020-0043 ws-rs, what a peer does not read is "
                   "bounded",
                   "[threats]", FRAMEWIRE_THREAT_DRIVERS) {
    constexpr std::size_t most = 1u << 20;
    std::mt19937 random(1);
    std::string content;
    TestType end(limits{.max_output = most});
    std::size_t accepted = 0;
    std::size_t refused = 0;
    const std::int64_t before = allocations().live_bytes;
    for (int i = 0; i < 300; ++i) {
        content = some_noise(random, 10'000); // anew, since the compressor remembers the last
        const auto payload = std::as_bytes(std::span(content));
        const errc error = end.connection().send_binary(payload);
        if (error == errc::success)
            ++accepted;
        else if (error == errc::output_full)
            ++refused;
        // In pieces too.
        if (end.connection().send_fragment(opcode::binary, payload, true) == errc::output_full)
            ++refused;
    }
    CHECK(end.connection().output().size() <= most); // what a program may look at
    CHECK(accepted >= 50);
    CHECK(refused >= 300);
    const std::int64_t contexts = TestType::deflates ? 300'000 : 0;
    CHECK(allocations().live_bytes - before <= 2 * static_cast<std::int64_t>(most) + contexts);
    CHECK(end.connection().state() == connection_state::open); // the program decides
    // Nothing of what was refused was sent: the peer finds whole frames.
    CHECK(frames_of(end.connection().output()).size() * 2 >= accepted);
    end.connection().consume_output(end.connection().output().size());
    CHECK(end.connection().send_text("more") == errc::success);
}

TEMPLATE_TEST_CASE("threats: CVE-2021-3690 Undertow, a million unsolicited Pongs hold nothing",
                   "[threats]", FRAMEWIRE_THREAT_DRIVERS) {
    TestType end;
    frame_writer pongs(TestType::side);
    for (int i = 0; i < 100; ++i)
        pongs.pong(std::string(125, 'p'));
    end.receive(pongs);
    const std::int64_t after_some = end.held();
    const std::int64_t calls = end.allocation_calls();
    for (int i = 1; i < 10'000; ++i)
        end.receive(pongs);
    CHECK(end.control_frames() == 1'000'000);
    CHECK(end.held() == after_some);
    CHECK(end.allocation_calls() == calls);
    CHECK(end.held() == 0);
    CHECK(end.connection().output().empty());
}

TEMPLATE_TEST_CASE("threats: CVE-2021-42340 Tomcat, ten thousand connections leave nothing behind",
                   "[threats]", FRAMEWIRE_THREAT_DRIVERS) {
    const std::string hello = message_in_frames<TestType>("Hello, Hello, Hello", 2).str();
    const std::string close = frame_writer(TestType::side).close(1000, "bye").str();
    const auto one = [&](int i) {
        TestType end;
        end.receive(hello);
        static_cast<void>(end.connection().send_text("answer"));
        if (i % 2 == 0) static_cast<void>(end.connection().close());
        if (i % 3 != 0) end.receive(close); // some never close
    };
    for (int i = 0; i < 6; ++i)
        one(i);
    const allocation_count before = allocations(); // what the thread keeps is there
    for (int i = 0; i < 10'000; ++i)
        one(i);
    CHECK((allocations() - before).live == 0);
    CHECK((allocations() - before).live_bytes == 0);
}

TEMPLATE_TEST_CASE("threats: CVE-2024-23672 Tomcat, a peer that closes and stays gets nothing more",
                   "[threats]", FRAMEWIRE_THREAT_DRIVERS) {
    for (const bool first : {false, true}) {
        TestType end;
        if (first) REQUIRE(end.connection().close() == errc::success);
        end.receive(frame_writer(TestType::side).close(1000));
        CHECK(end.ends() == 1);
        // What the adapters start their timer by, and what a server hangs up by.
        CHECK(end.connection().close_expected());
        CHECK(end.connection().should_shut_down() == (TestType::side == role::server));
        const std::int64_t held = end.held();
        const std::string more = message_in_frames<TestType>(noise(1000), 3).str();
        for (int i = 0; i < 1000; ++i)
            end.receive(more);
        CHECK(end.messages() == 0);
        CHECK(end.held() <= held);
        CHECK(frames_of(end.connection().output()).size() == 1);
    }
}

TEMPLATE_TEST_CASE("threats: Java-WebSocket#1508, the limit holds in the first, a middle and the "
                   "last frame",
                   "[threats]", FRAMEWIRE_THREAT_DRIVERS) {
    constexpr std::size_t limit = 3000;
    // The frame that is too long; those before it keep the limit together.
    for (const std::size_t guilty : {0u, 1u, 2u}) {
        for (const bool illegal : {false, true}) {
            compressing_peer peer;
            TestType end(limits{.max_message_size = limit});
            for (std::size_t i = 0; i < 3; ++i) {
                std::string part = noise(i == guilty ? limit - 200 + (illegal ? 1u : 0u) : 100);
                if (TestType::deflates) {
                    part = i == 2 ? peer.message(part) : peer.raw(part, Z_FULL_FLUSH);
                }
                const unsigned first = i == 0 ? first_of_many<TestType> : i == 1 ? 0x00u : 0x80u;
                end.receive(frame_writer(TestType::side).frame(first, part));
            }
            CHECK(end.messages() == (illegal ? 0 : 1));
            CHECK(end.error() == (illegal ? errc::message_too_big : errc::success));
            CHECK(end.close_sent() == (illegal ? 1009 : 0));
        }
    }
}

TEMPLATE_TEST_CASE("threats: undici#4899, the limit is the same compressed or not, in one frame or "
                   "many, for client and server",
                   "[threats]", FRAMEWIRE_THREAT_DRIVERS) {
    constexpr std::size_t limit = 10'000;
    for (const std::size_t frames : {1u, 2u, 7u, 100u}) {
        for (const char fill : {'a', '\0'}) { // the latter stands for octets that do not compress
            for (const std::size_t size : {limit - 1, limit, limit + 1, 2 * limit, 50 * limit}) {
                const std::string content = fill == 'a' ? std::string(size, fill) : noise(size);
                TestType end(limits{.max_message_size = limit});
                end.receive(message_in_frames<TestType>(content, frames));
                CHECK(end.messages() == (size <= limit ? 1 : 0));
                CHECK(end.error() == (size <= limit ? errc::success : errc::message_too_big));
                CHECK(end.close_sent() == (size <= limit ? 0 : 1009));
            }
        }
    }
}
