// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The QML type WebSocket: properties, signals and conversions around framewire::qt::session.

#ifndef FRAMEWIRE_QML_WEBSOCKET_H
#define FRAMEWIRE_QML_WEBSOCKET_H

#include "tlssettings.h"

#include <framewire/qt/client.hpp>
#include <framewire/qt/session.hpp>

#include <QByteArray>
#include <QElapsedTimer>
#include <QJSEngine>
#include <QJSValue>
#include <QObject>
#include <QPointer>
#include <QQmlParserStatus>
#include <QString>
#include <QStringList>
#include <QUrl>
#include <QtQml/qqmlregistration.h>

#include <deque>
#include <memory>

/// A WebSocket connection: a client, or what a WebSocketServer hands out.
///
/// A client connects while it is active and has a url. When a connection ends by itself, `active`
/// stays true; switch it off and on, or set another url, to connect again.
class WebSocket : public QObject, public QQmlParserStatus
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
    bool compression() const { return m_compression; }
    void setCompression(bool compression);
    QString negotiatedExtensions() const { return m_negotiatedExtensions; }
    TlsSettings *ssl() const { return m_ssl; }
    Status status() const { return m_status; }
    QString errorString() const { return m_errorString; }
    bool isActive() const { return m_isActive; }
    void setActive(bool active);

    /// Sends a text message. Returns its length in bytes of UTF-8, or 0 when the status is not
    /// Open, which makes it Error.
    Q_INVOKABLE qint64 sendTextMessage(const QString &message);
    /// Sends a binary message: an ArrayBuffer, typed array, DataView, array of numbers, or a string
    /// as UTF-8. Returns its length, or 0 when the status is not Open, which makes it Error.
    Q_INVOKABLE qint64 sendBinaryMessage(const QJSValue &message);
    /// Sends a ping with at most 125 bytes of the same kinds; more is cut off. pong() tells of the
    /// answer. When the status is not Open, it becomes Error.
    Q_INVOKABLE void ping(const QJSValue &payload = {});

    void classBegin() override;
    void componentComplete() override;

Q_SIGNALS:
    /// A text message has arrived.
    void textMessageReceived(const QString &message);
    /// A binary message has arrived, an ArrayBuffer in JavaScript.
    void binaryMessageReceived(const QByteArray &message);
    /// A pong has arrived, so many milliseconds after its ping, or 0 when nobody asked for it.
    void pong(quint64 elapsedTime, const QByteArray &payload);
    /// The server's certificate proves nothing, and why not, in words. The connection is refused,
    /// and the status becomes Error, unless `ssl.peerVerification` is off. Not in QtWebSockets.
    void sslErrors(const QStringList &errors);
    void urlChanged();
    void requestedSubprotocolsChanged();
    void negotiatedSubprotocolChanged();
    void compressionChanged();
    void negotiatedExtensionsChanged();
    void statusChanged(WebSocket::Status status);
    void errorStringChanged(const QString &errorString);
    void activeChanged(bool isActive);

private:
    struct SentPing
    {
        QByteArray payload;
        QElapsedTimer sent;
    };

    void setHandlers(framewire::qt::session &session);
    void open();
    bool makeOptions(framewire::qt::client_options &options, QString &error) const;
    void close();
    void leave(bool byUs);
    void dropSession();
    void connectionClosed(const framewire::qt::close_info &info);
    void pongReceived(const QByteArray &payload);
    void setStatus(Status status);
    void setErrorString(const QString &text);
    void fail(const QString &text);
    framewire::qt::session *session() const;
    bool checkOpen();
    bool checkSent(framewire::errc result);
    bool toBytes(const QJSValue &value, QByteArray &bytes);
    void finishServerSide();
    void releaseToJavaScript();

    // At most one of the two is set. The base class has no virtual destructor.
    std::unique_ptr<framewire::qt::client> m_client;
    std::unique_ptr<framewire::qt::session> m_accepted;
    // Goes up whenever a connection begins or is given up, so that whoever emits a signal sees
    // afterwards whether its handlers have done so.
    unsigned m_generation = 0;
    QUrl m_url;
    QStringList m_requestedSubprotocols;
    QString m_negotiatedSubprotocol;
    QString m_negotiatedExtensions;
    QString m_errorString;
    TlsSettings *const m_ssl = new TlsSettings(this);
    std::deque<SentPing> m_pings;
    QPointer<QJSEngine> m_engine;
    Status m_status = Closed;
    bool m_isActive = false;
    bool m_compression = false;
    bool m_componentCompleted = true;
    bool m_hasOpened = false;
    const bool m_isServerSide = false;
};

#endif
