// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/qt/session.hpp>

#include "qt/support/engines.hpp"
#include "qt/support/raw.hpp"
#include "qt/support/recorder.hpp"
#include "support/catch.hpp"

#include <QCoreApplication>
#include <QDeadlineTimer>
#include <QEvent>
#include <QEventLoop>
#include <QFileInfo>
#include <QLocalServer>
#include <QLocalSocket>
#include <QTcpServer>
#include <QTcpSocket>
#include <QThread>
#include <QTimer>
#include <QUuid>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#ifdef __linux__
#include <unistd.h>
#endif

using namespace framewire;
using namespace framewire::test;
using qt::session_state;

TEST_CASE("session: tells when what was sent has been written, in part and in whole") {
    test_server server;
    test_client c;
    c.open(server.url());
    REQUIRE(server.wait_for_sessions(1));
    REQUIRE(c.wait_for_text("open"));
    std::vector<qint64> left;
    c.ws.on_written = [&] { left.push_back(c.ws.buffered_amount()); };
    c.ws.send_text("hello");
    CHECK(left.empty()); // from the event loop
    REQUIRE(wait_for([&] { return !left.empty(); }));
    CHECK(left == std::vector<qint64>{0});

    left.clear();
    const QByteArray big(16 << 20, 'x');
    CHECK(c.ws.send_binary(big) == errc::success);
    REQUIRE(wait_for([&] { return !left.empty() && left.back() == 0; }));
    CHECK(left.size() > 2); // no system takes it at once
    CHECK(std::is_sorted(left.rbegin(), left.rend()));
    CHECK(c.ws.buffered_amount() == 0);

    left.clear();
    c.ws.send_text("bye");
    c.ws.close();
    REQUIRE(c.wait_for_end());
    CHECK(left.empty()); // it is closing
}

TEST_CASE("session: exchanges messages of every kind and size") {
    test_server server;
    test_client c;
    c.open(server.url());
    REQUIRE(c.wait_for_text("open"));
    CHECK(c.ws.state() == session_state::open);
    CHECK(c.ws.send_text("h\xC3\xA9llo") == errc::success);
    CHECK(c.ws.send_text(QStringLiteral("\u20AC")) == errc::success);
    CHECK(c.ws.send_text("") == errc::success);
    CHECK(c.ws.send_binary(QByteArray("a\0b", 3)) == errc::success);
    CHECK(c.ws.ping("p") == errc::success);
    CHECK(c.ws.send_fragment(opcode::text, "a", false) == errc::success);
    CHECK(c.ws.send_fragment(opcode::text, "b", true) == errc::success);
    REQUIRE(c.wait_for_text("text(ab)"));
    CHECK(c.trace == std::string("open text(h\xC3\xA9llo) text(\xE2\x82\xAC) text() binary(a\0b) "
                                 "pong(p) text(ab)",
                                 63));
    CHECK(server.sessions[0]->has("ping(p)"));

    for (const qsizetype size : {125, 126, 65535, 65536, 131072, 5'000'000, (16 << 20) - 14}) {
        QByteArray big(size, '\0');
        for (qsizetype i = 0; i < size; ++i)
            big[i] = static_cast<char>(i * 7);
        c.last.clear();
        REQUIRE(c.ws.send_binary(big) == errc::success);
        REQUIRE(wait_for([&] { return c.last.size() == size; }));
        CHECK(c.last == big);
    }
    CHECK(c.ws.buffered_amount() == 0);
}

