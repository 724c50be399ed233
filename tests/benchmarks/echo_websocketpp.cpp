// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The echo server on websocketpp and standalone Asio, without its log. It compiles up to C++17.
// With DEFLATE defined it has permessage-deflate.

#define ASIO_STANDALONE
#define _WEBSOCKETPP_CPP11_STL_

#include <websocketpp/config/asio_no_tls.hpp>
#include <websocketpp/extensions/permessage_deflate/enabled.hpp>
#include <websocketpp/server.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {

#ifdef DEFLATE
struct config : websocketpp::config::asio {
    struct permessage_deflate_config {};
    using permessage_deflate_type =
        websocketpp::extensions::permessage_deflate::enabled<permessage_deflate_config>;
};
#else
using config = websocketpp::config::asio;
#endif
using server = websocketpp::server<config>;

} // namespace

int main(int argc, char** argv) {
    const auto port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0);
    server echo;
    echo.clear_access_channels(websocketpp::log::alevel::all);
    echo.clear_error_channels(websocketpp::log::elevel::all);
    echo.init_asio();
    echo.set_reuse_addr(true);
    echo.set_listen_backlog(4096);
    echo.set_socket_init_handler([](websocketpp::connection_hdl, asio::ip::tcp::socket& socket) {
        asio::error_code ignored;
        socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    });
    echo.set_message_handler(
        [&echo](websocketpp::connection_hdl connection, server::message_ptr message) {
            websocketpp::lib::error_code ignored; // the connection has gone
            echo.send(connection, message, ignored);
        });
    echo.listen(asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), port));
    asio::error_code error;
    std::printf("listening on %d\n", echo.get_local_endpoint(error).port());
    std::fflush(stdout);
    echo.start_accept();
    echo.run();
}
