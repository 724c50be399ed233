// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// How long a session may go on telling messages before others of its thread get their turn. A
// handler may take long, and one read brings thousands of messages.

#ifndef FRAMEWIRE_QT_DETAIL_TURN_BUDGET_HPP
#define FRAMEWIRE_QT_DETAIL_TURN_BUDGET_HPP

#include <chrono>
#include <cstddef>

namespace framewire::qt::detail {

class turn_budget {
public:
    static constexpr std::chrono::milliseconds time{5};

    void begin() noexcept {
        is_spent_ = false;
        ends_ = std::chrono::steady_clock::now() + time;
    }

    // A message was told. Asking the clock costs as much as a short one does, so that it is asked
    // less often for those.
    void spend(std::size_t message_size) noexcept {
        since_clock_ += 64 + message_size;
        if (since_clock_ < 1024) return;
        since_clock_ = 0;
        is_spent_ = std::chrono::steady_clock::now() >= ends_;
    }

    // What is left of the input waits for the next turn.
    [[nodiscard]] bool is_spent() const noexcept { return is_spent_; }

private:
    std::chrono::steady_clock::time_point ends_;
    std::size_t since_clock_ = 0;
    bool is_spent_ = false;
};

} // namespace framewire::qt::detail

#endif
