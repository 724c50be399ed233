// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include "websocket.h"

#include "errortext.h"
#include "headerfields.h"

#include <framewire/qt/deflate.hpp>
#include <framewire/rfc6455.hpp>

#include <QMetaMethod>
#include <QtQml/qqml.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

namespace qt = framewire::qt;

WebSocket::WebSocket(QObject *parent)
    : WebSocketMethods(parent)
{
    m_reconnect->onDue(this, &WebSocket::open);
    connect(m_reconnect, &Reconnect::enabledChanged, this, &WebSocket::dropUnwantedMessages);
}

WebSocket::WebSocket(std::unique_ptr<qt::session> accepted, const qt::request &request,
                     QJSEngine *engine, QObject *parent)
    : WebSocketMethods(parent)
    , m_session(std::move(accepted))
    , m_url(request.url())
    , m_requestedSubprotocols(request.subprotocols)
    , m_requestHeaders(toObject(request.headers))
    , m_origin(QString::fromUtf8(request.origin))
    , m_peerAddress(request.peer_address.toString())
    , m_negotiatedSubprotocol(QString::fromUtf8(m_session->subprotocol()))
    , m_negotiatedExtensions(QString::fromLatin1(m_session->extensions()))
    , m_engine(engine)
    , m_status(Open)
    , m_peerPort(request.peer_port)
    , m_isActive(true)
    , m_hasOpened(true)
    , m_isServerSide(true)
{
    setHandlers(*m_session);
}

WebSocket::~WebSocket()
{
    if (!m_hasOpened)
        return;
    QT_TRY
    {
        m_session->close(framewire::close_code::going_away, "Connection closed");
    }
    QT_CATCH(...)
    {
        // Without memory for that, the session's own destructor says less, or nothing.
    }
}

void WebSocket::classBegin()
{
    m_componentCompleted = false;
    m_errorString = QStringLiteral("QQmlWebSocket is not ready.");
}

void WebSocket::componentComplete()
{
    m_componentCompleted = true;
    open();
}

void WebSocket::setUrl(const QUrl &url)
{
    if (m_url == url)
        return;
    const QPointer<WebSocket> self(this);
    stopReconnecting();
    if (self && m_hasOpened)
        leave(true);
    if (!self)
        return;
    m_url = url;
    Q_EMIT urlChanged();
    if (self)
        open();
}

void WebSocket::setRequestedSubprotocols(const QStringList &subprotocols)
{
    change(m_requestedSubprotocols, subprotocols, &WebSocket::requestedSubprotocolsChanged);
}

void WebSocket::setRequestHeaders(const QVariantMap &headers)
{
    change(m_requestHeaders, headers, &WebSocket::requestHeadersChanged);
}

void WebSocket::setOrigin(const QString &origin)
{
    change(m_origin, origin, &WebSocket::originChanged);
}

void WebSocket::setCompression(bool compression)
{
    change(m_compression, compression, &WebSocket::compressionChanged);
}

void WebSocket::setQueueWhileReconnecting(bool on)
{
    change(m_queueWhileReconnecting, on, &WebSocket::queueWhileReconnectingChanged);
}

void WebSocket::setBufferedAmountLowThreshold(double bytes)
{
    change(m_bufferedAmountLowThreshold, bytes, &WebSocket::bufferedAmountLowThresholdChanged);
}

void WebSocket::setMaxBufferedAmount(double bytes)
{
    change(m_maxBufferedAmount, bytes, &WebSocket::maxBufferedAmountChanged);
}

void WebSocket::setMaxMessageSize(double bytes)
{
    change(m_maxMessageSize, bytes, &WebSocket::maxMessageSizeChanged);
}

void WebSocket::setHandshakeTimeout(int milliseconds)
{
    change(m_handshakeTimeout, milliseconds, &WebSocket::handshakeTimeoutChanged);
}

void WebSocket::setCloseTimeout(int milliseconds)
{
    change(m_closeTimeout, milliseconds, &WebSocket::closeTimeoutChanged);
}

void WebSocket::setKeepAliveInterval(int milliseconds)
{
    if (m_keepAliveInterval == milliseconds)
        return;
    m_keepAliveInterval = milliseconds;
    updateKeepAlive();
    Q_EMIT keepAliveIntervalChanged();
}

void WebSocket::setKeepAliveTimeout(int milliseconds)
{
    if (m_keepAliveTimeout == milliseconds)
        return;
    m_keepAliveTimeout = milliseconds;
    updateKeepAlive();
    Q_EMIT keepAliveTimeoutChanged();
}

