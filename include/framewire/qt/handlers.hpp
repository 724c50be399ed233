// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What a session tells the application: the handlers to set, and how a session ended.

#ifndef FRAMEWIRE_QT_HANDLERS_HPP
#define FRAMEWIRE_QT_HANDLERS_HPP

#include <framewire/qt/callback.hpp>
#include <framewire/qt/error.hpp>
#include <framewire/rfc6455.hpp>

#include <QByteArrayView>
#include <QString>

#include <chrono>
#include <cstdint>
#include <string_view>
#include <system_error>

namespace framewire::qt {

/// Where a session stands.
enum class session_state : std::uint8_t {
    connecting, ///< Reaching the host, TLS, opening handshake.
    open,       ///< Messages may be sent.
    closing,    ///< A Close frame was sent or received, or the session failed; on_closed follows.
    closed,     ///< Nothing more will be called.
};

/// How a session ended, or why it never opened.
struct close_info {
    /// The code of the Close frame that ended the session; `no_status_received` when the peer's was
    /// empty, `abnormal_closure` when there was none (RFC 6455 7.1.5).
    close_code code = close_code::abnormal_closure;
    /// The reason in that Close frame.
    QString reason;
    /// True when both sides sent a Close frame, as RFC 6455 7.1.4 wants it.
    bool clean = false;
    /// True when the peer began to close.
    bool by_peer = false;
    /// What went wrong: a framewire::errc or a transport_errc; empty when nothing did.
    std::error_code error;
    /// The same as a sentence for people, with the particulars (host, certificate, status, line).
    QString error_text;
};

/// The handlers of a session. Each may be set, replaced and emptied at any time; all are called
/// from the event loop of the thread that the session lives in. A handler may destroy the session.
struct session_handlers {
    /// A text message. Valid UTF-8, borrowed until the handler returns.
    callback<void(std::string_view text)> on_text;
    /// A binary message, borrowed until the handler returns.
    callback<void(QByteArrayView bytes)> on_binary;
    /// A ping of the peer. The pong is sent without any doing of yours.
    callback<void(QByteArrayView payload)> on_ping;
    /// A pong of the peer, asked for or not, unless it answers a Ping of `keep_alive`.
    callback<void(QByteArrayView payload)> on_pong;
    /// The answer to a Ping of `keep_alive` has come after so much time.
    callback<void(std::chrono::microseconds round_trip)> on_latency;
    /// The system has taken some of what was sent, or all of it: `buffered_amount()` tells what is
    /// left. Called once a turn of the event loop in which it has; not while closing.
    callback<void()> on_written;
    /// The system has taken all that was sent, after it had not been able to at once: a sender that
    /// was held back goes on. Follows on_written, and comes but once for each time that something
    /// had to wait; not while closing.
    callback<void()> on_drain;
    /// The peer began the closing handshake: nothing can be sent any more, `state()` is `closing`.
    /// on_closed follows, and comes alone when the session ends in another way.
    callback<void()> on_closing;
    /// The session ended, or could not be opened. Called exactly once; nothing is called after it.
    /// It may open a client anew. After a Close frame it comes when the peer has ended the TCP
    /// connection as well, so that what was sent last is not taken back, or when the close time-out
    /// is over.
    callback<void(const close_info& info)> on_closed;
};

} // namespace framewire::qt

#endif
