// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The RFC 6455 connection after its opening handshake: bytes in, events out, bytes to write.

#ifndef FRAMEWIRE_CONNECTION_HPP
#define FRAMEWIRE_CONNECTION_HPP

#include <framewire/connection_state.hpp>
#include <framewire/detail/byte_buffer.hpp>
#include <framewire/detail/bytes.hpp>
#include <framewire/detail/inlining.hpp>
#include <framewire/detail/message_queue.hpp>
#include <framewire/detail/message_reader.hpp>
#include <framewire/error.hpp>
#include <framewire/event.hpp>
#include <framewire/frame_encoder.hpp>
#include <framewire/frame_header.hpp>
#include <framewire/masking.hpp>
#include <framewire/message_extension.hpp>
#include <framewire/options.hpp>
#include <framewire/prepared_message.hpp>
#include <framewire/rfc6455.hpp>
#include <framewire/utf8.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace framewire {

/// The state machine of one connection: messages, fragmentation, Ping and Pong, closing handshake.
/// It does no I/O and knows no time. The caller
///  1. reads bytes from its transport into a buffer of its own and calls `next` until `need_data`;
///  2. writes `output()` to the transport after that and after sending, and calls
///     `consume_output` with what was written;
///  3. calls `receive_eof` when the transport ends;
///  4. starts a timer of some seconds when `close_expected()` turns true, and ends the transport
///     when it fires, or when `should_shut_down()` and the output is empty.
///
/// A message that lies whole in the caller's buffer is unmasked there and handed out as a view. An
/// idle connection holds no receive buffer. Memory is taken for messages that arrive in pieces and
/// for output only, is kept for the next message, and is bounded by `limits`. Nothing throws.
///
/// Not safe for concurrent use. Movable, also between two calls of `next`; one that was moved from
/// can only be destroyed or assigned to.
///
/// \tparam Role which side this is.
/// \tparam Options see `options`.
/// \tparam Extension see `message_extension`.
template <role Role, options Options = options{}, message_extension Extension = no_extension>
class connection {
public:
    /// A server's connection.
    template <role Self = Role>
    requires(Self == role::server) explicit connection(const limits& bounds = {},
                                                       Extension extension = {}) noexcept
        : output_(frame_encoder<Role>{}), reader_(extension), limits_(bounds),
          extension_(std::move(extension)) {}

    /// A client's connection.
    /// \param keys borrowed for the life of the connection.
    template <role Self = Role>
    requires(Self == role::client) explicit connection(masking_key_source& keys,
                                                       const limits& bounds = {},
                                                       Extension extension = {}) noexcept
        : output_(frame_encoder<Role>{keys}), reader_(extension), limits_(bounds),
          extension_(std::move(extension)) {}

    /// Tells what happened next, and removes from the front of `in` the bytes that led to it. Call
    /// it until it says `need_data`; then all of `in` has been taken. After `close` and `failed` it
    /// throws further input away. Payload is unmasked in the caller's buffer.
    ///
    /// Inlined: with many short messages in one buffer, a call a message would cost as much as what
    /// it does.
    [[nodiscard]] FRAMEWIRE_ALWAYS_INLINE event next(std::span<std::byte>& in) noexcept {
        const auto brief = reader_.take_short(in, limits_);
        if (brief.kind == event_kind::need_data) [[unlikely]]
            return next_and_answer(in);
        if (brief.kind == event_kind::failed) [[unlikely]]
            return fail(errc::text_not_utf8);
        event told;
        told.kind = brief.kind;
        told.payload = brief.payload;
        return told;
    }

    /// Queues a text message of valid UTF-8. Refused, with nothing queued: `not_open`,
    /// `text_not_utf8`, `message_in_progress`, `output_full`, `out_of_memory`.
    [[nodiscard]] errc send_text(std::string_view text,
                                 compression how = compression::if_agreed) noexcept {
        return send_text(detail::bytes_of(text), how);
    }
    [[nodiscard]] errc send_text(std::span<const std::byte> text,
                                 compression how = compression::if_agreed) noexcept {
        return send_message(opcode::text, text, how);
    }

    /// Queues a binary message. Refused as `send_text`.
    [[nodiscard]] errc send_binary(std::span<const std::byte> payload,
                                   compression how = compression::if_agreed) noexcept {
        return send_message(opcode::binary, payload, how);
    }

    /// Queues a message that was made ready for many. Refused as `send_binary`.
    [[nodiscard]] errc send(const prepared_message& message,
                            compression how = compression::if_agreed) noexcept {
        if (!is_open()) return errc::not_open;
        return output_.send_prepared(message, limits_.max_output, extension_for(how));
    }

