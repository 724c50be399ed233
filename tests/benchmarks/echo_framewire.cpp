// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The echo server on Framewire's Asio adapter, with callbacks.

#include <framewire/asio/server_stream.hpp>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

namespace {

namespace net = framewire::net;
using asio::ip::tcp;

class session : public std::enable_shared_from_this<session> {
public:
    explicit session(tcp::socket socket)
        : stream_(std::move(socket), {.origins = net::origin_policy::any()}) {
        stream_.next_layer().set_option(tcp::no_delay(true));
    }

    void start() {
        stream_.read_request(
            [self = shared_from_this()](net::error_code error, const framewire::upgrade_request&) {
                if (!error) self->accept();
            });
    }

private:
    void accept() {
        stream_.accept({}, [self = shared_from_this()](net::error_code error) {
            if (!error) self->read();
        });
    }

    void read() {
        stream_.read(
            [self = shared_from_this()](net::error_code error, const net::message& message) {
                if (!error) self->echo(message);
            });
    }

    void echo(const net::message& message) {
        const net::send_result sent = stream_.send(message);
        if (!sent) return;
        if (sent.status == net::send_status::queued) return read();
        // The client does not read what it is sent: nothing is taken from it until it does.
        stream_.drain([self = shared_from_this()](net::error_code error) {
            if (!error) self->read();
        });
    }

    net::server_stream<tcp::socket> stream_;
};

void accept(tcp::acceptor& acceptor) {
    acceptor.async_accept([&acceptor](asio::error_code error, tcp::socket socket) {
        if (!error) std::make_shared<session>(std::move(socket))->start();
        accept(acceptor);
    });
}

} // namespace

int main(int argc, char** argv) {
    const auto port = static_cast<unsigned short>(argc > 1 ? std::atoi(argv[1]) : 0);
    asio::io_context context(1);
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), port});
    std::printf("listening on %d\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    accept(acceptor);
    context.run();
}
