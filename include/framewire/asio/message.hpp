// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What a stream hands to the application: a message, the fate of a send, the end of a connection.

#ifndef FRAMEWIRE_ASIO_MESSAGE_HPP
#define FRAMEWIRE_ASIO_MESSAGE_HPP

#include <framewire/asio/error.hpp>
#include <framewire/error.hpp>
#include <framewire/rfc6455.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace framewire::net {

namespace detail {

/// Something to send as it lies in memory: std::vector<unsigned char>, std::string. Not a string
/// literal, which would be sent with its zero.
template <typename T>
concept byte_range = requires(const T& range) {
    std::span(std::data(range), std::size(range));
    requires sizeof(*std::data(range)) == 1;
    requires std::is_trivially_copyable_v<std::remove_cvref_t<decltype(*std::data(range))>>;
    requires !std::is_array_v<T> ||
        !std::is_same_v<std::remove_cvref_t<decltype(*std::data(range))>, char>;
};

template <byte_range Range>
[[nodiscard]] std::span<const std::byte> bytes_of(const Range& range) noexcept {
    return std::as_bytes(std::span(std::data(range), std::size(range)));
}

} // namespace detail

/// A received message, or a piece of one with `options::stream_messages`. The bytes are borrowed
/// until the next read of the same stream is started, and may be changed in place.
struct message {
    /// `opcode::text` (valid UTF-8) or `opcode::binary`. Without `options::auto_pong` also
    /// `opcode::ping`, which the application then has to answer.
    opcode kind = opcode::binary;
    bool first = true; ///< Streaming: the first piece of its message. Always true otherwise.
    bool last = true;  ///< Streaming: the last piece of its message. Always true otherwise.
    std::span<std::byte> payload{};

    [[nodiscard]] bool is_text() const noexcept { return kind == opcode::text; }
    /// The payload as characters.
    [[nodiscard]] std::string_view text() const noexcept {
        return {reinterpret_cast<const char*>(payload.data()), payload.size()};
    }
};

enum class send_status : std::uint8_t {
    queued,           ///< It will be sent.
    above_high_water, ///< It will be sent, but the peer reads slowly: better wait with more.
    refused,          ///< It will not be sent; `send_result::error` says why.
};

/// What became of a send.
struct [[nodiscard]] send_result {
    send_status status = send_status::queued;
    errc error = errc::success;

    /// True when it will be sent.
    explicit operator bool() const noexcept { return status != send_status::refused; }
};

/// How a connection ended, or why it never opened.
struct close_info {
    /// The code of the Close frame that ended the connection; `no_status_received` when the peer's
    /// was empty, `abnormal_closure` when there was none (RFC 6455 7.1.5).
    close_code code = close_code::abnormal_closure;
    /// The reason in that Close frame.
    std::string reason;
    /// True when both sides sent a Close frame, as RFC 6455 7.1.4 wants it.
    bool clean = false;
    /// True when the peer began to close.
    bool by_peer = false;
    /// What went wrong: an `errc`, or an error of the transport. Empty when nothing did.
    error_code error;
};

/// Header fields in order, names as they were written.
using header_list = std::vector<std::pair<std::string, std::string>>;

/// The answer of a server to an opening handshake.
struct http_response {
    int status = 0; ///< 101 when the server agreed; 0 when there was no answer.
    std::string reason;
    header_list headers;
    std::string body; ///< Of a refusal: at most its first 64 KiB.
};

} // namespace framewire::net

#endif
