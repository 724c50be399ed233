// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Sends bytes back as they come, over TCP with Asio and without any protocol: the floor under every
// server on Asio. An idle connection holds no buffer; all of them read into one.

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

namespace {

using asio::ip::tcp;

std::vector<char> shared_buffer(256 * 1024);

class session : public std::enable_shared_from_this<session> {
public:
    explicit session(tcp::socket socket) : socket_(std::move(socket)) {
        socket_.set_option(tcp::no_delay(true));
        socket_.non_blocking(true);
    }

    void wait() {
        socket_.async_wait(tcp::socket::wait_read,
                           [self = shared_from_this()](asio::error_code error) {
                               if (!error) self->echo();
                           });
    }

private:
    void echo() {
        asio::error_code error;
        const std::size_t size = socket_.read_some(asio::buffer(shared_buffer), error);
        if (error && error != asio::error::would_block) return;
        const std::size_t written = socket_.write_some(asio::buffer(shared_buffer, size), error);
        if (error && error != asio::error::would_block) return;
        if (written == size) return wait();

        const auto rest = shared_buffer.begin() + static_cast<std::ptrdiff_t>(written);
        rest_.assign(rest, rest + static_cast<std::ptrdiff_t>(size - written));
        asio::async_write(socket_, asio::buffer(rest_),
                          [self = shared_from_this()](asio::error_code failed, std::size_t) {
                              if (!failed) self->wait();
                          });
    }

    tcp::socket socket_;
    std::vector<char> rest_;
};

void accept(tcp::acceptor& acceptor) {
    acceptor.async_accept([&acceptor](asio::error_code error, tcp::socket socket) {
        if (!error) std::make_shared<session>(std::move(socket))->wait();
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
