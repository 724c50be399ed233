// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// From which phase to which a stream goes, by time or otherwise, and how it ends: once.

#ifndef FRAMEWIRE_ASIO_DETAIL_LIFETIME_HPP
#define FRAMEWIRE_ASIO_DETAIL_LIFETIME_HPP

#include <framewire/asio/config.hpp>
#include <framewire/asio/detail/channel.hpp>
#include <framewire/asio/detail/deadlines.hpp>
#include <framewire/asio/detail/operation.hpp>
#include <framewire/asio/detail/timer_queue.hpp>
#include <framewire/asio/detail/transport.hpp>
#include <framewire/asio/message.hpp>
#include <framewire/asio/options.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

namespace framewire::net::detail {

enum class phase : std::uint8_t {
    idle,     // nothing was begun
    opening,  // the opening handshake is being read
    deciding, // the application has a request to answer
    refusing, // a refusal is being written
    open,     // frames go both ways, up to the second Close frame
    ending,   // what is left to be written is, and the transport is ended
    ended,
};

// What all streams with the same options share.
[[nodiscard]] inline std::shared_ptr<const stream_options>
shared_options(const stream_options& options) {
    static thread_local std::weak_ptr<const stream_options> last;
    std::shared_ptr<const stream_options> shared = last.lock();
    if (shared == nullptr || *shared != options) {
        shared = std::make_shared<const stream_options>(options);
        last = shared;
    }
    return shared;
}

template <typename Next, role Role, typename Clock> class lifetime : public channel<Next, Clock> {
public:
    using executor_type = typename Next::executor_type;

    lifetime(Next&& next, const stream_options& options)
        : channel<Next, Clock>(std::move(next)), options_(shared_options(options)),
          deadlines_(options_->timeouts) {
        send_without_delay(this->next_);
    }

    [[nodiscard]] executor_type executor() { return this->next_.get_executor(); }
    [[nodiscard]] const close_info& info() const noexcept {
        static const close_info none;
        if (info_ != nullptr) return *info_;
        return info_refused_ ? no_memory() : none;
    }

    template <typename Handler> void start_closed(Handler&& handler, errc refused) {
        auto* const op = make_waiting(closes_, std::forward<Handler>(handler));
        if (refused != errc::success) return op->fail(make_error(refused));
        if (phase_ != phase::ended) return closes_.push(op);
        op->complete(delivery::later, {}, info());
    }

    FRAMEWIRE_COLD void abort() { end(io::error::operation_aborted); }

    // An operation that completes in a turn leaves its share in keeping the context running to the
    // one that its handler starts. All threads of the context count in the same place.
    void operation_begun() {
        if (!std::exchange(share_left_, false)) this->timers().operation_begun();
    }
    void leave_share() noexcept {
        if (std::exchange(share_left_, true)) this->timers().operation_ended();
    }

protected:
    ~lifetime() = default;

    // --- What the derived class adds

    virtual void ended() = 0; // completes what waits, and gives everything back
    virtual void run_out(deadline which, typename Clock::time_point now) = 0;

    // --- What it uses

    void begin_turn() noexcept { busy_ = true; }
    void end_turn() noexcept {
        busy_ = false;
        if (std::exchange(share_left_, false)) this->timers().operation_ended();
    }

    [[nodiscard]] bool is_over() const noexcept {
        return phase_ == phase::ending || phase_ == phase::ended;
    }

    void begin_opening() {
        phase_ = phase::opening;
        deadlines_.opening(Clock::now());
    }
    // Writes what there is to be written, then ends the transport.
    FRAMEWIRE_COLD void begin_refusing(const error_code& error) {
        phase_ = phase::refusing;
        if (!info().error) set_error(error);
        deadlines_.closing(Clock::now());
        wake();
    }
    // Ends the connection here and now.
    FRAMEWIRE_COLD void end(const error_code& why) {
        if (phase_ == phase::ended) return;
        if (!info().clean && !info().error) set_error(why);
        phase_ = phase::ended;
        this->close_transport();
        this->timers().unset(*this);
        armed_ = deadlines<Clock>::never;
        try {
            tell_end();
        } catch (...) {
            thrown();
            throw;
        }
    }
    // Before that the application may be looking at what was read.
    FRAMEWIRE_COLD void release_closed() noexcept override {
        if (end_told_) this->release_all();
    }
    // Who is still to be told when it throws is told when it is called again.
    FRAMEWIRE_COLD void tell_end() {
        if (end_told_) return;
        ended();
        this->in_ = {};
        this->release_all();
        closes_.complete_all({}, info());
        end_told_ = true;
    }

    // Null without memory for it; then that is what ended the connection.
    [[nodiscard]] FRAMEWIRE_COLD close_info* own_info() noexcept {
        if (info_ == nullptr) {
            info_.reset(new (std::nothrow) close_info);
            if (info_ == nullptr) {
                info_refused_ = true;
            } else if (info_refused_) { // and is told so, though there is memory now
                info_->error = make_error(errc::out_of_memory);
            }
        }
        return info_.get();
    }
    FRAMEWIRE_COLD void set_error(const error_code& error) noexcept {
        if (close_info* const own = own_info()) own->error = error;
    }
    // Why nothing can be read or sent any more.
    [[nodiscard]] FRAMEWIRE_COLD error_code end_error() const noexcept {
        if (info().error) return info().error;
        return is_over() ? make_error(errc::closed) : this->read_error_;
    }
    [[nodiscard]] FRAMEWIRE_COLD error_code lost() const noexcept {
        const bool told = this->read_error_ && this->read_error_ != io::error::eof;
        return told ? this->read_error_ : make_error(errc::connection_lost);
    }

    [[nodiscard]] bool leaves_it_to_the_peer() const noexcept {
        return Role == role::client && info().clean;
    }
    // Once everything is written, and after each turn from then on.
    FRAMEWIRE_COLD void shut_down() {
        const bool answer_end = transport_traits<Next>::shutdown_is_the_end && !shut_down_ &&
                                this->read_error_ == io::error::eof;
        if (this->broken_ || (this->eof_ && !answer_end)) return end(lost());
        // RFC 6455 7.1.1: after a clean close, the server is the one to end the transport first.
        if (shut_down_ || (leaves_it_to_the_peer() && !this->eof_)) return;
        transport_traits<Next>::async_shutdown(
            this->next_, [keep = self_as_is()](const error_code& error) {
                const bool over = error || transport_traits<Next>::shutdown_is_the_end;
                if (over) keep->end(error ? error : make_error(errc::connection_lost));
            });
        shut_down_ = true;
    }

    // Goes on later, outside of whatever the application is doing. Without memory for that, the
    // timers see to it, which have theirs.
    void wake() noexcept {
        if (!busy_ && !woken_) post_turn();
    }
    FRAMEWIRE_NEVER_INLINE void post_turn() noexcept {
        try {
            this->post([](timed& self) {
                auto& keep = static_cast<lifetime&>(self);
                keep.woken_ = false;
                keep.turn([&] { keep.take_input(); });
            });
            woken_ = true;
        } catch (...) {
            go_on_at(Clock::now());
        }
    }
    // A handler that throws leaves the rest for another turn; want of memory for one that there may
    // be memory for.
    FRAMEWIRE_COLD void thrown() noexcept override {
        try {
            throw;
        } catch (const std::bad_alloc&) {
            go_on_at(Clock::now() + std::chrono::seconds(1));
        } catch (...) {
            wake();
        }
    }

    // Sees to it that the timer rings in time. When nothing is read because the peer does not read,
    // that is no excuse for it.
    void arm(bool waits_for_peer) {
        deadlines_.stalled(phase_ == phase::open && !this->reading_ && !waits_for_peer &&
                           !this->wants_input());
        const auto next = deadlines_.next(phase_ == phase::open);
        ring_by(next.when);
    }

    template <typename Handler, typename... Rest> [[nodiscard]] operation<Rest...>*
    make_waiting(operation_queue<Rest...>& queue, Handler&& handler) {
        return make_operation(*this, queue, std::forward<Handler>(handler), as_it_is{});
    }

private:
    [[nodiscard]] std::shared_ptr<lifetime> self_as_is() {
        return std::static_pointer_cast<lifetime>(this->shared_from_this());
    }

    void ring(std::shared_ptr<timed> self) override {
        this->post(std::move(self), [](timed& rung) { static_cast<lifetime&>(rung).on_timer(); });
    }
    void on_timer() {
        armed_ = deadlines<Clock>::never;
        this->turn([this] {
            const bool goes_on = goes_on_;
            goes_on_ = false;
            if (goes_on) this->take_input();
            if (phase_ == phase::ended) return;
            const auto now = Clock::now();
            run_out(deadlines_.expired(phase_ == phase::open, now), now);
        });
    }
    void ring_by(typename Clock::time_point when) noexcept {
        if (when >= armed_) return; // it looks again when it rings
        this->timers().set(*this, when);
        armed_ = when;
    }
    FRAMEWIRE_COLD void go_on_at(typename Clock::time_point when) noexcept {
        goes_on_ = true;
        ring_by(when);
    }

    [[nodiscard]] FRAMEWIRE_COLD static const close_info& no_memory() noexcept {
        static const close_info info = [] {
            close_info result;
            result.error = make_error(errc::out_of_memory);
            return result;
        }();
        return info;
    }

    typename Clock::time_point armed_ = deadlines<Clock>::never;
    std::unique_ptr<close_info> info_;

protected:
    const std::shared_ptr<const stream_options> options_;
    deadlines<Clock> deadlines_;
    operation_queue<close_info> closes_;
    phase phase_ = phase::idle;
    bool busy_ = false; // in a turn that ends with `settle`

private:
    bool share_left_ = false; // by an operation of this turn
    bool woken_ = false;
    // As bits these save a stream a word.
    bool shut_down_ : 1 = false;
    bool goes_on_ : 1 = false; // with a turn, when the timer rings
    bool end_told_ : 1 = false;
    bool info_refused_ : 1 = false;
};

} // namespace framewire::net::detail

#endif
