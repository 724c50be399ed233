// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/qt/detail/idle_watch.hpp>

#include "qt/support/loop.hpp"
#include "support/catch.hpp"

#include <QTimerEvent>

namespace {
class receiver final : public QObject {
public:
    framewire::qt::detail::idle_watch watch;
    int times_fired = 0;
    int gave_back = 0;

protected:
    void timerEvent(QTimerEvent* event) override {
        if (!watch.owns(*event)) return QObject::timerEvent(event);
        ++times_fired;
        if (watch.gives_back_on_timer()) ++gave_back;
    }
};
} // namespace

TEST_CASE("idle_watch: small buffers go at once, large ones when nothing large comes any more") {
    receiver r;
    CHECK(r.watch.gives_back_after(100, r));
    CHECK(r.watch.gives_back_after(65'550, r)); // a message of 64 KiB
    CHECK_FALSE(r.watch.gives_back_after(131'072, r));
    CHECK_FALSE(r.watch.gives_back_after(100, r)); // the large one is still there
    REQUIRE(framewire::test::wait_for([&] { return r.gave_back != 0; }));
    CHECK(r.times_fired == 2); // one full round without a large turn
    CHECK(r.watch.gives_back_after(100, r));
}
