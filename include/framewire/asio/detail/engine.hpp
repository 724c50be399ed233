// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What a stream receives, what it does when its time runs out, and how it lets go of all that waits
// in the end. It lives until its last operation on the transport has ended, whoever lets go of it.

#ifndef FRAMEWIRE_ASIO_DETAIL_ENGINE_HPP
#define FRAMEWIRE_ASIO_DETAIL_ENGINE_HPP

#include <framewire/asio/config.hpp>
#include <framewire/asio/detail/deadlines.hpp>
#include <framewire/asio/detail/handover.hpp>
#include <framewire/asio/detail/operation.hpp>
#include <framewire/asio/detail/outgoing.hpp>
#include <framewire/asio/detail/round_trips.hpp>
#include <framewire/asio/detail/transport.hpp>
#include <framewire/asio/message.hpp>
#include <framewire/asio/options.hpp>
#include <framewire/connection.hpp>
#include <framewire/detail/inlining.hpp>

#include <chrono>
#include <memory>
#include <new>
#include <utility>

namespace framewire::net::detail {

template <async_stream Next, role Role, options Options, message_extension Extension,
          typename Clock>
class engine : public outgoing<Next, Role, Options, Extension, Clock> {
    using base = outgoing<Next, Role, Options, Extension, Clock>;

protected:
    using base::closed_here_;
    using base::closes_;
    using base::deadlines_;
    using base::drains_;
    using base::memory_;
    using base::options_;
    using base::phase_;
    using base::wire_;

public:
    using typename base::executor_type;
    using round_trip = std::chrono::nanoseconds;

    engine(Next&& next, const stream_options& options,
           const typename Extension::settings& extension)
        : base(std::move(next), options, Extension(extension)) {}

    // --- Reading

    // `Finish` makes of the message what the handler is given. Without `keep_view` it has copied
    // the message, which need not be kept then.
    template <typename Handler, typename Finish>
    void start_read(Handler&& handler, Finish finish, bool keep_view) {
        auto* const op = make_operation(*this, handover_.readers(), std::forward<Handler>(handler),
                                        std::move(finish));
        handover_.take_back();
        if (!handover_.readers().empty()) return op->fail(make_error(errc::read_in_progress));
        if (this->is_over()) {
            if (this->in_.empty()) handover_.release_aside();
            return op->fail(this->end_error());
        }
        handover_.add_reader(op, keep_view, [this] {
            if (this->busy_) return; // the pump goes on with it
            if (handover_.has_parked() || !this->in_.empty()) {
                this->wake();
            } else if (phase_ == phase::open) {
                this->turn(this->only_settle);
            }
        });
    }

    FRAMEWIRE_NEVER_INLINE void pause(bool yes) {
        handover_.pause(yes);
        if (!yes) this->wake();
    }
    [[nodiscard]] bool paused() const noexcept { return handover_.paused(); }

    // Who asks while a Ping is under way waits for the same Pong.
    template <typename Handler> void start_ping(Handler&& handler) {
        if (pings_ == nullptr) pings_ = std::make_unique<round_trips<Clock>>();
        auto* const op = this->make_waiting(pings_->waiting(), std::forward<Handler>(handler));
        if (pings_->waiting().empty()) {
            const errc error = this->send_ping(pings_->next_payload());
            if (error != errc::success) return op->fail(make_error(error));
            pings_->sent(Clock::now());
        }
        pings_->waiting().push(op);
        read_on(); // there is a Pong to be read
    }

    // --- Ending

    template <typename Handler> void start_closed(Handler&& handler, errc refused) {
        read_on(); // there is a Close to be read
        base::start_closed(std::forward<Handler>(handler), refused);
    }

    // The handle is gone: nobody is told anything any more, and the peer is told that we leave.
    void abandon() noexcept {
        try {
            say_good_bye();
        } catch (...) { // no memory for that
            this->close_transport();
        }
        this->close_mailbox();
    }

protected:
    // --- What the opening handshake adds, different for client and server

    virtual void take_opening() = 0; // from in_
    virtual void take_opening_eof() { this->end(this->lost()); }
    // The opening failed or was given up: completes what waits for it.
    virtual void fail_opening(const error_code& error) = 0;
    virtual void destroy_opening(delivery how) noexcept = 0;
    virtual void open_timed_out() = 0;
    virtual void release_opening() noexcept {} // nothing points into it any more

    FRAMEWIRE_COLD void opened() {
        wire_.opened(options_->limits);
        phase_ = phase::open;
        deadlines_.opened(Clock::now());
        this->open_mailbox();
        if (this->eof_) wire_.frames().receive_eof();
        this->wake();
    }

