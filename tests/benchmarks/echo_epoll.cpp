// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The floor under every echo server: epoll, and by hand as little of the protocol as an echo needs.
// It trusts its clients: frames are masked, are whole messages, and text is UTF-8. The frames that
// a read brought are turned into their answers where they stand, and leave in one write. The
// opening handshake is Framewire's.

#include "support/epoll_server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <vector>

namespace {

using benchmarks::shared_buffer;

struct frame {
    std::size_t header; // octets, the masking key among them; 0: not all there
    std::size_t payload;
};

frame look_at(std::span<const std::byte> in) {
    if (in.size() < 2) return {0, 0};
    const auto first = static_cast<std::size_t>(in[1] & std::byte{0x7F});
    const std::size_t width = first < 126 ? 0 : first == 126 ? 2 : 8;
    if (in.size() < 6 + width) return {0, 0};
    std::size_t payload = width == 0 ? first : 0;
    for (std::size_t i = 0; i < width; ++i)
        payload = payload << 8 | static_cast<std::size_t>(in[2 + i]);
    return {6 + width, payload};
}

// The answer to a frame: the same without its key. Is written to `to`, which may stand before it.
std::size_t write_answer(std::byte* to, const std::byte* in, frame it) {
    using vector [[gnu::vector_size(32)]] = std::uint32_t;
    std::uint32_t key = 0;
    std::memcpy(&key, in + it.header - 4, 4);
    std::memmove(to, in, it.header - 4);
    to[1] &= std::byte{0x7F};
    to += it.header - 4;
    in += it.header;
    std::size_t i = 0;
    for (; i + sizeof(vector) <= it.payload; i += sizeof(vector)) {
        vector octets;
        std::memcpy(&octets, in + i, sizeof octets);
        octets ^= key;
        std::memcpy(to + i, &octets, sizeof octets);
    }
    for (; i + 4 <= it.payload; i += 4) {
        std::uint32_t octets = 0;
        std::memcpy(&octets, in + i, sizeof octets);
        octets ^= key;
        std::memcpy(to + i, &octets, sizeof octets);
    }
    for (; i < it.payload; ++i, key >>= 8)
        to[i] = in[i] ^ static_cast<std::byte>(key & 0xFF);
    return it.header - 4 + it.payload;
}

class session {
public:
    explicit session(int socket) : socket_(socket) {}
    session(session&&) = delete;
    ~session() { ::close(socket_); }

    [[nodiscard]] int socket() const { return socket_; }
    [[nodiscard]] bool has_output() const { return !unsent_.empty(); }

    // Both answer whether the connection goes on.
    [[nodiscard]] bool read() {
        // What is missing of a frame goes behind what is there of it, and the rest to the buffer.
        const std::array<iovec, 2> to{{{cut_.data() + here_, cut_.size() - here_},
                                       {shared_buffer.data(), shared_buffer.size()}}};
        const ssize_t n = ::readv(socket_, to.data(), 2);
        if (n < 0) return errno == EAGAIN;
        if (n == 0) return false;
        auto size = static_cast<std::size_t>(n);
        const std::size_t missing = std::min(size, cut_.size() - here_);
        here_ += missing;
        std::span<std::byte> in = std::span(shared_buffer).first(size - missing);
        if (!opening_.done() && !opening_.feed(socket_, in)) return false;
        return echo(in);
    }
    [[nodiscard]] bool write() {
        const ssize_t n = ::send(socket_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
        if (n < 0) return errno == EAGAIN;
        unsent_.erase(unsent_.begin(), unsent_.begin() + n);
        return !closed_ || has_output();
    }

private:
    [[nodiscard]] bool echo(std::span<std::byte> in) {
        std::array<iovec, 2> out{};
        while (!cut_.empty()) {
            const std::size_t size = std::min(cut_.size() - here_, in.size());
            std::copy_n(in.begin(), size, cut_.begin() + static_cast<std::ptrdiff_t>(here_));
            here_ += size;
            in = in.subspan(size);
            if (here_ != cut_.size()) return true;
            const frame it = look_at(cut_);
            if (!is_whole(it, cut_)) {
                make_room(it);
                continue;
            }
            out[0] = {cut_.data(), turn(cut_.data(), it)};
            break;
        }
        std::byte* to = in.data();
        out[1].iov_base = to;
        while (!in.empty()) {
            const frame it = look_at(in);
            if (!is_whole(it, in)) {
                rest_.assign(in.begin(), in.end());
                break;
            }
            const std::size_t size = turn(to, in, it);
            to += size;
            out[1].iov_len += size;
            in = in.subspan(it.header + it.payload);
        }
        const bool goes_on = send(out);
        cut_.swap(rest_);
        rest_.clear();
        here_ = cut_.size();
        if (here_ != 0) make_room(look_at(cut_));
        return goes_on;
    }

    [[nodiscard]] static bool is_whole(frame it, std::span<const std::byte> in) {
        return it.header != 0 && it.header + it.payload <= in.size();
    }

    // For the frame that has begun, or for a longer header.
    void make_room(frame it) {
        cut_.resize(it.header == 0 ? std::max<std::size_t>(here_ + 1, 6) : it.header + it.payload);
    }

    [[nodiscard]] std::size_t turn(std::byte* to, std::span<const std::byte> in, frame it) {
        closed_ = closed_ || (in[0] & std::byte{0xF}) == std::byte{8};
        return write_answer(to, in.data(), it);
    }
    [[nodiscard]] std::size_t turn(std::byte* in_place, frame it) {
        return turn(in_place, {in_place, it.header + it.payload}, it);
    }

    [[nodiscard]] bool send(std::span<iovec, 2> out) {
        const std::size_t size = out[0].iov_len + out[1].iov_len;
        if (size == 0) return true;
        msghdr message{};
        message.msg_iov = out.data();
        message.msg_iovlen = 2;
        const ssize_t n = ::sendmsg(socket_, &message, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) return false;
        auto sent = static_cast<std::size_t>(std::max<ssize_t>(n, 0));
        for (const iovec& each : out) {
            const std::size_t done = std::min(sent, each.iov_len);
            sent -= done;
            const auto* const begin = static_cast<const std::byte*>(each.iov_base);
            unsent_.insert(unsent_.end(), begin + done, begin + each.iov_len);
        }
        return !closed_ || has_output();
    }

    int socket_;
    bool closed_ = false;
    std::size_t here_ = 0;        // octets of the frame in cut_; the rest of it is to come
    std::vector<std::byte> cut_;  // a frame that came in pieces
    std::vector<std::byte> rest_; // the beginning of the next one
    std::vector<std::byte> unsent_;
    benchmarks::opening opening_;
};

} // namespace

int main(int argc, char** argv) {
    benchmarks::serve<session>(static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0));
}
