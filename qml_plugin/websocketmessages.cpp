// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The part of WebSocket that sends and receives, and watches over what waits to be sent.

#include "conversions.h"
#include "errortext.h"
#include "messagetext.h"
#include "websocket.h"

#include <framewire/qt/detail/utf8_text.hpp>

#include <QJSEngine>
#include <QMetaMethod>
#include <QPointer>
#include <QtQml/qqml.h>
#include <QtQml/qqmlinfo.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace qt = framewire::qt;

qint64 WebSocket::sendTextMessage(const QString &message)
{
    const qt::detail::utf8_text utf8(message);
    return send(framewire::opcode::text, utf8.view());
}

qint64 WebSocket::sendBinaryMessage(const QJSValue &message)
{
    QByteArray bytes;
    return takeBytes(message, bytes) ? send(framewire::opcode::binary, bytes) : 0;
}

qint64 WebSocket::send(framewire::opcode kind, QByteArrayView bytes)
{
    const qint64 size = bytes.size();
    const bool isQueued = m_queueWhileReconnecting && isReconnecting();
    if (!isQueued && !checkOpen())
        return 0;
    const double before = bufferedAmount();
    const double most = before + static_cast<double>(size);
    if (!checkAmount(most))
        return 0;
    const bool isText = kind == framewire::opcode::text;
    if (isQueued)
        m_outbox.add(kind, bytes.toByteArray());
    else if (!checkSent(isText ? m_session->send_text(QUtf8StringView(bytes))
                               : m_session->send_binary(bytes)))
        return 0;
    messageSent(before, most);
    return size;
}

bool WebSocket::send(const framewire::prepared_message &message)
{
    if (!isOpen())
        return false;
    const double before = bufferedAmount();
    const double most = before + static_cast<double>(message.payload().size());
    if (!checkAmount(most) || !checkSent(m_session->send(message)))
        return false;
    messageSent(before, most);
    return true;
}

// The system may have a large message already, of those that would have made bufferedAmount so
// much. Whoever waits for bufferedAmountLow() is told all the same, and from the event loop. Of a
// change of bufferedAmount, the first message tells at once, and those that follow in the same turn
// together.
//
// What nothing waits before is written in this turn, and on_written ends it for us. Otherwise it
// may not be: the peer does not read, or there is no connection.
void WebSocket::messageSent(double before, double most)
{
    const double now = bufferedAmount();
    if (std::max(now, most) > m_bufferedAmountLowThreshold)
        m_willBeLow = true;
    const bool isFirst = !std::exchange(m_hasTold, true);
    const bool isWritten = isFirst && before == 0 && m_outbox.size() == 0;
    if (!isWritten && !m_willTell) {
        m_willTell = true;
        QMetaObject::invokeMethod(
            this,
            [this] {
                m_willTell = false;
                updateBufferedAmount();
            },
            Qt::QueuedConnection);
    }
    if (isFirst)
        change(m_bufferedAmount, now, &WebSocket::bufferedAmountChanged);
}

qint64 WebSocket::sendJson(const QJSValue &value)
{
    QJSEngine *const engine = qjsEngine(this);
    if (!engine)
        return 0;
    const QJSValue json = engine->globalObject().property(QStringLiteral("JSON"));
    const QJSValue text =
        json.property(QStringLiteral("stringify")).callWithInstance(json, { value });
    if (text.isString())
        return sendTextMessage(text.toString());
    engine->throwError(QJSValue::TypeError, QStringLiteral("JSON has no words for this"));
    return 0;
}

// JSON costs nothing unless somebody listens, if only since this text has come.
void WebSocket::textReceived(const QString &text)
{
    static const QMetaMethod signal = QMetaMethod::fromSignal(&WebSocket::jsonReceived);
    const QPointer<WebSocket> self(this);
    Q_EMIT textMessageReceived(text);
    if (!self || !isSignalConnected(signal))
        return;
    QJSEngine *const engine = qjsEngine(this);
    if (!engine)
        return;
    const QJSValue json = engine->globalObject().property(QStringLiteral("JSON"));
    const QJSValue value = json.property(QStringLiteral("parse")).callWithInstance(json, { text });
    if (!value.isError())
        Q_EMIT jsonReceived(value);
}

