// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What a connection tells: one plain value an event.

#ifndef FRAMEWIRE_EVENT_HPP
#define FRAMEWIRE_EVENT_HPP

#include <framewire/error.hpp>
#include <framewire/rfc6455.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace framewire {

enum class event_kind : std::uint8_t {
    need_data, ///< All input is used up; nothing else to tell.
    text,      ///< A text message, valid UTF-8 (or a piece of one, when streaming).
    binary,    ///< A binary message (or a piece of one, when streaming).
    ping,      ///< A Ping; with `options::auto_pong` the Pong is already in the output.
    pong,      ///< A Pong, asked for or not.
    close,     ///< The peer's Close frame. The last event.
    failed,    ///< The connection cannot go on: see `error`. The last event.
};

/// The next thing that happened on a connection.
struct event {
    event_kind kind = event_kind::need_data;
    bool first = true; ///< Streaming: the first piece of its message. Always true otherwise.
    bool last = true;  ///< Streaming: the last piece of its message. Always true otherwise.
    errc error = errc::success; ///< With `failed`: the cause.

    /// With `close`: what the peer said, `no_status_received` when its frame was empty.
    /// With `failed`: what this side said about it in a Close frame, `abnormal_closure` when it
    /// said nothing or had sent its Close frame before.
    close_code code = close_code::no_status_received;

    /// The message, the payload of the Ping or Pong, or the reason of the Close. Valid until the
    /// next call of `next` or `release_memory`, and no longer than the buffer that was given to
    /// `next`; it may be sent back as it is. The bytes may be changed in place.
    std::span<std::byte> payload{};

    /// The payload as characters; valid as long as the payload.
    [[nodiscard]] std::string_view text() const noexcept {
        return {reinterpret_cast<const char*>(payload.data()), payload.size()};
    }
};

} // namespace framewire

#endif
