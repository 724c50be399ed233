// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A client and a server made of websocketpp: see random_stream.hpp. `level`, `memory_level` and
// `threshold` are not for it.

#include "random_stream.hpp"

#include <websocketpp/client.hpp>
#include <websocketpp/config/asio_no_tls.hpp>
#include <websocketpp/config/asio_no_tls_client.hpp>
#include <websocketpp/extensions/permessage_deflate/enabled.hpp>
#include <websocketpp/server.hpp>

namespace {

namespace opcode = websocketpp::frame::opcode;

// Extensions are made by the library, which has no settings for them.
peers::deflate_wishes deflate;

template <typename Config> class extension
    : public websocketpp::extensions::permessage_deflate::enabled<Config> {
public:
    extension() {
        using websocketpp::extensions::permessage_deflate::mode::largest;
        const auto bits = [](int number) { return static_cast<std::uint8_t>(number); };
        if (deflate.server_no_context_takeover) this->enable_server_no_context_takeover();
        if (deflate.client_no_context_takeover) this->enable_client_no_context_takeover();
        this->set_server_max_window_bits(bits(deflate.server_max_window_bits), largest);
        this->set_client_max_window_bits(bits(deflate.client_max_window_bits), largest);
    }
    [[nodiscard]] bool is_implemented() const { return deflate.enabled; }

    // The one of the library says always the same.
    [[nodiscard]] std::string generate_offer() const {
        std::string offer = "permessage-deflate";
        if (deflate.server_no_context_takeover) offer += "; server_no_context_takeover";
        if (deflate.client_no_context_takeover) offer += "; client_no_context_takeover";
        if (deflate.server_max_window_bits < 15) {
            offer += "; server_max_window_bits=" + std::to_string(deflate.server_max_window_bits);
        }
        offer += "; client_max_window_bits";
        if (deflate.client_max_window_bits < 15) {
            offer += "=" + std::to_string(deflate.client_max_window_bits);
        }
        return offer;
    }
};

template <typename Base> struct with_extension : Base {
    using permessage_deflate_type = extension<typename Base::permessage_deflate_config>;
};
using client = websocketpp::client<with_extension<websocketpp::config::asio_client>>;
using server = websocketpp::server<with_extension<websocketpp::config::asio>>;

template <typename Endpoint> void prepare(Endpoint& endpoint) {
    endpoint.clear_access_channels(websocketpp::log::alevel::all);
    endpoint.clear_error_channels(websocketpp::log::elevel::all);
    endpoint.init_asio();
    endpoint.set_max_message_size(16 << 20);
    // Without it, frames wait for the other side's acknowledgements.
    endpoint.set_tcp_post_init_handler([&](websocketpp::connection_hdl handle) {
        const auto connection = endpoint.get_con_from_hdl(handle);
        connection->get_raw_socket().set_option(asio::ip::tcp::no_delay(true));
    });
}

template <typename Connection>
void send(Connection& connection, peers::random_message message, peers::ping_watch& pings) {
    const bool fragmented = message.fragments.size() > 1;
    if (fragmented) {
        // It sets RSV1 in every fragment that it compresses (RFC 7692 6.1: in the first alone).
        message.compress = false;
        // It refuses a first fragment of text that ends within a character.
        peers::fragment& first = message.fragments[0];
        while (message.text && first.end < message.bytes.size() &&
               (static_cast<unsigned char>(message.bytes[first.end]) & 0xC0) == 0x80) {
            ++first.end;
        }
        for (peers::fragment& f : message.fragments) {
            if (&f != &first) f.begin = std::max(f.begin, first.end);
            f.end = std::max(f.end, first.end);
        }
    }
    peers::send_parts(
        message,
        [&](std::string_view part, bool is_first, bool last) {
            const auto kind = !is_first      ? opcode::continuation
                              : message.text ? opcode::text
                                             : opcode::binary;
            const auto frame = connection.get_message(kind, part.size());
            frame->set_payload(part.data(), part.size());
            frame->set_compressed(message.compress);
            frame->set_fin(last);
            peers::check(!connection.send(frame), "sending");
        },
        [&](const peers::control& control) {
            if (!control.ping) return connection.pong(control.payload);
            pings.sent(control.payload);
            connection.ping(control.payload);
        });
}

bool talk_to(const char* url, peers::random_talk& talk, const peers::deflate_wishes& wishes) {
    deflate = wishes;
    client endpoint;
    prepare(endpoint);
    websocketpp::lib::error_code error;
    const client::connection_ptr connection = endpoint.get_connection(url, error);
    peers::check(!error, "the URL");
    const auto send_batch = [&] {
        for (const peers::random_message& message : talk.next_batch())
            send(*connection, message, talk.pings);
        if (talk.batch().empty()) connection->close(4000, "done");
    };
    // An exception of a handler ends the conversation.
    connection->set_fail_handler([&](websocketpp::connection_hdl) {
        throw std::runtime_error(connection->get_ec().message());
    });
    connection->set_pong_handler([&](websocketpp::connection_hdl, const std::string& payload) {
        talk.pings.answered(payload);
    });
    connection->set_open_handler([&](websocketpp::connection_hdl) { send_batch(); });
    connection->set_message_handler(
        [&](websocketpp::connection_hdl, const client::message_ptr& message) {
            talk.got(message->get_opcode() == opcode::text, message->get_payload());
            if (talk.waits()) return;
            talk.pings.check_all_answered(); // they were sent before the last message
            send_batch();
        });
    endpoint.connect(connection);
    endpoint.run();
    peers::check(connection->get_remote_close_code() == 4000,
                 "how it closed: " + connection->get_ec().message() + ", " +
                     connection->get_remote_close_reason());
    return !connection->get_response_header("Sec-WebSocket-Extensions").empty();
}

void serve(peers::random_echo& echo, const peers::deflate_wishes& wishes) {
    deflate = wishes;
    server endpoint;
    prepare(endpoint);
    endpoint.set_message_handler([&](websocketpp::connection_hdl handle,
                                     const server::message_ptr& message) {
        const bool text = message->get_opcode() == opcode::text;
        send(*endpoint.get_con_from_hdl(handle), echo.of(text, message->get_payload()), echo.pings);
    });
    endpoint.set_pong_handler([&](websocketpp::connection_hdl, const std::string& payload) {
        echo.pings.answered(payload);
    });
    endpoint.set_close_handler([&](websocketpp::connection_hdl handle) {
        const server::connection_ptr connection = endpoint.get_con_from_hdl(handle);
        if (connection->get_ec()) peers::say_failed(connection->get_ec().message().c_str());
        peers::say_closed(connection->get_remote_close_code(),
                          connection->get_remote_close_reason().c_str());
        endpoint.stop_listening();
    });
    endpoint.listen(asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    endpoint.start_accept();
    asio::error_code error;
    peers::say_port(endpoint.get_local_endpoint(error).port());
    endpoint.run();
}

} // namespace

int main(int argc, char** argv) { return peers::random_main(argc, argv, talk_to, serve); }