void WebSocket::setActive(bool active)
{
    if (m_isActive == active)
        return;
    if (active && m_isServerSide) {
        fail(QStringLiteral("A socket of a server does not connect to its client."));
        return;
    }
    const QPointer<WebSocket> self(this);
    m_isActive = active;
    stopReconnecting();
    if (self)
        Q_EMIT activeChanged(m_isActive);
    if (!self || !m_componentCompleted)
        return;
    if (m_isActive)
        open();
    else if (m_session)
        leave(true);
}

void WebSocket::close(int code, const QString &reason)
{
    const auto closeCode = static_cast<framewire::close_code>(code);
    framewire::errc wrong = framewire::errc::success;
    if (code < 0 || code > 0xffff || !framewire::is_wire_close_code(closeCode))
        wrong = framewire::errc::close_code_not_sendable;
    else if (reason.toUtf8().size() > static_cast<qsizetype>(framewire::max_close_reason))
        wrong = framewire::errc::close_reason_too_long;
    if (wrong != framewire::errc::success) {
        QJSEngine *const engine = qjsEngine(this);
        setErrorString(errorText(wrong));
        if (engine)
            engine->throwError(QJSValue::RangeError, errorText(wrong));
        return;
    }
    if (!m_hasOpened) {
        setActive(false);
        return;
    }
    m_session->close(closeCode, reason);
    const QPointer<WebSocket> self(this);
    const unsigned generation = m_generation;
    stopReconnecting();
    if (self && std::exchange(m_isActive, false))
        Q_EMIT activeChanged(false);
    if (self && generation == m_generation)
        setStatus(Closing);
}

void WebSocket::abort()
{
    if (m_session)
        m_session->abort();
}

void WebSocket::open()
{
    if (!m_componentCompleted || !m_isActive || m_isServerSide)
        return;
    const bool wasConnecting = m_session != nullptr;
    if (wasConnecting && !abandon())
        return;
    ++m_generation;
    if (!m_url.isValid()) {
        if (wasConnecting)
            setStatus(Closed);
        return;
    }
    const QString scheme = m_url.scheme();
    if (scheme != QLatin1String("ws") && scheme != QLatin1String("wss")) {
        fail(QStringLiteral("Unsupported WebSocket scheme: ") + scheme);
        return;
    }
    const QPointer<WebSocket> self(this);
    const unsigned generation = m_generation;
    qt::client_options options;
    QString error;
    if (!makeOptions(options, error)) {
        fail(error);
        if (self && generation == m_generation)
            stopReconnecting();
        return;
    }

    auto made = std::make_unique<qt::client>();
    qt::client &client = *made;
    m_session = std::move(made);
    setHandlers(client);
    client.on_opened = [this, &client] {
        m_hasOpened = true;
        m_reconnect->opened();
        m_outbox.sendBy(client);
        const auto *const socket = client.socket();
        if (setResponse(client.response())
            && (!socket || setPeer(socket->peerAddress(), socket->peerPort())))
            setStatus(Open);
    };
    client.on_closed = [this, &client](const qt::close_info &info) {
        if (m_hasOpened || setResponse(client.response()))
            connectionClosed(info);
    };
    client.on_tls_errors = [this](const QList<QSslError> &errors) {
        QStringList texts;
        for (const QSslError &one : errors)
            texts += one.errorString();
        Q_EMIT sslErrors(texts);
    };
    if (!forgetLastConnection())
        return;
    setStatus(Connecting);
    if (!self || generation != m_generation)
        return;
    // What this returns, on_closed tells too.
    static_cast<void>(client.open(m_url, options));
}

// What to ask for. False when that cannot be said or done: then nothing connects.
bool WebSocket::makeOptions(qt::client_options &options, QString &error) const
{
    error = toFields(m_requestHeaders, options.headers);
    if (error.isEmpty())
        error = originError(m_origin);
    if (!error.isEmpty())
        return false;
    options.origin = m_origin.toUtf8();
    options.timeouts.open = std::chrono::milliseconds(m_handshakeTimeout);
    options.timeouts.close = std::chrono::milliseconds(m_closeTimeout);
    options.keep_alive = keepAlive();
    // maxBufferedAmount is looked at before anything gets there, and can change.
    options.limits.max_output = std::numeric_limits<std::uint64_t>::max();
    options.limits.max_message_size = m_maxMessageSize > 0
        ? static_cast<std::uint64_t>(std::min(m_maxMessageSize, 0x1p53))
        : std::numeric_limits<std::uint64_t>::max();
    options.subprotocols = m_requestedSubprotocols;
    if (m_compression)
        options.extension = qt::deflate();
    if (m_url.scheme() == QLatin1String("wss")) {
        const std::optional<QSslConfiguration> tls = m_ssl->forClient(error);
        if (!tls)
            return false;
        options.tls = *tls;
        options.ignore_tls_errors_insecurely = !m_ssl->peerVerification();
    }
    return true;
}

