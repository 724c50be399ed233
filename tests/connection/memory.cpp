// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What a connection takes from the heap, in exact numbers, and that it lives without.

#include <framewire/connection.hpp>
#include <framewire/prepared_message.hpp>

#include "support/allocation_counter.hpp"
#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/trace.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

using namespace framewire;
using namespace framewire::test;

namespace {

constexpr std::array<std::byte, 32> seed{};

template <role Role, options Options = options{}>
connection<Role, Options> make(masking_key_source& keys, const limits& bounds = {}) {
    if constexpr (Role == role::client) {
        return connection<Role, Options>(keys, bounds);
    } else {
        static_cast<void>(keys);
        return connection<Role, Options>(bounds);
    }
}

// Takes all events of `input`, which is copied to `buffer` first.
template <class C> int feed(C& end, std::vector<std::byte>& buffer,
                            const std::vector<std::byte>& input, std::size_t piece) {
    std::copy(input.begin(), input.end(), buffer.begin());
    int events = 0;
    for (std::size_t at = 0; at < input.size(); at += piece) {
        std::span<std::byte> in(buffer.data() + at, std::min(piece, input.size() - at));
        while (end.next(in).kind != event_kind::need_data)
            ++events;
    }
    return events;
}

struct account {
    int out_of_memory = 0; // as a returned error or a failure
    int strange = 0;       // anything else that is not in order
    int terminal = 0;      // close and failed events
};

bool lies_in(std::span<const std::byte> part, std::span<const std::byte> whole) {
    return std::less_equal<>()(whole.data(), part.data()) &&
           std::less<>()(part.data(), whole.data() + whole.size());
}

// Everything that a connection may have to take memory for. Calls that fail are not made good; the
// sequence goes on, as a careless caller would.
template <role Role, options Options>
account everything(connection<Role, Options>& end, std::vector<std::byte>& buffer,
                   const std::vector<std::byte>& input, bool close_first) {
    account result;
    const auto note = [&](errc error) {
        if (error == errc::out_of_memory) {
            ++result.out_of_memory;
        } else if (error != errc::success && error != errc::not_open) {
            ++result.strange;
        }
    };
    note(end.send_text("text"));
    note(end.send_binary(std::span(buffer)));
    note(end.ping());
    prepared_message prepared;
    note(prepared.assign_text("prepared"));
    note(end.send(prepared));
    if constexpr (Role == role::server) {
        const auto write = [](std::span<const std::byte>, std::span<const std::byte>) {
            return std::size_t{3};
        };
        note(end.send_through(opcode::binary, std::span(buffer), write));
    }
    if (close_first) note(end.close());
    for (std::size_t at = 0; at < input.size(); at += 7) {
        const std::size_t size = std::min<std::size_t>(7, input.size() - at);
        std::copy_n(input.begin() + static_cast<std::ptrdiff_t>(at), size, buffer.begin());
        std::span<std::byte> in(buffer.data(), size);
        for (;;) {
            const event e = end.next(in);
            if (e.kind == event_kind::need_data) break;
            if (e.kind == event_kind::text && e.payload.size() > 10) note(end.ping());
            if (e.kind == event_kind::close) ++result.terminal;
            if (e.kind == event_kind::ping && e.payload.size() < 110 &&
                !lies_in(e.payload, buffer) && end.detach_payload().empty()) {
                ++result.out_of_memory;
            }
            if (e.kind != event_kind::failed) continue;
            ++result.terminal;
            ++(e.error == errc::out_of_memory ? result.out_of_memory : result.strange);
            // A Close frame could be queued, or not: then the code says so.
            const bool said = e.code == close_code::internal_error && end.close_sent();
            if (!said && e.code != close_code::abnormal_closure) ++result.strange;
        }
        end.consume_output(std::min<std::size_t>(5, end.output().size()));
    }
    note(end.send_fragment(opcode::binary, std::span(buffer), false));
    note(end.send_fragment(opcode::binary, {}, true));
    note(end.pong());
    note(end.close(close_code::going_away, "reason"));
    end.receive_eof();
    std::span<std::byte> none;
    while (end.next(none).kind != event_kind::need_data)
        ++result.terminal;
    return result;
}

} // namespace