    // A turn is over: writes, ends what has ended, and waits for what comes next.
    void settle() override {
        if (phase_ == phase::ended) return this->tell_end();
        this->flush();
        if (phase_ == phase::ended) return;
        wire_.leave_memory();
        this->tell_mailbox();
        if (!drains_.empty()) tell_drains();
        if ((phase_ == phase::ending || phase_ == phase::refusing) && this->all_written()) {
            this->shut_down();
        }
        if (phase_ == phase::ended) return;
        if (this->in_.empty() && handover_.is_free()) {
            if (!handover_.is_lent()) {
                handover_.release_aside();
                if (phase_ == phase::open) release_opening();
            }
            this->release_block();
            if (memory_.over_after_turn(deadlines_)) wire_.frames().release_memory();
        }
        this->read_more();
        this->arm(!drains_.empty());
    }

private:
    // --- The transport's questions and answers

    [[nodiscard]] bool wants_input() const noexcept override {
        switch (phase_) {
        case phase::opening: return true;
        case phase::open:
            return this->in_.empty() && handover_.is_free() &&
                   (!handover_.paused() || wire_.frames().close_expected());
        case phase::ending:
        case phase::refusing: // only to see the end of it
            return this->leaves_it_to_the_peer() || !transport_traits<Next>::shutdown_is_the_end;
        default: return false;
        }
    }

    void take_input() override {
        if (!this->in_.empty()) {
            const auto now = Clock::now();
            if (deadlines_.quiet(now)) memory_.was_quiet();
            deadlines_.received(now);
        }
        if (phase_ == phase::opening && !this->in_.empty()) open();
        if (phase_ == phase::open) pump();
        if (this->is_over() || phase_ == phase::refusing) this->in_ = {};
    }

    FRAMEWIRE_COLD void open() {
        try {
            take_opening();
        } catch (const std::bad_alloc&) { // nobody could go on with half of a handshake
            this->end(make_error(errc::out_of_memory));
            throw;
        }
    }

    FRAMEWIRE_COLD void take_eof() override {
        if (phase_ == phase::opening) return take_opening_eof();
        if (phase_ != phase::open) return;
        wire_.frames().receive_eof();
        pump();
    }

    // What is still to be read may say more, as the peer's Close does.
    FRAMEWIRE_COLD void write_failed(const error_code& error) override {
        wire_.drop_output();
        if (!this->read_error_) this->read_error_ = error;
        deadlines_.closing(Clock::now());
        if (phase_ == phase::opening || phase_ == phase::deciding) this->end(error);
    }
    void tell_drains() {
        if (this->broken_) return drains_.fail_all(this->end_error());
        if (!this->above_low_water()) drains_.complete_all({});
    }

    // --- Receiving

    // Takes messages from the input for as long as somebody takes them.
    void pump() {
        if (this->busy_) return;
        const pump_guard guard(*this);
        while (phase_ == phase::open) {
            if (!drains_.empty() && !this->above_low_water() && !this->broken_) {
                drains_.pop()->complete(delivery::here, {});
                continue;
            }
            if (handover_.looked_at()) {
                if (!handover_.in_the_way()) break;
                set_view_aside();
            }
            if (handover_.has_parked()) {
                if (!handover_.is_wanted()) break;
                handover_.deliver_parked();
                continue;
            }
            if (handover_.paused() && !wire_.frames().close_expected()) break;
            if (this->in_.empty() && !this->eof_) break;
            const event happened = wire_.frames().next(this->in_);
            if (happened.kind == event_kind::need_data) break;
            // Here, so that nothing is made of it that is not looked at.
            if (happened.kind == event_kind::text || happened.kind == event_kind::binary) {
                const bool text = happened.kind == event_kind::text;
                offer({text ? opcode::text : opcode::binary, happened.first, happened.last,
                       happened.payload});
            } else {
                take(happened);
            }
        }
    }
    class pump_guard {
    public:
        explicit pump_guard(engine& owner) noexcept : owner_(owner) { owner_.begin_turn(); }
        pump_guard(const pump_guard&) = delete;
        pump_guard& operator=(const pump_guard&) = delete;
        ~pump_guard() { owner_.end_turn(); }

    private:
        engine& owner_;
    };

    void offer(const message& received) {
        memory_.used();
        handover_.offer(received);
    }

    // Puts the bytes that the application looks at aside, so that reading can go on.
    FRAMEWIRE_COLD void set_view_aside() {
        if (!handover_.looked_at()) return;
        if (!handover_.has_aside() || this->has_block()) {
            handover_.put_aside([this] { return this->detach(); });
        }
        handover_.put_assembled_aside(wire_.frames().detach_payload());
    }

