// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What surrounds the parts of programs in README.md that are about several threads.

#include "asio_room.hpp"

#include <asio.hpp>
#include <framewire/asio/listener.hpp>
#include <framewire/asio/server_stream.hpp>

namespace net = framewire::net;
using asio::ip::tcp;

asio::awaitable<void> serve(tcp::socket socket) {
    static room lobby;
    net::server_stream<tcp::socket> ws(std::move(socket), {.origins = net::origin_policy::any()});
    lobby.enter(ws.get_sender());
    lobby.tell_all("somebody came");
    co_return;
}

asio::awaitable<void> listen(asio::io_context& context, net::listener& listener) {
#include "asio_threads.inc"
}

int main() {
    asio::io_context context;
    net::listener listener(context);
    asio::co_spawn(context, listen(context, listener), asio::detached);
}
