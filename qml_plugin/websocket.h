// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The QML type WebSocket: properties, signals and conversions around framewire::qt::session.

#ifndef FRAMEWIRE_QML_WEBSOCKET_H
#define FRAMEWIRE_QML_WEBSOCKET_H

#include "outbox.h"
#include "pings.h"
#include "reconnect.h"
#include "tlssettings.h"
#include "websocketmethods.h"

#include <framewire/prepared_message.hpp>
#include <framewire/qt/client.hpp>
#include <framewire/qt/session.hpp>

#include <QByteArray>
#include <QHostAddress>
#include <QJSEngine>
#include <QJSValue>
#include <QObject>
#include <QPointer>
#include <QQmlParserStatus>
#include <QString>
#include <QStringList>
#include <QUrl>
#include <QVariantMap>
#include <QtQml/qqmlregistration.h>

#include <memory>
#include <vector>

/// A WebSocket connection: a client, or what a WebSocketServer hands out.
///
/// A client connects while it is active and has a url. When a connection ends by itself, `active`
/// stays true; switch it off and on, or set another url, to connect again.
///
/// There are two ways to close a connection. `active = false` is Qt's: the status becomes Closing
/// and Closed at once, and what is left of the closing handshake happens in the background.
/// `close()` is that of browsers: `active` becomes false and the status Closing, and Closed when
/// the handshake is over or took too long. Nothing is received any more either way. When the server
/// begins, the status becomes Closing and Closed at once. However it goes, closed() tells how the
/// connection has really ended.
class WebSocket : public WebSocketMethods, public QQmlParserStatus
{
    Q_OBJECT
    Q_INTERFACES(QQmlParserStatus)
    QML_ELEMENT

