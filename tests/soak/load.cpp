// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Keeps a number of clients at two echo servers that come and go at random, well behaved or not,
// and tells how they fared. `run` starts it, and the servers.

#include "visitor.hpp"

#include "support/arguments.hpp"
#include "support/client.hpp"
#include "support/process.hpp"

#include <array>
#include <cerrno>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <sys/epoll.h>
#include <vector>

namespace {

using namespace soak;

constexpr const char* help =
    R"(soak_load --asio PORT --qml PORT [option]...

Keeps clients at the echo servers at 127.0.0.1:PORT. Every 10 s, and at the end, it prints a line of
JSON: seconds, and for each server how many are there and what has been since the beginning. Ends
with 1 when an echo was wrong or a well-behaved client was let down.

  --seconds S          1800
  --asio-clients N     1000
  --qml-clients N      200
  --seed N             of what is random: 1
)";

struct settings {
    double seconds;
    std::array<std::uint16_t, 2> ports;
    std::array<std::size_t, 2> clients;
    std::uint32_t seed;
};

// What a client does that is number so and so at its server. The one who comes after it does the
// same: so the shares stay as they are, and with them what the server needs.
constexpr manner manner_of(std::size_t number) {
    constexpr std::array hundred{60, 12, 16, 4, 4, 4};
    std::size_t rest = number * 37 % 100;
    for (std::size_t i = 0; i < hundred.size(); ++i) {
        if (rest < static_cast<std::size_t>(hundred[i])) return static_cast<manner>(i);
        rest -= static_cast<std::size_t>(hundred[i]);
    }
    return manner::chats;
}

// A fifth offers compression.
constexpr deflate_use deflate_of(std::size_t number) {
    if (number % 10 == 3) return deflate_use::takeover;
    return number % 10 == 8 ? deflate_use::no_takeover : deflate_use::none;
}

struct server {
    const char* name;
    std::uint16_t port;
    std::size_t clients;
    std::size_t present = 0;
    std::size_t connecting = 0;
    std::uint64_t opened = 0;
    std::uint64_t let_go = 0; // half open, or slow readers, ended by the server
    std::uint64_t echoes = 0;
    std::uint64_t echoed_bytes = 0;
    std::uint64_t errors = 0;
    std::array<std::uint64_t, manner_names.size()> began{};
};

struct place {
    server* at;
    std::size_t number;
    std::unique_ptr<visitor> who;
    std::uint32_t interest = 0;
};

class load {
public:
    explicit load(const settings& given)
        : given_(given), random_(given.seed), epoll_(::epoll_create1(EPOLL_CLOEXEC)),
          buffer_(256 * 1024) {
        if (epoll_.get() < 0) benchmarks::die("epoll_create1", errno);
        for (std::size_t i = 0; i < servers_.size(); ++i) {
            servers_[i].port = given.ports[i];
            servers_[i].clients = given.clients[i];
            for (std::size_t number = 0; number < given.clients[i]; ++number)
                places_.push_back({&servers_[i], number, nullptr});
        }
    }

    /// \return whether all is well.
    [[nodiscard]] bool run() {
        begin_ = now_ = benchmarks::now();
        const std::int64_t end = begin_ + static_cast<std::int64_t>(given_.seconds * 1e9);
        std::int64_t next_line = begin_ + 10 * second;
        while (now_ < end) {
            open_some();
            take_turn();
            if (now_ < next_line) continue;
            next_line += 10 * second;
            print();
        }
        print();
        say_goodbye();
        print();
        return servers_[0].errors + servers_[1].errors == 0;
    }

private:
    void say_goodbye() {
        for (place& each : places_) {
            if (each.who != nullptr) each.who->leave();
        }
        const std::int64_t patience = now_ + 40 * second;
        while (servers_[0].present + servers_[1].present != 0 && now_ < patience)
            take_turn();
        for (place& each : places_) {
            if (each.who != nullptr) each.who->complain("it was not let go within 40 s");
            forget_if_done(each);
        }
    }

