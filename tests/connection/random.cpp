// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What one end sends is what the other end tells, whatever is sent and however it is cut.

#include <framewire/connection.hpp>

#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/trace.hpp"

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace framewire;
using namespace framewire::test;

namespace {

// std::mt19937 gives the same numbers everywhere; the standard distributions do not.
class dice {
public:
    explicit dice(std::uint32_t seed) : engine_(seed) {}
    std::size_t below(std::size_t bound) { return engine_() % bound; }
    bool one_in(std::size_t n) { return below(n) == 0; }

private:
    std::mt19937 engine_;
};

std::size_t random_size(dice& roll) {
    static constexpr std::size_t edges[] = {0, 1, 125, 126, 127, 65535, 65536};
    if (roll.one_in(40)) return edges[5 + roll.below(2)];
    if (roll.one_in(4)) return edges[roll.below(5)];
    return roll.below(roll.one_in(5) ? 3000 : 60);
}

std::string random_text(dice& roll) {
    std::string out;
    for (std::size_t left = random_size(roll); left > 0; --left) {
        switch (roll.below(8)) {
        case 0: out += "\xCE\xBA"; break;
        case 1: out += "\xE2\x82\xAC"; break;
        case 2: out += "\xF0\x9F\x98\x80"; break;
        default: out += static_cast<char>(roll.below(128)); break;
        }
    }
    return out;
}

std::string random_bytes(dice& roll, std::size_t size) {
    std::string out(size, '\0');
    for (char& c : out)
        c = static_cast<char>(roll.below(256));
    return out;
}

// The words for what was told, without the cut of `shown`.
std::string full(const event& e) {
    static constexpr const char* kinds[] = {"need_data", "text",  "binary", "ping",
                                            "pong",      "close", "failed"};
    return std::string(kinds[static_cast<int>(e.kind)]) + ":" + std::string(e.text());
}

// Sends random things and says what the other end has to tell. A Ping inside of a fragmented
// message is told before it.
template <class From> void send_some(From& from, dice& roll, std::vector<std::string>& expected) {
    const auto control = [&] {
        const std::string payload = random_bytes(roll, roll.below(126));
        const bool ping = roll.one_in(2);
        expected.push_back((ping ? "ping:" : "pong:") + payload);
        REQUIRE((ping ? from->ping(bytes(payload)) : from->pong(bytes(payload))) == errc::success);
    };
    const bool text = roll.one_in(2);
    const std::string payload = text ? random_text(roll) : random_bytes(roll, random_size(roll));
    if (roll.one_in(4)) control();
    if (roll.one_in(2)) {
        REQUIRE((text ? from->send_text(payload) : from->send_binary(bytes(payload))) ==
                errc::success);
    } else {
        std::size_t at = 0;
        for (bool last = false; !last;) {
            const std::size_t size = std::min(payload.size() - at, random_size(roll));
            last = at + size == payload.size() && !roll.one_in(3);
            REQUIRE(from->send_fragment(text ? opcode::text : opcode::binary,
                                        bytes(std::string_view(payload).substr(at, size)),
                                        last) == errc::success);
            at += size;
            if (!last && roll.one_in(3)) control();
        }
    }
    expected.push_back((text ? "text:" : "binary:") + payload);
}

// Brings what `from` has to write to `to` in random pieces. What is streamed is joined.
template <class From, class To>
void carry(From& from, To& to, dice& roll, std::vector<std::string>& told) {
    static constexpr std::size_t reads[] = {1, 2, 7, 64, 1500, 65536};
    const std::size_t longest = reads[roll.below(6)];
    std::string joined;
    while (!from->output().empty()) {
        const std::span<const std::byte> out = from->output();
        const std::size_t size = std::min(out.size(), 1 + roll.below(longest));
        const chunk_list piece = chunks_of(out.first(size), size);
        from->consume_output(size);
        to.feed(piece, [&](const event& e) {
            if (e.kind == event_kind::text || e.kind == event_kind::binary) {
                joined += e.first ? full(e) : std::string(e.text());
                if (e.last) told.push_back(std::exchange(joined, {}));
            } else {
                told.push_back(full(e));
            }
            if (roll.one_in(20)) to->release_memory();
        });
    }
}

template <class A, class B> void converse(std::uint32_t seed) {
    CAPTURE(seed);
    dice roll(seed);
    const limits every_pong{.pong_backlog = 1u << 30};
    A a(every_pong);
    B b(every_pong);
    for (int turn = 0; turn < 6; ++turn) {
        std::vector<std::string> expected_by_a;
        std::vector<std::string> expected_by_b;
        std::vector<std::string> told_by_a;
        std::vector<std::string> told_by_b;
        for (std::size_t n = roll.below(4); n > 0; --n)
            send_some(a, roll, expected_by_b);
        for (std::size_t n = roll.below(4); n > 0; --n)
            send_some(b, roll, expected_by_a);
        carry(b, a, roll, told_by_a); // what a answers stands behind what it has sent
        for (const std::string& line : expected_by_a) {
            if (line.compare(0, 5, "ping:") == 0) {
                expected_by_b.push_back("pong:" + line.substr(5));
            }
        }
        carry(a, b, roll, told_by_b);
        const bool right_a = told_by_a == expected_by_a;
        const bool right_b = told_by_b == expected_by_b;
        REQUIRE(right_a);
        REQUIRE(right_b);
        // Throw the answers of b away at a.
        std::vector<std::string> answers;
        carry(b, a, roll, answers);
        for (const std::string& line : answers)
            REQUIRE(line.compare(0, 5, "pong:") == 0);
    }
    REQUIRE(a->close(close_code::going_away, "enough") == errc::success);
    std::vector<std::string> told;
    carry(a, b, roll, told);
    carry(b, a, roll, told);
    const bool closed = told == std::vector<std::string>{"close:enough", "close:"};
    CHECK(closed);
    CHECK(a->state() == connection_state::closed);
    CHECK(b->state() == connection_state::closed);
}

} // namespace

