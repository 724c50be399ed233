// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Decides when a session gives its buffers back. Small ones go at the end of each turn, which costs
// next to nothing; large ones only when nothing large has come for a while, since the system takes
// its time to give them.

#ifndef FRAMEWIRE_QT_DETAIL_IDLE_WATCH_HPP
#define FRAMEWIRE_QT_DETAIL_IDLE_WATCH_HPP

#include <QBasicTimer>
#include <QObject>
#include <QTimerEvent>

#include <utility>

namespace framewire::qt::detail {

class idle_watch {
public:
    // A turn is over that took so many bytes. True when buffers are to be given back now.
    [[nodiscard]] bool gives_back_after(qint64 bytes, QObject& receiver) {
        if (bytes < large_turn) return !timer_.isActive();
        busy_ = true;
        if (!timer_.isActive()) timer_.start(idle_time, Qt::CoarseTimer, &receiver);
        return false;
    }

    [[nodiscard]] bool owns(const QTimerEvent& event) const noexcept {
        return event.timerId() == timer_.timerId();
    }
    // True when buffers are to be given back now.
    [[nodiscard]] bool gives_back_on_timer() {
        if (std::exchange(busy_, false)) return false;
        timer_.stop();
        return true;
    }

private:
    // In bytes: what fills the receive buffer. Below that, taking memory anew costs less than a
    // tenth of moving so much through the system.
    static constexpr qint64 large_turn = 131'072;
    static constexpr int idle_time = 1'000; // milliseconds

    QBasicTimer timer_;
    bool busy_ = false; // since the timer fired last
};

} // namespace framewire::qt::detail

#endif
