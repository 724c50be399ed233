// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Completion handlers that wait in a stream, without their types.

#ifndef FRAMEWIRE_ASIO_DETAIL_OPERATION_HPP
#define FRAMEWIRE_ASIO_DETAIL_OPERATION_HPP

#include <framewire/asio/config.hpp>
#include <framewire/asio/detail/operation_memory.hpp>
#include <framewire/detail/inlining.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace framewire::net::detail {

enum class delivery : std::uint8_t {
    here,  // the caller runs on the stream's executor, and outside of any initiating function
    later, // by way of the executor's queue
    never, // the handler is destroyed, and cannot be cancelled any more
    lost,  // the same at the end of the execution context, when its cancellation may be gone
};

// What a handler is called with: an error, and perhaps something else that there is to tell. Much
// less to compile than std::tuple and std::apply.
template <typename... Rest> struct outcome;
template <> struct outcome<> {
    error_code error;

    template <typename Handler> void give_to(Handler&& handler) {
        std::forward<Handler>(handler)(std::move(error));
    }
};
template <typename T> struct outcome<T> {
    error_code error;
    T rest;

    template <typename Handler> void give_to(Handler&& handler) {
        std::forward<Handler>(handler)(std::move(error), std::move(rest));
    }
};

// Without what it is completed with.
class any_operation {
public:
    any_operation* next = nullptr; // of a queue

    // `never` or `lost`.
    void destroy(delivery how) noexcept { run_(this, how, nullptr); }

protected:
    using function = void (*)(any_operation*, delivery, void* outcome);
    explicit any_operation(function run) noexcept : run_(run) {}
    ~any_operation() = default;

    void end(delivery how, void* outcome) { run_(this, how, outcome); }

private:
    function run_;
};

// Completed with an outcome.
template <typename... Rest> class operation : public any_operation {
public:
    template <typename... From>
    void complete(delivery how, const error_code& error, From&&... rest) {
        destroyer unless_copied{this};
        outcome<Rest...> all{error, std::forward<From>(rest)...};
        unless_copied.op = nullptr;
        this->end(how, &all);
    }
    FRAMEWIRE_COLD void fail(const error_code& error) {
        complete(delivery::later, error, Rest{}...);
    }

protected:
    using any_operation::any_operation;
    ~operation() = default;

private:
    struct destroyer {
        operation* op;
        ~destroyer() {
            if (op != nullptr) op->destroy(delivery::never);
        }
    };
};

// Gives the handler what the operation was completed with.
struct as_it_is {
    template <typename Outcome> Outcome&& operator()(Outcome& all) const { return std::move(all); }
};

template <typename Handler> void clear_cancellation(const Handler& handler) {
#if FRAMEWIRE_ASIO_HAS_CANCELLATION
    auto slot = io::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) slot.clear();
#else
    (void)handler;
#endif
}

// Keeps the context of an executor running: half the size of Asio's guard, where that can be.
template <typename Executor> [[nodiscard]] auto work_for(const Executor& executor) {
    if constexpr (io::execution::is_executor<Executor>::value) {
        return io::prefer(executor, io::execution::outstanding_work.tracked);
    } else {
        return io::executor_work_guard<Executor>(executor);
    }
}

// Whether a handler says on which executor it runs. One that does not takes any that it is offered.
template <typename Handler, typename Executor> inline constexpr bool has_own_executor =
    !std::is_same_v<io::associated_executor_t<Handler, Executor>, Executor> ||
    !std::is_same_v<io::associated_executor_t<Handler, io::system_executor>, io::system_executor>;

// Work for the executor of a handler, unless it is the operation's own, which is kept running by
// its owner.
template <typename Executor, typename Own> class other_work {
    using work = decltype(work_for(std::declval<const Executor&>()));
    static constexpr bool may_be_own = std::is_same_v<Executor, Own>;

public:
    other_work(const Executor& executor, const Own& own) : work_(made(executor, own)) {}

private:
    using holder = std::conditional_t<may_be_own, std::unique_ptr<work>, work>;

    [[nodiscard]] static holder made(const Executor& executor, const Own& own) {
        if constexpr (may_be_own) {
            return executor == own ? nullptr : std::make_unique<work>(work_for(executor));
        } else {
            (void)own;
            return work_for(executor);
        }
    }

    holder work_;
};
struct no_other_work {};