TEST_CASE("connection: a client and a server understand each other", "[property]") {
    for (std::uint32_t seed = 1; seed <= 60; ++seed)
        converse<client, server>(seed);
    for (std::uint32_t seed = 1001; seed <= 1060; ++seed)
        converse<server, client>(seed);
}

TEST_CASE("connection: a streaming client and server understand each other", "[property]") {
    for (std::uint32_t seed = 2001; seed <= 2040; ++seed) {
        converse<streaming_client, streaming_server>(seed);
    }
    for (std::uint32_t seed = 3001; seed <= 3040; ++seed)
        converse<server, streaming_client>(seed);
}

TEMPLATE_TEST_CASE("connection: random bytes fail it or not, whatever the pieces", "[property]",
                   server, client, streaming_server, streaming_client) {
    // Bytes that look like frames more often than not, so that some way is made.
    for (std::uint32_t seed = 1; seed <= 300; ++seed) {
        dice roll(seed);
        frame_writer peer(TestType::side);
        static constexpr unsigned firsts[] = {0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8A, 0x88};
        for (std::size_t n = 1 + roll.below(6); n > 0; --n) {
            unsigned first = firsts[roll.below(roll.one_in(4) ? 9 : 8)];
            if (roll.one_in(30)) first ^= 1u << roll.below(8);
            peer.frame(first, random_bytes(roll, roll.below(12)));
        }
        std::vector<std::byte> input = peer.bytes();
        if (roll.one_in(3))
            input[roll.below(input.size())] ^= static_cast<std::byte>(1u << roll.below(8));
        CAPTURE(seed);
        const outcome result = at_every_split<TestType>(std::span<const std::byte>(input));
        CHECK(result.told.find("failed") == result.told.rfind("failed"));
    }
}
