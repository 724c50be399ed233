// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Drives an echo server that has permessage-deflate (RFC 7692), and tells what a message costs it,
// in time and in octets on the wire. One thread, epoll, zlib.

#include "support/arguments.hpp"
#include "support/client.hpp"
#include "support/process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <utility>
#include <vector>
#include <zlib.h>

namespace {

using namespace benchmarks;

constexpr const char* help =
    R"(compressed_load --port PORT --pid PID [option]...

Connects clients to the echo server at 127.0.0.1:PORT, keeps compressed texts in flight on each
connection, checks what comes back, and prints a line of JSON: messages, the server's CPU time a
message in microseconds, and the octets that it sent for one, headers included. When the
server does not agree to compress, everything goes as it is; `compressed` says how it went.

  --connections N    16
  --size BYTES       of a message, about: 1024
  --depth N          messages in flight on each connection: 4
  --seconds S        1
  --warm-up S        before that, not counted: 0.1
  --no-takeover      ask that each message be compressed by itself
  --plain            do not ask for compression
  --memory           instead: a message on each connection, and what the server holds for each of
                     them when it is idle, beyond what it held with eight
  --core N           the core to run on: any
)";

constexpr const char* offer_takeover = "permessage-deflate; client_max_window_bits";
constexpr const char* offer_no_takeover =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
    "client_max_window_bits";

