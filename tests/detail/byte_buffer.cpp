// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/detail/byte_buffer.hpp>

#include "support/allocation_counter.hpp"
#include "support/bytes.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace framewire::test;
using framewire::detail::byte_buffer;

static_assert(sizeof(byte_buffer) == sizeof(void*));
static_assert(std::is_nothrow_default_constructible_v<byte_buffer>);
static_assert(std::is_nothrow_move_constructible_v<byte_buffer>);
static_assert(std::is_nothrow_move_assignable_v<byte_buffer>);
static_assert(!std::is_copy_constructible_v<byte_buffer>);

TEST_CASE("byte_buffer: holds nothing until something is put in", "[allocation]") {
    const allocation_count before = allocations();
    byte_buffer buffer;
    const bool empty = buffer.empty() && buffer.size() == 0 && buffer.bytes().empty();
    const bool appended = buffer.append({});
    buffer.consume(0);
    buffer.drop_back(0);
    buffer.commit(0);
    buffer.clear();
    buffer.release();
    const allocation_count taken = allocations() - before;
    CHECK(empty);
    CHECK(appended);
    CHECK(taken.calls == 0);
}

TEST_CASE("byte_buffer: is a queue, and can be cut at its end", "[byte_buffer]") {
    byte_buffer buffer;
    REQUIRE(buffer.append(bytes("Hello")));
    REQUIRE(buffer.append(bytes(", world")));
    CHECK(text_of(buffer.bytes()) == "Hello, world");
    buffer.consume(7);
    CHECK(text_of(buffer.bytes()) == "world");
    buffer.drop_back(2);
    CHECK(text_of(buffer.bytes()) == "wor");
    REQUIRE(buffer.append(bytes("k")));
    CHECK(text_of(buffer.bytes()) == "work");
    CHECK(buffer.size() == 4);
    buffer.consume(4);
    CHECK(buffer.empty());
    REQUIRE(buffer.append(bytes("again")));
    buffer.drop_back(5);
    CHECK(buffer.empty());
    REQUIRE(buffer.append(bytes("once more")));
    buffer.clear();
    CHECK(buffer.bytes().empty());
}

TEST_CASE("byte_buffer: gives room that is written to and then committed", "[byte_buffer]") {
    byte_buffer buffer;
    std::byte* room = buffer.prepare(100);
    REQUIRE(room != nullptr);
    CHECK(buffer.empty());
    room[0] = std::byte{'a'};
    room[99] = std::byte{'z'}; // inside, AddressSanitizer says
    buffer.commit(1);
    CHECK(text_of(buffer.bytes()) == "a");
    CHECK(buffer.prepare(1) == room + 1);
}

