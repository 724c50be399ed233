// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/qt/detail/heartbeat.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <span>

using framewire::qt::keep_alive;
using framewire::qt::detail::heartbeat;
using namespace std::chrono_literals;

// The timer's events are played by the test, so that the lengths of the intervals do not matter.
TEST_CASE(
    "heartbeat: the first event is a ping, and one without a sign of life behind it the end") {
    QObject receiver;
    heartbeat h(keep_alive{1h, 1h}, receiver);
    h.start();
    CHECK(h.fired() == heartbeat::beat::ping);
    CHECK(h.fired() == heartbeat::beat::dead);
}

TEST_CASE("heartbeat: anything received is a sign of life, but only behind the ping") {
    QObject receiver;
    heartbeat h(keep_alive{1ms, 1h}, receiver);
    h.heard();
    CHECK(h.fired() == heartbeat::beat::ping);
    SECTION("none") { CHECK(h.fired() == heartbeat::beat::dead); }
    SECTION("one, and then none") {
        h.heard();
        // Either the interval is over or it waits for its end.
        heartbeat::beat next = h.fired();
        if (next == heartbeat::beat::none) next = h.fired();
        CHECK(next == heartbeat::beat::ping);
        CHECK(h.fired() == heartbeat::beat::dead);
    }
}

TEST_CASE("heartbeat: the interval goes on behind a short time for the answer") {
    QObject receiver;
    heartbeat h(keep_alive{1h, 1ms}, receiver);
    CHECK(h.fired() == heartbeat::beat::ping);
    h.heard();
    CHECK(h.fired() == heartbeat::beat::none);
    CHECK(h.fired() == heartbeat::beat::ping);
    CHECK(h.fired() == heartbeat::beat::dead);
}

TEST_CASE("heartbeat: the pong of the last ping is the answer, and no other") {
    QObject receiver;
    heartbeat h(keep_alive{1h, 1h}, receiver);
    heartbeat::payload none{};
    CHECK_FALSE(h.answered(none)); // not before there was a ping
    CHECK_FALSE(h.answered({}));
    CHECK(h.fired() == heartbeat::beat::ping);
    const heartbeat::payload first = h.next_payload();
    CHECK(h.answered(first));
    CHECK(h.fired() == heartbeat::beat::ping);
    const heartbeat::payload second = h.next_payload();
    CHECK(first != second);
    CHECK_FALSE(h.answered(first));
    CHECK_FALSE(h.answered(std::span(second).first(7)));
    CHECK_FALSE(h.answered({}));
    CHECK(h.answered(second) >= 0us);
    CHECK(h.fired() == heartbeat::beat::ping);
}

TEST_CASE("heartbeat: without a time for the answer there is no end") {
    QObject receiver;
    heartbeat h(keep_alive{1h, 0ms}, receiver);
    for (int i = 0; i < 5; ++i)
        CHECK(h.fired() == heartbeat::beat::ping);
}
