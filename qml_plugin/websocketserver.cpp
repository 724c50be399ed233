// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include "websocketserver.h"

#include "conversions.h"

#include <framewire/prepared_message.hpp>
#include <framewire/qt/deflate.hpp>

#include <QByteArray>
#include <QList>
#include <QMetaMethod>
#include <QPointer>
#include <QQmlEngine>
#include <QtQml/qqml.h>
#include <QtQml/qqmlinfo.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace qt = framewire::qt;

namespace {

bool isLocalhost(const QString &host)
{
    return host.compare(QLatin1String("localhost"), Qt::CaseInsensitive) == 0;
}

// Null for other names: to listen on all addresses instead, as Qt does, would open the server to
// the network unasked.
QHostAddress toAddress(const QString &host)
{
    return isLocalhost(host) ? QHostAddress(QHostAddress::LocalHost) : QHostAddress(host);
}

// The adapter says first where it could not listen, which QML code knows. The rest reads as in Qt.
QString systemText(const QString &text)
{
    return text.section(QLatin1String(": "), -1);
}

std::chrono::milliseconds duration(int milliseconds)
{
    return std::chrono::milliseconds(std::max(milliseconds, 0));
}

} // namespace

WebSocketServer::WebSocketServer(QObject *parent)
    : QObject(parent)
{
    m_server.on_session = [this](std::unique_ptr<qt::session> session, const qt::request &request) {
        handOut(std::move(session), request);
    };
    m_server.on_request = [this](const qt::request &request) { return decide(request); };
    m_server.on_failed_handshake = [this](const qt::close_info &info) { handshakeFailed(info); };
    m_server.on_accept_error = [this](const QString &text) { setErrorString(text); };
    updateOptions();
}

// Views let go of the sockets before these go themselves.
WebSocketServer::~WebSocketServer()
{
    m_clients->clear();
}

void WebSocketServer::classBegin()
{
    m_componentCompleted = false;
}

void WebSocketServer::componentComplete()
{
    m_componentCompleted = true;
    updateListening();
}

QUrl WebSocketServer::url() const
{
    QUrl url;
    url.setScheme(m_secure ? QStringLiteral("wss") : QStringLiteral("ws"));
    url.setHost(m_host);
    url.setPort(m_port);
    return url;
}

QString WebSocketServer::errorString() const
{
    return m_componentCompleted ? m_errorString
                                : QStringLiteral("QQmlWebSocketServer is not ready.");
}

void WebSocketServer::setHost(const QString &host)
{
    if (m_host == host)
        return;
    const QPointer<WebSocketServer> self(this);
    m_host = host;
    Q_EMIT hostChanged(m_host);
    if (self)
        Q_EMIT urlChanged(url());
    if (self)
        updateListening();
}

void WebSocketServer::setPort(int port)
{
    if (m_port == port)
        return;
    if (port < 0 || port > 65535) {
        qmlWarning(this) << "port " << port << " is not in the range from 0 to 65535";
        return;
    }
    const QPointer<WebSocketServer> self(this);
    m_port = port;
    Q_EMIT portChanged(m_port);
    if (self)
        Q_EMIT urlChanged(url());
    if (self)
        updateListening();
}

void WebSocketServer::setName(const QString &name)
{
    if (m_name == name)
        return;
    m_name = name;
    updateOptions();
    Q_EMIT nameChanged(m_name);
}

void WebSocketServer::setSupportedSubprotocols(const QStringList &subprotocols)
{
    if (m_supportedSubprotocols == subprotocols)
        return;
    m_supportedSubprotocols = subprotocols;
    updateOptions();
    Q_EMIT supportedSubprotocolsChanged(m_supportedSubprotocols);
}

void WebSocketServer::setCompression(bool compression)
{
    if (m_compression == compression)
        return;
    m_compression = compression;
    updateOptions();
    Q_EMIT compressionChanged();
}

void WebSocketServer::setAllowedOrigins(const QStringList &origins)
{
    if (m_allowedOrigins == origins)
        return;
    m_allowedOrigins = origins;
    updateOptions();
    Q_EMIT allowedOriginsChanged();
}

