// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Peers that say exactly what a test wants, right or wrong: a TCP client and a TCP server.

#ifndef FRAMEWIRE_TESTS_QT_RAW_HPP
#define FRAMEWIRE_TESTS_QT_RAW_HPP

#include "loop.hpp"
#include "support/peer.hpp"
#include "support/trace.hpp"

#include <QCryptographicHash>
#include <QTcpServer>
#include <QTcpSocket>
#include <QUrl>

#include <memory>
#include <string>
#include <string_view>

namespace framewire::test {

/// The end of a TCP connection.
class raw_end {
public:
    explicit raw_end(QTcpSocket* socket) : socket_(socket) {
        QObject::connect(socket, &QTcpSocket::readyRead, socket, [this] { take(); });
        QObject::connect(socket, &QTcpSocket::disconnected, socket, [this] {
            take();
            ended = true;
        });
        take();
    }
    raw_end(const raw_end&) = delete;
    raw_end& operator=(const raw_end&) = delete;
    ~raw_end() { socket_->disconnect(); }

    void send(std::string_view text) {
        socket_->write(text.data(), static_cast<qint64>(text.size()));
        socket_->flush();
    }
    void send(const frame_writer& frames) { send(frames.str()); }
    void cut() { socket_->abort(); }
    void end() { socket_->disconnectFromHost(); }
    QTcpSocket& socket() { return *socket_; }

    bool wait_for_text(std::string_view text) {
        return wait_for([&] { return received.find(text) != std::string::npos; });
    }
    bool wait_for_end() {
        return wait_for([&] { return ended; });
    }
    /// Takes the head of a request or response that has come.
    std::string take_head() {
        wait_for_text("\r\n\r\n");
        const auto size = received.find("\r\n\r\n");
        if (size == std::string::npos) return {};
        std::string head = received.substr(0, size + 4);
        received.erase(0, size + 4);
        return head;
    }
    /// Says what a SOCKS5 proxy says that has connected to a name (RFC 1928).
    bool speak_socks5() {
        if (!wait_for([&] { return received.size() >= 3; })) return false;
        received.clear();
        send({"\5\0", 2});
        const auto has_all = [&] {
            return received.size() > 5 &&
                   received.size() == 7u + static_cast<unsigned char>(received[4]);
        };
        if (!wait_for(has_all)) return false;
        received.clear();
        send({"\5\0\0\1\0\0\0\0\0\0", 10});
        return true;
    }
    /// The frames that came so far in words; waits until there are at least so many.
    std::string take_words(role sender, std::size_t count = 1) {
        std::vector<wire_frame> frames;
        wait_for([&] {
            for (wire_frame& frame : take_frames(received))
                frames.push_back(std::move(frame));
            return frames.size() >= count || ended;
        });
        return words(frames, sender);
    }

    std::string received;
    bool ended = false;
    bool reading = true;

private:
    void take() {
        if (reading && socket_->isOpen()) received += socket_->readAll().toStdString();
    }
    std::unique_ptr<QTcpSocket> socket_;
};

/// The 101 that RFC 6455 wants for a request, with `fields` added.
inline std::string good_answer(const std::string& request, std::string_view fields = {}) {
    constexpr std::string_view name = "Sec-WebSocket-Key: ";
    const QByteArray key(request.data() + request.find(name) + name.size(), 24);
    const QByteArray accept = QCryptographicHash::hash(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
                                                       QCryptographicHash::Sha1)
                                  .toBase64();
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
           "Connection: Upgrade\r\nSec-WebSocket-Accept: " +
           accept.toStdString() + "\r\n" + std::string(fields) + "\r\n";
}

/// A TCP server for one client after the other.
class raw_server {
public:
    raw_server() {
        server_.listen(QHostAddress::LocalHost);
        QObject::connect(&server_, &QTcpServer::newConnection, &server_, [this] {
            while (QTcpSocket* const socket = server_.nextPendingConnection()) {
                socket->setParent(nullptr);
                peer = std::make_unique<raw_end>(socket);
            }
        });
    }
    [[nodiscard]] QUrl url(const QString& scheme = QStringLiteral("ws")) const {
        return QUrl(scheme + QStringLiteral("://127.0.0.1:%1/").arg(server_.serverPort()));
    }
    bool wait_for_peer() {
        return wait_for([&] { return peer != nullptr; });
    }
    /// Waits for a request and answers `good_answer`.
    void accept(std::string_view fields = {}, std::string_view rest = {}) {
        wait_for_peer();
        const std::string head = peer->take_head();
        peer->send(good_answer(head, fields) + std::string(rest));
    }

    std::unique_ptr<raw_end> peer;

private:
    QTcpServer server_;
};

/// A TCP client.
inline std::unique_ptr<raw_end> raw_connect(quint16 port) {
    auto* const socket = new QTcpSocket;
    auto end = std::make_unique<raw_end>(socket);
    socket->connectToHost(QHostAddress::LocalHost, port);
    wait_for([&] { return socket->state() == QAbstractSocket::ConnectedState; });
    return end;
}

/// Lets everything happen until nothing of what waits is written any more.
template <class Waiting> void run_until_blocked(Waiting waiting) {
    for (int still = 0; still < 100; ++still) {
        const qint64 before = waiting();
        run_what_is_due();
        if (waiting() != before) still = 0;
    }
}

/// 64 MiB of messages for that role, more than the system takes by itself.
constexpr int flood_messages = 1'024;
inline std::string flood(role receiver) {
    const std::string frame =
        frame_writer(receiver).binary(std::string(std::size_t{65'536}, 'x')).str();
    std::string frames;
    for (int i = 0; i < flood_messages; ++i)
        frames += frame;
    return frames;
}

/// A request that a server has to accept; `fields` are added.
inline std::string good_request(std::string_view fields = {}) {
    return "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
           std::string(fields) + "\r\n";
}

/// A TCP client that has shaken hands.
inline std::unique_ptr<raw_end> raw_open(quint16 port, std::string_view fields = {}) {
    auto end = raw_connect(port);
    end->send(good_request(fields));
    end->take_head();
    return end;
}

} // namespace framewire::test

#endif
