// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Messages as JavaScript has them.

#ifndef FRAMEWIRE_QML_CONVERSIONS_H
#define FRAMEWIRE_QML_CONVERSIONS_H

#include <QByteArray>
#include <QByteArrayView>
#include <QJSValue>

/// What becomes an ArrayBuffer.
QByteArray toMessage(QByteArrayView bytes);

/// The bytes of an ArrayBuffer, typed array, DataView, array of numbers, or of a string in UTF-8.
/// False when it is something else.
bool toBytes(const QJSValue &value, QByteArray &bytes);

#endif
