// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Has the client of README.md talk over a pair of sockets to a server that is written down here.

#include "event_loop.hpp"

#include "support/catch.hpp"
#include "support/peer.hpp"

#include <framewire/handshake/key.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

namespace {

using namespace framewire;

class conversation {
public:
    conversation() {
        if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends_.data()) != 0) FAIL("no sockets");
        for (const int end : ends_)
            ::fcntl(end, F_SETFL, O_NONBLOCK);
    }
    ~conversation() {
        ::close(ends_[0]);
        hang_up();
    }
    conversation(const conversation&) = delete;
    conversation& operator=(const conversation&) = delete;

    [[nodiscard]] int client_end() const { return ends_[0]; }

    void hang_up() {
        if (ends_[1] >= 0) ::close(ends_[1]);
        ends_[1] = -1;
    }

    void say_no_more() const { ::shutdown(ends_[1], SHUT_WR); }

    // The server's side says something, and reads what has come.
    void say(std::string_view text) const {
        REQUIRE(::send(ends_[1], text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    }
    [[nodiscard]] std::string hear() const {
        std::array<char, 4096> buffer;
        std::string out;
        for (ssize_t n = 0; (n = ::recv(ends_[1], buffer.data(), buffer.size(), 0)) > 0;)
            out.append(buffer.data(), static_cast<std::size_t>(n));
        return out;
    }

private:
    std::array<int, 2> ends_{-1, -1};
};

constexpr client_request asked{.host = "server.example.com", .target = "/chat"};

// What a turn told, a line an event.
struct listener {
    std::string told;

    bool turn(client& from) {
        return from.turn([this](const event& e) {
            if (e.kind == event_kind::text) told += "text ";
            if (e.kind == event_kind::ping) told += "ping ";
            if (e.kind == event_kind::close) told += "close ";
            if (e.kind == event_kind::failed) told += "failed: " + std::string(message(e.error));
            told += std::string(e.text()) + "\n";
        });
    }
};

std::string answer_to(const std::string& request) {
    constexpr std::string_view name = "\r\nSec-WebSocket-Key: ";
    const std::size_t at = request.find(name);
    REQUIRE(at != std::string::npos);
    const auto accept = accept_key(std::string_view(request).substr(at + name.size(), 24));
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Accept: " +
           std::string(accept.data(), accept.size()) + "\r\n\r\n";
}

void open(client& c, const conversation& wire, listener& to) {
    REQUIRE(to.turn(c));
    wire.say(answer_to(wire.hear()));
    REQUIRE(to.turn(c));
    REQUIRE(c.open());
}

} // namespace

TEST_CASE("readme: the client for event loops shakes hands, talks and closes") {
    const conversation wire;
    client c(wire.client_end(), asked);
    listener to;
    CHECK(c.events() == (POLLIN | POLLOUT));
    CHECK(to.turn(c));
    CHECK(c.events() == POLLIN);
    const std::string request = wire.hear();
    CHECK(request.starts_with("GET /chat HTTP/1.1\r\nHost: server.example.com\r\n"));
    CHECK(request.ends_with("\r\n\r\n"));
    CHECK(c.deadline() <= std::chrono::steady_clock::now() + std::chrono::seconds(10));

    // The response byte by byte; with its last one comes RFC 6455 5.7's "Hello".
    const std::string answer = answer_to(request);
    for (const char byte : answer.substr(0, answer.size() - 1)) {
        wire.say(std::string_view(&byte, 1));
        REQUIRE(to.turn(c));
        CHECK_FALSE(c.open());
    }
    wire.say("\n\x81\x05Hello");
    CHECK(to.turn(c));
    CHECK(to.told == "text Hello\n");
    CHECK(c.deadline() == std::chrono::steady_clock::time_point::max());

    CHECK(c.connection.send_text("one") == errc::success);
    CHECK(c.connection.send_text("two") == errc::success);
    CHECK(c.events() == (POLLIN | POLLOUT));
    wire.say("\x89\x01?");
    CHECK(to.turn(c));
    CHECK(to.told == "text Hello\nping ?\n");
    std::string heard = wire.hear();
    const auto frames = test::take_frames(heard);
    REQUIRE(frames.size() == 3);
    CHECK(heard.empty());
    CHECK(frames[0].payload == "one");
    CHECK(frames[1].payload == "two");
    CHECK(frames[2].first == 0x8A);
    CHECK(frames[2].payload == "?");
    for (const test::wire_frame& frame : frames)
        CHECK(frame.masked);
    CHECK(frames[0].key != frames[1].key);

    CHECK(c.connection.close() == errc::success);
    CHECK(to.turn(c));
    CHECK(c.deadline() <= std::chrono::steady_clock::now() + std::chrono::seconds(5));
    heard = wire.hear();
    CHECK(test::take_frames(heard).at(0).payload == "\x03\xe8");
    wire.say("\x88\x02\x03\xe8");
    CHECK(to.turn(c)); // RFC 6455 7.1.1: the server ends the transport
    CHECK(to.told == "text Hello\nping ?\nclose \n");
}

