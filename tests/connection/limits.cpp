// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/connection.hpp>
#include <framewire/prepared_message.hpp>

#include "support/allocation_counter.hpp"
#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/trace.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

using namespace framewire;
using namespace framewire::test;

namespace {

const std::string too_big = "failed(1009 a message is larger than the limit)";

} // namespace

TEMPLATE_TEST_CASE("connection: the limit of a message's size is inclusive, wherever it is passed",
                   "[limits]", server, client, streaming_server, streaming_client) {
    const limits ten{.max_message_size = 10};
    const auto peer = [] { return frame_writer(TestType::side); };
    const std::string x(11, 'x');
    const auto of = [&](std::size_t size) { return std::string_view(x).substr(0, size); };

    struct row {
        frame_writer legal;
        frame_writer illegal;
    };
    const row rows[] = {
        // in one frame; in the first, a middle and the last of several; in many small ones
        {peer().text(of(10)), peer().text(of(11))},
        {peer().frame(0x01, of(10)).frame(0x80), peer().frame(0x01, of(11))},
        {peer().frame(0x01, of(5)).frame(0x00, of(5)).frame(0x80),
         peer().frame(0x01, of(5)).frame(0x00, of(6))},
        {peer().frame(0x01, of(5)).ping("p").frame(0x80, of(5)),
         peer().frame(0x01, of(5)).ping("p").frame(0x80, of(6))},
        {peer().frame(0x01).frame(0x00, of(9)).frame(0x00, of(1)).frame(0x00).frame(0x80),
         peer().frame(0x01).frame(0x00, of(9)).frame(0x00, of(1)).frame(0x00).frame(0x80, of(1))},
    };
    for (const row& r : rows) {
        // Twice: the count begins afresh with each message.
        frame_writer twice = r.legal;
        const std::vector<std::byte> once = r.legal.bytes();
        std::vector<std::byte> both = once;
        both.insert(both.end(), once.begin(), once.end());
        const outcome good = at_every_split<TestType>(std::span<const std::byte>(both), ten);
        CHECK(good.told.find("failed") == std::string::npos);
        CHECK(good.told.find("text(\"xxxxxxxxxx\")") != good.told.rfind("text(\"xxxxxxxxxx\")"));
        const outcome bad = at_every_split<TestType>(r.illegal, ten);
        CHECK(bad.told.substr(bad.told.find("failed")) == too_big);
        CHECK(bad.sent.substr(bad.sent.find("close")) ==
              R"(close(1009 "a message is larger than the limit"))");
    }
    // Control frames do not count, and have their own limit.
    TestType end(limits{.max_message_size = 0});
    end.feed(peer().ping("control").text("").frame(0x01).pong("control").frame(0x80).close(1000));
    CHECK(end.told() == R"(ping("control") text("") pong("control") text("") close(1000 ""))");
}

TEMPLATE_TEST_CASE("connection: refuses a message that is too big at its header, for no memory",
                   "[limits]", server, client, streaming_server) {
    for (const std::uint64_t size :
         {(std::uint64_t{16} << 20) + 1, std::uint64_t{1} << 31, (std::uint64_t{1} << 32) - 1,
          std::uint64_t{1} << 32, std::uint64_t{1} << 40, (std::uint64_t{1} << 63) - 1}) {
        for (const unsigned first : {0x81u, 0x01u, 0x82u, 0x80u}) {
            frame_writer peer(TestType::side);
            if (first == 0x80) peer.frame(0x02); // a continuation needs something to continue
            peer.header(first, size);
            std::vector<std::byte> input = peer.bytes();
            TestType end;
            std::span<std::byte> in(input);
            const allocation_count before = allocations();
            const event e = end->next(in);
            const allocation_count taken = allocations() - before;
            CHECK(e.kind == event_kind::failed);
            CHECK(e.error == errc::message_too_big);
            CHECK(taken.calls == 1); // the output, for the Close frame
            CHECK(taken.bytes <= 256);
        }
    }
    // The sum over fragments does not wrap around either.
    TestType end(limits{.max_message_size = ~std::uint64_t{0}, .max_fragments = 10});
    frame_writer peer(TestType::side);
    end.feed(peer.frame(0x02, "x").header(0x00, (std::uint64_t{1} << 63) - 1));
    CHECK(end.told().empty());
}

