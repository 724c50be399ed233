// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A WebSocket client: a URL in, an open connection out.

#ifndef FRAMEWIRE_ASIO_CLIENT_HPP
#define FRAMEWIRE_ASIO_CLIENT_HPP

#include <framewire/asio/client_options.hpp>
#include <framewire/asio/client_stream.hpp>
#include <framewire/asio/config.hpp>
#include <framewire/asio/detail/connector.hpp>
#include <framewire/asio/tcp_or_tls.hpp>
#include <framewire/detail/ascii.hpp>

#include <chrono>
#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace framewire::net {

/// A client that finds, reaches and checks a server by itself: `connect`, then see `stream`. Until
/// then, and after the end, it is a stream that is not open; it can connect any number of times.
///
/// Example:
/// ```
/// framewire::net::client ws(context);
/// co_await ws.connect("wss://example.org/chat", asio::use_awaitable);
/// co_await ws.send_text("hello", asio::use_awaitable);
/// const auto message = co_await ws.read(asio::use_awaitable);
/// ```
///
/// \tparam Clock what the timers go by.
/// \tparam Resolver what finds addresses: Asio's, or something of its shape (`async_resolve` with
/// host, service and handler; `cancel`).
template <typename Executor = io::any_io_executor, options Options = options{},
          message_extension Extension = no_extension, typename Clock = std::chrono::steady_clock,
          typename Resolver = io::ip::basic_resolver<io::ip::tcp, Executor>>
class basic_client : public client_stream<basic_tcp_or_tls<Executor>, Options, Extension, Clock> {
    using base = client_stream<basic_tcp_or_tls<Executor>, Options, Extension, Clock>;
    using engine_type =
        detail::client_engine<basic_tcp_or_tls<Executor>, Options, Extension, Clock>;
    using connector_type = detail::connector<engine_type, Clock, Resolver>;

public:
    using executor_type = Executor;

    // `options` not with a default argument: in the statement of a co_await, g++ 12 would not
    // construct it where it is destroyed.
    explicit basic_client(const Executor& executor) : basic_client(executor, client_options()) {}
    template <std::same_as<typename Extension::settings> Settings>
    basic_client(const Executor& executor, const Settings& extension)
        : basic_client(executor, client_options(), extension) {}
    /// \param extension what this side wants of the extension, in every `connect`.
    basic_client(const Executor& executor, client_options options,
                 const typename Extension::settings& extension = {})
        : base(basic_tcp_or_tls<Executor>(executor), of_stream(options), extension),
          options_(std::move(options)), extension_(extension) {}
    template <typename ExecutionContext>
    requires std::is_convertible_v<ExecutionContext&, io::execution_context&>
    explicit basic_client(ExecutionContext& context, client_options options = {},
                          const typename Extension::settings& extension = {})
        : basic_client(Executor(context.get_executor()), std::move(options), extension) {}
    basic_client(basic_client&&) noexcept = default;
    basic_client& operator=(basic_client&& other) noexcept {
        if (this != &other) {
            abandon();
            options_ = std::move(other.options_);
            extension_ = other.extension_;
            connector_ = std::move(other.connector_);
            base::operator=(std::move(other));
        }
        return *this;
    }
    ~basic_client() { abandon(); }

    /// What the next `connect` goes by.
    [[nodiscard]] client_options& options() noexcept { return options_; }
    [[nodiscard]] const client_options& options() const noexcept { return options_; }

    /// Connects to a "ws" or "wss" URL, `void(error_code)`: looks up the host, tries all of its
    /// addresses (RFC 8305), asks the proxy if there is one, does the TLS handshake and the opening
    /// handshake. All of that together is bounded by `timeouts::open`. Redirects are not followed.
    ///
    /// A connection that is still there is left as the destructor would leave it: handlers that
    /// wait for it are destroyed and never called, so that a coroutine in one of its reads does not
    /// go on. Its senders are of no use for the new one. A `connect` that is still under way
    /// completes with `operation_aborted`. The client may not be moved between making a deferred
    /// operation of it and starting that.
    ///
    /// Errors, each with an `error_text`: what `parse_uri` and `client_handshake` refuse, before
    /// anything is sent; Asio's for names and sockets; `errc::proxy_refused`; those of OpenSSL,
    /// when the certificate is not to be trusted or TLS fails otherwise; `errc::upgrade_refused`,
    /// of which `response()` has status, headers and body; what else `client_handshake` finds wrong
    /// with the response; `errc::connection_lost`; `errc::open_timeout`.
    ///
    /// Cancelling it, `close` and `abort` give it up: `operation_aborted`. Destroying the client
    /// destroys the handler. A lookup by the system cannot be stopped: though nobody waits for it,
    /// the execution context has work until it is over.
    template <typename Token = io::default_completion_token_t<Executor>>
    auto connect(std::string url, Token&& token = io::default_completion_token_t<Executor>()) {
        return io::async_initiate<Token, void(error_code)>(
            [](auto&& handler, basic_client* self, const std::string& to) {
                self->start_connect(std::forward<decltype(handler)>(handler), to);
            },
            token, this, std::move(url));
    }

    /// Why the last `connect` failed, in one sentence with particulars: host and port, what is
    /// wrong with the certificate, the status of a refusal. Empty when it did not fail. It holds no
    /// credentials, and of the URL only host and port.
    [[nodiscard]] std::string_view error_text() const noexcept {
        return connector_ != nullptr ? std::string_view(connector_->error_text())
                                     : std::string_view();
    }

    /// The subprotocol that the server chose; empty when it chose none. A view of `response()`.
    [[nodiscard]] std::string_view subprotocol() const noexcept {
        for (const auto& [name, value] : this->response().headers) {
            if (framewire::detail::iequals(name, "Sec-WebSocket-Protocol")) return value;
        }
        return {};
    }

    /// The status that the proxy answered to the last `connect`; 0 without an answer.
    [[nodiscard]] int proxy_status() const noexcept {
        return connector_ != nullptr ? connector_->proxy_status() : 0;
    }

private:
    // The open timer is the connector's.
    [[nodiscard]] static stream_options of_stream(const client_options& options) {
        stream_options result = options.stream;
        result.timeouts.open = std::chrono::milliseconds(0);
        return result;
    }

    template <typename Handler> void start_connect(Handler&& handler, const std::string& url) {
        if (connector_ != nullptr) connector_->cancel();
        base::operator=(base(basic_tcp_or_tls<Executor>(this->get_executor()), of_stream(options_),
                             extension_));
        connector_ =
            std::make_shared<connector_type>(std::static_pointer_cast<engine_type>(this->engine_));
        connector_->start(std::forward<Handler>(handler), url, options_);
    }

    void abandon() {
        if (const auto connector = std::exchange(connector_, nullptr)) connector->abandon();
    }

    client_options options_;
    [[no_unique_address]] typename Extension::settings extension_;
    std::shared_ptr<connector_type> connector_; // of the last `connect`
};

/// A client for any executor.
using client = basic_client<>;

/// The same with an extension, such as `permessage_deflate`.
template <message_extension Extension, typename Executor = io::any_io_executor> using client_with =
    basic_client<Executor, options{}, Extension>;

} // namespace framewire::net

#endif
