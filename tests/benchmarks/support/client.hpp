// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The client's side of RFC 6455, as little of it as a load needs. Nothing here is Framewire's own:
// a mistake that a library makes on both sides would be invisible.

#ifndef FRAMEWIRE_BENCHMARKS_CLIENT_HPP
#define FRAMEWIRE_BENCHMARKS_CLIENT_HPP

#include "process.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace benchmarks {

using bytes = std::span<const std::uint8_t>;

enum class opcode : std::uint8_t {
    continuation = 0,
    text = 1,
    binary = 2,
    close = 8,
    ping = 9,
    pong = 10,
};

/// A file descriptor that is closed at the end.
class descriptor {
public:
    descriptor() = default;
    explicit descriptor(int value) : value_(value) {}
    descriptor(descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    ~descriptor() {
        if (value_ >= 0) ::close(value_);
    }
    [[nodiscard]] int get() const { return value_; }
    void reset() { *this = descriptor(); }

private:
    int value_ = -1;
};

inline void set_option(int fd, int level, int option, int value) {
    if (::setsockopt(fd, level, option, &value, sizeof value) != 0) die("setsockopt", errno);
}

/// What `close` on this socket does is cut the connection: the peer sees a reset, and no TIME_WAIT
/// keeps the port.
inline void cut_when_closed(int fd) {
    const linger at_once{1, 0};
    if (::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) != 0) {
        die("SO_LINGER", errno);
    }
}

/// For how long a blocking socket blocks.
inline void limit_waiting(int fd, timeval patience) {
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

inline void set_non_blocking(int fd) {
    if (::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK) != 0) die("O_NONBLOCK", errno);
}

[[nodiscard]] inline sockaddr_in loopback(std::uint32_t host, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl((127u << 24) + host);
    address.sin_port = htons(port);
    return address;
}

