// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Accepts connections for whoever waits for one, and holds out when the system has no descriptor
// or memory left.

#ifndef FRAMEWIRE_ASIO_DETAIL_ACCEPT_LOOP_HPP
#define FRAMEWIRE_ASIO_DETAIL_ACCEPT_LOOP_HPP

#include <framewire/asio/config.hpp>
#include <framewire/asio/detail/operation.hpp>
#include <framewire/asio/detail/timer_queue.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace framewire::net::detail {

enum class accept_trouble : std::uint8_t {
    fatal,     // the listening socket itself is of no use
    passing,   // this one connection failed: the next may be fine
    exhausted, // nothing can be accepted until something is given back
};

[[nodiscard]] inline accept_trouble trouble_of(const error_code& error) noexcept {
    for (const auto value :
         {io::error::no_descriptors, io::error::no_buffer_space, io::error::no_memory}) {
        if (error == value) return accept_trouble::exhausted;
    }
    for (const auto value :
         {io::error::connection_aborted, io::error::connection_reset, io::error::network_down,
          io::error::network_unreachable, io::error::host_unreachable, io::error::timed_out,
          io::error::no_protocol_option, io::error::interrupted, io::error::try_again,
          io::error::would_block}) {
        if (error == value) return accept_trouble::passing;
    }
    if (error.category() != io::error::get_system_category()) return accept_trouble::fatal;
#ifdef ENFILE
    if (error.value() == ENFILE) return accept_trouble::exhausted;
#endif
    // Linux hands errors of the new connection to who accepts it (accept(2)).
    constexpr int of_one_connection[] = {
#ifdef EPROTO
        EPROTO,
#endif
#ifdef EHOSTDOWN
        EHOSTDOWN,
#endif
#ifdef ENONET
        ENONET,
#endif
        EPERM, // a firewall's rule
    };
    for (const int value : of_one_connection) {
        if (error.value() == value) return accept_trouble::passing;
    }
    return accept_trouble::fatal;
}

// A handler of exhaustion, without its type.
class exhaustion_handler {
public:
    exhaustion_handler() noexcept = default;
    template <typename F> explicit exhaustion_handler(F handler)
        : held_(std::make_shared<holder<F>>(std::move(handler))) {}
    void operator()(const error_code& error) const {
        const std::shared_ptr<base> kept = held_; // the handler may put another one in its place
        if (kept) kept->call(error);
    }

private:
    struct base {
        base() noexcept = default;
        base(const base&) = delete;
        base& operator=(const base&) = delete;
        virtual ~base() = default;
        virtual void call(const error_code& error) = 0;
    };
    template <typename F> struct holder final : base {
        explicit holder(F handler) : handler_(std::move(handler)) {}
        void call(const error_code& error) override { handler_(error); }
        F handler_;
    };
    std::shared_ptr<base> held_;
};

