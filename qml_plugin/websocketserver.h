// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The QML type WebSocketServer: properties, signals and conversions around framewire::qt::server.

#ifndef FRAMEWIRE_QML_WEBSOCKETSERVER_H
#define FRAMEWIRE_QML_WEBSOCKETSERVER_H

#include "clientlist.h"
#include "tlssettings.h"
#include "upgraderequest.h"
#include "websocket.h"

#include <framewire/qt/server.hpp>

#include <QHostAddress>
#include <QJSValue>
#include <QObject>
#include <QQmlParserStatus>
#include <QSet>
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

    /// Where clients find the server: ws or wss, host and port.
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
    /// Whether to speak TLS: `url` becomes wss. It takes a certificate and its private key, see
    /// `ssl`; without them the server does not listen, and errorString tells why. A change while
    /// listening makes the server listen anew, and leaves open connections as they are. Not in
    /// QtWebSockets.
    Q_PROPERTY(bool secure READ isSecure WRITE setSecure NOTIFY secureChanged)
    /// Certificates and keys, used when `secure` is on. Not in QtWebSockets.
    Q_PROPERTY(TlsSettings *ssl READ ssl CONSTANT)
    /// The clients that are connected: a model for views whose role is `webSocket`;
    /// `clients.get(i)` is the socket in a row. Not in QtWebSockets.
    Q_PROPERTY(ClientList *clients READ clients CONSTANT)
    /// How many they are. Not in QtWebSockets.
    Q_PROPERTY(int clientCount READ clientCount NOTIFY clientCountChanged)
    /// How many connections there may be at a time, those included that are closing; 0, as at
    /// first, means any number. Further clients are answered with 503, and the first one makes a
    /// warning. Not in QtWebSockets.
    Q_PROPERTY(
        int maxConnections READ maxConnections WRITE setMaxConnections NOTIFY maxConnectionsChanged)
    /// How many milliseconds a client may take for the opening handshake, with that of TLS, 10 s at
    /// first; 0 means as long as it takes. Not in QtWebSockets, which has these 10 s.
    Q_PROPERTY(int handshakeTimeout READ handshakeTimeout WRITE setHandshakeTimeout NOTIFY
                   handshakeTimeoutChanged)
    /// How many milliseconds the closing handshake with a new client may take, 5 s at first; 0
    /// means as long as it takes. Not in QtWebSockets.
    Q_PROPERTY(int closeTimeout READ closeTimeout WRITE setCloseTimeout NOTIFY closeTimeoutChanged)
    /// What the property of that name is for each new client: how many milliseconds lie between
    /// the pings that it is sent; 0, as at first, means that there are none. 20 s suits most
    /// networks. Not in QtWebSockets.
    Q_PROPERTY(int keepAliveInterval READ keepAliveInterval WRITE setKeepAliveInterval NOTIFY
                   keepAliveIntervalChanged)
    /// Likewise: how many milliseconds may pass from such a ping until anything is received, 20 s
    /// at first; 0 means as long as it takes. Not in QtWebSockets.
    Q_PROPERTY(int keepAliveTimeout READ keepAliveTimeout WRITE setKeepAliveTimeout NOTIFY
                   keepAliveTimeoutChanged)
    /// The longest message to receive from new clients, in bytes of UTF-8 or binary, 16 MiB at
    /// first and itself included; 0 means any length. A longer one ends the connection with 1009.
    /// Not in QtWebSockets, where it is 2 GiB.
    Q_PROPERTY(double maxMessageSize READ maxMessageSize WRITE setMaxMessageSize NOTIFY
                   maxMessageSizeChanged)
    /// What the property of that name is for each new client: the most that its bufferedAmount may
    /// become, 16 MiB at first; 0 means any amount, so that one client which reads slowly can take
    /// all the memory there is. What happens beyond it is up to slowReaderPolicy. Not in
    /// QtWebSockets, where all is kept.
    Q_PROPERTY(double maxBufferedAmount READ maxBufferedAmount WRITE setMaxBufferedAmount NOTIFY
                   maxBufferedAmountChanged)
    /// What becomes of a client for whose next message there is no room, since it reads too slowly:
    /// DropMessages, as at first. Not in QtWebSockets.
    Q_PROPERTY(SlowReaderPolicy slowReaderPolicy READ slowReaderPolicy WRITE setSlowReaderPolicy
                   NOTIFY slowReaderPolicyChanged)
    /// Why the server could not listen; empty when it could.
    Q_PROPERTY(QString errorString READ errorString NOTIFY errorStringChanged)
    /// Whether to listen. Becomes false, and errorString tells why, when that is not possible.
    /// False leaves open connections as they are.
    Q_PROPERTY(bool listen READ isListening WRITE setListen NOTIFY listenChanged)
    /// Whether to serve new clients. While false they wait, connecting, until it is true again.
    Q_PROPERTY(bool accept READ isAccepting WRITE setAccept NOTIFY acceptChanged)

