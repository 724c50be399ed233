// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What the servers on epoll have in common: the loop, the listener, the opening handshake. For the
// loopback interface: it knows no time-outs.

#ifndef FRAMEWIRE_BENCHMARKS_EPOLL_SERVER_HPP
#define FRAMEWIRE_BENCHMARKS_EPOLL_SERVER_HPP

#include "process.hpp"

#include <framewire/handshake/server.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <span>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace benchmarks {

/// All connections read into one buffer.
inline std::array<std::byte, 256 * 1024> shared_buffer;

/// The opening handshake on a socket. What it takes is freed at its end.
class opening {
public:
    [[nodiscard]] bool done() const { return state_ == nullptr; }

    /// Takes the request off the front of `in`, and answers it once it is there.
    /// \return whether the connection goes on.
    [[nodiscard]] bool feed(int socket, std::span<std::byte>& in) {
        framewire::server_handshake& handshake = state_->handshake;
        const framewire::handshake_status status = handshake.feed(in);
        if (status == framewire::handshake_status::need_data) return true;
        std::array<char, 1024> answer;
        const bool ok = status == framewire::handshake_status::complete;
        const framewire::written written =
            ok ? handshake.write_accept(answer)
               : handshake.write_reject(answer, handshake.rejection());
        // A connection that was just opened has room for it.
        const ssize_t n = ::send(socket, answer.data(), written.size, MSG_NOSIGNAL);
        state_.reset();
        return ok && n == static_cast<ssize_t>(written.size);
    }

private:
    struct state {
        std::array<char, 8192> head;
        framewire::server_handshake handshake{head};
    };
    std::unique_ptr<state> state_ = std::make_unique<state>();
};

inline void watch(int epoll, int operation, int socket, void* data, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = data;
    if (::epoll_ctl(epoll, operation, socket, &event) != 0) die("epoll_ctl", errno);
}

/// Serves for ever, and says on which port.
/// \tparam Session made with a socket that does not block, which it closes in the end. Its `read`
/// and `write` are called when the socket is ready and tell whether the connection goes on; nothing
/// is read while it `has_output`, so that a peer that does not read is not echoed to.
template <typename Session> [[noreturn]] void serve(std::uint16_t port) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    socklen_t size = sizeof address;
    auto* const where = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener, where, size) != 0) die("bind", errno);
    if (::listen(listener, SOMAXCONN) != 0) die("listen", errno);
    ::getsockname(listener, where, &size);
    std::printf("listening on %d\n", ntohs(address.sin_port));
    std::fflush(stdout);

    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    watch(epoll, EPOLL_CTL_ADD, listener, nullptr, EPOLLIN);
    std::array<epoll_event, 512> events;
    for (;;) {
        const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
        if (count < 0 && errno != EINTR) die("epoll_wait", errno);
        for (const epoll_event& event :
             std::span(events).first(static_cast<std::size_t>(std::max(count, 0)))) {
            auto* const self = static_cast<Session*>(event.data.ptr);
            if (self == nullptr) {
                const int socket = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
                if (socket < 0) continue;
                ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                watch(epoll, EPOLL_CTL_ADD, socket, new Session(socket), EPOLLIN);
                continue;
            }
            const bool wrote = (event.events & EPOLLOUT) != 0;
            if (wrote ? self->write() : self->read()) {
                if (wrote != self->has_output()) {
                    watch(epoll, EPOLL_CTL_MOD, self->socket(), self, wrote ? EPOLLIN : EPOLLOUT);
                }
            } else {
                delete self;
            }
        }
    }
}

} // namespace benchmarks

#endif
