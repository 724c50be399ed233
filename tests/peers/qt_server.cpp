// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A server made of QtWebSockets: see obedience.hpp.

#include "obedience.hpp"

#include <QCoreApplication>
#include <QHostAddress>
#include <QWebSocket>
#include <QWebSocketServer>

namespace {

void serve(QWebSocket* ws) {
    QObject::connect(ws, &QWebSocket::textMessageReceived, ws, [ws](const QString& text) {
        // Qt's enumeration ends at 1015, but its values are passed on as they are.
        const volatile int code = 4001;
        switch (peers::wish_of(true, text.toStdString())) {
        case peers::wish::ping: return ws->ping("from the server");
        case peers::wish::close:
            return ws->close(static_cast<QWebSocketProtocol::CloseCode>(code),
                             QStringLiteral("bye"));
        case peers::wish::vanish: return ws->abort();
        case peers::wish::echo: ws->sendTextMessage(text);
        }
    });
    QObject::connect(ws, &QWebSocket::binaryMessageReceived, ws, &QWebSocket::sendBinaryMessage);
    QObject::connect(ws, &QWebSocket::disconnected, ws, [ws] {
        peers::say_closed(ws->closeCode(), ws->closeReason().toUtf8().constData());
        ws->deleteLater();
    });
}

} // namespace

int main(int argc, char** argv) {
    QCoreApplication application(argc, argv);
    QWebSocketServer server(QStringLiteral("echo"), QWebSocketServer::NonSecureMode);
    server.setSupportedSubprotocols({QStringLiteral("echo")});
    QObject::connect(&server, &QWebSocketServer::newConnection, &server,
                     [&] { serve(server.nextPendingConnection()); });
    if (!server.listen(QHostAddress::LocalHost)) return EXIT_FAILURE;
    peers::say_port(server.serverPort());
    return QCoreApplication::exec();
}