void WebSocketServer::setSecure(bool secure)
{
    if (m_secure == secure)
        return;
    const QPointer<WebSocketServer> self(this);
    m_secure = secure;
    Q_EMIT secureChanged();
    if (self)
        Q_EMIT urlChanged(url());
    if (self)
        updateListening();
}

// What the next clients find.
template <typename Value>
void WebSocketServer::change(Value &property, const Value &value,
                             void (WebSocketServer::*changed)())
{
    if (property == value)
        return;
    property = value;
    updateOptions();
    Q_EMIT(this->*changed)();
}

void WebSocketServer::setMaxConnections(int count)
{
    m_hasWarnedOfCount = m_hasWarnedOfCount && count == m_maxConnections;
    change(m_maxConnections, count, &WebSocketServer::maxConnectionsChanged);
}

void WebSocketServer::setHandshakeTimeout(int milliseconds)
{
    change(m_handshakeTimeout, milliseconds, &WebSocketServer::handshakeTimeoutChanged);
}

void WebSocketServer::setCloseTimeout(int milliseconds)
{
    change(m_closeTimeout, milliseconds, &WebSocketServer::closeTimeoutChanged);
}

void WebSocketServer::setKeepAliveInterval(int milliseconds)
{
    change(m_keepAliveInterval, milliseconds, &WebSocketServer::keepAliveIntervalChanged);
}

void WebSocketServer::setKeepAliveTimeout(int milliseconds)
{
    change(m_keepAliveTimeout, milliseconds, &WebSocketServer::keepAliveTimeoutChanged);
}

void WebSocketServer::setMaxMessageSize(double bytes)
{
    change(m_maxMessageSize, bytes, &WebSocketServer::maxMessageSizeChanged);
}

void WebSocketServer::setMaxBufferedAmount(double bytes)
{
    change(m_maxBufferedAmount, bytes, &WebSocketServer::maxBufferedAmountChanged);
}

void WebSocketServer::setSlowReaderPolicy(SlowReaderPolicy policy)
{
    if (m_slowReaderPolicy == policy)
        return;
    m_slowReaderPolicy = policy;
    for (WebSocket *const socket : m_clients->sockets())
        applySlowReaderPolicy(socket);
    Q_EMIT slowReaderPolicyChanged();
}

void WebSocketServer::setListen(bool listen)
{
    if (m_isListening == listen)
        return;
    const QPointer<WebSocketServer> self(this);
    m_isListening = listen;
    Q_EMIT listenChanged(m_isListening);
    if (self)
        updateListening();
}

void WebSocketServer::setAccept(bool accept)
{
    if (m_isAccepting == accept)
        return;
    m_isAccepting = accept;
    if (m_isAccepting)
        m_server.resume_accepting();
    else
        m_server.pause_accepting();
    Q_EMIT acceptChanged(m_isAccepting);
}

// Brings the server to where the properties want it: listening at that host and port, or not.
void WebSocketServer::updateListening()
{
    if (!m_componentCompleted)
        return;
    m_server.close();
    if (!m_isListening)
        return;

    QString error;
    const QHostAddress address = toAddress(m_host);
    if (address.isNull())
        error = QStringLiteral("Not an address to listen on: ") + m_host;
    else if (updateTls(error) && !m_server.listen(address, static_cast<quint16>(m_port)))
        error = systemText(m_server.error_text());
    const QPointer<WebSocketServer> self(this);
    setErrorString(error);
    if (!self)
        return;
    if (!error.isEmpty()) {
        if (m_isListening && !m_server.is_listening()) {
            m_isListening = false;
            Q_EMIT listenChanged(false);
        }
        return;
    }
    if (m_server.is_listening() && m_port != m_server.port()) {
        m_port = m_server.port();
        Q_EMIT portChanged(m_port);
        if (self)
            Q_EMIT urlChanged(url());
    }
    if (!self || !m_server.is_listening() || isLocalhost(m_host))
        return;
    const QString listensAt = m_server.address().toString();
    if (m_host != listensAt) {
        m_host = listensAt;
        Q_EMIT hostChanged(m_host);
        if (self)
            Q_EMIT urlChanged(url());
    }
}

