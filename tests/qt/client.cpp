// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/qt/client.hpp>

#include "qt/support/engines.hpp"
#include "qt/support/raw.hpp"
#include "qt/support/recorder.hpp"
#include "support/catch.hpp"

#include <QNetworkProxyFactory>

#include <chrono>
#include <string>
#include <string_view>

using namespace framewire;
using namespace framewire::test;
using namespace std::chrono_literals;
using qt::transport_errc;

namespace {
class counting_proxies final : public QNetworkProxyFactory {
public:
    explicit counting_proxies(int& asked) : asked_(asked) {}
    QList<QNetworkProxy> queryProxy(const QNetworkProxyQuery& query) override {
        if (query.peerHostName() == QStringLiteral("name.invalid")) ++asked_;
        // One that serves web pages only, and none.
        return {QNetworkProxy(QNetworkProxy::HttpCachingProxy, QStringLiteral("127.0.0.1"), 1),
                QNetworkProxy(QNetworkProxy::NoProxy)};
    }

private:
    int& asked_;
};

void use_no_proxy() { QNetworkProxy::setApplicationProxy(QNetworkProxy(QNetworkProxy::NoProxy)); }
} // namespace

TEST_CASE("client: goes without Qt's buffers when the system names no proxy") {
    QNetworkProxyFactory::setUseSystemConfiguration(true);
    test_server server;
    test_client c;
    c.open(server.url());
    CHECK(c.wait_for_text("open"));
    use_no_proxy();
    REQUIRE(c.ws.socket() != nullptr);
    CHECK(c.ws.socket()->openMode().testFlag(QIODevice::Unbuffered));
}

TEST_CASE("client: asks for the proxy once, and takes the first that can be used") {
    int asked = 0;
    QNetworkProxyFactory::setApplicationProxyFactory(new counting_proxies(asked));
    test_client c;
    c.open(QUrl("ws://name.invalid/")); // RFC 6761 6.4: never exists
    CHECK(c.wait_for_end());
    use_no_proxy();
    CHECK(c.info.error == transport_errc::host_not_found);
    CHECK(asked == 1);
}

