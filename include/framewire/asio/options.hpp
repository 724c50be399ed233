// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What can be chosen about a stream: how long it waits, and how much it holds for a slow peer.

#ifndef FRAMEWIRE_ASIO_OPTIONS_HPP
#define FRAMEWIRE_ASIO_OPTIONS_HPP

#include <framewire/options.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace framewire::net {

/// How long a stream waits. Zero turns a timer off. An error names the timer that ran out.
struct timeouts {
    /// From the start of the opening handshake to its end. Absolute: bytes that trickle in do not
    /// extend it. Then `errc::open_timeout`; a server answers 408.
    std::chrono::milliseconds open{10'000};
    /// Without any byte received, while the stream is open. Then it closes with 1001, and the error
    /// is `errc::idle_timeout`. An answer to `ping` below counts as a byte received.
    std::chrono::milliseconds idle{0};
    /// Without any byte received: a Ping is sent.
    std::chrono::milliseconds ping{20'000};
    /// From that Ping to any byte: otherwise the transport is dropped with `errc::pong_timeout`.
    /// What the application leaves unread cannot tell whether the peer lives: the clocks of `idle`,
    /// `ping` and `pong` stand still meanwhile. Not so while it waits for the peer to read, in a
    /// send or a drain.
    /// A peer that takes what is sent lives, too: every write counts as a byte received as long as
    /// something waits behind it, or a send or a drain waits. One that leaves nothing to be written
    /// does not count: the system takes so much for a dead peer as well.
    std::chrono::milliseconds pong{20'000};
    /// From the first Close frame or failure to the end of the connection. Then the transport is
    /// dropped, with `errc::close_timeout` unless the closing handshake had been completed.
    std::chrono::milliseconds close{5'000};

    friend bool operator==(const timeouts&, const timeouts&) = default;
};

/// What happens to a message for which `limits::max_output` leaves no room.
enum class overflow_policy : std::uint8_t {
    refuse, ///< It is refused with `errc::output_full`; the stream goes on.
    close,  ///< It is refused, and the stream closes with 1013: the peer reads too slowly.
};

/// What a stream puts up with.
struct stream_options {
    net::timeouts timeouts = {};
    /// `max_message_size` bounds what is received, `max_output` what waits to be sent, which takes
    /// at most twice that in memory while it grows. What a `sender` has sent waits apart until the
    /// stream takes it, at the end of a turn or of a message in fragments, and only from then on
    /// either counts what the other has waiting: six times in all, if both were at the limit.
    framewire::limits limits{.max_output = 16u << 20};
    /// While more bytes than this wait to be sent, a send says `above_high_water`, and one that was
    /// given a completion token does not complete.
    std::size_t high_water = 1u << 20;
    /// When no more than this waits again, those sends and `drain` complete.
    std::size_t low_water = 256u << 10;
    overflow_policy on_overflow = overflow_policy::refuse;
    /// The longest head of an HTTP request or response, in bytes.
    std::size_t max_head_size = 16'384;

    friend bool operator==(const stream_options&, const stream_options&) = default;
};

} // namespace framewire::net

#endif