TEMPLATE_TEST_CASE_SIG("connection: takes no memory for messages that lie whole in the buffer",
                       "[allocation]", ((role Role), Role), role::server, role::client) {
    const std::vector<std::byte> input = frame_writer(Role)
                                             .text("Hello")
                                             .binary(std::string(100'000, 'x'))
                                             .pong("unasked")
                                             .text("")
                                             .frame(0x01)
                                             .frame(0x80, "all in the last fragment")
                                             .bytes();
    std::vector<std::byte> buffer(input.size());
    masking_key_source keys(seed);
    const allocation_count before = allocations();
    {
        connection<Role> end = make<Role>(keys);
        const int events = feed(end, buffer, input, input.size());
        end.release_memory();
        const allocation_count taken = allocations() - before;
        CHECK(events == 5);
        CHECK(taken.calls == 0);
    }
}

TEMPLATE_TEST_CASE_SIG("connection: takes no memory for a message after the first of its size",
                       "[allocation]", ((role Role), Role), role::server, role::client) {
    const std::vector<std::byte> input = frame_writer(Role)
                                             .frame(0x01, std::string(3000, 'a'))
                                             .ping(std::string(125, 'p'))
                                             .frame(0x80, std::string(3000, 'b'))
                                             .binary(std::string(5000, 'c'))
                                             .bytes();
    std::vector<std::byte> buffer(input.size());
    const std::vector<std::byte> payload(4000);
    masking_key_source keys(seed);
    connection<Role> end = make<Role>(keys);
    const auto round = [&] {
        int events = feed(end, buffer, input, 1000);
        if (end.send_binary(payload) == errc::success) ++events;
        if (end.send_text("Hello") == errc::success) ++events;
        if (end.send_fragment(opcode::text, {}, false) == errc::success) ++events;
        if (end.ping() == errc::success) ++events;
        if (end.send_fragment(opcode::text, {}, true) == errc::success) ++events;
        // Half of it is written at once, the rest later.
        end.consume_output(end.output().size() / 2);
        end.consume_output(end.output().size());
        return events;
    };
    CHECK(round() == 8);
    const allocation_count before = allocations();
    for (int i = 0; i < 1000; ++i) {
        if (round() != 8) FAIL("round " << i);
    }
    CHECK((allocations() - before).calls == 0);
}

TEMPLATE_TEST_CASE_SIG("connection: an idle connection holds nothing", "[allocation]",
                       ((role Role), Role), role::server, role::client) {
    masking_key_source keys(seed);
    const std::vector<std::byte> input =
        frame_writer(Role).frame(0x01, std::string(5000, 'a')).frame(0x80, "b").ping().bytes();
    std::vector<std::byte> buffer(input.size());
    const allocation_count before = allocations();
    connection<Role> end = make<Role>(keys);
    CHECK((allocations() - before).live == 0);
    CHECK(feed(end, buffer, input, 64) == 2);
    CHECK((allocations() - before).live == 2); // the message and the output
    end.release_memory();
    CHECK((allocations() - before).live == 1); // there is a Pong to be written
    end.consume_output(end.output().size());
    end.release_memory();
    CHECK((allocations() - before).live == 0);
    CHECK((allocations() - before).throwing == 0);
}

TEMPLATE_TEST_CASE_SIG("connection: the memory of the output can be handed on while it is empty",
                       "[allocation]", ((role Role), Role), role::server, role::client) {
    masking_key_source keys(seed);
    connection<Role> first = make<Role>(keys);
    connection<Role> second = make<Role>(keys);
    detail::byte_buffer spare;
    first.swap_output_memory(spare);
    CHECK(first.output_capacity() == 0);
    CHECK(spare.capacity() == 0);

    CHECK(first.send_text("Hello") == errc::success);
    const std::vector<std::byte> waiting(first.output().begin(), first.output().end());
    first.swap_output_memory(spare); // not now
    CHECK(std::equal(waiting.begin(), waiting.end(), first.output().begin(), first.output().end()));
    first.consume_output(waiting.size());
    first.swap_output_memory(spare);
    CHECK(first.output_capacity() == 0);
    CHECK(spare.capacity() >= waiting.size());

    const allocation_count before = allocations();
    second.swap_output_memory(spare);
    CHECK(second.send_text("Hello") == errc::success);
    CHECK(second.output().size() == waiting.size());
    CHECK((allocations() - before).calls == 0);

    // Nor is what somebody else has written there given to a connection.
    CHECK(spare.append(waiting));
    first.swap_output_memory(spare);
    CHECK(first.output().empty());
    CHECK(spare.size() == waiting.size());
}

TEMPLATE_TEST_CASE_SIG("connection: a message of known size takes one piece of memory",
                       "[allocation]", ((role Role), Role), role::server, role::client) {
    constexpr std::size_t size = 100'000;
    const std::vector<std::byte> input = frame_writer(Role).binary(std::string(size, 'x')).bytes();
    std::vector<std::byte> buffer(input.size());
    masking_key_source keys(seed);
    connection<Role> end = make<Role>(keys);
    const std::int64_t live = allocations().live_bytes;
    CHECK(feed(end, buffer, input, 60'000) == 1);
    CHECK(allocations().live_bytes - live <= static_cast<std::int64_t>(size) + 64);
    end.release_memory();
    CHECK(allocations().live_bytes == live);
}

TEMPLATE_TEST_CASE_SIG("connection: a payload outlives the next call with the memory it lies in",
                       "[allocation]", ((role Role), Role), role::server, role::client) {
    masking_key_source keys(seed);
    connection<Role> end = make<Role>(keys);
    std::string told;
    // Feeds what a peer wrote, in two pieces, and keeps the payload of each event.
    const auto feed_two = [&](const frame_writer& peer, std::size_t last_piece) {
        std::vector<std::byte> input = peer.bytes();
        const std::size_t cut = input.size() - last_piece;
        for (std::span<std::byte> in :
             {std::span(input).first(cut), std::span(input).subspan(cut)}) {
            for (event e = end.next(in); e.kind != event_kind::need_data; e = end.next(in)) {
                const detail::byte_buffer kept = end.detach_payload();
                CHECK(end.detach_payload().empty()); // there is only one
                std::span<std::byte> none;
                CHECK(end.next(none).kind == event_kind::need_data);
                end.release_memory();
                told += std::string(e.text()) + (kept.empty() ? " in the input; " : " kept; ");
            }
        }
    };
    const auto peer = [] { return frame_writer(Role); };
    feed_two(peer().frame(0x01, "one, ").ping("a ping"), 0);
    CHECK(told == "a ping in the input; ");
    feed_two(peer().frame(0x00, "two, ").ping("in two"), 4);
    feed_two(peer().ping("another"), 6);
    feed_two(peer().frame(0x80, "three"), 3);
    feed_two(peer().pong("between"), 1);
    feed_two(peer().binary("whole"), 0);
    feed_two(peer().binary("cut"), 1);
    CHECK(told == "a ping in the input; in two kept; another kept; one, two, three kept; "
                  "between kept; whole in the input; cut kept; ");
    CHECK(end.state() == connection_state::open);
}

TEMPLATE_TEST_CASE_SIG("connection: what lies in the input has no memory to be taken away",
                       "[allocation]", ((role Role), Role), role::server, role::client) {
    masking_key_source keys(seed);
    connection<Role> end = make<Role>(keys);
    std::vector<std::byte> pieces =
        frame_writer(Role).frame(0x01, "in ").frame(0x80, "two").bytes();
    std::vector<std::byte> whole = frame_writer(Role).text("whole").bytes();
    std::span<std::byte> in = pieces;
    REQUIRE(end.next(in).text() == "in two");
    in = whole;
    REQUIRE(end.next(in).text() == "whole");
    CHECK(end.detach_payload().empty()); // not that of the message before
}

TEMPLATE_TEST_CASE_SIG("connection: keeps nothing of a message that will not be told",
                       "[allocation]", ((role Role), Role), role::server, role::client) {
    masking_key_source keys(seed);
    for (const bool closing : {true, false}) {
        std::vector<std::byte> begun = frame_writer(Role).frame(0x01, "begun").bytes();
        // More of it while this side closes; or a frame that there is not.
        std::vector<std::byte> next = frame_writer(Role).frame(closing ? 0x00 : 0x83).bytes();
        const std::int64_t before = allocations().live;
        connection<Role> end = make<Role>(keys);
        std::span<std::byte> in = begun;
        REQUIRE(end.next(in).kind == event_kind::need_data);
        CHECK(allocations().live - before == 1);
        if (closing) REQUIRE(end.close() == errc::success);
        in = next;
        CHECK(end.next(in).kind == (closing ? event_kind::need_data : event_kind::failed));
        CHECK(allocations().live - before == 1); // the Close frame
    }
}

TEMPLATE_TEST_CASE_SIG("connection: without memory a payload stays where it is", "[allocation]",
                       ((role Role), Role), role::server, role::client) {
    masking_key_source keys(seed);
    connection<Role> end = make<Role>(keys);
    std::vector<std::byte> input = frame_writer(Role).frame(0x01, "a text").ping("ping").bytes();
    std::vector<std::byte> rest = frame_writer(Role).frame(0x80, " goes on").bytes();
    std::span<std::byte> in = std::span(input).first(input.size() - 1);
    REQUIRE(end.next(in).kind == event_kind::need_data);
    in = std::span(input).last(1);
    const event ping = end.next(in);
    REQUIRE(ping.kind == event_kind::ping);
    bool empty = false;
    {
        // The beginning of the text would have to be copied out of its way.
        const failing_allocations failing(0, 100);
        empty = end.detach_payload().empty();
    }
    CHECK(empty);
    CHECK(ping.text() == "ping");
    const detail::byte_buffer kept = end.detach_payload();
    CHECK_FALSE(kept.empty());
    in = rest;
    CHECK(end.next(in).text() == "a text goes on");
    CHECK(ping.text() == "ping");
}

TEMPLATE_TEST_CASE_SIG("connection: ten thousand connections leave nothing behind", "[allocation]",
                       ((role Role), Role), role::server, role::client) {
    masking_key_source keys(seed);
    const std::vector<std::byte> input = frame_writer(Role)
                                             .frame(0x01, std::string(500, 'a'))
                                             .ping("x")
                                             .frame(0x00, "open end")
                                             .bytes();
    const std::vector<std::byte> closing = frame_writer(Role).close(1000, "bye").bytes();
    std::vector<std::byte> buffer(input.size());
    const allocation_count before = allocations();
    for (int i = 0; i < 10'000; ++i) {
        connection<Role> end = make<Role>(keys);
        feed(end, buffer, input, 100);
        static_cast<void>(end.send_text("x"));
        if (i % 3 == 0) static_cast<void>(end.close());
        if (i % 2 == 0) feed(end, buffer, closing, 3);
        if (i % 5 == 0) {
            connection<Role> moved(std::move(end));
            end = std::move(moved);
        }
    }
    CHECK((allocations() - before).live == 0);
    CHECK((allocations() - before).live_bytes == 0);
}

TEMPLATE_TEST_CASE_SIG("connection: survives that any of its allocations fails", "[allocation]",
                       ((role Role, bool Streams), Role, Streams), (role::server, false),
                       (role::client, false), (role::server, true), (role::client, true)) {
    const std::vector<std::byte> input = frame_writer(Role)
                                             .frame(0x01, std::string(300, 'a'))
                                             .ping(std::string(100, 'p'))
                                             .frame(0x00, std::string(600, 'b'))
                                             .frame(0x80, std::string(3000, 'c'))
                                             .text("short")
                                             .ping(std::string(125, 'q'))
                                             .close(1000, "the peer's reason")
                                             .bytes();
    std::vector<std::byte> buffer(200);
    for (const bool close_first : {false, true}) {
        for (const std::int64_t how_many : {1, 2, 1'000'000}) {
            int index = 0;
            for (bool more = true; more; ++index) {
                REQUIRE(index < 100);
                masking_key_source keys(seed);
                account result;
                const allocation_count before = allocations();
                {
                    auto end = make<Role, options{.stream_messages = Streams}>(keys);
                    const failing_allocations failing(index, how_many);
                    result = everything(end, buffer, input, close_first);
                    more = failing.happened();
                }
                const allocation_count taken = allocations() - before;
                CAPTURE(index, how_many, close_first);
                CHECK((result.out_of_memory > 0) == more); // told, and nothing else goes wrong
                CHECK(result.strange == 0);
                CHECK(result.terminal == 1);
                CHECK(taken.live_bytes == 0);
                CHECK(taken.throwing == 0);
            }
            CHECK(index >= (close_first ? 3 : 4)); // the last round was the one without a failure
        }
    }
}

TEMPLATE_TEST_CASE_SIG("connection: what could not be queued may be sent again", "[allocation]",
                       ((role Role), Role), role::server, role::client) {
    masking_key_source keys(seed);
    connection<Role> end = make<Role>(keys);
    std::array<errc, 7> refused{};
    {
        const failing_allocations failing(0, 100);
        refused = {end.send_text("a"),
                   end.send_binary({}),
                   end.send_fragment(opcode::text, {}, false),
                   end.ping(),
                   end.pong(),
                   end.close(),
                   end.close(close_code::no_status_received)};
    }
    for (const errc error : refused)
        CHECK(error == errc::out_of_memory);
    CHECK(end.state() == connection_state::open);
    CHECK_FALSE(end.close_sent());
    CHECK(end.output().empty());
    CHECK(end.send_fragment(opcode::text, bytes("\xE2\x82"), false) == errc::success);
    const std::vector<std::byte> large = bytes("\xAC" + std::string(10'000, 'x'));
    {
        const failing_allocations failing(0, 100);
        refused[0] = end.send_fragment(opcode::text, large, true);
        refused[1] = end.send_fragment(opcode::text, std::span(large).first(1), true);
    }
    CHECK(refused[0] == errc::out_of_memory);
    CHECK(refused[1] == errc::success); // the text goes on where it was
    CHECK(end.close() == errc::success);
    CHECK(words(frames_of(end.output()), Role) ==
          R"(text-("\xe2\x82") cont("\xac") close(1000 ""))");
}

TEST_CASE("connection: has memory for the rest of a message before any of it is written",
          "[allocation]") {
    connection<role::server> end;
    const std::vector<std::byte> payload(1000);
    int writes = 0;
    const auto write = [&](std::span<const std::byte>, std::span<const std::byte>) {
        const failing_allocations none(0, 1000);
        ++writes;
        return std::size_t{3};
    };
    {
        const failing_allocations none(0);
        CHECK(end.send_through(opcode::binary, payload, write) == errc::out_of_memory);
    }
    CHECK(writes == 0);
    CHECK(end.output().empty());
    CHECK(end.send_through(opcode::binary, payload, write) == errc::success);
    CHECK(writes == 1);
    CHECK(end.output().size() == 4 + payload.size() - 3);

    prepared_message message;
    REQUIRE(message.assign_binary(payload) == errc::success);
    connection<role::server> other;
    {
        const failing_allocations none(0);
        CHECK(other.send_through(message, write) == errc::out_of_memory);
    }
    CHECK(writes == 1);
    CHECK(other.output().empty());
    CHECK(other.send_through(message, write) == errc::success);
    CHECK(other.output().size() == 4 + payload.size() - 3);
}