public:
    enum SlowReaderPolicy {
        /// The message is not sent to this client, whose bufferFull() tells so; what waits stays.
        DropMessages,
        /// The connection is closed with 1013 behind what waits, and dropped after closeTimeout if
        /// the client has not read that far.
        CloseConnection,
        /// The connection is dropped at once, with all that waits.
        DropConnection
    };
    Q_ENUM(SlowReaderPolicy)

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
    bool isSecure() const { return m_secure; }
    void setSecure(bool secure);
    TlsSettings *ssl() const { return m_ssl; }
    ClientList *clients() const { return m_clients; }
    int clientCount() const { return m_clients->rowCount(); }
    int maxConnections() const { return m_maxConnections; }
    void setMaxConnections(int count);
    int handshakeTimeout() const { return m_handshakeTimeout; }
    void setHandshakeTimeout(int milliseconds);
    int closeTimeout() const { return m_closeTimeout; }
    void setCloseTimeout(int milliseconds);
    int keepAliveInterval() const { return m_keepAliveInterval; }
    void setKeepAliveInterval(int milliseconds);
    int keepAliveTimeout() const { return m_keepAliveTimeout; }
    void setKeepAliveTimeout(int milliseconds);
    double maxMessageSize() const { return m_maxMessageSize; }
    void setMaxMessageSize(double bytes);
    double maxBufferedAmount() const { return m_maxBufferedAmount; }
    void setMaxBufferedAmount(double bytes);
    SlowReaderPolicy slowReaderPolicy() const { return m_slowReaderPolicy; }
    void setSlowReaderPolicy(SlowReaderPolicy policy);
    QString errorString() const;
    bool isListening() const { return m_isListening; }
    void setListen(bool listen);
    bool isAccepting() const { return m_isAccepting; }
    void setAccept(bool accept);

    /// Sends a text message to all clients but one, if that is given, and returns to how many: not
    /// to those for which there was no room (see slowReaderPolicy). The message is converted and
    /// framed once for all; with those that have agreed to it, it is compressed for each. Not in
    /// QtWebSockets.
    Q_INVOKABLE int broadcastTextMessage(const QString &message, WebSocket *except = nullptr);
    /// The same with a binary message, of the kinds that WebSocket.sendBinaryMessage() takes.
    Q_INVOKABLE int broadcastBinaryMessage(const QJSValue &message, WebSocket *except = nullptr);

    void classBegin() override;
    void componentComplete() override;

Q_SIGNALS:
    /// A client has connected. Its messages follow after the handlers have returned.
    void clientConnected(WebSocket *webSocket);
    /// A client asks to connect, and its Origin is allowed. Whoever calls request.reject() before
    /// this returns refuses; otherwise clientConnected() follows. When a handler throws an error,
    /// the client is answered with 500, so that a check that fails lets nobody in. Not in
    /// QtWebSockets.
    void upgradeRequested(UpgradeRequest *request);
    void urlChanged(const QUrl &url);
    void hostChanged(const QString &host);
    void portChanged(int port);
    void nameChanged(const QString &name);
    void supportedSubprotocolsChanged(const QStringList &supportedProtocols);
    void compressionChanged();
    void allowedOriginsChanged();
    void secureChanged();
    void clientCountChanged();
    void maxConnectionsChanged();
    void handshakeTimeoutChanged();
    void closeTimeoutChanged();
    void keepAliveIntervalChanged();
    void keepAliveTimeoutChanged();
    void maxMessageSizeChanged();
    void maxBufferedAmountChanged();
    void slowReaderPolicyChanged();
    void errorStringChanged(const QString &errorString);
    void listenChanged(bool listen);
    void acceptChanged(bool accept);

private:
    template <typename Value>
    void change(Value &property, const Value &value, void (WebSocketServer::*changed)());
    void updateListening();
    bool updateTls(QString &error);
    void updateOptions();
    int broadcast(const framewire::prepared_message &message, const WebSocket *except);
    framewire::qt::answer decide(const framewire::qt::request &from);
    framewire::qt::answer ask(const framewire::qt::request &from);
    void addClient(WebSocket *webSocket);
    void removeClient(const QObject *webSocket);
    void applySlowReaderPolicy(WebSocket *webSocket);
    void bufferIsFull();
    void setErrorString(const QString &text);
    void handshakeFailed(const framewire::qt::close_info &info);
    void handOut(std::unique_ptr<framewire::qt::session> session,
                 const framewire::qt::request &request);

    framewire::qt::server m_server;
    TlsSettings *const m_ssl = new TlsSettings(this);
    ClientList *const m_clients = new ClientList(this);
    QSet<const QObject *> m_connections; // the clients, and those whose connections are closing
    QString m_host = QStringLiteral("127.0.0.1");
    QString m_name;
    QStringList m_supportedSubprotocols;
    QStringList m_allowedOrigins;
    QString m_errorString;
    double m_maxMessageSize = 16 << 20;
    double m_maxBufferedAmount = 16 << 20;
    int m_port = 0;
    int m_maxConnections = 0;
    int m_handshakeTimeout = 10'000;
    int m_closeTimeout = 5'000;
    int m_keepAliveInterval = 0;
    int m_keepAliveTimeout = 20'000;
    SlowReaderPolicy m_slowReaderPolicy = DropMessages;
    bool m_secure = false;
    bool m_isListening = false;
    bool m_isAccepting = true;
    bool m_compression = false;
    bool m_componentCompleted = true;
    bool m_hasWarnedOfOrigin = false;
    bool m_hasWarnedOfCount = false;
    bool m_hasWarnedOfReader = false;
};

#endif
