// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A server made of Boost.Beast: see obedience.hpp. A thread a connection, for short code.

#include "obedience.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <thread>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::ip::tcp;

namespace {

using stream = websocket::stream<tcp::socket, false>;

void serve(stream& ws) {
    // Beast leaves subprotocols to its user, who has to read the request for that.
    beast::flat_buffer buffer;
    beast::http::request<beast::http::empty_body> request;
    beast::http::read(ws.next_layer(), buffer, request);
    const beast::string_view offered = request[beast::http::field::sec_websocket_protocol];
    ws.set_option(websocket::stream_base::decorator([=](websocket::response_type& response) {
        if (peers::offers_echo({offered.data(), offered.size()})) {
            response.set(beast::http::field::sec_websocket_protocol, "echo");
        }
    }));
    ws.accept(request);
    ws.auto_fragment(false);

    for (;;) {
        buffer.clear();
        ws.read(buffer);
        ws.text(ws.got_text());
        const std::string_view bytes(static_cast<const char*>(buffer.cdata().data()),
                                     buffer.size());
        switch (peers::wish_of(ws.got_text(), bytes)) {
        case peers::wish::ping: ws.ping("from the server"); break;
        case peers::wish::close: return ws.close({websocket::close_code(4001), "bye"});
        case peers::wish::vanish: return ws.next_layer().close();
        case peers::wish::echo: ws.write(buffer.cdata()); break;
        }
    }
}

void serve_until_the_end(tcp::socket socket) {
    stream ws(std::move(socket));
    try {
        serve(ws);
    } catch (const beast::system_error& end) {
        if (end.code() != websocket::error::closed) return peers::say_failed(end.what());
    }
    peers::say_closed(ws.reason().code, ws.reason().reason.c_str());
}

} // namespace

int main() {
    asio::io_context context;
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    peers::say_port(acceptor.local_endpoint().port());
    for (;;)
        std::thread(serve_until_the_end, acceptor.accept()).detach();
}