// False when there has to be TLS and cannot be.
bool WebSocketServer::updateTls(QString &error)
{
    std::optional<QSslConfiguration> tls;
    if (m_secure)
        tls = m_ssl->forServer(error);
    const bool isUsable = !m_secure || tls.has_value();
    qt::server_options options = m_server.options();
    options.tls = std::move(tls);
    m_server.set_options(std::move(options));
    return isUsable;
}

void WebSocketServer::updateOptions()
{
    qt::server_options options = m_server.options();
    options.server_name = m_name.toUtf8();
    options.subprotocols = m_supportedSubprotocols;
    options.extension = m_compression ? qt::deflate() : nullptr;
    options.allow_any_origin = m_allowedOrigins.contains(QLatin1String("*"));
    options.allowed_origins.clear();
    for (const QString &origin : m_allowedOrigins)
        options.allowed_origins.append(origin.toUtf8());
    options.open_timeout = duration(m_handshakeTimeout);
    options.close_timeout = duration(m_closeTimeout);
    options.limits.max_message_size = m_maxMessageSize > 0
        ? static_cast<std::uint64_t>(std::min(m_maxMessageSize, 0x1p53))
        : std::numeric_limits<std::uint64_t>::max();
    // maxBufferedAmount is looked at before anything gets there, and can change.
    options.limits.max_output = std::numeric_limits<std::uint64_t>::max();
    m_server.set_options(std::move(options));
}

void WebSocketServer::setErrorString(const QString &text)
{
    if (m_errorString == text)
        return;
    m_errorString = text;
    Q_EMIT errorStringChanged(m_errorString);
}

// Whoever moves a server of web pages over from QtWebSockets has to learn of it, once.
void WebSocketServer::handshakeFailed(const qt::close_info &info)
{
    if (info.error != framewire::errc::origin_not_allowed || m_hasWarnedOfOrigin)
        return;
    m_hasWarnedOfOrigin = true;
    qmlWarning(this) << "Not in allowedOrigins: " << info.error_text;
}

qt::answer WebSocketServer::decide(const qt::request &from)
{
    if (m_maxConnections <= 0 || m_connections.size() < m_maxConnections)
        return ask(from);
    if (!std::exchange(m_hasWarnedOfCount, true))
        qmlWarning(this) << "Refused " << from.peer_address.toString() << ": maxConnections is "
                         << m_maxConnections;
    return qt::answer::refuse(503);
}

qt::answer WebSocketServer::ask(const qt::request &from)
{
    if (!isSignalConnected(QMetaMethod::fromSignal(&WebSocketServer::upgradeRequested)))
        return qt::answer::accept();
    QQmlEngine *const engine = qmlEngine(this);
    const QPointer<UpgradeRequest> request(new UpgradeRequest(from));
    // From here on JavaScript's: who keeps it may look at it as long as they like.
    const QJSValue held = engine ? engine->newQObject(request) : QJSValue();
    bool hasThrown = false;
    // JavaScript's errors end up there. Who could not decide has not let the client in.
    const QMetaObject::Connection watch = engine
        ? connect(engine, &QQmlEngine::warnings, request, [&hasThrown] { hasThrown = true; })
        : QMetaObject::Connection();
    Q_EMIT upgradeRequested(request);
    disconnect(watch);
    qt::answer answer = request ? request->takeAnswer() : qt::answer::refuse(500);
    if (!engine)
        delete request;
    if (hasThrown && answer.status == qt::answer::accept().status)
        return qt::answer::refuse(500);
    return answer;
}

void WebSocketServer::handOut(std::unique_ptr<qt::session> session, const qt::request &request)
{
    QQmlEngine *const engine = qmlEngine(this);
    auto *const webSocket = new WebSocket(std::move(session), request, engine, this);
    QQmlEngine::setObjectOwnership(webSocket, QQmlEngine::JavaScriptOwnership);
    webSocket->setMaxBufferedAmount(m_maxBufferedAmount);
    webSocket->setKeepAliveTimeout(m_keepAliveTimeout);
    webSocket->setKeepAliveInterval(m_keepAliveInterval);
    const QPointer<WebSocketServer> self(this);
    const QPointer<WebSocket> stays(webSocket);
    addClient(webSocket);
    if (self && stays)
        Q_EMIT clientConnected(webSocket);
}