TEST_CASE("session: closes with code and reason, and both sides say so", "[rfc6455-7]") {
    test_server server;
    test_client c;
    c.open(server.url());
    REQUIRE(c.wait_for_text("open"));

    SECTION("begun by the client") {
        CHECK(c.ws.close(close_code{4000}, "done") == errc::success);
        CHECK(c.ws.state() == session_state::closing);
        CHECK(c.ws.send_text("late") == errc::not_open);
        CHECK(c.ws.close(close_code::normal) == errc::success); // changes nothing
        REQUIRE(c.wait_for_end());
        CHECK(c.trace == "open closed(4000 clean)");
        REQUIRE(server.sessions[0]->wait_for_end());
        CHECK(server.sessions[0]->trace == "closing closed(4000 \"done\" clean by_peer)");
    }
    SECTION("begun by the server") {
        c.ws.send_text("please close");
        REQUIRE(c.wait_for_end());
        CHECK(c.trace == "open closing closed(4001 \"bye\" clean by_peer)");
        REQUIRE(server.sessions[0]->wait_for_end());
        CHECK(server.sessions[0]->trace == "closed(4001 clean)");
    }
    SECTION("without a code") {
        c.ws.close(close_code::no_status_received);
        REQUIRE(server.wait_for_sessions(1));
        REQUIRE(server.sessions[0]->wait_for_end());
        CHECK(server.sessions[0]->trace == "closing closed(1005 clean by_peer)");
    }
    SECTION("with a code that may not be sent") {
        CHECK(c.ws.close(close_code{1005}, "x") == errc::close_code_not_sendable);
        CHECK(c.ws.close(close_code{1006}) == errc::close_code_not_sendable);
        CHECK(c.ws.close(close_code::normal, QString(124, u'x')) == errc::close_reason_too_long);
        CHECK(c.ws.state() == session_state::open);
        c.ws.close();
    }
    REQUIRE(c.wait_for_end());
    CHECK(c.closed == 1);
    CHECK(c.error_text().empty());
    CHECK(c.ws.state() == session_state::closed);
    CHECK(c.ws.device() == nullptr);
    CHECK(no_engines());
}

TEST_CASE("session: messages sent before close arrive") {
    test_server server({}, false);
    test_client c;
    c.open(server.url());
    REQUIRE(c.wait_for_text("open"));
    const QByteArray big(3'000'000, 'x');
    c.ws.send_binary(big);
    c.ws.send_text("last");
    c.ws.close();
    REQUIRE(c.wait_for_end());
    REQUIRE(server.sessions[0]->wait_for_end());
    CHECK(server.sessions[0]->trace ==
          "binary(3000000 bytes) text(last) closing closed(1000 clean by_peer)");
}

TEST_CASE("session: what is sent in one turn of the event loop leaves in one write") {
    raw_server server;
    test_client c;
    c.open(server.url());
    server.accept();
    REQUIRE(c.wait_for_text("open"));
    server.peer->reading = false;
    int arrivals = 0;
    QObject::connect(&server.peer->socket(), &QTcpSocket::readyRead, [&] { ++arrivals; });
    for (int i = 0; i < 50; ++i)
        c.ws.send_text("message");
    CHECK(c.ws.buffered_amount() == 650);
    server.peer->reading = true;
    CHECK(server.peer->take_words(role::client, 50).size() == 50 * 16 - 1);
    CHECK(arrivals == 1);

    // Likewise for everything that one read is answered with.
    c.ws.on_text = [&](std::string_view text) { c.ws.send_text(text); };
    frame_writer many(role::client);
    for (int i = 0; i < 20; ++i)
        many.text("echo").ping("p");
    server.peer->send(many);
    CHECK(server.peer->take_words(role::client, 40).substr(0, 37) ==
          "text(\"echo\") pong(\"p\") text(\"echo\") p");
    CHECK(arrivals == 2);
}

