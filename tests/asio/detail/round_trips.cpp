// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/asio/detail/round_trips.hpp>

#include "asio/support/fake_clock.hpp"
#include "asio/support/noted_operation.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <cstddef>
#include <span>
#include <vector>

using namespace std::chrono_literals;
using framewire::test::fake_clock;
using round_trips = framewire::net::detail::round_trips<fake_clock>;
using waiting_ping = framewire::test::noted_operation<std::chrono::nanoseconds>;

namespace {

std::vector<std::byte> copy_of(std::span<const std::byte> bytes) {
    return {bytes.begin(), bytes.end()};
}

} // namespace

TEST_CASE("round_trips: everybody who waits is told the time since the Ping was sent") {
    waiting_ping first;
    waiting_ping second;
    round_trips pings;
    const auto payload = copy_of(pings.next_payload());
    pings.sent(fake_clock::now());
    pings.waiting().push(&first);
    fake_clock::advance(3ms);
    pings.waiting().push(&second); // asked while it was under way
    fake_clock::advance(4ms);
    pings.take_pong(payload);
    CHECK(first.calls == 1);
    CHECK_FALSE(first.error);
    CHECK(first.rest == 7ms);
    CHECK(second.calls == 1);
    CHECK(second.rest == 7ms);
    CHECK(pings.waiting().empty());
}

TEST_CASE("round_trips: only the answer to the last Ping counts") {
    waiting_ping op;
    round_trips pings;
    const auto before = copy_of(pings.next_payload());
    const auto last = copy_of(pings.next_payload());
    pings.waiting().push(&op);
    pings.take_pong(before);
    CHECK(op.calls == 0);
    pings.take_pong(last);
    CHECK(op.calls == 1);
}

TEST_CASE("round_trips: a Pong of any other length is no answer") {
    waiting_ping op;
    round_trips pings;
    auto payload = copy_of(pings.next_payload());
    pings.waiting().push(&op);
    pings.take_pong({});
    pings.take_pong(std::span(payload).first(payload.size() - 1));
    auto longer = payload;
    longer.push_back({});
    pings.take_pong(longer);
    CHECK(op.calls == 0);
    pings.take_pong(payload);
    CHECK(op.calls == 1);
}