void WebSocketServer::addClient(WebSocket *webSocket)
{
    connect(webSocket, &WebSocket::statusChanged, this,
            [this, webSocket](WebSocket::Status status) {
                if (status != WebSocket::Open)
                    removeClient(webSocket);
            });
    connect(webSocket, &WebSocket::closed, this,
            [this, webSocket] { m_connections.remove(webSocket); });
    connect(webSocket, &QObject::destroyed, this, [this](const QObject *object) {
        m_connections.remove(object);
        removeClient(object);
    });
    applySlowReaderPolicy(webSocket);
    m_connections.insert(webSocket);
    const QPointer<WebSocketServer> self(this);
    m_clients->append(webSocket);
    if (self)
        Q_EMIT clientCountChanged();
}

void WebSocketServer::removeClient(const QObject *webSocket)
{
    const int before = clientCount();
    const QPointer<WebSocketServer> self(this);
    m_clients->remove(webSocket);
    if (self && clientCount() != before)
        Q_EMIT clientCountChanged();
}

// Without a need nothing is connected: a socket warns when nobody is told that it is full.
void WebSocketServer::applySlowReaderPolicy(WebSocket *webSocket)
{
    if (m_slowReaderPolicy == DropMessages)
        disconnect(webSocket, &WebSocket::bufferFull, this, &WebSocketServer::bufferIsFull);
    else
        connect(webSocket, &WebSocket::bufferFull, this, &WebSocketServer::bufferIsFull,
                Qt::UniqueConnection);
}

void WebSocketServer::bufferIsFull()
{
    auto *const webSocket = qobject_cast<WebSocket *>(sender());
    if (!webSocket)
        return;
    if (!std::exchange(m_hasWarnedOfReader, true))
        qmlWarning(this) << webSocket->peerAddress()
                         << " reads too slowly and goes (slowReaderPolicy): maxBufferedAmount is "
                         << static_cast<qint64>(webSocket->maxBufferedAmount());
    if (m_slowReaderPolicy == CloseConnection)
        webSocket->close(static_cast<int>(framewire::close_code::try_again_later),
                         QStringLiteral("reads too slowly"));
    else if (m_slowReaderPolicy == DropConnection)
        webSocket->abort();
}

int WebSocketServer::broadcastTextMessage(const QString &message, WebSocket *except)
{
    const QByteArray text = message.toUtf8();
    framewire::prepared_message prepared;
    const std::string_view utf8(text.constData(), static_cast<std::size_t>(text.size()));
    return prepared.assign_text(utf8) == framewire::errc::success ? broadcast(prepared, except) : 0;
}

int WebSocketServer::broadcastBinaryMessage(const QJSValue &message, WebSocket *except)
{
    QByteArray bytes;
    if (!toBytes(message, bytes)) {
        if (QJSEngine *const engine = qjsEngine(this))
            engine->throwError(QJSValue::TypeError, QStringLiteral("Not the bytes of a message"));
        return 0;
    }
    framewire::prepared_message prepared;
    const auto payload =
        std::as_bytes(std::span(bytes.constData(), static_cast<std::size_t>(bytes.size())));
    return prepared.assign_binary(payload) == framewire::errc::success ? broadcast(prepared, except)
                                                                       : 0;
}

// Handlers of the sockets' signals may do anything to the sockets and the server.
int WebSocketServer::broadcast(const framewire::prepared_message &message, const WebSocket *except)
{
    QList<QPointer<WebSocket>> sockets;
    sockets.reserve(m_clients->sockets().size());
    for (WebSocket *const socket : m_clients->sockets()) {
        if (socket != except)
            sockets.append(socket);
    }
    int count = 0;
    for (const QPointer<WebSocket> &socket : std::as_const(sockets)) {
        if (socket && socket->send(message))
            ++count;
    }
    return count;
}
