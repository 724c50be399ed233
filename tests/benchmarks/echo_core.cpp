// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The echo server on Framewire's core and nothing but epoll: what the protocol costs, and so what is
// left to an adapter. All connections read into one buffer; each keeps what its largest message
// took. For the loopback interface: it knows no time-outs.

#include <framewire/framewire.hpp>

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
#include <vector>

namespace {

namespace fw = framewire;

std::array<std::byte, 256 * 1024> buffer;

struct opening {
    std::array<char, 8192> head;
    fw::server_handshake handshake{head};
};

class session {
public:
    explicit session(int socket) : socket_(socket), opening_(std::make_unique<opening>()) {}
    session(session&&) = delete;
    ~session() { ::close(socket_); }

    [[nodiscard]] int socket() const { return socket_; }
    [[nodiscard]] bool has_output() const { return !connection_.output().empty(); }

    // Both answer whether the connection goes on.
    [[nodiscard]] bool read() {
        const ssize_t n = ::recv(socket_, buffer.data(), buffer.size(), 0);
        if (n < 0) return errno == EAGAIN;
        std::span<std::byte> in = std::span(buffer).first(static_cast<std::size_t>(n));
        if (opening_ != nullptr) return !in.empty() && open(in) && echo(in);
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
    [[nodiscard]] bool open(std::span<std::byte>& in) {
        fw::server_handshake& handshake = opening_->handshake;
        const fw::handshake_status status = handshake.feed(in);
        if (status == fw::handshake_status::need_data) return true;
        std::array<char, 1024> answer;
        const bool ok = status == fw::handshake_status::complete;
        const fw::written written = ok ? handshake.write_accept(answer)
                                       : handshake.write_reject(answer, handshake.rejection());
        // A connection that was just opened has room for it.
        const ssize_t n = ::send(socket_, answer.data(), written.size, MSG_NOSIGNAL);
        opening_.reset();
        return ok && n == static_cast<ssize_t>(written.size);
    }

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
    std::unique_ptr<opening> opening_;
};

void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

void watch(int epoll, int operation, int socket, void* data, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = data;
    if (::epoll_ctl(epoll, operation, socket, &event) != 0) fail("epoll_ctl");
}

} // namespace

int main(int argc, char** argv) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0));
    socklen_t size = sizeof address;
    auto* const where = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener, where, size) != 0) fail("bind");
    if (::listen(listener, SOMAXCONN) != 0) fail("listen");
    ::getsockname(listener, where, &size);
    std::printf("listening on %d\n", ntohs(address.sin_port));
    std::fflush(stdout);

    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    watch(epoll, EPOLL_CTL_ADD, listener, nullptr, EPOLLIN);
    std::array<epoll_event, 512> events;
    for (;;) {
        const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
        if (count < 0 && errno != EINTR) fail("epoll_wait");
        for (const epoll_event& event :
             std::span(events).first(static_cast<std::size_t>(std::max(count, 0)))) {
            auto* const self = static_cast<session*>(event.data.ptr);
            if (self == nullptr) {
                const int socket = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
                if (socket < 0) continue;
                ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                watch(epoll, EPOLL_CTL_ADD, socket, new session(socket), EPOLLIN);
                continue;
            }
            // Nothing is read while output waits: a peer that does not read is not echoed to.
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
