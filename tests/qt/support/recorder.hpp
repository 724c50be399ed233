// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What a session told, as text: `open text(hello) closing closed(1000 "bye" clean by_peer)`.

#ifndef FRAMEWIRE_TESTS_QT_RECORDER_HPP
#define FRAMEWIRE_TESTS_QT_RECORDER_HPP

#include <framewire/qt/client.hpp>
#include <framewire/qt/server.hpp>

#include "loop.hpp"

#include <QUrl>

#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace framewire::test {

inline std::string bytes_or_size(QByteArrayView bytes) {
    if (bytes.size() > 40) return std::to_string(bytes.size()) + " bytes";
    return {bytes.data(), static_cast<std::size_t>(bytes.size())};
}

/// Sets the handlers of a session, and keeps what they are told.
class recorder {
public:
    recorder() = default;
    recorder(const recorder&) = delete;
    recorder& operator=(const recorder&) = delete;

    void listen_to(qt::session& session) {
        session.on_text = [this](std::string_view text) {
            note("text(" +
                 bytes_or_size(QByteArrayView(text.data(), static_cast<qsizetype>(text.size()))) +
                 ")");
            last = QByteArray(text.data(), static_cast<qsizetype>(text.size()));
        };
        session.on_binary = [this](QByteArrayView bytes) {
            note("binary(" + bytes_or_size(bytes) + ")");
            last = bytes.toByteArray();
        };
        session.on_ping = [this](QByteArrayView b) { note("ping(" + bytes_or_size(b) + ")"); };
        session.on_pong = [this](QByteArrayView b) { note("pong(" + bytes_or_size(b) + ")"); };
        session.on_closing = [this] { note("closing"); };
        session.on_closed = [this](const qt::close_info& told) {
            info = told;
            ++closed;
            std::string text = "closed(" + std::to_string(static_cast<unsigned>(told.code));
            if (!told.reason.isEmpty()) text += " \"" + told.reason.toStdString() + "\"";
            if (told.clean) text += " clean";
            if (told.by_peer) text += " by_peer";
            if (told.error) text += " " + told.error.message();
            note(text + ")");
        };
    }

    void note(const std::string& text) {
        if (!trace.empty()) trace += ' ';
        trace += text;
    }
    [[nodiscard]] bool has(std::string_view text) const {
        return trace.find(text) != std::string::npos;
    }
    [[nodiscard]] bool wait_for_text(std::string_view text) const {
        return wait_for([&] { return has(text); });
    }
    [[nodiscard]] bool wait_for_end() const {
        return wait_for([&] { return closed != 0; });
    }
    [[nodiscard]] std::string error_text() const { return info.error_text.toStdString(); }

    std::string trace;
    QByteArray last;
    qt::close_info info;
    int closed = 0;
};

/// A client that is listened to.
class test_client : public recorder {
public:
    test_client() {
        listen_to(ws);
        ws.on_opened = [this] { note("open"); };
    }
    errc open(const QUrl& url, const qt::client_options& options = {}) {
        return ws.open(url, options);
    }
    qt::client ws;
};

/// A server on the loopback interface that keeps its sessions and listens to each.
class test_server {
public:
    struct entry : recorder {
        std::unique_ptr<qt::session> ws;
        QStringList offered;
        QByteArray extensions;
        QUrl url;
    };

    explicit test_server(qt::server_options options = {}, bool echo = true)
        : server(std::move(options)) {
        server.on_session = [this, echo](std::unique_ptr<qt::session> opened,
                                         const qt::request& from) {
            auto item = std::make_unique<entry>();
            entry* const e = item.get();
            e->ws = std::move(opened);
            e->offered = from.subprotocols;
            e->extensions = e->ws->extensions();
            e->url = from.url();
            e->listen_to(*e->ws);
            if (echo) {
                e->ws->on_text = [e](std::string_view text) {
                    if (text == "please close") {
                        e->ws->close(close_code{4001}, "bye");
                    } else {
                        e->ws->send_text(text);
                    }
                };
                e->ws->on_binary = [e](QByteArrayView bytes) { e->ws->send_binary(bytes); };
            }
            sessions.push_back(std::move(item));
        };
        server.on_failed_handshake = [this](const qt::close_info& info) { failed.push_back(info); };
        if (!server.listen()) throw std::runtime_error(server.error_text().toStdString());
    }

    [[nodiscard]] QUrl url(const QString& path = QStringLiteral("/")) const {
        QUrl result;
        result.setScheme(server.options().tls ? QStringLiteral("wss") : QStringLiteral("ws"));
        result.setHost(QStringLiteral("127.0.0.1"));
        result.setPort(server.port());
        return result.resolved(QUrl(path));
    }
    [[nodiscard]] bool wait_for_sessions(std::size_t count) const {
        return wait_for([&] { return sessions.size() >= count; });
    }

    qt::server server;
    std::vector<std::unique_ptr<entry>> sessions;
    std::vector<qt::close_info> failed;
};

} // namespace framewire::test

// So that a failed check says the sentence.
inline std::ostream& operator<<(std::ostream& out, framewire::errc error) {
    return out << framewire::message(error);
}

#endif