TEMPLATE_TEST_CASE("connection: takes no memory for what a header announces", "[limits]", server,
                   client) {
    // Within the limit, but not here yet: memory grows with what has arrived.
    TestType end(limits{.max_message_size = std::uint64_t{1} << 41});
    chunk_list header;
    header.add(frame_writer(TestType::side).header(0x82, std::uint64_t{1} << 40).bytes());
    allocation_count before = allocations();
    std::span<std::byte> in = header[0];
    CHECK(end->next(in).kind == event_kind::need_data);
    CHECK((allocations() - before).calls == 0);
    std::byte one[1] = {};
    in = one;
    CHECK(end->next(in).kind == event_kind::need_data);
    CHECK((allocations() - before).bytes <= 256);
}

TEMPLATE_TEST_CASE("connection: holds no more for a message than the limit and a little",
                   "[limits]", server, client) {
    constexpr std::size_t size = 1'000'000;
    for (const bool announced : {false, true}) {
        TestType end(limits{.max_message_size = size});
        const std::int64_t live = allocations().live_bytes;
        reset_peak();
        frame_writer peer(TestType::side);
        std::string got;
        const auto count = [&](const event& e) { got = std::string(e.text()); };
        if (announced) {
            peer.binary(std::string(size, 'x'));
            end.feed(chunks_of(peer.bytes(), 1000), count);
        } else {
            // CVE-2026-48779: one byte a fragment.
            frame_writer first(TestType::side);
            first.frame(0x02, "x");
            end.feed(chunks_of(first.bytes(), 100), count);
            std::vector<std::byte> piece = frame_writer(TestType::side).frame(0x00, "x").bytes();
            const std::vector<std::byte> same = piece;
            for (std::size_t i = 2; i < size; ++i) {
                piece = same;
                std::span<std::byte> in(piece);
                if (end->next(in).kind != event_kind::need_data) FAIL("an event");
                if (allocations().live_bytes - live > 2 * static_cast<std::int64_t>(i) + 1024) {
                    FAIL("held after " << i << ": " << allocations().live_bytes - live);
                }
            }
            end.feed(chunks_of(frame_writer(TestType::side).frame(0x80, "x").bytes(), 100), count);
        }
        CHECK(got == std::string(size, 'x'));
        got = {};
        end->release_memory();
    }
}

TEMPLATE_TEST_CASE("connection: room for a message never grows past the limit", "[limits]", server,
                   client) {
    constexpr std::size_t size = 100'000;
    const auto peer = [] { return frame_writer(TestType::side); };
    TestType end(limits{.max_message_size = size});
    const std::int64_t live = allocations().live_bytes;
    const auto feed = [&](const frame_writer& written) {
        static std::vector<std::byte> buffer;
        const std::vector<std::byte> input = written.bytes();
        for (std::size_t at = 0; at < input.size(); at += 50) {
            const std::size_t step = std::min<std::size_t>(50, input.size() - at);
            buffer.assign(input.begin() + static_cast<std::ptrdiff_t>(at),
                          input.begin() + static_cast<std::ptrdiff_t>(at + step));
            std::span<std::byte> in(buffer);
            while (end->next(in).kind != event_kind::need_data)
                end->consume_output(200);
        }
    };
    // A control frame that is cut stands behind the message, and needs its place as well.
    feed(peer().frame(0x02, std::string(size - 1, 'x')));
    feed(peer().ping(std::string(125, 'p')));
    feed(peer().frame(0x00, "x"));
    feed(peer().pong(std::string(125, 'p')));
    const std::int64_t held = allocations().live_bytes - live;
    CHECK(held >= static_cast<std::int64_t>(size));
    CHECK(held <= static_cast<std::int64_t>(size) + 125 + 1024); // and the output
}

