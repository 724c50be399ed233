// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What a stream can be put on, and where transports differ.

#ifndef FRAMEWIRE_ASIO_DETAIL_TRANSPORT_HPP
#define FRAMEWIRE_ASIO_DETAIL_TRANSPORT_HPP

#include <framewire/asio/config.hpp>

#include <concepts>
#include <cstddef>
#include <utility>

namespace framewire::net {

namespace detail {

struct io_handler {
    void operator()(const error_code&, std::size_t = 0) const {}
};

} // namespace detail

/// What a stream can be put on: Asio's AsyncReadStream and AsyncWriteStream.
template <typename T>
concept async_stream = requires(T& t, io::mutable_buffer in, io::const_buffer out,
                                detail::io_handler handler) {
    typename T::executor_type;
    t.get_executor();
    t.async_read_some(in, handler);
    t.async_write_some(out, handler);
};

/// Ends transports. Specialize it for one that has neither `lowest_layer()` nor `close()`, or that
/// has an end of its own to send, as TLS does (RFC 8446 6.1).
template <typename T> struct transport_traits {
    /// Drops the transport; outstanding operations fail.
    static void close(T& transport) noexcept {
        error_code ignored;
        if constexpr (requires { transport.lowest_layer().close(ignored); }) {
            (void)transport.lowest_layer().close(ignored);
        } else if constexpr (requires { transport.close(ignored); }) {
            (void)transport.close(ignored);
        } else {
            transport.close();
        }
    }

    /// True when `async_shutdown` ends both directions, so that nothing has to be read behind it.
    static constexpr bool shutdown_is_the_end = !requires(T & t, error_code e) {
        t.shutdown(io::socket_base::shutdown_send, e);
    };

    /// Says that nothing more will be sent, then calls `handler(error_code)`. Never from within.
    template <typename Handler> static void async_shutdown(T& transport, Handler handler) {
        error_code error;
        if constexpr (!shutdown_is_the_end) {
            (void)transport.shutdown(io::socket_base::shutdown_send, error);
        }
        io::post(transport.get_executor(),
                 [handler = std::move(handler), error]() mutable { handler(error); });
    }
};

namespace detail {

// Can be waited on, so that no buffer is held meanwhile: sockets.
template <typename T>
concept waitable_transport = requires(T& t, io::mutable_buffer in, io::const_buffer out,
                                      io_handler handler, error_code e) {
    t.async_wait(T::wait_read, handler);
    t.async_wait(T::wait_write, handler);
    t.non_blocking(true, e);
    { t.read_some(in, e) } -> std::same_as<std::size_t>;
    { t.write_some(out, e) } -> std::same_as<std::size_t>;
};

// Over TCP, perhaps with something in between, as TLS.
template <typename T>
concept tcp_transport = requires(T& t) {
    t.lowest_layer();
    typename T::lowest_layer_type::protocol_type;
    requires std::same_as<typename T::lowest_layer_type::protocol_type, io::ip::tcp>;
};

// TCP holds back what is short until what it sent before has arrived (RFC 9293 3.7.4). What is
// sent in a turn leaves in one write: there is nothing to be gained by waiting for more.
template <typename T> void send_without_delay(T& transport) {
    if constexpr (tcp_transport<T>) {
        error_code ignored;
        (void)transport.lowest_layer().set_option(io::ip::tcp::no_delay(true), ignored);
    }
}

[[nodiscard]] inline bool would_block(const error_code& error) noexcept {
    return error == io::error::would_block || error == io::error::try_again ||
           error == io::error::interrupted;
}

} // namespace detail
} // namespace framewire::net

#endif
