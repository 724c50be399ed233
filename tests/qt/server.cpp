// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/qt/server.hpp>

#include "qt/support/engines.hpp"
#include "qt/support/raw.hpp"
#include "qt/support/recorder.hpp"
#include "support/catch.hpp"

#include <QDir>
#include <QHostAddress>
#include <QTcpSocket>
#include <QThread>
#include <QTimer>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace framewire;
using namespace framewire::test;
using namespace std::chrono_literals;

TEST_CASE("server: answers what is no opening handshake in words of HTTP", "[rfc6455-4.2.1]") {
    test_server server;
    const auto [request, status, cause] = GENERATE(table<std::string, std::string, std::string>({
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "400 Bad Request",
         "the request has no Upgrade field that names websocket"},
        {"POST / HTTP/1.1\r\nHost: x\r\n\r\n", "405 Method Not Allowed",
         "the request method is not GET"},
        {"GET / HTTP/1.0\r\nHost: x\r\n\r\n", "505 HTTP Version Not Supported",
         "the HTTP version is not 1.1"},
        {"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n\r\n",
         "426 Upgrade Required", "Sec-WebSocket-Version is not 13"},
        {"\x16\x03\x01\x02", "400 Bad Request",
         "the HTTP head has a character that is not allowed there (line 1)"},
        {"GET / HTTP/1.1\nHost: x\n\n", "400 Bad Request",
         "a line of the HTTP head does not end in CR LF (line 1)"},
    }));
    const auto peer = raw_connect(server.server.port());
    peer->send(request + "GET /smuggled HTTP/1.1\r\n\r\n");
    const std::string head = peer->take_head();
    CHECK(head.rfind("HTTP/1.1 " + status, 0) == 0);
    CHECK(head.find("Connection: close") != std::string::npos);
    CHECK(head.find("Content-Length: ") != std::string::npos);
    REQUIRE(peer->wait_for_text(cause));
    peer->send("GET /more HTTP/1.1\r\n\r\n");
    peer->end();
    REQUIRE(peer->wait_for_end());
    CHECK(peer->received.find("HTTP/1.1") == std::string::npos); // one answer, no second
    REQUIRE(wait_for([&] { return !server.failed.empty(); }));
    const std::string told = server.failed[0].error_text.toStdString();
    CHECK(told.rfind("127.0.0.1: ", 0) == 0);
    CHECK(told.find("(answered " + status.substr(0, 3) + ")") != std::string::npos);
    CHECK(server.sessions.empty());
    CHECK(no_engines());
}

TEST_CASE("server: ends a refused connection also when the client does not") {
    test_server server;
    const auto peer = raw_connect(server.server.port());
    peer->send("GET / HTTP/1.1\r\n\r\n");
    REQUIRE(peer->wait_for_end());
    CHECK(peer->received.rfind("HTTP/1.1 400", 0) == 0);
    CHECK(no_engines());
}

