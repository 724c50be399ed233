// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include "rawpeer.h"

#include "qt/support/certificates.hpp"

#include <QCryptographicHash>
#include <QHostAddress>
#include <QSslSocket>

#include <algorithm>

using framewire::test::certificates;

void RawServer::incomingConnection(qintptr descriptor)
{
    if (!tls) {
        QTcpServer::incomingConnection(descriptor);
        return;
    }
    auto *const socket = new QSslSocket(this);
    socket->setSslConfiguration(*tls);
    socket->setSocketDescriptor(descriptor);
    socket->startServerEncryption();
    addPendingConnection(socket);
}

RawPeer::RawPeer(QObject *parent)
    : QObject(parent)
{
    m_server.listen(QHostAddress::LocalHost);
    connect(&m_server, &QTcpServer::newConnection, this,
            [this] { talkTo(m_server.nextPendingConnection()); });
}

void RawPeer::talkTo(QTcpSocket *socket)
{
    m_socket = socket;
    m_request.clear();
    m_frames.clear();
    m_hasRequest = false;
    m_isReading = true;
    ++m_connections;
    connect(m_socket, &QTcpSocket::readyRead, this, &RawPeer::read);
    connect(m_socket, &QTcpSocket::disconnected, this, &RawPeer::connectedChanged);
    Q_EMIT connectedChanged();
}

void RawPeer::call(int port, const QString &bytes)
{
    talkTo(new QTcpSocket(this));
    m_hasRequest = true;
    m_socket->connectToHost(QHostAddress(QHostAddress::LocalHost), static_cast<quint16>(port));
    write(bytes);
}

void RawPeer::secure(const QString &certificate)
{
    m_server.tls = certificates().of_server(certificate.toLatin1());
    m_server.tls->setPeerVerifyMode(QSslSocket::QueryPeer);
}

QString RawPeer::certificateFile(const QString &name)
{
    return certificates().path(name.toLatin1().constData());
}

QString RawPeer::clientName() const
{
    const auto *const tls = qobject_cast<QSslSocket *>(m_socket.data());
    return tls ? tls->peerCertificate().subjectInfo(QSslCertificate::CommonName).value(0)
               : QString();
}

void RawPeer::trustAuthority()
{
    QSslConfiguration::setDefaultConfiguration(certificates().of_client());
}

void RawPeer::write(const QString &bytes)
{
    if (m_socket)
        m_socket->write(bytes.toLatin1());
}

void RawPeer::shakeHands(const QString &lines)
{
    const QByteArray name = "\r\nsec-websocket-key:";
    const qsizetype start = m_request.toLower().indexOf(name) + name.size();
    const QByteArray key = m_request.mid(start, m_request.indexOf('\r', start) - start).trimmed();
    const QByteArray accept = QCryptographicHash::hash(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
                                                       QCryptographicHash::Sha1)
                                  .toBase64();
    write(QStringLiteral(
              "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Accept: %1\r\n%2\r\n")
              .arg(QString::fromLatin1(accept), lines));
}

QVariantList RawPeer::frameAt(int offset) const
{
    const auto byte = [this](qsizetype at) { return static_cast<quint8>(m_frames[at]); };
    // Masked frames with a length below 126 are all that the tests look at.
    const qsizetype begin = offset;
    if (m_frames.size() < begin + 6)
        return {};
    const qsizetype size = byte(begin + 1) & 0x7f;
    if (m_frames.size() < begin + 6 + size)
        return {};
    QByteArray payload = m_frames.mid(begin + 6, size);
    for (qsizetype i = 0; i < size; ++i)
        payload[i] = static_cast<char>(byte(begin + 6 + i) ^ byte(begin + 2 + i % 4));
    return { byte(begin) & 0x0f, QString::fromLatin1(payload), static_cast<int>(begin + 6 + size) };
}

void RawPeer::end()
{
    if (m_socket)
        m_socket->disconnectFromHost();
}

void RawPeer::reset()
{
    if (m_socket)
        m_socket->abort();
}

void RawPeer::stopReading()
{
    m_isReading = false;
    if (m_socket)
        m_socket->setReadBufferSize(1); // or Qt would
}

void RawPeer::read()
{
    auto *const socket = qobject_cast<QTcpSocket *>(sender());
    if (!socket || socket != m_socket || !m_isReading)
        return;
    QByteArray bytes = socket->readAll();
    if (!m_hasRequest) {
        m_request += bytes;
        const qsizetype end = m_request.indexOf("\r\n\r\n");
        if (end < 0)
            return;
        bytes = m_request.mid(end + 4);
        m_request.truncate(end + 4);
        m_hasRequest = true;
        Q_EMIT requestChanged();
    }
    if (!bytes.isEmpty()) {
        m_frames += bytes;
        Q_EMIT framesChanged();
    }
}

int Census::alive() const
{
    return static_cast<int>(
        std::count_if(m_objects.begin(), m_objects.end(),
                      [](const QPointer<QObject> &object) { return !object.isNull(); }));
}
