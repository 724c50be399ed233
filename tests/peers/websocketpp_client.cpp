// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A client made of websocketpp: see conversation.hpp.
// It cannot end a fragment within a character: it checks each fragment's UTF-8 by itself.

#include "conversation.hpp"

#include <websocketpp/client.hpp>
#include <websocketpp/config/asio_no_tls_client.hpp>

#include <functional>

namespace {

using endpoint = websocketpp::client<websocketpp::config::asio_client>;
namespace close_status = websocketpp::close::status;
namespace opcode = websocketpp::frame::opcode;

/// One connection; its handlers drive the conversation, and an exception of theirs ends it.
class client {
public:
    client() {
        endpoint_.clear_access_channels(websocketpp::log::alevel::all);
        endpoint_.clear_error_channels(websocketpp::log::elevel::all);
        endpoint_.init_asio();
        endpoint_.set_max_message_size(16 << 20);
        endpoint_.set_fail_handler([this](websocketpp::connection_hdl) {
            throw std::runtime_error(connection->get_ec().message());
        });
        endpoint_.set_pong_handler(
            [this](websocketpp::connection_hdl, std::string payload) { pong = payload; });
        endpoint_.set_message_handler([this](websocketpp::connection_hdl, message_ptr message) {
            on_message(message->get_opcode() == opcode::text, message->get_payload());
        });
        endpoint_.set_open_handler([this](websocketpp::connection_hdl) { on_open(); });
    }

    void run(const char* url, const std::vector<std::string>& subprotocols = {}) {
        websocketpp::lib::error_code error;
        connection = endpoint_.get_connection(url, error);
        peers::check(!error, "the URL: " + error.message());
        for (const std::string& name : subprotocols)
            connection->add_subprotocol(name);
        endpoint_.connect(connection);
        endpoint_.run();
    }
    void send(const peers::data& message) {
        const auto kind = message.text ? opcode::text : opcode::binary;
        peers::check(!connection->send(message.bytes, kind), "sending");
    }
    void send_fragment(opcode::value kind, std::string_view bytes, bool last) {
        const message_ptr fragment = connection->get_message(kind, bytes.size());
        fragment->set_payload(bytes.data(), bytes.size());
        fragment->set_fin(last);
        peers::check(!connection->send(fragment), "sending a fragment");
    }
    /// What the peer's Close frame said.
    void check_close(close_status::value code, const char* reason) const {
        peers::check(connection->get_remote_close_code() == code &&
                         connection->get_remote_close_reason() == reason,
                     "the peer's Close: " + connection->get_remote_close_reason());
    }

    endpoint::connection_ptr connection;
    std::function<void()> on_open;
    std::function<void(bool text, const std::string& bytes)> on_message;
    std::string pong;

private:
    using message_ptr = endpoint::message_ptr;
    endpoint endpoint_;
};

void exchange_messages(const char* url) {
    std::vector<peers::data> messages = peers::messages();
    messages.push_back({true, "\xE2\x82\xAC in parts"});
    std::size_t next = 0;
    client c;
    c.on_open = [&] {
        peers::check(c.connection->get_response_header("Sec-WebSocket-Protocol") == "echo",
                     "the subprotocol");
        c.send(messages[0]);
    };
    c.on_message = [&](bool text, const std::string& bytes) {
        peers::check_echo(messages.at(next), text, bytes);
        if (++next < messages.size() - 1) {
            c.send(messages[next]);
        } else if (next == messages.size() - 1) {
            c.connection->ping("p");
            c.send_fragment(opcode::text, "\xE2\x82\xAC in", false);
            c.send_fragment(opcode::continuation, " parts", true);
        } else {
            peers::check(c.pong == "p", "the Pong");
            c.connection->close(4000, "done");
        }
    };
    c.run(url, {"other", "echo"});
    peers::check(next == messages.size(), "the number of echoes");
    peers::check(c.connection->get_remote_close_code() == 4000, "the code of the answer to Close");
}

void let_the_server_close(const char* url) {
    client c;
    c.on_open = [&] { c.send({true, "please close"}); };
    c.on_message = [](bool, const std::string&) { peers::check(false, "the peer was to close"); };
    c.run(url);
    c.check_close(4001, "bye");
}

void close_normally(const char* url) {
    client c;
    c.on_open = [&] { c.connection->close(close_status::normal, ""); };
    c.run(url);
    c.check_close(close_status::normal, "");
}

void run(const char* url, bool plain) {
    exchange_messages(url);
    if (!plain) let_the_server_close(url);
    close_normally(url);
}

} // namespace

int main(int argc, char** argv) { return peers::client_main(argc, argv, run); }
