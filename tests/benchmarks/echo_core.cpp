// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The echo server on Framewire's core and nothing but epoll: what the protocol costs, and so what
// is left to an adapter. Each connection keeps what its largest message took.

#include "support/epoll_server.hpp"

#include <framewire/framewire.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <sys/socket.h>
#include <unistd.h>

namespace {

namespace fw = framewire;

class session {
public:
    explicit session(int socket) : socket_(socket) {}
    session(session&&) = delete;
    ~session() { ::close(socket_); }

    [[nodiscard]] int socket() const { return socket_; }
    [[nodiscard]] bool has_output() const { return !connection_.output().empty(); }

    // Both answer whether the connection goes on.
    [[nodiscard]] bool read() {
        std::span<std::byte> in = benchmarks::shared_buffer;
        const ssize_t n = ::recv(socket_, in.data(), in.size(), 0);
        if (n < 0) return errno == EAGAIN;
        in = in.first(static_cast<std::size_t>(n));
        if (!opening_.done()) return !in.empty() && opening_.feed(socket_, in) && echo(in);
        if (in.empty()) connection_.receive_eof();
        return echo(in);
    }
    [[nodiscard]] bool write() {
        const std::span<const std::byte> out = connection_.output();
        if (!out.empty()) {
            const ssize_t n = ::send(socket_, out.data(), out.size(), MSG_NOSIGNAL);
            if (n < 0) return errno == EAGAIN;
            connection_.consume_output(static_cast<std::size_t>(n));
        }
        return !connection_.should_shut_down() || has_output();
    }

private:
    [[nodiscard]] bool echo(std::span<std::byte> in) {
        for (;;) {
            const fw::event event = connection_.next(in);
            fw::errc error = fw::errc::success;
            if (event.kind == fw::event_kind::need_data) break;
            if (event.kind == fw::event_kind::text) error = connection_.send_text(event.payload);
            if (event.kind == fw::event_kind::binary) {
                error = connection_.send_binary(event.payload);
            }
            if (error != fw::errc::success) return false;
        }
        return write();
    }

    int socket_;
    fw::connection<fw::role::server> connection_;
    benchmarks::opening opening_;
};

} // namespace

int main(int argc, char** argv) {
    benchmarks::serve<session>(static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0));
}