    /// Where to connect to, ws or wss. A new one while open closes the connection and opens anew.
    Q_PROPERTY(QUrl url READ url WRITE setUrl NOTIFY urlChanged)
    /// The subprotocols to ask for, the preferred one first. Used by the next connection.
    Q_PROPERTY(QStringList requestedSubprotocols READ requestedSubprotocols WRITE
                   setRequestedSubprotocols NOTIFY requestedSubprotocolsChanged)
    /// The subprotocol agreed on; empty when there is none. Set after the status has become Open.
    Q_PROPERTY(QString negotiatedSubprotocol READ negotiatedSubprotocol NOTIFY
                   negotiatedSubprotocolChanged)
    /// The same under a shorter name. Not in QtWebSockets.
    Q_PROPERTY(QString subprotocol READ negotiatedSubprotocol NOTIFY negotiatedSubprotocolChanged)
    /// Header fields to send with the request of the next connection: an object that has a string
    /// or a list of strings for each name, such as `({ "Authorization": "Bearer " + token })`. What
    /// may not stand in a field, and fields that belong to the handshake, are an error, and nothing
    /// connects. For a socket of a server: those that the client has sent, with names in lower
    /// case. Not in QtWebSockets.
    Q_PROPERTY(QVariantMap requestHeaders READ requestHeaders WRITE setRequestHeaders NOTIFY
                   requestHeadersChanged)
    /// The Origin to send with the request of the next connection; none when empty. For a socket of
    /// a server: that of the page that has connected. Not in QtWebSockets.
    Q_PROPERTY(QString origin READ origin WRITE setOrigin NOTIFY originChanged)
    /// The status of the server's answer: 101 when it has agreed, another when it has refused, 0
    /// when there was no answer yet. Set before the status changes, and kept until the next
    /// connection is begun. Not in QtWebSockets.
    Q_PROPERTY(int responseStatus READ responseStatus NOTIFY responseStatusChanged)
    /// The header fields of that answer, like requestHeaders, with names in lower case. Not in
    /// QtWebSockets.
    Q_PROPERTY(QVariantMap responseHeaders READ responseHeaders NOTIFY responseHeadersChanged)
    /// The IP address of the other end, set before the status becomes Open and kept until the next
    /// connection is begun. Not in QtWebSockets.
    Q_PROPERTY(QString peerAddress READ peerAddress NOTIFY peerAddressChanged)
    /// The port of the other end, likewise. Not in QtWebSockets.
    Q_PROPERTY(int peerPort READ peerPort NOTIFY peerPortChanged)
    /// Whether to offer the server compression of messages (permessage-deflate, RFC 7692), which is
    /// used if the server agrees. Off unless switched on: it takes memory and time, and the length
    /// of what is compressed can give a secret away when somebody else chooses a part of the
    /// message. Used by the next connection: a change leaves an open one, and one that is being
    /// made, as it is. Means nothing for a socket of a server. Not in QtWebSockets.
    Q_PROPERTY(bool compression READ compression WRITE setCompression NOTIFY compressionChanged)
    /// The extensions agreed on: the value of Sec-WebSocket-Extensions in the server's answer, such
    /// as "permessage-deflate; server_max_window_bits=12", so ask by startsWith; empty when there
    /// are none. Set after the status has become Open. Not in QtWebSockets.
    Q_PROPERTY(
        QString negotiatedExtensions READ negotiatedExtensions NOTIFY negotiatedExtensionsChanged)
    /// How many bytes wait to be sent, those that the system has not taken yet. Not in
    /// QtWebSockets.
    Q_PROPERTY(double bufferedAmount READ bufferedAmount NOTIFY bufferedAmountChanged)
    /// What bufferedAmount has to fall to for bufferedAmountLow(), as in the web's data channels.
    /// Not in QtWebSockets.
    Q_PROPERTY(double bufferedAmountLowThreshold READ bufferedAmountLowThreshold WRITE
                   setBufferedAmountLowThreshold NOTIFY bufferedAmountLowThresholdChanged)
    /// The most that bufferedAmount may become, 16 MiB at first; 0 means any amount. A message for
    /// which there is no room is not sent, not even in part: see bufferFull(). Without a bound, a
    /// peer that reads slowly takes all the memory there is. A socket of a server begins with what
    /// its server has. Not in QtWebSockets, where all is kept.
    Q_PROPERTY(double maxBufferedAmount READ maxBufferedAmount WRITE setMaxBufferedAmount NOTIFY
                   maxBufferedAmountChanged)
    /// The longest message to receive, in bytes of UTF-8 or binary, 16 MiB at first and itself
    /// included; 0 means any length. A longer one ends the connection with 1009. Used by the next
    /// connection. Means nothing for a socket of a server. Not in QtWebSockets.
    Q_PROPERTY(double maxMessageSize READ maxMessageSize WRITE setMaxMessageSize NOTIFY
                   maxMessageSizeChanged)
    /// How many milliseconds a connection may take to become Open, 10 s at first; 0 means as long
    /// as it takes. Used by the next connection. Means nothing for a socket of a server. Not in
    /// QtWebSockets, where it is as long as it takes.
    Q_PROPERTY(int handshakeTimeout READ handshakeTimeout WRITE setHandshakeTimeout NOTIFY
                   handshakeTimeoutChanged)
    /// How many milliseconds the closing handshake may take, 5 s at first; 0 means as long as it
    /// takes. Used by the next connection. Means nothing for a socket of a server. Not in
    /// QtWebSockets.
    Q_PROPERTY(int closeTimeout READ closeTimeout WRITE setCloseTimeout NOTIFY closeTimeoutChanged)
    /// How many milliseconds lie between pings that are sent while the status is Open, to see
    /// whether the other end is still there; 0, as at first, means that none are sent. 20 s suits
    /// most networks. Not in QtWebSockets.
    Q_PROPERTY(int keepAliveInterval READ keepAliveInterval WRITE setKeepAliveInterval NOTIFY
                   keepAliveIntervalChanged)
    /// How many milliseconds may pass from such a ping until anything is received, 20 s at first; 0
    /// means as long as it takes. Then the connection is lost. Not in QtWebSockets.
    Q_PROPERTY(int keepAliveTimeout READ keepAliveTimeout WRITE setKeepAliveTimeout NOTIFY
                   keepAliveTimeoutChanged)
    /// How many milliseconds the last ping took that was answered, one of ping() or of
    /// keepAliveInterval; -1 while none was in this connection. Not in QtWebSockets.
    Q_PROPERTY(double latency READ latency NOTIFY latencyChanged)
    /// Whether and when a lost connection is made again; off at first. Means nothing for a socket
    /// of a server. Not in QtWebSockets.
    Q_PROPERTY(Reconnect *reconnect READ reconnect CONSTANT)
    /// Whether messages that are sent while a lost connection is being made again wait for it,
    /// instead of being an error; off at first. They count as bufferedAmount, so that
    /// maxBufferedAmount is their bound, and are dropped when reconnecting ends without a
    /// connection. What was sent before the connection was lost may be lost with it. Not in
    /// QtWebSockets.
    Q_PROPERTY(bool queueWhileReconnecting READ queueWhileReconnecting WRITE
                   setQueueWhileReconnecting NOTIFY queueWhileReconnectingChanged)
    /// Certificates and keys for wss, used by the next connection. Without any settings the
    /// authorities of the system are trusted, and names are verified. Means nothing for a socket of
    /// a server. Not in QtWebSockets.
    Q_PROPERTY(TlsSettings *ssl READ ssl CONSTANT)
    /// Where the connection stands.
    Q_PROPERTY(Status status READ status NOTIFY statusChanged)
    /// What went wrong last. Kept until the next connection is attempted or opens.
    Q_PROPERTY(QString errorString READ errorString NOTIFY errorStringChanged)
    /// Whether to be connected. False closes an open connection at once, or gives up a pending one.
    Q_PROPERTY(bool active READ isActive WRITE setActive NOTIFY activeChanged)
    /// The code that the last connection was closed with, as in browsers: that of the peer's Close
    /// frame, 1005 when it had none, 1006 when there was no such frame. When this side has ended
    /// the connection because of what was received, the code that it gave as the reason. 0 until a
    /// connection has ended. Not in QtWebSockets.
    Q_PROPERTY(int closeCode READ closeCode NOTIFY closeCodeChanged)
    /// The reason that came with that code. Not in QtWebSockets.
    Q_PROPERTY(QString closeReason READ closeReason NOTIFY closeReasonChanged)

public:
    enum Status {
        Connecting = 0,
        Open = 1,
        Closing = 2,
        Closed = 3,
        Error = 4
    };
    Q_ENUM(Status)

