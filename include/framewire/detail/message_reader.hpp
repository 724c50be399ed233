// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The receiving half of a connection: puts frames together to messages, and looks whether they may
// follow each other, are within the limits, and are what they say. It answers nothing.

#ifndef FRAMEWIRE_DETAIL_MESSAGE_READER_HPP
#define FRAMEWIRE_DETAIL_MESSAGE_READER_HPP

#include <framewire/connection_state.hpp>
#include <framewire/detail/byte_buffer.hpp>
#include <framewire/detail/bytes.hpp>
#include <framewire/detail/inlining.hpp>
#include <framewire/detail/piece_buffer.hpp>
#include <framewire/error.hpp>
#include <framewire/event.hpp>
#include <framewire/frame_decoder.hpp>
#include <framewire/frame_encoder.hpp>
#include <framewire/frame_header.hpp>
#include <framewire/masking.hpp>
#include <framewire/message_extension.hpp>
#include <framewire/options.hpp>
#include <framewire/rfc6455.hpp>
#include <framewire/utf8.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace framewire::detail {

template <role Role, options Options, message_extension Extension> class message_reader {
public:
    explicit message_reader(const Extension& extension) noexcept
        // A reserved bit means something only after the extension was agreed upon.
        : decoder_(extension.active() ? Extension::rsv : std::uint8_t{0}) {}

    // A short message in one frame, which is what nearly every message is, from the front of `in`.
    // No event: what is made of one here and given on is copied by g++ 12.
    struct short_message {
        event_kind kind = event_kind::need_data; // no short one; `failed`: it is no UTF-8
        std::span<std::byte> payload{};
    };
    [[nodiscard]] FRAMEWIRE_ALWAYS_INLINE short_message take_short(std::span<std::byte>& in,
                                                                   const limits& bounds) noexcept {
        // At least two octets and a key stand in front of it, in the shortest form (RFC 6455 5.2).
        constexpr bool masked = Role == role::server;
        constexpr std::size_t prefix = masked ? 6 : 2;
        if (fresh_ && in.size() >= prefix) [[likely]] {
            std::byte* const frame = in.data();
            const std::size_t size = std::to_integer<unsigned>(frame[1]) - (masked ? 0x80u : 0u);
            const bool text = frame[0] == first_octet(true, 0, opcode::text);
            const bool data = text || frame[0] == first_octet(true, 0, opcode::binary);
            if (data && size <= max_short_payload && size <= in.size() - prefix &&
                size <= bounds.max_message_size) [[likely]] {
                in = in.subspan(prefix + size);
                const std::span<std::byte> payload(frame + prefix, size);
                const opcode op = text ? opcode::text : opcode::binary;
                if (!unmask(op, payload, key_before(payload)) || !utf8_.complete()) {
                    return {event_kind::failed, {}};
                }
                return {op == opcode::text ? event_kind::text : event_kind::binary, payload};
            }
        }
        return {};
    }

    // The rest of connection::next. After `close` and `failed`, whose code is not set, nothing more
    // comes.
    [[nodiscard]] event next(std::span<std::byte>& in, const limits& bounds,
                             Extension& extension) noexcept {
        if (!fresh_) return next_slowly(in, bounds, extension);
        if (in.empty()) return {};
        return next_whole(in, bounds, extension);
    }

    // `closing` when only the peer's Close is waited for, `closed` behind the last event.
    [[nodiscard]] connection_state state() const noexcept { return state_; }
    [[nodiscard]] bool at_eof() const noexcept { return eof_; }
    [[nodiscard]] bool extension_is_active() const noexcept { return decoder_.allowed_rsv() != 0; }

    // Messages that arrive from here on are thrown away, the one that is half there among them.
    void expect_only_close() noexcept {
        state_ = connection_state::closing;
        fresh_ = false;
    }
    void receive_eof() noexcept {
        eof_ = true;
        fresh_ = false;
    }
    // Takes no more input, and gives back all memory.
    void stop() noexcept {
        state_ = connection_state::closed;
        fresh_ = false;
        pieces_.release();
    }

    // See connection::detach_payload.
    [[nodiscard]] byte_buffer detach_payload(const limits& bounds) noexcept {
        byte_buffer given = pieces_.detach_told(expected_size(false, bounds));
        update_fresh();
        return given;
    }
    void release_memory() noexcept {
        drop_told();
        pieces_.release_if_empty();
    }

private:
    static constexpr opcode no_message = opcode::continuation;
    static constexpr std::size_t max_short_payload = 125;
    // When streaming, how much of a message an extension decodes into memory before it is told.
    static constexpr std::uint64_t enough_at_a_time = 65'536;
    // And how much of what has arrived the extension is given for that. What it does not take is
    // masked again, which must not happen to all of a large buffer for each piece that is told.
    static constexpr std::size_t given_at_a_time = 16'384;

    // --- Messages that are all there, in one frame

    // A longer one.
    [[nodiscard]] event next_whole(std::span<std::byte>& in, const limits& bounds,
                                   Extension& extension) noexcept {
        const std::size_t size = whole_message_size<Role>(in, bounds.max_message_size);
        if (size == 0) return next_slowly(in, bounds, extension);
        const std::span<std::byte> frame = in.first(size);
        in = in.subspan(size);
        const auto op = static_cast<opcode>(frame[0] & std::byte{0xF});
        const std::span<std::byte> payload = frame.subspan(header_size_for(frame[1]));
        if (!unmask_piece(op, payload, key_before(payload)) || !utf8_.complete()) {
            return fail(errc::text_not_utf8);
        }
        event result;
        result.kind = op == opcode::text ? event_kind::text : event_kind::binary;
        result.payload = payload;
        return result;
    }

    [[nodiscard]] static masking_key key_before(std::span<std::byte> payload) noexcept {
        masking_key key;
        if constexpr (Role == role::server) copy_bytes(key.octets.data(), payload.data() - 4, 4);
        return key;
    }

    // Unmasks a piece of a message, and checks it when it is text.
    [[nodiscard]] FRAMEWIRE_ALWAYS_INLINE bool unmask(opcode op, std::span<std::byte> piece,
                                                      masking_key key) noexcept {
        if (Options.validate_utf8 && op == opcode::text) {
            if constexpr (Role == role::server) {
                return utf8_.feed_masked(piece, key) == piece.size();
            } else {
                return utf8_.feed(piece) == piece.size();
            }
        }
        if constexpr (Role == role::server) mask_in_place(piece, key);
        return true;
    }

    // --- Messages in pieces

    // Where a call more does not count.
    [[nodiscard]] FRAMEWIRE_NEVER_INLINE bool unmask_piece(opcode op, std::span<std::byte> piece,
                                                           masking_key key) noexcept {
        return unmask(op, piece, key);
    }

    [[nodiscard]] event next_slowly(std::span<std::byte>& in, const limits& bounds,
                                    Extension& extension) noexcept {
        drop_told();
        for (;;) {
            if (state_ == connection_state::closed) {
                pieces_.release();
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
            case decoded_kind::header: result = begin_frame(item.header, bounds); break;
            case decoded_kind::payload:
                result = is_control(item.header.op) ? take_control(item, bounds)
                                                    : take_data(item, in, bounds, extension);
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
                 !pieces_.is_told() && decoder_.at_frame_boundary() && !eof_;
    }
    void drop_told() noexcept {
        pieces_.drop_told();
        update_fresh();
    }

    // What follows from the order of frames (RFC 6455 5.4), and the limits, which hold before any
    // of the payload is taken.
    [[nodiscard]] event begin_frame(const frame_header& header, const limits& bounds) noexcept {
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
            utf8_.reset();
        }
        if (state_ == connection_state::closing) {
            pieces_.release(); // nothing of it is kept
            return {};
        }
        // One frame is always let through, as on the short way.
        if (++fragments_ > bounds.max_fragments && fragments_ > 1) {
            return fail(errc::too_many_fragments);
        }
        if (!encoded_) {
            // message_size_ never passes the limit, so the subtraction does not wrap.
            if (header.payload_size > bounds.max_message_size - message_size_) {
                return fail(errc::message_too_big);
            }
            message_size_ += header.payload_size;
        }
        return {};
    }

    // `in` is what stands behind the item.
    [[nodiscard]] event take_data(const decoded& item, std::span<std::byte>& in,
                                  const limits& bounds, Extension& extension) noexcept {
        const bool last = item.end_of_frame && item.header.fin;
        const opcode op = receiving_;
        if (last) receiving_ = no_message;
        if (state_ == connection_state::closing) return {};

        std::span<std::byte> piece = item.payload;
        if (encoded_) {
            if constexpr (Extension::rsv != 0) {
                return take_encoded(op, item, last, in, bounds, extension);
            }
        }
        // In pieces, or whole in the caller's buffer: no copy.
        const bool in_place = Options.stream_messages || (last && pieces_.message().empty());
        const bool check_utf8 = Options.validate_utf8 && op == opcode::text;
        if (in_place || check_utf8) {
            if (!unmask_piece(op, piece, item.header.key)) return fail(errc::text_not_utf8);
            if (last && !utf8_.complete()) return fail(errc::text_not_utf8);
        }
        if (in_place) return tell(op, piece, last);
        const bool unmasked = Role == role::client || check_utf8;
        if (!assemble(piece, unmasked ? masking_key{} : item.header.key,
                      expected_size(item.header.fin, bounds))) {
            return fail(errc::out_of_memory);
        }
        if (!last) return {};
        pieces_.told_message();
        return tell(op, pieces_.message().bytes(), true);
    }

    // Unmasks on the way what has to be copied anyway.
    [[nodiscard]] bool assemble(std::span<const std::byte> piece, masking_key key,
                                std::size_t expected) noexcept {
        if (piece.empty()) return true;
        byte_buffer& message = pieces_.message();
        std::byte* const room = message.prepare(piece.size(), expected);
        if (room == nullptr) return false;
        mask_copy({room, piece.size()}, piece, key);
        message.commit(piece.size());
        return true;
    }

    // The last frame says how long the message will be; earlier ones say that of the limit only.
    [[nodiscard]] std::size_t expected_size(bool last_frame, const limits& bounds) const noexcept {
        return static_cast<std::size_t>(last_frame ? message_size_ : bounds.max_message_size);
    }

    // A piece of a message that the extension has to decode, from the caller's buffer to pieces_.
    [[nodiscard]] event take_encoded(opcode op, const decoded& item, bool last,
                                     std::span<std::byte>& in, const limits& bounds,
                                     Extension& extension) noexcept {
        const bool all = !Options.stream_messages || item.payload.size() < given_at_a_time;
        const std::span<std::byte> given =
            item.payload.first(all ? item.payload.size() : given_at_a_time);
        if (given.size() != item.payload.size()) last = false;
        if constexpr (Role == role::server) mask_in_place(given, item.header.key);
        byte_buffer& message = pieces_.message();
        const std::size_t before = message.size();
        extension_output out(message, bounds.max_message_size - message_size_,
                             Options.stream_messages ? enough_at_a_time
                                                     : extension_output::no_limit);
        const decoded_payload done = extension.decode(given, last, out);
        // Looked at first, so that of two causes the same one is told wherever the input was cut.
        const std::span<std::byte> piece = message.bytes().subspan(before);
        const bool check_utf8 = Options.validate_utf8 && op == opcode::text;
        if (check_utf8 && utf8_.feed(piece) != piece.size()) return fail(errc::text_not_utf8);
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
        if (check_utf8 && last && !utf8_.complete()) return fail(errc::text_not_utf8);
        if (!Options.stream_messages && !last) return {};
        const event result = tell(op, message.bytes(), last);
        if (result.kind != event_kind::need_data) pieces_.told_message();
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

    // --- Control frames

    [[nodiscard]] event take_control(const decoded& item, const limits& bounds) noexcept {
        std::span<std::byte> payload = item.payload;
        if constexpr (Role == role::server) mask_in_place(payload, item.header.key);
        if (pieces_.holds_control() || !item.end_of_frame) {
            if (!pieces_.append_control(payload,
                                        expected_size(false, bounds) + max_control_payload)) {
                return fail(errc::out_of_memory);
            }
            if (!item.end_of_frame) return {};
            payload = pieces_.control();
            pieces_.told_control();
        }
        if (item.header.op == opcode::close) return tell_close(payload);
        event result;
        if (state_ == connection_state::closing) { // only the Close matters now
            pieces_.drop_told();
            return result;
        }
        result.kind = item.header.op == opcode::ping ? event_kind::ping : event_kind::pong;
        result.payload = payload;
        return result;
    }

    [[nodiscard]] FRAMEWIRE_COLD event tell_close(std::span<std::byte> payload) noexcept {
        event result;
        result.kind = event_kind::close;
        // RFC 6455 5.5.1: a body, if there is one, begins with a two-byte status code, and what
        // follows is UTF-8.
        if (payload.size() == 1) return fail(errc::close_payload_too_short);
        if (payload.size() >= 2) {
            result.code = static_cast<close_code>(load_big_endian<std::uint16_t>(payload.data()));
            result.payload = payload.subspan(2);
            if (!is_wire_close_code(result.code)) return fail(errc::close_code_invalid);
            if (!is_utf8(std::span<const std::byte>(result.payload))) {
                return fail(errc::close_reason_not_utf8);
            }
        }
        state_ = connection_state::closed;
        return result;
    }

    [[nodiscard]] FRAMEWIRE_COLD event fail(errc error) noexcept {
        stop();
        event result;
        result.kind = event_kind::failed;
        result.error = error;
        return result;
    }

    [[no_unique_address]] piece_buffer pieces_; // in the rest of which stand the next six
    opcode receiving_ = no_message;
    connection_state state_ = connection_state::open;
    bool fresh_ = true;    // the short way is open: nothing is half done
    bool encoded_ = false; // the message being received has to be decoded
    bool first_piece_ = true;
    bool eof_ = false;
    frame_decoder<Role> decoder_;
    std::uint64_t message_size_ = 0; // of the message being received, as announced or decoded
    std::uint32_t fragments_ = 0;
    utf8_validator utf8_;
};

} // namespace framewire::detail

#endif
