// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Counts the allocations of a turn of the event loop, Qt's included, on a real socket whose other
// end needs no memory: whatever a message takes shows in a turn with more messages.

#include <framewire/qt/client.hpp>
#include <framewire/qt/server.hpp>

#include "messagetext.h" // of the QML module
#include "qt/support/raw.hpp"
#include "qt/support/recorder.hpp"
#include "support/catch.hpp"
#include "support/peer.hpp"

#include <QCoreApplication>
#include <QString>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <malloc.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace framewire;
using namespace framewire::test;

namespace {
thread_local long allocations = 0;

// Those of a mebibyte and more, in bytes.
thread_local std::size_t large_now = 0;
thread_local std::size_t large_most = 0;

std::size_t large_size(void* block) {
    const std::size_t size = block == nullptr ? 0 : malloc_usable_size(block);
    return size >= 1 << 20 ? size : 0;
}
void* taken(void* block) {
    ++allocations;
    large_now += large_size(block);
    large_most = std::max(large_most, large_now);
    return block;
}
} // namespace

// glibc's own, by the names that it has for those who replace them.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* block, std::size_t size);
void __libc_free(void* block);

void* malloc(std::size_t size) { return taken(__libc_malloc(size)); }
void* calloc(std::size_t count, std::size_t size) { return taken(__libc_calloc(count, size)); }
void* realloc(void* block, std::size_t size) {
    large_now -= large_size(block);
    return taken(__libc_realloc(block, size));
}
void free(void* block) {
    large_now -= large_size(block);
    __libc_free(block);
}
}

namespace {

// The end of a connection that somebody else has opened, without Qt.
class plain_end {
public:
    explicit plain_end(std::unique_ptr<raw_end> opened)
        : descriptor_(::dup(static_cast<int>(opened->socket().socketDescriptor()))) {}
    plain_end(const plain_end&) = delete;
    plain_end& operator=(const plain_end&) = delete;
    ~plain_end() { ::close(descriptor_); }

    /// What a turn allocates in which `bytes` arrive at once and `answer` bytes come back.
    long allocations_of(std::string_view bytes, std::size_t answer) {
        std::array<char, 65'536> room;
        const long before = allocations;
        if (::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) return -1;
        while (answer != 0) {
            QCoreApplication::processEvents();
            const auto size = ::recv(descriptor_, room.data(), room.size(), MSG_DONTWAIT);
            answer -= std::min(answer, static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
        }
        return allocations - before;
    }

    /// The least of many turns, each with so many messages: what else goes on is not of interest.
    long allocations_of(std::string_view frame, std::size_t answer, std::size_t count) {
        std::string frames;
        for (std::size_t i = 0; i < count; ++i)
            frames += frame;
        long least = std::numeric_limits<long>::max();
        for (int i = 0; i < 50; ++i)
            least = std::min(least, allocations_of(frames, answer * count));
        return least;
    }

private:
    int descriptor_;
};

// However many there are in a turn: the thread keeps a block for what is queued.
void check_that_messages_take_none(plain_end& peer, std::string_view frame, std::size_t answer) {
    const long one = peer.allocations_of(frame, answer, 1);
    CHECK(one >= 0);
    CHECK(peer.allocations_of(frame, answer, 64) == one);
}

} // namespace

TEST_CASE("allocations: the counter counts") {
    const long before = allocations;
    const std::unique_ptr<std::string> one(new std::string(100, 'x'));
    const QByteArray other(one->data(), 100);
    CHECK(allocations - before == 3);
    CHECK(other.size() == 100);
}

TEST_CASE("allocations: a server takes none to echo a short message") {
    test_server server;
    plain_end peer(raw_open(server.server.port()));
    REQUIRE(server.wait_for_sessions(1));
    const std::size_t size = GENERATE(0u, 16u, 125u, 500u);
    CAPTURE(size);
    const std::string text(size, 'x');
    const std::size_t answer = frame_writer(role::client).text(text).str().size();
    check_that_messages_take_none(peer, frame_writer(role::server).text(text).str(), answer);
    check_that_messages_take_none(peer, frame_writer(role::server).binary(text).str(), answer);
}

TEST_CASE("allocations: a client takes none to echo a short message") {
    raw_server server;
    test_client client;
    client.ws.on_text = [&](std::string_view text) { client.ws.send_text(text); };
    client.open(server.url());
    server.accept();
    REQUIRE(client.wait_for_text("open"));
    plain_end peer(std::move(server.peer));
    const std::size_t size = GENERATE(0u, 16u, 125u, 500u);
    CAPTURE(size);
    const std::string text(size, 'x');
    const std::size_t answer = frame_writer(role::server).text(text).str().size();
    check_that_messages_take_none(peer, frame_writer(role::client).text(text).str(), answer);
}

TEST_CASE("allocations: UTF-16 of ASCII is sent without any") {
    test_server server;
    plain_end peer(raw_open(server.server.port()));
    REQUIRE(server.wait_for_sessions(1));
    const QString answer(GENERATE(16, 250, 500), QLatin1Char('y'));
    qt::session& ws = *server.sessions[0]->ws;
    ws.on_text = [&](std::string_view) { ws.send_text(answer); };
    const std::size_t size = frame_writer(role::client).text(answer.toStdString()).str().size();
    check_that_messages_take_none(peer, frame_writer(role::server).text("x").str(), size);
}

TEST_CASE("allocations: what a handler makes of a message is one, which it asks for") {
    test_server server;
    plain_end peer(raw_open(server.server.port()));
    REQUIRE(server.wait_for_sessions(1));
    qt::session& ws = *server.sessions[0]->ws;
    QByteArray last;
    ws.on_binary = [&](QByteArrayView bytes) {
        last = bytes.toByteArray();
        ws.send_binary(last);
    };
    const std::string frame = frame_writer(role::server).binary(std::string(16, 'x')).str();
    CHECK(peer.allocations_of(frame, 18, 8) == peer.allocations_of(frame, 18, 1) + 7);
}

TEST_CASE("allocations: a text is there only once while it is converted for QML") {
    // All of it looks like ASCII but for its end.
    const std::string utf8 = std::string(std::size_t{8} << 20, 'x') + GENERATE("y", "\u2713");
    const std::size_t before = large_now;
    large_most = before;
    const QString text = toText(utf8);
    CHECK(text.size() == (8 << 20) + 1);
    CHECK(large_now - before >= std::size_t{16} << 20);
    CHECK(large_most - before < std::size_t{17} << 20);
}
