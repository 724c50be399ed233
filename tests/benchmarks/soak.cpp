// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Visits an echo server for a while with clients that come and go at random, well behaved or not,
// and tells whether its memory stays where it was.

#include "support/arguments.hpp"
#include "support/client.hpp"
#include "support/process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <sys/epoll.h>
#include <utility>
#include <vector>

namespace {

using namespace benchmarks;

constexpr const char* help =
    R"(soak --port PORT --pid PID [option]...

Visits the echo server at 127.0.0.1:PORT with clients that chat and close, vanish in the middle of a
frame, do not read for seconds while they send, send their request byte by byte, break the protocol,
or just stay. From time to time all of them leave, and the server's memory is measured at rest. Ends
with 1 when an echo was wrong, a well-behaved client was let down, or the memory grew. What glibc keeps
of freed memory hides a leak; it keeps little in a server that was started with
MALLOC_MMAP_THRESHOLD_=16384 MALLOC_TRIM_THRESHOLD_=65536 in its environment.

  --seconds S        600
  --cycle S          between two rests: 20
  --clients N        at once: 200
  --seed N           of what is random: 1
  --greeting         the server sends a message first
)";

/// The time of this turn of the loop.
std::int64_t turn = 0;
constexpr std::int64_t second = 1'000'000'000;

/// What all messages are cut from: readable ASCII, so that any part may be text.
[[nodiscard]] bytes material() {
    static const std::vector<std::uint8_t> result = [] {
        std::vector<std::uint8_t> all(4 << 20);
        std::mt19937 random(4);
        for (std::uint8_t& each : all)
            each = static_cast<std::uint8_t>(' ' + random() % 95);
        return all;
    }();
    return result;
}

enum class manner : std::uint8_t { chats, cuts, does_not_read, dawdles, offends, stays };
constexpr std::array names{"chat", "cut", "do not read", "dawdle", "offend", "stay"};

struct settings {
    target server;
    double seconds; // in all, and between two rests
    double cycle;
    std::size_t clients;
    std::uint32_t seed;
};

struct message {
    opcode op;
    bytes payload;
};

/// One client, from its connection to the end of it.
class visitor {
public:
    visitor(const target& server, manner how, std::size_t number, std::mt19937& random)
        : random_(&random), how_(how), socket_(connect_to(server.port, number, false)),
          greeted_(!server.greeting), wake_(turn), last_progress_(turn) {
        const std::string request = handshake_request(server.port);
        request_.assign(request.begin(), request.end());
        to_send_ = how == manner::does_not_read ? 8 + random() % 57
                   : how == manner::stays       ? random() % 2
                                                : 1 + random() % 40;
        const bool gives_up = how == manner::cuts || (how == manner::does_not_read && random() % 2);
        if (gives_up) cut_at_ = turn + in_seconds(0, 3);
    }

    [[nodiscard]] int socket() const { return socket_.get(); }
    [[nodiscard]] manner how() const { return how_; }
    [[nodiscard]] bool done() const { return done_; }
    [[nodiscard]] const std::string& complaint() const { return complaint_; }
    [[nodiscard]] std::uint64_t echoes() const { return echoes_; }

    /// What epoll has to look for.
    [[nodiscard]] std::uint32_t interest() const {
        const bool reads = turn >= reads_again_;
        return (reads ? std::uint32_t{EPOLLIN} : 0u) |
               (!connected_ || sent_ < output_.size() ? std::uint32_t{EPOLLOUT} : 0u);
    }

    /// The time to come to an end.
    void leave() {
        to_send_ = 0;
        leaves_ = true;
        reads_again_ = 0;
        wake_ = std::min(wake_, turn);
    }

    void complain(const std::string& what) {
        complaint_ = what;
        cut();
    }

    /// Does what is due.
    void step() {
        if (done_) return;
        if (cut_at_ != 0 && turn >= cut_at_) return cut_in_a_frame();
        if (turn - last_progress_ > 30 * second) return complain("nothing happened for 30 s");
        if (turn < wake_) return;
        if (!request_.empty()) return send_request();
        if (!open_ || close_sent_) return;
        if (to_send_ == 0 && expected_.empty() && (leaves_ || how_ != manner::stays || stayed_)) {
            append_close(output_);
            close_sent_ = true;
            flush();
        } else if (how_ == manner::stays && to_send_ == 0) {
            wake_ = turn + in_seconds(1, 5);
            stayed_ = true;
        } else if (to_send_ != 0 && expected_.size() < window()) {
            send_something();
        }
    }