TEMPLATE_TEST_CASE("connection: limits the fragments of a message", "[limits]", server, client,
                   streaming_server) {
    const limits four{.max_fragments = 4};
    const auto peer = [] { return frame_writer(TestType::side); };
    const std::string failed = "failed(1008 a message has more fragments than the limit)";
    for (const std::string payload : {"", "x"}) {
        frame_writer legal = peer();
        for (int i = 0; i < 2; ++i) {
            legal.frame(0x02, payload).frame(0x00, payload).ping().frame(0x00, payload);
            legal.ping().frame(0x80, payload).binary(payload);
        }
        CHECK(at_every_split<TestType>(legal, four).told.find("failed") == std::string::npos);
        frame_writer illegal = peer();
        illegal.frame(0x02, payload).frame(0x00, payload).ping().frame(0x00, payload);
        illegal.frame(0x00, payload).frame(0x80, payload);
        CHECK(at_every_split<TestType>(illegal, four).told == "ping(\"\") " + failed);
    }
}

TEMPLATE_TEST_CASE("connection: a limit of no fragments is one of one fragment", "[limits]", server,
                   client, streaming_server) {
    const limits none{.max_fragments = 0};
    const auto peer = [] { return frame_writer(TestType::side); };
    CHECK(at_every_split<TestType>(peer().text("a").binary(""), none).told ==
          R"(text("a") binary(""))");
    CHECK(at_every_split<TestType>(peer().frame(0x02).frame(0x80), none).told ==
          "failed(1008 a message has more fragments than the limit)");
}

TEMPLATE_TEST_CASE("connection: an endless row of empty fragments comes to an end", "[limits]",
                   server, client, streaming_server) {
    TestType end;
    end.feed(frame_writer(TestType::side).frame(0x01));
    frame_writer many(TestType::side);
    for (int i = 0; i < 1000; ++i)
        many.frame(0x00);
    const std::vector<std::byte> flood = many.bytes();
    std::vector<std::byte> input;
    const std::int64_t live = allocations().live_bytes;
    const std::int64_t before = static_cast<std::int64_t>(flood.size());
    std::size_t fragments = 1;
    while (end.told().empty() && fragments < 2'000'000) {
        input = flood;
        end.feed(std::span<std::byte>(input));
        fragments += 1000;
    }
    CHECK(end.told() == "failed(1008 a message has more fragments than the limit)");
    CHECK(fragments < (1u << 20) + 1001);
    CHECK(allocations().live_bytes - live <= before + 1024);
}

TEMPLATE_TEST_CASE("connection: refuses to send what would pass the limit of the output",
                   "[limits]", server, client) {
    constexpr std::size_t prefix = TestType::side == role::server ? 2 : 6;
    TestType end(limits{.max_output = 20});
    const std::string fits(20 - 2 * prefix, 'x');
    REQUIRE(end->send_binary({}) == errc::success);
    CHECK(end->send_text(fits + "x") == errc::output_full);
    CHECK(end->output().size() == prefix);
    CHECK(end->send_text(fits) == errc::success);
    CHECK(end->output().size() == 20);
    CHECK(end->send_text("") == errc::output_full);
    CHECK(end->send_binary({}) == errc::output_full);
    CHECK(end->send_fragment(opcode::text, {}, false) == errc::output_full);
    CHECK(end->ping() == errc::output_full);
    CHECK(end->pong() == errc::output_full);
    CHECK(end->output().size() == 20);
    // What was refused was not begun.
    end->consume_output(prefix);
    CHECK(end->send_binary({}) == errc::success);
    CHECK(end->output().size() == 20);
    end->consume_output(20);
    CHECK(end->send_fragment(opcode::text, bytes("\xE2"), false) == errc::success);
    CHECK(end->send_fragment(opcode::text, bytes("\x82" + fits), false) == errc::text_not_utf8);
    CHECK(end->send_fragment(opcode::text, bytes("\x82\xAC" + fits + "xxxxxx"), true) ==
          errc::output_full);
    end->consume_output(end->output().size());
    CHECK(end->send_fragment(opcode::text, bytes("\x82\xAC"), true) == errc::success);
    CHECK(end.sent() == R"(cont("\x82\xac"))");
}