/// A socket that is connected to 127.0.0.1:port, or about to be when it does not block. Each
/// address has some 28,000 ports, so many connections come from several: 127.0.0.2 and on.
[[nodiscard]] inline descriptor connect_to(std::uint16_t port, std::size_t number,
                                           bool blocking = true) {
    descriptor result(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (result.get() < 0) die("socket", errno);
    set_option(result.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    // The port is chosen by connect, which knows both ends.
    set_option(result.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    const auto source = loopback(static_cast<std::uint32_t>(2 + number / 8'192 % 200), 0);
    const auto target = loopback(1, port);
    if (::bind(result.get(), reinterpret_cast<const sockaddr*>(&source), sizeof source) != 0) {
        die("bind", errno);
    }
    if (!blocking) set_non_blocking(result.get());
    if (::connect(result.get(), reinterpret_cast<const sockaddr*>(&target), sizeof target) != 0 &&
        (blocking || errno != EINPROGRESS)) {
        die("cannot connect to port " + std::to_string(port), errno);
    }
    return result;
}

// --- The opening handshake (RFC 6455 4.1)

/// \param offer of extensions; none when it is empty.
[[nodiscard]] inline std::string handshake_request(std::uint16_t port,
                                                   std::string_view offer = {}) {
    const std::string extensions =
        offer.empty() ? "" : "Sec-WebSocket-Extensions: " + std::string(offer) + "\r\n";
    // RFC 6455 1.3: the example's key, whose answer is known.
    return "GET / HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
           "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
           extensions + "\r\n";
}

/// Whether a whole response head accepts the request above.
[[nodiscard]] inline bool is_accepted(std::string_view head) {
    return head.starts_with("HTTP/1.1 101 ") &&
           head.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") != std::string_view::npos;
}

// --- Frames (RFC 6455 5.2)

/// Appends the header of a frame. A client's has the masking key behind it.
inline void append_header(std::vector<std::uint8_t>& to, opcode op, bool fin, std::uint64_t size,
                          const std::array<std::uint8_t, 4>* key) {
    const auto bit7 = [](bool set) { return set ? 0x80u : 0u; };
    const auto append = [&](std::uint64_t value, int count) {
        for (int i = count - 1; i >= 0; --i)
            to.push_back(static_cast<std::uint8_t>(value >> (8 * i) & 0xFF));
    };
    append(bit7(fin) | static_cast<unsigned>(op), 1);
    const unsigned masked = bit7(key != nullptr);
    if (size <= 125) {
        append(masked | size, 1);
    } else if (size <= 0xFFFF) {
        append(masked | 126, 1);
        append(size, 2);
    } else {
        append(masked | 127, 1);
        append(size, 8);
    }
    if (key != nullptr) to.insert(to.end(), key->begin(), key->end());
}

/// Appends a masked frame.
inline void append_frame(std::vector<std::uint8_t>& to, opcode op, bytes payload, bool fin = true) {
    constexpr std::array<std::uint8_t, 4> key{0x37, 0xFA, 0x21, 0x3D}; // RFC 6455 5.7
    append_header(to, op, fin, payload.size(), &key);
    const std::size_t at = to.size();
    to.insert(to.end(), payload.begin(), payload.end());
    for (std::size_t i = 0; i < payload.size(); ++i)
        to[at + i] ^= key[i % 4];
}

/// Appends a Close frame that says 1000, "normal closure" (RFC 6455 7.4.1).
inline void append_close(std::vector<std::uint8_t>& to) {
    append_frame(to, opcode::close, std::array<std::uint8_t, 2>{1000 >> 8, 1000 & 0xFF});
}

/// Takes a server's frames apart, in whatever pieces they arrive.
class frame_reader {
public:
    /// A piece of a frame. `first` and `last` speak of the frame.
    struct piece {
        opcode op;
        bool fin;
        bool first;
        bool last;
        bytes payload;
        bool compressed; ///< RSV1 was set (RFC 7692 6).
    };

    /// \param deflate whether frames may have RSV1 set.
    explicit frame_reader(bool deflate = false) : deflate_(deflate) {}

    /// Calls `take(piece)` for what is there, until it answers false. False too for a frame that no
    /// server may send.
    template <typename Take> [[nodiscard]] bool feed(bytes in, Take&& take) {
        while (!in.empty()) {
            if (!in_payload_) {
                header_[header_size_++] = in[0];
                in = in.subspan(1);
                const std::size_t lead = header_size_ < 2 ? 2 : header_needed();
                if (header_size_ < lead) continue;
                if (!read_header()) return false;
                if (left_ != 0) continue;
            }
            const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size()));
            left_ -= size;
            const piece result{op_,        fin_,           first_,
                               left_ == 0, in.first(size), (header_[0] & 0x40) != 0};
            in = in.subspan(size);
            first_ = false;
            if (left_ == 0) {
                in_payload_ = false;
                header_size_ = 0;
            }
            if (!take(result)) return false;
        }
        return true;
    }

private:
    [[nodiscard]] std::size_t header_needed() const {
        const unsigned size = header_[1] & 0x7F;
        return size == 127 ? 10 : size == 126 ? 4 : 2;
    }
    [[nodiscard]] bool read_header() {
        op_ = static_cast<opcode>(header_[0] & 0xF);
        fin_ = (header_[0] & 0x80) != 0;
        // Reserved bits stand for extensions; servers do not mask.
        const unsigned reserved = deflate_ ? 0x30 : 0x70;
        if ((header_[0] & reserved) != 0 || (header_[1] & 0x80) != 0) return false;
        const std::size_t size = header_needed();
        left_ = size == 2 ? header_[1] : 0u;
        for (std::size_t i = 2; i < size; ++i)
            left_ = left_ << 8 | header_[i];
        in_payload_ = first_ = true;
        return true;
    }

    std::array<std::uint8_t, 10> header_{};
    std::size_t header_size_ = 0;
    std::uint64_t left_ = 0;
    opcode op_{};
    bool fin_ = false;
    bool first_ = false;
    bool in_payload_ = false;
    bool deflate_ = false;
};

// --- Blocking steps: for opening and closing many connections

/// How to reach the server.
struct target {
    std::uint16_t port = 0;
    bool raw = false;       ///< There is no protocol: bytes come back as they went.
    bool greeting = false;  ///< The server sends a message first.
    const char* offer = ""; ///< Of extensions.
};

inline void send_all(int fd, std::string_view what) {
    while (!what.empty()) {
        const ssize_t n = ::send(fd, what.data(), what.size(), MSG_NOSIGNAL);
        if (n <= 0) die("send", errno);
        what.remove_prefix(static_cast<std::size_t>(n));
    }
}

/// Waits for what the server sends in and right after the opening handshake.
inline void await_opening(int fd, const target& server) {
    std::array<std::uint8_t, 4096> buffer;
    std::string head;
    frame_reader reader;
    bool head_read = false;
    bool greeted = !server.greeting;
    while (!head_read || !greeted) {
        const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (n < 0) die("no answer to the opening handshake", errno);
        if (n == 0) die("the server ended a connection in the opening handshake:\n" + head);
        bytes in(buffer.data(), static_cast<std::size_t>(n));
        for (; !head_read && !in.empty(); in = in.subspan(1)) {
            head += static_cast<char>(in[0]);
            head_read = head.ends_with("\r\n\r\n");
            if (head.size() > 16'384) die("the answer to the opening handshake has no end");
        }
        if (head_read && !is_accepted(head)) die("the handshake was refused:\n" + head);
        const bool ok = reader.feed(in, [&](const frame_reader::piece& piece) {
            if (greeted) return false;
            greeted = piece.last && piece.fin;
            return true;
        });
        if (!ok) die("the server sent something that was not asked for (a greeting: --greeting)");
    }
}

/// Opens connections: each is through with its opening handshake, and does not block.
[[nodiscard]] inline std::vector<descriptor> open_all(const target& server, std::size_t count) {
    std::vector<descriptor> result;
    result.reserve(count);
    // So many at once that the server has something to do, and that fit into any listen queue: Qt's
    // holds 50, and who finds it full tries again after a second.
    constexpr std::size_t batch = 48;
    const std::string request = handshake_request(server.port, server.offer);
    while (result.size() < count) {
        const std::size_t begin = result.size();
        while (result.size() < std::min(begin + batch, count)) {
            result.push_back(connect_to(server.port, result.size()));
            const int fd = result.back().get();
            limit_waiting(fd, {10, 0});
            send_all(fd, server.raw ? std::string_view("?") : request);
        }
        for (std::size_t i = begin; i < result.size(); ++i) {
            if (server.raw) {
                char echo = 0; // who has sent it back has taken the connection off its queue
                if (::recv(result[i].get(), &echo, 1, 0) != 1) die("no echo of the first byte");
            } else {
                await_opening(result[i].get(), server);
            }
            set_non_blocking(result[i].get());
        }
    }
    return result;
}

/// Closes connections with the closing handshake (RFC 6455 7.1.1), in which the server answers with
/// a Close frame and then ends the connection first. What arrives before that is thrown away.
/// \return how many of them did not end so.
[[nodiscard]] inline std::size_t close_all(const target& server, std::vector<descriptor>& all) {
    std::vector<std::uint8_t> close_frame;
    append_close(close_frame);
    std::size_t unclean = 0;
    constexpr std::size_t batch = 64;
    for (std::size_t begin = 0; begin < all.size(); begin += batch) {
        const auto some = std::span(all).subspan(begin, std::min(batch, all.size() - begin));
        for (const descriptor& each : some) {
            ::fcntl(each.get(), F_SETFL, ::fcntl(each.get(), F_GETFL) & ~O_NONBLOCK);
            limit_waiting(each.get(), {5, 0});
            if (server.raw) {
                ::shutdown(each.get(), SHUT_WR);
            } else {
                (void)::send(each.get(), close_frame.data(), close_frame.size(), MSG_NOSIGNAL);
            }
        }
        for (descriptor& each : some) {
            std::array<std::uint8_t, 4096> buffer;
            frame_reader reader;
            bool closed = server.raw;
            ssize_t n = 0;
            // A server that does not do it at all is not waited for thousands of times.
            if (unclean >= 4) limit_waiting(each.get(), {0, 1000});
            while ((n = ::recv(each.get(), buffer.data(), buffer.size(), 0)) > 0) {
                (void)reader.feed({buffer.data(), static_cast<std::size_t>(n)},
                                  [&](const frame_reader::piece& piece) {
                                      closed = closed || piece.op == opcode::close;
                                      return true;
                                  });
            }
            if (n != 0 || !closed) ++unclean;
            each.reset();
        }
    }
    all.clear();
    return unclean;
}

} // namespace benchmarks

#endif