    /// Sends a message of a server without copying what the transport takes at once, which pays for
    /// payloads from some 16 KiB on. Refused as `send_text` and `send_binary`.
    /// \param kind `opcode::text` or `opcode::binary`.
    /// \param write called as `write(output, payload)` with two spans of bytes, unless the message
    ///        is refused or compressed. It writes from the front of the two, one behind the other,
    ///        without waiting, and returns how many bytes went; the rest is queued. It must not use
    ///        this object. An error of the transport is one to find at the next write: it returns
    ///        0.
    template <class Write>
    requires(Role == role::server) [[nodiscard]] errc
        send_through(opcode kind, std::span<const std::byte> payload, Write write,
                     compression how = compression::if_agreed) noexcept {
        if (kind != opcode::text && kind != opcode::binary) return errc::wrong_fragment_kind;
        if (extension_for(how) != nullptr) return send_message(kind, payload, how);
        if (!is_open()) return errc::not_open;
        return output_.send_through(kind, payload, limits_.max_output, write);
    }

    /// The same with a message that was made ready for many, whose text is not checked again.
    template <class Write>
    requires(Role == role::server) [[nodiscard]] errc
        send_through(const prepared_message& message, Write write,
                     compression how = compression::if_agreed) noexcept {
        if (extension_for(how) != nullptr) return send(message, how);
        if (!is_open()) return errc::not_open;
        return output_.send_through(message, limits_.max_output, write);
    }

    /// Queues the next fragment of a message, `last` with its end (RFC 6455 5.4). Control frames
    /// may be sent between fragments; other messages may not. A text may be cut anywhere.
    /// Refused: `wrong_fragment_kind`, and as `send_text`; the message then goes on where it was.
    /// \param kind `opcode::text` or `opcode::binary`, the same for all fragments of a message.
    /// \param how holds for the message: what is said with its first fragment.
    [[nodiscard]] errc send_fragment(opcode kind, std::span<const std::byte> payload, bool last,
                                     compression how = compression::if_agreed) noexcept {
        if (kind != opcode::text && kind != opcode::binary) return errc::wrong_fragment_kind;
        if (!is_open()) return errc::not_open;
        return output_.send_fragment(kind, payload, last, limits_.max_output, how,
                                     extension_for(compression::if_agreed));
    }

    /// Queues a Ping with at most 125 bytes of payload. Refused: `not_open`,
    /// `control_payload_too_long`, `output_full`, `out_of_memory`.
    errc ping(std::span<const std::byte> payload = {}) noexcept {
        return send_control(opcode::ping, payload);
    }

    /// Queues a Pong that answers no Ping, or the one that `options::auto_pong` left to you.
    errc pong(std::span<const std::byte> payload = {}) noexcept {
        return send_control(opcode::pong, payload);
    }

    /// Starts the closing handshake (RFC 6455 7.1.2). Messages that arrive from here on are thrown
    /// away; the peer's Close is delivered as `close`. Does nothing when already closing or closed.
    /// \param code `no_status_received` sends an empty Close frame.
    /// \param reason UTF-8 of at most 123 bytes; `utf8_prefix` cuts a longer one.
    /// Refused: `close_code_not_sendable`, `close_reason_too_long`, `close_reason_not_utf8`,
    /// `out_of_memory`.
    errc close(close_code code = close_code::normal, std::string_view reason = {}) noexcept {
        if (!is_open()) return errc::success;
        const bool empty = code == close_code::no_status_received && reason.empty();
        if (!empty && !is_wire_close_code(code)) return errc::close_code_not_sendable;
        // RFC 6455 7.4.1: 1010 is for clients whose extension the server did not negotiate.
        if (Role == role::server && code == close_code::mandatory_extension) {
            return errc::close_code_not_sendable;
        }
        if (reason.size() > max_close_reason) return errc::close_reason_too_long;
        if (!is_utf8(reason)) return errc::close_reason_not_utf8;
        if (queue_close(code, reason) != errc::success) return errc::out_of_memory;
        reader_.expect_only_close();
        return errc::success;
    }

    /// The bytes to write to the transport, in order. Valid until the next call of any function
    /// that is not const.
    [[nodiscard]] std::span<const std::byte> output() const noexcept { return output_.bytes(); }

    /// Says that the first `size` bytes of `output()` have been written. At most `output().size()`.
    void consume_output(std::size_t size) noexcept { output_.consume(size); }

    /// Says that the transport has ended: nothing comes behind what `next` is given from here on.
    /// Unless the closing handshake was complete, `next` tells `failed` with
    /// `errc::connection_lost` once its input is used up; call it, if only with an empty span.
    void receive_eof() noexcept { reader_.receive_eof(); }

    /// True from the first Close frame, sent or received, or from a failure: the peer now has to
    /// finish within a time that the caller chooses (RFC 6455 7.1.1).
    [[nodiscard]] bool close_expected() const noexcept { return !is_open(); }

