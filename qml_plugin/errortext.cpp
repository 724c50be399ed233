// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include "errortext.h"

#include <string_view>

namespace qt = framewire::qt;

namespace {

QString sentence(QString text)
{
    if (!text.isEmpty())
        text[0] = text[0].toUpper();
    return text;
}

} // namespace

QString errorText(framewire::errc error)
{
    const std::string_view text = framewire::message(error);
    return sentence(QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size())));
}

QString errorText(const qt::close_info &info)
{
    if (info.error == qt::transport_errc::connection_refused)
        return QStringLiteral("Connection refused");
    if (info.error == qt::transport_errc::host_not_found)
        return QStringLiteral("Host not found");
    if (info.error == framewire::errc::connection_lost)
        return QStringLiteral("The remote host closed the connection");
    // Which of the properties has run out.
    const char *limit = "";
    if (info.error == framewire::errc::pong_timeout)
        limit = " (keepAliveTimeout)";
    else if (info.error == framewire::errc::close_timeout)
        limit = " (closeTimeout)";
    else if (info.error == framewire::condition::timeout)
        limit = " (handshakeTimeout)";
    else if (info.error == framewire::errc::message_too_big)
        limit = " (maxMessageSize)";
    return sentence(info.error_text) + QLatin1String(limit);
}

bool isUnreachable(const std::error_code &error)
{
    return error.category() == qt::transport_category() && error != qt::transport_errc::tls_failed
        && error != qt::transport_errc::tls_timeout;
}
