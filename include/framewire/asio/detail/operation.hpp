// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Completion handlers that wait in a stream, without their types.

#ifndef FRAMEWIRE_ASIO_DETAIL_OPERATION_HPP
#define FRAMEWIRE_ASIO_DETAIL_OPERATION_HPP

#include <framewire/asio/config.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>

namespace framewire::net::detail {

// Keeps the memory of the last operation for the next one, so that a row of reads allocates once.
class operation_memory {
public:
    operation_memory() noexcept = default;
    operation_memory(const operation_memory&) = delete;
    operation_memory& operator=(const operation_memory&) = delete;
    ~operation_memory() { ::operator delete(block_); }

    [[nodiscard]] void* allocate(std::size_t size) {
        if (size <= size_) {
            size_ = 0;
            return std::exchange(block_, nullptr);
        }
        return ::operator new(size);
    }
    void deallocate(void* block, std::size_t size) noexcept {
        if (size > size_) {
            std::swap(block, block_);
            size_ = size;
        }
        ::operator delete(block);
    }

private:
    void* block_ = nullptr;
    std::size_t size_ = 0; // of block_
};

enum class delivery : std::uint8_t {
    here,  // the caller runs on the stream's executor, and outside of any initiating function
    later, // by way of the executor's queue
    never, // the handler is destroyed, and cannot be cancelled any more
    lost,  // the same at the end of the execution context, when its cancellation may be gone
};

// Completed with an error and what else there is to tell, `Rest`.
template <typename... Rest> class operation {
public:
    operation* next = nullptr; // of a queue

    void complete(delivery how, const error_code& error, Rest... rest) {
        std::tuple<error_code, Rest...> all(error, std::move(rest)...);
        run_(this, how, &all);
    }
    void fail(const error_code& error) { complete(delivery::later, error, Rest{}...); }
    // `never` or `lost`.
    void destroy(delivery how) noexcept { run_(this, how, nullptr); }

protected:
    using function = void (*)(operation*, delivery, std::tuple<error_code, Rest...>*);
    explicit operation(function run) noexcept : run_(run) {}
    ~operation() = default;

private:
    function run_;
};

// Gives the handler what the operation was completed with.
struct as_it_is {
    template <typename Tuple> Tuple operator()(Tuple& all) const { return std::move(all); }
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

// `Finish` turns what the operation was completed with into the arguments of the handler, on the
// spot.
template <typename Handler, typename Executor, typename Finish, typename... Rest>
class operation_for final : public operation<Rest...> {
    using handler_executor = io::associated_executor_t<Handler, Executor>;
    using handler_allocator = io::associated_allocator_t<Handler>;
    // Asio's default allocator says nothing: then the stream's own memory does.
    static constexpr bool own_memory = std::is_same_v<handler_allocator, std::allocator<void>>;
    using allocator =
        typename std::allocator_traits<handler_allocator>::template rebind_alloc<operation_for>;

public:
    [[nodiscard]] static operation<Rest...>*
    make(operation_memory& memory, const Executor& executor, Handler&& handler, Finish finish) {
        void* block = nullptr;
        if constexpr (own_memory) {
            block = memory.allocate(sizeof(operation_for));
        } else {
            allocator alloc(io::get_associated_allocator(handler));
            block = std::allocator_traits<allocator>::allocate(alloc, 1);
        }
        return new (block) operation_for(memory, executor, std::move(handler), std::move(finish));
    }

private:
    operation_for(operation_memory& memory, const Executor& executor, Handler&& handler,
                  Finish finish)
        : operation<Rest...>(&run), memory_(memory), executor_(executor),
          handler_(std::move(handler)), finish_(std::move(finish)),
          work_(work_for(io::get_associated_executor(handler_, executor))) {}

