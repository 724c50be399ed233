// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The client's side of a connection, over a transport that is connected already.

#ifndef FRAMEWIRE_ASIO_CLIENT_STREAM_HPP
#define FRAMEWIRE_ASIO_CLIENT_STREAM_HPP

#include <framewire/asio/config.hpp>
#include <framewire/asio/detail/client_engine.hpp>
#include <framewire/asio/message.hpp>
#include <framewire/asio/options.hpp>
#include <framewire/asio/stream.hpp>
#include <framewire/handshake/client.hpp>

#include <chrono>
#include <memory>
#include <utility>

namespace framewire::net {

/// A connection that this side opens: `handshake`, then see `stream`. What resolves names, connects
/// and speaks TLS is `client`.
template <async_stream AsyncStream, options Options = options{},
          message_extension Extension = no_extension, typename Clock = std::chrono::steady_clock>
class client_stream : public stream<AsyncStream, role::client, Options, Extension, Clock> {
    using base = stream<AsyncStream, role::client, Options, Extension, Clock>;
    using engine_type = detail::client_engine<AsyncStream, Options, Extension, Clock>;

public:
    using typename base::executor_type;

    /// \param transport connected; with TLS, past the TLS handshake, unless it is used through
    /// `next_layer` to get there before `handshake`.
    /// \param extension what this side wants of the extension. It is offered, unless the request
    /// says what `extensions` are to be.
    explicit client_stream(AsyncStream transport, const stream_options& options = {},
                           const typename Extension::settings& extension = {})
        : base(std::make_shared<engine_type>(std::move(transport), options, extension)) {}

    /// Sends the request and waits for the answer, `void(error_code)`. The request is borrowed
    /// until this returns. Errors: what `client_handshake` finds wrong with the request (nothing is
    /// sent then, and another one may be tried) or with the response; `upgrade_refused`, of which
    /// `response()` tells more; `open_timeout`; those of the transport. Cancelling it drops the
    /// transport.
    template <typename Token = io::default_completion_token_t<executor_type>>
    auto handshake(const client_request& request,
                   Token&& token = io::default_completion_token_t<executor_type>()) {
        return io::async_initiate<Token, void(error_code)>(
            [](auto&& handler, const std::shared_ptr<typename base::engine_type>& engine,
               typename engine_type::prepared begun) {
                static_cast<engine_type&>(*engine).start_handshake(
                    std::forward<decltype(handler)>(handler), std::move(begun));
            },
            token, this->engine_, engine().prepare(request));
    }

    /// What the server answered. Filled in once the handshake is over; status 0: nothing.
    [[nodiscard]] const http_response& response() const noexcept {
        return static_cast<const engine_type&>(*this->engine_).response();
    }

private:
    [[nodiscard]] engine_type& engine() noexcept {
        return static_cast<engine_type&>(*this->engine_);
    }
};

} // namespace framewire::net

#endif
