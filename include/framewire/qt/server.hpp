// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A WebSocket server for Qt: accepts connections, shakes hands, hands out sessions.

#ifndef FRAMEWIRE_QT_SERVER_HPP
#define FRAMEWIRE_QT_SERVER_HPP

#include <framewire/qt/http.hpp>
#include <framewire/qt/session.hpp>
#include <framewire/options.hpp>

#include <QHostAddress>
#include <QSslConfiguration>
#include <QStringList>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>

namespace framewire::qt {

namespace detail {
class acceptor;
}

/// A session that a server accepted.
class server_session final : public session {
public:
    explicit server_session(detail::engine* engine) noexcept { attach(engine); }
};

/// What a server offers, and what it puts up with. Changes apply to handshakes that follow.
struct server_options {
    /// The subprotocols it speaks. The first one of the client's list that is here is chosen.
    QStringList subprotocols;
    /// The Server field of responses; none when empty.
    QByteArray server_name;
    /// Further header fields of each 101 response.
    header_list headers;
    /// The pages that may connect: origins such as "https://example.org". A browser names the page
    /// that connects, and does so on behalf of any page whatever (RFC 6455 10.2): a request with an
    /// Origin that is not listed is refused with 403. Requests without one are let through, since
    /// they do not come from a browser.
    QList<QByteArray> allowed_origins;
    /// Lets every page connect. Set it when `on_request` looks at the origin, or when nothing of
    /// value can be had or done without further authentication.
    bool allow_any_origin = false;
    /// With it the server speaks wss: it needs a local certificate and a private key.
    std::optional<QSslConfiguration> tls;
    framewire::limits limits;
    /// The longest request head, in bytes; more is answered with 431.
    std::size_t max_head_size = 16 * 1024;
    /// From TCP accept to the end of the handshake, TLS included. Absolute: bytes that trickle in do
    /// not extend it. Zero means for ever.
    std::chrono::milliseconds open_timeout{10'000};
    /// From the first Close frame to the end of the connection. Zero means for ever.
    std::chrono::milliseconds close_timeout{5'000};
    /// While so many connections have not finished their handshakes, further ones wait in the
    /// system's queue.
    int max_pending_handshakes = 256;
};

/// A WebSocket server. It belongs to the thread that made it. Destroying or closing it leaves the
/// sessions alone that it has handed out, and drops connections that still shake hands.
class server {
public:
    server();
    explicit server(server_options options);
    server(const server&) = delete;
    server& operator=(const server&) = delete;
    ~server();

    /// A session has opened; whoever gets it owns it. Messages come after this has returned.
    callback<void(std::unique_ptr<session> opened, const request& from)> on_session;
    /// Decides on a well-formed request whose origin is allowed; all are accepted when not set.
    callback<answer(const request& from)> on_request;
    /// A connection ended before it became a session: a malformed request, a refusal, TLS, time-out.
    callback<void(const close_info& info)> on_failed_handshake;
    /// The system failed to accept a connection.
    callback<void(const QString& error_text)> on_accept_error;

    /// Starts to listen; port 0 lets the system choose one. False when it could not: error_text().
    bool listen(const QHostAddress& address = QHostAddress::LocalHost, quint16 port = 0);
    /// Stops to listen.
    void close();
    [[nodiscard]] bool is_listening() const noexcept;
    [[nodiscard]] QHostAddress address() const;
    [[nodiscard]] quint16 port() const noexcept;
    /// Why `listen` returned false.
    [[nodiscard]] QString error_text() const;

    /// Leaves new connections in the system's queue until `resume_accepting`. Kept over `listen`.
    void pause_accepting();
    void resume_accepting();
    [[nodiscard]] bool is_accepting_paused() const noexcept;

    [[nodiscard]] const server_options& options() const noexcept;
    void set_options(server_options options);

    /// Shakes hands on a connection that came from elsewhere: another server, a QLocalServer. The
    /// device has to be open; TLS, if any, has to be in place. `already_read` are the bytes read
    /// from it so far, which begin with the request.
    void adopt(std::unique_ptr<QIODevice> device, const QByteArray& already_read = {});

    /// Connections that have not finished their handshakes.
    [[nodiscard]] int pending_handshakes() const noexcept;

private:
    friend class detail::acceptor;
    detail::acceptor* acceptor_;
};

} // namespace framewire::qt

#endif
