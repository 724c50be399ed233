// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Holds many connections open on an echo server, each with a message now and then, and tells what
// an idle one costs in memory and whether that is given back.

#include "support/arguments.hpp"
#include "support/client.hpp"
#include "support/process.hpp"

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <sys/epoll.h>
#include <utility>
#include <vector>

namespace {

using namespace benchmarks;

constexpr const char* help =
    R"(hold --port PORT --pid PID [option]...

Opens connections to the echo server at 127.0.0.1:PORT, holds them while each sends a message now
and then, and closes them with the closing handshake. Does so again without holding them: an
allocator may keep memory that was freed, but has to use it again. Prints what a connection costs.

Memory is Rss of /proc/PID/smaps_rollup, over what it was with 8 connections that had been served
already; what the sockets hold is the kernel's, and not in it. Ends with 1 when anything went wrong.

  --connections N    10000
  --seconds S        to hold them; each sends at least one message: 60
  --interval S       between two messages of a connection: 10
  --size BYTES       of a message: 16
  --rounds N         of opening and closing: 3
  --max-idle BYTES   that an idle connection may cost: no limit
  --greeting         the server sends a message first
  --raw              the server knows no WebSocket: it sends each byte back as it came
  --json             print one line of JSON
)";

struct connection {
    descriptor socket;
    frame_reader reader;
    std::size_t received = 0;  // bytes of the echo that is awaited
    std::int64_t sent_at = 0;  // of the message whose echo is awaited; 0: none is
    std::size_t sent_size = 0; // bytes of that message that have been sent
};

class crowd {
public:
    crowd(const target& server, std::size_t count, std::size_t size)
        : server_(server), payload_(size), epoll_(::epoll_create1(EPOLL_CLOEXEC)),
          buffer_(256 * 1024) {
        if (epoll_.get() < 0) die("epoll_create1", errno);
        for (std::size_t i = 0; i < size; ++i)
            payload_[i] = static_cast<std::uint8_t>(' ' + i % 95);
        append_frame(frame_, opcode::binary, payload_);
        if (server.raw) payload_ = frame_;
        std::vector<descriptor> sockets = open_all(server, count);
        connections_.resize(count);
        for (std::size_t i = 0; i < count; ++i) {
            connections_[i].socket = std::move(sockets[i]);
            epoll_event event{};
            event.events = EPOLLIN;
            event.data.u64 = i;
            if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connections_[i].socket.get(), &event)) {
                die("epoll_ctl", errno);
            }
        }
    }

    /// Each connection sends a message every `interval` seconds, evenly spread; the last ones are
    /// sent before `seconds` have passed, and at least one by each.
    void hold(double seconds, double interval) {
        const auto count = static_cast<double>(connections_.size());
        // Whoever does not hold sends what has to be sent within a second or two.
        const double pace = (seconds < interval ? std::max(seconds, 1.0) : interval) / count;
        const auto step = std::max<std::int64_t>(static_cast<std::int64_t>(pace * 1e9), 1);
        const std::int64_t begin = now();
        const std::int64_t end = begin + static_cast<std::int64_t>(seconds * 1e9);
        std::int64_t due = begin;
        std::size_t number = 0;
        while (now() < end || number < connections_.size()) {
            for (; due <= now() && (due < end || number < connections_.size()); due += step)
                send(number++ % connections_.size());
            receive(std::max<std::int64_t>(due - now(), 0));
        }
        const std::int64_t patience = now() + 10'000'000'000;
        while (awaited_ != 0 && now() < patience)
            receive(100'000'000);
        if (awaited_ != 0) problem("an echo did not come within 10 s", awaited_);
    }

    void close() {
        std::vector<descriptor> sockets;
        for (connection& each : connections_) {
            if (each.socket.get() >= 0) sockets.push_back(std::move(each.socket));
        }
        if (const std::size_t unclean = close_all(server_, sockets); unclean != 0) {
            problem("the closing handshake failed", unclean);
        }
    }

    [[nodiscard]] std::size_t problems() const { return problems_; }
    [[nodiscard]] std::uint64_t echoes() const { return echoes_; }
    /// Nanoseconds.
    [[nodiscard]] std::int64_t longest() const { return longest_; }

