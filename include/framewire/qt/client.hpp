// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A WebSocket client for Qt: connects, shakes hands, and is a session from then on.

#ifndef FRAMEWIRE_QT_CLIENT_HPP
#define FRAMEWIRE_QT_CLIENT_HPP

#include <framewire/qt/client_options.hpp>
#include <framewire/qt/detail/client_engine.hpp>
#include <framewire/qt/session.hpp>

#include <QIODevice>
#include <QList>
#include <QSslError>
#include <QUrl>

#include <memory>
#include <utility>

namespace framewire::qt {

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
    /// TLS found fault with the server's certificate. It is refused, and on_closed follows, unless
    /// `client_options::ignore_tls_errors_insecurely` lets it pass.
    callback<void(const QList<QSslError>& errors)> on_tls_errors;

    /// Connects to a ws or wss URL. A session that is still there is left as the destructor would
    /// leave it, and never heard of again.
    ///
    /// A user name and password in the URL are sent as Basic authorization (RFC 7617), unless the
    /// options have an Authorization field. Redirects are not followed.
    ///
    /// Returns why not, when the URL or the options cannot be used; on_closed tells it too, from
    /// the event loop like all other failures.
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
    // Leaves what has begun, unless it goes on.
    struct leaving {
        client* self;
        ~leaving() {
            if (self != nullptr) self->release();
        }
    };

    QUrl url_;
    http_response response_;
};

inline errc client::open(const QUrl& url, const client_options& options) {
    return open(nullptr, url, options);
}

inline errc client::open(std::unique_ptr<QIODevice> connected, const QUrl& url,
                         const client_options& options) {
    release();
    url_ = url;
    response_ = {};
    auto* const engine = new detail::client_engine(options, on_opened, on_tls_errors, response_);
    attach(engine);
    leaving when_it_throws{this};
    const errc result = engine->start(url, std::move(connected));
    when_it_throws.self = nullptr;
    return result;
}

} // namespace framewire::qt

#endif
