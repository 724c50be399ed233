// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// wss in both roles, and certificates that are not to be trusted.

#include <framewire/qt/client.hpp>
#include <framewire/qt/server.hpp>

#include "qt/support/certificates.hpp"
#include "qt/support/engines.hpp"
#include "qt/support/raw.hpp"
#include "qt/support/recorder.hpp"
#include "support/catch.hpp"

#include <QNetworkProxy>
#include <QSslSocket>
#include <QWebSocket>
#include <QWebSocketServer>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

using namespace framewire;
using namespace framewire::test;
using namespace std::chrono_literals;
using qt::transport_errc;

namespace {

qt::server_options secured(const char* certificate = "good") {
    qt::server_options options;
    options.tls = certificates().of_server(certificate);
    return options;
}

qt::client_options trusting() {
    qt::client_options options;
    options.tls = certificates().of_client();
    return options;
}

QUrl on_localhost(const test_server& server) {
    QUrl url = server.url();
    url.setHost(QStringLiteral("localhost"));
    return url;
}

} // namespace

TEST_CASE("tls: messages of all sizes go both ways") {
    test_server server(secured());
    test_client c;
    // By name and by address: the certificate is for both.
    c.open(GENERATE(true, false) ? on_localhost(server) : server.url(), trusting());
    REQUIRE(c.wait_for_text("open"));
    REQUIRE(server.wait_for_sessions(1));
    CHECK(server.sessions[0]->url.scheme() == QStringLiteral("wss"));
    const auto* const tls = qobject_cast<QSslSocket*>(c.ws.socket());
    REQUIRE(tls != nullptr);
    CHECK(tls->isEncrypted());
    CHECK(tls->peerCertificate().subjectInfo(QSslCertificate::CommonName) == QStringList{"good"});
    c.ws.send_text("secret");
    REQUIRE(c.wait_for_text("text(secret)"));
    for (const qsizetype size : {1000, 65536, 300'000, 5'000'000}) {
        QByteArray big(size, 'x');
        big.back() = 'y';
        c.last.clear();
        REQUIRE(c.ws.send_binary(big) == errc::success);
        REQUIRE(wait_for([&] { return c.last.size() == size; }));
        CHECK(c.last == big);
    }
    SECTION("closed by the client") {
        c.ws.close(close_code{4000}, "done");
        REQUIRE(c.wait_for_end());
        REQUIRE(server.sessions[0]->wait_for_end());
        CHECK(c.has("closed(4000 clean)"));
        CHECK(server.sessions[0]->has("closed(4000 \"done\" clean by_peer)"));
    }
    SECTION("closed by the server, right behind a large message") {
        server.sessions[0]->ws->send_binary(QByteArray(3'000'000, 'z'));
        server.sessions[0]->ws->close();
        REQUIRE(c.wait_for_end());
        CHECK(c.has("binary(3000000 bytes) closing closed(1000 clean by_peer)"));
    }
    SECTION("destroyed") {
        c.ws.open(QUrl());
        REQUIRE(server.sessions[0]->wait_for_end());
        CHECK(server.sessions[0]->has("closed(1001 clean by_peer)"));
    }
    server.sessions.clear();
    CHECK(no_engines());
}

TEST_CASE("tls: a certificate that proves nothing is refused, and the text says what is wrong") {
    const auto [certificate, why] = GENERATE(table<const char*, const char*>({
        {"wrong_name", "The host name did not match any of the valid hosts for this certificate"},
        {"expired", "The certificate has expired"},
        {"self_signed", "The certificate is self-signed, and untrusted"},
    }));
    test_server server(secured(certificate));
    test_client c;
    c.ws.on_tls_errors = [&](const QList<QSslError>& errors) {
        for (const QSslError& e : errors)
            c.note("error(" + e.errorString().toStdString() + ")");
    };
    c.open(on_localhost(server), trusting());
    REQUIRE(c.wait_for_end());
    CHECK(c.info.error == transport_errc::tls_failed);
    CHECK(c.error_text() == "the certificate of localhost:" + std::to_string(server.server.port()) +
                                " was not accepted: " + why);
    CHECK(c.trace ==
          "error(" + std::string(why) + ") closed(1006 no trusted TLS connection could be made)");
    CHECK(server.sessions.empty());

    // And let in when that was asked for by its name.
    qt::client_options careless = trusting();
    careless.ignore_tls_errors_insecurely = true;
    test_client d;
    d.open(on_localhost(server), careless);
    REQUIRE(d.wait_for_text("open"));
}

TEST_CASE("tls: the client may be destroyed, closed or opened anew by the news of errors") {
    test_server server(secured("self_signed"));
    auto c = std::make_unique<test_client>();
    bool told = false;
    std::string trace;
    SECTION("destroyed") {
        c->ws.on_tls_errors = [&](const QList<QSslError>&) {
            told = true;
            c.reset();
        };
    }
    SECTION("closed") {
        c->ws.on_tls_errors = [&](const QList<QSslError>&) {
            told = true;
            c->ws.close();
        };
        trace = "closed(1006)";
    }
    SECTION("opened anew") {
        c->ws.on_tls_errors = [&](const QList<QSslError>&) {
            told = true;
            c->ws.on_tls_errors = nullptr;
            c->open(QUrl());
        };
        trace = "closed(1006 the URI is malformed; one for WebSocket begins with ws:// or wss://)";
    }
    c->open(on_localhost(server), trusting());
    REQUIRE(wait_for([&] { return told; }));
    REQUIRE(wait_for([&] { return no_engines() || (c != nullptr && c->closed != 0); }));
    run_what_is_due();
    if (c != nullptr) CHECK(c->trace == trace);
}

TEST_CASE("tls: an authority that is not known is not trusted") {
    test_server server(secured());
    test_client c;
    c.open(on_localhost(server));
    REQUIRE(c.wait_for_end());
    CHECK(c.info.error == transport_errc::tls_failed);
    CHECK(c.error_text().find("was not accepted: The ") != std::string::npos);
    REQUIRE(wait_for([&] { return !server.failed.empty(); }));
    CHECK(server.failed[0].error == transport_errc::tls_failed);
}

TEST_CASE("tls: plain text on the one side, TLS on the other") {
    SECTION("the client expects TLS") {
        test_server server;
        QUrl url = server.url();
        url.setScheme("wss");
        test_client c;
        c.open(url, trusting());
        REQUIRE(c.wait_for_end());
        CHECK(c.info.error == transport_errc::tls_failed);
        CHECK(c.error_text().find("the TLS handshake with 127.0.0.1:") == 0);
        REQUIRE(wait_for([&] { return !server.failed.empty(); }));
        CHECK(server.failed[0].error == errc::bad_character);
    }
    SECTION("the server expects TLS") {
        test_server server(secured());
        QUrl url = server.url();
        url.setScheme("ws");
        test_client c;
        c.open(url);
        REQUIRE(c.wait_for_end());
        CHECK(c.error_text().find("127.0.0.1:") == 0); // no answer, or a TLS alert for one
        REQUIRE(wait_for([&] { return !server.failed.empty(); }));
        CHECK(server.failed[0].error == transport_errc::tls_failed);
    }
    CHECK(no_engines());
}

TEST_CASE("tls: a TLS handshake that does not end runs into its time-out") {
    SECTION("the server is silent") {
        raw_server server;
        test_client c;
        qt::client_options options = trusting();
        options.timeouts.tls = 60ms;
        c.open(server.url(QStringLiteral("wss")), options);
        REQUIRE(c.wait_for_end());
        CHECK(c.info.error == transport_errc::tls_timeout);
        CHECK(c.error_text() ==
              "no TLS connection to " + server.url().authority().toStdString() + " within 0.06 s");
    }
    SECTION("the client is silent") {
        qt::server_options options = secured();
        options.open_timeout = 60ms;
        test_server server(options);
        const auto peer = raw_connect(server.server.port());
        REQUIRE(peer->wait_for_end());
        REQUIRE(wait_for([&] { return !server.failed.empty(); }));
        CHECK(server.failed[0].error == transport_errc::tls_timeout);
    }
    CHECK(no_engines());
}

TEST_CASE("tls: a server needs a certificate and a key") {
    qt::server_options options;
    options.tls.emplace();
    qt::server server(options);
    CHECK_FALSE(server.listen());
    CHECK(server.error_text() ==
          QStringLiteral("a wss server needs a certificate and a private key"));
}

TEST_CASE("tls: a slow reader holds the sender back") {
    qt::server_options options = secured();
    options.limits.max_output = 1 << 20;
    test_server server(options, false);
    test_client c;
    c.open(server.url(), trusting());
    REQUIRE(server.wait_for_sessions(1));
    REQUIRE(c.wait_for_text("open"));
    c.ws.pause();
    int got = 0;
    c.ws.on_binary = [&](QByteArrayView) { ++got; };
    qt::session& s = *server.sessions[0]->ws;
    const QByteArray piece(65'536, 'x');
    int sent = 0;
    while (s.send_binary(piece) == errc::success) {
        ++sent;
        if (sent % 8 == 0) run_what_is_due();
        REQUIRE(sent < 10'000);
    }
    c.ws.resume();
    REQUIRE(wait_for([&] { return got == sent && s.buffered_amount() == 0; }));
}

TEST_CASE("tls: reads no more than a bound ahead of a paused session, on a socket adopted too") {
    qt::server_options options = secured();
    options.limits.max_output = std::size_t{1} << 30;
    test_server server(options, false);
    auto connected = std::make_unique<QSslSocket>();
    QSslSocket* const socket = connected.get();
    socket->setSslConfiguration(certificates().of_client());
    socket->connectToHostEncrypted(QStringLiteral("localhost"), server.server.port());
    REQUIRE(wait_for([&] { return socket->isEncrypted(); }));
    test_client c;
    c.ws.open(std::move(connected), on_localhost(server));
    REQUIRE(c.wait_for_text("open"));
    REQUIRE(server.wait_for_sessions(1));
    c.ws.pause();
    qt::session& s = *server.sessions[0]->ws;
    const QByteArray piece(65'536, 'x');
    for (int i = 0; i < flood_messages; ++i)
        REQUIRE(s.send_binary(piece) == errc::success);
    run_until_blocked([&] { return s.buffered_amount(); });
    CHECK(socket->bytesAvailable() <= 2 * 262'144); // decrypted and not
    CHECK(s.buffered_amount() > 0);
    int got = 0;
    c.ws.on_binary = [&](QByteArrayView) { ++got; };
    c.ws.resume();
    CHECK(wait_for([&] { return got == flood_messages; }));
}

TEST_CASE("tls: a client behind a SOCKS5 proxy that had paused gets all that has come") {
    qt::server_options server_options = secured();
    server_options.limits.max_output = std::size_t{1} << 30;
    test_server server(server_options, false);
    raw_server proxy;
    qt::client_options options = trusting();
    options.proxy = QNetworkProxy(QNetworkProxy::Socks5Proxy, QStringLiteral("127.0.0.1"),
                                  static_cast<quint16>(proxy.url().port()));
    test_client c;
    c.open(on_localhost(server), options);
    REQUIRE(proxy.wait_for_peer());
    raw_end& peer = *proxy.peer;
    REQUIRE(peer.speak_socks5());
    const auto onward = raw_connect(server.server.port());
    const auto relay = [](raw_end& from, raw_end& to) {
        QObject::connect(&from.socket(), &QTcpSocket::readyRead, &to.socket(),
                         [&] { to.send(std::exchange(from.received, {})); });
        to.send(std::exchange(from.received, {}));
    };
    relay(peer, *onward);
    relay(*onward, peer);
    REQUIRE(c.wait_for_text("open"));
    REQUIRE(server.wait_for_sessions(1));
    c.ws.pause();
    qt::session& s = *server.sessions[0]->ws;
    const QByteArray piece(65'536, 'x');
    for (int i = 0; i < flood_messages; ++i)
        REQUIRE(s.send_binary(piece) == errc::success);
    run_until_blocked([&] { return s.buffered_amount() + peer.socket().bytesToWrite(); });
    int got = 0;
    c.ws.on_binary = [&](QByteArrayView) { ++got; };
    c.ws.resume();
    CHECK(wait_for([&] { return got == flood_messages; }));
}

TEST_CASE("tls: what comes while a handler runs an event loop is not lost, nor is the end") {
    qt::server_options options;
    options.tls = certificates().of_server("good");
    test_server server(options);
    test_client c;
    c.open(server.url(), trusting());
    REQUIRE(server.wait_for_sessions(1));
    REQUIRE(c.wait_for_text("open"));
    int count = 0;
    c.ws.on_text = [&](std::string_view) {
        if (++count > 1) return;
        qt::session& s = *server.sessions[0]->ws;
        for (int i = 0; i < 100; ++i)
            s.send_text(std::string(1'000, 'x'));
        s.close();
        run_what_is_due();
    };
    server.sessions[0]->ws->send_text("first");
    REQUIRE(c.wait_for_end());
    CHECK(count == 101);
    CHECK(c.info.clean);
}

TEST_CASE("tls: our client talks to a secure QWebSocketServer") {
    QWebSocketServer server(QStringLiteral("Qt"), QWebSocketServer::SecureMode);
    server.setSslConfiguration(certificates().of_server("good"));
    REQUIRE(server.listen(QHostAddress::LocalHost));
    std::unique_ptr<QWebSocket> peer;
    QObject::connect(&server, &QWebSocketServer::newConnection, [&] {
        peer.reset(server.nextPendingConnection());
        QObject::connect(peer.get(), &QWebSocket::textMessageReceived,
                         [&](const QString& text) { peer->sendTextMessage(text); });
    });
    test_client c;
    c.open(server.serverUrl(), trusting());
    REQUIRE(c.wait_for_text("open"));
    c.ws.send_text("secret");
    REQUIRE(c.wait_for_text("text(secret)"));
    c.ws.close();
    REQUIRE(c.wait_for_end());
    CHECK(c.info.clean);
}

TEST_CASE("tls: a secure QWebSocket talks to our server") {
    test_server server(secured());
    QWebSocket peer;
    peer.setSslConfiguration(certificates().of_client());
    QString got;
    QObject::connect(&peer, &QWebSocket::textMessageReceived, &peer,
                     [&](const QString& text) { got = text; });
    peer.open(on_localhost(server));
    REQUIRE(wait_for([&] { return peer.state() == QAbstractSocket::ConnectedState; }));
    peer.sendTextMessage(QStringLiteral("secret"));
    REQUIRE(wait_for([&] { return got == QStringLiteral("secret"); }));
    peer.close();
    REQUIRE(server.sessions[0]->wait_for_end());
    CHECK(server.sessions[0]->info.clean);
}