    void ready(std::uint32_t events, std::vector<std::uint8_t>& buffer) {
        if (done_) return;
        connected_ = true;
        if ((events & EPOLLOUT) != 0) flush();
        if (!done_ && (events & ~std::uint32_t{EPOLLOUT}) != 0) receive(buffer);
    }

private:
    [[nodiscard]] std::int64_t in_seconds(double low, double high) {
        return static_cast<std::int64_t>(std::uniform_real_distribution<>(low, high)(*random_) *
                                         second);
    }

    [[nodiscard]] std::size_t below(std::size_t bound) { return (*random_)() % bound; }

    void cut() {
        cut_when_closed(socket_.get());
        done_ = true;
    }

    [[nodiscard]] std::size_t window() const { return how_ == manner::does_not_read ? 64 : 4; }

    void send_request() {
        const std::size_t size = how_ == manner::dawdles ? 1 : request_.size();
        output_.insert(output_.end(), request_.begin(),
                       request_.begin() + static_cast<std::ptrdiff_t>(size));
        request_.erase(request_.begin(), request_.begin() + static_cast<std::ptrdiff_t>(size));
        if (how_ == manner::dawdles) wake_ = turn + in_seconds(0, 0.02);
        // Some that dawdle give up.
        if (how_ == manner::dawdles && below(400) == 0) return cut();
        if (how_ == manner::offends && below(2) == 0) output_[output_.size() / 2] = 0x01;
        flush();
    }

    void send_something() {
        if (how_ == manner::offends) return offend();
        const bool floods = how_ == manner::does_not_read;
        const std::size_t dice = floods ? 85 + below(15) : below(100);
        if (dice < 5) {
            append_frame(output_, opcode::ping, material().first(below(126)));
        } else {
            send_message(dice);
        }
        flush();
        if (floods && reads_again_ == 0) reads_again_ = turn + in_seconds(0.5, 3);
        if (!floods) wake_ = turn + in_seconds(0, 0.05);
    }

    void send_message(std::size_t dice) {
        const std::size_t limit = dice < 60 ? 126 : dice < 85 ? 4096 : dice < 98 ? 70'000 : 1 << 20;
        const std::size_t size = below(limit);
        const std::size_t at = below(material().size() - size);
        const opcode op = dice % 2 == 0 ? opcode::text : opcode::binary;
        const bytes payload = material().subspan(at, size);
        --to_send_;
        expected_.push_back({op, payload});
        if (dice % 7 != 0) return append_frame(output_, op, payload);
        // In fragments, with a Ping between them (RFC 6455 5.4).
        const std::size_t cut = size == 0 ? 0 : below(size);
        append_frame(output_, op, payload.first(cut), false);
        append_frame(output_, opcode::ping, {});
        append_frame(output_, opcode::continuation, payload.subspan(cut));
    }

    void offend() {
        switch (below(4)) {
        case 0: append_header(output_, opcode::text, true, 0, nullptr); break; // not masked
        case 1: append_frame(output_, opcode::continuation, {}); break;        // of what?
        case 2: append_frame(output_, static_cast<opcode>(3), {}); break;      // reserved
        default: append_frame(output_, opcode::text, std::array<std::uint8_t, 1>{0xFF}); break;
        }
        to_send_ = 0;
        close_sent_ = true; // what is expected now is the end
        flush();
    }

