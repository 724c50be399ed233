// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A message made ready once, to be sent to many: checked, and already a frame of a server.

#ifndef FRAMEWIRE_PREPARED_MESSAGE_HPP
#define FRAMEWIRE_PREPARED_MESSAGE_HPP

#include <framewire/detail/byte_buffer.hpp>
#include <framewire/detail/bytes.hpp>
#include <framewire/error.hpp>
#include <framewire/frame_encoder.hpp>
#include <framewire/frame_header.hpp>
#include <framewire/masking.hpp>
#include <framewire/rfc6455.hpp>
#include <framewire/utf8.hpp>

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

namespace framewire {

/// A whole message for `connection::send`. A server's connection without compression queues its
/// frame as it is (RFC 6455 5.2: a server's frames are the same for every client). One with
/// compression, and a client's, which masks, make a frame of their own of the payload; even then
/// the text is not checked again.
class prepared_message {
public:
    /// An empty text message.
    prepared_message() noexcept = default;
    /// Leaves an empty text message behind.
    prepared_message(prepared_message&& other) noexcept { swap(other); }
    prepared_message& operator=(prepared_message&& other) noexcept {
        prepared_message taken(std::move(other));
        swap(taken);
        return *this;
    }

    /// Makes it another message. Any errc but success leaves it as it was: `text_not_utf8`,
    /// `out_of_memory`, and `wrong_fragment_kind` when `kind` is neither text nor binary.
    [[nodiscard]] errc assign(opcode kind, std::span<const std::byte> payload) noexcept {
        if (kind != opcode::text && kind != opcode::binary) return errc::wrong_fragment_kind;
        if (kind == opcode::text && !is_utf8(payload)) return errc::text_not_utf8;
        detail::byte_buffer frame;
        const auto size = static_cast<std::size_t>(frame_size<role::server>(payload.size()));
        std::byte* const room = frame.prepare(size, size);
        if (room == nullptr) return errc::out_of_memory;
        const std::size_t prefix = detail::write_prefix(room, detail::first_octet(true, 0, kind),
                                                        payload.size(), false, masking_key{});
        detail::copy_bytes(room + prefix, payload.data(), payload.size());
        frame.commit(size);
        frame_ = std::move(frame);
        payload_at_ = prefix;
        kind_ = kind;
        return errc::success;
    }
    [[nodiscard]] errc assign_text(std::string_view text) noexcept {
        return assign(opcode::text, detail::bytes_of(text));
    }
    [[nodiscard]] errc assign_binary(std::span<const std::byte> payload) noexcept {
        return assign(opcode::binary, payload);
    }

    /// `opcode::text` or `opcode::binary`.
    [[nodiscard]] opcode kind() const noexcept { return kind_; }
    [[nodiscard]] std::span<const std::byte> payload() const noexcept {
        return frame().subspan(payload_at_);
    }
    /// What a server sends: unmasked, not compressed.
    [[nodiscard]] std::span<const std::byte> frame() const noexcept {
        return frame_.empty() ? std::span<const std::byte>(empty_text) : frame_.bytes();
    }

private:
    void swap(prepared_message& other) noexcept {
        std::swap(frame_, other.frame_);
        std::swap(payload_at_, other.payload_at_);
        std::swap(kind_, other.kind_);
    }

    static constexpr std::byte empty_text[] = {detail::first_octet(true, 0, opcode::text),
                                               std::byte{0}};

    detail::byte_buffer frame_; // none for an empty text that nobody has assigned
    std::size_t payload_at_ = sizeof empty_text;
    opcode kind_ = opcode::text;
};

} // namespace framewire

#endif
