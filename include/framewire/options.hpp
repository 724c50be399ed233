// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What can be chosen about a connection: `options` change the code, `limits` are numbers.

#ifndef FRAMEWIRE_OPTIONS_HPP
#define FRAMEWIRE_OPTIONS_HPP

#include <cstdint>

namespace framewire {

/// Choices that change the code: a template argument of `connection`, as in
/// `connection<role::server, options{.stream_messages = true}>`.
struct options {
    /// Check that text is UTF-8, in both directions (RFC 6455 8.1 demands it). Without it, text
    /// events carry whatever bytes came.
    bool validate_utf8 = true;

    /// Deliver each message in pieces as they arrive, with `event::first` and `event::last`,
    /// instead of as a whole. Nothing of them is buffered then, except for some 64 KiB of
    /// what an extension makes of them; a piece of a text may end inside a code point.
    bool stream_messages = false;

    /// Answer every Ping (RFC 6455 5.5.2). Without it the application answers by `pong`.
    bool auto_pong = true;

    /// Refuse what would pass `limits::max_output`. Without it nothing is refused, and that says
    /// only how memory grows: for a caller that counts what waits, here and elsewhere, as the
    /// streams of the Asio adapter do, which have their limit whatever this says.
    bool limit_output = true;
};

/// Whether the extension may encode a message that is sent. See `permessage_deflate` for why not.
enum class compression : std::uint8_t {
    if_agreed, ///< If both sides have agreed on an extension, and it finds it worth while.
    never,     ///< The message goes out as it is.
};

/// Bounds on what a peer can make this side hold. All are inclusive.
struct limits {
    /// Bytes of a received message, after any extension has decoded it. A larger one fails the
    /// connection with close code 1009 as soon as a frame header announces it, before anything is
    /// allocated for it. A compressed one fails when it inflates past it, and is held up to there:
    /// 16 KiB from a peer can take 16 MiB. Lower it where strangers may compress.
    std::uint64_t max_message_size = 16u << 20;

    /// Bytes that may wait in the output, headers of frames included. A send that would pass it is
    /// refused with `errc::output_full`, and nothing of it is queued. When nothing waits, any one
    /// message is taken, however large: the limit is about a peer that reads too slowly. Answers to
    /// Ping and Close, and what `close` sends, are always queued; beyond the limit they take at
    /// most 392 bytes. The memory for it is up to a third larger, and there is at most twice the
    /// limit while it grows.
    std::uint64_t max_output = 17u << 20;

    /// Frames of a received message, empty ones included; 0 is taken as 1. More fail the connection
    /// with 1008: an endless row of empty fragments costs no memory, but time.
    std::uint32_t max_fragments = 1u << 20;

    /// While more bytes than this wait in the output, only the newest Ping is answered
    /// (RFC 6455 5.5.3).
    std::uint32_t pong_backlog = 4096;

    friend bool operator==(const limits&, const limits&) = default;
};

} // namespace framewire

#endif
