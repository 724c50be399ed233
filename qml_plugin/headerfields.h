// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Header fields of HTTP as JavaScript objects: a name has a string, or a list of them when there
// are several fields of that name.

#ifndef FRAMEWIRE_QML_HEADERFIELDS_H
#define FRAMEWIRE_QML_HEADERFIELDS_H

#include <framewire/qt/http.hpp>

#include <QByteArray>
#include <QString>
#include <QVariantMap>

/// The fields of an object, in the order of their names. Returns what is wrong with them, which is
/// nothing when it is empty: then they may be sent as they are.
QString toFields(const QVariantMap &object, framewire::qt::header_list &fields);

/// What is wrong with the value of an Origin field; empty when nothing is.
QString originError(const QString &origin);

/// The object of fields that have come. Names are in lower case, since it does not matter there.
QVariantMap toObject(const framewire::qt::header_list &fields);

#endif