    // Not all at once: listen queues are short, Qt's holds 50.
    void open_some() {
        for (place& each : places_) {
            if (each.who != nullptr || each.at->connecting >= 24) continue;
            server& at = *each.at;
            const manner how = manner_of(each.number);
            const visitor::config config{at.port, how, deflate_of(each.number)};
            each.who = std::make_unique<visitor>(config, at.opened++, random_, now_);
            each.interest = EPOLLOUT;
            ++at.began[static_cast<std::size_t>(how)];
            ++at.present;
            ++at.connecting;
            control(EPOLL_CTL_ADD, each);
        }
    }

    void control(int operation, place& each) {
        epoll_event event{};
        event.events = each.interest;
        event.data.ptr = &each;
        if (::epoll_ctl(epoll_.get(), operation, each.who->socket(), &event) != 0) {
            benchmarks::die("epoll_ctl", errno);
        }
    }

    void take_turn() {
        std::array<epoll_event, 256> events;
        const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), 10);
        now_ = benchmarks::now();
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            static_cast<place*>(event.data.ptr)->who->ready(event.events, buffer_, now_);
        }
        // Once in 10 ms is enough for what clients do of their own accord.
        const bool is_time = now_ >= next_steps_;
        if (is_time) next_steps_ = now_ + second / 100;
        servers_[0].connecting = servers_[1].connecting = 0;
        for (place& each : places_) {
            if (each.who == nullptr) continue;
            if (is_time) each.who->step(now_);
            if (!each.who->connected()) ++each.at->connecting;
            const std::uint32_t interest = each.who->interest();
            if (!each.who->done() && interest != each.interest) {
                each.interest = interest;
                control(EPOLL_CTL_MOD, each);
            }
            forget_if_done(each);
        }
    }

    void forget_if_done(place& each) {
        if (each.who == nullptr) return;
        server& at = *each.at;
        at.echoes += each.who->take_echoes();
        at.echoed_bytes += each.who->take_echoed_bytes();
        if (!each.who->done()) return;
        --at.present;
        if (each.who->let_go()) ++at.let_go;
        if (!each.who->complaint().empty()) {
            ++at.errors;
            std::fprintf(stderr, "%.1f s, %s, one that was to %s: %s\n", elapsed(), at.name,
                         manner_names[static_cast<std::size_t>(each.who->how())],
                         each.who->complaint().c_str());
        }
        each.who.reset();
    }

    [[nodiscard]] double elapsed() const { return static_cast<double>(now_ - begin_) / 1e9; }

    void print() const {
        std::printf("{\"seconds\": %.1f", elapsed());
        for (const server& each : servers_) {
            std::printf(", \"%s\": {\"present\": %zu, \"opened\": %" PRIu64 ", \"let go\": %" PRIu64
                        ", \"messages\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"errors\": %" PRIu64
                        ", \"began\": {",
                        each.name, each.present, each.opened, each.let_go, each.echoes,
                        each.echoed_bytes, each.errors);
            for (std::size_t i = 0; i < manner_names.size(); ++i)
                std::printf("%s\"%s\": %" PRIu64, i == 0 ? "" : ", ", manner_names[i],
                            each.began[i]);
            std::printf("}}");
        }
        std::printf("}\n");
        std::fflush(stdout);
    }

    settings given_;
    std::mt19937 random_;
    benchmarks::descriptor epoll_;
    std::vector<std::uint8_t> buffer_;
    std::array<server, 2> servers_{server{"asio", 0, 0}, server{"qml", 0, 0}};
    std::vector<place> places_;
    std::int64_t begin_ = 0;
    std::int64_t now_ = 0;
    std::int64_t next_steps_ = 0;
};

} // namespace

int main(int argc, char** argv) {
    benchmarks::arguments given(argc, argv, help);
    const settings chosen{given.number("--seconds", 1800.0, 1.0, 1e6),
                          {given.number<std::uint16_t>("--asio", 0, 1, 65'535),
                           given.number<std::uint16_t>("--qml", 0, 1, 65'535)},
                          {given.number<std::size_t>("--asio-clients", 1000, 0, 100'000),
                           given.number<std::size_t>("--qml-clients", 200, 0, 100'000)},
                          given.number<std::uint32_t>("--seed", 1, 0, 0xFFFF'FFFF)};
    given.finish();
    benchmarks::raise_descriptor_limit(chosen.clients[0] + chosen.clients[1] + 64);
    return load(chosen).run() ? 0 : 1;
}
