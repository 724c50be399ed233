// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Which timer of a stream runs out next.

#ifndef FRAMEWIRE_ASIO_DETAIL_DEADLINES_HPP
#define FRAMEWIRE_ASIO_DETAIL_DEADLINES_HPP

#include <framewire/asio/options.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace framewire::net::detail {

enum class deadline : std::uint8_t { none, open, close, idle, ping, pong, memory };

template <typename Clock> class deadlines {
public:
    using time_point = typename Clock::time_point;
    static constexpr time_point never = time_point::max();

    // The values are borrowed.
    explicit deadlines(const timeouts& values) noexcept : values_(values) {}

    // The first of the handshakes that open a stream starts it, for all of them.
    void opening(time_point now) noexcept {
        if (fixed_ == never) fixed_ = after(now, values_.open);
    }
    void opened(time_point now) noexcept {
        fixed_ = never;
        received_ = now;
    }
    // The closing handshake has a time of its own: nothing extends it.
    void closing(time_point now) noexcept {
        if (closing_) return;
        closing_ = true;
        fixed_ = after(now, values_.close);
    }
    void received(time_point now) noexcept {
        received_ = now;
        pinged_ = never;
    }
    void pinged(time_point now) noexcept { pinged_ = now; }
    // While nothing is read the peer cannot show that it lives.
    void stalled(bool yes) noexcept {
        if (stalled_ && !yes) received(Clock::now());
        stalled_ = yes;
    }
    // Memory was taken: a second later it is time to see whether it is still of use.
    void hold_memory(time_point now) noexcept { memory_ = now + std::chrono::seconds(1); }
    void memory_released() noexcept { memory_ = never; }
    // Nothing was received for so long that the next message is a rare one.
    [[nodiscard]] bool quiet(time_point now) const noexcept {
        return now - received_ > std::chrono::seconds(1);
    }
    [[nodiscard]] bool holds_memory() const noexcept { return memory_ != never; }

    [[nodiscard]] bool is_closing() const noexcept { return closing_; }
    [[nodiscard]] bool pending_ping() const noexcept { return pinged_ != never; }

    // The earliest of the timers, and when it runs out.
    struct next_deadline {
        deadline which = deadline::none;
        time_point when = never;

        void consider(deadline other, time_point then) noexcept {
            if (then < when) *this = {other, then};
        }
    };
    [[nodiscard]] next_deadline next(bool open) const noexcept {
        next_deadline result;
        result.consider(closing_ ? deadline::close : deadline::open, fixed_);
        result.consider(deadline::memory, memory_);
        if (!open || closing_ || stalled_) return result;
        result.consider(deadline::idle, after(received_, values_.idle));
        if (pinged_ != never) {
            result.consider(deadline::pong, after(pinged_, values_.pong));
        } else {
            result.consider(deadline::ping, after(received_, values_.ping));
        }
        return result;
    }
    [[nodiscard]] deadline expired(bool open, time_point now) const noexcept {
        const next_deadline first = next(open);
        return first.when <= now ? first.which : deadline::none;
    }

private:
    [[nodiscard]] static time_point after(time_point from,
                                          std::chrono::milliseconds delay) noexcept {
        if (delay.count() <= 0) return never;
        // A delay of centuries is as good as none, and must not wrap.
        constexpr auto longest = std::chrono::hours(24 * 365 * 100);
        return from + std::chrono::duration_cast<typename Clock::duration>(
                          std::min<std::chrono::milliseconds>(delay, longest));
    }

    const timeouts& values_;
    time_point fixed_ = never; // of the opening, then of the closing handshake
    time_point received_{};
    time_point pinged_ = never;
    time_point memory_ = never;
    bool closing_ = false;
    bool stalled_ = false;
};

} // namespace framewire::net::detail

#endif
