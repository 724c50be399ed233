// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Decides when a stream gives its buffers back: that of who talks rarely after each turn; that of
// who talks much, when he has stopped.

#ifndef FRAMEWIRE_ASIO_DETAIL_MEMORY_USE_HPP
#define FRAMEWIRE_ASIO_DETAIL_MEMORY_USE_HPP

#include <framewire/asio/detail/deadlines.hpp>

#include <cstdint>
#include <utility>

namespace framewire::net::detail {

class memory_use {
public:
    // A message was received or sent.
    void used() noexcept { used_ = true; }
    // Nothing had come for a while before what came now.
    void was_quiet() noexcept { turns_ = 0; }

    // Both: true when buffers are to be given back now.
    template <typename Clock> [[nodiscard]] bool over_after_turn(deadlines<Clock>& times) noexcept {
        if (!std::exchange(used_, false) || times.holds_memory()) return false;
        if (turns_ == few_turns) {
            times.hold_memory(Clock::now());
            return false;
        }
        ++turns_;
        return true;
    }
    template <typename Clock> [[nodiscard]] bool
    over_on_timer(deadlines<Clock>& times, typename Clock::time_point now, bool needed) noexcept {
        if (std::exchange(used_, false) || needed) {
            times.hold_memory(now);
            return false;
        }
        turns_ = 0;
        times.memory_released();
        return true;
    }

private:
    static constexpr std::uint8_t few_turns = 4;

    bool used_ = false;      // since it was last looked at
    std::uint8_t turns_ = 0; // with messages, since nothing came for a while
};

} // namespace framewire::net::detail

#endif
