// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A server on loopback that says what the test tells it to: a WebSocket server, a proxy, or
// neither.

#ifndef FRAMEWIRE_TESTS_ASIO_SUPPORT_TEST_SERVER_HPP
#define FRAMEWIRE_TESTS_ASIO_SUPPORT_TEST_SERVER_HPP

#include <framewire/asio/listener.hpp>
#include <framewire/asio/tcp_or_tls.hpp>

#include "asio/support/sockets.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace framewire::test {

/// One connection, seen from the server.
class test_connection : public std::enable_shared_from_this<test_connection> {
public:
    explicit test_connection(net::tcp_or_tls connected) : transport(std::move(connected)) {}

    net::tcp_or_tls transport;
    std::string got;      ///< What has come, without TLS.
    bool secured = false; ///< The TLS handshake is over.
    bool ended = false;   ///< Nothing more will come.

    /// True when the head of a request, or of anything else, is there.
    [[nodiscard]] bool has_head() const { return got.find("\r\n\r\n") != std::string::npos; }

    void start(const std::shared_ptr<net::io::ssl::context>& tls) {
        if (tls == nullptr) return read();
        transport.start_tls(tls).async_handshake(
            net::io::ssl::stream_base::server,
            [self = shared_from_this()](const net::error_code& error) {
                if (error) return self->close();
                self->secured = true;
                self->read();
            });
    }
    void write(std::string text) {
        auto kept = std::make_shared<std::string>(std::move(text));
        net::io::async_write(
            transport, net::io::buffer(*kept),
            [kept, self = shared_from_this()](const net::error_code&, std::size_t) {});
    }
    void close() {
        net::error_code ignored;
        transport.close(ignored);
        ended = true;
    }
    /// Sends what comes on to another connection, and what comes from there here.
    void join(const std::shared_ptr<test_connection>& other) {
        other_ = other;
        other->other_ = weak_from_this();
        pass_on();
        other->pass_on();
    }

private:
    void read() {
        transport.async_read_some(
            net::io::buffer(room_),
            [self = shared_from_this()](const net::error_code& error, std::size_t size) {
                self->got.append(self->room_.data(), size);
                self->pass_on();
                if (!error) return self->read();
                self->ended = true;
                if (const auto other = self->other_.lock()) other->close();
            });
    }
    void pass_on() {
        if (const auto other = other_.lock(); other && !got.empty()) {
            other->write(std::exchange(got, {}));
        }
    }

    std::array<char, 4096> room_{};
    std::weak_ptr<test_connection> other_;
};

class test_server {
public:
    explicit test_server(net::io::io_context& context,
                         std::shared_ptr<net::io::ssl::context> tls = nullptr)
        : context_(context), listener_(context), tls_(std::move(tls)) {
        if (listener_.listen("127.0.0.1", 0)) throw std::runtime_error(listener_.error_text());
        accept();
    }
    test_server(const test_server&) = delete;
    test_server& operator=(const test_server&) = delete;
    ~test_server() {
        for (const auto& end : ends)
            end->close();
    }

    std::vector<std::shared_ptr<test_connection>> ends; ///< All connections that ever were.

    [[nodiscard]] net::io::ip::tcp::endpoint endpoint() const { return listener_.local_endpoint(); }
    [[nodiscard]] std::uint16_t port() const { return endpoint().port(); }
    /// "localhost:1234", with what `host` says for localhost.
    [[nodiscard]] std::string authority(std::string_view host = "localhost") const {
        return std::string(host) + ':' + std::to_string(port());
    }

    /// Waits for the next connection; null when there is none.
    [[nodiscard]] std::shared_ptr<test_connection> next() {
        const std::size_t wanted = ++taken_;
        return run_until(context_, [&] { return ends.size() >= wanted; }) ? ends[wanted - 1]
                                                                          : nullptr;
    }
    /// The same, and for a head on it.
    [[nodiscard]] std::shared_ptr<test_connection> next_with_head() {
        const auto end = next();
        if (end) (void)run_until(context_, [&] { return end->has_head() || end->ended; });
        return end;
    }

private:
    void accept() {
        listener_.accept([this](const net::error_code& error, any_socket socket) {
            if (error) return;
            ends.push_back(std::make_shared<test_connection>(net::tcp_or_tls(std::move(socket))));
            ends.back()->start(tls_);
            accept();
        });
    }

    net::io::io_context& context_;
    net::listener listener_;
    std::shared_ptr<net::io::ssl::context> tls_;
    std::size_t taken_ = 0;
};

/// A port on which no connection comes about, and none is refused.
class unreachable_port {
public:
    explicit unreachable_port(net::io::io_context& context) : acceptor_(context), only_(context) {
        acceptor_.open(net::io::ip::tcp::v4());
        acceptor_.bind({net::io::ip::address_v4::loopback(), 0});
        // Linux takes one connection more than the backlog, and drops what comes then.
        acceptor_.listen(0);
        only_.connect(acceptor_.local_endpoint());
    }
    [[nodiscard]] net::io::ip::tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }

private:
    net::io::ip::tcp::acceptor acceptor_;
    net::io::ip::tcp::socket only_;
};

/// A port on which nobody listens.
inline net::io::ip::tcp::endpoint closed_port(net::io::io_context& context) {
    net::io::ip::tcp::acceptor acceptor(context, {net::io::ip::address_v4::loopback(), 0});
    return acceptor.local_endpoint();
}

} // namespace framewire::test

#endif
