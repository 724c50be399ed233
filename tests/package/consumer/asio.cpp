// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Two streams from an installed package, with the Asio that was picked: one echoes what the other
// one says.

#include <framewire/asio/client_stream.hpp>
#include <framewire/asio/server_stream.hpp>

#include <utility>

namespace net = framewire::net;
using tcp = net::io::ip::tcp;

static_assert(FRAMEWIRE_BOOST_ASIO == EXPECTED_BOOST_ASIO);

int main() {
    net::io::io_context context;
    tcp::acceptor acceptor(context, {net::io::ip::address_v4::loopback(), 0});
    tcp::socket near_end(context);
    tcp::socket far_end(context);
    near_end.connect(acceptor.local_endpoint());
    acceptor.accept(far_end);

    net::server_stream<tcp::socket> server(std::move(far_end),
                                           {.origins = net::origin_policy::none()});
    server.read_request([&](net::error_code request_error, const framewire::upgrade_request&) {
        if (request_error) return;
        server.accept({}, [&](net::error_code accept_error) {
            if (accept_error) return;
            server.read([&](net::error_code read_error, net::message message) {
                if (read_error || !server.send(message)) return;
                server.read([](net::error_code, net::message) {});
            });
        });
    });

    bool echoed = false;
    net::close_info end;
    net::client_stream<tcp::socket> client(std::move(near_end));
    client.handshake({.host = "localhost"}, [&](net::error_code handshake_error) {
        if (handshake_error || !client.send_text("Hello")) return;
        client.read([&](net::error_code read_error, net::message message) {
            echoed = !read_error && message.text() == "Hello";
            client.close(framewire::close_code::normal, {},
                         [&](net::error_code, const net::close_info& info) { end = info; });
        });
    });
    context.run();
    return echoed && end.clean ? 0 : 1;
}
