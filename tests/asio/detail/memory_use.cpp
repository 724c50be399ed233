// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/asio/detail/memory_use.hpp>

#include "asio/support/fake_clock.hpp"
#include "support/catch.hpp"

#include <chrono>

using framewire::net::timeouts;
using framewire::net::detail::deadlines;
using framewire::net::detail::memory_use;
using framewire::test::fake_clock;

TEST_CASE("memory_use: a few turns give back at once, many only when they have stopped") {
    const timeouts values;
    deadlines<fake_clock> times(values);
    memory_use memory;
    CHECK_FALSE(memory.over_after_turn(times)); // nothing was used
    for (int turn = 0; turn < 4; ++turn) {
        memory.used();
        CHECK(memory.over_after_turn(times));
    }
    memory.used();
    CHECK_FALSE(memory.over_after_turn(times));
    CHECK(times.holds_memory());

    memory.used(); // meanwhile
    CHECK_FALSE(memory.over_on_timer(times, fake_clock::now(), false));
    CHECK_FALSE(memory.over_on_timer(times, fake_clock::now(), true)); // still looked at
    CHECK(times.holds_memory());
    CHECK(memory.over_on_timer(times, fake_clock::now(), false));
    CHECK_FALSE(times.holds_memory());
    memory.used();
    CHECK(memory.over_after_turn(times)); // begins anew
}

TEST_CASE("memory_use: turns with long breaks between them are all few") {
    const timeouts values;
    deadlines<fake_clock> times(values);
    memory_use memory;
    for (int turn = 0; turn < 20; ++turn) {
        memory.was_quiet();
        memory.used();
        CHECK(memory.over_after_turn(times));
    }
}
