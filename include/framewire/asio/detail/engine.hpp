// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A connection on a transport: keeps the time, and completes what the application waits for. It
// lives until its last operation on the transport has ended, whoever lets go of it.

#ifndef FRAMEWIRE_ASIO_DETAIL_ENGINE_HPP
#define FRAMEWIRE_ASIO_DETAIL_ENGINE_HPP

#include <framewire/asio/config.hpp>
#include <framewire/asio/detail/deadlines.hpp>
#include <framewire/asio/detail/lifetime.hpp>
#include <framewire/asio/detail/mailbox.hpp>
#include <framewire/asio/detail/operation.hpp>
#include <framewire/asio/detail/transport.hpp>
#include <framewire/asio/message.hpp>
#include <framewire/asio/options.hpp>
#include <framewire/connection.hpp>
#include <framewire/detail/inlining.hpp>
#include <framewire/frame_encoder.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace framewire::net::detail {

// The keys that a client masks with; a server has none. A client's come with client_engine.hpp:
// what they are made of, <random>, takes a server's translation unit a twentieth of its time.
template <role Role> struct own_keys;
template <> struct own_keys<role::server> {};

template <async_stream Next, role Role, options Options, message_extension Extension,
          typename Clock>
class engine : public lifetime<Next, Role, Clock> {
    using base = lifetime<Next, Role, Clock>;
    using connection_type = connection<Role, Options, Extension>;

protected:
    using base::closes_;
    using base::deadlines_;
    using base::options_;
    using base::phase_;

public:
    using typename base::executor_type;
    using round_trip = std::chrono::nanoseconds;

    engine(Next&& next, const stream_options& options,
           const typename Extension::settings& extension)
        : base(std::move(next), options),
          connection_(make_connection(options.limits, Extension(extension))) {}

    virtual ~engine() {
        if (mailbox_ != nullptr) mailbox_->close();
    }

    [[nodiscard]] bool is_open() const noexcept {
        return phase_ == phase::open && !this->broken_ &&
               connection_.state() == connection_state::open;
    }

    // --- Reading

    // `Finish` makes of the message what the handler is given. Without `keep_view` it has copied
    // the message, which need not be kept then.
    template <typename Handler, typename Finish>
    void start_read(Handler&& handler, Finish finish, bool keep_view) {
        auto* const op =
            make_operation(*this, reads_, std::forward<Handler>(handler), std::move(finish));
        view_out_ = false;
        if (!reads_.empty()) return op->fail(make_error(errc::read_in_progress));
        if (this->is_over()) {
            if (this->in_.empty()) kept_.reset();
            return op->fail(this->end_error());
        }
        keep_view_ = keep_view;
        reads_.push(op, [this] {
            if (this->busy_) return; // the pump goes on with it
            if (has_parked_ || !this->in_.empty()) {
                this->wake();
            } else if (phase_ == phase::open) {
                settle();
            }
        });
    }

    FRAMEWIRE_NEVER_INLINE void pause(bool yes) {
        paused_ = yes;
        if (!yes) this->wake();
    }
    [[nodiscard]] bool paused() const noexcept { return paused_; }

    // --- Sending

    send_result send(opcode kind, std::span<const std::byte> bytes, compression how) {
        mail_first();
        return send_by(bytes.size(), [&] {
            return goes_directly(bytes) ? send_directly(kind, bytes, how) : queue(kind, bytes, how);
        });
    }

    send_result send_fragment(opcode kind, std::span<const std::byte> bytes, bool last,
                              compression how) {
        mail_first();
        const send_result result = send_by(
            bytes.size(), [&] { return connection_.send_fragment(kind, bytes, last, how); });
        if (result) {
            fragmenting_ = !last;
            if (last) take_mail();
        }
        return result;
    }

    errc send_ping(std::span<const std::byte> payload) {
        return control(payload.size(), [&] { return connection_.ping(payload); });
    }
    errc send_pong(std::span<const std::byte> payload) {
        return control(payload.size(), [&] { return connection_.pong(payload); });
    }