// The next three are false when a handler has begun something else.
bool WebSocket::forgetLastConnection()
{
    const QPointer<WebSocket> self(this);
    const unsigned generation = m_generation;
    setLatency(-1);
    return self && generation == m_generation && setResponse({}) && setPeer({}, 0);
}

bool WebSocket::setResponse(const qt::http_response &response)
{
    const QPointer<WebSocket> self(this);
    const unsigned generation = m_generation;
    const QVariantMap headers = toObject(response.headers);
    const bool hasNewStatus = std::exchange(m_responseStatus, response.status) != response.status;
    const bool hasNewHeaders = std::exchange(m_responseHeaders, headers) != headers;
    if (hasNewStatus)
        Q_EMIT responseStatusChanged();
    if (self && hasNewHeaders)
        Q_EMIT responseHeadersChanged();
    return self && generation == m_generation;
}

bool WebSocket::setPeer(const QHostAddress &address, quint16 port)
{
    const QPointer<WebSocket> self(this);
    const unsigned generation = m_generation;
    const QString text = address.toString();
    const bool hasNewAddress = std::exchange(m_peerAddress, text) != text;
    const bool hasNewPort = std::exchange(m_peerPort, port) != port;
    if (hasNewAddress)
        Q_EMIT peerAddressChanged();
    if (self && hasNewPort)
        Q_EMIT peerPortChanged();
    return self && generation == m_generation;
}

// Closing and Closed follow each other at once, as in Qt, whoever begins: what is left of the
// closing handshake happens in the background.
void WebSocket::leave(bool byUs)
{
    const bool wasOpen = m_hasOpened;
    if (wasOpen && byUs)
        m_session->close();
    std::unique_ptr<qt::session> left = dropSession();
    const QPointer<WebSocket> self(this);
    const unsigned generation = m_generation;
    const auto isOver = [&] { return !self || generation != m_generation; };
    if (wasOpen)
        finishInBackground(std::move(left), !byUs);
    if (wasOpen)
        setStatus(Closing);
    if (!isOver())
        setStatus(Closed);
    if (self && !wasOpen)
        tellClosed({});
}

// The current session is no longer that, and its handlers are not called any more.
std::unique_ptr<qt::session> WebSocket::dropSession()
{
    ++m_generation;
    m_hasOpened = false;
    m_willBeLow = m_outbox.size() > 0;
    m_pings.clear();
    return std::move(m_session);
}

// Makes room for a new connection. False when a handler has done something else meanwhile.
bool WebSocket::abandon()
{
    const bool wasOpen = m_hasOpened;
    std::unique_ptr<qt::session> left = dropSession();
    if (wasOpen) {
        finishInBackground(std::move(left), false);
        return true;
    }
    const QPointer<WebSocket> self(this);
    const unsigned generation = m_generation;
    left.reset();
    tellClosed({});
    return self && generation == m_generation;
}

// Until the peer has answered.
void WebSocket::finishInBackground(std::unique_ptr<qt::session> left, bool reconnects)
{
    qt::session *const session = left.get();
    const unsigned generation = m_generation;
    session->on_text = nullptr;
    session->on_binary = nullptr;
    session->on_pong = nullptr;
    session->on_written = nullptr;
    session->on_latency = nullptr;
    session->on_closing = nullptr;
    session->on_closed = [=, this](const qt::close_info &info) {
        std::erase_if(m_leaving, [session](const auto &one) { return one.get() == session; });
        const QPointer<WebSocket> self(this);
        if (info.error && m_status == Closed)
            setErrorString(errorText(info));
        if (self)
            tellClosed(info);
        if (self && reconnects && generation == m_generation)
            reconnectAfter(info);
    };
    m_leaving.push_back(std::move(left));
}

void WebSocket::connectionClosed(const qt::close_info &info)
{
    const bool wasOpen = m_hasOpened;
    dropSession();
    const QPointer<WebSocket> self(this);
    const unsigned generation = m_generation;
    showEnd(wasOpen, info);
    if (self)
        tellClosed(info);
    if (self && generation == m_generation)
        reconnectAfter(info);
}

// The connection is over, and nothing has begun since.
void WebSocket::reconnectAfter(const qt::close_info &info)
{
    if (!m_isActive || m_isServerSide)
        return;
    // Where the next attempt would end as this one has.
    const bool isHopeless = info.code == framewire::close_code::policy_violation
        || info.error == framewire::condition::misuse
        || (info.error == framewire::errc::upgrade_refused
            && (m_responseStatus == 401 || m_responseStatus == 403));
    if (isHopeless) {
        stopReconnecting();
        return;
    }
    const QPointer<WebSocket> self(this);
    const int delay = m_reconnect->lost();
    if (!self)
        return;
    if (!m_reconnect->isAtWork())
        dropUnwantedMessages();
    else if (delay >= 0)
        Q_EMIT reconnecting(m_reconnect->attempt(), delay);
}

