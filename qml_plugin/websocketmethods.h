// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The methods of WebSocket that QML calls, in a class of their own: at each call QML compares the
// name of the method with those of all that stand in front of it in its class, signals first.

#ifndef FRAMEWIRE_QML_WEBSOCKETMETHODS_H
#define FRAMEWIRE_QML_WEBSOCKETMETHODS_H

#include <QJSValue>
#include <QObject>
#include <QString>
#include <QtQml/qqmlregistration.h>

class WebSocketMethods : public QObject
{
    Q_OBJECT
    QML_ANONYMOUS

public:
    using QObject::QObject;

    /// Sends a text message. Returns its length in bytes of UTF-8, or 0 when the status is not
    /// Open, which makes it Error, and when bufferedAmount would become more than
    /// maxBufferedAmount.
    Q_INVOKABLE virtual qint64 sendTextMessage(const QString &message) = 0;
    /// Sends a binary message: an ArrayBuffer, typed array, DataView, array of numbers, or a string
    /// as UTF-8. Returns its length, or 0 as sendTextMessage() does.
    Q_INVOKABLE virtual qint64 sendBinaryMessage(const QJSValue &message) = 0;
    /// Sends a value as JSON, in a text message. Returns what sendTextMessage() does. A TypeError
    /// is thrown for what JSON has no words for. Not in QtWebSockets.
    Q_INVOKABLE virtual qint64 sendJson(const QJSValue &value) = 0;
    /// Sends a ping with at most 125 bytes of the same kinds; more is cut off. pong() tells of the
    /// answer. When the status is not Open, it becomes Error.
    Q_INVOKABLE virtual void ping(const QJSValue &payload = {}) = 0;
    /// Closes the connection behind what was sent before, with a code of RFC 6455 (1000 to 1003,
    /// 1007 to 1014, 3000 to 4999) and at most 123 bytes of UTF-8; a RangeError is thrown for
    /// others, and nothing is closed. A connection that is being made is given up. `active` becomes
    /// false, and a connection that was open is Closing until the peer has answered. Not in
    /// QtWebSockets.
    Q_INVOKABLE virtual void close(int code = 1000, const QString &reason = {}) = 0;
};

#endif