TEST_CASE("session: a large message of a server is handed to the system at once, in its place") {
    test_server server({}, false);
    const auto peer = raw_open(server.server.port());
    REQUIRE(server.wait_for_sessions(1));
    qt::session& ws = *server.sessions[0]->ws;
    const std::string large(65'536, 'x');
    CHECK(ws.send_text("before") == errc::success);
    CHECK(ws.buffered_amount() != 0);
    CHECK(ws.send_text("\xFF" + large) == errc::text_not_utf8);
    int told = 0;
    ws.on_written = [&] { ++told; };
    CHECK(ws.send_text(large) == errc::success);
    CHECK(ws.buffered_amount() == 0);
    CHECK(told == 0); // not from within
    CHECK(wait_for([&] { return told == 1; }));
    CHECK(ws.send_text("behind") == errc::success);
    // More than the system takes: the rest waits, and what comes behind it.
    const std::string huge(12 << 20, 'y');
    CHECK(ws.send_binary(QByteArrayView(huge.data(), 12 << 20)) == errc::success);
    CHECK(ws.buffered_amount() > 0);
    CHECK(ws.buffered_amount() < 12 << 20);
    CHECK(ws.send_text(large) == errc::success);
    std::vector<wire_frame> frames;
    REQUIRE(wait_for([&] {
        for (wire_frame& frame : take_frames(peer->received))
            frames.push_back(std::move(frame));
        return frames.size() == 5;
    }));
    CHECK(frames[0].payload == "before");
    CHECK((frames[1].payload == large));
    CHECK(frames[2].payload == "behind");
    CHECK((frames[3].payload == huge));
    CHECK((frames[4].payload == large));
    CHECK(wait_for([&] { return ws.buffered_amount() == 0; }));
}

TEST_CASE("session: may be destroyed in each of its handlers") {
    test_server server;
    auto c = std::make_unique<test_client>();
    std::string in;
    const auto destroy = [&](const char* where) {
        in = where;
        c.reset();
    };
    const std::string handler = GENERATE(as<std::string>(), "opened", "text", "binary", "ping",
                                         "pong", "closing", "closed");
    CAPTURE(handler);
    if (handler == "opened") c->ws.on_opened = [&] { destroy("opened"); };
    if (handler == "text") c->ws.on_text = [&](std::string_view) { destroy("text"); };
    if (handler == "binary") c->ws.on_binary = [&](QByteArrayView) { destroy("binary"); };
    if (handler == "ping") c->ws.on_ping = [&](QByteArrayView) { destroy("ping"); };
    if (handler == "pong") c->ws.on_pong = [&](QByteArrayView) { destroy("pong"); };
    if (handler == "closing") c->ws.on_closing = [&] { destroy("closing"); };
    if (handler == "closed") c->ws.on_closed = [&](const qt::close_info&) { destroy("closed"); };
    c->open(server.url());
    REQUIRE(server.wait_for_sessions(1));
    qt::session& s = *server.sessions[0]->ws;
    REQUIRE(wait_for([&] { return c == nullptr || c->has("open"); }));
    if (handler != "opened") {
        // More than one in one segment: nothing may be called after the first.
        s.send_text("a");
        s.send_text("b");
        s.send_binary("c");
        s.ping("d");
        c->ws.ping("e");
        REQUIRE(server.sessions[0]->wait_for_text("ping(e)"));
        s.close();
    }
    REQUIRE(wait_for([&] { return c == nullptr; }));
    CHECK(in == handler);
    REQUIRE(server.sessions[0]->wait_for_end());
    CHECK(no_engines());
}

TEST_CASE("session: a server's session may be destroyed in its handlers") {
    qt::server server;
    std::unique_ptr<qt::session> held;
    bool at_once = GENERATE(true, false);
    server.on_session = [&](std::unique_ptr<qt::session> opened, const qt::request&) {
        if (at_once) return; // goes out of scope here
        held = std::move(opened);
        held->on_text = [&](std::string_view) { held.reset(); };
    };
    REQUIRE(server.listen());
    test_client c;
    c.open(QUrl(QStringLiteral("ws://127.0.0.1:%1/").arg(server.port())));
    REQUIRE(c.wait_for_text("open"));
    c.ws.send_text("x");
    c.ws.send_text("y");
    REQUIRE(c.wait_for_end());
    CHECK(c.trace == "open closing closed(1001 clean by_peer)");
    CHECK(no_engines());
}

TEST_CASE("session: destroying an open one closes with 1001 behind what was sent") {
    test_server server({}, false);
    {
        test_client c;
        c.open(server.url());
        REQUIRE(c.wait_for_text("open"));
        REQUIRE(server.wait_for_sessions(1));
        c.ws.send_text("last words");
    }
    REQUIRE(server.sessions[0]->wait_for_end());
    CHECK(server.sessions[0]->trace == "text(last words) closing closed(1001 clean by_peer)");
    CHECK(no_engines());
}

TEST_CASE("session: destroying one that is connecting leaves nothing behind") {
    raw_server server;
    {
        test_client c;
        c.open(server.url());
        CHECK(c.ws.state() == session_state::connecting);
        if (GENERATE(false, true)) REQUIRE(server.wait_for_peer());
    }
    CHECK(qt::detail::thread_engine_count() == 0);
    run_what_is_due();
}

TEST_CASE("session: abort ends at once and tells it before it returns") {
    test_server server;
    test_client c;
    c.open(server.url());
    REQUIRE(c.wait_for_text("open"));
    REQUIRE(server.wait_for_sessions(1));
    c.ws.abort();
    CHECK(c.trace == "open closed(1006)");
    CHECK(c.ws.state() == session_state::closed);
    c.ws.abort();
    CHECK(c.closed == 1);
    REQUIRE(server.sessions[0]->wait_for_end());
    CHECK(server.sessions[0]->trace == "closed(1006 the connection ended without a Close frame)");

    // In a handler, too.
    c.trace.clear();
    c.ws.on_opened = [&] { c.ws.abort(); };
    c.open(server.url());
    REQUIRE(c.wait_for_text("closed"));
    CHECK(c.trace == "closed(1006)");
    CHECK(no_engines());
}

TEST_CASE("session: close while connecting gives up") {
    raw_server server;
    test_client c;
    c.open(server.url());
    CHECK(c.ws.close() == errc::success);
    CHECK(c.closed == 0); // not before the event loop runs
    REQUIRE(c.wait_for_end());
    CHECK(c.trace == "closed(1006)");
    CHECK(c.error_text() == "closed before the connection was open");
    CHECK(no_engines());
}

TEST_CASE("session: a closed one refuses what cannot be done, and forgives the rest") {
    qt::client ws;
    CHECK(ws.state() == session_state::closed);
    CHECK(ws.send_text("x") == errc::not_open);
    CHECK(ws.send_binary("x") == errc::not_open);
    CHECK(ws.send_fragment(opcode::text, "x", true) == errc::not_open);
    CHECK(ws.ping() == errc::not_open);
    CHECK(ws.pong() == errc::not_open);
    CHECK(ws.close() == errc::success);
    CHECK(ws.subprotocol().isEmpty());
    CHECK(ws.device() == nullptr);
    CHECK(ws.socket() == nullptr);
    ws.pause();
    ws.resume();
    ws.abort();
}

TEST_CASE("session: stops reading while paused, without losing or reordering anything") {
    test_server server;
    test_client c;
    c.open(server.url());
    REQUIRE(server.wait_for_sessions(1));
    REQUIRE(c.wait_for_text("open"));
    c.ws.on_text = [&](std::string_view text) {
        c.note("text(" + std::string(text) + ")");
        c.ws.pause();
    };
    qt::session& s = *server.sessions[0]->ws;
    s.send_text("1");
    s.send_text("2");
    REQUIRE(c.wait_for_text("text(1)"));
    s.send_text("3");
    run_what_is_due();
    CHECK(c.trace == "open text(1)");
    CHECK(c.ws.is_paused());
    c.ws.resume();
    REQUIRE(c.wait_for_text("text(2)"));
    run_what_is_due();
    CHECK_FALSE(c.has("text(3)"));
    s.close();
    c.ws.resume();
    REQUIRE(c.wait_for_text("text(3)"));
    run_what_is_due();
    CHECK_FALSE(c.has("closing"));
    c.ws.resume();
    REQUIRE(c.wait_for_end());
    CHECK(c.trace == "open text(1) text(2) text(3) closing closed(1000 clean by_peer)");
}

TEST_CASE("session: a flood of messages that take long leaves time for timers and for others") {
    test_server server;
    test_client c;
    c.open(server.url());
    REQUIRE(server.wait_for_sessions(1));
    REQUIRE(c.wait_for_text("open"));
    constexpr int count = 400;
    int heard = 0;
    int ticks = 0;
    int other_heard_at = 0; // how far the flood was then
    QTimer timer;
    QObject::connect(&timer, &QTimer::timeout, [&] { ticks += heard > 0 && heard < count; });
    timer.start(0);

    test_client other;
    other.open(server.url());
    REQUIRE(server.wait_for_sessions(2));
    REQUIRE(other.wait_for_text("open"));
    server.sessions[1]->ws->on_text = [&](std::string_view) { other_heard_at = heard; };
    server.sessions[0]->ws->on_text = [&](std::string_view) {
        QThread::msleep(2);
        if (++heard == 1) other.ws.send_text("me, too");
    };
    for (int i = 0; i < count; ++i)
        c.ws.send_text("a short text");
    REQUIRE(wait_for([&] { return heard == count; }));
    CHECK(ticks > 3);
    CHECK(other_heard_at > 0);
    CHECK(other_heard_at < count);
}

TEST_CASE("session: one that is paused in the middle of a flood keeps nothing busy") {
    class timer_events : public QObject {
    public:
        int count = 0;
        bool eventFilter(QObject*, QEvent* event) override {
            count += event->type() == QEvent::Timer;
            return false;
        }
    } events;
    test_server server;
    test_client c;
    c.open(server.url());
    REQUIRE(server.wait_for_sessions(1));
    REQUIRE(c.wait_for_text("open"));
    qt::session& session = *server.sessions[0]->ws;
    int heard = 0;
    session.on_text = [&](std::string_view) {
        QThread::msleep(2);
        ++heard;
    };
    QTimer pausing; // between two turns, while the next one is due
    QObject::connect(&pausing, &QTimer::timeout, [&] {
        if (heard == 0) return;
        session.pause();
        pausing.stop();
    });
    pausing.start(0);
    for (int i = 0; i < 200; ++i)
        c.ws.send_text("a short text");
    REQUIRE(wait_for([&] { return heard > 0 && !pausing.isActive(); }));
    const int heard_before = heard;

    QCoreApplication::instance()->installEventFilter(&events);
    bool over = false;
    QTimer::singleShot(50, [&] { over = true; });
    REQUIRE(wait_for([&] { return over; }));
    QCoreApplication::instance()->removeEventFilter(&events);
    CHECK(events.count < 100); // what rings without end does so thousands of times
    CHECK(heard == heard_before);
    CHECK(heard < 200);
    session.resume();
    REQUIRE(wait_for([&] { return heard == 200; }));
}

TEST_CASE("session: a flood is heard to its end also when the peer has gone meanwhile") {
    test_server server;
    test_client c;
    c.open(server.url());
    REQUIRE(server.wait_for_sessions(1));
    REQUIRE(c.wait_for_text("open"));
    constexpr int count = 100;
    int heard = 0;
    int heard_at_end = -1;
    server.sessions[0]->ws->on_text = [&](std::string_view) {
        QThread::msleep(1);
        ++heard;
    };
    server.sessions[0]->ws->on_closed = [&](const qt::close_info&) { heard_at_end = heard; };
    for (int i = 0; i < count; ++i)
        c.ws.send_text("a short text");
    c.ws.close();
    REQUIRE(c.wait_for_end());
    REQUIRE(wait_for([&] { return heard_at_end >= 0; }));
    CHECK(heard_at_end == count);
}

TEST_CASE("session: a peer that does not read holds the sender back, within a bound") {
    qt::server_options options;
    options.limits.max_output = 1 << 20;
    test_server server(options, false);
    test_client c;
    c.open(server.url());
    REQUIRE(server.wait_for_sessions(1));
    REQUIRE(c.wait_for_text("open"));
    c.ws.pause();
    test_server::entry& s = *server.sessions[0];
    int drained = 0;
    s.ws->on_drain = [&] { ++drained; };
    const QByteArray piece(65'536, 'x');
    errc result = errc::success;
    int sent = 0;
    while (result == errc::success) {
        result = s.ws->send_binary(piece);
        if (result == errc::success) ++sent;
        if (sent % 8 == 0) run_what_is_due();
        REQUIRE(sent < 10'000);
    }
    CHECK(result == errc::output_full);
    CHECK(s.ws->buffered_amount() <= 1'310'720);
    CHECK(s.ws->buffered_amount() > 0);
    drained = 0; // what went to the system's buffers before these were full
    int got = 0;
    c.ws.on_binary = [&](QByteArrayView) { ++got; };
    c.ws.resume();
    REQUIRE(wait_for([&] { return got == sent && drained != 0; }));
    CHECK(s.ws->buffered_amount() == 0);
    CHECK(s.ws->send_binary(piece) == errc::success);
    REQUIRE(wait_for([&] { return got == sent + 1; }));
}

TEST_CASE("session: is told of the end also when writing is what finds it") {
    test_server server({}, false);
    const auto peer = raw_open(server.server.port());
    REQUIRE(server.wait_for_sessions(1));
    test_server::entry& s = *server.sessions[0];
    peer->cut();
    for (int i = 0; i < 2; ++i) {
        s.ws->send_binary("into the void");
        QCoreApplication::sendPostedEvents(); // it writes before the event loop sees the end
    }
    REQUIRE(s.wait_for_end());
    CHECK(s.info.error == errc::connection_lost);
    CHECK(no_engines());
}

TEST_CASE("session: pings to a peer that does not read are answered within a bound",
          "[rfc6455-5.5.3]") {
    test_server server;
    const auto peer = raw_open(server.server.port());
    REQUIRE(server.wait_for_sessions(1));
    test_server::entry& s = *server.sessions[0];
    peer->reading = false;
    peer->socket().setReadBufferSize(1);
    // So much that the system's buffers are full, and the pings come on top of it.
    const QByteArray piece(1 << 20, 'x');
    for (int i = 0; i < 15; ++i)
        s.ws->send_binary(piece);
    run_what_is_due();
    const qint64 before = s.ws->buffered_amount();
    REQUIRE(before > 0);
    frame_writer pings(role::server);
    int count = 0;
    for (int i = 0; i < 1000; ++i)
        pings.ping(std::string(125, 'p'));
    s.ws->on_ping = [&](QByteArrayView) { ++count; };
    peer->send(pings);
    REQUIRE(wait_for([&] { return count == 1000; }));
    CHECK(s.ws->buffered_amount() <= before + 4350);
}

TEST_CASE("session: a nested event loop in a handler disturbs nobody") {
    test_server server;
    test_client a;
    test_client b;
    a.open(server.url());
    b.open(server.url());
    REQUIRE(a.wait_for_text("open"));
    REQUIRE(b.wait_for_text("open"));
    std::string seen;
    a.ws.on_text = [&](std::string_view text) {
        if (seen.empty()) {
            // While the message is looked at, another session receives, and this one sends.
            a.ws.send_text("from the inner loop");
            b.ws.send_text("to b");
            CHECK(b.wait_for_text("text(to b)"));
        }
        seen += std::string(text) + ";";
    };
    a.ws.send_text("first");
    a.ws.send_text("second");
    REQUIRE(wait_for([&] { return seen.find("inner") != std::string::npos; }));
    CHECK(seen == "first;second;from the inner loop;");
}

TEST_CASE("session: what comes while a handler runs an event loop is not lost, nor is the end") {
    test_server server({}, false);
    const auto peer = raw_open(server.server.port());
    REQUIRE(server.wait_for_sessions(1));
    int count = 0;
    server.sessions[0]->ws->on_text = [&](std::string_view) {
        if (++count > 1) return;
        frame_writer more(role::server);
        for (int i = 0; i < 5'000; ++i)
            more.text(std::string(50, 'x'));
        peer->send(more);
        peer->end();
        wait_for([&] { return peer->socket().state() == QAbstractSocket::UnconnectedState; }, 200);
    };
    peer->send(frame_writer(role::server).text("first"));
    REQUIRE(server.sessions[0]->wait_for_end());
    CHECK(count == 5'001);
    CHECK(server.sessions[0]->closed == 1);
}

TEST_CASE("session: opens while it is paused, and closes when the peer does") {
    test_server server;
    test_client c;
    c.open(server.url());
    c.ws.pause();
    REQUIRE(c.wait_for_text("open"));
    server.sessions[0]->ws->send_text("hello");
    run_what_is_due();
    CHECK(c.trace == "open");
    c.ws.on_closing = [&] { c.ws.pause(); };
    server.sessions[0]->ws->close();
    const QDeadlineTimer soon(4'000);
    c.ws.resume();
    REQUIRE(c.wait_for_end());
    CHECK_FALSE(soon.hasExpired()); // it did not take the close time-out
    CHECK(c.trace == "open text(hello) closed(1000 clean by_peer)");
}

TEST_CASE("session: can be reopened from on_closed") {
    test_server server;
    test_client c;
    int rounds = 0;
    c.ws.on_opened = [&] { c.ws.close(); };
    c.ws.on_closed = [&](const qt::close_info& info) {
        CHECK(info.clean);
        if (++rounds < 5) c.open(server.url());
    };
    c.open(server.url());
    REQUIRE(wait_for([&] { return rounds == 5; }));
    CHECK(c.ws.state() == session_state::closed);
    server.sessions.clear();
    CHECK(no_engines());
}

TEST_CASE("session: leaves nothing behind after a thousand connections") {
    test_server server;
    for (int i = 0; i < 1000; ++i) {
        test_client c;
        c.open(server.url());
        if (!c.wait_for_text("open")) FAIL("connection " << i << ": " << c.error_text());
        c.ws.send_text("x");
        if (!c.wait_for_text("text(x)")) FAIL("echo " << i);
        if (i % 3 == 0) c.ws.close();
        if (i % 3 == 1) c.ws.abort();
        if (i % 3 == 0 && !c.wait_for_end()) FAIL("close " << i);
        if (i % 100 == 0) server.sessions.clear();
    }
    server.sessions.clear();
    CHECK(no_engines());
    CHECK(server.server.pending_handshakes() == 0);
}

TEST_CASE("session: runs over a local socket, with the request read by somebody else") {
    QLocalServer local;
    REQUIRE(local.listen(QUuid::createUuid().toString(QUuid::WithoutBraces)));
    auto near = std::make_unique<QLocalSocket>();
    near->connectToServer(local.fullServerName());
    REQUIRE(wait_for([&] { return near->state() == QLocalSocket::ConnectedState; }));
    REQUIRE(local.waitForNewConnection(1000));
    QLocalSocket* const far = local.nextPendingConnection();

    test_server server;
    test_client c;
    c.ws.open(std::move(near), QUrl(QStringLiteral("ws://local/path")));
    REQUIRE(wait_for([&] { return far->bytesAvailable() > 100; }));
    const QByteArray head = far->read(60); // as a router would that looks at the path
    server.server.adopt(std::unique_ptr<QIODevice>(far), head);
    REQUIRE(c.wait_for_text("open"));
    REQUIRE(server.wait_for_sessions(1));
    CHECK(server.sessions[0]->url.path() == QStringLiteral("/path"));
    c.ws.send_text("over a local socket");
    REQUIRE(c.wait_for_text("text(over"));
    CHECK(c.ws.socket() == nullptr);
    CHECK(c.ws.device() != nullptr);
    const QByteArray big(2'000'000, 'x');
    c.ws.send_binary(big);
    REQUIRE(c.wait_for_text("binary(2000000 bytes)"));
    c.ws.close(close_code{3000});
    REQUIRE(c.wait_for_end());
    REQUIRE(server.sessions[0]->wait_for_end());
    CHECK(c.info.clean);
    CHECK(server.sessions[0]->has("closed(3000 clean by_peer)"));
    CHECK(no_engines());
}

TEST_CASE("session: reads no more than a bound ahead of a paused one, on a socket adopted too") {
    test_server server({}, false);
    QTcpServer elsewhere;
    REQUIRE(elsewhere.listen(QHostAddress::LocalHost));
    const auto peer = raw_connect(elsewhere.serverPort());
    REQUIRE(wait_for([&] { return elsewhere.hasPendingConnections(); }));
    QTcpSocket* const socket = elsewhere.nextPendingConnection();
    const qint64 wanted = GENERATE(0, 1'000);
    CAPTURE(wanted);
    socket->setReadBufferSize(wanted);
    server.server.adopt(std::unique_ptr<QIODevice>(socket));
    peer->send(good_request());
    REQUIRE(server.wait_for_sessions(1));
    test_server::entry& s = *server.sessions[0];
    s.ws->pause();
    peer->send(flood(role::server));
    run_until_blocked([&] { return peer->socket().bytesToWrite(); });
    CHECK(socket->bytesAvailable() > 0);
    CHECK(socket->bytesAvailable() <= (wanted == 0 ? 262'144 : wanted));
    CHECK(peer->socket().bytesToWrite() > 0);
    int got = 0;
    s.ws->on_binary = [&](QByteArrayView) { ++got; };
    s.ws->resume();
    CHECK(wait_for([&] { return got == flood_messages; }));
}

TEST_CASE("session: reads no more than a bound ahead of a paused one on a local socket") {
    QLocalServer local;
    REQUIRE(local.listen(QUuid::createUuid().toString(QUuid::WithoutBraces)));
    QLocalSocket peer;
    peer.connectToServer(local.fullServerName());
    REQUIRE(wait_for([&] { return local.hasPendingConnections(); }));
    QLocalSocket* const socket = local.nextPendingConnection();
    test_server server({}, false);
    server.server.adopt(std::unique_ptr<QIODevice>(socket));
    peer.write(QByteArray::fromStdString(good_request()));
    REQUIRE(server.wait_for_sessions(1));
    test_server::entry& s = *server.sessions[0];
    s.ws->pause();
    peer.write(QByteArray::fromStdString(flood(role::server)));
    run_until_blocked([&] { return peer.bytesToWrite(); });
    CHECK(socket->bytesAvailable() <= 262'144);
    CHECK(peer.bytesToWrite() > 0);
    int got = 0;
    s.ws->on_binary = [&](QByteArrayView) { ++got; };
    s.ws->resume();
    CHECK(wait_for([&] { return got == flood_messages; }));
}

TEST_CASE("session: each thread has its own, and ends those that are still closing") {
    raw_server silent;
    test_server server;
    int left = -1;
    std::string trace;
    QString task;
    QThread* const thread = QThread::create([&] {
#ifdef __linux__
        task = QStringLiteral("/proc/self/task/%1").arg(::gettid());
#endif
        test_client c;
        c.open(server.url());
        QEventLoop loop;
        c.ws.on_text = [&](std::string_view text) {
            trace = std::string(text);
            loop.quit();
        };
        c.ws.on_opened = [&] { c.ws.send_text("from a thread"); };
        loop.exec();
        {
            test_client other;
            other.open(silent.url());
            other.ws.on_opened = [&] { loop.quit(); };
            loop.exec();
        }
        left = qt::detail::thread_engine_count(); // the silent peer is still being waited for
    });
    thread->start();
    silent.accept();
    REQUIRE(wait_for([&] { return thread->isFinished(); }));
    CHECK(trace == "from a thread");
    CHECK(left >= 1);
    delete thread;
    // Qt is done with it then, but it is still to give back what OpenSSL has kept for it, which
    // would be a leak if the program ended first.
    CHECK(wait_for([&] { return task.isEmpty() || !QFileInfo::exists(task); }));
}
