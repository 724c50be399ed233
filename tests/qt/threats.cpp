// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Known attacks on WebSocket software, by the name of what was attacked, against a session: as
// client and as server, with compression and without. What the core does about them: tests/threats.
// What is asked here is that a session ends once, says why, hangs up, and that the core in it holds
// little meanwhile: counted, never timed.
//
// Held elsewhere: TLS handshakes that trickle in (QTBUG-63312), tls.cpp; floods of Pings,
// session.cpp.

#include <framewire/qt/deflate.hpp>

#include "qt/support/engines.hpp"
#include "qt/support/raw.hpp"
#include "qt/support/recorder.hpp"
#include "support/allocation_counter.hpp"
#include "support/catch.hpp"
#include "support/deflate.hpp"
#include "threats/messages.hpp"

#include <QThread>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>

using namespace framewire;
using namespace framewire::test;
using namespace std::chrono_literals;

namespace {

struct bounds {
    framewire::limits limits{};
    std::chrono::milliseconds close{5'000};
    std::chrono::milliseconds open{10'000};
};

bounds of_messages(std::uint64_t most) { return {.limits = {.max_message_size = most}}; }

constexpr std::string_view extension_field = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

/// A session of our server and the TCP client that talks to it.
template <bool Deflates> class attacked_server {
public:
    static constexpr role side = role::server;
    static constexpr bool deflates = Deflates;

    explicit attacked_server(const bounds& given = {}) : server_(options(given), false) {
        peer_ = raw_open(server_.server.port(), Deflates ? extension_field : "");
        REQUIRE(server_.wait_for_sessions(1));
    }
    [[nodiscard]] raw_end& peer() { return *peer_; }
    [[nodiscard]] recorder& told() { return *server_.sessions[0]; }
    [[nodiscard]] qt::session& session() { return *server_.sessions[0]->ws; }

    static qt::server_options options(const bounds& given) {
        qt::server_options result;
        result.limits = given.limits;
        result.close_timeout = given.close;
        result.open_timeout = given.open;
        if (Deflates) result.extension = qt::deflate();
        return result;
    }

private:
    test_server server_;
    std::unique_ptr<raw_end> peer_;
};

/// A client of ours and the TCP server that it talks to.
template <bool Deflates> class attacked_client {
public:
    static constexpr role side = role::client;
    static constexpr bool deflates = Deflates;

    explicit attacked_client(const bounds& given = {}) {
        client_.open(server_.url(), options(given));
        server_.accept(Deflates ? extension_field : "");
        REQUIRE(client_.wait_for_text("open"));
        client_.trace.clear();
    }
    [[nodiscard]] raw_end& peer() { return *server_.peer; }
    [[nodiscard]] recorder& told() { return client_; }
    [[nodiscard]] qt::session& session() { return client_.ws; }

    static qt::client_options options(const bounds& given) {
        qt::client_options result;
        result.limits = given.limits;
        result.timeouts.close = given.close;
        result.timeouts.open = given.open;
        if (Deflates) result.extension = qt::deflate();
        return result;
    }

private:
    raw_server server_;
    test_client client_;
};

using plain_server = attacked_server<false>;
using plain_client = attacked_client<false>;
using compressing_server = attacked_server<true>;
using compressing_client = attacked_client<true>;

// clang-format off
#define FRAMEWIRE_ALL_ENDS plain_server, plain_client, compressing_server, compressing_client
// clang-format on

/// Lets bytes arrive piece by piece, until the session has had enough of them.
template <typename End> void receive(End& end, std::string_view bytes) {
    while (!bytes.empty() && end.session().state() == qt::session_state::open) {
        const std::string_view part = bytes.substr(0, 65'536);
        bytes.remove_prefix(part.size());
        end.peer().send(part);
        wait_for([&] {
            return end.peer().socket().bytesToWrite() == 0 ||
                   end.session().state() != qt::session_state::open;
        });
        QCoreApplication::processEvents();
    }
}
template <typename End> void receive(End& end, const frame_writer& frames) {
    receive(end, frames.str());
}

/// That it fails for this reason, tells the peer so by one Close frame, and hangs up; and that
/// nothing comes behind the one end.
template <typename End> void check_failed(End& end, errc why, close_code code) {
    const std::string number = std::to_string(static_cast<unsigned>(code));
    REQUIRE(end.peer().wait_for_end());
    REQUIRE(end.told().wait_for_end());
    run_what_is_due();
    CHECK(end.told().closed == 1);
    CHECK(end.told().info.error == why);
    CHECK(end.told().info.code == code);
    CHECK(end.told().trace.rfind("closed(" + number, 0) == 0);
    const std::string sent = words(take_frames(end.peer().received), End::side);
    CHECK(sent.rfind("close(" + number + " ", 0) == 0);
    CHECK(sent.find("close(", 1) == std::string::npos);
    CHECK(no_engines());
}

} // namespace

TEMPLATE_TEST_CASE("threats: undici#4899, the limit is the same compressed or not, in one frame or "
                   "many, for client and server",
                   "[threats]", FRAMEWIRE_ALL_ENDS) {
    constexpr std::size_t limit = 10'000;
    for (const std::size_t frames : {1u, 2u, 100u}) {
        for (const bool compressible : {true, false}) {
            for (const std::size_t size : {limit, limit + 1, 50 * limit}) {
                CAPTURE(frames, compressible, size);
                const std::string content = compressible ? std::string(size, 'a') : noise(size);
                const std::string sent = message_in_frames<TestType>(content, frames).str();
                TestType end(of_messages(limit));
                const std::int64_t peak = peak_of([&] { receive(end, sent); });
                CHECK(peak < adapter_buffers + 2 * static_cast<std::int64_t>(limit));
                if (size > limit) {
                    check_failed(end, errc::message_too_big, close_code::message_too_big);
                } else {
                    CHECK(end.told().wait_for_text("binary(" + std::to_string(size) + " bytes)"));
                    CHECK(end.session().state() == qt::session_state::open);
                    CHECK(end.told().closed == 0);
                }
            }
        }
    }
}

TEMPLATE_TEST_CASE("threats: Java-WebSocket#1508, the limit holds in the first, a middle and the "
                   "last frame",
                   "[threats]", FRAMEWIRE_ALL_ENDS) {
    constexpr std::size_t limit = 3000;
    for (const std::size_t guilty : {0u, 1u, 2u}) {
        CAPTURE(guilty);
        compressing_peer peer;
        TestType end(of_messages(limit));
        for (std::size_t i = 0; i < 3; ++i) {
            std::string part = noise(i == guilty ? limit - 199 : 100);
            if (TestType::deflates) {
                part = i == 2 ? peer.message(part) : peer.raw(part, Z_FULL_FLUSH);
            }
            const unsigned first = i == 0 ? first_octet<TestType>(false) : i == 1 ? 0x00u : 0x80u;
            receive(end, frame_writer(TestType::side).frame(first, part));
        }
        check_failed(end, errc::message_too_big, close_code::message_too_big);
    }
}

TEMPLATE_TEST_CASE(
    "threats: CVE-2018-1000518 websockets, CVE-2026-1526 undici, CVE-2016-10544 uws, "
    "a bomb ends before it has gone off",
    "[threats]", compressing_server, compressing_client) {
    constexpr std::size_t limit = 1u << 20;
    const std::string bomb = compressed(std::string(64u << 20, '\0'));
    // In fragments of one octet, too.
    for (const std::size_t frames : {std::size_t{1}, std::size_t{3}, bomb.size()}) {
        CAPTURE(frames);
        const std::string sent = in_frames<TestType>(bomb, frames).str();
        TestType end(of_messages(limit));
        const std::int64_t peak = peak_of([&] { receive(end, sent); });
        CHECK(peak < 2 * static_cast<std::int64_t>(limit) + adapter_buffers);
        check_failed(end, errc::message_too_big, close_code::message_too_big);
    }
}

TEMPLATE_TEST_CASE("threats: CVE-2018-21035 QtWebSockets, CVE-2022-35922 rust-websocket, lengths "
                   "that are only announced take no memory",
                   "[threats]", FRAMEWIRE_ALL_ENDS) {
    for (const int shift : {30, 40, 62}) {
        for (const bool many : {false, true}) {
            CAPTURE(shift, many);
            frame_writer sent(TestType::side);
            if (many) sent.frame(first_octet<TestType>(false));
            sent.header(many ? 0x80 : first_octet<TestType>(true), std::uint64_t{1} << shift);
            TestType end; // with the limits it has by default
            const std::int64_t peak = peak_of([&] {
                receive(end, sent);
                run_what_is_due();
            });
            CHECK(peak < adapter_buffers);
            // A compressed one is held to what it inflates to.
            if (TestType::deflates) {
                CHECK(end.session().state() == qt::session_state::open);
            } else {
                check_failed(end, errc::message_too_big, close_code::message_too_big);
            }
        }
    }
}

TEMPLATE_TEST_CASE("threats: CVE-2014-0193 Netty, endless continuation frames end at the limit",
                   "[threats]", FRAMEWIRE_ALL_ENDS) {
    constexpr std::size_t limit = 1u << 20;
    const std::string content = noise(1000);
    compressing_peer peer;
    TestType end(of_messages(limit));
    const std::int64_t peak = peak_of([&] {
        for (int i = 0; i < 5000 && end.session().state() == qt::session_state::open; ++i) {
            receive(end,
                    frame_writer(TestType::side)
                        .frame(i == 0 ? first_octet<TestType>(false) : 0x00u,
                               TestType::deflates ? peer.raw(content, Z_FULL_FLUSH) : content));
        }
    });
    CHECK(peak < 2 * static_cast<std::int64_t>(limit) + adapter_buffers); // twice, while it grows
    check_failed(end, errc::message_too_big, close_code::message_too_big);
}

TEMPLATE_TEST_CASE("threats: CVE-2026-48779 ws, fragments of one octet cost what they carry",
                   "[threats]", FRAMEWIRE_ALL_ENDS) {
    const std::string content = noise(50'000);
    const std::string payload = TestType::deflates ? compressed(content) : content;
    const std::string sent = in_frames<TestType>(payload, payload.size()).str();
    TestType end;
    const std::int64_t peak = peak_of([&] {
        receive(end, sent);
        CHECK(end.told().wait_for_text("binary(50000 bytes)"));
    });
    CHECK(peak < 2 * static_cast<std::int64_t>(content.size()) + adapter_buffers);
    CHECK(end.told().closed == 0);
}

TEMPLATE_TEST_CASE("threats: CVE-2021-3690 Undertow, Pongs that nobody asked for hold nothing",
                   "[threats]", FRAMEWIRE_ALL_ENDS) {
    frame_writer pongs(TestType::side);
    for (int i = 0; i < 5000; ++i)
        pongs.pong(std::string(125, 'p'));
    TestType end;
    int told = 0;
    end.session().on_pong = [&](QByteArrayView) { ++told; };
    const std::int64_t peak = peak_of([&] {
        for (int i = 0; i < 20; ++i)
            receive(end, pongs);
        CHECK(wait_for([&] { return told == 100'000; }));
    });
    CHECK(peak < adapter_buffers);
    CHECK(end.session().buffered_amount() == 0);
    CHECK(end.session().state() == qt::session_state::open);
}

TEMPLATE_TEST_CASE("threats: a flood of empty fragments ends after the number that is allowed",
                   "[threats]", FRAMEWIRE_ALL_ENDS) {
    TestType end({.limits = {.max_fragments = 1000}});
    frame_writer allowed(TestType::side);
    for (int i = 0; i < 1000; ++i)
        allowed.frame(i == 0 ? first_octet<TestType>(false) : 0x00u);
    receive(end, allowed.ping("all of them"));
    REQUIRE(end.told().wait_for_text("ping(all of them)"));
    CHECK(end.told().closed == 0);
    end.told().trace.clear();
    end.peer().take_words(TestType::side); // the Pong
    receive(end, frame_writer(TestType::side).frame(0x00));
    check_failed(end, errc::too_many_fragments, close_code::policy_violation);
}

TEMPLATE_TEST_CASE("threats: CVE-2020-35896 RUSTSEC-2020-0043 ws-rs, what a peer does not read is "
                   "bounded",
                   "[threats]", FRAMEWIRE_ALL_ENDS) {
    constexpr std::int64_t most = 1 << 20;
    TestType end({.limits = {.max_output = static_cast<std::uint64_t>(most)}});
    end.peer().reading = false;
    end.peer().socket().setReadBufferSize(1);
    std::mt19937 random(1);
    const std::string content = some_noise(random, 50'000); // farther back than a window
    const QByteArrayView piece(content.data(), static_cast<qsizetype>(content.size()));
    std::size_t accepted = 0;
    const std::int64_t peak = peak_of([&] {
        errc result = errc::success;
        while (result == errc::success) {
            result = end.session().send_binary(piece);
            if (result == errc::success) ++accepted;
            run_what_is_due();
            REQUIRE(accepted < 10'000); // the system's buffers are full before
        }
        CHECK(result == errc::output_full);
        for (int i = 0; i < 300; ++i) {
            CHECK(end.session().send_binary(piece) == errc::output_full);
            run_what_is_due();
        }
    });
    CHECK(end.session().buffered_amount() > 0);
    constexpr std::int64_t copied = 131'072; // by Qt
    CHECK(end.session().buffered_amount() <= most + copied);
    const std::int64_t contexts = TestType::deflates ? 300'000 : 0;
    CHECK(peak < 2 * most + contexts + copied + adapter_buffers); // twice, while it grows
    // The application decides what becomes of the peer; what was taken is all there, and whole.
    CHECK(end.session().state() == qt::session_state::open);
    end.peer().reading = true;
    end.peer().socket().setReadBufferSize(0);
    std::size_t frames = 0;
    CHECK(wait_for([&] {
        frames += take_frames(end.peer().received).size();
        return frames == accepted;
    }));
    CHECK(end.peer().received.empty());
    CHECK(end.session().buffered_amount() == 0);
    CHECK(end.told().closed == 0);
}

TEMPLATE_TEST_CASE(
    "threats: CVE-2024-23672 Tomcat, a peer that closes and never hangs up is dropped", "[threats]",
    FRAMEWIRE_ALL_ENDS) {
    const bool peer_first = GENERATE(true, false);
    TestType end({.close = 60ms});
    end.peer().reading = false;
    end.peer().socket().setReadBufferSize(1); // it sees no end, and ends nothing
    if (!peer_first) end.session().close();
    end.peer().send(frame_writer(TestType::side).close(1000));
    const std::string more = in_frames<TestType>("more", 3).str();
    REQUIRE(wait_for([&] {
        end.peer().send(more); // which gives it no more time
        return end.told().closed != 0;
    }));
    run_what_is_due();
    CHECK(end.told().trace ==
          (peer_first ? "closing closed(1000 clean by_peer)" : "closed(1000 clean)"));
    CHECK(end.told().closed == 1);
    CHECK(no_engines());
}

TEMPLATE_TEST_CASE("threats: CVE-2021-42340 Tomcat, connections leave nothing behind, however they "
                   "end",
                   "[threats]", FRAMEWIRE_ALL_ENDS) {
    const std::string content = "Hello, Hello, Hello";
    const std::string hello = message_in_frames<TestType>(content, 2).str();
    const auto one = [&](int i) {
        TestType end;
        receive(end, hello);
        REQUIRE(end.told().wait_for_text("binary(" + content + ")"));
        end.session().send_text("answer, answer, answer");
        switch (i % 4) {
        case 0: receive(end, frame_writer(TestType::side).close(1000, "bye")); [[fallthrough]];
        case 1: end.peer().end(); break;
        case 2: end.peer().cut(); break;
        default: return; // is destroyed as it is
        }
        REQUIRE(end.told().wait_for_end());
    };
    const auto some = [&] {
        for (int i = 0; i < 20; ++i)
            one(i);
        REQUIRE(no_engines());
        run_what_is_due();
        return allocations();
    };
    some();
    const allocation_count before = some(); // what Qt keeps is there
    some();
    some();
    const allocation_count left = some() - before;
    CHECK(left.live < 20); // less than a block for three connections
    CHECK(left.live_bytes < 4000);
}

TEMPLATE_TEST_CASE("threats: QTBUG-63312, a handshake that trickles in has a time for all of it",
                   "[threats]", FRAMEWIRE_ALL_ENDS) {
    const auto options = TestType::options({.open = 150ms});
    const std::string_view extension = TestType::deflates ? extension_field : "";
    // A field that does not end.
    const auto trickle = [](raw_end& peer, const std::string& head, auto over) {
        peer.send(head + "X: ");
        return peak_of([&] {
            REQUIRE(wait_for([&] {
                peer.send("x");
                QThread::msleep(5);
                return over();
            }));
        });
    };
    if constexpr (TestType::side == role::server) {
        test_server server(options);
        const auto peer = raw_connect(server.server.port());
        std::string head = good_request(extension);
        head.resize(head.size() - 2);
        const std::int64_t peak = trickle(*peer, head, [&] { return peer->received.size() > 12; });
        CHECK(peak < adapter_buffers);
        CHECK(peer->take_head().rfind("HTTP/1.1 408 ", 0) == 0);
        REQUIRE(peer->wait_for_end());
        run_what_is_due();
        CHECK(server.sessions.empty());
        REQUIRE(server.failed.size() == 1);
        CHECK(server.failed[0].error == errc::open_timeout);
    } else {
        raw_server server;
        test_client client;
        client.open(server.url(), options);
        REQUIRE(server.wait_for_peer());
        std::string head = good_answer(server.peer->take_head(), extension);
        head.resize(head.size() - 2);
        const std::int64_t peak = trickle(*server.peer, head, [&] { return client.closed != 0; });
        CHECK(peak < adapter_buffers);
        run_what_is_due();
        CHECK(client.closed == 1);
        CHECK(client.trace.rfind("closed(", 0) == 0);
        CHECK(client.info.error == errc::open_timeout);
    }
    CHECK(no_engines());
}

TEST_CASE(
    "threats: websocket-smuggle, CVE-2025-11677 libwebsockets, nothing goes on behind a refusal",
    "[threats]") {
    test_server server;
    server.server.on_request = [](const qt::request&) { return qt::answer::refuse(403); };
    std::string head = good_request();
    std::string status = "403";
    SECTION("of the application") {}
    SECTION("of a version that there is not") {
        head.replace(head.find("Version: 13"), 11, "Version: 12");
        status = "426";
    }
    // A proxy that took any answer for a 101 would let this through.
    const std::string smuggled = "GET /admin HTTP/1.1\r\nHost: x\r\n\r\n" + good_request();
    const auto peer = raw_connect(server.server.port());
    peer->send(head + smuggled);
    for (int i = 0; i < 10; ++i) {
        peer->send(smuggled);
        run_what_is_due();
    }
    REQUIRE(peer->wait_for_end());
    CHECK(peer->received.rfind("HTTP/1.1 " + status + " ", 0) == 0);
    CHECK(peer->received.find("\r\nConnection: close") != std::string::npos);
    CHECK(peer->received.find("HTTP/1.1 ", 1) == std::string::npos);
    CHECK(server.sessions.empty());
    CHECK(no_engines());
}
