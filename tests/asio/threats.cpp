// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Known attacks on WebSocket software, by the name of what was attacked, against a stream: as
// client and as server, with compression and without. What the core does about them: tests/threats.
// What is asked here is that a stream ends once, says why, hangs up, and holds little meanwhile:
// counted, and with a clock that the test moves, never timed.
//
// Held elsewhere:
//  - floods of Pings and Pongs (CVE-2021-3690), of tiny fragments (CVE-2026-48779), and of what
//  comes
//    behind a Close, without compression, which has no part in them: limits.cpp;
//  - TLS handshakes that do not end (QTBUG-63312): server_stream.cpp.

#include <framewire/asio/stream.hpp>
#include <framewire/deflate/permessage_deflate.hpp>

#include "support/allocation_counter.hpp"
#include "support/catch.hpp"
#include "support/connected.hpp"
#include "support/deflate.hpp"
#include "threats/messages.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>

using namespace framewire;
using namespace framewire::test;

namespace {

using plain_server = connected<role::server, waitable_test_stream>;
using plain_client = connected<role::client, waitable_test_stream>;
using deflating_server_end =
    connected<role::server, waitable_test_stream, options{}, permessage_deflate>;
using deflating_client_end =
    connected<role::client, waitable_test_stream, options{}, permessage_deflate>;

// clang-format off
#define FRAMEWIRE_ALL_ENDS plain_server, plain_client, deflating_server_end, deflating_client_end
#define FRAMEWIRE_DEFLATING_ENDS deflating_server_end, deflating_client_end
// clang-format on

net::stream_options bounded_by(std::uint64_t max_message_size) {
    net::stream_options options;
    options.limits.max_message_size = max_message_size;
    return options;
}

/// A stream whose application reads, and the notes of all that it is told.
template <typename End> class listening {
public:
    explicit listening(const net::stream_options& options = {}) : end(options) {
        in.telling = false;
        in.on_message = [this](const net::message& m) { size = m.payload.size(); };
        in.start(*end.stream);
        end.stream->closed(closed.handler());
        end.poll();
    }

    /// Lets bytes arrive as a socket does, until the stream has had enough of them.
    /// \return how many went in before it was no longer open.
    std::size_t receive(std::string_view bytes) {
        std::size_t sent = 0;
        while (sent < bytes.size() && end.stream->is_open()) {
            const std::string_view part = bytes.substr(sent, 16'384);
            end.receive(part);
            sent += part.size();
        }
        return sent;
    }
    std::size_t receive(const frame_writer& frames) { return receive(frames.str()); }

    /// That it has failed for this reason, told the peer so by one Close frame, hangs up when the
    /// peer does, and that nothing comes behind the one end.
    void check_failed(errc why, close_code code) {
        CHECK(in.ends == 1);
        CHECK(in.error == why);
        CHECK(!end.stream->is_open());
        const std::string sent = end.sent();
        CHECK(sent.starts_with("close(" + std::to_string(static_cast<unsigned>(code)) + " "));
        CHECK(sent.find("close(", 1) == std::string::npos);
        const std::size_t messages = in.messages;
        end.receive(End::frames().text("still here").close(1000));
        end.far.end();
        end.poll();
        CHECK(end.far.closed());
        end.advance(1h);
        CHECK(in.ends == 1);
        CHECK(in.messages == messages);
        CHECK(closed.calls == 1);
        CHECK(closed.info.error == why);
        CHECK(closed.info.code == code);
        CHECK(end.sent().empty());
    }

    End end;
    reader in;
    close_completion closed;
    std::size_t size = 0; // of the newest message
};

} // namespace

TEMPLATE_TEST_CASE("threats: undici#4899, the limit is the same compressed or not, in one frame or "
                   "many, for client and server",
                   "[asio][threats]", FRAMEWIRE_ALL_ENDS) {
    constexpr std::size_t limit = 10'000;
    for (const std::size_t frames : {1u, 2u, 7u, 100u}) {
        for (const bool compressible : {true, false}) {
            for (const std::size_t size : {limit - 1, limit, limit + 1, 2 * limit, 50 * limit}) {
                CAPTURE(frames, compressible, size);
                const std::string message =
                    message_in_frames<TestType>(compressible ? std::string(size, 'a') : noise(size),
                                                frames)
                        .str();
                listening<TestType> at(bounded_by(limit));
                const std::int64_t peak = peak_of([&] { at.receive(message); });
                CHECK(peak < adapter_buffers + 2 * static_cast<std::int64_t>(limit));
                if (size > limit) {
                    CHECK(at.in.messages == 0);
                    at.check_failed(errc::message_too_big, close_code::message_too_big);
                } else {
                    CHECK(at.in.messages == 1);
                    CHECK(at.size == size);
                    CHECK(at.end.stream->is_open());
                    CHECK(at.in.ends + at.closed.calls == 0);
                }
            }
        }
    }
}

TEMPLATE_TEST_CASE("threats: Java-WebSocket#1508, the limit holds in the first, a middle and the "
                   "last frame",
                   "[asio][threats]", FRAMEWIRE_ALL_ENDS) {
    constexpr std::size_t limit = 3000;
    for (const std::size_t guilty : {0u, 1u, 2u}) {
        CAPTURE(guilty);
        compressing_peer peer;
        listening<TestType> at(bounded_by(limit));
        for (std::size_t i = 0; i < 3; ++i) {
            std::string part = noise(i == guilty ? limit - 199 : 100);
            if (TestType::deflates) {
                part = i == 2 ? peer.message(part) : peer.raw(part, Z_FULL_FLUSH);
            }
            at.receive(TestType::frames().frame(i == 0   ? first_octet<TestType>(false)
                                                : i == 1 ? 0x00u
                                                         : 0x80u,
                                                part));
        }
        CHECK(at.in.messages == 0);
        at.check_failed(errc::message_too_big, close_code::message_too_big);
    }
}

TEMPLATE_TEST_CASE(
    "threats: CVE-2018-1000518 websockets, CVE-2026-1526 undici, CVE-2016-10544 uws, "
    "a bomb ends before it has gone off",
    "[asio][threats]", FRAMEWIRE_DEFLATING_ENDS) {
    constexpr std::size_t limit = 1u << 20;
    const std::string bomb = compressed(std::string(64u << 20, '\0'));
    // In fragments of one octet, too.
    for (const std::size_t frames : {std::size_t{1}, std::size_t{3}, bomb.size()}) {
        CAPTURE(frames);
        const std::string sent = in_frames<TestType>(bomb, frames).str();
        listening<TestType> at(bounded_by(limit));
        const std::int64_t peak = peak_of([&] { at.receive(sent); });
        CHECK(peak < 2 * static_cast<std::int64_t>(limit) + adapter_buffers);
        CHECK(at.in.messages == 0);
        at.check_failed(errc::message_too_big, close_code::message_too_big);
    }
}

TEMPLATE_TEST_CASE("threats: CVE-2018-21035 QtWebSockets, CVE-2022-35922 rust-websocket, lengths "
                   "that are only announced take no memory",
                   "[asio][threats]", FRAMEWIRE_ALL_ENDS) {
    for (const int shift : {30, 40, 62}) {
        for (const bool many : {false, true}) {
            CAPTURE(shift, many);
            listening<TestType> at; // with the limits it has by default
            const std::int64_t peak = peak_of([&] {
                if (many) at.receive(TestType::frames().frame(first_octet<TestType>(false)));
                at.receive(TestType::frames().header(many ? 0x80 : first_octet<TestType>(true),
                                                     std::uint64_t{1} << shift));
            });
            CHECK(peak < adapter_buffers);
            // A compressed one is held to what it inflates to.
            if (TestType::deflates) {
                CHECK(at.end.stream->is_open());
            } else {
                at.check_failed(errc::message_too_big, close_code::message_too_big);
            }
        }
    }
}

TEMPLATE_TEST_CASE("threats: CVE-2014-0193 Netty, endless continuation frames end at the limit",
                   "[asio][threats]", FRAMEWIRE_ALL_ENDS) {
    constexpr std::size_t limit = 1u << 20;
    const std::string content = noise(1000);
    compressing_peer peer;
    listening<TestType> at(bounded_by(limit));
    std::size_t frames = 0;
    const std::int64_t peak = peak_of([&] {
        for (; at.end.stream->is_open() && frames < 5000; ++frames) {
            at.receive(TestType::frames().frame(frames == 0 ? first_octet<TestType>(false) : 0x00u,
                                                TestType::deflates ? peer.raw(content, Z_FULL_FLUSH)
                                                                   : content));
        }
    });
    CHECK(frames == limit / content.size() + 1);
    CHECK(peak < 2 * static_cast<std::int64_t>(limit) + adapter_buffers); // twice, while it grows
    at.check_failed(errc::message_too_big, close_code::message_too_big);
}

TEMPLATE_TEST_CASE("threats: a flood of empty fragments ends after the number that is allowed",
                   "[asio][threats]", FRAMEWIRE_ALL_ENDS) {
    net::stream_options options;
    options.limits.max_fragments = 1000;
    listening<TestType> at(options);
    at.receive(TestType::frames().frame(first_octet<TestType>(false)));
    for (int i = 1; i < 1000; ++i)
        at.receive(TestType::frames().frame(0x00));
    CHECK(at.end.stream->is_open());
    at.receive(TestType::frames().frame(0x00));
    at.check_failed(errc::too_many_fragments, close_code::policy_violation);
}

TEMPLATE_TEST_CASE("threats: CVE-2020-35896 RUSTSEC-2020-0043 ws-rs, what a peer does not read is "
                   "bounded",
                   "[asio][threats]", FRAMEWIRE_ALL_ENDS) {
    constexpr std::size_t most = 200'000;
    net::stream_options options;
    options.limits.max_output = most;
    listening<TestType> at(options);
    at.end.far.set_capacity(1000);
    std::mt19937 random(1);
    std::size_t accepted = 0;
    std::size_t refused = 0;
    const std::int64_t peak = peak_of([&] {
        for (int i = 0; i < 300; ++i) {
            const std::string content = some_noise(random, 10'000);
            if (at.end.stream->send_binary(std::as_bytes(std::span(content)))) {
                ++accepted;
            } else {
                ++refused;
            }
            at.end.poll();
            REQUIRE(at.end.stream->buffered_amount() <= most);
        }
    });
    CHECK(accepted >= 15);
    CHECK(refused >= 250);
    const std::int64_t contexts = TestType::deflates ? 300'000 : 0;
    CHECK(peak < 2 * static_cast<std::int64_t>(most) + contexts + adapter_buffers);
    // The application decides what becomes of the peer; what was taken is all there, and whole.
    CHECK(at.end.stream->is_open());
    at.end.far.set_capacity(wire_settings::no_limit);
    at.end.poll();
    std::string wire = at.end.far.read();
    CHECK(take_frames(wire).size() == accepted);
    CHECK(wire.empty());
    CHECK(at.end.stream->buffered_amount() == 0);
}

TEMPLATE_TEST_CASE(
    "threats: CVE-2024-23672 Tomcat, a peer that closes and never hangs up is dropped",
    "[asio][threats]", FRAMEWIRE_ALL_ENDS) {
    const bool peer_first = GENERATE(true, false);
    listening<TestType> at;
    if (!peer_first) at.end.stream->close();
    at.end.poll();
    at.receive(TestType::frames().close(1000));
    CHECK(at.end.sent() == "close(1000 \"\")");
    const std::string more =
        message_in_frames<TestType>(noise(1000), 3).ping("there?").close().str();
    for (int i = 0; i < 49; ++i) {
        at.end.receive(more);
        at.end.advance(100ms); // more of it gives the peer no more time
    }
    CHECK(!at.end.far.closed());
    at.end.advance(100ms);
    CHECK(at.end.far.closed());
    CHECK(at.in.messages == 0);
    CHECK(at.in.ends == 1);
    CHECK(at.closed.calls == 1);
    CHECK(at.closed.info.clean);
    CHECK(at.closed.info.by_peer == peer_first);
    CHECK(at.end.sent().empty());
    at.end.advance(1h);
    CHECK(at.in.ends + at.closed.calls == 2);
}

TEMPLATE_TEST_CASE("threats: CVE-2021-42340 Tomcat, connections leave nothing behind, however they "
                   "end",
                   "[asio][threats]", FRAMEWIRE_ALL_ENDS) {
    const std::string hello = message_in_frames<TestType>("Hello, Hello, Hello", 2).str();
    const auto one = [&](int i) {
        listening<TestType> at;
        at.receive(hello);
        REQUIRE(at.in.messages == 1);
        (void)at.end.stream->send_text("answer, answer, answer");
        switch (i % 4) {
        case 0: at.receive(TestType::frames().close(1000, "bye")); [[fallthrough]];
        case 1: at.end.far.end(); break;
        case 2: at.end.far.reset(); break;
        default: at.receive(TestType::frames().frame(first_octet<TestType>(false)));
        }
        at.end.poll();
    };
    for (int i = 0; i < 8; ++i)
        one(i);
    const allocation_count before = allocations(); // what the thread keeps is there
    for (int i = 0; i < 1000; ++i)
        one(i);
    CHECK((allocations() - before).live == 0);
    CHECK((allocations() - before).live_bytes == 0);
}

TEMPLATE_TEST_CASE("threats: QTBUG-63312, a handshake that trickles in has a time for all of it",
                   "[asio][threats]", FRAMEWIRE_ALL_ENDS) {
    const TestType before; // what all of a thread share is there
    TestType end(typename TestType::not_open_yet{});
    completion opened;
    close_completion closed;
    end.stream->closed(closed.handler());
    std::string head;
    if constexpr (TestType::is_server) {
        end.stream->read_request(
            [&](const error_code& error, const upgrade_request&) { opened.note(error); });
        head = request_head();
    } else {
        end.stream->handshake({.host = "example.org"}, opened.handler());
        end.poll();
        head = response_head(end.far.read());
    }
    const std::int64_t peak = peak_of([&] {
        for (std::size_t i = 0; i < 20; ++i) {
            CHECK(opened.calls == 0);
            end.receive(head.substr(i, 1));
            end.advance(500ms);
        }
    });
    CHECK(peak < 20'000); // room for a head
    CHECK(opened.failed(errc::open_timeout));
    end.advance(5s); // a server's answer may be read meanwhile
    CHECK(end.far.closed());
    CHECK(closed.calls == 1);
    CHECK(closed.info.error == errc::open_timeout);
}

TEMPLATE_TEST_CASE(
    "threats: websocket-smuggle, CVE-2025-11677 libwebsockets, nothing goes on behind "
    "a refusal",
    "[asio][threats]", plain_server, deflating_server_end) {
    TestType end(typename TestType::not_open_yet{});
    completion asked;
    completion refused;
    end.stream->read_request([&](const error_code& error, const upgrade_request&) {
        asked.note(error);
        if (!error) end.stream->refuse({.status = 403}, refused.handler());
    });
    std::string head = request_head();
    unsigned status = 403;
    SECTION("of the application") {}
    SECTION("of a version that there is not") {
        head.replace(head.find("Version: 13"), 11, "Version: 12");
        status = 426;
    }
    // A proxy that took any answer for a 101 would let this through.
    const std::string smuggled =
        "GET /admin HTTP/1.1\r\nHost: example.org\r\n\r\n" + request_head();
    end.receive(head + smuggled);
    for (int i = 0; i < 10; ++i)
        end.receive(smuggled);
    const std::string answer = end.far.read();
    CHECK(answer.starts_with("HTTP/1.1 " + std::to_string(status) + " "));
    CHECK(field_of(answer, "Connection").starts_with("close"));
    CHECK(answer.find("HTTP/1.1 ", 1) == std::string::npos);
    end.receive(smuggled);
    end.far.end();
    end.poll();
    CHECK(end.far.closed());
    CHECK(end.far.read().empty());
    CHECK(asked.calls == 1);
    CHECK(refused.calls == (status == 403 ? 1 : 0));
}
