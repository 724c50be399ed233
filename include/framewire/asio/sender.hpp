// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Sends on a stream from other threads.

#ifndef FRAMEWIRE_ASIO_SENDER_HPP
#define FRAMEWIRE_ASIO_SENDER_HPP

#include <framewire/asio/detail/mailbox.hpp>
#include <framewire/asio/message.hpp>
#include <framewire/error.hpp>
#include <framewire/options.hpp>
#include <framewire/rfc6455.hpp>
#include <framewire/utf8.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace framewire::net {

/// Sends on a stream from any thread. It may be copied, and may outlive the stream and even its
/// execution context: then it refuses with `errc::not_open`. Messages of one thread leave in the
/// order in which that thread sent them. What is sent between two turns of the stream's executor
/// wakes it once, and leaves in one write.
///
/// What was accepted goes in front of what the stream itself sends or closes with after that; only
/// between the fragments of a message it has to wait for the last one.
///
/// A message that was accepted is lost when the stream ends before it is written, as any is, and
/// when it closes in the middle of a message in fragments, behind which it would have gone. A
/// stream that has no memory to send it closes with 1011 rather than go on without it, or ends
/// without memory for that.
class sender {
public:
    /// Sends nowhere.
    sender() noexcept = default;
    /// Got from `stream::get_sender`.
    explicit sender(std::shared_ptr<detail::mailbox> box) noexcept : box_(std::move(box)) {}

    /// Queues a copy of a text; it goes behind a message that the stream is sending in fragments.
    /// Refused: `not_open`, `text_not_utf8`, `output_full`, `out_of_memory`.
    send_result send_text(std::string_view text, compression how = compression::if_agreed) const {
        if (!is_utf8(text)) return {send_status::refused, errc::text_not_utf8};
        return put(opcode::text, std::as_bytes(std::span(text.data(), text.size())), how);
    }
    /// Queues a copy of the bytes, as `send_text`.
    send_result send_binary(std::span<const std::byte> bytes,
                            compression how = compression::if_agreed) const {
        return put(opcode::binary, bytes, how);
    }
    template <detail::byte_range Range>
    send_result send_binary(const Range& bytes, compression how = compression::if_agreed) const {
        return send_binary(detail::bytes_of(bytes), how);
    }
    /// Closes the stream behind what was sent before; later sends are refused. Refused as by
    /// `stream::close`.
    errc close(close_code code = close_code::normal, std::string_view reason = {}) const {
        const bool empty = code == close_code::no_status_received && reason.empty();
        if (!empty && !is_wire_close_code(code)) return errc::close_code_not_sendable;
        if (reason.size() > max_close_reason) return errc::close_reason_too_long;
        if (!is_utf8(reason)) return errc::close_reason_not_utf8;
        if (box_ == nullptr) return errc::success;
        // RFC 6455 7.4.1: for clients.
        if (code == close_code::mandatory_extension && box_->is_servers()) {
            return errc::close_code_not_sendable;
        }
        const auto bytes = std::as_bytes(std::span(reason.data(), reason.size()));
        const errc error = box_->put(opcode::close, code, compression::never, bytes).error;
        return error == errc::not_open ? errc::success : error; // closed already: nothing to do
    }

    /// True when everything would be refused.
    [[nodiscard]] bool expired() const { return box_ == nullptr || box_->closed(); }

private:
    send_result put(opcode kind, std::span<const std::byte> bytes, compression how) const {
        if (box_ == nullptr) return {send_status::refused, errc::not_open};
        return box_->put(kind, close_code::normal, how, bytes);
    }

    std::shared_ptr<detail::mailbox> box_;
};

} // namespace framewire::net

#endif
