// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What a stream sends: whether there is room for it, which way it goes, and who waits for it to go.

#ifndef FRAMEWIRE_ASIO_DETAIL_OUTGOING_HPP
#define FRAMEWIRE_ASIO_DETAIL_OUTGOING_HPP

#include <framewire/asio/config.hpp>
#include <framewire/asio/detail/lifetime.hpp>
#include <framewire/asio/detail/mailbox.hpp>
#include <framewire/asio/detail/memory_use.hpp>
#include <framewire/asio/detail/operation.hpp>
#include <framewire/asio/detail/transport.hpp>
#include <framewire/asio/detail/wire.hpp>
#include <framewire/asio/message.hpp>
#include <framewire/asio/options.hpp>
#include <framewire/connection_state.hpp>
#include <framewire/detail/frame_queue.hpp>
#include <framewire/detail/inlining.hpp>
#include <framewire/error.hpp>
#include <framewire/frame_encoder.hpp>
#include <framewire/options.hpp>
#include <framewire/rfc6455.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <utility>

namespace framewire::net::detail {

template <typename Next, role Role, options Options, message_extension Extension, typename Clock>
class outgoing : public lifetime<Next, Role, Clock> {
    using base = lifetime<Next, Role, Clock>;

protected:
    using base::deadlines_;
    using base::options_;
    using base::phase_;

public:
    static constexpr bool is_server = Role == role::server;

    outgoing(Next&& next, const stream_options& options, Extension&& extension)
        : base(std::move(next), options), wire_(options.limits, std::move(extension)) {}

    virtual ~outgoing() { close_mailbox(); }

    [[nodiscard]] bool is_open() const noexcept {
        return phase_ == phase::open && !this->broken_ &&
               wire_.frames().state() == connection_state::open;
    }

    // What was negotiated.
    [[nodiscard]] Extension& extension() noexcept { return wire_.frames().extension(); }

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
            bytes.size(), [&] { return wire_.frames().send_fragment(kind, bytes, last, how); });
        if (result) {
            fragmenting_ = !last;
            if (last) take_mail();
        }
        return result;
    }

    errc send_ping(std::span<const std::byte> payload) {
        return control(payload.size(), [&] { return wire_.frames().ping(payload); });
    }
    errc send_pong(std::span<const std::byte> payload) {
        return control(payload.size(), [&] { return wire_.frames().pong(payload); });
    }

    errc close(close_code code, std::string_view reason) {
        if (phase_ == phase::open) {
            // Nothing is accepted any more that could not go in front of the Close.
            if (mailbox_ != nullptr) mailbox_->open(false);
            mail_first();
            if (phase_ != phase::open) return errc::success; // there was no memory for the mail
            const bool first = wire_.frames().state() == connection_state::open;
            const errc error = wire_.frames().close(code, reason);
            if (error == errc::success && first) start_closing();
            if (mailbox_ != nullptr && is_open()) mailbox_->open();
            return error;
        }
        if (!this->is_over() && phase_ != phase::refusing) this->abort();
        return errc::success;
    }

    [[nodiscard, gnu::always_inline]] std::size_t buffered() const noexcept {
        return this->copied() + wire_.size();
    }

    // A send that was given a token: completes when it is worth sending more.
    template <typename Handler> void start_send(Handler&& handler, send_result result) {
        // It may have been started long after the message was queued. And in the middle of a turn
        // it completes in the same turn, so that what is sent next leaves in the same write.
        const bool same_turn = this->busy_ && result && !above_low_water();
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
        if (this->busy_ || above_low_water()) return drains_.push(op);
        op->complete(delivery::later, {});
    }

    [[nodiscard]] std::shared_ptr<mailbox> get_mailbox() {
        if (mailbox_ == nullptr) {
            auto self = std::static_pointer_cast<outgoing>(this->shared_from_this());
            mailbox_ = std::make_shared<mailbox_of<outgoing>>(*options_, self);
            mailbox_->ahead(buffered());
            if (is_open()) {
                mailbox_->open();
            } else if (phase_ >= phase::open) {
                mailbox_->close();
            }
        }
        return mailbox_;
    }
    FRAMEWIRE_NEVER_INLINE void take_mail() {
        if (mailbox_ == nullptr) return;
        if (fragmenting_) {
            // Between the fragments of a message no other can go, but a Close can.
            if (is_open() && mailbox_->overflowed()) {
                this->wake();
                close_because(errc::output_full);
            }
            return;
        }
        const mail all = mailbox_->take();
        if (all.size() == 0) return;
        wire_.take_memory();
        all.each([this](const mail::item& one, std::span<const std::byte> bytes) {
            const std::string_view reason(reinterpret_cast<const char*>(bytes.data()),
                                          bytes.size());
            if (one.kind == opcode::close && mailbox_->overflowed()) {
                if (is_open()) close_because(errc::output_full);
            } else if (one.kind == opcode::close) {
                const errc error = close(one.code, reason);
                if (error != errc::success) give_up(error);
            } else if (is_open()) {
                // It was accepted: it goes, whatever was sent meanwhile, and nothing without it.
                const errc error = queue(one.kind, bytes, one.how);
                if (error != errc::success) return close_because(error);
                memory_.used();
            }
        });
        this->wake();
    }

