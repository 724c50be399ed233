// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// How a session of the Qt adapter finds out whether its peer is still there.

#ifndef FRAMEWIRE_QT_KEEP_ALIVE_HPP
#define FRAMEWIRE_QT_KEEP_ALIVE_HPP

#include <chrono>

namespace framewire::qt {

/// Pings that a session sends by itself (RFC 6455 5.5.2). They also keep alive what lies between:
/// proxies and routers forget connections that say nothing for long, many after a minute. The pongs
/// go to `session_handlers::on_latency`, not to on_pong.
struct keep_alive {
    /// From one Ping to the next, and from the opening to the first. Zero: none are sent; 20 s
    /// suits most networks.
    std::chrono::milliseconds ping{0};
    /// From a Ping until anything at all is received: otherwise the transport is dropped with
    /// `errc::pong_timeout`. A peer that takes what has waited to be written lives, too, and while
    /// a session is paused nothing can be said about it. Zero: as long as it takes.
    std::chrono::milliseconds pong{20'000};

    friend bool operator==(const keep_alive&, const keep_alive&) = default;
};

} // namespace framewire::qt

#endif
