// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A client and a server made of Boost.Beast: see random_stream.hpp. `threshold` is not for it: when
// the compressor gives nothing yet for a first fragment, Beast 1.81 compares the second one with
// the threshold again, may send it as it is, and has then lost the first one.

#include "random_stream.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/websocket/stream.hpp>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::ip::tcp;

namespace {

class connection {
public:
    connection(const peers::deflate_wishes& wishes, peers::ping_watch& pings) : pings_(pings) {
        websocket::permessage_deflate option;
        option.client_enable = option.server_enable = wishes.enabled;
        option.server_no_context_takeover = wishes.server_no_context_takeover;
        option.client_no_context_takeover = wishes.client_no_context_takeover;
        option.server_max_window_bits = wishes.server_max_window_bits;
        option.client_max_window_bits = wishes.client_max_window_bits;
        option.compLevel = wishes.level;
        option.memLevel = wishes.memory_level;
        ws.set_option(option);
        ws.auto_fragment(false);
        ws.control_callback([this](websocket::frame_type kind, beast::string_view payload) {
            if (kind == websocket::frame_type::pong) {
                pings_.answered({payload.data(), payload.size()});
            }
        });
    }

    // Without it, frames wait for the other side's acknowledgements.
    void send_at_once() { ws.next_layer().set_option(tcp::no_delay(true)); }

    void send(const peers::random_message& message) {
        ws.text(message.text);
        ws.compress(message.compress);
        peers::send_parts(
            message,
            [&](std::string_view part, bool, bool last) {
                ws.write_some(last, asio::buffer(part));
            },
            [&](const peers::control& control) {
                websocket::ping_data payload;
                payload.assign(control.payload.data(), control.payload.size());
                if (!control.ping) return ws.pong(payload);
                pings_.sent(control.payload);
                ws.ping(payload);
            });
    }
    std::string_view read() {
        // With more room than any message needs: Beast 1.81 fails where the room ends within the
        // last octets of a compressed message (its issue 3028).
        std::size_t size = 0;
        do {
            size += ws.read_some(asio::buffer(buffer_.data() + size, buffer_.size() - size));
        } while (!ws.is_message_done());
        return std::string_view(buffer_).substr(0, size);
    }

    asio::io_context context;
    websocket::stream<tcp::socket> ws{context};

private:
    peers::ping_watch& pings_;
    std::string buffer_ = std::string(1 << 20, '\0');
};

bool talk_to(const char* url, peers::random_talk& talk, const peers::deflate_wishes& wishes) {
    connection c(wishes, talk.pings);
    const peers::address to(url);
    tcp::resolver resolver(c.context);
    asio::connect(c.ws.next_layer(), resolver.resolve(to.host, to.port));
    c.send_at_once();
    websocket::response_type response;
    c.ws.handshake(response, to.authority(), to.target);
    while (!talk.next_batch().empty()) {
        for (const peers::random_message& message : talk.batch())
            c.send(message);
        while (talk.waits()) {
            const std::string_view bytes = c.read();
            talk.got(c.ws.got_text(), bytes);
        }
        talk.pings.check_all_answered(); // they were sent before the last message
    }
    c.ws.close({websocket::close_code(4000), "done"});
    peers::check(c.ws.reason().code == 4000, "the code of the answer to Close");
    return response.count(beast::http::field::sec_websocket_extensions) != 0;
}

void serve(peers::random_echo& echo, const peers::deflate_wishes& wishes) {
    connection c(wishes, echo.pings);
    tcp::acceptor acceptor(c.context, {asio::ip::address_v4::loopback(), 0});
    peers::say_port(acceptor.local_endpoint().port());
    acceptor.accept(c.ws.next_layer());
    c.send_at_once();
    c.ws.accept();
    try {
        for (;;) {
            const std::string_view bytes = c.read();
            c.send(echo.of(c.ws.got_text(), bytes));
        }
    } catch (const beast::system_error& end) {
        if (end.code() != websocket::error::closed) throw;
    }
    peers::say_closed(c.ws.reason().code, c.ws.reason().reason.c_str());
}

} // namespace

int main(int argc, char** argv) { return peers::random_main(argc, argv, talk_to, serve); }