void WebSocket::stopReconnecting()
{
    const QPointer<WebSocket> self(this);
    m_reconnect->stop();
    if (self)
        dropUnwantedMessages();
}

bool WebSocket::isReconnecting() const
{
    return m_isActive && !m_hasOpened && m_reconnect->isAtWork();
}

void WebSocket::showEnd(bool wasOpen, const qt::close_info &info)
{
    const std::error_code error = info.error;
    // A server that answered wrongly leaves Error, as it does in Qt; a connection that broke goes
    // on to Closed. One that never was is Closed before it is an Error.
    const bool unreachable = !wasOpen && isUnreachable(error);
    const bool rejected = !wasOpen && !unreachable && error.category() != qt::transport_category()
        && error != framewire::errc::connection_lost;

    const QPointer<WebSocket> self(this);
    const unsigned generation = m_generation;
    const auto isOver = [&] { return !self || generation != m_generation; };
    if (unreachable)
        setStatus(Closed);
    if (isOver())
        return;
    // One that close() has begun to close stays Closing.
    if (error && m_status == Closing)
        setErrorString(errorText(info));
    else if (error)
        fail(errorText(info));
    if (isOver() || unreachable || rejected)
        return;
    if (wasOpen)
        setStatus(Closing);
    if (!isOver())
        setStatus(Closed);
}

void WebSocket::tellClosed(const qt::close_info &info)
{
    const int code = static_cast<int>(info.code);
    const bool hasNewCode = std::exchange(m_closeCode, code) != code;
    const bool hasNewReason = std::exchange(m_closeReason, info.reason) != info.reason;
    const QString reason = info.reason;
    const bool clean = info.clean;
    const QPointer<WebSocket> self(this);
    if (hasNewCode)
        Q_EMIT closeCodeChanged();
    if (self && hasNewReason)
        Q_EMIT closeReasonChanged();
    if (self)
        Q_EMIT closed(code, reason, clean);
    // Queued, so that the handlers are called before.
    if (self && m_isServerSide)
        QMetaObject::invokeMethod(this, &WebSocket::releaseToJavaScript, Qt::QueuedConnection);
}

void WebSocket::updateKeepAlive()
{
    if (m_session)
        m_session->set_keep_alive(keepAlive());
}

qt::keep_alive WebSocket::keepAlive() const
{
    return { std::chrono::milliseconds(m_keepAliveInterval),
             std::chrono::milliseconds(m_keepAliveTimeout) };
}

void WebSocket::setStatus(Status status)
{
    if (m_status == status)
        return;
    m_status = status;
    const QPointer<WebSocket> self(this);
    if (status == Connecting || status == Open)
        setErrorString({});
    if (!self)
        return;
    Q_EMIT statusChanged(status);
    if (!self)
        return;
    // Later than the status, as in Qt.
    QString subprotocol;
    QString extensions;
    if (m_status == Open && m_session) {
        subprotocol = QString::fromUtf8(m_session->subprotocol());
        extensions = QString::fromLatin1(m_session->extensions());
    }
    const bool hasNewExtensions = m_negotiatedExtensions != extensions;
    m_negotiatedExtensions = extensions;
    if (m_negotiatedSubprotocol != subprotocol) {
        m_negotiatedSubprotocol = subprotocol;
        Q_EMIT negotiatedSubprotocolChanged();
    }
    if (self && hasNewExtensions)
        Q_EMIT negotiatedExtensionsChanged();
    if (self)
        updateBufferedAmount();
}

void WebSocket::setErrorString(const QString &text)
{
    if (m_errorString == text)
        return;
    m_errorString = text;
    Q_EMIT errorStringChanged(m_errorString);
}

void WebSocket::fail(const QString &text)
{
    const QPointer<WebSocket> self(this);
    setErrorString(text);
    if (self)
        setStatus(Error);
}

// A connection that has ended belongs to JavaScript: it stays as long as somebody refers to it. The
// functions connected to its signals refer to it as a rule, so they have to go first.
void WebSocket::releaseToJavaScript()
{
    for (int i = staticMetaObject.methodOffset(); i < staticMetaObject.methodCount(); ++i) {
        const QMetaMethod method = staticMetaObject.method(i);
        if (method.methodType() == QMetaMethod::Signal)
            QObject::disconnect(this, method, nullptr, QMetaMethod());
    }
    setParent(nullptr);
    if (m_engine)
        m_engine->newQObject(this);
    else
        deleteLater();
}