    [[nodiscard, gnu::always_inline]] std::size_t buffered() const noexcept {
        return this->copied() + head_.size() + connection_.output().size();
    }

    // A send that was given a token: completes when it is worth sending more.
    template <typename Handler> void start_send(Handler&& handler, send_result result) {
        // It may have been started long after the message was queued. And in the middle of a turn
        // it completes in the same turn, so that what is sent next leaves in the same write.
        const bool same_turn = this->busy_ && result && buffered() <= options_->low_water;
        if (same_turn || result.status == send_status::above_high_water) {
            return start_drain(std::forward<Handler>(handler));
        }
        this->make_waiting(drains_, std::forward<Handler>(handler))
            ->complete(delivery::later, make_error(result.error));
    }

    // An operation that is over already.
    template <typename Handler> void start_told(Handler&& handler, errc result) {
        const bool over = result == errc::not_open && this->info().error;
        this->make_waiting(drains_, std::forward<Handler>(handler))
            ->complete(delivery::later, over ? this->info().error : make_error(result));
    }

    template <typename Handler> void start_drain(Handler&& handler) {
        auto* const op = this->make_waiting(drains_, std::forward<Handler>(handler));
        if (this->is_over() || this->broken_) return op->fail(this->end_error());
        if (this->busy_ || buffered() > options_->low_water) return drains_.push(op);
        op->complete(delivery::later, {});
    }

    // Who asks while a Ping is under way waits for the same Pong.
    template <typename Handler> void start_ping(Handler&& handler) {
        if (pings_ == nullptr) pings_ = std::make_unique<own_pings>();
        auto* const op = this->make_waiting(pings_->waiting, std::forward<Handler>(handler));
        const bool first = pings_->waiting.empty();
        errc error = errc::success;
        pings_->waiting.push(op, [&] {
            if (first) {
                const std::uint32_t number = ++pings_->number;
                error = send_ping(std::as_bytes(std::span(&number, 1)));
                if (error != errc::success) return;
                pings_->sent = Clock::now();
            }
            read_on(); // there is a Pong to be read
        });
        if (error != errc::success && pings_->waiting.remove(op)) op->fail(make_error(error));
    }

    // What was negotiated.
    [[nodiscard]] Extension& extension() noexcept { return connection_.extension(); }

    // --- Ending

    template <typename Handler> void start_closed(Handler&& handler, errc refused) {
        read_on(); // there is a Close to be read
        base::start_closed(std::forward<Handler>(handler), refused);
    }

    errc close(close_code code, std::string_view reason) {
        if (phase_ == phase::open) {
            mail_first();
            this->wake(); // ahead of what it is for: when it throws, nothing has changed
            const bool first = connection_.state() == connection_state::open;
            const errc error = connection_.close(code, reason);
            if (error == errc::success && first) start_closing();
            return error;
        }
        if (!this->is_over() && phase_ != phase::refusing) this->abort();
        return errc::success;
    }

    // The handle is gone: nobody is told anything any more, and the peer is told that we leave.
    void abandon() noexcept {
        try {
            say_good_bye();
        } catch (...) { // no memory for that
            this->close_transport();
        }
        if (mailbox_ != nullptr) mailbox_->close();
    }

    [[nodiscard]] std::shared_ptr<mailbox> get_mailbox() {
        if (mailbox_ == nullptr) {
            mailbox_ = std::make_shared<own_mailbox>(*this);
            if (phase_ == phase::open) mailbox_->open();
            if (this->is_over()) mailbox_->close();
        }
        return mailbox_;
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
        if constexpr (Extension::rsv != 0) {
            // A connection looks at whether its extension is active when it is made.
            connection_ = make_connection(options_->limits, std::move(extension()));
        }
        phase_ = phase::open;
        deadlines_.opened(Clock::now());
        if (mailbox_ != nullptr) mailbox_->open();
        if (this->eof_) connection_.receive_eof();
        this->wake();
    }

