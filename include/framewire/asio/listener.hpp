// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A listening TCP socket that says what keeps it from listening, and that goes on when descriptors
// or memory run out.

#ifndef FRAMEWIRE_ASIO_LISTENER_HPP
#define FRAMEWIRE_ASIO_LISTENER_HPP

#include <framewire/asio/config.hpp>
#include <framewire/asio/detail/accept_loop.hpp>
#include <framewire/asio/detail/endpoint_text.hpp>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace framewire::net {

/// How to listen.
struct listen_options {
    /// Lets a port be taken again while old connections of it linger. Not on Windows, where it
    /// would let other programs take the port too.
#ifdef _WIN32
    bool reuse_address = false;
#else
    bool reuse_address = true;
#endif
    /// SO_REUSEPORT: several listeners of one user share the port, and the system spreads the
    /// connections over them: one for each thread. `operation_not_supported` where there is none.
    bool reuse_port = false;
    /// An IPv6 listener takes no IPv4 connections. Without it, "::" takes both.
    bool v6_only = false;
    /// How many connections may wait in the system to be accepted.
    int backlog = io::socket_base::max_listen_connections;
    /// How long `accept` waits before it tries again when the system has no descriptor or memory
    /// left. At least 1 ms.
    std::chrono::milliseconds exhaustion_delay{100};
};

namespace detail {

// An address that this machine does not have. Asio has no name for the error.
[[nodiscard]] inline bool is_foreign_address(const error_code& error) noexcept {
#ifdef _WIN32
    constexpr int value = WSAEADDRNOTAVAIL;
#else
    constexpr int value = EADDRNOTAVAIL;
#endif
    return error == error_code(value, io::error::get_system_category());
}

// For what Asio has no name or no small header; this is the shape of its SettableSocketOption.
struct int_option {
    int option_level;
    int option_name;
    int value;
    template <typename Protocol> [[nodiscard]] int level(const Protocol&) const {
        return option_level;
    }
    template <typename Protocol> [[nodiscard]] int name(const Protocol&) const {
        return option_name;
    }
    template <typename Protocol> [[nodiscard]] const int* data(const Protocol&) const {
        return &value;
    }
    template <typename Protocol> [[nodiscard]] std::size_t size(const Protocol&) const {
        return sizeof(value);
    }
};

} // namespace detail

/// A listening TCP socket.
///
/// Its functions are called from one thread at a time, that of its executor, as are its handlers.
/// Destroying it is as good as `close`, and safe at any time.
///
/// Example:
/// ```
/// framewire::net::listener listener(context);
/// if (const auto error = listener.listen("localhost", 3000)) {
///     std::cerr << listener.error_text() << '\n';
///     return 1;
/// }
/// for (;;) {
///     auto socket = co_await listener.accept(asio::use_awaitable);
///     asio::co_spawn(context, serve(std::move(socket)), asio::detached);
/// }
/// ```
template <typename Executor = io::any_io_executor, typename Clock = std::chrono::steady_clock>
class basic_listener {
public:
    using executor_type = Executor;
    using endpoint_type = io::ip::tcp::endpoint;
    using socket_type = io::basic_stream_socket<io::ip::tcp, Executor>;
    using acceptor_type = io::basic_socket_acceptor<io::ip::tcp, Executor>;

    explicit basic_listener(const Executor& executor)
        : loop_(std::make_shared<loop_type>(executor)) {}
    template <typename ExecutionContext>
    requires std::is_convertible_v<ExecutionContext&, io::execution_context&>
    explicit basic_listener(ExecutionContext& context)
        : basic_listener(Executor(context.get_executor())) {}
    basic_listener(basic_listener&&) noexcept = default;
    basic_listener& operator=(basic_listener&& other) noexcept {
        if (this != &other) {
            close();
            loop_ = std::move(other.loop_);
            error_text_ = std::move(other.error_text_);
        }
        return *this;
    }
    ~basic_listener() { close(); }

    [[nodiscard]] executor_type get_executor() const noexcept { return loop_->executor(); }

    /// Opens, binds and listens. What listened before is closed. Port 0 lets the system choose:
    /// `local_endpoint` says which. When it fails, `error_text` tells what to do.
    [[nodiscard]] error_code listen(const endpoint_type& endpoint,
                                    const listen_options& options = {});
    /// The same for an address ("127.0.0.1", "::1"), all addresses of the machine (""), or a name.
    /// "localhost" is 127.0.0.1. Any other name is looked up before the function returns, and the
    /// first of its addresses that this machine has is taken.
    [[nodiscard]] error_code listen(std::string_view host, std::uint16_t port,
                                    const listen_options& options = {});

    /// The next connection: `void(error_code, socket_type)`. Several may wait; they are served in
    /// order. A connection that fails while it is accepted is passed over. When descriptors or
    /// memory run out it waits, and tries again: that neither ends it nor takes time from others.
    /// Errors: `operation_aborted` after `close` or cancellation, and what says that the listening
    /// socket itself is of no use (`bad_descriptor` when it does not listen).
    /// Any type of cancellation works, and loses no connection. When `std::bad_alloc` comes out,
    /// the handler is not called, and `accept` may be called again.
    template <typename Token = io::default_completion_token_t<Executor>>
    auto accept(Token&& token = io::default_completion_token_t<Executor>()) {
        return accept(loop_->executor(), std::forward<Token>(token));
    }
    /// The same with the executor that the new socket is to have, such as a strand of its own:
    /// `accept(asio::make_strand(context), token)`.
    template <typename Token = io::default_completion_token_t<Executor>>
    auto accept(const Executor& where, Token&& token = io::default_completion_token_t<Executor>()) {
        return io::async_initiate<Token, void(error_code, socket_type)>(
            [loop = loop_](auto&& handler, const Executor& executor) {
                loop->start(executor, std::forward<decltype(handler)>(handler));
            },
            token, where);
    }