    static void run(operation<Rest...>* base, delivery how, std::tuple<error_code, Rest...>* all) {
        auto* const self = static_cast<operation_for*>(base);
        // The memory is given back before the handler runs: it may start the next operation.
        const Executor executor(std::move(self->executor_));
        Handler handler(std::move(self->handler_));
        Finish finish(std::move(self->finish_));
        auto work = std::move(self->work_);
        free(self, handler);
        if (how == delivery::lost) return;
        clear_cancellation(handler);
        if (how == delivery::never) return;
        auto results = finish(*all);
        const handler_executor target = io::get_associated_executor(handler, executor);
        bool at_home = false;
        if constexpr (std::is_same_v<handler_executor, Executor>) at_home = target == executor;
        if (at_home && how == delivery::here) {
            std::apply(std::move(handler), std::move(results));
            return;
        }
        auto bound = [handler = std::move(handler), results = std::move(results)]() mutable {
            std::apply(std::move(handler), std::move(results));
        };
        if (how == delivery::here) {
            io::dispatch(target, std::move(bound));
        } else if (at_home) {
            io::post(executor, std::move(bound));
        } else {
            // Posting to the executor of a future would start threads.
            io::post(executor,
                     [target, work = std::move(work), bound = std::move(bound)]() mutable {
                         io::dispatch(target, std::move(bound));
                     });
        }
    }

    static void free(operation_for* self, const Handler& handler) noexcept {
        operation_memory& memory = self->memory_;
        if constexpr (own_memory) {
            self->~operation_for();
            memory.deallocate(self, sizeof(operation_for));
        } else {
            allocator alloc(io::get_associated_allocator(handler));
            self->~operation_for();
            std::allocator_traits<allocator>::deallocate(alloc, self, 1);
        }
    }

    operation_memory& memory_;
    Executor executor_;
    Handler handler_;
    [[no_unique_address]] Finish finish_;
    decltype(work_for(std::declval<const handler_executor&>())) work_;
};

// Operations that wait for the same thing, in the order in which they began.
template <typename... Rest> class operation_queue {
public:
    using value_type = operation<Rest...>;

    operation_queue() noexcept = default;
    operation_queue(const operation_queue&) = delete;
    operation_queue& operator=(const operation_queue&) = delete;
    ~operation_queue() { destroy_all(delivery::lost); }

    [[nodiscard]] bool empty() const noexcept { return last_ == nullptr; }
    void push(value_type* op) noexcept {
        op->next = empty() ? op : std::exchange(last_->next, op);
        last_ = op;
    }
    [[nodiscard]] value_type* pop() noexcept {
        if (empty()) return nullptr;
        return take_behind(last_);
    }
    // Takes one out of the middle; false when it is not there.
    [[nodiscard]] bool remove(value_type* op) noexcept {
        if (empty()) return false;
        value_type* before = last_;
        while (before->next != op) {
            before = before->next;
            if (before == last_) return false;
        }
        (void)take_behind(before);
        return true;
    }
    // Completes those that are waiting.
    void complete_all(const error_code& error, const Rest&... rest) {
        while (value_type* const op = pop())
            op->complete(delivery::later, error, rest...);
    }
    void fail_all(const error_code& error) { complete_all(error, Rest{}...); }
    void destroy_all(delivery how) noexcept {
        while (value_type* const op = pop())
            op->destroy(how);
    }

private:
    [[nodiscard]] value_type* take_behind(value_type* before) noexcept {
        value_type* const op = before->next;
        before->next = op->next;
        if (op == last_) last_ = op == before ? nullptr : before;
        op->next = nullptr;
        return op;
    }

    value_type* last_ = nullptr; // of a ring: the first is next
};

// Makes an operation for a handler, which can be cancelled while it is in the queue. It is not put
// there yet.
template <typename Executor, typename Handler, typename Finish, typename... Rest>
[[nodiscard]] operation<Rest...>* make_operation(operation_memory& memory, const Executor& executor,
                                                 operation_queue<Rest...>& queue, Handler&& handler,
                                                 Finish finish) {
    using handler_type = std::decay_t<Handler>;
    using made = operation_for<handler_type, Executor, Finish, Rest...>;
    handler_type own(std::forward<Handler>(handler));
#if FRAMEWIRE_ASIO_HAS_CANCELLATION
    auto slot = io::get_associated_cancellation_slot(own);
#endif
    operation<Rest...>* const op = made::make(memory, executor, std::move(own), std::move(finish));
#if FRAMEWIRE_ASIO_HAS_CANCELLATION
    if (slot.is_connected()) {
        slot.assign([&queue, op](io::cancellation_type type) {
            if (type != io::cancellation_type::none && queue.remove(op)) {
                op->fail(io::error::operation_aborted);
            }
        });
    }
#else
    (void)queue;
#endif
    return op;
}

} // namespace framewire::net::detail

#endif
