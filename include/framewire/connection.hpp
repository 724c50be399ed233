// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The RFC 6455 connection after its opening handshake: bytes in, events out, bytes to write.

#ifndef FRAMEWIRE_CONNECTION_HPP
#define FRAMEWIRE_CONNECTION_HPP

#include <framewire/detail/byte_buffer.hpp>
#include <framewire/detail/bytes.hpp>
#include <framewire/detail/inlining.hpp>
#include <framewire/detail/message_queue.hpp>
#include <framewire/error.hpp>
#include <framewire/event.hpp>
#include <framewire/frame_decoder.hpp>
#include <framewire/frame_encoder.hpp>
#include <framewire/frame_header.hpp>
#include <framewire/masking.hpp>
#include <framewire/message_extension.hpp>
#include <framewire/options.hpp>
#include <framewire/prepared_message.hpp>
#include <framewire/rfc6455.hpp>
#include <framewire/utf8.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace framewire {

enum class connection_state : std::uint8_t {
    open,    ///< Messages go both ways.
    closing, ///< This side sent a Close frame and waits for the peer's.
    closed,  ///< Nothing more will be delivered.
};

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
        : output_(frame_encoder<Role>{}), decoder_(rsv_of(extension)), limits_(bounds),
          extension_(std::move(extension)) {}

    /// A client's connection.
    /// \param keys borrowed for the life of the connection.
    template <role Self = Role>
    requires(Self == role::client) explicit connection(masking_key_source& keys,
                                                       const limits& bounds = {},
                                                       Extension extension = {}) noexcept
        : output_(frame_encoder<Role>{keys}), decoder_(rsv_of(extension)), limits_(bounds),
          extension_(std::move(extension)) {}

    /// Tells what happened next, and removes from the front of `in` the bytes that led to it. Call
    /// it until it says `need_data`; then all of `in` has been taken. After `close` and `failed` it
    /// throws further input away. Payload is unmasked in the caller's buffer.
    ///
    /// Inlined: with many short messages in one buffer, a call a message would cost as much as what
    /// it does.
    [[nodiscard]] FRAMEWIRE_ALWAYS_INLINE event next(std::span<std::byte>& in) noexcept {
        // A short message in one frame, which is what nearly every message is. At least two octets
        // and a key stand in front of it, in the shortest form (RFC 6455 5.2).
        constexpr bool masked = Role == role::server;
        constexpr std::size_t prefix = masked ? 6 : 2;
        if (fresh_ && in.size() >= prefix) [[likely]] {
            std::byte* const frame = in.data();
            const std::size_t size = std::to_integer<unsigned>(frame[1]) - (masked ? 0x80u : 0u);
            const bool text = frame[0] == detail::first_octet(true, 0, opcode::text);
            const bool data = text || frame[0] == detail::first_octet(true, 0, opcode::binary);
            if (data && size <= max_short_payload && size <= in.size() - prefix &&
                size <= limits_.max_message_size) [[likely]] {
                in = in.subspan(prefix + size);
                return tell_whole(text ? opcode::text : opcode::binary, {frame + prefix, size});
            }
            return next_whole(in);
        }
        return next_slowly(in);
    }

    /// Queues a text message of valid UTF-8. Refused, with nothing queued: `not_open`,
    /// `text_not_utf8`, `message_in_progress`, `output_full`, `out_of_memory`.
    [[nodiscard]] errc send_text(std::string_view text,
                                 compression how = compression::if_agreed) noexcept {
        return send_text(std::as_bytes(std::span(text.data(), text.size())), how);
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
        if (state_ != connection_state::open) return errc::not_open;
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
        if (state_ != connection_state::open) return errc::not_open;
        return output_.send_through(kind, payload, limits_.max_output, write);
    }

    /// The same with a message that was made ready for many, whose text is not checked again.
    template <class Write>
    requires(Role == role::server) [[nodiscard]] errc
        send_through(const prepared_message& message, Write write,
                     compression how = compression::if_agreed) noexcept {
        if (extension_for(how) != nullptr) return send(message, how);
        if (state_ != connection_state::open) return errc::not_open;
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
        if (state_ != connection_state::open) return errc::not_open;
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
        if (state_ != connection_state::open) return errc::success;
        const bool empty = code == close_code::no_status_received && reason.empty();
        if (!empty && !is_wire_close_code(code)) return errc::close_code_not_sendable;
        // RFC 6455 7.4.1: 1010 is for clients whose extension the server did not negotiate.
        if (Role == role::server && code == close_code::mandatory_extension) {
            return errc::close_code_not_sendable;
        }
        if (reason.size() > max_close_reason) return errc::close_reason_too_long;
        if (!is_utf8(reason)) return errc::close_reason_not_utf8;
        if (queue_close(code, reason) != errc::success) return errc::out_of_memory;
        state_ = connection_state::closing;
        fresh_ = false;
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
    void receive_eof() noexcept {
        eof_ = true;
        fresh_ = false;
    }

    /// True from the first Close frame, sent or received, or from a failure: the peer now has to
    /// finish within a time that the caller chooses (RFC 6455 7.1.1).
    [[nodiscard]] bool close_expected() const noexcept { return state_ != connection_state::open; }

    /// True when this side will neither send more than `output()` nor deliver anything: end the
    /// transport once the output is written. A client that closed cleanly leaves it to the server
    /// to end the transport first (RFC 6455 7.1.1), so there it turns true at the end of input.
    [[nodiscard]] bool should_shut_down() const noexcept {
        return state_ == connection_state::closed && (Role == role::server || failed_ || eof_);
    }

    [[nodiscard]] connection_state state() const noexcept { return state_; }
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
        if (delivered_ == delivered::nothing) return {};
        detail::byte_buffer given = std::move(message_);
        // A control frame's lies behind what has arrived of a message, which stays here.
        const std::size_t stays = given.size() - control_size_;
        if (delivered_ == delivered::control &&
            !message_.append(given.bytes().first(stays), expected_size(false))) {
            message_ = std::move(given);
            return {};
        }
        control_size_ = 0;
        delivered_ = delivered::nothing;
        update_fresh();
        return given;
    }

    /// Gives back memory that is kept for the next message. Worth calling when a connection goes
    /// idle. Ends the views of the last event.
    void release_memory() noexcept {
        drop_delivered();
        if (message_.empty()) message_.release();
        output_.release_if_empty();
    }

