// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A listener in a process that has used up its descriptors. A program of its own, since the
// undefined behaviour sanitizer needs descriptors to look at objects with virtual functions.

#include <framewire/asio/listener.hpp>

#include "asio/support/fake_clock.hpp"
#include "asio/support/sockets.hpp"
#include "support/catch.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace framewire;
using namespace framewire::test;
using namespace std::chrono_literals;
namespace io = net::io;
using net::error_code;
using tcp = io::ip::tcp;
using fake_listener = net::basic_listener<io::any_io_executor, fake_clock>;

namespace {

// No descriptor can be had while this is there. Nothing is checked meanwhile: the sanitizer needs
// descriptors to look at objects.
class no_descriptors {
public:
    no_descriptors() {
        getrlimit(RLIMIT_NOFILE, &before_);
        rlimit none = before_;
        // All below the first free one are taken: the system gives out the lowest.
        const int free = dup(0);
        close(free);
        none.rlim_cur = static_cast<rlim_t>(free);
        setrlimit(RLIMIT_NOFILE, &none);
    }
    no_descriptors(const no_descriptors&) = delete;
    no_descriptors& operator=(const no_descriptors&) = delete;
    ~no_descriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

} // namespace

TEST_CASE("listener: when no descriptor is left to listen with, it says so") {
    io::io_context context;
    net::listener listener(context);
    const error_code error = [&] {
        const no_descriptors none;
        return listener.listen("127.0.0.1", 0);
    }();
    CHECK(error == io::error::no_descriptors);
    CHECK(listener.error_text() == "cannot listen on 127.0.0.1:0: this program may not open more "
                                   "files; raise its limit (ulimit -n)");
}

TEST_CASE("listener: without descriptors it waits, tells, and serves once there are some") {
    io::io_context context;
    fake_listener listener(context);
    REQUIRE_FALSE(listener.listen("127.0.0.1", 0));
    any_socket peer = connect_to(context, listener.local_endpoint());
    std::vector<error_code> told;
    listener.on_exhausted([&](const error_code& error) { told.push_back(error); });
    accept_outcome one;
    bool came = false;
    std::vector<std::uint64_t> seen;
    {
        const no_descriptors none;
        listener.accept(one.handler());
        came = run_until(context, [&] { return listener.exhaustions() == 1; });
        // However often the loop runs: it tries again when it is time, and once.
        for (int i = 0; i < 100; ++i)
            poll(context);
        seen.push_back(listener.exhaustions());
        fake_clock::advance(99ms);
        poll(context);
        seen.push_back(listener.exhaustions());
        for (std::uint64_t i = 2; came && i < 12; ++i) {
            fake_clock::advance(100ms);
            came = run_until(context, [&] { return listener.exhaustions() == i; });
            poll(context);
        }
        seen.push_back(listener.exhaustions());
    }
    REQUIRE(came);
    CHECK(seen == std::vector<std::uint64_t>{1, 1, 11});
    CHECK(one.calls == 0);
    REQUIRE(told.size() == 11);
    CHECK(told.front() == io::error::no_descriptors);
    fake_clock::advance(100ms);
    REQUIRE(run_until(context, [&] { return one.calls == 1; }));
    REQUIRE_FALSE(one.error);
    CHECK(talk(peer, *one.socket));
}

TEST_CASE("listener: its owner may make room, close or leave when descriptors run out") {
    io::io_context context;
    std::optional<fake_listener> listener(std::in_place, context);
    net::listen_options options;
    options.exhaustion_delay = 0ms; // at least one
    REQUIRE_FALSE(listener->listen("127.0.0.1", 0, options));
    std::optional<any_socket> spare(context);
    spare->open(tcp::v4());
    any_socket peer = connect_to(context, listener->local_endpoint());
    accept_outcome one;
    error_code expected;
    SECTION("makes room") {
        listener->on_exhausted([&](const error_code&) { spare.reset(); });
    }
    SECTION("closes") {
        expected = io::error::operation_aborted;
        listener->on_exhausted([&](const error_code&) { listener->close(); });
    }
    SECTION("leaves") {
        expected = io::error::operation_aborted;
        listener->on_exhausted([&](const error_code&) { listener.reset(); });
    }
    SECTION("puts another handler in its place") {
        listener->on_exhausted([&](const error_code&) {
            listener->on_exhausted([&](const error_code&) { spare.reset(); });
        });
    }
    {
        const no_descriptors none;
        listener->accept(one.handler());
        for (int polls = 0; one.calls == 0 && polls < 1'000'000; ++polls) {
            poll(context);
            fake_clock::advance(1ms);
        }
    }
    REQUIRE(one.calls == 1);
    CHECK(one.error == expected);
    if (!expected) CHECK(talk(peer, *one.socket));
}
