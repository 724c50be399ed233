// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The Qt adapter as Autobahn wants it: what comes is sent back.
//
//     qt_echo [OPTION]...        a server on a free port of 127.0.0.1, which it says first
//     qt_echo [OPTION]... URL    a client that goes through the cases of the fuzzing server there
//
// With --deflate it has permessage-deflate, with --no-context-takeover each message by itself.

#include <framewire/qt/client.hpp>
#include <framewire/qt/deflate.hpp>
#include <framewire/qt/server.hpp>

#include <QCoreApplication>
#include <QUrl>

#include <cstdio>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

namespace qt = framewire::qt;

namespace {

void send_back(qt::session& session) {
    session.on_text = [&session](std::string_view text) { session.send_text(text); };
    session.on_binary = [&session](QByteArrayView bytes) { session.send_binary(bytes); };
}

int serve(std::shared_ptr<const qt::extension_factory> extension) {
    qt::server_options options;
    options.extension = std::move(extension);
    qt::server server(std::move(options));
    std::map<qt::session*, std::unique_ptr<qt::session>> sessions;
    server.on_session = [&](std::unique_ptr<qt::session> opened, const qt::request&) {
        qt::session* const session = opened.get();
        send_back(*session);
        session->on_closed = [&sessions, session](const qt::close_info&) {
            sessions.erase(session);
        };
        sessions.emplace(session, std::move(opened));
    };
    if (!server.listen()) {
        std::fprintf(stderr, "%s\n", qPrintable(server.error_text()));
        return 1;
    }
    std::printf("listening on ws://127.0.0.1:%u\n", unsigned{server.port()});
    std::fflush(stdout);
    return QCoreApplication::exec();
}

// Nothing that goes wrong in a case ends the program: the server is the judge of it.
class client {
public:
    client(QString server, std::shared_ptr<const qt::extension_factory> extension)
        : server_(std::move(server)) {
        options_.extension = std::move(extension);
        ws_.on_text = [this](std::string_view text) { count_ = QByteArrayView(text).toInt(); };
        ws_.on_closed = [this](const qt::close_info& info) {
            if (count_ == 0) {
                std::fprintf(stderr, "no cases: %s\n", qPrintable(info.error_text));
                return QCoreApplication::exit(1);
            }
            send_back(ws_);
            next();
        };
        open(QStringLiteral("/getCaseCount"));
    }

private:
    void next() {
        if (done_ > count_) return QCoreApplication::quit();
        if (done_++ == count_) return open(QStringLiteral("/updateReports?agent=framewire"));
        open(QStringLiteral("/runCase?case=%1&agent=framewire").arg(done_));
    }
    void open(const QString& target) { ws_.open(QUrl(server_ + target), options_); }

    const QString server_;
    qt::client_options options_;
    int count_ = 0;
    int done_ = 0;
    qt::client ws_;
};

} // namespace

int main(int argc, char** argv) {
    QCoreApplication application(argc, argv);
    std::shared_ptr<const qt::extension_factory> extension;
    const char* url = nullptr;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--deflate") {
            extension = qt::deflate();
        } else if (word == "--no-context-takeover") {
            extension = qt::deflate(framewire::deflate_settings::no_context_takeover());
        } else {
            url = argv[i];
        }
    }
    if (url == nullptr) return serve(std::move(extension));
    const client running(QString::fromLocal8Bit(url), std::move(extension));
    return QCoreApplication::exec();
}
