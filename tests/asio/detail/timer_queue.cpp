// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/asio/detail/timer_queue.hpp>

#include "asio/support/fake_clock.hpp"
#include "asio/support/test_stream.hpp"
#include "support/allocation_counter.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <memory>
#include <new>
#include <string>

using namespace framewire::test;
using namespace std::chrono_literals;

namespace {

// Notes when it rings; it can have no memory for that.
class alarm_clock final : public framewire::net::detail::operation_owner<fake_clock> {
public:
    alarm_clock(loop& events, std::string& log, char name)
        : operation_owner(events.context.get_executor()), log_(log), name_(name) {}

    void set(fake_clock::duration in) { timers().set(*this, fake_clock::now() + in); }
    void unset() { timers().unset(*this); }

    int refusals = 0;

private:
    void ring(std::shared_ptr<timed> /*self*/) override {
        if (refusals-- > 0) throw std::bad_alloc();
        log_ += name_;
    }
    void context_ended() noexcept override {}

    std::string& log_;
    const char name_;
};

struct two_clocks {
    loop events;
    std::string log;
    std::shared_ptr<alarm_clock> a = std::make_shared<alarm_clock>(events, log, 'a');
    std::shared_ptr<alarm_clock> b = std::make_shared<alarm_clock>(events, log, 'b');

    void advance(fake_clock::duration by) {
        fake_clock::advance(by);
        events.poll();
    }
};

} // namespace

TEST_CASE("timer_queue: each rings once, at its time") {
    two_clocks clocks;
    clocks.a->set(2s);
    clocks.b->set(1s); // earlier than what Asio waits for
    clocks.events.poll();
    CHECK(clocks.log.empty());
    clocks.advance(1s);
    CHECK(clocks.log == "b");
    clocks.advance(1s);
    CHECK(clocks.log == "ba");
    clocks.advance(10s);
    CHECK(clocks.log == "ba");
}

TEST_CASE("timer_queue: does not ring what was unset or is gone") {
    two_clocks clocks;
    clocks.a->set(1s);
    clocks.b->set(1s);
    clocks.a->unset();
    clocks.b.reset();
    clocks.advance(2s);
    CHECK(clocks.log.empty());
}

TEST_CASE("timer_queue: keeps the context running only while there is a time to wait for") {
    two_clocks clocks;
    clocks.events.poll();
    CHECK(clocks.events.context.stopped());
    clocks.a->set(1h);
    clocks.events.poll();
    CHECK_FALSE(clocks.events.context.stopped());
    clocks.a->unset();
    clocks.events.poll();
    CHECK(clocks.events.context.stopped());
}

TEST_CASE("timer_queue: to set a time, and to ring, takes no memory") {
    two_clocks clocks;
    clocks.log.reserve(100);
    throwing_allocations memory(0, 1'000'000);
    const auto without = [&](auto act) { REQUIRE(memory.during(act)); };
    without([&] { clocks.a->set(3s); });
    without([&] { clocks.b->set(2s); });
    clocks.events.poll();
    without([&] { clocks.b->set(1s); });
    without([&] { clocks.a->set(2s); });
    clocks.events.poll(); // which takes some itself
    fake_clock::advance(1s);
    clocks.events.poll();
    CHECK(clocks.log == "b");
    without([&] { clocks.b->set(1s); });
    without([&] { clocks.a->unset(); });
    fake_clock::advance(1s);
    clocks.events.poll();
    CHECK(clocks.log == "bb");
    without([&] { clocks.a.reset(); });
    CHECK_FALSE(memory.happened());
}

TEST_CASE("timer_queue: what has no memory to ring rings a second later, and the others on time") {
    two_clocks clocks;
    clocks.a->set(1s);
    clocks.b->set(1s);
    clocks.a->refusals = 2;
    fake_clock::advance(1s);
    CHECK_THROWS_AS(clocks.events.poll(), std::bad_alloc);
    clocks.events.poll();
    CHECK(clocks.log == "b");
    fake_clock::advance(1s);
    CHECK_THROWS_AS(clocks.events.poll(), std::bad_alloc);
    clocks.events.poll();
    CHECK(clocks.log == "b");
    clocks.advance(1s);
    CHECK(clocks.log == "ba");
}
