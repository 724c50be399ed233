// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The echo server on Framewire's Asio adapter, with callbacks.

#ifndef FRAMEWIRE_BENCHMARKS_FRAMEWIRE_SERVER_HPP
#define FRAMEWIRE_BENCHMARKS_FRAMEWIRE_SERVER_HPP

#include <framewire/asio/server_stream.hpp>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include <cstdio>
#include <memory>
#include <utility>

namespace benchmarks {

namespace net = framewire::net;
using asio::ip::tcp;

/// \tparam Extension what messages go through; see `message_extension`.
template <typename Extension> class session
    : public std::enable_shared_from_this<session<Extension>> {
public:
    session(tcp::socket socket, const typename Extension::settings& wanted)
        : stream_(std::move(socket), {.origins = net::origin_policy::any()}, wanted) {
        stream_.next_layer().set_option(tcp::no_delay(true));
    }

    void start() {
        stream_.read_request([self = this->shared_from_this()](net::error_code error,
                                                               const framewire::upgrade_request&) {
            if (!error) self->accept();
        });
    }

private:
    void accept() {
        stream_.accept({}, [self = this->shared_from_this()](net::error_code error) {
            if (!error) self->read();
        });
    }

    void read() {
        stream_.read(
            [self = this->shared_from_this()](net::error_code error, const net::message& message) {
                if (!error) self->echo(message);
            });
    }

    void echo(const net::message& message) {
        const net::send_result sent = stream_.send(message);
        if (!sent) return;
        if (sent.status == net::send_status::queued) return read();
        // The client does not read what it is sent: nothing is taken from it until it does.
        stream_.drain([self = this->shared_from_this()](net::error_code error) {
            if (!error) self->read();
        });
    }

    net::server_stream<tcp::socket, framewire::options{}, Extension> stream_;
};

template <typename Extension>
void accept(tcp::acceptor& acceptor, const typename Extension::settings& wanted) {
    acceptor.async_accept([&acceptor, wanted](asio::error_code error, tcp::socket socket) {
        if (!error) std::make_shared<session<Extension>>(std::move(socket), wanted)->start();
        accept<Extension>(acceptor, wanted);
    });
}

/// Serves for ever, and says on which port.
template <typename Extension>
void serve(unsigned short port, const typename Extension::settings& wanted = {}) {
    asio::io_context context(1);
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), port});
    std::printf("listening on %d\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    accept<Extension>(acceptor, wanted);
    context.run();
}

} // namespace benchmarks

#endif