    // A turn is over: writes, ends what has ended, and waits for what comes next.
    void settle() override {
        if (phase_ == phase::ended) return;
        this->flush();
        if (phase_ == phase::ended) return;
        if (mailbox_ != nullptr) mailbox_->ahead(buffered());
        if (!drains_.empty() && buffered() <= options_->low_water) drains_.complete_all({});
        if ((phase_ == phase::ending || phase_ == phase::refusing) && this->all_written()) {
            this->shut_down();
        }
        if (phase_ == phase::ended) return;
        if (this->in_.empty() && !looked_at() && !has_parked_) {
            if (!view_out_) {
                kept_.reset();
                if (phase_ == phase::open) release_opening();
            }
            this->release_block();
            release_memory();
        }
        this->read_more();
        this->arm(!drains_.empty());
    }

private:
    // In what the base class leaves of a word.
    bool has_parked_ = false;
    bool keep_view_ = false;
    bool view_out_ = false;   // the application looks at a message
    bool view_aside_ = false; // in kept_
    bool paused_ = false;
    bool fragmenting_ = false;
    bool closed_here_ = false;
    bool used_ = false;      // memory was, since it was last looked at
    std::uint8_t turns_ = 0; // with messages, since nothing came for a while

protected:
    framewire::detail::byte_buffer head_; // of the opening handshake, written before any frame

private:
    static constexpr std::uint8_t few_turns = 4;
    // To copy so many bytes costs more than to write them by themselves.
    static constexpr std::size_t large_payload = 16'384;

    class own_mailbox final : public mailbox {
    public:
        explicit own_mailbox(engine& owner)
            : mailbox(*owner.options_), executor_(owner.executor()),
              owner_(std::static_pointer_cast<engine>(owner.shared_from_this())) {
            this->ahead(owner.buffered());
        }

    private:
        void call() override {
            io::post(*executor_, [owner = owner_] {
                if (const std::shared_ptr<engine> self = owner.lock()) self->take_mail();
            });
        }
        // Senders may outlive the execution context, and a strand may not.
        void let_go() noexcept override {
            executor_.reset();
            owner_.reset();
        }
        std::optional<executor_type> executor_;
        std::weak_ptr<engine> owner_;
    };

    [[nodiscard]] connection_type make_connection(limits bounds, Extension&& extension) {
        bounds.max_output = static_cast<std::uint64_t>(-1); // see has_room
        if constexpr (Role == role::client) {
            return connection_type(keys_.source, bounds, std::move(extension));
        } else {
            return connection_type(bounds, std::move(extension));
        }
    }

    // --- The transport's questions and answers

    [[nodiscard]] bool wants_input() const noexcept override {
        switch (phase_) {
        case phase::opening: return true;
        case phase::open:
            return this->in_.empty() && !has_parked_ && !looked_at() &&
                   (!paused_ || connection_.close_expected());
        case phase::ending:
        case phase::refusing: // only to see the end of it
            return this->leaves_it_to_the_peer() || !transport_traits<Next>::shutdown_is_the_end;
        default: return false;
        }
    }

    void take_input() override {
        if (!this->in_.empty()) {
            const auto now = Clock::now();
            if (deadlines_.quiet(now)) turns_ = 0;
            deadlines_.received(now);
        }
        if (phase_ == phase::opening && !this->in_.empty()) take_opening();
        if (phase_ == phase::open) pump();
        if (this->is_over() || phase_ == phase::refusing) this->in_ = {};
    }

    FRAMEWIRE_COLD void take_eof() override {
        if (phase_ == phase::opening) return take_opening_eof();
        if (phase_ != phase::open) return;
        connection_.receive_eof();
        pump();
    }

    [[nodiscard]] std::span<const std::byte> output() const noexcept override {
        return head_.empty() ? connection_.output() : head_.bytes();
    }
    void consume_output(std::size_t size) noexcept override {
        if (head_.empty()) return connection_.consume_output(size);
        head_.consume(size);
        if (head_.empty()) head_.release();
    }

    // Who reads what we wait for to be read lives: there is room only because he took something. A
    // write that leaves nothing says nothing, as the system takes it for a dead peer, too.
    void wrote() noexcept override {
        if (!drains_.empty() || buffered() != 0) deadlines_.received(Clock::now());
    }

