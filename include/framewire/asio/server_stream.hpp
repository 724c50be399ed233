// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The server's side of a connection: reads the request, lets the application decide, answers.

#ifndef FRAMEWIRE_ASIO_SERVER_STREAM_HPP
#define FRAMEWIRE_ASIO_SERVER_STREAM_HPP

#include <framewire/asio/config.hpp>
#include <framewire/asio/detail/server_engine.hpp>
#include <framewire/asio/options.hpp>
#include <framewire/asio/origin_policy.hpp>
#include <framewire/asio/stream.hpp>
#include <framewire/handshake/response.hpp>
#include <framewire/handshake/upgrade_request.hpp>
#include <framewire/http_fields.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace framewire::net {

/// What a server has to decide, and what it puts up with.
struct server_options {
    origin_policy origins; ///< Which web pages may connect. There is no default.
    stream_options stream = {};
};

namespace detail {

/// TLS, such as asio::ssl::stream.
template <typename T>
concept handshaking_stream = requires(T& stream, void (*handler)(const error_code&)) {
    stream.async_handshake(T::server, handler);
};

} // namespace detail

/// A connection that a client has opened:
/// 0. with TLS, `tls_handshake`, unless it has been done;
/// 1. `read_request`, unless another HTTP server has read it: then `adopt` comes first;
/// 2. look at the request for as long as it takes;
/// 3. `accept` or `refuse`. Once accepted, see `stream`.
/// The open timer runs from the first to the last of these.
template <async_stream AsyncStream, options Options = options{},
          message_extension Extension = no_extension, typename Clock = std::chrono::steady_clock>
class server_stream : public stream<AsyncStream, role::server, Options, Extension, Clock> {
    using base = stream<AsyncStream, role::server, Options, Extension, Clock>;
    using engine_type = detail::server_engine<AsyncStream, Options, Extension, Clock>;

public:
    using typename base::executor_type;

    /// \param transport connected.
    /// \param extension what this side wants of the extension. `accept` negotiates it, unless its
    /// response says what `extensions` are to be.
    server_stream(AsyncStream transport, const server_options& options,
                  const typename Extension::settings& extension = {})
        : base(std::make_shared<engine_type>(std::move(transport), options.origins, options.stream,
                                             extension)) {}

    /// Has the transport do the TLS handshake, `void(error_code)`, as its server. The open timer
    /// starts with it: what comes later than that is `errc::open_timeout`. An error, which is that
    /// timer's or the transport's, ends the stream. Once, before `read_request` and before `adopt`;
    /// else `errc::not_open`. One that threw may be started again, if the transport's can: Asio's
    /// may have begun, and wait until the timer runs out.
    template <typename Token = io::default_completion_token_t<executor_type>>
    requires detail::handshaking_stream<AsyncStream>
    auto tls_handshake(Token&& token = io::default_completion_token_t<executor_type>()) {
        return io::async_initiate<Token, void(error_code)>(
            [](auto&& handler, const std::shared_ptr<typename base::engine_type>& engine) {
                static_cast<engine_type&>(*engine).start_tls_handshake(
                    std::forward<decltype(handler)>(handler));
            },
            token, this->engine_);
    }

    /// Takes what was read from the transport already: the head of the request, as it came, and
    /// what stands behind it. The head may end in what is read next. Copied.
    /// Before `read_request`.
    void adopt(std::span<const std::byte> already_read) { engine().adopt(already_read); }

    /// Takes a request that another HTTP server has parsed: its target and its fields, and what was
    /// read behind its head. It is checked as one that was read here. Copied.
    /// Refused: `invalid_field`, `bad_request_target`, and it can then only be dropped.
    /// Before `read_request`.
    errc adopt(std::string_view target, std::span<const http_field> fields,
               std::span<const std::byte> leftover) {
        return engine().adopt(target, fields, leftover);
    }

    /// Waits for the request, `void(error_code, upgrade_request)`. Its views live until it is
    /// answered, or the stream is destroyed. What is no valid request, or comes from an origin that
    /// may not connect (`errc::origin_not_allowed`), has been answered by then.
    template <typename Token = io::default_completion_token_t<executor_type>>
    auto read_request(Token&& token = io::default_completion_token_t<executor_type>()) {
        return io::async_initiate<Token, void(error_code, upgrade_request)>(
            [](auto&& handler, const std::shared_ptr<typename base::engine_type>& engine) {
                static_cast<engine_type&>(*engine).start_read_request(
                    std::forward<decltype(handler)>(handler));
            },
            token, this->engine_);
    }

    /// Opens the connection, `void(error_code)`. Messages may be sent once this has returned, to
    /// which time the response is borrowed. An error that is the application's, such as a
    /// subprotocol that was not offered, leaves the request to be answered: see `write_accept`.
    /// `errc::not_open`: there is no request.
    template <typename Token = io::default_completion_token_t<executor_type>>
    auto accept(const server_response& response = {},
                Token&& token = io::default_completion_token_t<executor_type>()) {
        return io::async_initiate<Token, void(error_code)>(
            [](auto&& handler, const std::shared_ptr<typename base::engine_type>& engine,
               errc result) {
                engine->start_told(std::forward<decltype(handler)>(handler), result);
            },
            token, this->engine_, engine().accept(response));
    }

    /// Answers that there will be no connection, and completes when that is written and the
    /// transport has ended, `void(error_code)`. The rejection is borrowed until this returns.
    /// Errors that are the application's: see `write_reject`.
    template <typename Token = io::default_completion_token_t<executor_type>>
    auto refuse(const http_rejection& rejection,
                Token&& token = io::default_completion_token_t<executor_type>()) {
        return io::async_initiate<Token, void(error_code)>(
            [](auto&& handler, const std::shared_ptr<typename base::engine_type>& engine,
               errc result) {
                static_cast<engine_type&>(*engine).start_refused(
                    std::forward<decltype(handler)>(handler), result);
            },
            token, this->engine_, engine().refuse(rejection));
    }

private:
    [[nodiscard]] engine_type& engine() noexcept {
        return static_cast<engine_type&>(*this->engine_);
    }
};

} // namespace framewire::net

#endif
