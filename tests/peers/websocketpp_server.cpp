// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A server made of websocketpp: see obedience.hpp.

#include "obedience.hpp"

#include <websocketpp/config/asio_no_tls.hpp>
#include <websocketpp/server.hpp>

#include <algorithm>

int main() {
    using endpoint = websocketpp::server<websocketpp::config::asio>;
    endpoint server;
    server.clear_access_channels(websocketpp::log::alevel::all);
    server.clear_error_channels(websocketpp::log::elevel::all);
    server.init_asio();
    server.set_max_message_size(16 << 20);

    server.set_validate_handler([&](websocketpp::connection_hdl handle) {
        const auto connection = server.get_con_from_hdl(handle);
        const auto& offered = connection->get_requested_subprotocols();
        if (std::find(offered.begin(), offered.end(), "echo") != offered.end()) {
            connection->select_subprotocol("echo");
        }
        return true;
    });
    server.set_message_handler(
        [&](websocketpp::connection_hdl handle, const endpoint::message_ptr& message) {
            const auto connection = server.get_con_from_hdl(handle);
            const bool text = message->get_opcode() == websocketpp::frame::opcode::text;
            switch (peers::wish_of(text, message->get_payload())) {
            case peers::wish::ping: return connection->ping("from the server");
            case peers::wish::close: return connection->close(4001, "bye");
            case peers::wish::vanish: connection->get_raw_socket().close(); return;
            case peers::wish::echo:
                if (connection->send(message->get_payload(), message->get_opcode())) {
                    peers::say_failed("sending");
                }
            }
        });
    server.set_close_handler([&](websocketpp::connection_hdl handle) {
        const auto connection = server.get_con_from_hdl(handle);
        peers::say_closed(connection->get_remote_close_code(),
                          connection->get_remote_close_reason().c_str());
    });

    server.listen(asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    server.start_accept();
    asio::error_code error;
    peers::say_port(server.get_local_endpoint(error).port());
    server.run();
}
