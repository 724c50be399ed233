// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The echo server on Framewire's Asio adapter, with coroutines: each message is awaited, and so is
// each send.

#include <framewire/asio/server_stream.hpp>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/use_awaitable.hpp>

#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace {

namespace net = framewire::net;
using asio::use_awaitable;
using asio::ip::tcp;

asio::awaitable<void> serve(tcp::socket socket) {
    net::server_stream<tcp::socket> stream(std::move(socket),
                                           {.origins = net::origin_policy::any()});
    stream.next_layer().set_option(tcp::no_delay(true));
    try {
        (void)co_await stream.read_request(use_awaitable);
        co_await stream.accept({}, use_awaitable);
        for (;;) {
            const net::message message = co_await stream.read(use_awaitable);
            co_await stream.send(message, use_awaitable);
        }
    } catch (const std::system_error&) {
        // The connection has ended.
    }
}

asio::awaitable<void> listen(tcp::acceptor& acceptor) {
    for (;;) {
        asio::co_spawn(acceptor.get_executor(),
                       serve(co_await acceptor.async_accept(use_awaitable)), asio::detached);
    }
}

} // namespace

int main(int argc, char** argv) {
    const auto port = static_cast<unsigned short>(argc > 1 ? std::atoi(argv[1]) : 0);
    asio::io_context context(1);
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), port});
    std::printf("listening on %d\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    asio::co_spawn(context, listen(acceptor), asio::detached);
    context.run();
}
