// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A WebSocket client for Qt: connects, shakes hands, and is a session from then on.

#ifndef FRAMEWIRE_QT_CLIENT_HPP
#define FRAMEWIRE_QT_CLIENT_HPP

#include <framewire/qt/http.hpp>
#include <framewire/qt/session.hpp>
#include <framewire/options.hpp>

#include <QNetworkProxy>
#include <QSslConfiguration>
#include <QStringList>
#include <QUrl>

#include <chrono>
#include <cstddef>
#include <memory>

namespace framewire::qt {

/// How long a client waits. Zero means: as long as it takes (for a phase: as long as `open` lets it).
struct client_timeouts {
    /// All of it, from `open` to the server's 101. Absolute: bytes that trickle in do not extend it.
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
    /// For wss. Certificate and host name are verified.
    QSslConfiguration tls = QSslConfiguration::defaultConfiguration();
    /// Talks to anybody who answers: whoever sits in between can read and change everything.
    bool ignore_tls_errors_insecurely = false;
    /// The default takes the application's proxy (QNetworkProxy::setApplicationProxy).
    QNetworkProxy proxy = QNetworkProxy(QNetworkProxy::DefaultProxy);
    client_timeouts timeouts;
    framewire::limits limits;
    /// The longest response head, in bytes.
    std::size_t max_head_size = 16 * 1024;
    /// How much of the body of a refusal is kept, in bytes.
    qsizetype max_refusal_body = 64 * 1024;
};

/// A WebSocket client.
///
/// Example:
/// ```
/// framewire::qt::client ws;
/// ws.on_opened = [&] { ws.send_text("hello"); };
/// ws.on_text = [](std::string_view text) { show(text); };
/// ws.on_closed = [](const framewire::qt::close_info& info) { show(info.error_text); };
/// ws.open(QUrl("wss://example.org/chat"));
/// ```
class client : public session {
public:
    client() = default;

    /// The connection is open: the server answered 101. Messages follow after it.
    callback<void()> on_opened;

    /// Connects to a ws or wss URL. A session that is still there is left as the destructor would
    /// leave it, and never heard of again.
    ///
    /// A user name and password in the URL are sent as Basic authorization (RFC 7617), unless the
    /// options have an Authorization field. Redirects are not followed.
    ///
    /// Returns why not, when the URL or the options cannot be used; on_closed tells it too, from the
    /// event loop like all other failures.
    errc open(const QUrl& url, const client_options& options = {});

    /// The same over a device that is connected already: a tunnel, a QLocalSocket. The URL serves
    /// for the request only, so that its scheme is not looked at.
    errc open(std::unique_ptr<QIODevice> connected, const QUrl& url,
              const client_options& options = {});

    /// The URL of the last `open`.
    [[nodiscard]] const QUrl& url() const noexcept { return url_; }
    /// The server's answer to the last `open`, also when it refused (body included).
    [[nodiscard]] const http_response& response() const noexcept { return response_; }

private:
    QUrl url_;
    http_response response_;
};

} // namespace framewire::qt

#endif