/// What telemetry looks like: the same keys over and over, other values each time.
std::string json(std::size_t size, std::uint32_t& random) {
    const auto next = [&random](std::uint32_t below) {
        random = random * 1'664'525u + 1'013'904'223u;
        return std::to_string((random >> 8) % below);
    };
    std::string out = "{\"type\":\"update\",\"sequence\":" + next(1'000'000) + ",\"readings\":[";
    while (out.size() + 110 < size) {
        out += "{\"sensor\":\"attic-" + next(40) + "\",\"temperature\":" + next(40) + "." +
               next(100) + ",\"humidity\":" + next(100) + ",\"time\":17640" + next(100'000) +
               ",\"ok\":" + (random >> 31 == 0 ? "true" : "false") + "},";
    }
    return out + "null]}";
}

/// A connection with zlib at both ends of it.
class connection {
public:
    connection(descriptor socket, bool takeover) : socket_(std::move(socket)), takeover_(takeover) {
        // The window that any server lets a client have.
        if (deflateInit2(&out_, 1, Z_DEFLATED, -9, 5, Z_DEFAULT_STRATEGY) != Z_OK ||
            inflateInit2(&in_, -15) != Z_OK) {
            die("zlib");
        }
    }
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection() {
        deflateEnd(&out_);
        inflateEnd(&in_);
    }

    [[nodiscard]] int fd() const { return socket_.get(); }
    [[nodiscard]] descriptor take_socket() { return std::move(socket_); }
    [[nodiscard]] std::size_t waiting() const { return expected_.size(); }

    void send(std::string text, bool compress) {
        if (compress) {
            const std::vector<std::uint8_t> payload = compressed(text);
            const std::size_t at = unsent_.size();
            append_frame(unsent_, opcode::text, payload);
            unsent_[at] |= 0x40;
        } else {
            append_frame(unsent_, opcode::text,
                         {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
        }
        expected_.push_back(std::move(text));
    }

    /// True when everything has gone.
    [[nodiscard]] bool flush() {
        while (!unsent_.empty()) {
            const ssize_t n = ::send(fd(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
            if (n < 0 && errno == EAGAIN) return false;
            if (n < 0) die("send", errno);
            unsent_.erase(unsent_.begin(), unsent_.begin() + n);
        }
        return true;
    }

    /// Takes what has come; returns how many messages came back by it.
    [[nodiscard]] std::size_t receive(std::vector<std::uint8_t>& room, std::uint64_t& octets,
                                      std::uint64_t& compressed_ones) {
        const ssize_t n = ::recv(fd(), room.data(), room.size(), 0);
        if (n < 0 && errno == EAGAIN) return 0;
        if (n < 0) die("recv", errno);
        if (n == 0) die("the server ended a connection");
        octets += static_cast<std::uint64_t>(n);
        std::size_t done = 0;
        const bool ok = reader_.feed(
            {room.data(), static_cast<std::size_t>(n)}, [&](const frame_reader::piece& piece) {
                if (piece.op == opcode::ping || piece.op == opcode::pong) return true;
                if (piece.op != opcode::continuation && piece.first) {
                    compressed_ = piece.compressed;
                    compressed_ones += compressed_ ? 1u : 0u;
                }
                message_.insert(message_.end(), piece.payload.begin(), piece.payload.end());
                if (!piece.last || !piece.fin) return true;
                check();
                ++done;
                return true;
            });
        if (!ok) die("the server sent something that was not asked for");
        return done;
    }

private:
    // RFC 7692 7.2.1.
    std::vector<std::uint8_t> compressed(const std::string& text) {
        std::vector<std::uint8_t> result(text.size() + 64);
        out_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
        out_.avail_in = static_cast<uInt>(text.size());
        out_.next_out = result.data();
        out_.avail_out = static_cast<uInt>(result.size());
        if (deflate(&out_, Z_SYNC_FLUSH) != Z_OK || out_.avail_out == 0) die("deflate");
        result.resize(result.size() - out_.avail_out - 4);
        if (!takeover_) deflateReset(&out_);
        return result;
    }

    // RFC 7692 7.2.2.
    void check() {
        if (expected_.empty()) die("a message came that was not sent");
        std::string text;
        if (compressed_) {
            constexpr std::array<std::uint8_t, 4> tail{0x00, 0x00, 0xFF, 0xFF};
            message_.insert(message_.end(), tail.begin(), tail.end());
            text.resize(expected_.front().size() + 1);
            in_.next_in = message_.data();
            in_.avail_in = static_cast<uInt>(message_.size());
            in_.next_out = reinterpret_cast<Bytef*>(text.data());
            in_.avail_out = static_cast<uInt>(text.size());
            const int result = inflate(&in_, Z_SYNC_FLUSH);
            // A final block ends the stream: what is behind it has no content.
            if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) die("inflate");
            text.resize(text.size() - in_.avail_out);
            if (!takeover_ || result == Z_STREAM_END) inflateReset(&in_);
        } else {
            text.assign(message_.begin(), message_.end());
        }
        if (text != expected_.front()) die("an echo differs from its message");
        expected_.pop_front();
        message_.clear();
    }

    descriptor socket_;
    z_stream out_{};
    z_stream in_{};
    frame_reader reader_{true};
    std::vector<std::uint8_t> unsent_;
    std::vector<std::uint8_t> message_;
    std::deque<std::string> expected_;
    bool takeover_;
    bool compressed_ = false;
};

class load {
public:
    load(const target& server, std::size_t size, std::size_t depth, bool takeover, bool compress)
        : server_(server), size_(size), depth_(depth), takeover_(takeover), compress_(compress),
          epoll_(::epoll_create1(EPOLL_CLOEXEC)), room_(256 * 1024) {
        if (epoll_.get() < 0) die("epoll_create1", errno);
    }

    void open(std::size_t count) {
        for (descriptor& socket : open_all(server_, count)) {
            epoll_event event{};
            event.events = EPOLLIN;
            event.data.u64 = connections_.size();
            ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket.get(), &event);
            connections_.push_back(std::make_unique<connection>(std::move(socket), takeover_));
        }
    }

    /// Sends for so long, from the connections `first` and on, at least a message on each; ends
    /// when all have come back.
    std::uint64_t run(double seconds, std::size_t first = 0) {
        octets = compressed = 0;
        std::uint64_t done = 0;
        std::uint64_t open = 0;
        const std::int64_t end = now() + static_cast<std::int64_t>(seconds * 1e9);
        const auto start = [&](std::size_t index) {
            connections_[index]->send(json(size_, random_), compress_);
            ++open;
            if (!connections_[index]->flush()) want(index, EPOLLIN | EPOLLOUT);
        };
        for (std::size_t i = first; i < connections_.size(); ++i) {
            for (std::size_t k = 0; k < (seconds > 0 ? depth_ : 1); ++k)
                start(i);
        }
        std::vector<epoll_event> events(256);
        while (open != 0) {
            const int n =
                ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 10'000);
            if (n == 0) die("the server has not answered for 10 s");
            const bool over = now() >= end;
            for (int i = 0; i < n; ++i) {
                const auto index =
                    static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.u64);
                connection& self = *connections_[index];
                if (self.flush()) want(index, EPOLLIN);
                const std::size_t back = self.receive(room_, octets, compressed);
                done += back;
                open -= back;
                for (std::size_t k = 0; k < back && !over; ++k)
                    start(index);
            }
        }
        return done;
    }

    void finish() {
        std::vector<descriptor> sockets;
        for (const auto& each : connections_)
            sockets.push_back(each->take_socket());
        (void)close_all(server_, sockets);
    }

    std::uint64_t octets = 0;     // received in the last run
    std::uint64_t compressed = 0; // messages that came compressed in it

private:
    void want(std::size_t index, std::uint32_t what) {
        epoll_event event{};
        event.events = what;
        event.data.u64 = index;
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connections_[index]->fd(), &event);
    }

    target server_;
    std::size_t size_;
    std::size_t depth_;
    bool takeover_;
    bool compress_;
    descriptor epoll_;
    std::vector<std::uint8_t> room_;
    std::vector<std::unique_ptr<connection>> connections_;
    std::uint32_t random_ = 1;
};

} // namespace

