// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// How much sockets read ahead of us. Without a bound Qt takes all that the peer sends, also while
// the application has paused.

#ifndef FRAMEWIRE_QT_DETAIL_READ_AHEAD_HPP
#define FRAMEWIRE_QT_DETAIL_READ_AHEAD_HPP

#include <QAbstractSocket>
#include <QIODevice>
#include <QSslSocket>
#include <QTcpSocket>

#if QT_CONFIG(localserver)
#include <QLocalSocket>
#endif

#include <algorithm>

namespace framewire::qt::detail {

inline constexpr qint64 read_ahead = 262'144; // bytes

// Of a socket that is connected.
[[nodiscard]] inline bool is_over_socks5(const QAbstractSocket& socket) {
    const QObjectList& parts = socket.children();
    return std::any_of(parts.begin(), parts.end(),
                       [](const QObject* part) { return part->inherits("QSocks5SocketEngine"); });
}

// Whoever hands a socket over may have set another bound.
template <typename Socket> void bound_read_ahead_of(Socket& socket) {
    if (socket.readBufferSize() == 0) socket.setReadBufferSize(read_ahead);
}

// Of a device that is connected. Means nothing for a socket without buffers, and leaves devices
// that are no sockets alone.
//
// A socket directly over SOCKS5 gets no bound. Qt takes all that comes from such a proxy anyway,
// and tells of it but once: what there was no room for would be stuck until more comes.
inline void bound_read_ahead(QIODevice& device) {
    if (auto* const tls = qobject_cast<QSslSocket*>(&device)) {
        bound_read_ahead_of(*tls); // and the socket below it
        for (QTcpSocket* const below : tls->findChildren<QTcpSocket*>())
            if (is_over_socks5(*below)) below->setReadBufferSize(0);
    } else if (auto* const socket = qobject_cast<QAbstractSocket*>(&device)) {
        if (!is_over_socks5(*socket)) bound_read_ahead_of(*socket);
    }
#if QT_CONFIG(localserver)
    if (auto* const local = qobject_cast<QLocalSocket*>(&device)) bound_read_ahead_of(*local);
#endif
}

} // namespace framewire::qt::detail

#endif