    explicit WebSocket(QObject *parent = nullptr);
    /// A connection that a server accepted. It never connects to anywhere by itself.
    WebSocket(std::unique_ptr<framewire::qt::session> accepted,
              const framewire::qt::request &request, QJSEngine *engine, QObject *parent);
    ~WebSocket() override;

    QUrl url() const { return m_url; }
    void setUrl(const QUrl &url);
    QStringList requestedSubprotocols() const { return m_requestedSubprotocols; }
    void setRequestedSubprotocols(const QStringList &subprotocols);
    QString negotiatedSubprotocol() const { return m_negotiatedSubprotocol; }
    QVariantMap requestHeaders() const { return m_requestHeaders; }
    void setRequestHeaders(const QVariantMap &headers);
    QString origin() const { return m_origin; }
    void setOrigin(const QString &origin);
    int responseStatus() const { return m_responseStatus; }
    QVariantMap responseHeaders() const { return m_responseHeaders; }
    QString peerAddress() const { return m_peerAddress; }
    int peerPort() const { return m_peerPort; }
    bool compression() const { return m_compression; }
    void setCompression(bool compression);
    QString negotiatedExtensions() const { return m_negotiatedExtensions; }
    double bufferedAmount() const;
    double bufferedAmountLowThreshold() const { return m_bufferedAmountLowThreshold; }
    void setBufferedAmountLowThreshold(double bytes);
    double maxBufferedAmount() const { return m_maxBufferedAmount; }
    void setMaxBufferedAmount(double bytes);
    double maxMessageSize() const { return m_maxMessageSize; }
    void setMaxMessageSize(double bytes);
    int handshakeTimeout() const { return m_handshakeTimeout; }
    void setHandshakeTimeout(int milliseconds);
    int closeTimeout() const { return m_closeTimeout; }
    void setCloseTimeout(int milliseconds);
    int keepAliveInterval() const { return m_keepAliveInterval; }
    void setKeepAliveInterval(int milliseconds);
    int keepAliveTimeout() const { return m_keepAliveTimeout; }
    void setKeepAliveTimeout(int milliseconds);
    double latency() const { return m_latency; }
    Reconnect *reconnect() const { return m_reconnect; }
    bool queueWhileReconnecting() const { return m_queueWhileReconnecting; }
    void setQueueWhileReconnecting(bool on);
    TlsSettings *ssl() const { return m_ssl; }
    Status status() const { return m_status; }
    QString errorString() const { return m_errorString; }
    bool isActive() const { return m_isActive; }
    void setActive(bool active);
    int closeCode() const { return m_closeCode; }
    QString closeReason() const { return m_closeReason; }