void WebSocket::ping(const QJSValue &payload)
{
    QByteArray bytes;
    if ((!payload.isUndefined() && !takeBytes(payload, bytes)) || !checkOpen())
        return;
    bytes.truncate(framewire::max_control_payload);
    if (!checkSent(m_session->ping(bytes)))
        return;
    m_pings.sent(bytes);
    updateBufferedAmount();
}

void WebSocket::setHandlers(qt::session &session)
{
    session.on_text = [this](std::string_view utf8) { textReceived(toText(utf8)); };
    session.on_binary = [this](QByteArrayView bytes) {
        Q_EMIT binaryMessageReceived(toMessage(bytes));
    };
    session.on_pong = [this](QByteArrayView payload) { pongReceived(toMessage(payload)); };
    session.on_written = [this] { updateBufferedAmount(); };
    session.on_latency = [this](std::chrono::microseconds time) {
        setLatency(static_cast<double>(time.count()) / 1000);
    };
    session.on_closing = [this] { leave(false); };
    session.on_closed = [this](const qt::close_info &info) { connectionClosed(info); };
}

void WebSocket::pongReceived(const QByteArray &payload)
{
    const std::optional<double> latency = m_pings.answered(payload);
    const QPointer<WebSocket> self(this);
    if (latency)
        setLatency(*latency);
    if (self)
        Q_EMIT pong(static_cast<quint64>(latency.value_or(0)), payload);
}

bool WebSocket::isOpen() const
{
    return m_status == Open && m_session && m_session->state() == qt::session_state::open;
}

bool WebSocket::checkOpen()
{
    if (isOpen())
        return true;
    fail(QStringLiteral("Messages can only be sent when the socket is open."));
    return false;
}

bool WebSocket::checkAmount(double bytes)
{
    if (m_maxBufferedAmount <= 0 || bytes <= m_maxBufferedAmount)
        return true;
    // Whoever counted on QtWebSockets, which keeps everything, has to learn of it, once.
    if (!m_hasWarned && !isSignalConnected(QMetaMethod::fromSignal(&WebSocket::bufferFull))) {
        m_hasWarned = true;
        qmlWarning(this) << "A message was not sent: maxBufferedAmount is "
                         << static_cast<qint64>(m_maxBufferedAmount);
    }
    const QPointer<WebSocket> self(this);
    setErrorString(errorText(framewire::errc::output_full)
                   + QStringLiteral(" (maxBufferedAmount)"));
    if (self)
        Q_EMIT bufferFull();
    return false;
}

// What cannot be sent leaves the connection as it is, so that the status stays Open.
bool WebSocket::checkSent(framewire::errc result)
{
    if (result == framewire::errc::success)
        return true;
    setErrorString(errorText(result));
    return false;
}

double WebSocket::bufferedAmount() const
{
    const qint64 sent = m_session ? m_session->buffered_amount() : 0;
    return static_cast<double>(sent + m_outbox.size());
}

void WebSocket::updateBufferedAmount()
{
    m_hasTold = false;
    const double now = bufferedAmount();
    const QPointer<WebSocket> self(this);
    const unsigned generation = m_generation;
    change(m_bufferedAmount, now, &WebSocket::bufferedAmountChanged);
    if (!self || generation != m_generation || now > m_bufferedAmountLowThreshold)
        return;
    if (std::exchange(m_willBeLow, false))
        Q_EMIT bufferedAmountLow();
}

// Those that wait for a connection that will not be made.
void WebSocket::dropUnwantedMessages()
{
    if (m_outbox.size() == 0 || isReconnecting())
        return;
    m_outbox.clear();
    m_willBeLow = false;
    updateBufferedAmount();
}

void WebSocket::setLatency(double milliseconds)
{
    change(m_latency, milliseconds, &WebSocket::latencyChanged);
}

bool WebSocket::takeBytes(const QJSValue &value, QByteArray &bytes)
{
    if (toBytes(value, bytes))
        return true;
    if (QJSEngine *const engine = qjsEngine(this))
        engine->throwError(QJSValue::TypeError,
                           QStringLiteral("Not a string, ArrayBuffer, typed array or DataView"));
    return false;
}
