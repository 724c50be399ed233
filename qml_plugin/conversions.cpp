// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include "conversions.h"

#include <QMetaType>
#include <QVariant>

#include <algorithm>

// An ArrayBuffer without storage throws when JavaScript looks at it.
QByteArray toMessage(QByteArrayView bytes)
{
    QByteArray message;
    message.reserve(std::max<qsizetype>(bytes.size(), 1));
    message.append(bytes);
    return message;
}

bool toBytes(const QJSValue &value, QByteArray &bytes)
{
    if (value.isString() || value.isNumber() || value.isBool()) {
        bytes = value.toString().toUtf8();
        return true;
    }
    if (value.isNull())
        return true;
    if (value.isArray()) {
        const quint32 length = value.property(QStringLiteral("length")).toUInt();
        bytes.reserve(length);
        for (quint32 i = 0; i < length; ++i)
            bytes.append(static_cast<char>(value.property(i).toUInt()));
        return true;
    }
    if (value.property(QStringLiteral("byteLength")).isNumber()) {
        // An ArrayBuffer, or a view of one: a typed array or DataView.
        const bool isView = value.hasProperty(QStringLiteral("buffer"));
        const QVariant buffer =
            (isView ? value.property(QStringLiteral("buffer")) : value).toVariant();
        if (buffer.metaType() == QMetaType::fromType<QByteArray>()) {
            bytes = buffer.toByteArray();
            if (isView)
                bytes = bytes.mid(value.property(QStringLiteral("byteOffset")).toInt(),
                                  value.property(QStringLiteral("byteLength")).toInt());
            return true;
        }
    }
    // What C++ has given to QML as a QVariant; objects of JavaScript stay what they are.
    const QVariant variant = value.toVariant(QJSValue::RetainJSObjects);
    if (variant.metaType() == QMetaType::fromType<QByteArray>()) {
        bytes = variant.toByteArray();
        return true;
    }
    return false;
}
