// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Drives an echo server, and tells what a message costs it. One thread, epoll, and no library: what
// it costs itself is the same for every server.

#include "support/arguments.hpp"
#include "support/client.hpp"
#include "support/process.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <sys/epoll.h>
#include <vector>

namespace {

using namespace benchmarks;

constexpr const char* help =
    R"(load --port PORT --pid PID [option]...

Connects clients to the echo server at 127.0.0.1:PORT, keeps messages in flight on each connection,
checks what comes back, and prints a line of JSON for each repetition: messages, seconds, the
server's CPU time a message and that of this program, both in microseconds.

  --connections N    1
  --size BYTES       of a message: 16
  --depth N          messages in flight on each connection: 1
  --seconds S        of a repetition: 1
  --messages N       end a repetition after so many: no limit
  --repeat N         repetitions, on the same connections: 1
  --warm-up S        before the first, not counted: 0.1
  --text             text messages, not binary
  --greeting         the server sends a message first
  --raw              the server knows no WebSocket: it sends each byte back as it came
  --core N           the core to run on: any
)";

struct settings {
    target server;
    std::size_t connections;
    std::size_t size;
    std::size_t depth;
    bool text;
};

/// Messages one behind another, and what comes back for them: made once, used by all connections,
/// over and over. Neighbours differ, so that a lost, doubled or swapped message shows.
struct messages {
    explicit messages(const settings& config) : count(std::max<std::size_t>(config.depth, 4)) {
        const opcode op = config.text ? opcode::text : opcode::binary;
        std::vector<std::uint8_t> payload(config.size);
        for (std::size_t number = 0; number < count; ++number) {
            for (std::size_t i = 0; i < payload.size(); ++i)
                payload[i] = static_cast<std::uint8_t>(' ' + (number * 31 + i * 7 + i / 95) % 95);
            append_frame(sent, op, payload);
            append_header(received, op, true, payload.size(), nullptr);
            received.insert(received.end(), payload.begin(), payload.end());
        }
        if (config.server.raw) received = sent;
        sent_size = sent.size() / count;
        received_size = received.size() / count;
        // Doubled: what begins at any message goes on for `count` of them.
        const std::size_t once = sent.size();
        sent.resize(2 * once);
        std::memcpy(sent.data() + once, sent.data(), once);
    }

    std::size_t count;
    std::size_t sent_size = 0; // of one, with its header
    std::size_t received_size = 0;
    std::vector<std::uint8_t> sent;
    std::vector<std::uint8_t> received;
};

struct connection {
    descriptor socket;
    std::size_t sent_at = 0;     // where in `messages::sent` the next byte to send stands
    std::size_t unsent = 0;      // bytes from there
    std::size_t received_at = 0; // where in `messages::received` the next byte will stand
    bool waits_to_send = false;
};

class load {
public:
    explicit load(const settings& config)
        : config_(config), messages_(config), epoll_(::epoll_create1(EPOLL_CLOEXEC)),
          buffer_(256 * 1024) {
        if (epoll_.get() < 0) die("epoll_create1", errno);
        std::vector<descriptor> sockets = open_all(config.server, config.connections);
        connections_.resize(sockets.size());
        for (std::size_t i = 0; i < sockets.size(); ++i) {
            connections_[i].socket = std::move(sockets[i]);
            control(EPOLL_CTL_ADD, i, EPOLLIN);
        }
    }

    /// Sends and receives until the time or the messages are used up and all answers are there.
    /// \return how many messages came back.
    std::uint64_t run(double seconds, std::uint64_t limit) {
        started_ = done_ = 0;
        limit_ = limit;
        const std::int64_t end = now() + static_cast<std::int64_t>(seconds * 1e9);
        for (std::size_t i = 0; i < connections_.size(); ++i)
            start(i, config_.depth);
        std::vector<epoll_event> events(std::min<std::size_t>(connections_.size(), 512));
        while (done_ < started_) {
            const int n =
                ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 10'000);
            if (n == 0) die("the server has not answered for 10 s");
            if (n < 0 && errno != EINTR) die("epoll_wait", errno);
            if (now() >= end) limit_ = 0;
            for (int i = 0; i < n; ++i) {
                const epoll_event& event = events[static_cast<std::size_t>(i)];
                const auto index = static_cast<std::size_t>(event.data.u64);
                if ((event.events & EPOLLOUT) != 0) flush(index);
                if ((event.events & ~std::uint32_t{EPOLLOUT}) != 0) receive(index);
            }
        }
        return done_;
    }

    /// Ends the connections, each with its closing handshake.
    void finish() {
        std::vector<descriptor> sockets;
        for (connection& each : connections_)
            sockets.push_back(std::move(each.socket));
        if (const std::size_t unclean = close_all(config_.server, sockets); unclean != 0) {
            die(std::to_string(unclean) + " connections did not end with a closing handshake");
        }
    }

private:
    void control(int operation, std::size_t index, std::uint32_t events) {
        epoll_event event{};
        event.events = events;
        event.data.u64 = index;
        if (::epoll_ctl(epoll_.get(), operation, connections_[index].socket.get(), &event) != 0) {
            die("epoll_ctl", errno);
        }
    }