namespace {

constexpr options counted_by_its_owner{.limit_output = false};

} // namespace

TEMPLATE_TEST_CASE("connection: refuses nothing when its owner counts what waits", "[limits]",
                   (endpoint<role::server, counted_by_its_owner>),
                   (endpoint<role::client, counted_by_its_owner>)) {
    TestType end(limits{.max_output = 20});
    const std::string large(30, 'x');
    CHECK(end->send_text(large) == errc::success);
    CHECK(end->send_binary(bytes(large)) == errc::success);
    prepared_message ready;
    REQUIRE(ready.assign_text("y") == errc::success);
    CHECK(end->send(ready) == errc::success);
    CHECK(end->send_fragment(opcode::text, bytes("z"), false) == errc::success);
    CHECK(end->ping() == errc::success);
    CHECK(end->pong() == errc::success);
    CHECK(end->send_fragment(opcode::text, bytes("z"), true) == errc::success);
    CHECK(end.sent() == "text(\"" + large + "\") binary(\"" + large +
                            "\") text(\"y\") text-(\"z\") ping(\"\") pong(\"\") cont(\"z\")");
}

TEMPLATE_TEST_CASE("connection: takes any one message when nothing waits", "[limits]", server,
                   client) {
    TestType end(limits{.max_output = 20});
    const std::string large(1000, 'x');
    CHECK(end->send_text(large) == errc::success);
    CHECK(end->send_binary({}) == errc::output_full);
    end->consume_output(end->output().size() - 1);
    CHECK(end->send_text(large) == errc::output_full); // a byte of the first one still waits
    CHECK(end->send_binary({}) == errc::success);
    end->consume_output(end->output().size());
    CHECK(end->send_text(large) == errc::success);
}

TEMPLATE_TEST_CASE("connection: Pong and Close pass the limit of the output by 262 bytes at most",
                   "[limits]", server, client) {
    TestType end(limits{.max_output = 20});
    REQUIRE(end->send_text(std::string(20 - (TestType::side == role::server ? 2 : 6), 'x')) ==
            errc::success);
    frame_writer peer(TestType::side);
    for (int i = 0; i < 10; ++i)
        peer.ping(std::string(125, static_cast<char>('0' + i)));
    end.feed(peer);
    CHECK(end->output().size() <= 20 + 131);
    REQUIRE(end->close(close_code::normal, std::string(123, 'r')) == errc::success);
    CHECK(end->output().size() <= 20 + 262);
    const std::vector<wire_frame> frames = frames_of(end->output());
    REQUIRE(frames.size() == 3);
    CHECK(frames[1].payload == std::string(125, '9')); // RFC 6455 5.5.3: the newest Ping
    CHECK(frames[2].payload.substr(2) == std::string(123, 'r'));
}

// Autobahn 9.1.6 and 9.2.6
TEMPLATE_TEST_CASE("connection: the largest message that comes in by default can be sent back",
                   "[limits]", server, client) {
    TestType end;
    const std::string most(limits{}.max_message_size, 'x');
    std::vector<std::byte> input = frame_writer(TestType::side).binary(most).bytes();
    std::span<std::byte> in(input);
    const event e = end->next(in);
    REQUIRE(e.kind == event_kind::binary);
    REQUIRE(e.payload.size() == most.size());
    CHECK(end->send_binary(e.payload) == errc::success);
    CHECK(end->send_binary(e.payload) == errc::output_full);
}