    qint64 sendTextMessage(const QString &message) override;
    qint64 sendBinaryMessage(const QJSValue &message) override;
    qint64 sendJson(const QJSValue &value) override;
    void ping(const QJSValue &payload) override;
    void close(int code, const QString &reason) override;

    /// For the server: whether messages can be sent, and whether one was that was made for many.
    bool isOpen() const;
    bool send(const framewire::prepared_message &message);
    /// Ends the connection without a Close frame.
    void abort();

    void classBegin() override;
    void componentComplete() override;

Q_SIGNALS:
    /// A text message has arrived.
    void textMessageReceived(const QString &message);
    /// A binary message has arrived, an ArrayBuffer in JavaScript.
    void binaryMessageReceived(const QByteArray &message);
    /// A text message has arrived that is JSON, after textMessageReceived(). Not in QtWebSockets.
    void jsonReceived(const QJSValue &value);
    /// A pong has arrived, so many milliseconds after its ping, or 0 when nobody asked for it.
    void pong(quint64 elapsedTime, const QByteArray &payload);
    /// A connection has ended, or could not be made: once for each one that was begun. The code and
    /// the reason are those of closeCode and closeReason; it was clean when both sides have sent a
    /// Close frame. After `active = false` this comes when the peer has answered, which may be
    /// after the next connection has begun. Not in QtWebSockets.
    void closed(int code, const QString &reason, bool clean);
    /// bufferedAmount has fallen to bufferedAmountLowThreshold, or below it, or a message that
    /// would have raised it above went to the system at once. Not in QtWebSockets.
    void bufferedAmountLow();
    /// A message was not sent, since bufferedAmount would have become more than maxBufferedAmount:
    /// there is room again after bufferedAmountLow(). Not in QtWebSockets.
    void bufferFull();
    /// A lost connection will be made again after so many milliseconds, the attempt being the one
    /// of that number. Follows closed(). Not in QtWebSockets.
    void reconnecting(int attempt, int delay);
    /// The server's certificate proves nothing, and why not, in words. The connection is refused,
    /// and the status becomes Error, unless `ssl.peerVerification` is off. Not in QtWebSockets.
    void sslErrors(const QStringList &errors);
    void urlChanged();
    void requestedSubprotocolsChanged();
    void negotiatedSubprotocolChanged();
    void requestHeadersChanged();
    void originChanged();
    void responseStatusChanged();
    void responseHeadersChanged();
    void peerAddressChanged();
    void peerPortChanged();
    void bufferedAmountChanged();
    void bufferedAmountLowThresholdChanged();
    void maxBufferedAmountChanged();
    void maxMessageSizeChanged();
    void handshakeTimeoutChanged();
    void closeTimeoutChanged();
    void keepAliveIntervalChanged();
    void keepAliveTimeoutChanged();
    void latencyChanged();
    void queueWhileReconnectingChanged();
    void compressionChanged();
    void negotiatedExtensionsChanged();
    void statusChanged(WebSocket::Status status);
    void errorStringChanged(const QString &errorString);
    void activeChanged(bool isActive);
    void closeCodeChanged();
    void closeReasonChanged();

private:
    void setHandlers(framewire::qt::session &session);
    void open();
    bool makeOptions(framewire::qt::client_options &options, QString &error) const;
    void leave(bool byUs);
    std::unique_ptr<framewire::qt::session> dropSession();
    template <typename Value>
    void change(Value &property, const Value &value, void (WebSocket::*changed)())
    {
        if (property == value)
            return;
        property = value;
        Q_EMIT(this->*changed)();
    }
    qint64 send(framewire::opcode kind, QByteArrayView bytes);
    bool checkAmount(double bytes);
    void messageSent(double before, double most);
    void updateBufferedAmount();
    void updateKeepAlive();
    void setLatency(double milliseconds);
    void textReceived(const QString &text);
    bool forgetLastConnection();
    bool setResponse(const framewire::qt::http_response &response);
    bool setPeer(const QHostAddress &address, quint16 port);
    bool abandon();
    void finishInBackground(std::unique_ptr<framewire::qt::session> left, bool reconnects);
    void connectionClosed(const framewire::qt::close_info &info);
    void showEnd(bool wasOpen, const framewire::qt::close_info &info);
    void tellClosed(const framewire::qt::close_info &info);
    void reconnectAfter(const framewire::qt::close_info &info);
    void stopReconnecting();
    void dropUnwantedMessages();
    bool isReconnecting() const;
    void pongReceived(const QByteArray &payload);
    void setStatus(Status status);
    void setErrorString(const QString &text);
    void fail(const QString &text);
    bool checkOpen();
    bool checkSent(framewire::errc result);
    bool takeBytes(const QJSValue &value, QByteArray &bytes);
    framewire::qt::keep_alive keepAlive() const;
    void releaseToJavaScript();

