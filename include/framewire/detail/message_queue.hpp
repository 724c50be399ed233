// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The messages that a connection sends: what may follow what, which text is valid, and which
// message goes through the extension.

#ifndef FRAMEWIRE_DETAIL_MESSAGE_QUEUE_HPP
#define FRAMEWIRE_DETAIL_MESSAGE_QUEUE_HPP

#include <framewire/detail/frame_queue.hpp>
#include <framewire/error.hpp>
#include <framewire/frame_encoder.hpp>
#include <framewire/frame_header.hpp>
#include <framewire/options.hpp>
#include <framewire/prepared_message.hpp>
#include <framewire/rfc6455.hpp>
#include <framewire/utf8.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace framewire::detail {

// A frame_queue, so that the few octets of its own stand where that has none.
template <role Role, options Options> class message_queue
    : public frame_queue<Role, Options.limit_output> {
public:
    using frame_queue<Role, Options.limit_output>::frame_queue;

    // `extension` is null when none was agreed upon, or when the message bypasses it.
    template <class Extension>
    [[nodiscard]] errc send_message(opcode op, std::span<const std::byte> payload,
                                    std::uint64_t limit, Extension* extension) noexcept {
        if (const errc error = check(op, payload); error != errc::success) return error;
        return queue(op, op, true, payload, limit, extension);
    }

    template <class Extension> [[nodiscard]] errc send_prepared(const prepared_message& message,
                                                                std::uint64_t limit,
                                                                Extension* extension) noexcept {
        if (unfinished_ != nothing) return errc::message_in_progress;
        if constexpr (Role == role::server) {
            if (extension == nullptr) return this->push_frame(message.frame(), limit);
        }
        return queue(message.kind(), message.kind(), true, message.payload(), limit, extension);
    }

    // See connection::send_through.
    template <class Write>
    [[nodiscard]] errc send_through(opcode op, std::span<const std::byte> payload,
                                    std::uint64_t limit, Write& write) noexcept {
        if (const errc error = check(op, payload); error != errc::success) return error;
        return this->push_through(first_octet(true, 0, op), payload, limit, write);
    }

    template <class Write> [[nodiscard]] errc
    send_through(const prepared_message& message, std::uint64_t limit, Write& write) noexcept {
        if (unfinished_ != nothing) return errc::message_in_progress;
        return this->push_frame_through(message.frame(), limit, write);
    }

    template <class Extension>
    [[nodiscard]] errc send_fragment(opcode kind, std::span<const std::byte> payload, bool last,
                                     std::uint64_t limit, compression how,
                                     Extension* extension) noexcept {
        const bool first = unfinished_ == nothing;
        if (!first && unfinished_ != kind) return errc::wrong_fragment_kind;
        utf8_validator utf8 = first ? utf8_validator{} : utf8_;
        if (Options.validate_utf8 && kind == opcode::text) {
            if (utf8.feed(payload) != payload.size() || (last && !utf8.complete())) {
                return errc::text_not_utf8;
            }
        }
        // The first fragment decides for all of the message.
        const bool bypass = first ? how == compression::never : bypasses_;
        const errc error = queue(first ? kind : opcode::continuation, kind, last, payload, limit,
                                 bypass ? nullptr : extension);
        if (error != errc::success) return error;
        utf8_ = utf8;
        unfinished_ = last ? nothing : kind;
        bypasses_ = bypass;
        return errc::success;
    }

private:
    static constexpr opcode nothing = opcode::continuation;

    [[nodiscard]] errc check(opcode op, std::span<const std::byte> payload) const noexcept {
        // RFC 6455 5.4: the fragments of one message are not interleaved with another.
        if (unfinished_ != nothing) return errc::message_in_progress;
        const bool text = Options.validate_utf8 && op == opcode::text;
        return text && !is_utf8(payload) ? errc::text_not_utf8 : errc::success;
    }

    template <class Extension>
    [[nodiscard]] errc queue(opcode op, opcode kind, bool fin, std::span<const std::byte> payload,
                             std::uint64_t limit, Extension* extension) noexcept {
        if constexpr (Extension::rsv != 0) {
            if (extension != nullptr) {
                return this->push_encoded(op, kind, fin, payload, limit, *extension);
            }
        }
        return this->push(first_octet(fin, 0, op), payload, limit);
    }

    utf8_validator utf8_;         // of the message that is being sent in fragments
    opcode unfinished_ = nothing; // its kind
    bool bypasses_ = false;       // the extension
};

} // namespace framewire::detail

#endif