    void start(std::size_t index, std::uint64_t count) {
        if (started_ >= limit_) return;
        count = std::min(count, limit_ - started_);
        started_ += count;
        connections_[index].unsent += static_cast<std::size_t>(count) * messages_.sent_size;
        flush(index);
    }

    void flush(std::size_t index) {
        connection& self = connections_[index];
        while (self.unsent != 0) {
            const ssize_t n = ::send(self.socket.get(), messages_.sent.data() + self.sent_at,
                                     self.unsent, MSG_NOSIGNAL);
            if (n < 0 && errno == EAGAIN) break;
            if (n < 0) die("send", errno);
            self.unsent -= static_cast<std::size_t>(n);
            self.sent_at += static_cast<std::size_t>(n);
            self.sent_at %= messages_.sent.size() / 2;
        }
        if (self.waits_to_send != (self.unsent != 0)) {
            self.waits_to_send = !self.waits_to_send;
            control(EPOLL_CTL_MOD, index, self.waits_to_send ? EPOLLIN | EPOLLOUT : EPOLLIN);
        }
    }

    void receive(std::size_t index) {
        connection& self = connections_[index];
        const ssize_t n = ::recv(self.socket.get(), buffer_.data(), buffer_.size(), 0);
        if (n < 0 && errno == EAGAIN) return;
        if (n < 0) die("recv", errno);
        if (n == 0) die("the server ended a connection");
        bytes in(buffer_.data(), static_cast<std::size_t>(n));
        const std::size_t complete =
            (self.received_at % messages_.received_size + in.size()) / messages_.received_size;
        while (!in.empty()) {
            const bytes expected = bytes(messages_.received).subspan(self.received_at);
            const std::size_t size = std::min(in.size(), expected.size());
            if (std::memcmp(in.data(), expected.data(), size) != 0) report(in, expected);
            self.received_at = (self.received_at + size) % messages_.received.size();
            in = in.subspan(size);
        }
        done_ += complete;
        if (complete != 0) start(index, complete);
    }

    [[noreturn]] void report(bytes in, bytes expected) const {
        const auto differs = std::mismatch(in.begin(), in.end(), expected.begin(), expected.end());
        const auto at = messages_.received.size() - expected.size() +
                        static_cast<std::size_t>(differs.first - in.begin());
        die("an echo differs from its message at byte " +
            std::to_string(at % messages_.received_size) +
            " of its frame: " + std::to_string(*differs.first) + " where " +
            std::to_string(*differs.second) + " was expected");
    }

    settings config_;
    messages messages_;
    descriptor epoll_;
    std::vector<std::uint8_t> buffer_;
    std::vector<connection> connections_;
    std::uint64_t started_ = 0;
    std::uint64_t done_ = 0;
    std::uint64_t limit_ = 0;
};

} // namespace

int main(int argc, char** argv) {
    arguments given(argc, argv, help);
    settings config{};
    config.server.raw = given.flag("--raw");
    config.server.greeting = given.flag("--greeting");
    config.text = given.flag("--text");
    config.server.port = given.number<std::uint16_t>("--port", 0, 1, 65'535);
    config.connections = given.number<std::size_t>("--connections", 1, 1, 1'000'000);
    config.size = given.number<std::size_t>("--size", 16, 1, 1u << 26);
    config.depth = given.number<std::size_t>("--depth", 1, 1, 4096);
    const auto pid = given.number<pid_t>("--pid", 0, 1, 1 << 30);
    const auto seconds = given.number("--seconds", 1.0, 0.001, 3600.0);
    const auto limit = given.number<std::uint64_t>("--messages", UINT64_MAX, 1, UINT64_MAX);
    const auto repeat = given.number("--repeat", 1, 1, 1'000'000);
    const auto warm_up = given.number("--warm-up", 0.1, 0.0, 3600.0);
    const auto core = given.number("--core", -1, 0, 4095);
    given.finish();
    if (config.server.port == 0) misuse("is needed", "--port");
    if (pid == 0) misuse("is needed", "--pid");

    pin_to_core(core);
    raise_descriptor_limit(config.connections + 16);
    const cpu_clock server_clock(pid);
    const cpu_clock own_clock(0);

    load clients(config);
    (void)clients.run(warm_up, UINT64_MAX);
    for (int i = 0; i < repeat; ++i) {
        const std::int64_t begin = now();
        const std::int64_t server_begin = server_clock.read();
        const std::int64_t own_begin = own_clock.read();
        const std::uint64_t done = clients.run(seconds, limit);
        const auto per_message = [&](std::int64_t nanoseconds) {
            return static_cast<double>(nanoseconds) / 1000 / static_cast<double>(done);
        };
        std::printf("{\"messages\": %" PRIu64
                    ", \"seconds\": %.3f, \"server_us\": %.4f, \"load_us\": %.4f}\n",
                    done, static_cast<double>(now() - begin) / 1e9,
                    per_message(server_clock.read() - server_begin),
                    per_message(own_clock.read() - own_begin));
        std::fflush(stdout);
    }
    clients.finish();
}
