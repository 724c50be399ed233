// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What the streams of an execution context have in common: one Asio timer and one piece of work,
// since of its own they would be a fifth of what an idle stream takes; and an end, when the context
// ends.

#ifndef FRAMEWIRE_ASIO_DETAIL_TIMER_QUEUE_HPP
#define FRAMEWIRE_ASIO_DETAIL_TIMER_QUEUE_HPP

#include <framewire/asio/config.hpp>
#include <framewire/asio/detail/operation_memory.hpp>
#include <framewire/detail/inlining.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace framewire::net::detail {

// Something that wants to be woken at a time.
class timed : public std::enable_shared_from_this<timed> {
public:
    timed(const timed&) = delete;
    timed& operator=(const timed&) = delete;

protected:
    timed() noexcept = default;
    ~timed() = default;

private:
    template <typename> friend class timer_queue;
    static constexpr auto nowhere = static_cast<std::uint32_t>(-1);

    // Its time has come: to go on with that on its own executor. Any thread.
    virtual void ring(std::shared_ptr<timed> self) = 0;
    // The context ends: destroys the handlers that wait, which may own whatever owns this.
    virtual void context_ended() noexcept = 0;

    std::uint32_t place_ = nowhere; // in the heap; under the queue's lock
};

template <typename Clock> class timer_queue final : public io::execution_context::service {
public:
    using time_point = typename Clock::time_point;
    static inline io::execution_context::id id;

    explicit timer_queue(io::execution_context& context) : service(context) {}

    // The queue of the context that an executor belongs to.
    template <typename Executor> [[nodiscard]] static timer_queue& of(const Executor& executor) {
        auto& context = io::query(executor, io::execution::context);
        timer_queue& queue = io::use_service<timer_queue>(context);
        const std::lock_guard guard(queue.mutex_);
        if (!queue.timer_) queue.make_timer(off_strand(executor));
        return queue;
    }

    // Everybody is in the queue from beginning to end, whether he wants to be woken or not.
    void add(timed& who) {
        const std::lock_guard guard(mutex_);
        heap_.push_back({never, &who});
        who.place_ = static_cast<std::uint32_t>(heap_.size() - 1);
    }
    void remove(timed& who) noexcept {
        const std::lock_guard guard(mutex_);
        if (who.place_ == timed::nowhere) return;
        take_out(who.place_);
        if (heap_.empty()) heap_.shrink_to_fit();
        arm();
    }

    // The context is kept running while operations wait, whatever they wait for. Any thread.
    void operation_begun() {
        if (operations_.fetch_add(1) == 0) keep_running();
    }
    void operation_ended() noexcept {
        if (operations_.fetch_sub(1) == 1) keep_running();
    }

    // Rings once, at that time or soon after. Replaces what was set before.
    void set(timed& who, time_point when) noexcept {
        const std::lock_guard guard(mutex_);
        if (who.place_ != timed::nowhere) change(who.place_, when);
        arm();
    }
    // Does not ring any more.
    void unset(timed& who) noexcept { set(who, never); }

private:
    using timer_type = io::basic_waitable_timer<Clock, io::wait_traits<Clock>, io::any_io_executor>;
    static constexpr time_point never = time_point::max();

    struct item {
        time_point when;
        timed* who;
    };

    FRAMEWIRE_COLD void shutdown() noexcept override {
        {
            const std::lock_guard guard(mutex_);
            timer_.reset();
            work_.reset();
        }
        while (const std::shared_ptr<timed> who = next_to_end())
            who->context_ended();
    }
    [[nodiscard]] std::shared_ptr<timed> next_to_end() noexcept {
        const std::lock_guard guard(mutex_);
        while (!heap_.empty()) {
            timed* const who = heap_.back().who;
            take_out(heap_.size() - 1);
            if (std::shared_ptr<timed> alive = who->weak_from_this().lock()) return alive;
        }
        return nullptr;
    }

    // While there are operations. Their number may have changed again before the lock was taken.
    FRAMEWIRE_COLD void keep_running() noexcept {
        const std::lock_guard guard(mutex_);
        if (operations_.load() == 0 || !timer_) {
            work_.reset();
        } else if (!work_) {
            work_.emplace(
                io::prefer(timer_->get_executor(), io::execution::outstanding_work.tracked));
        }
    }

    // The timer is everybody's: on a strand it would wait for whatever runs there.
    template <typename Executor>
    [[nodiscard]] static io::any_io_executor off_strand(const Executor& executor) {
        if constexpr (requires { executor.get_inner_executor(); }) {
            return off_strand(executor.get_inner_executor());
        } else if constexpr (std::is_same_v<Executor, io::any_io_executor>) {
            using plain = io::io_context::executor_type;
            if (const auto* inner = executor.template target<io::strand<plain>>()) {
                return inner->get_inner_executor();
            }
            if (const auto* inner = executor.template target<io::strand<Executor>>()) {
                return off_strand(inner->get_inner_executor());
            }
            return executor;
        } else {
            return executor;
        }
    }

    // --- Asio's timer: one wait at a time, in the memory of the last one. So once there is a
    // timer, to set a time takes none.

    struct waiter {
        using allocator_type = operation_allocator<void>;
        timer_queue* queue;

        [[nodiscard]] allocator_type get_allocator() const noexcept {
            return allocator_type(queue->wait_memory_);
        }
        void operator()(const error_code& error) const { queue->waited(error); }
    };

    FRAMEWIRE_COLD void make_timer(const io::any_io_executor& executor) {
        timer_.emplace(executor);
        try {
            wait_until(Clock::now() + std::chrono::hours(1)); // to have the memory
        } catch (...) {
            timer_.reset();
            throw;
        }
        arm();
    }
    void wait_until(time_point when) {
        timer_->expires_at(when);
        timer_->async_wait(waiter{this});
        waiting_ = true;
        armed_ = when;
    }

    FRAMEWIRE_NEVER_INLINE void arm() noexcept {
        if (!timer_) return;
        const time_point next = heap_.empty() ? never : heap_.front().when;
        // When it fires too early, it looks again. But a wait for nobody would keep the context
        // running.
        if (next >= armed_ && next != never) return;
        if (waiting_) { // looks again when it is over
            if (std::exchange(armed_, never) != never) timer_->cancel();
            return;
        }
        if (next == never) return;
        try {
            wait_until(next);
        } catch (...) { // Asio's list of all timers could not grow: whoever comes next tries again
        }
    }

    void waited(const error_code& error) {
        {
            const std::lock_guard guard(mutex_);
            waiting_ = false;
            armed_ = never;
            if (error) return arm();
        }
        const time_point now = Clock::now();
        while (const std::shared_ptr<timed> who = next_due(now)) {
            try {
                who->ring(who);
            } catch (...) { // no memory for it
                set(*who, now + std::chrono::seconds(1));
                throw;
            }
        }
        const std::lock_guard guard(mutex_);
        arm();
    }

    [[nodiscard]] std::shared_ptr<timed> next_due(time_point now) {
        const std::lock_guard guard(mutex_);
        while (!heap_.empty() && heap_.front().when <= now) {
            timed* const who = heap_.front().who;
            change(0, never);
            // Whose end has begun waits for the lock, to take itself out.
            if (std::shared_ptr<timed> alive = who->weak_from_this().lock()) return alive;
        }
        return nullptr;
    }

    // --- A binary heap, the earliest in front

    void put(std::size_t place, item what) noexcept {
        heap_[place] = what;
        what.who->place_ = static_cast<std::uint32_t>(place);
    }
    void rise(std::size_t place) noexcept {
        const item moving = heap_[place];
        while (place != 0 && moving.when < heap_[(place - 1) / 2].when) {
            put(place, heap_[(place - 1) / 2]);
            place = (place - 1) / 2;
        }
        put(place, moving);
    }
    void sink(std::size_t place) noexcept {
        const item moving = heap_[place];
        for (std::size_t child = 2 * place + 1; child < heap_.size(); child = 2 * place + 1) {
            if (child + 1 < heap_.size() && heap_[child + 1].when < heap_[child].when) ++child;
            if (moving.when <= heap_[child].when) break;
            put(place, heap_[child]);
            place = child;
        }
        put(place, moving);
    }
    FRAMEWIRE_NEVER_INLINE void change(std::size_t place, time_point when) noexcept {
        heap_[place].when = when;
        timed* const who = heap_[place].who;
        rise(place);
        sink(who->place_);
    }
    FRAMEWIRE_COLD void take_out(std::size_t place) noexcept {
        heap_[place].who->place_ = timed::nowhere;
        const item last = heap_.back();
        heap_.pop_back();
        if (place == heap_.size()) return;
        put(place, last);
        rise(place);
        sink(last.who->place_);
    }

    std::mutex mutex_;
    std::vector<item> heap_;
    std::optional<timer_type> timer_;
    std::optional<io::any_io_executor> work_;
    std::atomic<std::size_t> operations_ = 0;
    operation_memory wait_memory_;
    time_point armed_ = never; // what the timer waits for, unless that was cancelled
    bool waiting_ = false;
};

// Somebody in the queue whose operations wait. It is in there from beginning to end.
template <typename Clock> class operation_owner : public timed {
public:
    using timers_type = timer_queue<Clock>;

    [[nodiscard]] timers_type& timers() noexcept { return timers_; }
    [[nodiscard]] operation_memory& memory() noexcept { return memory_; }
    void operation_begun() { timers_.operation_begun(); }

protected:
    template <typename Executor> explicit operation_owner(const Executor& executor)
        : timers_(timers_type::of(executor)) {
        timers_.add(*this);
    }
    ~operation_owner() { timers_.remove(*this); }

private:
    timers_type& timers_;
    operation_memory memory_;
};

} // namespace framewire::net::detail

#endif
