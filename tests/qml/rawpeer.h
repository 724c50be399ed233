// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What the QML tests need of C++: a peer that says whatever it is told to, and a count of objects.

#ifndef FRAMEWIRE_TESTS_QML_RAWPEER_H
#define FRAMEWIRE_TESTS_QML_RAWPEER_H

#include <QList>
#include <QObject>
#include <QPointer>
#include <QSslConfiguration>
#include <QString>
#include <QTcpServer>
#include <QTcpSocket>
#include <QVariantList>
#include <QtQml/qqmlregistration.h>

#include <optional>

/// A TCP server whose connections are TLS ones when it has a certificate.
class RawServer : public QTcpServer
{
public:
    std::optional<QSslConfiguration> tls;

protected:
    void incomingConnection(qintptr descriptor) override;
};

/// A TCP server on the loopback address that talks to the client that connected last. Bytes are
/// strings with one character a byte.
class RawPeer : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(int port READ port CONSTANT)
    /// All that the client has sent after its request.
    Q_PROPERTY(QString frames READ frames NOTIFY framesChanged)
    /// The client's request, once it is complete.
    Q_PROPERTY(QString request READ request NOTIFY requestChanged)
    Q_PROPERTY(bool connected READ isConnected NOTIFY connectedChanged)
    /// Clients so far.
    Q_PROPERTY(int connections READ connections NOTIFY connectedChanged)

public:
    explicit RawPeer(QObject *parent = nullptr);

    int port() const { return m_server.serverPort(); }
    QString frames() const { return QString::fromLatin1(m_frames); }
    QString request() const { return QString::fromLatin1(m_request); }
    bool isConnected() const { return m_socket && m_socket->state() == QTcpSocket::ConnectedState; }
    int connections() const { return m_connections; }

    /// Connects to that port of this machine instead, and says that; the answer goes to `frames`.
    Q_INVOKABLE void call(int port, const QString &bytes);
    /// Speaks TLS from the next client on, with one of the certificates of make_certificates.sh.
    Q_INVOKABLE void secure(const QString &certificate);
    /// The path of a file that make_certificates.sh makes.
    Q_INVOKABLE static QString certificateFile(const QString &name);
    /// The name in the certificate that the client has shown; empty when it has shown none.
    Q_INVOKABLE QString clientName() const;
    /// Makes all clients of this process trust the authority that signed them.
    Q_INVOKABLE void trustAuthority();

    Q_INVOKABLE void write(const QString &bytes);
    /// Answers the request as a WebSocket server, with further header lines.
    Q_INVOKABLE void shakeHands(const QString &lines = {});
    /// The frame that the client sent at that offset of `frames`, unmasked: [opcode, payload, end].
    Q_INVOKABLE QVariantList frameAt(int offset) const;
    /// Reads nothing more from this client.
    Q_INVOKABLE void stopReading();
    /// Ends the connection behind what was written.
    Q_INVOKABLE void end();
    /// Resets the connection.
    Q_INVOKABLE void reset();

Q_SIGNALS:
    void framesChanged();
    void requestChanged();
    void connectedChanged();

private:
    void talkTo(QTcpSocket *socket);
    void read();

    RawServer m_server;
    QPointer<QTcpSocket> m_socket;
    QByteArray m_request;
    QByteArray m_frames;
    int m_connections = 0;
    bool m_hasRequest = false;
    bool m_isReading = true;
};

/// Counts those of the objects it was shown that are still there.
class Census : public QObject
{
    Q_OBJECT
    QML_ELEMENT

public:
    using QObject::QObject;
    Q_INVOKABLE void add(QObject *object) { m_objects.append(object); }
    Q_INVOKABLE int alive() const;

private:
    QList<QPointer<QObject>> m_objects;
};

#endif
