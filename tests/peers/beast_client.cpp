// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A client made of Boost.Beast: see conversation.hpp.

#include "conversation.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::ip::tcp;

namespace {

class client {
public:
    explicit client(const peers::address& to, std::string_view subprotocols = {}) {
        tcp::resolver resolver(context_);
        asio::connect(ws_.next_layer(), resolver.resolve(to.host, to.port));
        ws_.set_option(websocket::stream_base::decorator([&](websocket::request_type& request) {
            if (!subprotocols.empty()) {
                request.set(beast::http::field::sec_websocket_protocol,
                            beast::string_view(subprotocols.data(), subprotocols.size()));
            }
        }));
        ws_.control_callback([this](websocket::frame_type kind, beast::string_view payload) {
            if (kind == websocket::frame_type::pong) pong_.assign(payload.data(), payload.size());
        });
        websocket::response_type response;
        ws_.handshake(response, to.authority(), to.target);
        subprotocol = response[beast::http::field::sec_websocket_protocol];
        ws_.auto_fragment(false);
    }

    void send(const peers::data& message) {
        ws_.text(message.text);
        ws_.write(asio::buffer(message.bytes));
    }
    void expect(const peers::data& message) {
        beast::flat_buffer buffer;
        ws_.read(buffer);
        const auto* bytes = static_cast<const char*>(buffer.cdata().data());
        peers::check_echo(message, ws_.got_text(), {bytes, buffer.size()});
    }
    void send_in_fragments() {
        ws_.text(true);
        ws_.write_some(false, asio::buffer(peers::first_fragment));
        ws_.write_some(true, asio::buffer(peers::last_fragment));
    }
    void ping(const char* payload) { ws_.ping(payload); }
    [[nodiscard]] const std::string& pong() const { return pong_; }

    /// Waits for the peer's Close frame and the end of the connection.
    void close(websocket::close_code code, const char* reason) {
        ws_.close({code, reason});
        peers::check(ws_.reason().code == code, "the code of the answer to Close");
    }
    websocket::close_reason expect_close() {
        beast::flat_buffer buffer;
        beast::error_code error;
        ws_.read(buffer, error);
        peers::check(error == websocket::error::closed, "the peer was to close");
        return ws_.reason();
    }

    std::string subprotocol;

private:
    asio::io_context context_;
    websocket::stream<tcp::socket, false> ws_{context_};
    std::string pong_;
};

void run(const char* url, bool plain) {
    const peers::address to(url);
    client first(to, "other, echo");
    peers::check(first.subprotocol == "echo", "the subprotocol");
    for (const peers::data& message : peers::messages()) {
        first.send(message);
        first.expect(message);
    }
    first.ping("p");
    first.send_in_fragments();
    first.expect({true, peers::whole_message});
    peers::check(first.pong() == "p", "the Pong");
    first.close(websocket::close_code(4000), "done");

    if (!plain) {
        client second(to);
        second.send({true, "please close"});
        const websocket::close_reason got = second.expect_close();
        peers::check(got.code == 4001 && got.reason == "bye", "how the server closes");
    }
    client(to).close(websocket::close_code::normal, "");
}

} // namespace

int main(int argc, char** argv) { return peers::client_main(argc, argv, run); }
