// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Compares origins as RFC 6454 5 does: scheme, host and port, and nothing less than all of them.

#ifndef FRAMEWIRE_QT_DETAIL_ORIGIN_HPP
#define FRAMEWIRE_QT_DETAIL_ORIGIN_HPP

#include <framewire/handshake/uri.hpp>

#include <QByteArray>
#include <QList>

#include <cstddef>
#include <string_view>

namespace framewire::qt::detail {

// Lower case and without the scheme's default port. Empty for what is no origin with a host:
// "null", user information, a path.
[[nodiscard]] inline QByteArray normal_origin(const QByteArray& origin) {
    const QByteArray lower = origin.toLower();
    const qsizetype colon = lower.indexOf("://");
    if (colon <= 0) return {};
    const QByteArray scheme = lower.first(colon);
    const std::string_view rest(lower.constData() + colon + 3,
                                static_cast<std::size_t>(lower.size() - colon - 3));
    const framewire::detail::authority_parts parts = framewire::detail::parse_authority(rest);
    if (!parts.valid) return {};
    int usual = -1;
    if (scheme == "http" || scheme == "ws") usual = 80;
    if (scheme == "https" || scheme == "wss") usual = 443;
    QByteArray result = scheme + "://" +
                        QByteArray(parts.host_as_written.data(),
                                   static_cast<qsizetype>(parts.host_as_written.size()));
    if (parts.port > 0 && parts.port != usual) result += ':' + QByteArray::number(parts.port);
    return result;
}

[[nodiscard]] inline bool origin_allowed(const QByteArray& origin,
                                         const QList<QByteArray>& allowed) {
    const QByteArray wanted = normal_origin(origin);
    if (wanted.isEmpty()) return false;
    for (const QByteArray& entry : allowed) {
        if (normal_origin(entry) == wanted) return true;
    }
    return false;
}

} // namespace framewire::qt::detail

#endif
