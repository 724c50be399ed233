// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A server made of the Asio adapter: see ../peers/obedience.hpp.
//
//     server [--origin ORIGIN]        --origin: pages of this origin alone may connect
//
// A line tells that the client has answered "please ping".

#include <framewire/asio/listener.hpp>
#include <framewire/asio/server_stream.hpp>

#include "coroutines.hpp"
#include "peers/obedience.hpp"

#include <exception>
#include <string_view>
#include <utility>

using namespace framewire;
namespace io = net::io;
using stream = net::server_stream<io::ip::tcp::socket>;

namespace {

io::awaitable<void> obey(stream& ws) {
    for (;;) {
        net::error_code error;
        const net::message message = co_await ws.read(io::redirect_error(io::use_awaitable, error));
        if (error) co_return;
        switch (peers::wish_of(message.is_text(), message.text())) {
        case peers::wish::ping:
            ws.ping([](net::error_code unanswered, auto) {
                if (!unanswered) peers::say("pong from the client");
            });
            break;
        case peers::wish::close:
            if (ws.close(close_code{4001}, "bye") != errc::success) co_return;
            break;
        case peers::wish::vanish: ws.abort(); break;
        case peers::wish::echo:
            co_await ws.send(message, io::redirect_error(io::use_awaitable, error));
            break;
        }
    }
}

io::awaitable<void> serve(io::ip::tcp::socket socket, const net::server_options& options) {
    stream ws(std::move(socket), options);
    try {
        const upgrade_request request = co_await ws.read_request(io::use_awaitable);
        server_response response;
        for (const std::string_view name : request.subprotocols()) {
            if (name == "echo") response.subprotocol = "echo";
        }
        co_await ws.accept(response, io::use_awaitable);
    } catch (const std::exception& refused) {
        peers::say_failed(refused.what());
        co_return;
    }
    co_await obey(ws);
    const net::close_info end = co_await ws.closed(io::use_awaitable);
    if (!end.clean && end.error) peers::say_failed(end.error.message().c_str());
    peers::say_closed(static_cast<unsigned>(end.code), end.reason.c_str());
}

io::awaitable<void> listen(net::listener& listener, const net::server_options& options) {
    for (;;) {
        io::co_spawn(listener.get_executor(),
                     serve(co_await listener.accept(io::use_awaitable), options), io::detached);
    }
}

} // namespace

int main(int argc, char** argv) {
    net::server_options options{.origins = net::origin_policy::any()};
    if (argc == 3 && std::string_view(argv[1]) == "--origin") {
        options.origins = net::origin_policy::list({argv[2]});
    } else if (argc != 1) {
        std::fprintf(stderr, "usage: %s [--origin ORIGIN]\n", argv[0]);
        return 2;
    }
    io::io_context context(1);
    net::listener listener(context);
    if (listener.listen("localhost", 0)) {
        peers::say_failed(listener.error_text().c_str());
        return 1;
    }
    peers::say_port(listener.local_endpoint().port());
    io::co_spawn(context, listen(listener, options), io::detached);
    context.run();
}