private:
    void problem(const char* what, std::size_t count = 1) {
        problems_ += count;
        std::fprintf(stderr, "%zu: %s\n", count, what);
    }

    void lose(connection& self, const char* what) {
        problem(what);
        if (self.sent_at != 0) --awaited_;
        self.socket.reset();
    }

    void send(std::size_t index) {
        connection& self = connections_[index];
        if (self.socket.get() < 0) return;
        if (self.sent_at != 0) return problem("an echo took longer than the interval");
        self.sent_at = now();
        self.sent_size = self.received = 0;
        ++awaited_;
        go_on_sending(self);
    }

    void go_on_sending(connection& self) {
        while (self.sent_size < frame_.size()) {
            const ssize_t n = ::send(self.socket.get(), frame_.data() + self.sent_size,
                                     frame_.size() - self.sent_size, MSG_NOSIGNAL);
            if (n < 0 && errno != EAGAIN) return lose(self, std::strerror(errno));
            if (n < 0) break;
            self.sent_size += static_cast<std::size_t>(n);
        }
        epoll_event event{};
        event.events = self.sent_size < frame_.size() ? EPOLLIN | EPOLLOUT : EPOLLIN;
        event.data.u64 = static_cast<std::uint64_t>(&self - connections_.data());
        if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, self.socket.get(), &event) != 0) {
            die("epoll_ctl", errno);
        }
    }

    /// For at most so many nanoseconds.
    void receive(std::int64_t wait) {
        epoll_event events[512];
        const auto milliseconds = static_cast<int>(std::min<std::int64_t>(wait / 1'000'000, 100));
        const int count = ::epoll_wait(epoll_.get(), events, 512, milliseconds);
        for (int i = 0; i < count; ++i) {
            connection& self = connections_[static_cast<std::size_t>(events[i].data.u64)];
            if ((events[i].events & EPOLLOUT) != 0) go_on_sending(self);
            if (self.socket.get() >= 0) receive(self);
        }
    }

    void receive(connection& self) {
        const ssize_t n = ::recv(self.socket.get(), buffer_.data(), buffer_.size(), 0);
        if (n < 0 && errno == EAGAIN) return;
        if (n < 0) return lose(self, std::strerror(errno));
        if (n == 0) return lose(self, "the server ended a connection");
        const bytes in(buffer_.data(), static_cast<std::size_t>(n));
        if (server_.raw ? !take_echo(self, in)
                        : !self.reader.feed(in, [&](const frame_reader::piece& piece) {
                              return take(self, piece);
                          })) {
            lose(self, "the server sent something else than the echo");
        }
    }

    [[nodiscard]] bool take(connection& self, const frame_reader::piece& piece) {
        if (piece.op == opcode::ping) return answer(self, piece);
        return (piece.op == opcode::binary || piece.op == opcode::continuation) &&
               take_echo(self, piece.payload);
    }

    [[nodiscard]] bool answer(connection& self, const frame_reader::piece& ping) {
        if (ping.first) pong_.clear();
        pong_.insert(pong_.end(), ping.payload.begin(), ping.payload.end());
        if (!ping.last) return true;
        std::vector<std::uint8_t> frame;
        append_frame(frame, opcode::pong, pong_);
        // Between messages only; a server pings who is silent.
        if (self.sent_at != 0 && self.sent_size < frame_.size()) return true;
        return ::send(self.socket.get(), frame.data(), frame.size(), MSG_NOSIGNAL) ==
               static_cast<ssize_t>(frame.size());
    }

    [[nodiscard]] bool take_echo(connection& self, bytes in) {
        if (self.sent_at == 0 || in.size() > payload_.size() - self.received) return in.empty();
        if (!std::equal(in.begin(), in.end(),
                        payload_.begin() + static_cast<std::ptrdiff_t>(self.received))) {
            return false;
        }
        self.received += in.size();
        if (self.received == payload_.size()) {
            longest_ = std::max(longest_, now() - self.sent_at);
            self.sent_at = 0;
            --awaited_;
            ++echoes_;
        }
        return true;
    }

    target server_;
    std::vector<std::uint8_t> payload_;
    std::vector<std::uint8_t> frame_;
    descriptor epoll_;
    std::vector<std::uint8_t> buffer_;
    std::vector<std::uint8_t> pong_;
    std::vector<connection> connections_;
    std::size_t awaited_ = 0;
    std::size_t problems_ = 0;
    std::uint64_t echoes_ = 0;
    std::int64_t longest_ = 0;
};

struct report {
    std::int64_t opened = 0; // memory of the process, in bytes: with all connections open,
    std::int64_t idle = 0;   // and after their messages,
    std::int64_t closed = 0; // and when they were closed
    std::uint64_t echoes = 0;
    std::size_t problems = 0;
    std::int64_t longest = 0;
};