// Of a handler and its owner, whose operation it is. `Finish` turns what the operation was
// completed with into the arguments of the handler, on the spot.
template <typename Owner, typename Handler, typename Finish, typename... Rest>
class operation_for final : public operation<Rest...> {
    using executor_type = typename Owner::executor_type;
    using handler_executor = io::associated_executor_t<Handler, executor_type>;
    static constexpr bool own_executor = has_own_executor<Handler, executor_type>;
    using work_type = std::conditional_t<own_executor, other_work<handler_executor, executor_type>,
                                         no_other_work>;
    using handler_allocator = io::associated_allocator_t<Handler>;
    // Asio's default allocator says nothing: then the owner's memory does.
    static constexpr bool own_memory = std::is_same_v<handler_allocator, std::allocator<void>>;
    using allocator =
        typename std::allocator_traits<handler_allocator>::template rebind_alloc<operation_for>;

public:
    [[nodiscard]] static operation<Rest...>* make(Owner& owner, Handler&& handler, Finish finish) {
        if constexpr (own_memory) {
            void* const block = owner.memory().allocate(sizeof(operation_for));
            try {
                return new (block) operation_for(owner, std::move(handler), std::move(finish));
            } catch (...) {
                owner.memory().deallocate(block, sizeof(operation_for));
                throw;
            }
        } else {
            allocator alloc(io::get_associated_allocator(handler));
            void* const block = std::allocator_traits<allocator>::allocate(alloc, 1);
            try {
                return new (block) operation_for(owner, std::move(handler), std::move(finish));
            } catch (...) {
                std::allocator_traits<allocator>::deallocate(alloc,
                                                             static_cast<operation_for*>(block), 1);
                throw;
            }
        }
    }

private:
    operation_for(Owner& owner, Handler&& handler, Finish finish)
        : operation<Rest...>(&run_for), owner_(owner), handler_(std::move(handler)),
          finish_(std::move(finish)), work_(work_of(owner, handler_)) {
        owner.operation_begun();
    }

    [[nodiscard]] static work_type work_of(Owner& owner, const Handler& handler) {
        if constexpr (own_executor) {
            const executor_type executor = owner.executor();
            return work_type(io::get_associated_executor(handler, executor), executor);
        } else {
            return {};
        }
    }

    static void run_for(any_operation* base, delivery how, void* all) {
        auto* const self = static_cast<operation_for*>(base);
        Owner& owner = self->owner_;
        // To be told when the handler may have started the next operation, which keeps the context
        // running, and has the memory of this one.
        const ending end(owner, how);
        Handler handler(std::move(self->handler_));
        Finish finish(std::move(self->finish_));
        work_type work(std::move(self->work_));
        free(self, handler);
        if (how == delivery::lost) return;
        clear_cancellation(handler);
        if (how == delivery::never) return;
        deliver(owner, how, std::move(handler), finish(*static_cast<outcome<Rest...>*>(all)),
                std::move(work));
    }
    class ending {
    public:
        ending(Owner& owner, delivery how) noexcept : timers_(&owner.timers()) {
            if constexpr (requires { owner.leave_share(); }) {
                if (how != delivery::here) return;
                owner.leave_share();
                timers_ = nullptr;
            }
        }
        ending(const ending&) = delete;
        ending& operator=(const ending&) = delete;
        ~ending() {
            if (timers_ != nullptr) timers_->operation_ended();
        }

    private:
        typename Owner::timers_type* timers_; // the owner may be gone by then
    };

    template <typename Results> static void deliver(Owner& owner, delivery how, Handler&& handler,
                                                    Results&& results, work_type&& work) {
        if constexpr (!own_executor) {
            if (how == delivery::here) {
                results.give_to(std::move(handler));
            } else {
                io::post(owner.executor(),
                         bound(std::move(handler), std::forward<Results>(results)));
            }
        } else {
            const executor_type executor = owner.executor();
            const handler_executor target = io::get_associated_executor(handler, executor);
            bool at_home = false;
            if constexpr (std::is_same_v<handler_executor, executor_type>) {
                at_home = target == executor;
            }
            if (at_home && how == delivery::here) {
                results.give_to(std::move(handler));
            } else if (how == delivery::here) {
                io::dispatch(target, bound(std::move(handler), std::forward<Results>(results)));
            } else if (at_home) {
                io::post(executor, bound(std::move(handler), std::forward<Results>(results)));
            } else {
                // Posting to the executor of a future would start threads.
                io::post(executor, [target, work = std::move(work),
                                    bound = bound(std::move(handler),
                                                  std::forward<Results>(results))]() mutable {
                    io::dispatch(target, std::move(bound));
                });
            }
        }
    }
    template <typename Results>
    [[nodiscard]] static auto bound(Handler&& handler, Results&& results) {
        return [handler = std::move(handler), results = std::forward<Results>(results)]() mutable {
            results.give_to(std::move(handler));
        };
    }