protected:
    // This side has sent its Close frame.
    virtual void start_closing() = 0;

    [[nodiscard]] bool above_low_water() const noexcept { return buffered() > options_->low_water; }
    void open_mailbox() {
        if (mailbox_ != nullptr) mailbox_->open();
    }
    // How much waits in front of what senders send.
    void tell_mailbox() {
        if (mailbox_ != nullptr) mailbox_->ahead(buffered());
    }
    void close_mailbox() {
        if (mailbox_ != nullptr) mailbox_->close();
    }

    [[nodiscard]] static std::string_view message_of(errc error) noexcept {
        return framewire::message(error);
    }

private:
    // --- The transport's questions and answers

    [[nodiscard]] std::span<const std::byte> output() const noexcept override {
        return wire_.output();
    }
    void consume_output(std::size_t size) noexcept override { wire_.consume_output(size); }

    // Who reads what we wait for to be read lives: there is room only because he took something. A
    // write that leaves nothing says nothing, as the system takes it for a dead peer, too.
    void wrote() noexcept override {
        if (!drains_.empty() || buffered() != 0) deadlines_.received(Clock::now());
    }

    // --- Which way it goes

    // The connection itself has no limit: what is counted here is all that waits.
    [[nodiscard]] bool has_room(std::size_t size) const noexcept {
        const std::uint64_t waiting = buffered();
        return waiting == 0 || waiting + frame_size<Role>(size) <= options_->limits.max_output;
    }

    template <typename Queue> [[nodiscard]] errc control(std::size_t size, Queue queue) {
        if (!is_open()) return errc::not_open;
        if (!has_room(size)) return errc::output_full;
        this->wake();
        wire_.take_memory();
        const errc error = queue();
        if (error == errc::success) memory_.used();
        return error;
    }

    template <typename Queue> send_result send_by(std::size_t size, Queue queue) {
        if (!is_open()) return {send_status::refused, errc::not_open};
        if (!has_room(size)) {
            if (options_->on_overflow == overflow_policy::close) close_because(errc::output_full);
            return {send_status::refused, errc::output_full};
        }
        this->wake();
        wire_.take_memory();
        const errc error = queue();
        if (error != errc::success) return {send_status::refused, error};
        memory_.used();
        const bool high = buffered() > options_->high_water;
        return {high ? send_status::above_high_water : send_status::queued, errc::success};
    }
    [[nodiscard]] errc queue(opcode kind, std::span<const std::byte> bytes, compression how) {
        return kind == opcode::text ? wire_.frames().send_text(bytes, how)
                                    : wire_.frames().send_binary(bytes, how);
    }
    // While there is input left, more may leave in the same write.
    [[nodiscard]] bool goes_directly(std::span<const std::byte> bytes) const noexcept {
        if constexpr (Role == role::client || !base::waits) return false;
        return bytes.size() >= framewire::detail::large_payload && this->in_.empty() &&
               !this->writing_ && wire_.head_is_written();
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
            const errc result = wire_.frames().send_through(kind, bytes, write, how);
            if (error) this->fail_writing(error); // what waits is lost
            if (written != 0) wrote();
            return result;
        } else {
            return queue(kind, bytes, how);
        }
    }

    // What senders were told will be sent goes in front of what the stream sends from now on.
    void mail_first() {
        if (mailbox_ != nullptr && mailbox_->called()) take_mail();
    }

    FRAMEWIRE_COLD void close_because(errc error) {
        this->set_error(make_error(error));
        const close_code code =
            error == errc::output_full ? close_code::try_again_later : close_code::internal_error;
        // Without memory for a Close nothing may go in its place.
        if (wire_.frames().close(code, message_of(error)) != errc::success) return give_up(error);
        start_closing();
    }
    FRAMEWIRE_COLD void give_up(errc error) noexcept {
        try {
            this->end(make_error(error));
        } catch (const std::bad_alloc&) { // who was not told yet is told later
        }
    }

protected:
    // In what the base class leaves of a word.
    memory_use memory_;
    [[no_unique_address]] wire<Role, Options, Extension> wire_;

private:
    bool fragmenting_ = false; // likewise

protected:
    bool closed_here_ = false;
    operation_queue<> drains_;

private:
    std::shared_ptr<mailbox> mailbox_;
};

} // namespace framewire::net::detail

#endif
