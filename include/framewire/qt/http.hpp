// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The parts of the opening handshake that an application sees, in Qt's types: the server's answer
// for a client, the client's request and the answer to it for a server.

#ifndef FRAMEWIRE_QT_HTTP_HPP
#define FRAMEWIRE_QT_HTTP_HPP

#include <QByteArray>
#include <QByteArrayView>
#include <QHostAddress>
#include <QIODevice>
#include <QList>
#include <QStringList>
#include <QUrl>

#include <optional>
#include <utility>

namespace framewire::qt {

/// Header fields in order, names as they were written.
using header_list = QList<std::pair<QByteArray, QByteArray>>;

/// The value of the first field of that name, compared without regard to case; null when missing.
[[nodiscard]] inline QByteArray find_header(const header_list& headers, QByteArrayView name) {
    for (const auto& [key, value] : headers) {
        if (QByteArrayView(key).compare(name, Qt::CaseInsensitive) == 0) return value;
    }
    return {};
}

/// The answer of a server to an opening handshake.
struct http_response {
    int status = 0; ///< 101 when the server agreed; 0 when there was no answer.
    QByteArray reason;
    header_list headers;
    QByteArray body; ///< Of a refusal, as far as it came and `max_refusal_body` lets it.
};

/// What a server says to a request: yes, or a refusal with an HTTP status.
struct answer {
    int status = 101;
    /// The subprotocol to use, one of those the client named; empty for none. When not set, it is
    /// the first one of the client's list that `server_options::subprotocols` has.
    std::optional<QByteArray> subprotocol;
    /// Further header fields of the response.
    header_list headers;
    /// The body of a refusal.
    QByteArray body;
    QByteArray content_type = "text/plain; charset=utf-8";

    [[nodiscard]] static answer accept() { return {}; }
    /// A refusal; the status is 200 to 599. Without a body, the status is the body too.
    [[nodiscard]] static answer refuse(int status, QByteArray body = {}) {
        answer result;
        result.status = status;
        result.body = std::move(body);
        return result;
    }
};

/// The client's opening handshake, as server handlers see it. Borrowed until the handler returns.
struct request {
    QByteArray target;        ///< Path and query as sent, "/chat?room=1".
    QByteArray host;          ///< The Host field.
    QByteArray origin;        ///< The Origin field; null when missing.
    QStringList subprotocols; ///< What the client offers, in its order.
    header_list headers;      ///< All fields.
    bool secure = false;      ///< Came over TLS.
    QIODevice* device = nullptr;
    QHostAddress peer_address; ///< Null when the device is not a socket.
    quint16 peer_port = 0;

    /// The URL that the client asked for: ws or wss, the Host field and the target.
    [[nodiscard]] QUrl url() const {
        return QUrl::fromEncoded((secure ? "wss://" : "ws://") + host + target);
    }
};

} // namespace framewire::qt

#endif