int main(int argc, char** argv) {
    arguments given(argc, argv, help);
    target server{};
    server.port = given.number<std::uint16_t>("--port", 0, 1, 65'535);
    const auto pid = given.number<pid_t>("--pid", 0, 1, 1 << 30);
    const auto connections = given.number<std::size_t>("--connections", 16, 1, 100'000);
    const auto size = given.number<std::size_t>("--size", 1024, 1, 1u << 20);
    const auto depth = given.number<std::size_t>("--depth", 4, 1, 4096);
    const auto seconds = given.number("--seconds", 1.0, 0.001, 3600.0);
    const auto warm_up = given.number("--warm-up", 0.1, 0.0, 3600.0);
    const auto core = given.number("--core", -1, 0, 4095);
    const bool takeover = !given.flag("--no-takeover");
    const bool plain = given.flag("--plain");
    const bool memory = given.flag("--memory");
    given.finish();
    if (server.port == 0) misuse("is needed", "--port");
    if (pid == 0) misuse("is needed", "--pid");
    server.offer = plain ? "" : takeover ? offer_takeover : offer_no_takeover;

    pin_to_core(core);
    raise_descriptor_limit(connections + 32);
    load clients(server, size, depth, takeover, !plain);
    if (memory) {
        clients.open(8);
        (void)clients.run(0.1);
        const std::int64_t before = memory_at_rest(pid);
        clients.open(connections);
        (void)clients.run(0, 8);
        const std::int64_t after = memory_at_rest(pid);
        std::printf("{\"connections\": %zu, \"idle\": %" PRId64 ", \"compressed\": %" PRIu64 "}\n",
                    connections, (after - before) / static_cast<std::int64_t>(connections),
                    clients.compressed);
    } else {
        clients.open(connections);
        (void)clients.run(std::max(warm_up, 0.001));
        const cpu_clock clock(pid);
        const std::int64_t before = clock.read();
        const std::uint64_t done = clients.run(seconds);
        const std::int64_t used = clock.read() - before;
        std::printf("{\"messages\": %" PRIu64 ", \"server_us\": %.4f, \"octets\": %.1f, "
                    "\"compressed\": %" PRIu64 "}\n",
                    done, static_cast<double>(used) / 1000 / static_cast<double>(done),
                    static_cast<double>(clients.octets) / static_cast<double>(done),
                    clients.compressed);
    }
    std::fflush(stdout);
    clients.finish();
}