TEST_CASE("byte_buffer: keeps its bytes while it grows and moves down", "[byte_buffer]") {
    byte_buffer buffer;
    std::string expected;
    unsigned next = 0;
    // Sizes that hit every way of making room: none, moving down, growing.
    for (unsigned i = 0; i < 3000; ++i) {
        std::vector<std::byte> more;
        for (unsigned n = i * 7 % 61; n > 0; --n)
            more.push_back(static_cast<std::byte>(next++));
        REQUIRE(buffer.append(more));
        expected += text_of(more);
        const std::size_t size = std::min<std::size_t>(i * 13 % 67, expected.size());
        buffer.consume(size);
        expected.erase(0, size);
        if (text_of(buffer.bytes()) != expected) FAIL("after " << i);
    }
    CHECK(next > 10'000);
}

TEST_CASE("byte_buffer: a queue of steady length stops growing", "[allocation]") {
    byte_buffer buffer;
    const std::vector<std::byte> piece(100);
    for (int i = 0; i < 10; ++i)
        REQUIRE(buffer.append(piece));
    for (int i = 0; i < 100; ++i) {
        REQUIRE(buffer.append(piece));
        buffer.consume(100);
    }
    const allocation_count before = allocations();
    bool right = true;
    for (int i = 0; i < 10'000; ++i) {
        right = right && buffer.append(piece);
        buffer.consume(100);
    }
    CHECK((allocations() - before).calls == 0);
    CHECK(right);
    CHECK(buffer.size() == 1000);
}

TEST_CASE("byte_buffer: never takes more than twice what it held at most", "[allocation]") {
    std::uint32_t random = 1;
    const auto below = [&random](std::size_t bound) {
        random = random * 1664525 + 1013904223;
        return (random >> 8) % bound;
    };
    for (int round = 0; round < 50; ++round) {
        const std::int64_t live = allocations().live_bytes;
        byte_buffer buffer;
        std::size_t highest = 256;
        for (int i = 0; i < 300; ++i) {
            static constexpr std::byte piece[300]{};
            bool right = buffer.append(std::span(piece).first(below(300)));
            highest = std::max(highest, buffer.size());
            buffer.consume(below(buffer.size() / 2 + 1));
            right = right &&
                    allocations().live_bytes - live <= 2 * static_cast<std::int64_t>(highest) + 24;
            if (!right) FAIL(allocations().live_bytes - live << " for " << highest);
        }
    }
}

TEST_CASE("byte_buffer: grows by doubling, up to what is expected", "[allocation]") {
    const std::int64_t live = allocations().live_bytes;
    byte_buffer buffer;
    const std::vector<std::byte> piece(1000);
    const std::int64_t before = allocations().calls;
    bool right = true;
    for (int i = 0; i < 1000; ++i)
        right = right && buffer.append(piece);
    CHECK(right);
    CHECK(allocations().calls - before <= 12); // from 1,000 to 1,000,000

    byte_buffer known;
    const std::int64_t other = allocations().live_bytes;
    for (int i = 0; i < 1000; ++i)
        right = right && known.append(piece, 1'000'000);
    CHECK(right);
    CHECK(allocations().live_bytes - other <= 1'000'000 + 64);
    REQUIRE(known.append(piece, 1'000'000)); // more than was expected is no error
    CHECK(known.size() == 1'001'000);
    buffer.release();
    known.release();
    CHECK(buffer.empty());
    CHECK(allocations().live_bytes - live - static_cast<std::int64_t>(piece.capacity()) <= 0);
}

TEST_CASE("byte_buffer: of a queue has no size between a half of the last one and that",
          "[allocation]") {
    const auto how = byte_buffer::growth::of_queue(3000);
    const auto taken_for = [&](std::size_t first, std::size_t then) {
        byte_buffer buffer;
        const std::int64_t before = allocations().live_bytes;
        bool right = buffer.append(std::vector<std::byte>(first), how);
        if (then != 0) right = right && buffer.append(std::vector<std::byte>(then), how);
        const std::int64_t taken = allocations().live_bytes - before;
        return right ? taken - static_cast<std::int64_t>(3 * sizeof(std::size_t)) : -1;
    };
    CHECK(taken_for(500, 0) == 500);
    CHECK(taken_for(500, 1) == 1000);
    CHECK(taken_for(1128, 1) == 2256);
    CHECK(taken_for(1129, 1) == 4512);
    CHECK(taken_for(2257, 0) == 4512);
    CHECK(taken_for(4512, 0) == 4512);
    CHECK(taken_for(5000, 0) == 5000); // one message may be larger
    CHECK(taken_for(5000, 1) == 6666); // a third more, beyond the last
    // A limit that is none.
    const std::int64_t before = allocations().live_bytes;
    byte_buffer other;
    const auto none = byte_buffer::growth::of_queue(static_cast<std::uint64_t>(-1));
    CHECK(other.append(std::vector<std::byte>(1000), none));
    CHECK(other.append(std::vector<std::byte>(1), none));
    CHECK(allocations().live_bytes - before < 2100);
}

TEST_CASE("byte_buffer: stays as it was when there is no memory", "[allocation]") {
    byte_buffer buffer;
    bool refused = false;
    {
        const failing_allocations failing(0, 100);
        refused = buffer.prepare(1) == nullptr && !buffer.append(std::vector<std::byte>(3));
    }
    CHECK(refused);
    CHECK(buffer.empty());
    REQUIRE(buffer.append(bytes("kept")));
    const std::vector<std::byte> large(10'000);
    {
        const failing_allocations failing(0, 100);
        refused = !buffer.append(large);
    }
    CHECK(refused);
    CHECK(text_of(buffer.bytes()) == "kept");
    // Sizes that no memory has, and whose sum with anything would wrap around. Volatile, since a
    // compiler that knows them warns of what is tested here.
    volatile std::size_t most = static_cast<std::size_t>(-1);
    CHECK(buffer.prepare(most) == nullptr);
    CHECK(buffer.prepare(most / 2) == nullptr);
    CHECK(buffer.prepare(most - 100, 5) == nullptr);
    CHECK(text_of(buffer.bytes()) == "kept");
}

TEST_CASE("byte_buffer: moves without copying", "[byte_buffer]") {
    byte_buffer one;
    REQUIRE(one.append(bytes("one")));
    const std::byte* const at = one.bytes().data();
    byte_buffer two(std::move(one));
    CHECK(two.bytes().data() == at);
    byte_buffer three;
    REQUIRE(three.append(bytes("three")));
    three = std::move(two);
    CHECK(three.bytes().data() == at);
    CHECK(text_of(three.bytes()) == "one");
}