TEST_CASE("readme: the client for event loops ends with the transport") {
    conversation wire;
    client c(wire.client_end(), asked);
    listener to;
    SECTION("before the answer") {
        wire.hang_up();
        CHECK_FALSE(to.turn(c));
        CHECK(to.told.empty());
    }
    SECTION("before the answer, which is not to come") {
        wire.say_no_more();
        CHECK_FALSE(to.turn(c));
    }
    SECTION("without a Close frame") {
        open(c, wire, to);
        wire.hang_up();
        CHECK_FALSE(to.turn(c));
        CHECK(to.told == "failed: the connection ended without a Close frame\n");
    }
    SECTION("behind a Close frame") {
        open(c, wire, to);
        wire.say("\x88\x02\x03\xe9");
        CHECK(to.turn(c));
        wire.hang_up();
        CHECK_FALSE(to.turn(c));
        CHECK(to.told == "close \n");
    }
    SECTION("that is reset") {
        open(c, wire, to);
        REQUIRE(c.connection.send_text("unread") == errc::success);
        REQUIRE(to.turn(c));
        wire.hang_up(); // with something unread
        CHECK_FALSE(to.turn(c));
    }
}

TEST_CASE("readme: the client for event loops tells who does not speak WebSocket") {
    const conversation wire;
    listener to;
    SECTION("a refusal") {
        client c(wire.client_end(), asked);
        CHECK(to.turn(c));
        wire.say("HTTP/1.1 403 Forbidden\r\n\r\n");
        CHECK_FALSE(to.turn(c));
        CHECK(c.handshake.error() == errc::upgrade_refused);
        CHECK(c.handshake.status_code() == 403);
    }
    SECTION("a violation, which is answered before the end") {
        client c(wire.client_end(), asked);
        open(c, wire, to);
        wire.say("\x83\x01x");
        CHECK_FALSE(to.turn(c));
        CHECK(to.told == "failed: a frame has a reserved opcode\n");
        std::string heard = wire.hear();
        CHECK(test::take_frames(heard).at(0).payload.substr(0, 2) == "\x03\xea");
    }
    SECTION("itself") {
        CHECK_THROWS_AS(client(wire.client_end(), {.host = "a b"}), std::system_error);
    }
}

TEST_CASE("readme: the client for event loops waits for room to write, and not for ever") {
    const conversation wire;
    client c(wire.client_end(), asked);
    listener to;
    open(c, wire, to);
    const std::string text(4u << 20, 'x');
    REQUIRE(c.connection.send_text(text) == errc::success);
    CHECK(to.turn(c));
    CHECK(to.turn(c)); // nobody reads
    CHECK(c.events() == (POLLIN | POLLOUT));
    std::string heard;
    for (int turns = 0; c.events() != POLLIN && turns < 10'000; ++turns) {
        heard += wire.hear();
        REQUIRE(to.turn(c));
    }
    heard += wire.hear();
    const auto frames = test::take_frames(heard);
    REQUIRE(frames.size() == 1);
    CHECK((frames[0].payload == text));

    CHECK(c.deadline() == std::chrono::steady_clock::time_point::max());
    REQUIRE(c.connection.close() == errc::success);
    CHECK(to.turn(c));
    c.close_until = std::chrono::steady_clock::now(); // as if that were long ago
    CHECK_FALSE(to.turn(c));
}

TEST_CASE("readme: the client for event loops keeps its request until there is room for it") {
    const conversation wire;
    const std::string before(4096, 'x');
    while (::send(wire.client_end(), before.data(), before.size(), 0) > 0) {
    }
    client c(wire.client_end(), asked);
    listener to;
    CHECK(to.turn(c));
    CHECK(c.events() == (POLLIN | POLLOUT));
    CHECK_FALSE(wire.hear().ends_with("\r\n\r\n"));
    CHECK(to.turn(c));
    CHECK(c.events() == POLLIN);
    CHECK(wire.hear().ends_with("\r\n\r\n"));
}

TEST_CASE("readme: the client for event loops gives up a handshake that does not end") {
    const conversation wire;
    client c(wire.client_end(), asked);
    listener to;
    CHECK(to.turn(c));
    wire.say("HTTP/1.1");
    CHECK(to.turn(c));
    c.open_until = std::chrono::steady_clock::now(); // as if that were long ago
    CHECK_FALSE(to.turn(c));
}
