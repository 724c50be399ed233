// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/detail/frame_queue.hpp>

#include "support/allocation_counter.hpp"
#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/trace.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

using namespace framewire;
using namespace framewire::test;
using framewire::detail::first_octet;
using framewire::detail::frame_queue;

namespace {

constexpr std::byte text = first_octet(true, 0, opcode::text);

frame_queue<role::server> server_queue() {
    return frame_queue<role::server>(frame_encoder<role::server>{});
}

// How many bytes moved while frames of 102 bytes went out in front and came in behind.
template <class Queue> std::size_t moved_while_passing(Queue& queue,
                                                       const std::vector<std::byte>& payload,
                                                       int frames, std::uint64_t limit) {
    std::size_t moved = 0;
    for (int i = 0; i < frames; ++i) {
        queue.consume(102);
        const auto waiting = queue.bytes();
        const errc error = queue.push(text, payload, limit);
        if (error != errc::success) FAIL(message(error));
        if (queue.bytes().data() != waiting.data()) moved += waiting.size();
    }
    return moved;
}

template <class Queue> std::string queued(const Queue& queue) {
    return words(frames_of(queue.bytes()), role::server);
}

} // namespace

static_assert(sizeof(frame_queue<role::server>) <= 2 * sizeof(void*));

TEST_CASE("frame_queue: holds frames in the order they leave", "[rfc6455-6.1]") {
    auto queue = server_queue();
    CHECK(queue.bytes().empty());
    REQUIRE(queue.push(text, bytes("a")) == errc::success);
    REQUIRE(queue.push_pong(bytes("b"), 4096) == errc::success);
    REQUIRE(queue.push(first_octet(false, 0, opcode::binary), {}) == errc::success);
    REQUIRE(queue.push_close(close_code::going_away, "c") == errc::success);
    CHECK(queued(queue) == R"(text("a") pong("b") binary-("") close(1001 "c"))");
    queue.consume(3);
    CHECK(queued(queue) == R"(pong("b") binary-("") close(1001 "c"))");
}

TEST_CASE("frame_queue: its limit counts the whole frame", "[limits]") {
    auto queue = server_queue();
    CHECK(queue.push(text, bytes("abc"), 0) == errc::success); // nothing else waits
    CHECK(queue.push(text, {}, 6) == errc::output_full);
    CHECK(queue.push(text, {}, 0) == errc::output_full); // already over the limit
    CHECK(queue.push(text, {}, 7) == errc::success);
    CHECK(queued(queue) == R"(text("abc") text(""))");

    constexpr std::array<std::byte, 32> seed{};
    masking_key_source keys(seed);
    frame_queue<role::client> masked{frame_encoder<role::client>(keys)};
    CHECK(masked.push(text, {}) == errc::success);
    CHECK(masked.push(text, bytes("abc"), 6 + 8) == errc::output_full);
    CHECK(masked.push(text, bytes("abc"), 6 + 9) == errc::success);
    CHECK(words(frames_of(masked.bytes()), role::client) == R"(text("") text("abc"))");
}

TEST_CASE("frame_queue: beyond the backlog a Pong replaces the one before it", "[rfc6455-5.5.3]") {
    auto queue = server_queue();
    const auto pong = [&](const char* payload, std::uint64_t backlog) {
        REQUIRE(queue.push_pong(bytes(std::string_view(payload)), backlog) == errc::success);
        return queued(queue);
    };
    CHECK(pong("1", 3) == R"(pong("1"))");
    CHECK(pong("2", 3) == R"(pong("1") pong("2"))"); // the backlog is inclusive
    CHECK(pong("3", 3) == R"(pong("1") pong("3"))");
    CHECK(pong("longer", 3) == R"(pong("1") pong("longer"))");
    CHECK(pong("", 3) == R"(pong("1") pong(""))");
    CHECK(pong("6", 3) == R"(pong("1") pong("6"))");
    // What stands in the middle stays, and what has been written in part.
    REQUIRE(queue.push(text, bytes("x")) == errc::success);
    CHECK(pong("7", 3) == R"(pong("1") pong("6") text("x") pong("7"))");
    queue.consume(3 + 3 + 3 + 1);
    REQUIRE(queue.push_pong(bytes("8"), 0) == errc::success);
    CHECK(to_hex(queue.bytes()) == "01 37 8a 01 38");
    queue.consume(2);
    REQUIRE(queue.push_pong(bytes("9"), 0) == errc::success);
    CHECK(queued(queue) == R"(pong("9"))");
    queue.consume(3);
    CHECK(pong("10", 0) == R"(pong("10"))");
}