[[nodiscard]] report hold(const target& server, pid_t pid, std::size_t count, std::size_t size,
                          double seconds, double interval) {
    report result;
    crowd clients(server, count, size);
    result.opened = memory_at_rest(pid);
    clients.hold(seconds, interval);
    result.idle = memory_at_rest(pid);
    clients.close();
    result.closed = memory_at_rest(pid);
    result.problems = clients.problems();
    result.echoes = clients.echoes();
    result.longest = clients.longest();
    return result;
}

} // namespace

int main(int argc, char** argv) {
    arguments given(argc, argv, help);
    target server;
    server.raw = given.flag("--raw");
    server.greeting = given.flag("--greeting");
    const bool json = given.flag("--json");
    server.port = given.number<std::uint16_t>("--port", 0, 1, 65'535);
    const auto pid = given.number<pid_t>("--pid", 0, 1, 1 << 30);
    const auto count = given.number<std::size_t>("--connections", 10'000, 1, 1'000'000);
    const auto seconds = given.number("--seconds", 60.0, 0.0, 86'400.0);
    const auto interval = given.number("--interval", 10.0, 0.001, 86'400.0);
    const auto size = given.number<std::size_t>("--size", 16, 1, 1u << 26);
    const int round_count = given.number("--rounds", 3, 1, 1000);
    const auto max_idle = given.number<std::int64_t>("--max-idle", INT64_MAX, 1, INT64_MAX);
    given.finish();
    if (server.port == 0) misuse("is needed", "--port");
    if (pid == 0) misuse("is needed", "--pid");
    raise_descriptor_limit(count + 64);

    // What the process takes once, for its code and its first connections, is not theirs.
    crowd warm_up(server, 8, size);
    warm_up.hold(0, interval);
    const std::int64_t base = memory_at_rest(pid);
    std::vector<report> rounds;
    for (int i = 0; i < round_count; ++i)
        rounds.push_back(hold(server, pid, count, size, i == 0 ? seconds : 0, interval));
    warm_up.close();

    const auto per_connection = [&](std::int64_t memory) {
        return (memory - base) / static_cast<std::int64_t>(count);
    };
    std::size_t problems = warm_up.problems();
    std::int64_t longest = 0;
    for (const report& each : rounds) {
        problems += each.problems;
        longest = std::max(longest, each.longest);
    }
    const report& first = rounds.front();
    const report& last = rounds.back();
    const std::int64_t idle = per_connection(first.idle);
    const auto kept = 100 * static_cast<double>(first.closed - base) /
                      static_cast<double>(std::max<std::int64_t>(first.idle - base, 1));
    // Later rounds cut what the allocator kept in another way, but have to do with it.
    const std::int64_t slack = std::max<std::int64_t>((first.idle - base) / 100, 128 * 1024);
    const std::int64_t before = std::max(first.idle, rounds[rounds.size() / 2].idle);
    const bool reused = last.idle <= before + slack && last.closed <= before + slack;
    const auto in_mib = [](std::int64_t memory) {
        return static_cast<double>(memory) / (1024.0 * 1024.0);
    };
    const double longest_ms = static_cast<double>(longest) / 1e6;

    if (json) {
        std::printf("{\"connections\": %zu, \"opened\": %" PRId64 ", \"idle\": %" PRId64
                    ", \"kept\": %" PRId64 ", \"reused\": %s, \"echoes\": %" PRIu64
                    ", \"longest_ms\": %.1f, \"problems\": %zu}\n",
                    count, per_connection(first.opened), idle, per_connection(first.closed),
                    reused ? "true" : "false", first.echoes, longest_ms, problems);
    } else {
        std::printf("%zu connections, held for %.0f s: %" PRIu64
                    " echoes, the slowest after %.1f ms; %zu problems\n",
                    count, seconds, first.echoes, longest_ms, problems);
        std::printf("memory of a connection: %" PRId64 " bytes once open, %" PRId64
                    " bytes idle after its messages of %zu bytes\n",
                    per_connection(first.opened), idle, size);
        std::printf("memory of the process, MiB: %.2f before", in_mib(base));
        for (const report& each : rounds)
            std::printf("; %.2f with all, %.2f without", in_mib(each.idle), in_mib(each.closed));
        std::printf("\n%.0f %% of it was kept when they closed, and %s\n", kept,
                    reused ? "used again" : "NOT used again: it leaks");
    }
    if (idle > max_idle) {
        std::fprintf(stderr, "an idle connection costs more than %" PRId64 " bytes\n", max_idle);
    }
    return problems == 0 && reused && idle <= max_idle ? 0 : 1;
}