    /// True when this side will neither send more than `output()` nor deliver anything: end the
    /// transport once the output is written. A client that closed cleanly leaves it to the server
    /// to end the transport first (RFC 6455 7.1.1), so there it turns true at the end of input.
    [[nodiscard]] bool should_shut_down() const noexcept {
        const bool ends_it = Role == role::server || failed_ || reader_.at_eof();
        return state() == connection_state::closed && ends_it;
    }

    [[nodiscard]] connection_state state() const noexcept { return reader_.state(); }
    [[nodiscard]] bool close_sent() const noexcept { return close_sent_; }
    [[nodiscard]] bool close_received() const noexcept { return close_received_; }

    /// The extension, for what it may want to be told or asked. Whether it is active was settled
    /// when the connection was made.
    [[nodiscard]] Extension& extension() noexcept { return extension_; }
    [[nodiscard]] const Extension& extension() const noexcept { return extension_; }

    /// Gives the memory of the last event's payload to the caller, if it lies in this object's, so
    /// that the view outlives the next call of `next`. Empty when it lies in the caller's buffer,
    /// or when there is no memory.
    [[nodiscard]] detail::byte_buffer detach_payload() noexcept {
        return reader_.detach_payload(limits_);
    }

    /// Gives back memory that is kept for the next message. Worth calling when a connection goes
    /// idle. Ends the views of the last event.
    void release_memory() noexcept {
        reader_.release_memory();
        output_.release_if_empty();
    }

    /// How many octets the block has room for that `output()` lies in. It is kept when that is
    /// empty.
    [[nodiscard]] std::size_t output_capacity() const noexcept { return output_.capacity(); }

    /// Exchanges that block with `other`'s, so that connections which have their turns one after
    /// the other can do with one block, which then is in the processor's cache. Does nothing while
    /// either of the two holds octets.
    void swap_output_memory(detail::byte_buffer& other) noexcept { output_.swap_memory(other); }

private:
    [[nodiscard]] bool is_open() const noexcept { return state() == connection_state::open; }

    // --- Answering what was received

    [[nodiscard]] FRAMEWIRE_NEVER_INLINE event next_and_answer(std::span<std::byte>& in) noexcept {
        event told = reader_.next(in, limits_, extension_);
        if (told.kind >= event_kind::ping) [[unlikely]]
            answer(told);
        return told;
    }
    FRAMEWIRE_NEVER_INLINE void answer(event& told) noexcept {
        errc error = told.error;
        if (told.kind == event_kind::ping && Options.auto_pong) {
            const std::uint64_t backlog = limits_.pong_backlog < limits_.max_output
                                              ? limits_.pong_backlog
                                              : limits_.max_output;
            error = output_.push_pong(told.payload, backlog, limits_.max_output);
        } else if (told.kind == event_kind::close) {
            // RFC 6455 5.5.1: it MUST send a Close frame in response, typically with the same code.
            close_received_ = true;
            if (!close_sent_) error = queue_close(told.code, {});
        }
        if (error != errc::success) told = fail(error);
    }

    // RFC 6455 7.1.7: tells the peer why, unless a Close was sent already, and takes no more input.
    [[nodiscard]] FRAMEWIRE_COLD event fail(errc error) noexcept {
        event result;
        result.kind = event_kind::failed;
        result.error = error;
        const close_code code = close_code_for(error);
        const bool tell_peer = !close_sent_ && code != close_code::abnormal_closure;
        const bool told = tell_peer && queue_close(code, message(error)) == errc::success;
        result.code = told ? code : close_code::abnormal_closure;
        failed_ = true;
        reader_.stop();
        return result;
    }

    // --- Sending

    [[nodiscard]] errc send_message(opcode op, std::span<const std::byte> payload,
                                    compression how) noexcept {
        if (!is_open()) return errc::not_open;
        return output_.send_message(op, payload, limits_.max_output, extension_for(how));
    }

    // Null when a message goes out as it is.
    [[nodiscard]] Extension* extension_for(compression how) noexcept {
        const bool agreed = Extension::rsv != 0 && reader_.extension_is_active();
        return agreed && how != compression::never ? &extension_ : nullptr;
    }

    [[nodiscard]] errc send_control(opcode op, std::span<const std::byte> payload) noexcept {
        if (!is_open()) return errc::not_open;
        if (payload.size() > max_control_payload) return errc::control_payload_too_long;
        return output_.push(detail::first_octet(true, 0, op), payload, limits_.max_output);
    }

    [[nodiscard]] errc queue_close(close_code code, std::string_view reason) noexcept {
        const errc error = output_.push_close(code, reason, limits_.max_output);
        if (error == errc::success) close_sent_ = true;
        return error;
    }

    detail::message_queue<Role, Options> output_;
    detail::message_reader<Role, Options, Extension> reader_;
    limits limits_;
    bool close_sent_ = false;
    bool close_received_ = false;
    bool failed_ = false;
    [[no_unique_address]] Extension extension_;
};

} // namespace framewire

#endif