    static void free(operation_for* self, const Handler& handler) noexcept {
        operation_memory& memory = self->owner_.memory();
        if constexpr (own_memory) {
            self->~operation_for();
            memory.deallocate(self, sizeof(operation_for));
        } else {
            allocator alloc(io::get_associated_allocator(handler));
            self->~operation_for();
            std::allocator_traits<allocator>::deallocate(alloc, self, 1);
        }
    }

    Owner& owner_;
    Handler handler_;
    [[no_unique_address]] Finish finish_;
    [[no_unique_address]] work_type work_;
};

// Operations that wait for the same thing, in the order in which they began. Whatever they are
// completed with: compiled once for all of them.
class any_operation_queue {
public:
    any_operation_queue() noexcept = default;
    any_operation_queue(const any_operation_queue&) = delete;
    any_operation_queue& operator=(const any_operation_queue&) = delete;
    ~any_operation_queue() { destroy_all(delivery::lost); }

    [[nodiscard]] bool empty() const noexcept { return last_ == nullptr; }
    // Takes one out of the middle; false when it is not there.
    [[nodiscard]] FRAMEWIRE_COLD bool remove(any_operation* op) noexcept {
        if (empty()) return false;
        any_operation* before = last_;
        while (before->next != op) {
            before = before->next;
            if (before == last_) return false;
        }
        (void)take_behind(before);
        return true;
    }
    FRAMEWIRE_COLD void destroy_all(delivery how) noexcept {
        while (any_operation* const op = take_first())
            op->destroy(how);
    }

protected:
    void add(any_operation* op) noexcept {
        op->next = empty() ? op : std::exchange(last_->next, op);
        last_ = op;
    }
    [[nodiscard]] any_operation* take_first() noexcept {
        return empty() ? nullptr : take_behind(last_);
    }

private:
    [[nodiscard]] any_operation* take_behind(any_operation* before) noexcept {
        any_operation* const op = before->next;
        before->next = op->next;
        if (op == last_) last_ = op == before ? nullptr : before;
        op->next = nullptr;
        return op;
    }

    any_operation* last_ = nullptr; // of a ring: the first is next
};

template <typename... Rest> class operation_queue : public any_operation_queue {
public:
    using value_type = operation<Rest...>;

    void push(value_type* op) noexcept { this->add(op); }
    // The same, and what follows from it. When that throws, whoever starts the operation is told
    // so, and the handler of it never called.
    template <typename Then> void push(value_type* op, Then then) {
        push(op);
        try {
            then();
        } catch (...) {
            if (this->remove(op)) op->destroy(delivery::never);
            throw;
        }
    }
    [[nodiscard]] value_type* pop() noexcept {
        return static_cast<value_type*>(this->take_first());
    }
    // Completes those that are waiting. One that there is no memory for is destroyed; the others
    // are completed all the same.
    FRAMEWIRE_COLD void complete_all(const error_code& error, const Rest&... rest) {
        std::exception_ptr thrown;
        while (value_type* const op = pop()) {
            try {
                op->complete(delivery::later, error, rest...);
            } catch (...) {
                thrown = std::current_exception();
            }
        }
        if (thrown) std::rethrow_exception(thrown);
    }
    FRAMEWIRE_COLD void fail_all(const error_code& error) { complete_all(error, Rest{}...); }
};

// Makes an operation for a handler, which can be cancelled while it is in the queue. It is not put
// there yet.
template <typename Owner, typename Handler, typename Finish, typename... Rest>
[[nodiscard]] operation<Rest...>* make_operation(Owner& owner, operation_queue<Rest...>& queue,
                                                 Handler&& handler, Finish finish) {
    using handler_type = std::decay_t<Handler>;
    using made = operation_for<Owner, handler_type, Finish, Rest...>;
    handler_type own(std::forward<Handler>(handler));
#if FRAMEWIRE_ASIO_HAS_CANCELLATION
    auto slot = io::get_associated_cancellation_slot(own);
#endif
    operation<Rest...>* const op = made::make(owner, std::move(own), std::move(finish));
#if FRAMEWIRE_ASIO_HAS_CANCELLATION
    if (slot.is_connected()) {
        try {
            slot.assign([&queue, op](io::cancellation_type type) {
                if (type != io::cancellation_type::none && queue.remove(op)) {
                    op->fail(io::error::operation_aborted);
                }
            });
        } catch (...) {
            op->destroy(delivery::never);
            throw;
        }
    }
#else
    (void)queue;
#endif
    return op;
}

} // namespace framewire::net::detail

#endif
