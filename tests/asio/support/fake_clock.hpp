// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A clock that the test moves. Timers over it fire from `io_context::poll()` as soon as they are
// due, and nothing ever waits.

#ifndef FRAMEWIRE_TESTS_ASIO_SUPPORT_FAKE_CLOCK_HPP
#define FRAMEWIRE_TESTS_ASIO_SUPPORT_FAKE_CLOCK_HPP

#include <framewire/asio/config.hpp>

#include <chrono>

namespace framewire::test {

struct fake_clock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<fake_clock>;
    static constexpr bool is_steady = true;

    [[nodiscard]] static time_point now() noexcept { return time_point(since_epoch); }

    /// Moves the clock. Timers fire at the next poll.
    static void advance(duration by) noexcept { since_epoch += by; }

private:
    // Not zero: a program may go back a little from now().
    static inline thread_local duration since_epoch = std::chrono::hours(1);
};

} // namespace framewire::test

// The system's timer always fires at once: then the reactor asks the fake clock what is due.
template <> struct framewire::net::io::wait_traits<framewire::test::fake_clock> {
    using clock = framewire::test::fake_clock;
    static clock::duration to_wait_duration(const clock::duration& /*left*/) noexcept {
        return clock::duration::zero();
    }
    static clock::duration to_wait_duration(const clock::time_point& /*due*/) noexcept {
        return clock::duration::zero();
    }
};

#endif
