// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A WebSocket server for Qt: accepts connections, shakes hands, hands out sessions.

#ifndef FRAMEWIRE_QT_SERVER_HPP
#define FRAMEWIRE_QT_SERVER_HPP

#include <framewire/qt/detail/acceptor.hpp>
#include <framewire/qt/server_handlers.hpp>
#include <framewire/qt/server_options.hpp>

#include <QByteArray>
#include <QHostAddress>
#include <QIODevice>
#include <QString>

#include <memory>
#include <utility>

namespace framewire::qt {

/// A WebSocket server. Web pages may connect only when `server_options` allow their origin.
///
/// Example, an echo server:
/// ```
/// framewire::qt::server server;
/// std::map<framewire::qt::session*, std::unique_ptr<framewire::qt::session>> sessions;
/// server.on_session = [&](std::unique_ptr<framewire::qt::session> opened, const auto&) {
///     framewire::qt::session* const s = opened.get();
///     s->on_text = [s](std::string_view text) { s->send_text(text); };
///     s->on_closed = [&sessions, s](const auto&) { sessions.erase(s); };
///     sessions.emplace(s, std::move(opened));
/// };
/// if (!server.listen(QHostAddress::LocalHost, 3000)) qWarning() << server.error_text();
/// ```
///
/// It belongs to the thread that made it. Destroying or closing it leaves the
/// sessions alone that it has handed out, and drops connections that still shake hands.
class server : public server_handlers {
public:
    server();
    explicit server(server_options options);
    server(const server&) = delete;
    server& operator=(const server&) = delete;
    ~server();

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
    detail::acceptor* acceptor_;
};

inline server::server() : server(server_options()) {}
inline server::server(server_options options)
    : acceptor_(new detail::acceptor(*this, std::move(options))) {}
inline server::~server() { acceptor_->release(); }

inline bool server::listen(const QHostAddress& address, quint16 port) {
    return acceptor_->start(address, port);
}
inline void server::close() { acceptor_->stop(); }
inline bool server::is_listening() const noexcept { return acceptor_->isListening(); }
inline QHostAddress server::address() const { return acceptor_->serverAddress(); }
inline quint16 server::port() const noexcept { return acceptor_->serverPort(); }
inline QString server::error_text() const { return acceptor_->error_text(); }

inline void server::pause_accepting() { acceptor_->pause(true); }
inline void server::resume_accepting() { acceptor_->pause(false); }
inline bool server::is_accepting_paused() const noexcept { return acceptor_->paused(); }

inline const server_options& server::options() const noexcept { return acceptor_->options(); }
inline void server::set_options(server_options options) {
    acceptor_->set_options(std::move(options));
}

inline void server::adopt(std::unique_ptr<QIODevice> device, const QByteArray& already_read) {
    acceptor_->adopt(std::move(device), already_read);
}

inline int server::pending_handshakes() const noexcept { return acceptor_->pending(); }

} // namespace framewire::qt

#endif
