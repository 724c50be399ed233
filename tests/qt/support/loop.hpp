// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Runs the event loop until something is true. The bound is there to end a test that would hang,
// and far above what any test needs.

#ifndef FRAMEWIRE_TESTS_QT_LOOP_HPP
#define FRAMEWIRE_TESTS_QT_LOOP_HPP

#include <QCoreApplication>
#include <QDeadlineTimer>
#include <QEventLoop>
#include <QTimer>

namespace framewire::test {

template <class Predicate> bool wait_for(Predicate predicate, int milliseconds = 30'000) {
    const QDeadlineTimer deadline(milliseconds);
    QTimer tick; // so that the loop looks at the clock when nothing happens
    tick.start(50);
    while (!predicate()) {
        if (deadline.hasExpired()) return false;
        QCoreApplication::processEvents(QEventLoop::AllEvents | QEventLoop::WaitForMoreEvents);
        QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
    }
    return true;
}

/// Lets everything happen that is due already.
inline void run_what_is_due() {
    for (int i = 0; i < 10; ++i) {
        QCoreApplication::processEvents();
        QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
    }
}

} // namespace framewire::test

#endif
