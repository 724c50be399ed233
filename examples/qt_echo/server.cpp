// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// qt_echo_server [--behind] [PORT]: an echo server in a Qt event loop, without any QML.
//
// --behind: the port is somebody else's, a QTcpServer that serves pages. It hands the connections
// that ask for /echo to the echo service, which lives in another thread.

#include "echo_service.hpp"

#include <QByteArray>
#include <QCoreApplication>
#include <QHostAddress>
#include <QIODevice>
#include <QObject>
#include <QStringList>
#include <QTcpServer>
#include <QTcpSocket>
#include <QThread>

#include <iostream>
#include <memory>

namespace {

using example::echo_service;

void say_where(quint16 port) { std::cout << "ws://127.0.0.1:" << port << "/echo" << std::endl; }

int fail(const QString& text) {
    std::cerr << "qt_echo_server: " << text.toStdString() << std::endl;
    return 1;
}

int serve(QCoreApplication& app, quint16 port) {
    echo_service echo;
    if (!echo.server.listen(QHostAddress::LocalHost, port)) return fail(echo.server.error_text());
    say_where(echo.server.port());
    return app.exec();
}

// An echo service with a thread and an event loop of its own.
class echo_thread {
public:
    echo_thread() {
        inside_.moveToThread(&thread_);
        thread_.start();
        const auto make = [this] { service_ = std::make_unique<echo_service>(); };
        QMetaObject::invokeMethod(&inside_, make, Qt::BlockingQueuedConnection);
    }
    echo_thread(const echo_thread&) = delete;
    echo_thread& operator=(const echo_thread&) = delete;
    ~echo_thread() {
        const auto end = [this] { service_.reset(); };
        QMetaObject::invokeMethod(&inside_, end, Qt::BlockingQueuedConnection);
        thread_.quit();
        thread_.wait();
    }

    /// Takes a socket of the calling thread over.
    void take(QTcpSocket* socket) {
        socket->disconnect();
        socket->setParent(nullptr); // what has a parent does not move
        socket->moveToThread(&thread_);
        const auto adopt = [this, socket] {
            // What had been read of the request would be the second argument.
            service_->server.adopt(std::unique_ptr<QIODevice>(socket));
        };
        QMetaObject::invokeMethod(&inside_, adopt, Qt::QueuedConnection);
    }

private:
    QThread thread_;
    QObject inside_; // whose functions run there
    std::unique_ptr<echo_service> service_;
};

// A server of pages, as small as it can be.
class page_server {
public:
    explicit page_server(echo_thread& echo) : echo_(echo) {
        QObject::connect(&server_, &QTcpServer::newConnection, &server_, [this] {
            while (QTcpSocket* const socket = server_.nextPendingConnection()) {
                QObject::connect(socket, &QTcpSocket::readyRead, socket,
                                 [this, socket] { look_at(socket); });
                QObject::connect(socket, &QTcpSocket::disconnected, socket, &QObject::deleteLater);
            }
        });
    }

    bool listen(quint16 port) { return server_.listen(QHostAddress::LocalHost, port); }
    [[nodiscard]] const QTcpServer& server() const { return server_; }

private:
    void look_at(QTcpSocket* socket) {
        // Only peeked at: the echo service reads it anew.
        const QByteArray line = socket->peek(1000);
        if (!line.contains('\n')) return;
        socket->disconnect();
        if (line.startsWith("GET /echo ")) {
            // From the event loop: the socket is in the middle of telling us something, and must
            // not be in another thread when that returns.
            const auto hand_over = [this, socket] { echo_.take(socket); };
            QMetaObject::invokeMethod(socket, hand_over, Qt::QueuedConnection);
            return;
        }
        socket->write("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\na page\n");
        QObject::connect(socket, &QTcpSocket::disconnected, socket, &QObject::deleteLater);
        socket->disconnectFromHost();
    }

    echo_thread& echo_;
    QTcpServer server_;
};

int serve_behind(QCoreApplication& app, quint16 port) {
    echo_thread echo;
    page_server pages(echo);
    if (!pages.listen(port)) return fail(pages.server().errorString());
    say_where(pages.server().serverPort());
    return app.exec();
}

} // namespace

int main(int argc, char** argv) {
    QCoreApplication app(argc, argv);
    QStringList words = QCoreApplication::arguments().mid(1);
    const bool behind = words.removeAll(QStringLiteral("--behind")) != 0;
    bool valid = true;
    const quint16 port = words.isEmpty() ? 0 : words.takeFirst().toUShort(&valid);
    if (!valid || !words.isEmpty()) {
        std::cerr << "usage: qt_echo_server [--behind] [PORT]: a port is 0 to 65535, and without "
                     "one any that is free is taken"
                  << std::endl;
        return 2;
    }
    return behind ? serve_behind(app, port) : serve(app, port);
}