    void cut_in_a_frame() {
        if (open_ && sent_ == output_.size()) {
            std::vector<std::uint8_t> frame;
            append_frame(frame, opcode::binary, material().first(below(70'000)));
            (void)::send(socket_.get(), frame.data(), frame.size() / 2, MSG_NOSIGNAL);
        }
        if (below(2) == 0) return cut();
        done_ = true; // the socket is closed without a Close frame
    }

    void flush() {
        while (connected_ && sent_ < output_.size()) {
            const ssize_t n =
                ::send(socket_.get(), output_.data() + sent_, output_.size() - sent_, MSG_NOSIGNAL);
            if (n < 0 && errno == EAGAIN) return;
            if (n < 0) return ended(std::strerror(errno));
            sent_ += static_cast<std::size_t>(n);
            last_progress_ = turn;
        }
        if (sent_ == output_.size()) {
            output_.clear();
            sent_ = 0;
        }
    }

    void receive(std::vector<std::uint8_t>& buffer) {
        const ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) return ended(n == 0 ? "ended" : std::strerror(errno));
        last_progress_ = turn;
        bytes in(buffer.data(), static_cast<std::size_t>(n));
        for (; !open_ && !in.empty(); in = in.subspan(1)) {
            head_ += static_cast<char>(in[0]);
            open_ = head_.ends_with("\r\n\r\n");
        }
        if (!open_) return;
        if (!is_accepted(head_)) {
            if (how_ != manner::offends) complain("refused: " + head_);
            return;
        }
        if (!reader_.feed(in, [&](const frame_reader::piece& piece) { return take(piece); })) {
            return complain("an echo is wrong, or a frame is malformed");
        }
        step();
    }

    [[nodiscard]] bool take(const frame_reader::piece& piece) {
        switch (piece.op) {
        case opcode::close: close_received_ = true; return true;
        case opcode::pong: return true;
        case opcode::ping:
            if (piece.first) pong_.clear();
            pong_.insert(pong_.end(), piece.payload.begin(), piece.payload.end());
            if (piece.last && !close_sent_) append_frame(output_, opcode::pong, pong_);
            return true;
        default: break;
        }
        if (!greeted_) {
            greeted_ = piece.last && piece.fin;
            return true;
        }
        if (expected_.empty()) return false;
        const message& awaited = expected_.front();
        const bool begins = received_ == 0 && piece.first && piece.op != opcode::continuation;
        if (begins && piece.op != awaited.op) return false;
        if (piece.payload.size() > awaited.payload.size() - received_) return false;
        if (!std::equal(piece.payload.begin(), piece.payload.end(),
                        awaited.payload.begin() + static_cast<std::ptrdiff_t>(received_))) {
            return false;
        }
        received_ += piece.payload.size();
        if (piece.last && piece.fin) {
            if (received_ != awaited.payload.size()) return false;
            received_ = 0;
            expected_.pop_front();
            ++echoes_;
        }
        return true;
    }

    void ended(const std::string& how) {
        done_ = true;
        if (how_ == manner::offends || how_ == manner::cuts) return;
        if (!close_sent_ || !close_received_ || how != "ended") {
            complaint_ = "the server ended a connection: " + how;
        }
    }

    std::mt19937* random_;
    manner how_;
    descriptor socket_;
    std::vector<std::uint8_t> request_;
    std::vector<std::uint8_t> output_;
    std::size_t sent_ = 0; // bytes of the output
    std::string head_;
    frame_reader reader_;
    std::vector<std::uint8_t> pong_;
    std::deque<message> expected_;
    std::size_t received_ = 0; // bytes of the first of these
    std::size_t to_send_ = 0;  // messages
    std::uint64_t echoes_ = 0;
    std::string complaint_;
    bool connected_ = false;
    bool open_ = false;
    bool greeted_;
    bool close_sent_ = false;
    bool close_received_ = false;
    bool leaves_ = false;
    bool stayed_ = false;
    bool done_ = false;
    std::int64_t wake_; // nothing is sent before
    std::int64_t last_progress_;
    std::int64_t cut_at_ = 0;
    std::int64_t reads_again_ = 0;
};

class soak {
public:
    soak(const settings& config, pid_t pid)
        : config_(config), pid_(pid), random_(config.seed), epoll_(::epoll_create1(EPOLL_CLOEXEC)),
          buffer_(256 * 1024) {
        if (epoll_.get() < 0) die("epoll_create1", errno);
    }

    /// \return whether all is well.
    [[nodiscard]] bool run() {
        const std::int64_t begin = turn = now();
        const std::int64_t end = begin + static_cast<std::int64_t>(config_.seconds * 1e9);
        while (turn < end) {
            const std::int64_t cycle = static_cast<std::int64_t>(config_.cycle * 1e9);
            const std::int64_t peak = churn(std::min(turn + cycle, end));
            rest_.push_back(memory_at_rest(pid_));
            turn = now();
            std::printf("%6.0f s: %8zu clients, %9" PRIu64
                        " echoes; memory in MiB: %.2f at most, %.2f at rest\n",
                        static_cast<double>(turn - begin) / 1e9, opened_, echoes_, in_mib(peak),
                        in_mib(rest_.back()));
            std::fflush(stdout);
        }
        std::printf("clients that");
        for (std::size_t i = 0; i < names.size(); ++i)
            std::printf("%s %s: %zu", i == 0 ? "" : ",", names[i], count_[i]);
        std::printf("\n%zu complaints\n", complaints_);
        return is_flat() && complaints_ == 0;
    }

private:
    struct entry {
        visitor client;
        std::uint32_t interest;
    };

    [[nodiscard]] static double in_mib(std::int64_t memory) {
        return static_cast<double>(memory) / (1024.0 * 1024.0);
    }

    /// Clients come and go until `end`; then all of them leave.
    /// \return the most memory that the server was seen to have.
    std::int64_t churn(std::int64_t end) {
        std::int64_t peak = 0;
        std::int64_t next_look = 0;
        while (turn < end) {
            for (int i = 0; i < 20 && present_.size() < config_.clients; ++i)
                open();
            take_turn();
            if (turn < next_look) continue;
            next_look = turn + second;
            peak = std::max(peak, resident_bytes(pid_));
        }
        for (const auto& each : present_)
            each->client.leave();
        const std::int64_t patience = turn + 20 * second;
        while (!present_.empty() && turn < patience)
            take_turn();
        for (const auto& each : present_)
            each->client.complain("it was not let go within 20 s");
        forget_the_done();
        return peak;
    }

    void open() {
        const auto how = static_cast<manner>(random_() % names.size());
        ++count_[static_cast<std::size_t>(how)];
        auto each = std::make_unique<entry>(
            entry{visitor(config_.server, how, opened_++, random_), std::uint32_t{EPOLLOUT}});
        control(EPOLL_CTL_ADD, *each);
        present_.push_back(std::move(each));
    }

    void control(int operation, entry& each) {
        epoll_event event{};
        event.events = each.interest;
        event.data.ptr = &each;
        if (::epoll_ctl(epoll_.get(), operation, each.client.socket(), &event) != 0) {
            die("epoll_ctl", errno);
        }
    }

    void take_turn() {
        std::array<epoll_event, 256> events;
        const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), 5);
        turn = now();
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            static_cast<entry*>(event.data.ptr)->client.ready(event.events, buffer_);
        }
        for (const auto& each : present_) {
            each->client.step();
            const std::uint32_t interest = each->client.interest();
            if (each->client.done() || interest == each->interest) continue;
            each->interest = interest;
            control(EPOLL_CTL_MOD, *each);
        }
        forget_the_done();
    }

    void forget_the_done() {
        std::erase_if(present_, [this](const auto& each) {
            const visitor& client = each->client;
            if (!client.done()) return false;
            echoes_ += client.echoes();
            if (!client.complaint().empty()) {
                ++complaints_;
                std::fprintf(stderr, "one that was to %s: %s\n",
                             names[static_cast<std::size_t>(client.how())],
                             client.complaint().c_str());
            }
            return true;
        });
    }

    /// Compares what was there at rest early and late, medians of a third each. The first fifth
    /// does not count: allocators fill their caches.
    [[nodiscard]] bool is_flat() const {
        const std::size_t skipped = std::max<std::size_t>(rest_.size() / 5, 1);
        const std::size_t third = (rest_.size() - std::min(skipped, rest_.size())) / 3;
        if (third == 0) {
            std::printf("too few cycles to tell whether the memory is flat\n");
            return true;
        }
        const auto median = [&](std::size_t from) {
            const auto begin = rest_.begin() + static_cast<std::ptrdiff_t>(from);
            std::vector<std::int64_t> some(begin, begin + static_cast<std::ptrdiff_t>(third));
            std::sort(some.begin(), some.end());
            return some[some.size() / 2];
        };
        const std::int64_t early = median(skipped);
        const std::int64_t late = median(rest_.size() - third);
        // What an allocator cannot join again varies by some hundred KiB. In 10 minutes a leak of
        // 16 bytes a client is more.
        const bool flat = late - early <= std::max<std::int64_t>(early / 50, 1024 * 1024);
        std::printf("memory at rest, MiB: %.2f early, %.2f late: %s\n", in_mib(early), in_mib(late),
                    flat ? "flat" : "it GROWS");
        return flat;
    }

    settings config_;
    pid_t pid_;
    std::mt19937 random_;
    descriptor epoll_;
    std::vector<std::uint8_t> buffer_;
    std::vector<std::unique_ptr<entry>> present_;
    std::array<std::size_t, names.size()> count_{};
    std::size_t opened_ = 0;
    std::uint64_t echoes_ = 0;
    std::size_t complaints_ = 0;
    std::vector<std::int64_t> rest_;
};

} // namespace

int main(int argc, char** argv) {
    arguments given(argc, argv, help);
    settings config{};
    config.server.greeting = given.flag("--greeting");
    config.server.port = given.number<std::uint16_t>("--port", 0, 1, 65'535);
    const auto pid = given.number<pid_t>("--pid", 0, 1, 1 << 30);
    config.seconds = given.number("--seconds", 600.0, 0.1, 86'400.0);
    config.cycle = given.number("--cycle", 20.0, 0.1, 3600.0);
    config.clients = given.number<std::size_t>("--clients", 200, 1, 100'000);
    config.seed = given.number<std::uint32_t>("--seed", 1, 0, UINT32_MAX);
    given.finish();
    if (config.server.port == 0) misuse("is needed", "--port");
    if (pid == 0) misuse("is needed", "--pid");
    raise_descriptor_limit(config.clients + 64);
    return soak(config, pid).run() ? 0 : 1;
}