TEST_CASE("client: reads no more than a bound ahead of a paused one behind a proxy, too") {
    raw_server proxy;
    const auto type = GENERATE(QNetworkProxy::HttpProxy, QNetworkProxy::Socks5Proxy);
    CAPTURE(type);
    qt::client_options options;
    options.proxy =
        QNetworkProxy(type, QStringLiteral("127.0.0.1"), static_cast<quint16>(proxy.url().port()));
    test_client c;
    c.open(QUrl("ws://name.invalid/"), options);
    REQUIRE(proxy.wait_for_peer());
    raw_end& peer = *proxy.peer;
    if (type == QNetworkProxy::HttpProxy) {
        CHECK(peer.take_head().starts_with("CONNECT name.invalid:80 "));
        peer.send("HTTP/1.1 200 OK\r\n\r\n");
    } else {
        REQUIRE(peer.speak_socks5());
    }
    proxy.accept();
    REQUIRE(c.wait_for_text("open"));
    c.ws.pause();
    peer.send(flood(role::client));
    run_until_blocked([&] { return peer.socket().bytesToWrite(); });
    if (type == QNetworkProxy::HttpProxy) { // Qt has no bound for the other, and is not to stall
        CHECK(c.ws.socket()->bytesAvailable() <= 262'144);
        CHECK(peer.socket().bytesToWrite() > 0);
    }
    int got = 0;
    c.ws.on_binary = [&](QByteArrayView) { ++got; };
    c.ws.resume();
    CHECK(wait_for([&] { return got == flood_messages; }));
}

TEST_CASE("client: neither it nor a server waits for more to send (TCP_NODELAY)") {
    test_server server;
    test_client c;
    c.open(server.url());
    REQUIRE(c.wait_for_text("open"));
    const auto no_delay = [](const qt::session& session) {
        return session.socket()->socketOption(QAbstractSocket::LowDelayOption).toInt() != 0;
    };
    CHECK(no_delay(c.ws));
    CHECK(no_delay(*server.sessions[0]->ws));
}

TEST_CASE("client: says why it could not connect") {
    test_client c;
    SECTION("refused") {
        quint16 port = 0;
        {
            QTcpServer gone;
            gone.listen(QHostAddress::LocalHost);
            port = gone.serverPort();
        }
        CHECK(c.open(QUrl(QStringLiteral("ws://127.0.0.1:%1/").arg(port))) == errc::success);
        REQUIRE(c.wait_for_end());
        CHECK(c.info.error == transport_errc::connection_refused);
        CHECK(c.error_text() ==
              "cannot connect to 127.0.0.1:" + std::to_string(port) + ": Connection refused");
    }
    SECTION("host not found") {
        c.open(QUrl("ws://name.invalid/")); // RFC 6761 6.4: never exists
        REQUIRE(c.wait_for_end());
        CHECK(c.info.error == transport_errc::host_not_found);
        CHECK(c.error_text() == "cannot connect to name.invalid:80: Host not found");
    }
    SECTION("not a WebSocket URL: returned and told") {
        CHECK(c.open(QUrl("http://localhost/")) == errc::uri_scheme_not_websocket);
        CHECK(c.closed == 0);
        REQUIRE(c.wait_for_end());
        CHECK(c.error_text() ==
              "cannot open http://localhost/: the URI's scheme is neither ws nor wss");
    }
    SECTION("an empty URL") {
        CHECK(c.open(QUrl()) == errc::invalid_uri);
        REQUIRE(c.wait_for_end());
        CHECK(c.error_text() == "cannot open the URL: the URI is malformed; one for "
                                "WebSocket begins with ws:// or wss://");
    }
    SECTION("a header that cannot be sent") {
        qt::client_options options;
        options.headers = {{"X", "a\r\nb"}};
        CHECK(c.open(QUrl("ws://localhost/"), options) == errc::invalid_field);
        REQUIRE(c.wait_for_end());
        CHECK(c.info.error == errc::invalid_field);
    }
    SECTION("a proxy that is not there") {
        qt::client_options options;
        options.proxy = QNetworkProxy(QNetworkProxy::Socks5Proxy, QStringLiteral("127.0.0.1"), 1);
        c.open(QUrl("ws://localhost/"), options);
        REQUIRE(c.wait_for_end());
        CHECK(c.info.error == transport_errc::proxy_failed);
    }
    CHECK(c.closed == 1);
    CHECK_FALSE(c.info.clean);
    CHECK(c.info.code == close_code::abnormal_closure);
    CHECK(c.ws.response().status == 0);
    CHECK(no_engines());
}

TEST_CASE("client: says how the server refused, with the answer", "[rfc6455-4.1]") {
    raw_server server;
    test_client c;
    c.open(server.url());
    REQUIRE(server.wait_for_peer());
    const std::string request = server.peer->take_head();
    CHECK(request.rfind("GET / HTTP/1.1\r\nHost: 127.0.0.1:", 0) == 0);

    SECTION("401 with a body of known length") {
        server.peer->send("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n"
                          "Content-Length: 9\r\n\r\nwho are y");
        REQUIRE(c.wait_for_end());
        CHECK(c.error_text() == "the server answered 401 Unauthorized");
        CHECK(c.ws.response().status == 401);
        CHECK(c.ws.response().reason == "Unauthorized");
        CHECK(c.ws.response().body == "who are y");
        CHECK(qt::find_header(c.ws.response().headers, "www-authenticate") == "Basic");
    }
    SECTION("200 that ends with the connection") {
        server.peer->send("HTTP/1.1 200 OK\r\n\r\n<html>");
        server.peer->send("</html>");
        server.peer->end();
        REQUIRE(c.wait_for_end());
        CHECK(c.error_text() == "the server answered 200 OK");
        CHECK(c.ws.response().body == "<html></html>");
    }
    SECTION("302, which is not followed, in chunks") {
        server.peer->send(
            "HTTP/1.1 302 Found\r\nLocation: ws://elsewhere/\r\n"
            "Transfer-Encoding: chunked\r\n\r\n4\r\nover\r\n6\r\n there\r\n0\r\n\r\n");
        REQUIRE(c.wait_for_end());
        CHECK(c.error_text() == "the server answered 302 Found");
        CHECK(c.ws.response().body == "over there");
        CHECK(qt::find_header(c.ws.response().headers, "Location") == "ws://elsewhere/");
    }
    SECTION("503 without a reason, and a body that is never finished") {
        server.peer->send("HTTP/1.1 503 \r\nContent-Length: 900\r\n\r\nsorry");
        REQUIRE(c.wait_for_end());
        CHECK(c.error_text() == "the server answered 503");
        CHECK(c.ws.response().body == "sorry");
    }
    SECTION("404 after informational answers") {
        server.peer->send("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                          "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        REQUIRE(c.wait_for_end());
        CHECK(c.error_text() == "the server answered 404 Not Found");
    }
    CHECK(c.info.error == errc::upgrade_refused);
    CHECK(c.info.error == condition::handshake_failed);
    CHECK(c.closed == 1);
    CHECK(no_engines());
}

TEST_CASE("client: keeps no more of a refusal than it was told to") {
    raw_server server;
    test_client c;
    qt::client_options options;
    options.max_refusal_body = 10;
    c.open(server.url(), options);
    REQUIRE(server.wait_for_peer());
    server.peer->take_head();
    server.peer->send("HTTP/1.1 500 Oh\r\n\r\n" + std::string(200'000, 'x'));
    REQUIRE(c.wait_for_end());
    CHECK(c.ws.response().body == "xxxxxxxxxx");
}

TEST_CASE("client: does not take garbage for an answer") {
    const auto [answer, error, text] = GENERATE(table<std::string, errc, std::string>({
        {"\x16\x03\x01 what is this", errc::bad_character,
         "the HTTP head has a character that is not allowed there (line 1)"},
        {"SSH-2.0-OpenSSH_9.2\r\n", errc::bad_status_line,
         "the HTTP status line is malformed (line 1)"},
        {"HTTP/1.1 101 X\r\nUpgrade websocket\r\n", errc::bad_field_line,
         "a field line of the HTTP head is malformed (line 2)"},
        {"HTTP/1.1 101 X\r\nConnection: Upgrade\r\n\r\n", errc::response_without_upgrade,
         "the response has no Upgrade field that says websocket"},
        {"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
         errc::wrong_accept, "Sec-WebSocket-Accept does not match the key that was sent"},
    }));
    raw_server server;
    test_client c;
    c.open(server.url());
    REQUIRE(server.wait_for_peer());
    server.peer->take_head();
    server.peer->send(answer);
    REQUIRE(c.wait_for_end());
    CHECK(c.info.error == error);
    CHECK(c.error_text() == server.url().authority().toStdString() +
                                " did not answer as a WebSocket server does: " + text);
    CHECK(no_engines());
}

TEST_CASE("client: an oversized head is an error of its own") {
    raw_server server;
    test_client c;
    qt::client_options options;
    options.max_head_size = 1000;
    c.open(server.url(), options);
    server.accept("X-Filler: " + std::string(1000, 'x') + "\r\n");
    REQUIRE(c.wait_for_end());
    CHECK(c.info.error == errc::head_too_large);
    CHECK(c.info.error == condition::limit_exceeded);
}

TEST_CASE("client: says when the connection is cut") {
    raw_server server;
    test_client c;
    c.open(server.url());
    REQUIRE(server.wait_for_peer());
    SECTION("before the answer") {
        server.peer->take_head();
        server.peer->end();
        REQUIRE(c.wait_for_end());
        CHECK(c.error_text() ==
              server.url().authority().toStdString() + " ended the connection without an answer");
    }
    SECTION("in the middle of the answer") {
        server.peer->take_head();
        server.peer->send("HTTP/1.1 101 Swit");
        server.peer->end();
        REQUIRE(c.wait_for_end());
        CHECK(c.error_text() == server.url().authority().toStdString() +
                                    " ended the connection in the middle of its answer");
    }
    SECTION("in the middle of a frame") {
        server.accept({}, "\x81\x05hel");
        REQUIRE(c.wait_for_text("open"));
        server.peer->end();
        REQUIRE(c.wait_for_end());
        CHECK(c.trace == "open closed(1006 the connection ended without a Close frame)");
    }
    SECTION("by a reset") {
        server.accept();
        REQUIRE(c.wait_for_text("open"));
        c.ws.send_text("unread"); // makes the system reset
        run_what_is_due();
        server.peer->cut();
        REQUIRE(c.wait_for_end());
        CHECK(c.info.code == close_code::abnormal_closure);
    }
    CHECK(c.info.error == errc::connection_lost);
    CHECK(c.closed == 1);
    CHECK(no_engines());
}

TEST_CASE("client: takes frames that come with the answer, in pieces of one byte too") {
    raw_server server;
    test_client c;
    c.open(server.url());
    frame_writer frames(role::client);
    frames.text("first").binary(std::string(300, 'b')).ping("p").close(1000, "bye");
    if (GENERATE(true, false)) {
        server.accept({}, frames.str());
    } else {
        server.accept();
        REQUIRE(c.wait_for_text("open"));
        for (const char b : frames.str()) {
            server.peer->send(std::string_view(&b, 1));
            QCoreApplication::processEvents();
        }
    }
    REQUIRE(wait_for([&] { return c.has("closing"); }));
    CHECK(server.peer->take_words(role::client, 2) == "pong(\"p\") close(1000 \"\")");
    server.peer->end();
    REQUIRE(c.wait_for_end());
    CHECK(c.trace == "open text(first) binary(300 bytes) ping(p) closing "
                     "closed(1000 \"bye\" clean by_peer)");
}

TEST_CASE("client: a violation is answered with its close code and told in words",
          "[rfc6455-7.1.7]") {
    raw_server server;
    test_client c;
    qt::client_options options;
    options.limits.max_message_size = 1000;
    c.open(server.url(), options);
    server.accept();
    REQUIRE(c.wait_for_text("open"));
    frame_writer frames(role::client);
    std::string sent;
    SECTION("a masked frame") {
        server.peer->send(frames.frame_of_wrong_role(0x81, "x"));
        sent = "close(1002 \"a server sent a masked frame\")";
    }
    SECTION("text that is not UTF-8") {
        server.peer->send(frames.text("\xFF"));
        sent = "close(1007 \"a text message is not valid UTF-8\")";
    }
    SECTION("a message over the limit, when its header arrives") {
        server.peer->send(frames.header(0x82, 1001));
        sent = "close(1009 \"a message is larger than the limit\")";
    }
    CHECK(server.peer->take_words(role::client) == sent);
    REQUIRE(server.peer->wait_for_end());
    REQUIRE(c.wait_for_end());
    CHECK(c.trace.find("open closed(" + sent.substr(6, 4)) == 0);
    CHECK(sent.find(c.error_text()) != std::string::npos);
    CHECK(c.closed == 1);
    CHECK(no_engines());
}

TEST_CASE("client: waits no longer than it was told to, and names the phase") {
    raw_server server;
    test_client c;
    qt::client_options options;
    if (GENERATE(true, false)) {
        options.timeouts.open = 60ms;
    } else {
        options.timeouts.handshake = 60ms;
    }
    c.open(server.url(), options);
    REQUIRE(c.wait_for_end());
    CHECK(c.info.error == errc::open_timeout);
    CHECK(c.info.error == condition::timeout);
    CHECK(c.error_text() == server.url().authority().toStdString() +
                                " did not finish the opening handshake within 0.06 s");
    CHECK(no_engines());
}

TEST_CASE("client: a handshake that trickles in ends at the deadline all the same") {
    raw_server server;
    test_client c;
    qt::client_options options;
    options.timeouts.open = 150ms;
    c.open(server.url(), options);
    REQUIRE(server.wait_for_peer());
    server.peer->send("HTTP/1.1 101 Switching Protocols\r\nX: ");
    REQUIRE(wait_for([&] {
        server.peer->send("x");
        QThread::msleep(5);
        return c.closed != 0;
    }));
    CHECK(c.info.error == errc::open_timeout);
}

TEST_CASE("client: a time-out while connecting says so") {
    // A server whose queue is full does not answer to SYN: fill it, and try once more.
    QTcpServer full;
    full.setListenBacklogSize(1);
    REQUIRE(full.listen(QHostAddress::LocalHost));
    full.pauseAccepting();
    std::vector<std::unique_ptr<QTcpSocket>> queue;
    const auto connecting = [&] {
        for (const auto& socket : queue) {
            if (socket->state() == QAbstractSocket::ConnectingState) return true;
        }
        return false;
    };
    for (int i = 0; i < 10 && !connecting(); ++i) {
        queue.push_back(std::make_unique<QTcpSocket>());
        queue.back()->connectToHost(QHostAddress::LocalHost, full.serverPort());
        wait_for([&] { return !connecting(); }, 100);
    }
    if (!connecting()) {
        WARN("this system does not let the queue of a server fill up");
        return;
    }
    test_client c;
    qt::client_options options;
    options.timeouts.connect = 60ms;
    c.open(QUrl(QStringLiteral("ws://127.0.0.1:%1/").arg(full.serverPort())), options);
    REQUIRE(c.wait_for_end());
    CHECK(c.info.error == transport_errc::connect_timeout);
    CHECK(c.error_text() ==
          "no connection to 127.0.0.1:" + std::to_string(full.serverPort()) + " within 0.06 s");
}

TEST_CASE("client: close ends, whatever the peer does", "[rfc6455-7.1.1]") {
    raw_server server;
    test_client c;
    qt::client_options options;
    options.timeouts.close = 60ms;
    c.open(server.url(), options);
    server.accept();
    REQUIRE(c.wait_for_text("open"));
    SECTION("a silent peer") {
        c.ws.close();
        REQUIRE(c.wait_for_end());
        CHECK(c.trace == "open closed(1006 the peer did not finish the closing handshake in time)");
        CHECK(c.info.error == errc::close_timeout);
    }
    SECTION("a peer that goes on talking") {
        c.ws.close();
        REQUIRE(wait_for([&] {
            server.peer->send(frame_writer(role::client).text("blah"));
            QThread::msleep(5);
            return c.closed != 0;
        }));
        CHECK(c.trace == "open closed(1006 the peer did not finish the closing handshake in time)");
    }
    SECTION("a peer that answers but does not end the connection") {
        c.ws.close();
        CHECK(server.peer->take_words(role::client) == "close(1000 \"\")");
        server.peer->send(frame_writer(role::client).close(1000));
        REQUIRE(c.wait_for_end());
        CHECK(c.trace == "open closed(1000 clean)");
        REQUIRE(server.peer->wait_for_end());
    }
    SECTION("a peer that begins and does not end the connection") {
        server.peer->send(frame_writer(role::client).close(1001, "going"));
        REQUIRE(c.wait_for_end());
        CHECK(c.trace == "open closing closed(1001 \"going\" clean by_peer)");
    }
    SECTION("a peer that does not read") {
        server.peer->reading = false;
        server.peer->socket().setReadBufferSize(1);
        const QByteArray big(15'000'000, 'x');
        c.ws.send_binary(big);
        c.ws.close();
        REQUIRE(c.wait_for_end());
        CHECK(c.info.error == errc::close_timeout);
    }
    SECTION("a silent peer, and a handle that is gone") {
        c.ws.open(QUrl()); // leaves the first one
        CHECK(server.peer->take_words(role::client) == "close(1001 \"\")");
        REQUIRE(server.peer->wait_for_end());
        return;
    }
    CHECK(c.closed == 1);
    CHECK(no_engines());
}

TEST_CASE("client: waits for the server to end the connection first", "[rfc6455-7.1.1]") {
    raw_server server;
    test_client c;
    c.open(server.url());
    server.accept();
    REQUIRE(c.wait_for_text("open"));
    server.peer->send(frame_writer(role::client).close(1000));
    CHECK(server.peer->take_words(role::client) == "close(1000 \"\")");
    run_what_is_due();
    CHECK_FALSE(server.peer->ended);
    CHECK(c.closed == 0);
    CHECK(c.ws.state() == qt::session_state::closing);
    server.peer->end();
    REQUIRE(c.wait_for_end());
    CHECK(c.info.clean);
}

TEST_CASE("client: negotiates a subprotocol, and accepts none that it did not offer") {
    qt::server_options options;
    options.subprotocols = {"b", "a"};
    test_server server(options);
    test_client c;
    qt::client_options wanted;
    wanted.subprotocols = {"x", "a", "b"};
    c.open(server.url(QStringLiteral("/room?id=7")), wanted);
    REQUIRE(c.wait_for_text("open"));
    CHECK(c.ws.subprotocol() == "a");
    REQUIRE(server.wait_for_sessions(1));
    CHECK(server.sessions[0]->ws->subprotocol() == "a");
    CHECK(server.sessions[0]->offered == QStringList{"x", "a", "b"});
    CHECK(server.sessions[0]->url == server.url(QStringLiteral("/room?id=7")));
    CHECK(c.ws.response().status == 101);
    CHECK(c.ws.url() == server.url(QStringLiteral("/room?id=7")));

    raw_server liar;
    test_client d;
    d.open(liar.url());
    liar.accept("Sec-WebSocket-Protocol: chat\r\n");
    REQUIRE(d.wait_for_end());
    CHECK(d.info.error == errc::subprotocol_not_offered);
}

TEST_CASE("client: open drops what was there, which is never heard of again") {
    test_server server;
    raw_server silent;
    test_client c;
    c.open(silent.url());
    REQUIRE(silent.wait_for_peer());
    c.open(server.url());
    REQUIRE(c.wait_for_text("open"));
    REQUIRE(silent.peer->wait_for_end());
    c.open(server.url());
    REQUIRE(server.wait_for_sessions(2));
    REQUIRE(server.sessions[0]->wait_for_end());
    CHECK(server.sessions[0]->has("closed(1001 clean by_peer)"));
    REQUIRE(c.wait_for_text("open open"));
    CHECK(c.trace == "open open");
}
