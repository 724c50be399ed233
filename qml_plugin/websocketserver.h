// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The QML type WebSocketServer: properties, signals and conversions around framewire::qt::server.

#ifndef FRAMEWIRE_QML_WEBSOCKETSERVER_H
#define FRAMEWIRE_QML_WEBSOCKETSERVER_H

#include "websocket.h"

#include <framewire/qt/server.hpp>

#include <QHostAddress>
#include <QObject>
#include <QQmlParserStatus>
#include <QString>
#include <QStringList>
#include <QUrl>
#include <QtQml/qqmlregistration.h>

#include <memory>

/// A WebSocket server, which hands out an open WebSocket for each client.
///
/// The sockets are children of the server while they are connected, and belong to JavaScript from
/// then on: one that nobody refers to goes with the next garbage collection. Functions connected to
/// the signals of such a socket are released when its connection has ended.
class WebSocketServer : public QObject, public QQmlParserStatus
{
    Q_OBJECT
    Q_INTERFACES(QQmlParserStatus)
    QML_ELEMENT

    /// Where clients find the server: ws, host and port.
    Q_PROPERTY(QUrl url READ url NOTIFY urlChanged)
    /// The address to listen on; "localhost" is the loopback address. A new one while listening
    /// moves the server there, and leaves open connections as they are. The same goes for the port.
    Q_PROPERTY(QString host READ host WRITE setHost NOTIFY hostChanged)
    /// The port to listen on. 0 lets the system choose one, which is written back.
    Q_PROPERTY(int port READ port WRITE setPort NOTIFY portChanged)
    /// The Server field of handshakes that follow; none when empty.
    Q_PROPERTY(QString name READ name WRITE setName NOTIFY nameChanged)
    /// The subprotocols spoken. The first one of a client's list that is here is chosen.
    Q_PROPERTY(QStringList supportedSubprotocols READ supportedSubprotocols WRITE
                   setSupportedSubprotocols NOTIFY supportedSubprotocolsChanged)
    /// Whether to compress messages (permessage-deflate, RFC 7692) with clients that offer it: see
    /// the property of WebSocket. Asked for with each handshake, so that clients which are
    /// connected already go on as they are. Not in QtWebSockets.
    Q_PROPERTY(bool compression READ compression WRITE setCompression NOTIFY compressionChanged)
    /// The web pages that may connect, by origins such as "https://example.org"; "*" stands for
    /// all. A browser lets every page connect to any server, those of the local machine included,
    /// so that only listed pages are served (RFC 6455 10.2). Other programs send no origin and are
    /// not concerned. Not in QtWebSockets, where all pages may connect.
    Q_PROPERTY(QStringList allowedOrigins READ allowedOrigins WRITE setAllowedOrigins NOTIFY
                   allowedOriginsChanged)
    /// Why the server could not listen; empty when it could.
    Q_PROPERTY(QString errorString READ errorString NOTIFY errorStringChanged)
    /// Whether to listen. Becomes false, and errorString tells why, when that is not possible.
    /// False leaves open connections as they are.
    Q_PROPERTY(bool listen READ isListening WRITE setListen NOTIFY listenChanged)
    /// Whether to serve new clients. While false they wait, connecting, until it is true again.
    Q_PROPERTY(bool accept READ isAccepting WRITE setAccept NOTIFY acceptChanged)

public:
    explicit WebSocketServer(QObject *parent = nullptr);
    ~WebSocketServer() override;

    QUrl url() const;
    QString host() const { return m_host; }
    void setHost(const QString &host);
    int port() const { return m_port; }
    void setPort(int port);
    QString name() const { return m_name; }
    void setName(const QString &name);
    QStringList supportedSubprotocols() const { return m_supportedSubprotocols; }
    void setSupportedSubprotocols(const QStringList &subprotocols);
    bool compression() const { return m_compression; }
    void setCompression(bool compression);
    QStringList allowedOrigins() const { return m_allowedOrigins; }
    void setAllowedOrigins(const QStringList &origins);
    QString errorString() const;
    bool isListening() const { return m_isListening; }
    void setListen(bool listen);
    bool isAccepting() const { return m_isAccepting; }
    void setAccept(bool accept);

    void classBegin() override;
    void componentComplete() override;

Q_SIGNALS:
    /// A client has connected. Its messages follow after the handlers have returned.
    void clientConnected(WebSocket *webSocket);
    void urlChanged(const QUrl &url);
    void hostChanged(const QString &host);
    void portChanged(int port);
    void nameChanged(const QString &name);
    void supportedSubprotocolsChanged(const QStringList &supportedProtocols);
    void compressionChanged();
    void allowedOriginsChanged();
    void errorStringChanged(const QString &errorString);
    void listenChanged(bool listen);
    void acceptChanged(bool accept);

private:
    void updateListening();
    void updateOptions();
    void setErrorString(const QString &text);
    void handshakeFailed(const framewire::qt::close_info &info);
    void handOut(std::unique_ptr<framewire::qt::session> session,
                 const framewire::qt::request &request);

    framewire::qt::server m_server;
    QString m_host = QStringLiteral("127.0.0.1");
    QString m_name;
    QStringList m_supportedSubprotocols;
    QStringList m_allowedOrigins;
    QString m_errorString;
    int m_port = 0;
    bool m_isListening = false;
    bool m_isAccepting = true;
    bool m_compression = false;
    bool m_componentCompleted = true;
    bool m_hasWarned = false;
};

#endif
