// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Sends bytes back as they come, over QTcpSocket and without any protocol: the floor under every
// server on Qt. All connections read into one buffer; what is written goes through Qt's.

#include <QAbstractSocket>
#include <QCoreApplication>
#include <QHostAddress>
#include <QTcpServer>
#include <QTcpSocket>

#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

std::vector<char> shared_buffer(256 * 1024);

void echo(QTcpSocket& socket) {
    for (;;) {
        const qint64 size =
            socket.read(shared_buffer.data(), static_cast<qint64>(shared_buffer.size()));
        if (size <= 0) return;
        socket.write(shared_buffer.data(), size);
    }
}

} // namespace

int main(int argc, char** argv) {
    const auto port = static_cast<quint16>(argc > 1 ? std::atoi(argv[1]) : 0);
    const QCoreApplication app(argc, argv);
    QTcpServer server;
    QObject::connect(&server, &QTcpServer::newConnection, &server, [&server] {
        while (QTcpSocket* const socket = server.nextPendingConnection()) {
            socket->setSocketOption(QAbstractSocket::LowDelayOption, 1);
            QObject::connect(socket, &QIODevice::readyRead, socket, [socket] { echo(*socket); });
            QObject::connect(socket, &QAbstractSocket::disconnected, socket, &QObject::deleteLater);
        }
    });
    if (!server.listen(QHostAddress::LocalHost, port)) return 1;
    std::printf("listening on %d\n", server.serverPort());
    std::fflush(stdout);
    return QCoreApplication::exec();
}