TEST_CASE("server: answers an oversized head with 431, though more is coming") {
    qt::server_options options;
    options.max_head_size = 2000;
    test_server server(options);
    const auto peer = raw_connect(server.server.port());
    peer->send("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(1'000'000, 'x'));
    CHECK(peer->take_head().rfind("HTTP/1.1 431", 0) == 0);
    peer->end();
    REQUIRE(wait_for([&] { return !server.failed.empty(); }));
    CHECK(server.failed[0].error == errc::head_too_large);
}

TEST_CASE("server: shakes hands with a peer that sends one byte after the other") {
    test_server server;
    const auto peer = raw_connect(server.server.port());
    frame_writer frames(role::server);
    frames.text("slow").close(1000);
    for (const char b : good_request() + frames.str()) {
        peer->send(std::string_view(&b, 1));
        QCoreApplication::processEvents();
    }
    const std::string head = peer->take_head();
    CHECK(head ==
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"); // RFC 6455 1.3
    CHECK(peer->take_words(role::server, 2) == "text(\"slow\") close(1000 \"\")");
    REQUIRE(peer->wait_for_end()); // the server ends first: RFC 6455 7.1.1
    CHECK(server.sessions[0]->wait_for_text("closed(1000 clean by_peer)"));
}

TEST_CASE("server: takes frames that come right behind the request, after on_session") {
    test_server server;
    const auto peer = raw_connect(server.server.port());
    peer->send(good_request() + frame_writer(role::server).text("early").str());
    peer->take_head();
    CHECK(peer->take_words(role::server) == "text(\"early\")");
}

TEST_CASE("server: the deadline of the handshake is absolute") {
    qt::server_options options;
    options.open_timeout = 100ms;
    test_server server(options);
    const auto peer = raw_connect(server.server.port());
    SECTION("silent") {}
    SECTION("one byte after the other") {
        peer->send("GET / HTTP/1.1\r\nX: ");
        REQUIRE(wait_for([&] {
            peer->send("x");
            QThread::msleep(5);
            return !peer->received.empty();
        }));
    }
    CHECK(peer->take_head().rfind("HTTP/1.1 408 Request Timeout", 0) == 0);
    peer->end();
    REQUIRE(wait_for([&] { return !server.failed.empty(); }));
    CHECK(server.failed[0].error == errc::open_timeout);
    CHECK(no_engines());
}

TEST_CASE("server: a connection that ends before its request is told") {
    test_server server;
    const auto peer = raw_connect(server.server.port());
    peer->send("GET / HT");
    run_what_is_due();
    peer->end();
    REQUIRE(wait_for([&] { return !server.failed.empty(); }));
    CHECK(server.failed[0].error == errc::connection_lost);
    CHECK(server.failed[0].error_text ==
          QStringLiteral("127.0.0.1 ended the connection before its request was complete"));
}

TEST_CASE("server: lets on_request decide, with all that the client said") {
    test_server server;
    qt::request seen;
    server.server.on_request = [&](const qt::request& from) {
        seen = from;
        if (from.target == "/secret") {
            qt::answer no = qt::answer::refuse(401, "who are you?");
            no.headers = {{"WWW-Authenticate", "Bearer"}};
            return no;
        }
        qt::answer yes;
        yes.subprotocol = "b";
        yes.headers = {{"X-Extra", "1"}};
        return yes;
    };
    test_client c;
    qt::client_options options;
    options.headers = {{"Cookie", "a=b"}};
    options.subprotocols = {"a", "b"};
    c.open(server.url("/secret"), options);
    REQUIRE(c.wait_for_end());
    CHECK(c.error_text() == "the server answered 401 Unauthorized");
    CHECK(c.ws.response().body == "who are you?");
    CHECK(qt::find_header(c.ws.response().headers, "WWW-Authenticate") == "Bearer");
    CHECK(qt::find_header(seen.headers, "cookie") == "a=b");
    CHECK(seen.subprotocols == QStringList{"a", "b"});
    CHECK(seen.peer_address.isLoopback());
    CHECK(seen.origin.isNull());

    c.open(server.url("/room"), options);
    REQUIRE(c.wait_for_text("open"));
    CHECK(c.ws.subprotocol() == "b");
    CHECK(qt::find_header(c.ws.response().headers, "X-Extra") == "1");
}

TEST_CASE("server: an answer that cannot be said becomes a 500") {
    test_server server;
    server.server.on_request = [](const qt::request& from) {
        qt::answer wrong;
        if (from.target == "/protocol") wrong.subprotocol = "never offered";
        if (from.target == "/field") wrong.headers = {{"X", "a\r\nb"}};
        if (from.target == "/status") wrong.status = 99;
        return wrong;
    };
    for (const char* path : {"/protocol", "/field", "/status"}) {
        test_client c;
        c.open(server.url(path));
        REQUIRE(c.wait_for_end());
        CHECK(c.error_text() == "the server answered 500 Internal Server Error");
    }
}

TEST_CASE("server: refuses pages of other origins unless it is told otherwise", "[rfc6455-10.2]") {
    qt::server_options options;
    options.allowed_origins = {"https://example.org"};
    test_server server(options);
    const auto status_for = [&](std::string_view origin) {
        const auto peer = raw_connect(server.server.port());
        peer->send(good_request(origin));
        return peer->take_head().substr(9, 3);
    };
    CHECK(status_for("") == "101");
    CHECK(status_for("Origin: https://example.org\r\n") == "101");
    CHECK(status_for("Origin: https://example.org.evil\r\n") == "403");
    CHECK(status_for("Origin: null\r\n") == "403");
    CHECK(status_for("Origin:\r\n") == "403");
    options.allow_any_origin = true;
    server.server.set_options(options);
    CHECK(status_for("Origin: https://example.org.evil\r\n") == "101");
}

TEST_CASE("server: says its name when it has one") {
    test_server server;
    test_client c;
    c.open(server.url());
    REQUIRE(c.wait_for_text("open"));
    CHECK(qt::find_header(c.ws.response().headers, "Server").isNull());
    qt::server_options options = server.server.options();
    options.server_name = "Chat 1.0";
    server.server.set_options(options);
    c.open(server.url());
    REQUIRE(c.wait_for_text("open open"));
    CHECK(qt::find_header(c.ws.response().headers, "Server") == "Chat 1.0");
}

TEST_CASE("server: says why it cannot listen") {
    qt::server first;
    REQUIRE(first.listen());
    CHECK(first.is_listening());
    CHECK(first.port() != 0);
    CHECK(first.address() == QHostAddress(QHostAddress::LocalHost));
    qt::server second;
    CHECK_FALSE(second.listen(QHostAddress::LocalHost, first.port()));
    CHECK_FALSE(second.is_listening());
    CHECK(second.error_text() == QStringLiteral("The bound address is already in use"));
    CHECK(second.listen()); // again, elsewhere
    CHECK(second.error_text().isEmpty());
}

TEST_CASE("server: leaves sessions alone when it closes, listens again, or goes") {
    auto server = std::make_unique<test_server>();
    test_client c;
    c.open(server->url());
    REQUIRE(c.wait_for_text("open"));
    server->server.close();
    CHECK_FALSE(server->server.is_listening());
    c.ws.send_text("one");
    REQUIRE(c.wait_for_text("text(one)"));
    REQUIRE(server->server.listen());
    test_client d;
    d.open(server->url());
    REQUIRE(d.wait_for_text("open"));
    auto kept = std::move(server->sessions);
    server.reset();
    c.ws.send_text("two");
    REQUIRE(c.wait_for_text("text(two)"));
}

TEST_CASE("server: drops connections that still shake hands when it closes") {
    test_server server;
    const auto peer = raw_connect(server.server.port());
    REQUIRE(wait_for([&] { return server.server.pending_handshakes() == 1; }));
    server.server.close();
    CHECK(server.server.pending_handshakes() == 0);
    REQUIRE(peer->wait_for_end());
    CHECK(no_engines());
}

TEST_CASE("server: may be destroyed in its handlers") {
    auto server = std::make_unique<test_server>();
    const std::string handler = GENERATE(as<std::string>(), "request", "session", "failed");
    const bool nested = GENERATE(false, true);
    CAPTURE(handler, nested);
    const auto destroy = [&] {
        if (!nested) return server.reset();
        QTimer::singleShot(0, [&] { server.reset(); });
        wait_for([&] { return server == nullptr; }); // an event loop in the handler
        run_what_is_due();
    };
    std::unique_ptr<qt::session> kept;
    if (handler == "request") {
        server->server.on_request = [&](const qt::request&) {
            destroy();
            return qt::answer::accept();
        };
    } else if (handler == "session") {
        server->server.on_session = [&](std::unique_ptr<qt::session> s, const qt::request&) {
            kept = std::move(s);
            destroy();
        };
    } else {
        server->server.on_failed_handshake = [&](const qt::close_info&) { destroy(); };
    }
    const auto peer = raw_connect(server->server.port());
    peer->send(handler == "failed" ? std::string("X") : good_request());
    if (handler == "failed") {
        run_what_is_due();
        peer->send("\r\n\r\n");
    }
    REQUIRE(wait_for([&] { return server == nullptr; }));
    if (handler == "session") {
        CHECK(kept->state() == qt::session_state::open);
        peer->take_head();
        kept->send_text("still here");
        CHECK(peer->take_words(role::server) == "text(\"still here\")");
        kept.reset();
        peer->send(frame_writer(role::server).close(1001));
    }
    REQUIRE(peer->wait_for_end());
    CHECK(no_engines());
}

TEST_CASE("server: lets clients wait while accepting is paused") {
    test_server server;
    server.server.pause_accepting();
    CHECK(server.server.is_accepting_paused());
    test_client c;
    c.open(server.url());
    run_what_is_due();
    QThread::msleep(50);
    run_what_is_due();
    CHECK(c.trace.empty());
    CHECK(c.ws.state() == qt::session_state::connecting);
    server.server.resume_accepting();
    REQUIRE(c.wait_for_text("open"));

    // It is kept over close and listen, and may be said before.
    qt::server other;
    other.pause_accepting();
    REQUIRE(other.listen());
    test_client d;
    d.open(QUrl(QStringLiteral("ws://127.0.0.1:%1/").arg(other.port())));
    run_what_is_due();
    CHECK(d.trace.empty());
    std::unique_ptr<qt::session> kept;
    other.on_session = [&](std::unique_ptr<qt::session> s, const qt::request&) {
        kept = std::move(s);
    };
    other.resume_accepting();
    REQUIRE(d.wait_for_text("open"));
}

TEST_CASE("server: shakes hands with a bounded number at a time, and serves all in the end") {
    qt::server_options options;
    options.max_pending_handshakes = 3;
    options.open_timeout = 200ms;
    test_server server(options);
    std::vector<std::unique_ptr<raw_end>> silent;
    silent.reserve(12);
    for (int i = 0; i < 12; ++i)
        silent.push_back(raw_connect(server.server.port()));
    test_client c;
    c.open(server.url());
    int most = 0;
    REQUIRE(wait_for([&] {
        most = std::max(most, server.server.pending_handshakes());
        for (auto& peer : silent) {
            if (!peer->received.empty()) peer->end(); // 408
        }
        return c.has("open");
    }));
    CHECK(most == 3);
    REQUIRE(wait_for([&] { return server.server.pending_handshakes() == 0; }));
    CHECK(server.failed.size() == 12);
}

TEST_CASE("server: closes what waits for a handshake when it closes") {
    qt::server_options options;
    options.max_pending_handshakes = 1;
    test_server server(options);
    std::vector<std::unique_ptr<raw_end>> silent;
    silent.reserve(12);
    for (int i = 0; i < 5; ++i)
        silent.push_back(raw_connect(server.server.port()));
    REQUIRE(wait_for([&] { return server.server.pending_handshakes() == 1; }));
    run_what_is_due();
    server.server.close();
    for (auto& peer : silent)
        REQUIRE(peer->wait_for_end());
}

TEST_CASE("server: holds no descriptor for who waits for a handshake") {
    const auto descriptors = [] {
        // A socket there is a link to nothing, which Qt lists among what belongs to the system. The
        // directory is there on Linux; elsewhere all counts are 0.
        const QDir open(QStringLiteral("/proc/self/fd"));
        return open.entryList(QDir::AllEntries | QDir::System | QDir::NoDotAndDotDot).size();
    };
    qt::server_options options;
    options.max_pending_handshakes = 1;
    test_server server(options);
    // All of them stand in the system's queue before the server gets to look at it.
    std::vector<std::unique_ptr<QTcpSocket>> silent;
    for (int i = 0; i < 10; ++i) {
        silent.push_back(std::make_unique<QTcpSocket>());
        silent.back()->connectToHost(QHostAddress::LocalHost, server.server.port());
        REQUIRE(silent.back()->waitForConnected());
    }
    const auto before = descriptors();
    REQUIRE(wait_for([&] { return server.server.pending_handshakes() == 1; }));
    run_what_is_due();
    CHECK(descriptors() <= before + 1);
}

TEST_CASE("server: refuses what breaks the protocol, and ends the connection", "[rfc6455-7.1.7]") {
    qt::server_options options;
    options.limits.max_message_size = 1000;
    test_server server(options);
    const auto peer = raw_open(server.server.port());
    REQUIRE(server.wait_for_sessions(1));
    frame_writer frames(role::server);
    std::string sent;
    SECTION("a frame that is not masked") {
        peer->send(frames.frame_of_wrong_role(0x81, "x"));
        sent = "close(1002 \"a client sent a frame that is not masked\")";
    }
    SECTION("a message of 2^40 bytes") {
        peer->send(frames.header(0x82, std::uint64_t{1} << 40));
        sent = "close(1009 \"a message is larger than the limit\")";
    }
    SECTION("a violation with much behind it") {
        peer->send(frames.frame(0x83).str() + std::string(3'000'000, 'x'));
        sent = "close(1002 \"a frame has a reserved opcode\")";
    }
    CHECK(peer->take_words(role::server) == sent);
    REQUIRE(peer->wait_for_end());
    REQUIRE(server.sessions[0]->wait_for_end());
    CHECK(sent.find(server.sessions[0]->error_text()) != std::string::npos);
    CHECK(no_engines());
}

TEST_CASE("server: drops a client that does not answer its Close") {
    qt::server_options options;
    options.close_timeout = 60ms;
    test_server server(options);
    const auto peer = raw_open(server.server.port());
    REQUIRE(server.wait_for_sessions(1));
    server.sessions[0]->ws->close(close_code::going_away);
    REQUIRE(server.sessions[0]->wait_for_end());
    CHECK(server.sessions[0]->info.error == errc::close_timeout);
    REQUIRE(peer->wait_for_end());
    CHECK(no_engines());
}

TEST_CASE("server: all of its answer reaches a client that sends behind its Close and reads late",
          "[rfc6455-7.1.1]") {
    test_server server;
    const auto peer = raw_open(server.server.port());
    REQUIRE(server.wait_for_sessions(1));
    test_server::entry& s = *server.sessions[0];
    peer->socket().setReadBufferSize(1); // so that the rest stays with the system
    const std::string big(1 << 20, 'x');
    peer->send(frame_writer(role::server).binary(big).close(1000));
    REQUIRE(wait_for([&] { return s.has("closing") && s.ws->buffered_amount() == 0; }));
    run_what_is_due();
    for (int i = 0; i < 3; ++i) {
        peer->send(frame_writer(role::server).ping("late"));
        run_what_is_due();
    }
    peer->socket().setReadBufferSize(0);
    REQUIRE(peer->wait_for_end());
    const std::vector<wire_frame> frames = take_frames(peer->received);
    REQUIRE(frames.size() == 2);
    CHECK((frames[0].payload == big)); // too much to be shown
    CHECK(words({frames[1]}, role::server) == "close(1000 \"\")");
    REQUIRE(s.wait_for_end());
    CHECK(s.trace == "closing closed(1000 clean by_peer)");
    CHECK(no_engines());
}

TEST_CASE("server: a client that ends nothing after the closing handshake is left in time",
          "[rfc6455-7.1.1]") {
    qt::server_options options;
    options.close_timeout = 60ms;
    test_server server(options);
    const auto peer = raw_open(server.server.port());
    REQUIRE(server.wait_for_sessions(1));
    test_server::entry& s = *server.sessions[0];
    peer->socket().setReadBufferSize(1); // it sees no end, and ends nothing
    peer->send(frame_writer(role::server).close(1000));
    REQUIRE(s.wait_for_end());
    CHECK(s.trace == "closing closed(1000 clean by_peer)");
    CHECK(no_engines());
}

TEST_CASE("server: many may connect at a time before it comes to them") {
    test_server server;
    // Nothing is accepted meanwhile: a socket that waits has no event loop run.
    std::vector<std::unique_ptr<QTcpSocket>> sockets;
    bool connected = true;
    while (connected && sockets.size() < 200) {
        auto socket = std::make_unique<QTcpSocket>();
        socket->connectToHost(QHostAddress::LocalHost, server.server.port());
        // Without room the system drops the request, and TCP tries again after a second.
        connected = socket->waitForConnected(500);
        sockets.push_back(std::move(socket));
    }
    CHECK(connected);
    CHECK(sockets.size() == 200);
}

TEST_CASE("server: sends what was prepared once to many, the same frame to each") {
    test_server server;
    const auto one = raw_connect(server.server.port());
    const auto other = raw_connect(server.server.port());
    one->send(good_request());
    other->send(good_request());
    one->take_head();
    other->take_head();
    REQUIRE(server.wait_for_sessions(2));
    prepared_message message;
    REQUIRE(message.assign_text("to all") == errc::success);
    for (const auto& entry : server.sessions)
        CHECK(entry->ws->send(message) == errc::success);
    CHECK(one->take_words(role::server) == "text(\"to all\")");
    CHECK(other->take_words(role::server) == "text(\"to all\")");

    // A large one goes to the system at once, so that many clients do not take a copy each.
    const std::string large(65'536, 'x');
    REQUIRE(message.assign_text(large) == errc::success);
    for (const auto& entry : server.sessions) {
        CHECK(entry->ws->send_text("before") == errc::success);
        CHECK(entry->ws->send(message) == errc::success);
        CHECK(entry->ws->buffered_amount() == 0);
    }
    for (auto* const peer : {one.get(), other.get()})
        CHECK(peer->take_words(role::server, 2) ==
              "text(\"before\") text(\"" + shown(large) + "\")");

    REQUIRE(message.assign_text("to all") == errc::success);
    test_client client;
    client.open(server.url());
    REQUIRE(client.wait_for_text("open"));
    CHECK(client.ws.send(message) == errc::success); // masks it
    REQUIRE(client.wait_for_text("text(to all)"));
    client.ws.abort();
    CHECK(client.ws.send(message) == errc::not_open);
}
