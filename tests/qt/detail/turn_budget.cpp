// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/qt/detail/turn_budget.hpp>

#include "support/catch.hpp"

#include <chrono>
#include <cstddef>
#include <thread>

using framewire::qt::detail::turn_budget;

namespace {

/// How many messages of that size are told in a turn whose time is over already.
int messages_too_late(turn_budget& budget, std::size_t size) {
    budget.begin();
    std::this_thread::sleep_for(turn_budget::time);
    for (int told = 0; told < 100; ++told) {
        if (budget.is_spent()) return told;
        budget.spend(size);
    }
    return 100;
}

} // namespace

TEST_CASE("turn_budget: the clock is asked after each long message and after some short ones") {
    turn_budget budget;
    CHECK(messages_too_late(budget, 0) == 16);
    CHECK(messages_too_late(budget, 64) == 8);
    CHECK(messages_too_late(budget, 960) == 1);
    CHECK(messages_too_late(budget, 1'000'000) == 1);
}

TEST_CASE("turn_budget: each turn has its own time") {
    turn_budget budget;
    CHECK(messages_too_late(budget, 1000) == 1);
    CHECK(budget.is_spent());
    budget.begin();
    CHECK_FALSE(budget.is_spent());
}
