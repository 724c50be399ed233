// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include "headerfields.h"

#include <framewire/error.hpp>
#include <framewire/http_fields.hpp>
#include <framewire/http_head_writer.hpp>

#include <QMetaType>
#include <QVariant>
#include <QVariantList>

#include <span>
#include <string_view>

namespace qt = framewire::qt;

namespace {

std::string_view viewOf(const QByteArray &bytes)
{
    return { bytes.constData(), static_cast<std::size_t>(bytes.size()) };
}

QString sentence(framewire::errc error)
{
    const std::string_view text = framewire::message(error);
    return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
}

// What would break a line of the error, too, is shown as something else.
QString shown(QString name)
{
    for (QChar &c : name) {
        if (!c.isPrint())
            c = QChar::ReplacementCharacter;
    }
    return name;
}

// As the handshake will say in the end.
framewire::errc errorOf(const QByteArray &name, const QByteArray &value)
{
    const framewire::http_field field{ viewOf(name), viewOf(value) };
    framewire::http_head_writer writer({});
    writer.fields(std::span(&field, 1));
    const framewire::errc error = writer.result().error;
    return error == framewire::errc::buffer_too_small ? framewire::errc::success : error;
}

bool isText(const QVariant &value)
{
    switch (value.typeId()) {
    case QMetaType::QString:
    case QMetaType::Int:
    case QMetaType::Double:
    case QMetaType::QUrl:
        return true;
    default:
        return false;
    }
}

} // namespace

QString toFields(const QVariantMap &object, qt::header_list &fields)
{
    for (auto it = object.cbegin(); it != object.cend(); ++it) {
        const QByteArray name = it.key().toUtf8();
        const int type = it.value().typeId();
        const bool isList = type == QMetaType::QVariantList || type == QMetaType::QStringList;
        const QVariantList values = isList ? it.value().toList() : QVariantList{ it.value() };
        for (const QVariant &value : values) {
            QString why;
            if (!isText(value))
                why = QStringLiteral("the value is neither a string nor a list of strings");
            const QByteArray text = value.toString().toUtf8();
            if (const framewire::errc error = errorOf(name, text);
                why.isEmpty() && error != framewire::errc::success)
                why = sentence(error);
            if (!why.isEmpty())
                return QStringLiteral("requestHeaders: \"%1\": %2").arg(shown(it.key()), why);
            fields.emplace_back(name, text);
        }
    }
    return {};
}

QString originError(const QString &origin)
{
    // Under a name that is not the handshake's own.
    if (origin.isEmpty() || errorOf("Any", origin.toUtf8()) == framewire::errc::success)
        return {};
    return QStringLiteral("origin: ") + sentence(framewire::errc::invalid_field);
}

QVariantMap toObject(const qt::header_list &fields)
{
    QVariantMap object;
    for (const auto &[name, value] : fields) {
        const QString key = QString::fromLatin1(name).toLower();
        const QString text = QString::fromUtf8(value);
        const auto before = object.find(key);
        if (before == object.end()) {
            object.insert(key, text);
            continue;
        }
        QVariantList all = before->typeId() == QMetaType::QVariantList ? before->toList()
                                                                       : QVariantList{ *before };
        all.append(text);
        *before = all;
    }
    return object;
}
