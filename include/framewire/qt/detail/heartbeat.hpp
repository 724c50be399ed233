// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The pings of keep_alive: when to send one, which pong answers it, and when the peer is given up.

#ifndef FRAMEWIRE_QT_DETAIL_HEARTBEAT_HPP
#define FRAMEWIRE_QT_DETAIL_HEARTBEAT_HPP

#include <framewire/qt/keep_alive.hpp>

#include <QBasicTimer>
#include <QElapsedTimer>
#include <QObject>
#include <QRandomGenerator>
#include <QTimerEvent>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

namespace framewire::qt::detail {

class heartbeat {
public:
    enum class beat : std::uint8_t { none, ping, dead };
    using payload = std::array<std::byte, 8>;

    heartbeat(const keep_alive& times, QObject& receiver) : times_(times), receiver_(receiver) {}

    void start() { wait(times_.ping); }
    [[nodiscard]] bool owns(const QTimerEvent& event) const noexcept {
        return event.timerId() == timer_.timerId();
    }

    // The peer has shown that it lives.
    void heard() noexcept { heard_ = true; }

    // What to do now: send a ping with next_payload(), or leave.
    [[nodiscard]] beat fired() {
        if (waiting_ && !heard_) {
            timer_.stop();
            return beat::dead;
        }
        const std::chrono::milliseconds left = left_of_interval();
        if (waiting_ && left.count() > 0) {
            waiting_ = false;
            wait(left);
            return beat::none;
        }
        heard_ = false;
        sent_.start();
        waiting_ = times_.pong.count() > 0;
        wait(waiting_ ? times_.pong : times_.ping);
        return beat::ping;
    }

    // Nobody else can know it, so that pongs of other pings are told from those of ours.
    [[nodiscard]] const payload& next_payload() {
        QRandomGenerator::global()->generate(words_.begin(), words_.end());
        std::size_t at = 0;
        for (const std::byte b : std::as_bytes(std::span(words_)))
            payload_[at++] = b;
        return payload_;
    }

    // How long the answer took, when this pong is the answer to the last ping.
    [[nodiscard]] std::optional<std::chrono::microseconds>
    answered(std::span<const std::byte> pong) {
        if (!sent_.isValid() ||
            !std::equal(pong.begin(), pong.end(), payload_.begin(), payload_.end())) {
            return {};
        }
        const std::chrono::nanoseconds elapsed(sent_.nsecsElapsed());
        if (waiting_) {
            waiting_ = false;
            wait(left_of_interval());
        }
        return std::chrono::duration_cast<std::chrono::microseconds>(elapsed);
    }

private:
    [[nodiscard]] std::chrono::milliseconds left_of_interval() const {
        const std::chrono::milliseconds elapsed(sent_.isValid() ? sent_.elapsed() : 0);
        return std::max(times_.ping - elapsed, std::chrono::milliseconds(0));
    }

    void wait(std::chrono::milliseconds time) {
        constexpr auto most = static_cast<std::int64_t>(std::numeric_limits<int>::max());
        timer_.start(static_cast<int>(std::min<std::int64_t>(time.count(), most)), Qt::CoarseTimer,
                     &receiver_);
    }

    keep_alive times_;
    QObject& receiver_;
    QBasicTimer timer_;
    QElapsedTimer sent_; // the last ping
    std::array<std::uint32_t, 2> words_{};
    payload payload_{};
    bool waiting_ = false; // for a sign of life
    bool heard_ = false;   // since the last ping
};

} // namespace framewire::qt::detail

#endif
