// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/qt/keep_alive.hpp>

#include "qt/support/certificates.hpp"
#include "qt/support/engines.hpp"
#include "qt/support/process.hpp"
#include "qt/support/raw.hpp"
#include "qt/support/recorder.hpp"
#include "support/catch.hpp"

#include <QStringList>

#include <memory>
#include <utility>

using namespace framewire;
using namespace framewire::test;
using namespace std::chrono_literals;
using qt::keep_alive;

namespace {
qt::client_options pinging(keep_alive times) {
    qt::client_options options;
    options.keep_alive = times;
    return options;
}

// What the first ping in the peer's input carries; waits for it.
std::string take_ping(raw_end& peer) {
    std::string payload;
    wait_for([&] {
        for (wire_frame& frame : take_frames(peer.received)) {
            if (frame.op() == 9) payload = frame.payload;
        }
        return !payload.empty() || peer.ended;
    });
    return payload;
}
} // namespace

TEST_CASE("keep_alive: off by default, on both sides") {
    CHECK(qt::client_options().keep_alive.ping == 0ms);
    CHECK(qt::server_options().keep_alive.ping == 0ms);
    CHECK(qt::client_options().keep_alive.pong == 20s);
}

TEST_CASE("keep_alive: pings go on, and their answers tell the time they took") {
    qt::server_options options;
    bool by_server = false;
    SECTION("by the client") {}
    SECTION("by the server") { by_server = true; }
    if (by_server) options.keep_alive.ping = 5ms;
    test_server server(options);
    test_client c;
    c.open(server.url(), pinging({by_server ? 0ms : 5ms, 20s}));
    REQUIRE(server.wait_for_sessions(1));
    REQUIRE(c.wait_for_text("open"));
    test_server::entry& other = *server.sessions[0];
    qt::session& sender = by_server ? *other.ws : c.ws;
    int told = 0;
    std::chrono::microseconds least = 1h;
    sender.on_latency = [&](std::chrono::microseconds time) {
        ++told;
        least = std::min(least, time);
    };
    REQUIRE(wait_for([&] { return told >= 3; }));
    CHECK(least >= 0us);
    // They are not the application's.
    CHECK_FALSE((by_server ? other.trace : c.trace).find("pong") != std::string::npos);
    CHECK((by_server ? c.trace : other.trace).find("ping") != std::string::npos);
}

TEST_CASE("keep_alive: a peer that says nothing is left, and the error says why") {
    raw_server server;
    test_client c;
    c.open(server.url(), pinging({5ms, 60ms}));
    server.accept();
    REQUIRE(c.wait_for_end());
    CHECK(c.trace == "open closed(1006 a ping was not answered in time)");
    CHECK(c.info.error == errc::pong_timeout);
    CHECK(c.info.error == condition::timeout);
    CHECK(c.error_text() == "a ping was not answered in time");
    REQUIRE(server.peer->wait_for_end());
    CHECK(server.peer->take_words(role::client, 1).find("close") == std::string::npos);
    CHECK(no_engines());
}

TEST_CASE("keep_alive: a server leaves a client that says nothing") {
    qt::server_options options;
    options.keep_alive = {5ms, 60ms};
    SECTION("plain") {}
    SECTION("TLS, whose socket has buffers of its own") {
        options.tls = certificates().of_server("good");
    }
    test_server server(options);
    QSslSocket peer;
    if (options.tls) {
        peer.setSslConfiguration(certificates().of_client());
        peer.connectToHostEncrypted(QStringLiteral("localhost"), server.server.port());
    } else {
        peer.connectToHost(QHostAddress::LocalHost, server.server.port());
    }
    peer.write(good_request().c_str());
    REQUIRE(server.wait_for_sessions(1));
    REQUIRE(server.sessions[0]->wait_for_end());
    CHECK(server.sessions[0]->info.error == errc::pong_timeout);
}

TEST_CASE("keep_alive: whatever is received shows that the peer lives") {
    raw_server server;
    test_client c;
    c.open(server.url(), pinging({5ms, 60ms}));
    server.accept();
    REQUIRE(c.wait_for_text("open"));
    // The bytes of one long frame, one for each ping: no message, and no pong either.
    server.peer->send(std::string("\x82\x7e\x01\x00", 4));
    for (int i = 0; i < 3; ++i) {
        REQUIRE_FALSE(take_ping(*server.peer).empty());
        server.peer->send("x");
    }
    CHECK(c.trace == "open");
    REQUIRE(c.wait_for_end());
    CHECK(c.info.error == errc::pong_timeout);
}