// Kept alive by the listener, and by what it has started.
template <typename Acceptor, typename Socket, typename Clock> class accept_loop final
    : public operation_owner<Clock> {
public:
    using executor_type = typename Socket::executor_type;
    using operation_type = operation<Socket>;

    explicit accept_loop(const executor_type& executor)
        : operation_owner<Clock>(executor), acceptor(executor), executor_(executor) {}
    ~accept_loop() { context_ended(); }

    Acceptor acceptor;
    exhaustion_handler on_exhausted;
    std::chrono::milliseconds delay{100};
    std::uint64_t exhaustions = 0;

    [[nodiscard]] const executor_type& executor() const noexcept { return executor_; }

    // The socket is to have the executor `where`.
    template <typename Handler> void start(const executor_type& where, Handler&& handler) {
        using made = operation_for<accept_loop, std::decay_t<Handler>, as_it_is, Socket>;
        waiters_.reserve(waiters_.size() + 1);
#if FRAMEWIRE_ASIO_HAS_CANCELLATION
        auto slot = io::get_associated_cancellation_slot(handler);
#endif
        operation_type* const op = made::make(*this, std::forward<Handler>(handler), as_it_is{});
        waiters_.push_back({where, op});
        try {
#if FRAMEWIRE_ASIO_HAS_CANCELLATION
            if (slot.is_connected()) {
                slot.assign([weak = this->weak_from_this(), op](io::cancellation_type type) {
                    const auto self = weak.lock();
                    if (self == nullptr || type == io::cancellation_type::none) return;
                    static_cast<accept_loop&>(*self).cancel(op);
                });
            }
#endif
            go_on();
        } catch (...) { // who called is told so, and the handler never called
            if (remove(op)) op->destroy(delivery::never);
            throw;
        }
    }

    void close() noexcept {
        error_code ignored;
        (void)acceptor.close(ignored);
        end_pause();
        spare_.reset();
        std::vector<waiter> waiting;
        waiting.swap(waiters_);
        for (const waiter& w : waiting) {
            try {
                w.op->complete(delivery::later, io::error::operation_aborted, unopened(executor_));
            } catch (...) { // there was no memory to call it: it is destroyed
            }
        }
    }

private:
    // So many connections in a row may fail before the rest has to wait.
    static constexpr int most_in_a_row = 16;

    struct waiter {
        executor_type where;
        operation_type* op;
    };

    operation_type* take_first() {
        operation_type* const op = waiters_.front().op;
        waiters_.erase(waiters_.begin());
        return op;
    }

    // Nothing is touched behind the handler: what it starts may be done by another thread by then.
    void tell_first(const error_code& error, Socket socket) {
        operation_type* const op = take_first();
        go_on_for_others();
        op->complete(delivery::here, error, std::move(socket));
    }

    [[nodiscard]] bool remove(operation_type* op) noexcept {
        const auto place = std::find_if(waiters_.begin(), waiters_.end(),
                                        [&](const waiter& w) { return w.op == op; });
        if (place == waiters_.end()) return false;
        waiters_.erase(place);
        return true;
    }

    void cancel(operation_type* op) {
        if (!remove(op)) return;
        if (waiters_.empty()) {
            error_code ignored;
            (void)acceptor.cancel(ignored);
            end_pause();
        }
        op->complete(delivery::later, io::error::operation_aborted, unopened(executor_));
    }

    void go_on() {
        if (busy_ || waiters_.empty()) return;
        if (spare_) {
            Socket socket = bound_to(waiters_.front().where, std::move(*spare_));
            spare_.reset();
            take_first()->complete(delivery::later, {}, std::move(socket));
            return go_on();
        }
        busy_ = true; // ahead: another thread may be told of the outcome
        try {
            acceptor.async_accept(
                waiters_.front().where,
                [self = this->shared_from_this(), this](const error_code& error, Socket socket) {
                    busy_ = false;
                    accepted(error, std::move(socket));
                });
        } catch (...) {
            busy_ = false;
            throw;
        }
    }
    // Where nobody could be told that there is no memory for it, which there may be soon.
    void go_on_for_others() noexcept {
        try {
            go_on();
        } catch (...) {
            pause();
        }
    }

    void accepted(const error_code& error, Socket socket) {
        if (!error) {
            failed_in_a_row_ = 0;
            if (waiters_.empty()) {
                // Who waited for it has given up in the meantime: the next one gets it.
                if (acceptor.is_open()) spare_.emplace(std::move(socket));
                return;
            }
            Socket bound = bound_to(waiters_.front().where, std::move(socket));
            return tell_first({}, std::move(bound));
        }
        if (error == io::error::operation_aborted) return go_on_for_others(); // if there are any
        if (waiters_.empty()) return;
        switch (trouble_of(error)) {
        case accept_trouble::fatal: return tell_first(error, std::move(socket));
        case accept_trouble::passing:
            if (++failed_in_a_row_ < most_in_a_row) return go_on_for_others();
            return pause();
        case accept_trouble::exhausted:
            ++exhaustions;
            // Before the handler: what it does is then as good as done during the pause.
            pause();
            return on_exhausted(error);
        }
    }

    void pause() noexcept {
        failed_in_a_row_ = 0;
        busy_ = pausing_ = true;
        this->timers().set(*this, Clock::now() + std::max(delay, std::chrono::milliseconds(1)));
    }
    void end_pause() {
        if (!pausing_) return;
        busy_ = pausing_ = false;
        this->timers().unset(*this);
    }
    void ring(std::shared_ptr<timed> self) override {
        io::post(executor_, [self = std::move(self), this] {
            end_pause();
            go_on_for_others();
        });
    }

    void context_ended() noexcept override {
        while (!waiters_.empty())
            take_first()->destroy(delivery::lost);
    }

    // In a function of its own: g++ 12 would warn of what Asio leaves unset in such a socket.
    [[gnu::noinline]] static Socket unopened(const executor_type& where) { return Socket(where); }

    static Socket bound_to(const executor_type& where, Socket socket) {
        if (socket.get_executor() == where) return socket;
        error_code error;
        const auto protocol = socket.local_endpoint(error).protocol();
        Socket result = unopened(where);
        if (error) return result; // it is not open
        const auto handle = socket.release(error);
        if (error) return socket;
        (void)result.assign(protocol, handle, error);
        if (!error) return result;
        (void)socket.assign(protocol, handle, error);
        return socket;
    }

    executor_type executor_;
    std::vector<waiter> waiters_; // hardly ever more than one
    std::optional<Socket> spare_;
    int failed_in_a_row_ = 0;
    bool busy_ = false; // accepting or pausing
    bool pausing_ = false;
};

} // namespace framewire::net::detail

#endif
