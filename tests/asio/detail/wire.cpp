// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/asio/detail/client_engine.hpp> // for a client's keys
#include <framewire/asio/detail/wire.hpp>

#include "support/allocation_counter.hpp"
#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/peer.hpp"
#include "support/trace.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

using namespace framewire;
using namespace framewire::test;

namespace {

template <role Role> using wire = net::detail::wire<Role, options{}, no_extension>;

} // namespace

TEST_CASE("wire: the head goes before any frame, however it is cut") {
    wire<role::server> out(limits{}, {});
    REQUIRE(out.head().append(bytes_of("HEAD")));
    REQUIRE(out.frames().send_text("a") == errc::success);
    CHECK(out.size() == 4 + 3);
    CHECK(text_of(out.output()) == "HEAD");
    out.consume_output(3);
    CHECK_FALSE(out.head_is_written());
    CHECK(text_of(out.output()) == "D");
    CHECK(out.size() == 1 + 3);
    out.consume_output(1);
    CHECK(out.head_is_written());
    CHECK(text_of(out.output()) == "\x81\x01"
                                   "a");
    out.consume_output(2);
    CHECK(text_of(out.output()) == "a");
    out.consume_output(1);
    CHECK(out.size() == 0);
}

TEST_CASE("wire: what cannot be written any more is dropped, head and frames") {
    wire<role::server> out(limits{}, {});
    REQUIRE(out.head().append(bytes_of("HEAD")));
    REQUIRE(out.frames().send_text("a") == errc::success);
    out.drop_output();
    CHECK(out.size() == 0);
    CHECK(out.output().empty());
    CHECK(out.head_is_written());
}

TEST_CASE("wire: the limit of what waits is its owner's") {
    const limits bounds{.max_output = 10};
    wire<role::server> out(bounds, {});
    CHECK(out.frames().send_text(std::string(20, 'x')) == errc::success);
    CHECK(out.frames().send_text("y") == errc::success);
    CHECK(out.size() == 2 + 20 + 2 + 1);
}

TEST_CASE("wire: what waits takes at most twice the limit, while it grows", "[allocation]") {
    constexpr std::uint64_t limit = 1'000'000;
    const std::size_t size = GENERATE(100u, 7'000u, 300'000u, 600'000u);
    const std::vector<std::byte> payload(size);
    wire<role::server> out(limits{.max_output = limit}, {});
    out.opened(limits{.max_output = limit});
    const std::int64_t before = allocations().live_bytes;
    reset_peak();
    while (out.size() + size + 10 <= limit)
        REQUIRE(out.frames().send_binary(payload) == errc::success);
    CHECK(out.size() > limit / 2);
    CHECK(peak_bytes() - before <= static_cast<std::int64_t>(2 * limit + 1000));
}

TEST_CASE("wire: hands its memory to the next one when all is written") {
    wire<role::server> out(limits{}, {});
    wire<role::server> next(limits{}, {});
    out.take_memory();
    REQUIRE(out.frames().send_text(std::string(5000, 'x')) == errc::success);
    const std::byte* const block = out.output().data();
    const auto takes_it = [&] {
        next.take_memory();
        REQUIRE(next.frames().send_text("y") == errc::success);
        const bool taken = next.output().data() == block;
        next.drop_output();
        next.frames().release_memory();
        return taken;
    };
    out.leave_memory();
    CHECK_FALSE(takes_it());
    out.consume_output(out.size());
    CHECK_FALSE(takes_it());
    out.leave_memory();
    CHECK(takes_it());
}

TEST_CASE("wire: a client masks each frame with a key of its own") {
    wire<role::client> out(limits{}, {});
    REQUIRE(out.frames().send_text("same") == errc::success);
    REQUIRE(out.frames().send_text("same") == errc::success);
    const auto frames = frames_of(out.output());
    REQUIRE(frames.size() == 2);
    CHECK(words(frames, role::client) == "text(\"same\") text(\"same\")");
    CHECK(frames[0].key != frames[1].key);
}

TEST_CASE("wire: two clients do not mask alike") {
    wire<role::client> one(limits{}, {});
    wire<role::client> other(limits{}, {});
    REQUIRE(one.frames().send_text("same") == errc::success);
    REQUIRE(other.frames().send_text("same") == errc::success);
    CHECK(text_of(one.output()) != text_of(other.output()));
}

namespace {

// Agreed on during the opening handshake.
struct late_extension : no_extension {
    static constexpr std::uint8_t rsv = 4;
    using no_extension::no_extension;

    bool agreed = false;
    [[nodiscard]] bool active() const noexcept { return agreed; }
};

} // namespace

TEST_CASE("wire: an extension is looked at when the connection is open") {
    const bool agreed = GENERATE(true, false);
    net::detail::wire<role::server, options{}, late_extension> out(limits{}, {});
    out.frames().extension().agreed = agreed;
    out.opened(limits{});
    CHECK(out.frames().extension().agreed == agreed);
    auto bytes = frame_writer(role::server).frame(0xC1, "x").bytes();
    std::span<std::byte> in(bytes);
    const event e = out.frames().next(in);
    REQUIRE(e.kind == event_kind::failed);
    CHECK(e.error == (agreed ? errc::extension_data_invalid : errc::reserved_bits_set));
}
