// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Real sockets on loopback in one thread: runs the loop until something has happened.

#ifndef FRAMEWIRE_TESTS_ASIO_SUPPORT_SOCKETS_HPP
#define FRAMEWIRE_TESTS_ASIO_SUPPORT_SOCKETS_HPP

#include <framewire/asio/config.hpp>

#if FRAMEWIRE_BOOST_ASIO
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#else
#include <asio/io_context.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#endif

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace framewire::test {

using any_socket = net::io::basic_stream_socket<net::io::ip::tcp, net::io::any_io_executor>;

/// Runs handlers until `done()`. False when that takes so long that something hangs.
template <typename Predicate> bool run_until(net::io::io_context& context, Predicate done) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done()) {
        const auto left = limit - std::chrono::steady_clock::now();
        if (left.count() <= 0) return false;
        context.restart();
        if (context.run_one_for(left) == 0 && context.stopped()) return done();
    }
    return true;
}

/// Runs what is ready and never waits. Returns the number of handlers.
inline std::size_t poll(net::io::io_context& context) {
    std::size_t count = 0;
    context.restart();
    while (count < 1'000'000 && context.poll_one() != 0)
        ++count;
    return count;
}

/// What became of one accept.
struct accept_outcome {
    int calls = 0;
    net::error_code error;
    std::optional<any_socket> socket;

    auto handler() {
        return [this](const net::error_code& e, any_socket s) {
            ++calls;
            error = e;
            socket.emplace(std::move(s));
        };
    }
};

inline any_socket connect_to(net::io::io_context& context,
                             const net::io::ip::tcp::endpoint& endpoint) {
    any_socket socket(context);
    socket.connect(endpoint);
    return socket;
}

/// Whether bytes go from one end to the other.
inline bool talk(any_socket& left, any_socket& right) {
    net::io::write(left, net::io::buffer("hello", 5));
    std::array<char, 5> got{};
    net::io::read(right, net::io::buffer(got));
    return std::string(got.data(), got.size()) == "hello";
}

} // namespace framewire::test

#endif