TEST_CASE("frame_queue: an empty Close has no status code", "[rfc6455-5.5.1]") {
    auto queue = server_queue();
    REQUIRE(queue.push_close(close_code::no_status_received, {}) == errc::success);
    CHECK(to_hex(queue.bytes()) == "88 00");
    queue.consume(2);
    REQUIRE(queue.push_close(close_code{4999}, std::string(123, 'r')) == errc::success);
    CHECK(queue.bytes().size() == 127);
    CHECK(queued(queue) == "close(4999 \"" + std::string(123, 'r') + "\")");
}

TEMPLATE_TEST_CASE("frame_queue: takes at most twice its limit, while it grows", "[allocation]",
                   (frame_queue<role::server>), (frame_queue<role::server, false>)) {
    constexpr std::int64_t limit = 1'000'000;
    // A little for control frames, and what stands before a block.
    constexpr std::int64_t most = 2 * limit + 1000;
    for (const std::size_t size : {20u, 1000u, 7777u, 250'000u, 650'000u, 900'000u}) {
        for (const std::size_t written : {0u, 10u, 5000u}) {
            CAPTURE(size, written);
            const std::vector<std::byte> payload(size);
            std::int64_t peak = 0;
            {
                TestType queue(frame_encoder<role::server>{});
                const std::int64_t before = allocations().live_bytes;
                reset_peak();
                for (std::size_t i = 0; i < 3'000'000 / size; ++i) {
                    const bool fits = queue.bytes().size() + 10 + size <= limit;
                    if (fits) (void)queue.push(text, payload, limit);
                    (void)queue.push_pong(bytes("pong"), 4096, limit);
                    if (queue.bytes().size() > 2 * written) queue.consume(written);
                }
                REQUIRE(queue.push_close(close_code::normal, "bye", limit) == errc::success);
                peak = peak_bytes() - before;
            }
            CHECK(peak > static_cast<std::int64_t>(size));
            CHECK(peak <= most);
        }
    }
}

TEST_CASE("frame_queue: without a limit of its own takes what passes it", "[limits]") {
    frame_queue<role::server, false> queue(frame_encoder<role::server>{});
    CHECK(queue.push(text, bytes("abc"), 0) == errc::success);
    CHECK(queue.push(text, bytes("d"), 0) == errc::success);
    CHECK(queue.push(text, std::vector<std::byte>(1000, std::byte{'x'}), 10) == errc::success);
    CHECK(queue.bytes().size() == 5 + 3 + 4 + 1000);
}

TEST_CASE("frame_queue: that is all but full moves no more than thrice of what is written",
          "[allocation]") {
    constexpr std::size_t limit = 100'000;
    const std::vector<std::byte> payload(100);
    auto queue = server_queue();
    while (queue.push(text, payload, limit) == errc::success)
        continue;
    const std::int64_t before = allocations().calls;
    const std::size_t moved = moved_while_passing(queue, payload, 20'000, limit);
    CHECK(allocations().calls - before <= 1); // to its last size, unless it has that
    CHECK(moved > 0);
    CHECK(moved <= std::size_t{3} * 102 * 20'000 + limit);
}

TEST_CASE("frame_queue: far beyond its limit it moves no more than a multiple of what is written",
          "[allocation]") {
    constexpr std::size_t limit = 10'000;
    const std::vector<std::byte> payload(100);
    frame_queue<role::server, false> queue(frame_encoder<role::server>{});
    while (queue.bytes().size() < 1'000'000 || queue.capacity() - queue.bytes().size() > 500)
        REQUIRE(queue.push(text, payload, limit) == errc::success);
    const std::size_t moved = moved_while_passing(queue, payload, 40'000, limit);
    CHECK(moved <= std::size_t{4} * 102 * 40'000);
}
