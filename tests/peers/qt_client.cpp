// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A client made of QtWebSockets: see conversation.hpp.
// It drops the connection right behind its own Close frame, and so cannot tell how the peer
// answered. Its fragments are cut by size, which may be within a character.

#include "conversation.hpp"

#include <QAbstractSocket>
#include <QCoreApplication>
#include <QNetworkProxy>
#include <QUrl>
#include <QWebSocket>
#include <QWebSocketHandshakeOptions>

namespace {

class client {
public:
    explicit client(const char* url, const QStringList& subprotocols = {}) {
        ws_.setProxy(QNetworkProxy(QNetworkProxy::NoProxy));
        QObject::connect(&ws_, &QWebSocket::textMessageReceived, &ws_, [this](const QString& text) {
            received_.push_back({true, text.toStdString()});
        });
        QObject::connect(&ws_, &QWebSocket::binaryMessageReceived, &ws_,
                         [this](const QByteArray& bytes) {
                             received_.push_back({false, bytes.toStdString()});
                         });
        QObject::connect(&ws_, &QWebSocket::pong, &ws_,
                         [this](quint64, const QByteArray& payload) { pong = payload; });
        QWebSocketHandshakeOptions options;
        options.setSubprotocols(subprotocols);
        ws_.open(QUrl(QString::fromUtf8(url)), options);
        wait_for([&] { return ws_.state() != QAbstractSocket::ConnectingState; });
        peers::check(ws_.isValid(), "opening: " + ws_.errorString().toStdString());
    }

    void send(const peers::data& message) {
        if (message.text) {
            ws_.sendTextMessage(QString::fromStdString(message.bytes));
        } else {
            ws_.sendBinaryMessage(QByteArray::fromStdString(message.bytes));
        }
    }
    void expect(const peers::data& message) {
        wait_for([&] { return !received_.empty() || !ws_.isValid(); });
        peers::check(!received_.empty(),
                     "the connection broke: " + ws_.errorString().toStdString());
        const peers::data got = received_.front();
        received_.erase(received_.begin());
        peers::check_echo(message, got.text, got.bytes);
    }
    void wait_for_end() {
        wait_for([&] { return ws_.state() == QAbstractSocket::UnconnectedState; });
    }

    QWebSocket& socket() { return ws_; }
    QByteArray pong;

private:
    template <typename Predicate> static void wait_for(Predicate done) {
        while (!done())
            QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents);
    }
    QWebSocket ws_;
    std::vector<peers::data> received_;
};

void exchange_messages(const char* url) {
    client c(url, {QStringLiteral("other"), QStringLiteral("echo")});
    QWebSocket& ws = c.socket();
    peers::check(ws.subprotocol() == QLatin1String("echo"), "the subprotocol");
    for (const peers::data& message : peers::messages()) {
        c.send(message);
        c.expect(message);
    }
    ws.ping("p");
    ws.setOutgoingFrameSize(peers::first_fragment.size());
    c.send({true, peers::whole_message});
    c.expect({true, peers::whole_message});
    peers::check(c.pong == "p", "the Pong");
    // Qt's enumeration ends at 1015, but its values are passed on as they are.
    const volatile int code = 4000;
    ws.close(static_cast<QWebSocketProtocol::CloseCode>(code), QStringLiteral("done"));
    c.wait_for_end();
}

void let_the_server_close(const char* url) {
    client c(url);
    c.send({true, "please close"});
    c.wait_for_end();
    const int code = c.socket().closeCode();
    peers::check(code == 4001 && c.socket().closeReason() == QLatin1String("bye"),
                 "how the server closes");
}

void close_normally(const char* url) {
    client c(url);
    c.socket().close();
    c.wait_for_end();
}

void run(const char* url, bool plain) {
    exchange_messages(url);
    if (!plain) let_the_server_close(url);
    close_normally(url);
}

} // namespace

int main(int argc, char** argv) {
    QCoreApplication application(argc, argv);
    return peers::client_main(argc, argv, run);
}
