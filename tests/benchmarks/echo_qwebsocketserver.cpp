// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The echo server on QtWebSockets.

#include <QByteArray>
#include <QCoreApplication>
#include <QHostAddress>
#include <QString>
#include <QWebSocket>
#include <QWebSocketServer>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
    const auto port = static_cast<quint16>(argc > 1 ? std::atoi(argv[1]) : 0);
    const QCoreApplication app(argc, argv);
    QWebSocketServer server(QStringLiteral("echo"), QWebSocketServer::NonSecureMode);
    server.setMaxPendingConnections(4096);
    QObject::connect(&server, &QWebSocketServer::newConnection, &server, [&server] {
        while (QWebSocket* const socket = server.nextPendingConnection()) {
            QObject::connect(socket, &QWebSocket::textMessageReceived, socket,
                             [socket](const QString& text) { socket->sendTextMessage(text); });
            QObject::connect(
                socket, &QWebSocket::binaryMessageReceived, socket,
                [socket](const QByteArray& bytes) { socket->sendBinaryMessage(bytes); });
            QObject::connect(socket, &QWebSocket::disconnected, socket, &QObject::deleteLater);
        }
    });
    if (!server.listen(QHostAddress::LocalHost, port)) return 1;
    std::printf("listening on %d\n", server.serverPort());
    std::fflush(stdout);
    return QCoreApplication::exec();
}
