// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Sends every message back.

#ifndef FRAMEWIRE_EXAMPLES_QT_ECHO_SERVICE_HPP
#define FRAMEWIRE_EXAMPLES_QT_ECHO_SERVICE_HPP

#include <framewire/qt/server.hpp>

#include <QByteArrayView>
#include <QStringList>
#include <QUtf8StringView>

#include <chrono>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

namespace example {

namespace qt = framewire::qt;

/// Belongs to the thread that makes it, like all that it is made of.
class echo_service {
public:
    echo_service() : server(options()) {
        server.on_session = [this](std::unique_ptr<qt::session> opened, const qt::request&) {
            serve(*opened);
            sessions_.emplace(opened.get(), std::move(opened));
        };
    }
    echo_service(const echo_service&) = delete;
    echo_service& operator=(const echo_service&) = delete;

private:
    // Bytes that may wait for a client. While there are more, nothing is read from it.
    static constexpr qint64 enough = 1'000'000;

    static qt::server_options options() {
        qt::server_options result;
        result.subprotocols = QStringList{QStringLiteral("echo")};
        result.keep_alive.ping = std::chrono::seconds(20);
        return result;
    }

    void serve(qt::session& ws) {
        ws.on_text = [&ws](std::string_view text) {
            ws.send_text(QUtf8StringView(text.data(), static_cast<qsizetype>(text.size())));
            if (ws.buffered_amount() > enough) ws.pause();
        };
        ws.on_binary = [&ws](QByteArrayView bytes) {
            ws.send_binary(bytes);
            if (ws.buffered_amount() > enough) ws.pause();
        };
        ws.on_written = [&ws] {
            if (ws.buffered_amount() <= enough) ws.resume();
        };
        // A handler may destroy its session.
        ws.on_closed = [this, &ws](const qt::close_info&) { sessions_.erase(&ws); };
    }

    std::map<qt::session*, std::unique_ptr<qt::session>> sessions_;

public:
    qt::server server; // goes first, and the sessions are closed with 1001 after it
};

} // namespace example

#endif