TEMPLATE_TEST_CASE("connection: a Pong of which a part is written does not make way for the next",
                   "[limits]", server, client) {
    TestType end(limits{.max_output = 0});
    const auto ping = [](char c) { return frame_writer(TestType::side).ping(std::string(125, c)); };
    end.feed(ping('a'));
    std::vector<std::byte> written(1, end->output()[0]);
    end->consume_output(1);
    end.feed(ping('b'));
    end.feed(ping('c')); // the one before is not begun: this one takes its place
    REQUIRE(end->close(close_code::normal, std::string(123, 'r')) == errc::success);
    CHECK(end->output().size() <= 130 + 262);
    written.insert(written.end(), end->output().begin(), end->output().end());
    CHECK(words(frames_of(written), TestType::side) ==
          "pong(\"" + std::string(125, 'a') + "\") pong(\"" + std::string(125, 'c') +
              "\") close(1000 \"" + std::string(123, 'r') + "\")");
}

TEMPLATE_TEST_CASE("connection: a flood of pings costs bounded memory while nobody reads",
                   "[limits][rfc6455-5.5.3]", server, client, streaming_server) {
    const limits bounds{};
    for (const std::size_t size : {0u, 125u}) {
        TestType end;
        frame_writer many(TestType::side);
        for (int i = 0; i < 1000; ++i)
            many.ping(std::string(size, 'p'));
        const std::vector<std::byte> flood = many.bytes();
        std::vector<std::byte> input(flood.size());
        const std::int64_t live = allocations().live_bytes;
        for (int i = 0; i < 1000; ++i) {
            input.assign(flood.begin(), flood.end());
            std::span<std::byte> in(input);
            int pings = 0;
            while (end->next(in).kind == event_kind::ping)
                ++pings;
            if (pings != 1000 || end->output().size() > bounds.pong_backlog + 131) {
                FAIL("output " << end->output().size());
            }
        }
        CHECK(allocations().live_bytes - live <= 4 * (bounds.pong_backlog + 131));
        input.assign(flood.begin(), flood.end());
        end.feed(frame_writer(TestType::side).ping("newest"));
        const std::vector<wire_frame> frames = frames_of(end->output());
        CHECK(frames.back().payload == "newest");
        CHECK(frames.size() > bounds.pong_backlog / 131);
    }
}

TEMPLATE_TEST_CASE("connection: answers each ping again once the output drains",
                   "[limits][rfc6455-5.5.3]", server, client) {
    TestType end(limits{.pong_backlog = 30});
    const auto peer = [] { return frame_writer(TestType::side); };
    end.feed(peer().ping("0123456789abcdef").ping("0123456789ABCDEF").ping("3456789012345678"));
    CHECK(end.sent() == R"(pong("0123456789abcdef") pong("3456789012345678"))");
    end.feed(peer().ping("5").ping("6"));
    CHECK(end.sent() == R"(pong("5") pong("6"))");
}

TEMPLATE_TEST_CASE("connection: never replaces a Pong that is partly written",
                   "[limits][rfc6455-5.5.3]", server, client) {
    for (std::size_t written = 0; written <= 8; ++written) {
        TestType end(limits{.pong_backlog = 0});
        const auto peer = [] { return frame_writer(TestType::side); };
        end.feed(peer().ping("first"));
        const std::size_t size = end->output().size();
        if (written > size) continue;
        std::string wire = text_of(end->output().first(written));
        end->consume_output(written);
        end.feed(peer().ping("second").ping("third"));
        wire += text_of(end->output());
        const std::string sent = words(take_frames(wire), TestType::side);
        CHECK(wire.empty());
        CHECK(sent == (written == 0 ? R"(pong("third"))" : R"(pong("first") pong("third"))"));
    }
}

TEMPLATE_TEST_CASE("connection: never replaces a Pong that other output stands behind",
                   "[limits][rfc6455-5.5.3]", server, client) {
    TestType end(limits{.pong_backlog = 0});
    const auto peer = [] { return frame_writer(TestType::side); };
    end.feed(peer().ping("1"));
    REQUIRE(end->send_text("mine") == errc::success);
    end.feed(peer().ping("2"));
    REQUIRE(end->pong(bytes("unasked")) == errc::success);
    end.feed(peer().ping("3").ping("4"));
    CHECK(end.sent() == R"(pong("1") text("mine") pong("2") pong("unasked") pong("4"))");
}