TEST_CASE("keep_alive: pongs of others are the application's") {
    raw_server server;
    test_client c;
    c.open(server.url(), pinging({5ms, 20s}));
    server.accept();
    REQUIRE(c.wait_for_text("open"));
    int told = 0;
    c.ws.on_latency = [&](std::chrono::microseconds) { ++told; };
    const std::string payload = take_ping(*server.peer);
    CHECK(payload.size() == 8);
    server.peer->send(frame_writer(role::client).pong("mine").pong(payload).text("end"));
    REQUIRE(c.wait_for_text("text(end)"));
    CHECK(c.trace == "open pong(mine) text(end)");
    CHECK(told == 1);
}

TEST_CASE("keep_alive: a paused session cannot tell, and does not give up") {
    raw_server server;
    test_client c;
    c.open(server.url(), pinging({5ms, 20ms}));
    server.accept();
    REQUIRE(c.wait_for_text("open"));
    c.ws.pause();
    for (int i = 0; i < 3; ++i)
        REQUIRE_FALSE(take_ping(*server.peer).empty());
    CHECK(c.trace == "open");
    c.ws.resume();
    REQUIRE(c.wait_for_end());
    CHECK(c.info.error == errc::pong_timeout);
}

TEST_CASE("keep_alive: can be switched at any time") {
    raw_server server;
    test_client c;
    SECTION("on, while open") {
        c.open(server.url());
        server.accept();
        REQUIRE(c.wait_for_text("open"));
        c.ws.set_keep_alive({5ms, 20s});
        CHECK_FALSE(take_ping(*server.peer).empty());
    }
    SECTION("on, while connecting") {
        c.open(server.url());
        c.ws.set_keep_alive({5ms, 20s});
        server.accept();
        CHECK_FALSE(take_ping(*server.peer).empty());
    }
    SECTION("off") {
        c.open(server.url(), pinging({5ms, 30ms}));
        server.accept();
        REQUIRE(c.wait_for_text("open"));
        REQUIRE_FALSE(take_ping(*server.peer).empty());
        c.ws.set_keep_alive({});
        // Time for the answer passes without effect on this one, but not on another.
        raw_server other;
        test_client d;
        d.open(other.url(), pinging({5ms, 60ms}));
        other.accept();
        REQUIRE(d.wait_for_end());
        CHECK(c.trace == "open");
    }
    SECTION("off, by the news of an answer") {
        c.open(server.url(), pinging({5ms, 20s}));
        server.accept();
        int told = 0;
        c.ws.on_latency = [&](std::chrono::microseconds) {
            ++told;
            c.ws.set_keep_alive({});
        };
        const std::string payload = take_ping(*server.peer);
        server.peer->send(frame_writer(role::client).pong(payload).pong(payload));
        REQUIRE(c.wait_for_text("pong")); // of nobody
        CHECK(told == 1);
    }
}

TEST_CASE("keep_alive: the closing handshake has a time of its own") {
    raw_server server;
    test_client c;
    qt::client_options options = pinging({5ms, 20ms});
    options.timeouts.close = 100ms;
    c.open(server.url(), options);
    server.accept();
    REQUIRE(c.wait_for_text("open"));
    c.ws.close();
    REQUIRE(c.wait_for_end());
    CHECK(c.info.error == errc::close_timeout);
}

TEST_CASE("keep_alive: the session may be destroyed by what it tells") {
    raw_server server;
    auto c = std::make_unique<test_client>();
    bool told = false;
    SECTION("by an answer") {
        c->open(server.url(), pinging({5ms, 20s}));
        server.accept();
        c->ws.on_latency = [&](std::chrono::microseconds) {
            told = true;
            c.reset();
        };
        server.peer->send(frame_writer(role::client).pong(take_ping(*server.peer)));
    }
    SECTION("by the end") {
        c->open(server.url(), pinging({5ms, 20ms}));
        server.accept();
        c->ws.on_closed = [&](const qt::close_info&) {
            told = true;
            c.reset();
        };
    }
    SECTION("by what was written") {
        c->open(server.url());
        server.accept();
        REQUIRE(c->wait_for_text("open"));
        c->ws.on_written = [&] {
            told = true;
            c.reset();
        };
        c->ws.send_text("hello");
    }
    REQUIRE(wait_for([&] { return told; }));
    REQUIRE(server.peer->wait_for_end());
    CHECK(no_engines());
}

TEST_CASE("keep_alive: real peers answer") {
    const auto [program, file] = GENERATE(table<const char*, const char*>({
        {"node", "server.js"},
        {"/usr/bin/python3", "server.py"},
    }));
    peer_process peer(QString::fromLatin1(program),
                      {QStringLiteral(FRAMEWIRE_PEERS "/") + QString::fromLatin1(file)});
    test_client c;
    c.open(QUrl(QStringLiteral("ws://localhost:%1").arg(peer.wait_for_port())),
           pinging({5ms, 20s}));
    int told = 0;
    c.ws.on_latency = [&](std::chrono::microseconds) { ++told; };
    REQUIRE(wait_for([&] { return told >= 3; }));
    CHECK(c.trace == "open");
}
