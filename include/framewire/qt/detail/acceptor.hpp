// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Takes connections from the system and keeps them until their handshakes are over.

#ifndef FRAMEWIRE_QT_DETAIL_ACCEPTOR_HPP
#define FRAMEWIRE_QT_DETAIL_ACCEPTOR_HPP

#include <framewire/qt/detail/server_engine.hpp>
#include <framewire/qt/server_handlers.hpp>
#include <framewire/qt/server_options.hpp>
#include <framewire/qt/session.hpp>

#include <QAbstractSocket>
#include <QBasicTimer>
#include <QHostAddress>
#include <QSslKey>
#include <QSslSocket>
#include <QTcpServer>
#include <QTimerEvent>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace framewire::qt::detail {

class acceptor final : public QTcpServer, private server_owner {
public:
    acceptor(server_handlers& handlers, server_options options)
        : handlers_(&handlers), options_(std::move(options)) {
        setListenBacklogSize(backlog);
        connect(this, &QTcpServer::acceptError, this, [this] { accept_failed(); });
    }
    ~acceptor() override { stop(); }

    // The handle is being destroyed, perhaps by one of its handlers.
    void release() {
        handlers_ = nullptr;
        stop();
        if (busy_ == 0) delete this;
    }

    bool start(const QHostAddress& address, quint16 port) {
        stop();
        error_text_.clear();
        if (options_.tls && !QSslSocket::supportsSsl()) {
            error_text_ = QStringLiteral("TLS is not available: Qt found no backend for it");
        } else if (options_.tls && (options_.tls->localCertificate().isNull() ||
                                    options_.tls->privateKey().isNull())) {
            error_text_ = QStringLiteral("a wss server needs a certificate and a private key");
        } else if (!listen(address, port)) {
            error_text_ = errorString();
        }
        if (isListening()) update_accepting();
        return isListening();
    }

    void stop() {
        close();
        retry_.stop();
        for (server_engine* const engine : std::exchange(pending_, {}))
            engine->abandon();
    }

    void pause(bool on) {
        paused_ = on;
        update_accepting();
    }
    [[nodiscard]] bool paused() const noexcept { return paused_; }

    [[nodiscard]] const server_options& options() const noexcept override { return options_; }
    void set_options(server_options options) {
        options_ = std::move(options);
        update_accepting();
    }

    void adopt(std::unique_ptr<QIODevice> device, const QByteArray& already_read) {
        begin([&](server_engine& made) { made.adopt(std::move(device), already_read); });
    }

    [[nodiscard]] int pending() const noexcept { return static_cast<int>(pending_.size()); }
    [[nodiscard]] const QString& error_text() const noexcept { return error_text_; }

protected:
    void incomingConnection(qintptr descriptor) override {
        take(descriptor);
        update_accepting();
    }

    void timerEvent(QTimerEvent* event) override {
        if (event->timerId() != retry_.timerId()) return QTcpServer::timerEvent(event);
        retry_.stop();
        update_accepting();
    }

private:
    // How many connections the system keeps until we come to them, if it is allowed so many. Qt's
    // 50 are fewer than come at once when a server starts anew, and the next would wait for TCP to
    // try again, a second or more.
    static constexpr int backlog = 1'024;

    // Keeps the object alive while a handler runs: the handle may be destroyed in it, in a nested
    // event loop too, which would carry out a deleteLater() before the handler has returned.
    class in_handler {
    public:
        explicit in_handler(acceptor& self) noexcept : self_(self) { ++self_.busy_; }
        in_handler(const in_handler&) = delete;
        in_handler& operator=(const in_handler&) = delete;
        ~in_handler() {
            if (--self_.busy_ == 0 && self_.handlers_ == nullptr) self_.deleteLater();
        }

    private:
        acceptor& self_;
    };

    [[nodiscard]] bool full() const noexcept {
        return pending() >= options_.max_pending_handshakes;
    }

    void take(qintptr descriptor) {
        std::unique_ptr<QAbstractSocket> socket;
        if (options_.tls) {
            socket = std::make_unique<QSslSocket>();
        } else {
            // Reads and writes of a plain QAbstractSocket go straight to the system; QTcpSocket
            // keeps 48 KiB of buffers for each connection that was accepted, whatever the open mode
            // says.
            socket = std::make_unique<QAbstractSocket>(QAbstractSocket::TcpSocket, nullptr);
        }
        if (!socket->setSocketDescriptor(descriptor)) return;
        socket->setSocketOption(QAbstractSocket::LowDelayOption, 1);
        begin(
            [&](server_engine& made) { made.start(std::move(socket), options_.tls.has_value()); });
    }

    // When something of it throws, there was no such connection.
    template <class Start> void begin(Start start) {
        std::unique_ptr<server_engine> made(new server_engine(*this));
        pending_.push_back(made.get());
        struct undoing {
            acceptor& self;
            server_engine* engine;
            ~undoing() {
                if (engine == nullptr) return;
                std::erase(self.pending_, engine);
                engine->abandon();
            }
        };
        undoing when_it_throws{*this, made.release()};
        start(*when_it_throws.engine);
        when_it_throws.engine = nullptr;
    }

    void update_accepting() {
        // Qt goes on accepting until the system has no more, whatever pauseAccepting() says
        // meanwhile. None may be pending is what it does heed, before each one.
        const bool accepting = !paused_ && !full();
        setMaxPendingConnections(accepting ? 1 : 0);
        if (!isListening() || retry_.isActive()) return;
        if (accepting) {
            resumeAccepting();
        } else {
            pauseAccepting();
        }
    }

    // Qt pauses for good when the system refuses, as it does when there are no descriptors left.
    void accept_failed() {
        retry_.start(250, this);
        if (handlers_ == nullptr) return;
        const in_handler guard(*this);
        handlers_->on_accept_error(errorString());
    }

    [[nodiscard]] answer decide(const request& from) override {
        if (handlers_ == nullptr || !handlers_->on_request) return answer::accept();
        const in_handler guard(*this);
        return handlers_->on_request(from);
    }

    void forget(const server_engine& engine) {
        std::erase(pending_, &engine);
        update_accepting();
    }

    void opened(server_engine& engine, const request& from) override {
        forget(engine);
        std::unique_ptr<session> handle(new session);
        handle->attach(&engine);
        if (handlers_ == nullptr) return;
        const in_handler guard(*this);
        handlers_->on_session(std::move(handle), from);
    }

    void failed(server_engine& engine, const close_info& info) override {
        forget(engine);
        if (handlers_ == nullptr) return;
        const in_handler guard(*this);
        handlers_->on_failed_handshake(info);
    }

    server_handlers* handlers_;
    server_options options_;
    QString error_text_;
    std::vector<server_engine*> pending_;
    QBasicTimer retry_;
    int busy_ = 0;
    bool paused_ = false;
};

} // namespace framewire::qt::detail

#endif