    /// Stops listening. Waiting accepts complete with `operation_aborted`. Idempotent.
    void close() noexcept {
        if (loop_) loop_->close();
    }
    [[nodiscard]] bool is_open() const noexcept { return loop_->acceptor.is_open(); }

    /// Where it listens; 0.0.0.0:0 when it does not.
    [[nodiscard]] endpoint_type local_endpoint() const noexcept {
        error_code ignored;
        return loop_->acceptor.local_endpoint(ignored);
    }
    /// Why the last `listen` failed, in one sentence that names address and port. Empty when it did
    /// not.
    [[nodiscard]] const std::string& error_text() const noexcept { return error_text_; }

    /// How often `accept` found no descriptor or memory left.
    [[nodiscard]] std::uint64_t exhaustions() const noexcept { return loop_->exhaustions; }
    /// Called each time that happens, with the error: `void(const error_code&)`. It may close
    /// things to make room, the listener too.
    template <typename F> void on_exhausted(F handler) {
        loop_->on_exhausted = detail::exhaustion_handler(std::move(handler));
    }

    /// For socket options that are not named here. Do not accept with it.
    [[nodiscard]] acceptor_type& acceptor() noexcept { return loop_->acceptor; }

private:
    using loop_type = detail::accept_loop<acceptor_type, socket_type, Clock>;

    error_code open(const endpoint_type& endpoint, const listen_options& options);
    void explain(std::string_view where, const error_code& error);

    std::shared_ptr<loop_type> loop_;
    std::string error_text_;
};

/// A listener for any executor.
using listener = basic_listener<>;

template <typename Executor, typename Clock>
error_code basic_listener<Executor, Clock>::listen(const endpoint_type& endpoint,
                                                   const listen_options& options) {
    error_text_.clear();
    const error_code error = open(endpoint, options);
    if (error) explain(detail::endpoint_text(endpoint), error);
    return error;
}

template <typename Executor, typename Clock>
error_code basic_listener<Executor, Clock>::listen(std::string_view host, std::uint16_t port,
                                                   const listen_options& options) {
    if (host.empty()) {
        const error_code error = listen({io::ip::address_v6::any(), port}, options);
        if (error != io::error::address_family_not_supported) return error;
        return listen({io::ip::address_v4::any(), port}, options);
    }
    // RFC 6761 6.3: this name is the loopback address, whatever a name server says.
    if (host == "localhost") return listen({io::ip::address_v4::loopback(), port}, options);
    error_code error;
    const auto address = io::ip::make_address(std::string(host), error);
    if (!error) return listen({address, port}, options);

    error_text_.clear();
    io::ip::basic_resolver<io::ip::tcp, Executor> resolver(loop_->executor());
    const auto found = resolver.resolve(std::string(host), std::to_string(port),
                                        io::ip::resolver_base::passive, error);
    for (const auto& entry : found) {
        error = open(entry.endpoint(), options);
        if (!error) return error;
        if (!detail::is_foreign_address(error)) break;
    }
    if (!error) error = io::error::host_not_found;
    explain(detail::endpoint_text(host, port), error);
    return error;
}

template <typename Executor, typename Clock>
error_code basic_listener<Executor, Clock>::open(const endpoint_type& endpoint,
                                                 const listen_options& options) {
    close();
    loop_->delay = options.exhaustion_delay;
    acceptor_type& acceptor = loop_->acceptor;
    error_code error;
    (void)acceptor.open(endpoint.protocol(), error);
    if (!error && options.reuse_address) {
        (void)acceptor.set_option(io::socket_base::reuse_address(true), error);
    }
    if (!error && options.reuse_port) {
#ifdef SO_REUSEPORT
        (void)acceptor.set_option(detail::int_option{SOL_SOCKET, SO_REUSEPORT, 1}, error);
#else
        error = io::error::operation_not_supported;
#endif
    }
    if (!error && endpoint.address().is_v6()) {
        (void)acceptor.set_option(
            detail::int_option{IPPROTO_IPV6, IPV6_V6ONLY, options.v6_only ? 1 : 0}, error);
    }
    if (!error) (void)acceptor.bind(endpoint, error);
    if (!error) (void)acceptor.listen(options.backlog, error);
    if (error) close();
    return error;
}

template <typename Executor, typename Clock>
void basic_listener<Executor, Clock>::explain(std::string_view where, const error_code& error) {
    error_text_ = "cannot listen on ";
    error_text_ += where;
    error_text_ += ": ";
    if (error == io::error::address_in_use) {
        error_text_ += "the port is in use; end the program that has it, or choose another port";
    } else if (error == io::error::access_denied) {
        error_text_ += "the system does not allow it; ports below 1024 often need more rights";
    } else if (detail::is_foreign_address(error)) {
        error_text_ += "this machine does not have that address";
    } else if (error == io::error::address_family_not_supported) {
        error_text_ += "this machine does not have that kind of address";
    } else if (error == io::error::host_not_found || error == io::error::host_not_found_try_again ||
               error == io::error::no_data) {
        error_text_ += "the host name is not known";
    } else if (error == io::error::no_descriptors) {
        error_text_ += "this program may not open more files; raise its limit (ulimit -n)";
    } else {
        error_text_ += error.message();
    }
}

} // namespace framewire::net

#endif