    // What is still to be read may say more, as the peer's Close does.
    FRAMEWIRE_COLD void write_failed(const error_code& error) override {
        head_.release();
        connection_.consume_output(connection_.output().size());
        if (!this->read_error_) this->read_error_ = error;
        deadlines_.closing(Clock::now());
        drains_.fail_all(error);
        if (phase_ == phase::opening || phase_ == phase::deciding) this->end(error);
    }

    // --- Receiving

    // Takes messages from the input for as long as somebody takes them.
    void pump() {
        if (this->busy_) return;
        pump_guard guard(*this);
        while (phase_ == phase::open) {
            if (!drains_.empty() && buffered() <= options_->low_water) {
                drains_.pop()->complete(delivery::here, {});
                continue;
            }
            if (looked_at()) break;
            if (has_parked_) {
                if (reads_.empty() || paused_) break;
                has_parked_ = false;
                deliver(parked_);
                continue;
            }
            if (paused_ && !connection_.close_expected()) break;
            if (this->in_.empty() && !this->eof_) break;
            const event happened = connection_.next(this->in_);
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
        guard.finished = true;
    }
    // A handler that throws leaves the rest for another turn.
    class pump_guard {
    public:
        explicit pump_guard(engine& owner) noexcept : owner_(owner) { owner_.begin_turn(); }
        pump_guard(const pump_guard&) = delete;
        pump_guard& operator=(const pump_guard&) = delete;
        ~pump_guard() {
            owner_.end_turn();
            if (!finished) owner_.wake();
        }
        bool finished = false;

    private:
        engine& owner_;
    };

    void deliver(const message& received) {
        view_out_ = keep_view_;
        view_aside_ = false;
        reads_.pop()->complete(delivery::here, {}, received);
    }

    // To whoever waits for it, or else for the next one who asks.
    void offer(const message& received) {
        used_ = true;
        if (!reads_.empty() && !paused_) return deliver(received);
        parked_ = received;
        has_parked_ = true;
    }

    // The application looks at bytes that the next read would overwrite.
    [[nodiscard]] bool looked_at() const noexcept { return view_out_ && !view_aside_; }

    // Puts the bytes that the application looks at aside, so that reading can go on.
    FRAMEWIRE_COLD void set_view_aside() {
        if (!looked_at()) return;
        // When nothing was read since the last time, this view and `in_` lie in what was kept then.
        if (kept_ == nullptr || this->has_block()) kept_.reset(new kept_bytes{this->detach(), {}});
        kept_->assembled = connection_.detach_payload();
        view_aside_ = true;
    }

    // While the application looks at a message, but waits for what comes behind it.
    FRAMEWIRE_NEVER_INLINE void read_on() {
        set_view_aside();
        this->wake();
    }

    // Who talks rarely gives memory back after each turn; who talks much, when he has stopped.
    void release_memory() {
        if (!std::exchange(used_, false) || deadlines_.holds_memory()) return;
        if (turns_ < few_turns) {
            ++turns_;
            connection_.release_memory();
        } else {
            deadlines_.hold_memory(Clock::now());
        }
    }

    FRAMEWIRE_NEVER_INLINE void take(const event& e) {
        switch (e.kind) {
        case event_kind::need_data:
        case event_kind::text:
        case event_kind::binary: return; // not here
        case event_kind::ping:
            if constexpr (!Options.auto_pong) offer({opcode::ping, e.first, e.last, e.payload});
            return;
        case event_kind::pong: return take_pong(e.payload);
        case event_kind::close:
        case event_kind::failed: return take_end(e);
        }
    }

    FRAMEWIRE_COLD void take_end(const event& e) {
        close_info& info = this->set_info();
        info.code = e.code;
        if (e.kind == event_kind::close) {
            info.reason = e.text();
            info.clean = true; // RFC 6455 7.1.4: ours has been sent, or is on its way
            info.by_peer = !closed_here_;
        } else if (!info.error) {
            info.error = e.error == errc::connection_lost ? this->lost() : make_error(e.error);
        }
        begin_ending();
    }

    FRAMEWIRE_COLD void take_pong(std::span<const std::byte> payload) {
        if (pings_ == nullptr || payload.size() != sizeof(pings_->number)) return;
        if (std::memcmp(payload.data(), &pings_->number, sizeof(pings_->number)) != 0) return;
        const auto elapsed = Clock::now() - pings_->sent;
        pings_->waiting.complete_all({}, std::chrono::duration_cast<round_trip>(elapsed));
    }

    // --- Sending

    // The connection itself has no limit: what is counted here is all that waits.
    [[nodiscard]] bool has_room(std::size_t size) const noexcept {
        const std::uint64_t waiting = buffered();
        return waiting == 0 || waiting + frame_size<Role>(size) <= options_->limits.max_output;
    }

    template <typename Queue> [[nodiscard]] errc control(std::size_t size, Queue queue) {
        if (!is_open()) return errc::not_open;
        if (!has_room(size)) return errc::output_full;
        this->wake(); // ahead of what it is for: when it throws, nothing has changed
        const errc error = queue();
        if (error == errc::success) used_ = true;
        return error;
    }

    template <typename Queue> send_result send_by(std::size_t size, Queue queue) {
        if (!is_open()) return {send_status::refused, errc::not_open};
        if (!has_room(size)) {
            if (options_->on_overflow == overflow_policy::close) close_for_overflow();
            return {send_status::refused, errc::output_full};
        }
        this->wake(); // ahead of what it is for: when it throws, nothing has changed
        const errc error = queue();
        if (error != errc::success) return {send_status::refused, error};
        used_ = true;
        const bool high = buffered() > options_->high_water;
        return {high ? send_status::above_high_water : send_status::queued, errc::success};
    }
    [[nodiscard]] errc queue(opcode kind, std::span<const std::byte> bytes, compression how) {
        return kind == opcode::text ? connection_.send_text(bytes, how)
                                    : connection_.send_binary(bytes, how);
    }
    // While there is input left, more may leave in the same write.
    [[nodiscard]] bool goes_directly(std::span<const std::byte> bytes) const noexcept {
        if constexpr (Role == role::client || !base::waits) return false;
        return bytes.size() >= large_payload && this->in_.empty() && !this->writing_ &&
               head_.empty();
    }
    // Writes the payload from where it lies, behind what waits.
    [[nodiscard]] errc send_directly(opcode kind, std::span<const std::byte> bytes,
                                     compression how) {
        if constexpr (Role == role::server && base::waits) {
            error_code error;
            std::size_t written = 0;
            const auto write = [&](std::span<const std::byte> output,
                                   std::span<const std::byte> payload) {
                return written = this->write_now(output, payload, error);
            };
            const errc result = connection_.send_through(kind, bytes, write, how);
            if (error) this->fail_writing(error); // what waits is lost
            if (written != 0) wrote();
            return result;
        } else {
            return queue(kind, bytes, how);
        }
    }
    [[nodiscard]] static std::string_view message_of(errc error) noexcept {
        return framewire::message(error);
    }

    // What senders were told will be sent goes in front of what the stream sends from now on.
    void mail_first() {
        if (mailbox_ != nullptr && mailbox_->called()) take_mail();
    }
    FRAMEWIRE_NEVER_INLINE void take_mail() {
        // A message cannot go between the fragments of another.
        if (mailbox_ == nullptr || fragmenting_) return;
        const mail all = mailbox_->take();
        all.each([this](const mail::item& one, std::span<const std::byte> bytes) {
            const std::string_view reason(reinterpret_cast<const char*>(bytes.data()),
                                          bytes.size());
            if (one.kind == opcode::close && mailbox_->overflowed()) {
                if (is_open()) close_for_overflow();
            } else if (one.kind == opcode::close) {
                // RFC 6455 7.4.1: 1010 is not for servers; and it has to close.
                if (close(one.code, reason) != errc::success) (void)close(close_code::normal, {});
            } else if (is_open() && queue(one.kind, bytes, one.how) == errc::success) {
                used_ = true; // it was accepted: it goes, whatever was sent meanwhile
            }
        });
        this->wake();
    }

    // --- Ending

    FRAMEWIRE_COLD void close_for_overflow() {
        this->set_info().error = make_error(errc::output_full);
        (void)connection_.close(close_code::try_again_later, message_of(errc::output_full));
        start_closing();
    }

    FRAMEWIRE_COLD void say_good_bye() {
        destroy_operations(delivery::never);
        view_out_ = false;
        if (phase_ == phase::open) {
            take_mail();
            if (close(close_code::going_away, {}) == errc::success) return;
        }
        if (phase_ != phase::ending && phase_ != phase::refusing) this->abort();
    }

    FRAMEWIRE_COLD void start_closing() {
        closed_here_ = true;
        // Nothing is delivered any more (RFC 6455 1.4), and the peer's Close has to be read.
        has_parked_ = false;
        set_view_aside();
        deadlines_.closing(Clock::now());
        this->wake();
    }

    // No frame will be read or made any more.
    FRAMEWIRE_COLD void begin_ending() {
        phase_ = phase::ending;
        deadlines_.closing(Clock::now());
        if (mailbox_ != nullptr) mailbox_->close();
        fail_operations();
    }

    FRAMEWIRE_COLD void fail_operations() {
        const error_code error = this->end_error();
        fail_opening(error);
        reads_.fail_all(error);
        drains_.fail_all(error);
        if (pings_ != nullptr) pings_->waiting.fail_all(error);
    }
    FRAMEWIRE_COLD void destroy_operations(delivery how) noexcept {
        destroy_opening(how);
        reads_.destroy_all(how);
        drains_.destroy_all(how);
        if (pings_ != nullptr) pings_->waiting.destroy_all(how);
        closes_.destroy_all(how);
    }
    FRAMEWIRE_COLD void context_ended() noexcept override { destroy_operations(delivery::lost); }

    FRAMEWIRE_COLD void ended() override {
        if (mailbox_ != nullptr) mailbox_->close();
        fail_operations();
        has_parked_ = false;
        set_view_aside();
        head_.release();
        connection_.consume_output(connection_.output().size());
        connection_.release_memory();
    }

    FRAMEWIRE_COLD void run_out(deadline which, typename Clock::time_point now) override {
        switch (which) {
        case deadline::none: return;
        case deadline::open: return open_timed_out();
        case deadline::close:
            if (this->broken_) return this->end(this->lost());
            return this->end(make_error(errc::close_timeout));
        case deadline::idle:
            this->set_info().error = make_error(errc::idle_timeout);
            (void)close(close_code::going_away, message_of(errc::idle_timeout));
            return;
        case deadline::ping:
            (void)send_ping({}); // when it cannot be sent, there is no answer either
            deadlines_.pinged(now);
            return;
        case deadline::pong:
            // To tell a peer that is there after all; nobody waits for its answer.
            (void)connection_.close(close_code::going_away, message_of(errc::pong_timeout));
            this->flush();
            return this->end(make_error(errc::pong_timeout));
        case deadline::memory:
            if (std::exchange(used_, false) || has_parked_ || looked_at()) {
                return deadlines_.hold_memory(now);
            }
            turns_ = 0;
            connection_.release_memory();
            return deadlines_.memory_released();
        }
    }

    // What a message that the application looks at lies in.
    struct kept_bytes {
        typename channel<Next, Clock>::read_bytes read;
        framewire::detail::byte_buffer assembled;
    };

    // Pings that somebody waits for; the payload is their number.
    struct own_pings {
        operation_queue<round_trip> waiting; // for the same Pong
        std::uint32_t number = 0;
        typename Clock::time_point sent{};
    };

    [[no_unique_address]] own_keys<Role> keys_;
    connection_type connection_;
    std::unique_ptr<own_pings> pings_;
    std::unique_ptr<kept_bytes> kept_;
    message parked_; // received, and not yet asked for
    std::shared_ptr<mailbox> mailbox_;
    operation_queue<message> reads_; // at most one
    operation_queue<> drains_;
};

} // namespace framewire::net::detail

#endif
