// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Both roles against QtWebSockets, in one process.

#include <framewire/qt/client.hpp>
#include <framewire/qt/server.hpp>

#include "qt/support/recorder.hpp"
#include "support/catch.hpp"

#include <QWebSocket>
#include <QWebSocketServer>

#include <memory>
#include <string>

using namespace framewire;
using namespace framewire::test;

TEST_CASE("peer: our client talks to QWebSocketServer") {
    QWebSocketServer server(QStringLiteral("Qt"), QWebSocketServer::NonSecureMode);
    server.setSupportedSubprotocols({QStringLiteral("chat")});
    REQUIRE(server.listen(QHostAddress::LocalHost));
    std::unique_ptr<QWebSocket> peer;
    QObject::connect(&server, &QWebSocketServer::newConnection, [&] {
        peer.reset(server.nextPendingConnection());
        QWebSocket* const p = peer.get();
        QObject::connect(p, &QWebSocket::textMessageReceived, p,
                         [p](const QString& text) { p->sendTextMessage(text); });
        QObject::connect(p, &QWebSocket::binaryMessageReceived, p,
                         [p](const QByteArray& bytes) { p->sendBinaryMessage(bytes); });
    });
    test_client c;
    qt::client_options options;
    options.subprotocols = {"x", "chat"};
    c.open(server.serverUrl(), options);
    REQUIRE(c.wait_for_text("open"));
    CHECK(c.ws.subprotocol() == "chat");
    c.ws.send_text(QStringLiteral("h\u00E9llo"));
    c.ws.send_text("");
    c.ws.send_binary(QByteArray(300'000, 'b'));
    c.ws.ping("p");
    REQUIRE(c.wait_for_text("pong(p)"));
    REQUIRE(c.wait_for_text("binary(300000 bytes)"));
    CHECK(c.has("open text(h\xC3\xA9llo) text()"));
    REQUIRE(peer != nullptr);

    SECTION("we close") {
        c.ws.close(close_code{4000}, "done");
        REQUIRE(c.wait_for_end());
        CHECK(c.has("closed(4000 \"done\" clean)")); // it echoes the reason, too
        CHECK(static_cast<int>(peer->closeCode()) == 4000);
        CHECK(peer->closeReason() == QStringLiteral("done"));
    }
    SECTION("it closes") {
        peer->close(QWebSocketProtocol::CloseCodeGoingAway, QStringLiteral("bye"));
        REQUIRE(c.wait_for_end());
        CHECK(c.has("closing closed(1001 \"bye\" clean by_peer)"));
    }
    SECTION("it aborts") {
        peer->abort();
        REQUIRE(c.wait_for_end());
        CHECK(c.has("closed(1006 the connection ended without a Close frame)"));
    }
    SECTION("we destroy ours") {
        c.ws.open(QUrl()); // lets go of the first one
        REQUIRE(wait_for([&] { return peer->state() == QAbstractSocket::UnconnectedState; }));
        CHECK(static_cast<int>(peer->closeCode()) == 1001);
    }
}

TEST_CASE("peer: QWebSocket talks to our server") {
    qt::server_options options;
    options.subprotocols = {"chat"};
    test_server server(options);
    QWebSocket peer;
    std::string trace;
    QObject::connect(&peer, &QWebSocket::textMessageReceived, &peer, [&](const QString& text) {
        trace += "text(" + bytes_or_size(text.toUtf8()) + ") ";
    });
    QObject::connect(&peer, &QWebSocket::binaryMessageReceived, &peer,
                     [&](const QByteArray& b) { trace += "binary(" + bytes_or_size(b) + ") "; });
    QObject::connect(&peer, &QWebSocket::pong, &peer, [&](quint64, const QByteArray& payload) {
        trace += "pong(" + bytes_or_size(payload) + ") ";
    });
    peer.open(server.url(QStringLiteral("/a?b=c")));
    REQUIRE(wait_for([&] { return peer.state() == QAbstractSocket::ConnectedState; }));
    REQUIRE(server.wait_for_sessions(1));
    CHECK(server.sessions[0]->url == server.url(QStringLiteral("/a?b=c")));
    peer.sendTextMessage(QStringLiteral("h\u00E9llo"));
    peer.sendTextMessage(QString());
    peer.sendBinaryMessage(QByteArray(300'000, 'b'));
    peer.sendTextMessage(QString(200'000, u'\u20AC')); // in several frames, one ends inside a '€'
    REQUIRE(wait_for([&] { return trace.find("600000") != std::string::npos; }));
    peer.ping("p");
    REQUIRE(wait_for([&] { return trace.find("pong") != std::string::npos; }));
    CHECK(trace == "text(h\xC3\xA9llo) text() binary(300000 bytes) text(600000 bytes) pong(p) ");

    SECTION("it closes") {
        peer.close(QWebSocketProtocol::CloseCodeNormal, QStringLiteral("done"));
        REQUIRE(server.sessions[0]->wait_for_end());
        CHECK(server.sessions[0]->has("closing closed(1000 \"done\" clean by_peer)"));
    }
    SECTION("we close") {
        peer.sendTextMessage(QStringLiteral("please close"));
        REQUIRE(server.sessions[0]->wait_for_end());
        REQUIRE(wait_for([&] { return peer.state() == QAbstractSocket::UnconnectedState; }));
        CHECK(static_cast<int>(peer.closeCode()) == 4001);
        CHECK(peer.closeReason() == QStringLiteral("bye"));
        CHECK(server.sessions[0]->has("closed(4001"));
        CHECK(server.sessions[0]->info.clean);
        CHECK_FALSE(server.sessions[0]->info.by_peer);
    }
    SECTION("it aborts") {
        peer.abort();
        REQUIRE(server.sessions[0]->wait_for_end());
        CHECK(server.sessions[0]->info.error == errc::connection_lost);
    }
}