    std::unique_ptr<framewire::qt::session> m_session;
    // Those that were left while they were open, until their closing handshakes are over.
    std::vector<std::unique_ptr<framewire::qt::session>> m_leaving;
    // Goes up whenever a connection begins or is given up, so that whoever emits a signal sees
    // afterwards whether its handlers have done so.
    unsigned m_generation = 0;
    QUrl m_url;
    QStringList m_requestedSubprotocols;
    QVariantMap m_requestHeaders;
    QString m_origin;
    QVariantMap m_responseHeaders;
    QString m_peerAddress;
    QString m_negotiatedSubprotocol;
    QString m_negotiatedExtensions;
    QString m_errorString;
    QString m_closeReason;
    TlsSettings *const m_ssl = new TlsSettings(this);
    Reconnect *const m_reconnect = new Reconnect(this);
    Pings m_pings;
    Outbox m_outbox;
    QPointer<QJSEngine> m_engine;
    double m_bufferedAmount = 0; // as told last
    double m_bufferedAmountLowThreshold = 0;
    double m_maxBufferedAmount = 16 << 20;
    double m_maxMessageSize = 16 << 20;
    double m_latency = -1;
    int m_handshakeTimeout = 10'000;
    int m_closeTimeout = 5'000;
    int m_keepAliveInterval = 0;
    int m_keepAliveTimeout = 20'000;
    Status m_status = Closed;
    int m_closeCode = 0;
    int m_responseStatus = 0;
    int m_peerPort = 0;
    bool m_isActive = false;
    bool m_compression = false;
    bool m_queueWhileReconnecting = false;
    bool m_componentCompleted = true;
    bool m_hasOpened = false;
    bool m_hasWarned = false;
    bool m_hasTold = false; // of bufferedAmount in this turn, when a message was sent
    bool m_willTell = false; // of it from the event loop
    bool m_willBeLow = false; // messages have made bufferedAmount more than its threshold
    const bool m_isServerSide = false;
};

#endif
