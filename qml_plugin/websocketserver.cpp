// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include "websocketserver.h"

#include <framewire/qt/deflate.hpp>

#include <QPointer>
#include <QQmlEngine>
#include <QtQml/qqml.h>
#include <QtQml/qqmlinfo.h>

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

} // namespace

WebSocketServer::WebSocketServer(QObject *parent)
    : QObject(parent)
{
    m_server.on_session = [this](std::unique_ptr<qt::session> session, const qt::request &request) {
        handOut(std::move(session), request);
    };
    m_server.on_failed_handshake = [this](const qt::close_info &info) { handshakeFailed(info); };
    m_server.on_accept_error = [this](const QString &text) { setErrorString(text); };
    updateOptions();
}

WebSocketServer::~WebSocketServer() = default;

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
    url.setScheme(QStringLiteral("ws"));
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
    else if (!m_server.listen(address, static_cast<quint16>(m_port)))
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
    if (info.error != framewire::errc::origin_not_allowed || m_hasWarned)
        return;
    m_hasWarned = true;
    qmlWarning(this) << "Not in allowedOrigins: " << info.error_text;
}

void WebSocketServer::handOut(std::unique_ptr<qt::session> session, const qt::request &request)
{
    QQmlEngine *const engine = qmlEngine(this);
    auto *const webSocket = new WebSocket(std::move(session), request, engine, this);
    QQmlEngine::setObjectOwnership(webSocket, QQmlEngine::JavaScriptOwnership);
    Q_EMIT clientConnected(webSocket);
}
