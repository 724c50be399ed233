// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A client's transport of which only the URL says whether it is TLS.

#ifndef FRAMEWIRE_ASIO_TCP_OR_TLS_HPP
#define FRAMEWIRE_ASIO_TCP_OR_TLS_HPP

#include <framewire/asio/config.hpp>
#include <framewire/asio/detail/transport.hpp>
#include <framewire/asio/tls.hpp>

#include <cstddef>
#include <memory>
#include <utility>

namespace framewire::net {

/// A TCP socket, or TLS over one: an AsyncStream.
template <typename Executor = io::any_io_executor> class basic_tcp_or_tls {
public:
    using executor_type = Executor;
    using socket_type = io::basic_stream_socket<io::ip::tcp, Executor>;
    using tls_type = io::ssl::stream<socket_type>;
    using lowest_layer_type = socket_type;

    // Not inline: g++ 12 would warn of what Asio leaves unset in such a socket.
    [[gnu::noinline]] explicit basic_tcp_or_tls(const Executor& executor) : socket_(executor) {}
    explicit basic_tcp_or_tls(socket_type socket) : socket_(std::move(socket)) {}

    [[nodiscard]] executor_type get_executor() noexcept { return lowest_layer().get_executor(); }

    /// The socket, with or without TLS over it.
    [[nodiscard]] socket_type& lowest_layer() noexcept {
        return tls_ != nullptr ? tls_->next_layer() : socket_;
    }
    [[nodiscard]] const socket_type& lowest_layer() const noexcept {
        return tls_ != nullptr ? tls_->next_layer() : socket_;
    }

    /// Puts TLS over the socket, on which nothing may be under way, and returns it: prepare it
    /// (`prepare_tls`) and do the handshake. It stays where it is when this object is moved.
    tls_type& start_tls(std::shared_ptr<io::ssl::context> context) {
        tls_ = std::make_unique<tls_type>(std::move(socket_), *context);
        context_ = std::move(context);
        return *tls_;
    }
    /// Null when there is no TLS.
    [[nodiscard]] tls_type* tls() noexcept { return tls_.get(); }
    [[nodiscard]] const tls_type* tls() const noexcept { return tls_.get(); }

    template <typename Buffers, typename Token = io::default_completion_token_t<Executor>>
    auto async_read_some(const Buffers& buffers,
                         Token&& token = io::default_completion_token_t<Executor>()) {
        return io::async_initiate<Token, void(error_code, std::size_t)>(
            [](auto&& handler, basic_tcp_or_tls* self, const Buffers& room) {
                self->with_layer([&](auto& layer) {
                    layer.async_read_some(room, std::forward<decltype(handler)>(handler));
                });
            },
            token, this, buffers);
    }
    template <typename Buffers, typename Token = io::default_completion_token_t<Executor>>
    auto async_write_some(const Buffers& buffers,
                          Token&& token = io::default_completion_token_t<Executor>()) {
        return io::async_initiate<Token, void(error_code, std::size_t)>(
            [](auto&& handler, basic_tcp_or_tls* self, const Buffers& data) {
                self->with_layer([&](auto& layer) {
                    layer.async_write_some(data, std::forward<decltype(handler)>(handler));
                });
            },
            token, this, buffers);
    }

    /// Drops the connection.
    void close(error_code& error) { (void)lowest_layer().close(error); }

private:
    template <typename F> void with_layer(F f) {
        if (tls_ != nullptr) {
            f(*tls_);
        } else {
            f(socket_);
        }
    }

    std::shared_ptr<io::ssl::context> context_; // outlives what was made of it
    socket_type socket_;                        // until there is TLS
    std::unique_ptr<tls_type> tls_;
};

using tcp_or_tls = basic_tcp_or_tls<>;

/// Ends as what it is.
template <typename Executor> struct transport_traits<basic_tcp_or_tls<Executor>> {
    using transport_type = basic_tcp_or_tls<Executor>;
    static constexpr bool shutdown_is_the_end = true;

    static void close(transport_type& transport) noexcept {
        error_code ignored;
        transport.close(ignored);
    }

    template <typename Handler>
    static void async_shutdown(transport_type& transport, Handler handler) {
        if (auto* const tls = transport.tls()) {
            return transport_traits<typename transport_type::tls_type>::async_shutdown(
                *tls, std::move(handler));
        }
        detail::shut_down_and_drain(transport.lowest_layer(), std::move(handler));
    }
};

} // namespace framewire::net

#endif
