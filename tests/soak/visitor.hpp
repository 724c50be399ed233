// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// One client of the soak, from its connection to the end of it. It checks each echo, and knows what
// a server owes to one that behaves as it does.

#ifndef FRAMEWIRE_TESTS_SOAK_VISITOR_HPP
#define FRAMEWIRE_TESTS_SOAK_VISITOR_HPP

#include "compression.hpp"
#include "material.hpp"

#include "support/client.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <sys/epoll.h>
#include <utility>
#include <vector>

namespace soak {

using benchmarks::frame_reader;
using benchmarks::opcode;

constexpr std::int64_t second = 1'000'000'000;

enum class manner : std::uint8_t { chats, cuts, idles, dawdles, half_open, slow_reader };
constexpr std::array manner_names{"chat", "cut", "idle", "dawdle", "half open", "read slowly"};

enum class deflate_use : std::uint8_t { none, no_takeover, takeover };

struct message {
    opcode op;
    bytes payload;
};

class visitor {
public:
    struct config {
        std::uint16_t port;
        manner how;
        deflate_use deflate;
    };

    visitor(const config& given, std::size_t number, std::mt19937& random, std::int64_t now)
        : random_(&random), how_(given.how), deflate_(given.deflate), now_(now),
          socket_(benchmarks::connect_to(given.port, number, false)),
          reader_(given.deflate != deflate_use::none), wake_(now), last_progress_(now) {
        const char* const offer =
            deflate_ == deflate_use::none ? ""
            : deflate_ == deflate_use::takeover
                ? "permessage-deflate"
                : "permessage-deflate; client_no_context_takeover; server_no_context_takeover";
        const std::string request = benchmarks::handshake_request(given.port, offer);
        request_.assign(request.begin(), request.end());
        to_send_ = how_ == manner::idles ? 1 : 5 + below(60);
        if (how_ == manner::slow_reader) {
            to_send_ = 1'000'000;
            benchmarks::set_option(socket(), SOL_SOCKET, SO_RCVBUF, 4096);
            benchmarks::set_option(socket(), SOL_SOCKET, SO_SNDBUF, 65'536);
            // Some stay until the server takes them for dead. Were it all of them, they would come
            // and go at a time, and the server's memory with them.
            cut_at_ = now_ + in_seconds(10, 120);
        } else if (how_ == manner::cuts) {
            // In the opening handshake, soon after it, or in the middle of everything.
            const std::size_t dice = below(4);
            if (dice == 0) request_.resize(below(request_.size()));
            cut_at_ = now_ + (dice <= 1 ? in_seconds(0, 0.1) : in_seconds(0.1, 20));
        } else if (how_ == manner::half_open) {
            request_.resize(below(request_.size()));
        }
    }

    [[nodiscard]] int socket() const { return socket_.get(); }
    [[nodiscard]] manner how() const { return how_; }
    [[nodiscard]] bool connected() const { return connected_; }
    [[nodiscard]] bool done() const { return done_; }
    [[nodiscard]] const std::string& complaint() const { return complaint_; }
    [[nodiscard]] bool let_go() const { return let_go_; }
    /// Since the last call.
    [[nodiscard]] std::uint64_t take_echoes() { return std::exchange(echoes_, 0); }
    [[nodiscard]] std::uint64_t take_echoed_bytes() { return std::exchange(echoed_bytes_, 0); }

    /// What epoll has to look for.
    [[nodiscard]] std::uint32_t interest() const {
        const bool reads = !open_ || how_ != manner::slow_reader || now_ >= reads_again_;
        return (reads ? std::uint32_t{EPOLLIN} : 0u) |
               (!connected_ || sent_ < output_.size() ? std::uint32_t{EPOLLOUT} : 0u);
    }

    /// The time to come to an end.
    void leave() {
        to_send_ = 0;
        wake_ = std::min(wake_, now_);
        if (how_ == manner::slow_reader || how_ == manner::half_open) cut();
    }

    void complain(const std::string& what) {
        complaint_ = what;
        cut();
    }

    /// Does what is due.
    void step(std::int64_t now) {
        now_ = now;
        if (done_) return;
        if (cut_at_ != 0 && now_ >= cut_at_) return cut_in_a_frame();
        if (is_owed_something() && now_ - last_progress_ > 30 * second) {
            return complain("nothing happened for 30 s" + state());
        }
        if (now_ < wake_) return;
        if (!request_.empty()) return send_request();
        if (!open_ || close_sent_) return;
        if (to_send_ != 0 && how_ == manner::idles && !stayed_) {
            stayed_ = true;
            wake_ = now_ + in_seconds(10, 90);
        } else if (to_send_ != 0 && expected_.size() < window()) {
            say_something();
        } else if (to_send_ == 0 && expected_.empty()) {
            benchmarks::append_close(output_);
            close_sent_ = true;
            flush();
        }
    }

    void ready(std::uint32_t events, std::vector<std::uint8_t>& buffer, std::int64_t now) {
        now_ = now;
        if (done_) return;
        connected_ = true;
        if ((events & EPOLLOUT) != 0) flush();
        if (!done_ && (events & ~std::uint32_t{EPOLLOUT}) != 0) receive(buffer);
    }

private:
    [[nodiscard]] std::size_t below(std::size_t bound) { return (*random_)() % bound; }
    [[nodiscard]] std::int64_t in_seconds(double low, double high) {
        return static_cast<std::int64_t>(std::uniform_real_distribution<>(low, high)(*random_) *
                                         static_cast<double>(second));
    }

    void cut() {
        benchmarks::cut_when_closed(socket());
        done_ = true;
    }

    // By so many messages the echo may be behind. A slow reader is bounded by the server alone.
    [[nodiscard]] std::size_t window() const {
        if (how_ != manner::slow_reader) return 2;
        return sent_ == output_.size() ? expected_.size() + 1 : 0;
    }

    [[nodiscard]] bool is_owed_something() const {
        if (how_ == manner::slow_reader) return !open_;
        // That a half-open connection is ended is owed as well.
        return !open_ || !expected_.empty() || !pings_.empty() || close_sent_;
    }

    [[nodiscard]] std::string state() const {
        return std::string(" (") + (connected_ ? "" : "not connected, ") +
               (open_ ? "open, " : "not open, ") + std::to_string(expected_.size()) +
               " echoes and " + std::to_string(pings_.size()) + " Pongs are missing" +
               (close_sent_ ? ", Close sent" : "") + ")";
    }

    void send_request() {
        std::size_t size = request_.size();
        if (how_ == manner::dawdles) {
            // What is due, so that a machine which is late with this keeps the server's patience.
            for (size = 0; size != request_.size() && wake_ <= now_; ++size) {
                wake_ += in_seconds(0, 0.01);
            }
        }
        const auto end = request_.begin() + static_cast<std::ptrdiff_t>(size);
        output_.insert(output_.end(), request_.begin(), end);
        request_.erase(request_.begin(), end);
        flush();
    }

    void say_something() {
        if (how_ == manner::slow_reader) {
            send_message(1 + below(65'536));
            // Until this much has been said: more than any limit of the server. Then a word now and
            // then, to which no echo may come if that server has dropped some before.
            flooded_ += expected_.back().payload.size();
            if (flooded_ > (12u << 20)) wake_ = now_ + in_seconds(1, 4);
            return flush();
        }
        const std::size_t dice = below(100);
        if (dice < 5) {
            const bytes payload = material().subspan(below(1 << 20), below(126));
            pings_.push_back(payload);
            benchmarks::append_frame(output_, opcode::ping, payload);
        } else {
            const std::size_t limit = dice < 60   ? 126
                                      : dice < 90 ? 4096
                                      : dice < 99 ? 70'000
                                                  : (1 << 20) + 1;
            send_message(below(limit));
        }
        flush();
        // Most wait for a while, some go on at once.
        wake_ = now_ + (below(8) == 0 ? 0 : in_seconds(0.2, 3));
    }

    void send_message(std::size_t size) {
        const std::size_t at = below(material().size() - size - 4);
        const bool text = below(2) == 0;
        const bytes payload = text ? some_text(at, size) : material().subspan(at, size);
        const opcode op = text ? opcode::text : opcode::binary;
        --to_send_;
        expected_.push_back({op, payload});
        if (compression_ == nullptr || below(8) == 0) return send_frames(op, payload, false);
        send_frames(op, compression_->compress(payload), true);
    }

    // In one frame or several, with Pings between them (RFC 6455 5.4).
    void send_frames(opcode op, bytes payload, bool compressed) {
        const std::size_t count = below(7) == 0 ? 2 + below(4) : 1;
        for (std::size_t i = 0; i < count; ++i) {
            const bool last = i + 1 == count;
            const std::size_t size = last ? payload.size() : below(payload.size() + 1);
            const std::size_t at = output_.size();
            benchmarks::append_frame(output_, i == 0 ? op : opcode::continuation,
                                     payload.first(size), last);
            if (i == 0 && compressed) output_[at] |= 0x40; // RFC 7692 6: RSV1
            payload = payload.subspan(size);
            if (!last && below(2) == 0) {
                pings_.emplace_back();
                benchmarks::append_frame(output_, opcode::ping, {});
            }
        }
    }

    // By a reset, or by the end of the stream without a Close frame.
    void cut_in_a_frame() {
        if (open_ && sent_ == output_.size() && below(2) == 0) {
            std::vector<std::uint8_t> frame;
            benchmarks::append_frame(frame, opcode::binary, material().first(below(70'000)));
            const std::size_t size = below(frame.size());
            (void)::send(socket(), frame.data(), size, MSG_NOSIGNAL);
        }
        if (below(2) == 0) return cut();
        done_ = true;
    }

    void flush() {
        while (connected_ && sent_ < output_.size()) {
            const ssize_t n =
                ::send(socket(), output_.data() + sent_, output_.size() - sent_, MSG_NOSIGNAL);
            if (n < 0 && errno == EAGAIN) return;
            if (n < 0) return ended(std::strerror(errno));
            sent_ += static_cast<std::size_t>(n);
            last_progress_ = now_;
        }
        if (sent_ == output_.size()) {
            if (output_.capacity() > 65'536) std::vector<std::uint8_t>().swap(output_);
            output_.clear();
            sent_ = 0;
        }
    }

    void receive(std::vector<std::uint8_t>& buffer) {
        const bool slow = how_ == manner::slow_reader && open_;
        const ssize_t n = ::recv(socket(), buffer.data(), slow ? 1 + below(8) : buffer.size(), 0);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) return ended(n == 0 ? "ended" : std::strerror(errno));
        if (slow) reads_again_ = now_ + in_seconds(0.5, 1.5);
        last_progress_ = now_;
        bytes in(buffer.data(), static_cast<std::size_t>(n));
        for (; !open_ && !in.empty(); in = in.subspan(1)) {
            head_ += static_cast<char>(in[0]);
            open_ = head_.ends_with("\r\n\r\n");
        }
        if (!open_) return;
        if (!head_.empty() && !opened()) return;
        if (!reader_.feed(in, [&](const frame_reader::piece& piece) { return take(piece); })) {
            return complain(malformed_ + state());
        }
        if (!done_) flush();
        if (!done_) step(now_);
    }

    [[nodiscard]] bool opened() {
        if (!benchmarks::is_accepted(head_)) {
            if (how_ == manner::half_open) { // 408, or whatever it was sent before the end
                open_ = false;
            } else {
                complain("refused: " + head_);
            }
            return false;
        }
        if (head_.find("permessage-deflate") != std::string::npos) {
            compression_ = std::make_unique<compression>(head_.find("client_no_context_takeover") ==
                                                         std::string::npos);
        } else if (deflate_ != deflate_use::none) {
            complain("permessage-deflate was not agreed to");
            return false;
        }
        std::string().swap(head_);
        return true;
    }

    [[nodiscard]] bool take(const frame_reader::piece& piece) {
        switch (piece.op) {
        case opcode::close:
        case opcode::ping:
        case opcode::pong:
            if (piece.first) control_.clear();
            control_.insert(control_.end(), piece.payload.begin(), piece.payload.end());
            return !piece.last || take_control(piece.op);
        default: return take_data(piece);
        }
    }

    [[nodiscard]] bool take_control(opcode op) {
        if (op == opcode::ping) {
            if (!close_sent_) benchmarks::append_frame(output_, opcode::pong, control_);
            return true;
        }
        if (op == opcode::close) {
            close_received_ = true;
            const unsigned code = control_.size() < 2 ? 1005u : control_[0] * 256u + control_[1];
            if (close_sent_ && code == 1000) return true;
            if (how_ == manner::slow_reader) return true; // was too slow
            malformed_ = "closed with " + std::to_string(code);
            return false;
        }
        // RFC 6455 5.5.3: a Pong answers the most recent Ping, and may be the answer to all.
        const auto found = std::find_if(pings_.begin(), pings_.end(), [&](bytes each) {
            return std::equal(each.begin(), each.end(), control_.begin(), control_.end());
        });
        malformed_ = "a Pong without a Ping";
        if (found == pings_.end()) return false;
        pings_.erase(pings_.begin(), found + 1);
        return true;
    }

    [[nodiscard]] bool take_data(const frame_reader::piece& piece) {
        malformed_ = "an echo is wrong";
        if (expected_.empty()) return false;
        const bool begins = !in_message_;
        if (piece.first) {
            if (begins != (piece.op != opcode::continuation)) return false;
            if (begins && piece.op != expected_.front().op) return false;
            if (begins) compressed_ = piece.compressed;
            if (begins && compressed_ && compression_ == nullptr) return false;
        }
        in_message_ = true;
        const auto compare = [this](bytes part) { return is_next(part); };
        if (!(compressed_ ? compression_->decompress(piece.payload, compare)
                          : is_next(piece.payload))) {
            return false;
        }
        if (!piece.last || !piece.fin) return true;
        if (compressed_ && !compression_->finish(compare)) return false;
        if (received_ != expected_.front().payload.size()) return false;
        ++echoes_;
        echoed_bytes_ += received_;
        received_ = 0;
        in_message_ = false;
        expected_.pop_front();
        return true;
    }

    [[nodiscard]] bool is_next(bytes part) {
        const bytes awaited = expected_.front().payload.subspan(received_);
        if (part.size() > awaited.size()) return false;
        received_ += part.size();
        return std::equal(part.begin(), part.end(), awaited.begin());
    }

    void ended(const std::string& how) {
        done_ = true;
        if (how_ == manner::cuts) return;
        if (how_ == manner::half_open || (how_ == manner::slow_reader && open_)) {
            let_go_ = true;
            return;
        }
        // RFC 6455 7.1.1: the server ends the connection, once both have sent Close frames.
        if (close_sent_ && close_received_ && how == "ended") return;
        complaint_ = "the server ended a connection: " + how + state();
    }

    std::mt19937* random_;
    manner how_;
    deflate_use deflate_;
    std::int64_t now_;
    benchmarks::descriptor socket_;
    frame_reader reader_;
    std::unique_ptr<compression> compression_;
    std::vector<std::uint8_t> request_;
    std::vector<std::uint8_t> output_;
    std::size_t sent_ = 0; // bytes of the output
    std::string head_;
    std::vector<std::uint8_t> control_;
    std::deque<bytes> pings_;
    std::deque<message> expected_;
    std::size_t received_ = 0; // bytes of the first of these
    std::size_t to_send_ = 0;  // messages
    std::size_t flooded_ = 0;
    std::uint64_t echoes_ = 0;
    std::uint64_t echoed_bytes_ = 0;
    std::string complaint_;
    std::string malformed_ = "a frame is malformed";
    bool connected_ = false;
    bool open_ = false;
    bool in_message_ = false;
    bool compressed_ = false;
    bool close_sent_ = false;
    bool close_received_ = false;
    bool stayed_ = false;
    bool let_go_ = false;
    bool done_ = false;
    std::int64_t wake_; // nothing is sent before
    std::int64_t last_progress_;
    std::int64_t cut_at_ = 0;
    std::int64_t reads_again_ = 0;
};

} // namespace soak

#endif
