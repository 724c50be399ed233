// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What a Qt client asks for when it opens a connection, and how long it waits.

#ifndef FRAMEWIRE_QT_CLIENT_OPTIONS_HPP
#define FRAMEWIRE_QT_CLIENT_OPTIONS_HPP

#include <framewire/options.hpp>
#include <framewire/qt/extension.hpp>
#include <framewire/qt/http.hpp>
#include <framewire/qt/keep_alive.hpp>

#include <QByteArray>
#include <QNetworkProxy>
#include <QSslConfiguration>
#include <QStringList>

#include <chrono>
#include <cstddef>
#include <memory>

namespace framewire::qt {

/// How long a client waits. Zero means: as long as it takes (for a phase: as long as `open` lets
/// it).
struct client_timeouts {
    /// All of it, from `open` to the server's 101. Absolute: bytes that trickle in do not extend
    /// it.
    std::chrono::milliseconds open{10'000};
    /// Finding and reaching the host, or the proxy.
    std::chrono::milliseconds connect{0};
    /// The TLS handshake.
    std::chrono::milliseconds tls{0};
    /// The opening handshake of RFC 6455.
    std::chrono::milliseconds handshake{0};
    /// From the first Close frame to the end of the connection.
    std::chrono::milliseconds close{5'000};
};

/// What a client asks for, and what it puts up with.
struct client_options {
    /// Further header fields of the request, such as Authorization or Cookie.
    header_list headers;
    /// The Origin field; none when empty (RFC 6455 4.1: browsers have to send it, others may).
    QByteArray origin;
    /// In order of preference.
    QStringList subprotocols;
    /// An extension to offer: `deflate()` of `<framewire/qt/deflate.hpp>` for compression. An
    /// answer of the server that does not go with the offer ends the attempt.
    std::shared_ptr<const extension_factory> extension;
    /// For wss. Certificate and host name are verified.
    QSslConfiguration tls = QSslConfiguration::defaultConfiguration();
    /// Talks to anybody who answers: whoever sits in between can read and change everything.
    bool ignore_tls_errors_insecurely = false;
    /// The default takes the application's proxy (QNetworkProxy::setApplicationProxy).
    QNetworkProxy proxy = QNetworkProxy(QNetworkProxy::DefaultProxy);
    client_timeouts timeouts;
    /// Pings while the session is open; `session::set_keep_alive` changes it.
    qt::keep_alive keep_alive;
    framewire::limits limits;
    /// The longest response head, in bytes.
    std::size_t max_head_size = 16'384;
    /// How much of the body of a refusal is kept, in bytes.
    qsizetype max_refusal_body = 65'536;
};

} // namespace framewire::qt

#endif