private:
    static constexpr opcode no_message = opcode::continuation;
    // When streaming, how much of a message an extension decodes into memory before it is told.
    static constexpr std::uint64_t enough_at_a_time = 65'536;
    // And how much of what has arrived the extension is given for that. What it does not take is
    // masked again, which must not happen to all of a large buffer for each piece that is told.
    static constexpr std::size_t given_at_a_time = 16'384;

    enum class delivered : std::uint8_t { nothing, control, message };

    // A reserved bit means something only after the extension was agreed upon.
    [[nodiscard]] static std::uint8_t rsv_of(const Extension& extension) noexcept {
        return extension.active() ? Extension::rsv : std::uint8_t{0};
    }

    // --- Receiving: the short way

    static constexpr std::size_t max_short_payload = 125;

    // Unmasks a whole message where it stands in its frame, and checks it when it is text.
    [[nodiscard]] FRAMEWIRE_ALWAYS_INLINE event tell_whole(opcode op,
                                                           std::span<std::byte> payload) noexcept {
        return told_whole(op, payload, unmask(op, payload, key_before(payload)));
    }
    [[nodiscard]] static masking_key key_before(std::span<std::byte> payload) noexcept {
        masking_key key;
        if constexpr (Role == role::server) {
            detail::copy_bytes(key.octets.data(), payload.data() - 4, 4);
        }
        return key;
    }
    [[nodiscard]] FRAMEWIRE_ALWAYS_INLINE event told_whole(opcode op, std::span<std::byte> payload,
                                                           bool valid) noexcept {
        if (!valid || !utf8_in_.complete()) return fail(errc::text_not_utf8);
        event result;
        result.kind = op == opcode::text ? event_kind::text : event_kind::binary;
        result.payload = payload;
        return result;
    }

    // A longer message that is all there, in one frame.
    [[nodiscard]] FRAMEWIRE_NEVER_INLINE event next_whole(std::span<std::byte>& in) noexcept {
        const std::size_t size = whole_message_size<Role>(in, limits_.max_message_size);
        if (size == 0) return next_slowly(in);
        const std::span<std::byte> frame = in.first(size);
        in = in.subspan(size);
        const auto op = static_cast<opcode>(frame[0] & std::byte{0xF});
        const std::span<std::byte> payload = frame.subspan(header_size_for(frame[1]));
        return told_whole(op, payload, unmask_piece(op, payload, key_before(payload)));
    }

    // Unmasks a piece of a message, and checks it when it is text.
    [[nodiscard]] FRAMEWIRE_ALWAYS_INLINE bool unmask(opcode op, std::span<std::byte> piece,
                                                      masking_key key) noexcept {
        if (Options.validate_utf8 && op == opcode::text) {
            if constexpr (Role == role::server) {
                return utf8_in_.feed_masked(piece, key) == piece.size();
            } else {
                return utf8_in_.feed(piece) == piece.size();
            }
        }
        if constexpr (Role == role::server) mask_in_place(piece, key);
        return true;
    }

    // --- Receiving: the long way

    // Where a call more does not count.
    [[nodiscard]] FRAMEWIRE_NEVER_INLINE bool unmask_piece(opcode op, std::span<std::byte> piece,
                                                           masking_key key) noexcept {
        return unmask(op, piece, key);
    }

    [[nodiscard]] event next_slowly(std::span<std::byte>& in) noexcept {
        drop_delivered();
        for (;;) {
            if (state_ == connection_state::closed) {
                message_.release();
                in = in.last(0);
                return {};
            }
            const decoded item = decoder_.next_masked(in);
            event result;
            switch (item.kind) {
            case decoded_kind::need_data:
                if (eof_) return fail(errc::connection_lost);
                update_fresh(); // the decoder may hold the beginning of a header
                return result;
            case decoded_kind::error: result = fail(item.error); break;
            case decoded_kind::header: result = begin_frame(item.header); break;
            case decoded_kind::payload:
                result = is_control(item.header.op) ? take_control(item) : take_data(item, in);
                break;
            }
            if (result.kind != event_kind::need_data) {
                update_fresh();
                return result;
            }
        }
    }

    void update_fresh() noexcept {
        fresh_ = state_ == connection_state::open && receiving_ == no_message &&
                 delivered_ == delivered::nothing && decoder_.at_frame_boundary() && !eof_;
    }

    void drop_delivered() noexcept {
        if (delivered_ == delivered::message) message_.clear();
        if (delivered_ == delivered::control) drop_control();
        delivered_ = delivered::nothing;
        update_fresh();
    }

    // What follows from the order of frames (RFC 6455 5.4), and the limits, which hold before any
    // of the payload is taken.
    [[nodiscard]] event begin_frame(const frame_header& header) noexcept {
        fresh_ = false;
        if (is_control(header.op)) return {};
        const bool begins = header.op != opcode::continuation;
        if (begins && receiving_ != no_message) return fail(errc::expected_continuation);
        if (!begins && receiving_ == no_message) return fail(errc::unexpected_continuation);
        if (begins) {
            receiving_ = header.op;
            encoded_ = header.rsv != 0;
            first_piece_ = true;
            message_size_ = 0;
            fragments_ = 0;
            utf8_in_.reset();
        }
        if (state_ == connection_state::closing) {
            message_.release(); // nothing of it is kept
            return {};
        }
        // One frame is always let through, as on the short way.
        if (++fragments_ > std::max<std::uint32_t>(limits_.max_fragments, 1)) {
            return fail(errc::too_many_fragments);
        }
        if (!encoded_) {
            // message_size_ never passes the limit, so the subtraction does not wrap.
            if (header.payload_size > limits_.max_message_size - message_size_) {
                return fail(errc::message_too_big);
            }
            message_size_ += header.payload_size;
        }
        return {};
    }

    // `in` is what stands behind the item.
    [[nodiscard]] event take_data(const decoded& item, std::span<std::byte>& in) noexcept {
        const bool last = item.end_of_frame && item.header.fin;
        const opcode op = receiving_;
        if (last) receiving_ = no_message;
        if (state_ == connection_state::closing) return {};

        std::span<std::byte> piece = item.payload;
        if (encoded_) {
            if constexpr (Extension::rsv != 0) return take_encoded(op, item, last, in);
        }
        // In pieces, or whole in the caller's buffer: no copy.
        const bool in_place = Options.stream_messages || (last && message_.empty());
        const bool check_utf8 = Options.validate_utf8 && op == opcode::text;
        if (in_place || check_utf8) {
            if (!unmask_piece(op, piece, item.header.key)) return fail(errc::text_not_utf8);
            if (last && !utf8_in_.complete()) return fail(errc::text_not_utf8);
        }
        if (in_place) return tell(op, piece, last);
        const bool unmasked = Role == role::client || check_utf8;
        if (!assemble(piece, unmasked ? masking_key{} : item.header.key, item.header.fin)) {
            return fail(errc::out_of_memory);
        }
        if (!last) return {};
        delivered_ = delivered::message;
        return tell(op, message_.bytes(), true);
    }

    // Unmasks on the way what has to be copied anyway.
    [[nodiscard]] bool assemble(std::span<const std::byte> piece, masking_key key,
                                bool last_frame) noexcept {
        if (piece.empty()) return true;
        std::byte* const room = message_.prepare(piece.size(), expected_size(last_frame));
        if (room == nullptr) return false;
        mask_copy(std::span(room, piece.size()), piece, key);
        message_.commit(piece.size());
        return true;
    }

    // The last frame says how long the message will be; earlier ones say that of the limit only.
    [[nodiscard]] std::size_t expected_size(bool last_frame) const noexcept {
        return static_cast<std::size_t>(last_frame ? message_size_ : limits_.max_message_size);
    }

    // A piece of a message that the extension has to decode, from the caller's buffer to message_.
    [[nodiscard]] event take_encoded(opcode op, const decoded& item, bool last,
                                     std::span<std::byte>& in) noexcept {
        const std::span<std::byte> given = item.payload.first(
            Options.stream_messages ? std::min(item.payload.size(), given_at_a_time)
                                    : item.payload.size());
        if (given.size() != item.payload.size()) last = false;
        if constexpr (Role == role::server) mask_in_place(given, item.header.key);
        const std::size_t before = message_.size();
        extension_output out(message_, limits_.max_message_size - message_size_,
                             Options.stream_messages ? enough_at_a_time
                                                     : extension_output::no_limit);
        const decoded_payload done = extension_.decode(given, last, out);
        // Looked at first, so that of two causes the same one is told wherever the input was cut.
        const std::span<std::byte> piece = message_.bytes().subspan(before);
        const bool check_utf8 = Options.validate_utf8 && op == opcode::text;
        if (check_utf8 && utf8_in_.feed(piece) != piece.size()) return fail(errc::text_not_utf8);
        if (done.error != errc::success) return fail(done.error);
        if (done.used != item.payload.size()) {
            // It becomes more than one piece: the rest goes back to where it came from.
            const std::span<std::byte> rest = item.payload.subspan(done.used);
            const masking_key key = rotated(item.header.key, done.used);
            if constexpr (Role == role::server) mask_in_place(given.subspan(done.used), key);
            in = {rest.data(), rest.size() + in.size()};
            decoder_.put_back(item.header, rest.size(), key);
            receiving_ = op;
            last = false;
        }
        message_size_ += piece.size();
        if (check_utf8 && last && !utf8_in_.complete()) return fail(errc::text_not_utf8);
        if (!Options.stream_messages && !last) return {};
        const event result = tell(op, message_.bytes(), last);
        if (result.kind != event_kind::need_data) delivered_ = delivered::message;
        return result;
    }

    [[nodiscard]] event tell(opcode op, std::span<std::byte> payload, bool last) noexcept {
        event result;
        if (Options.stream_messages) {
            if (payload.empty() && !last) return result;
            result.first = std::exchange(first_piece_, false);
            result.last = last;
        }
        result.kind = op == opcode::text ? event_kind::text : event_kind::binary;
        result.payload = payload;
        return result;
    }

    // --- Receiving: control frames

    // A control frame that arrives in pieces is put together behind the message in message_, so
    // that it needs no memory of its own.
    [[nodiscard]] event take_control(const decoded& item) noexcept {
        std::span<std::byte> payload = item.payload;
        if constexpr (Role == role::server) mask_in_place(payload, item.header.key);
        if (control_size_ != 0 || !item.end_of_frame) {
            if (!message_.append(payload, expected_size(false) + max_control_payload)) {
                return fail(errc::out_of_memory);
            }
            control_size_ = static_cast<std::uint8_t>(control_size_ + payload.size());
            if (!item.end_of_frame) return {};
            payload = message_.bytes().last(control_size_);
            delivered_ = delivered::control;
        }
        const event result = control_event(item.header.op, payload);
        if (result.kind == event_kind::need_data && delivered_ == delivered::control) {
            drop_control();
            delivered_ = delivered::nothing;
        }
        return result;
    }

    void drop_control() noexcept { message_.drop_back(std::exchange(control_size_, 0)); }

    [[nodiscard]] event control_event(opcode op, std::span<std::byte> payload) noexcept {
        event result;
        if (op == opcode::close) return close_event(payload);
        if (state_ == connection_state::closing) return result; // only the Close matters now
        result.payload = payload;
        if (op == opcode::pong) {
            result.kind = event_kind::pong;
            return result;
        }
        result.kind = event_kind::ping;
        if (Options.auto_pong) {
            const std::uint64_t backlog =
                std::min<std::uint64_t>(limits_.pong_backlog, limits_.max_output);
            const errc error = output_.push_pong(payload, backlog);
            if (error != errc::success) return fail(error);
        }
        return result;
    }

    [[nodiscard]] FRAMEWIRE_COLD event close_event(std::span<std::byte> payload) noexcept {
        event result;
        result.kind = event_kind::close;
        // RFC 6455 5.5.1: a body, if there is one, begins with a two-byte status code, and what
        // follows is UTF-8.
        if (payload.size() == 1) return fail(errc::close_payload_too_short);
        if (payload.size() >= 2) {
            const auto code = detail::load_big_endian<std::uint16_t>(payload.data());
            result.code = static_cast<close_code>(code);
            result.payload = payload.subspan(2);
            if (!is_wire_close_code(result.code)) return fail(errc::close_code_invalid);
            if (!is_utf8(std::span<const std::byte>(result.payload))) {
                return fail(errc::close_reason_not_utf8);
            }
        }
        // RFC 6455 5.5.1: it MUST send a Close frame in response, typically with the same code.
        close_received_ = true;
        if (!close_sent_ && queue_close(result.code, {}) != errc::success) {
            return fail(errc::out_of_memory);
        }
        state_ = connection_state::closed;
        return result;
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
        state_ = connection_state::closed;
        failed_ = true;
        fresh_ = false;
        control_size_ = 0;
        delivered_ = delivered::nothing;
        message_.release();
        return result;
    }

    // --- Sending

    [[nodiscard]] errc send_message(opcode op, std::span<const std::byte> payload,
                                    compression how) noexcept {
        if (state_ != connection_state::open) return errc::not_open;
        return output_.send_message(op, payload, limits_.max_output, extension_for(how));
    }

    // Null when a message goes out as it is.
    [[nodiscard]] Extension* extension_for(compression how) noexcept {
        const bool agreed = Extension::rsv != 0 && decoder_.allowed_rsv() != 0;
        return agreed && how != compression::never ? &extension_ : nullptr;
    }

    [[nodiscard]] errc send_control(opcode op, std::span<const std::byte> payload) noexcept {
        if (state_ != connection_state::open) return errc::not_open;
        if (payload.size() > max_control_payload) return errc::control_payload_too_long;
        return output_.push(detail::first_octet(true, 0, op), payload, limits_.max_output);
    }

    [[nodiscard]] errc queue_close(close_code code, std::string_view reason) noexcept {
        const errc error = output_.push_close(code, reason);
        if (error == errc::success) close_sent_ = true;
        return error;
    }

    detail::byte_buffer message_; // what of the message has arrived; behind it, of a control frame
    detail::message_queue<Role, Options> output_;
    frame_decoder<Role> decoder_;
    limits limits_;
    std::uint64_t message_size_ = 0; // of the message being received, as announced or decoded
    std::uint32_t fragments_ = 0;
    utf8_validator utf8_in_;
    opcode receiving_ = no_message;
    connection_state state_ = connection_state::open;
    delivered delivered_ = delivered::nothing;
    std::uint8_t control_size_ = 0; // bytes of a control frame at the end of message_
    bool fresh_ = true;             // the short way is open: nothing is half done
    bool encoded_ = false;          // the message being received has to be decoded
    bool first_piece_ = true;
    bool close_sent_ = false;
    bool close_received_ = false;
    bool failed_ = false;
    bool eof_ = false;
    [[no_unique_address]] Extension extension_;
};

} // namespace framewire

#endif
