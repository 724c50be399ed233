// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What a Qt server offers its clients, whom it lets in, and how long it waits.

#ifndef FRAMEWIRE_QT_SERVER_OPTIONS_HPP
#define FRAMEWIRE_QT_SERVER_OPTIONS_HPP

#include <framewire/options.hpp>
#include <framewire/qt/extension.hpp>
#include <framewire/qt/http.hpp>
#include <framewire/qt/keep_alive.hpp>

#include <QByteArray>
#include <QList>
#include <QSslConfiguration>
#include <QStringList>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>

namespace framewire::qt {

/// What a server offers, and what it puts up with. Changes apply to handshakes that follow.
struct server_options {
    /// The subprotocols it speaks. The first one of the client's list that is here is chosen.
    QStringList subprotocols;
    /// An extension for clients that offer it: `deflate()` of `<framewire/qt/deflate.hpp>` for
    /// compression.
    std::shared_ptr<const extension_factory> extension;
    /// The Server field of responses; none when empty.
    QByteArray server_name;
    /// Further header fields of each 101 response.
    header_list headers;
    /// The pages that may connect: origins such as "https://example.org". A browser names the page
    /// that connects, and does so on behalf of any page whatever (RFC 6455 10.2): a request with an
    /// Origin that is not listed is refused with 403. Requests without one are let through, since
    /// they do not come from a browser.
    QList<QByteArray> allowed_origins;
    /// Lets every page connect. Set it when `on_request` looks at the origin, or when nothing of
    /// value can be had or done without further authentication.
    bool allow_any_origin = false;
    /// With it the server speaks wss: it needs a local certificate and a private key.
    std::optional<QSslConfiguration> tls;
    framewire::limits limits;
    /// The longest request head, in bytes; more is answered with 431.
    std::size_t max_head_size = 16'384;
    /// From TCP accept to the end of the handshake, TLS included. Absolute: bytes that trickle in
    /// do not extend it. Zero means for ever.
    std::chrono::milliseconds open_timeout{10'000};
    /// From the first Close frame to the end of the connection. Zero means for ever.
    std::chrono::milliseconds close_timeout{5'000};
    /// Pings while a session is open; `session::set_keep_alive` changes it.
    qt::keep_alive keep_alive;
    /// While so many connections have not finished their handshakes, further ones wait in the
    /// system's queue, which has room for 1024 or for what the system allows, if that is less.
    int max_pending_handshakes = 256;
};

} // namespace framewire::qt

#endif
