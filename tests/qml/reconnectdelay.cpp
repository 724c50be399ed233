// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <reconnectdelay.h>

#include "support/catch.hpp"

#include <limits>

TEST_CASE("reconnectDelay: doubles up to the most, and the chance decides how much of it")
{
    CHECK(reconnectDelay(1, 1000, 30'000, 0) == 1000);
    CHECK(reconnectDelay(1, 1000, 30'000, 1) == 2000);
    CHECK(reconnectDelay(2, 1000, 30'000, 1) == 4000);
    CHECK(reconnectDelay(3, 1000, 30'000, 1) == 8000);
    CHECK(reconnectDelay(4, 1000, 30'000, 1) == 16'000);
    CHECK(reconnectDelay(5, 1000, 30'000, 1) == 30'000);
    CHECK(reconnectDelay(6, 1000, 30'000, 1) == 30'000);
    CHECK(reconnectDelay(6, 1000, 30'000, 0.5) == 15'500);
    CHECK(reconnectDelay(6, 1000, 30'000, 0) == 1000);
}

TEST_CASE("reconnectDelay: grows from no delay at all, too")
{
    CHECK(reconnectDelay(1, 0, 30'000, 0) == 0);
    CHECK(reconnectDelay(1, 0, 30'000, 1) == 2);
    CHECK(reconnectDelay(10, 0, 30'000, 1) == 1024);
    CHECK(reconnectDelay(20, 0, 30'000, 1) == 30'000);
}

TEST_CASE("reconnectDelay: stays within its bounds whatever it is given")
{
    constexpr int huge = std::numeric_limits<int>::max();
    for (const int attempt : { -1, 0, 1, 2, 30, 31, 32, 33, 1000, huge }) {
        for (const double random : { -1.0, 0.0, 0.3, 1.0, 2.0 }) {
            CHECK(reconnectDelay(attempt, 1000, 30'000, random) >= 1000);
            CHECK(reconnectDelay(attempt, 1000, 30'000, random) <= 30'000);
            CHECK(reconnectDelay(attempt, -5, -7, random) == 0);
            CHECK(reconnectDelay(attempt, 0, 0, random) == 0);
            CHECK(reconnectDelay(attempt, 500, 100, random) == 500); // the least one holds
            CHECK(reconnectDelay(attempt, huge, huge, random) == huge);
        }
    }
}