    // While the application looks at a message, but waits for what comes behind it.
    FRAMEWIRE_NEVER_INLINE void read_on() noexcept {
        handover_.read_on();
        this->wake();
    }

    FRAMEWIRE_NEVER_INLINE void take(const event& e) {
        switch (e.kind) {
        case event_kind::need_data:
        case event_kind::text:
        case event_kind::binary: return; // not here
        case event_kind::ping:
            if constexpr (!Options.auto_pong) offer({opcode::ping, e.first, e.last, e.payload});
            return;
        case event_kind::pong:
            if (pings_ != nullptr) pings_->take_pong(e.payload);
            return;
        case event_kind::close:
        case event_kind::failed: return take_end(e);
        }
    }

    FRAMEWIRE_COLD void take_end(const event& e) {
        if (close_info* const info = this->own_info()) describe(e, *info);
        begin_ending();
    }
    FRAMEWIRE_COLD void describe(const event& e, close_info& info) noexcept {
        info.code = e.code;
        if (e.kind == event_kind::close) {
            info.clean = true; // RFC 6455 7.1.4: ours has been sent, or is on its way
            info.by_peer = !closed_here_;
            try {
                info.reason = e.text();
            } catch (const std::bad_alloc&) { // it stays empty
            }
        } else if (!info.error) {
            info.error = e.error == errc::connection_lost ? this->lost() : make_error(e.error);
        }
    }

    // --- Ending

    FRAMEWIRE_COLD void say_good_bye() {
        destroy_operations(delivery::never);
        handover_.take_back();
        if (phase_ == phase::open) {
            this->take_mail();
            if (this->close(close_code::going_away, {}) == errc::success) return;
        }
        if (phase_ != phase::ending && phase_ != phase::refusing) this->abort();
    }

    FRAMEWIRE_COLD void start_closing() override {
        closed_here_ = true;
        this->close_mailbox(); // what it would accept could not be sent
        // Nothing is delivered any more (RFC 6455 1.4), and the peer's Close has to be read.
        handover_.drop_parked();
        deadlines_.closing(Clock::now());
        read_on();
    }

    // No frame will be read or made any more.
    FRAMEWIRE_COLD void begin_ending() {
        phase_ = phase::ending;
        deadlines_.closing(Clock::now());
        this->close_mailbox();
        fail_operations();
    }

    FRAMEWIRE_COLD void fail_operations() {
        const error_code error = this->end_error();
        fail_opening(error);
        handover_.readers().fail_all(error);
        drains_.fail_all(error);
        if (pings_ != nullptr) pings_->waiting().fail_all(error);
    }
    FRAMEWIRE_COLD void destroy_operations(delivery how) noexcept {
        destroy_opening(how);
        handover_.readers().destroy_all(how);
        drains_.destroy_all(how);
        if (pings_ != nullptr) pings_->waiting().destroy_all(how);
        closes_.destroy_all(how);
    }
    FRAMEWIRE_COLD void context_ended() noexcept override { destroy_operations(delivery::lost); }

    FRAMEWIRE_COLD void ended() override {
        this->close_mailbox();
        fail_operations();
        handover_.drop_parked();
        set_view_aside();
        wire_.drop_output();
        wire_.leave_memory();
        wire_.frames().release_memory();
    }

    FRAMEWIRE_COLD void run_out(deadline which, typename Clock::time_point now) override {
        switch (which) {
        case deadline::none: return;
        case deadline::open: return open_timed_out();
        case deadline::close:
            if (this->broken_) return this->end(this->lost());
            return this->end(make_error(errc::close_timeout));
        case deadline::idle:
            this->set_error(make_error(errc::idle_timeout));
            (void)this->close(close_code::going_away, this->message_of(errc::idle_timeout));
            return;
        case deadline::ping:
            (void)this->send_ping({}); // when it cannot be sent, there is no answer either
            deadlines_.pinged(now);
            return;
        case deadline::pong:
            // To tell a peer that is there after all; nobody waits for its answer.
            (void)wire_.frames().close(close_code::going_away,
                                       this->message_of(errc::pong_timeout));
            this->flush();
            return this->end(make_error(errc::pong_timeout));
        case deadline::memory:
            if (memory_.over_on_timer(deadlines_, now, !handover_.is_free())) {
                wire_.frames().release_memory();
            }
            return;
        }
    }

    handover<typename base::read_bytes> handover_;
    std::unique_ptr<round_trips<Clock>> pings_; // when somebody asked
};

} // namespace framewire::net::detail

#endif
