// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The echo server on Framewire's Qt adapter.

#include <framewire/qt/server.hpp>

#include <QByteArrayView>
#include <QCoreApplication>
#include <QHostAddress>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace qt = framewire::qt;

int main(int argc, char** argv) {
    const auto port = static_cast<quint16>(argc > 1 ? std::atoi(argv[1]) : 0);
    const QCoreApplication app(argc, argv);
    std::unordered_map<qt::session*, std::unique_ptr<qt::session>> sessions;
    qt::server server;
    server.on_session = [&](std::unique_ptr<qt::session> opened, const qt::request&) {
        qt::session* const s = opened.get();
        // A client that does not read what it is sent is not read from until it does.
        const auto echo = [s](auto send, auto message) {
            if ((s->*send)(message, framewire::compression::if_agreed) != framewire::errc::success)
                s->abort();
            else if (s->buffered_amount() > 4 << 20)
                s->pause();
        };
        s->on_text = [echo](std::string_view text) { echo(&qt::session::send_text, text); };
        s->on_binary = [echo](QByteArrayView bytes) { echo(&qt::session::send_binary, bytes); };
        s->on_drain = [s] { s->resume(); };
        s->on_closed = [&sessions, s](const qt::close_info&) { sessions.erase(s); };
        sessions.emplace(s, std::move(opened));
    };
    if (!server.listen(QHostAddress::LocalHost, port)) return 1;
    std::printf("listening on %d\n", server.port());
    std::fflush(stdout);
    return QCoreApplication::exec();
}
