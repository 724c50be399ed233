// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What can go wrong below the WebSocket protocol, as std::error_code beside framewire::errc.

#ifndef FRAMEWIRE_QT_ERROR_HPP
#define FRAMEWIRE_QT_ERROR_HPP

#include <framewire/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace framewire::qt {

/// Why no connection came about below the WebSocket protocol. Whatever the protocol itself finds
/// wrong is a framewire::errc; the two together are the causes that `close_info::error` can hold.
enum class transport_errc : std::uint8_t {
    connection_refused = 1, ///< Nothing listens at that address and port.
    host_not_found,         ///< The host name has no address.
    tls_failed,             ///< The TLS handshake failed, or the certificate was not accepted.
    proxy_failed,           ///< The proxy could not be used.
    socket_failed,          ///< Any other error of the network or of the system.
    connect_timeout,        ///< Finding and reaching the host took too long.
    tls_timeout,            ///< The TLS handshake took too long.
};

/// A sentence for people, without a final full stop. Static storage.
[[nodiscard]] constexpr std::string_view message(transport_errc error) noexcept {
    switch (error) {
    case transport_errc::connection_refused: return "the connection was refused";
    case transport_errc::host_not_found: return "the host was not found";
    case transport_errc::tls_failed: return "no trusted TLS connection could be made";
    case transport_errc::proxy_failed: return "the proxy could not be used";
    case transport_errc::socket_failed: return "the network failed";
    case transport_errc::connect_timeout: return "connecting took too long";
    case transport_errc::tls_timeout: return "the TLS handshake took too long";
    }
    return "unknown error";
}

namespace detail {

class transport_category_impl final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "framewire.qt"; }
    [[nodiscard]] std::string message(int value) const override {
        return std::string(qt::message(static_cast<transport_errc>(value)));
    }
    [[nodiscard]] std::error_condition default_error_condition(int value) const noexcept override {
        switch (static_cast<transport_errc>(value)) {
        case transport_errc::connect_timeout:
        case transport_errc::tls_timeout: return make_error_condition(condition::timeout);
        default: return make_error_condition(condition::handshake_failed);
        }
    }
};

} // namespace detail

/// The category of `transport_errc` as std::error_code.
[[nodiscard]] inline const std::error_category& transport_category() noexcept {
    static const detail::transport_category_impl instance;
    return instance;
}

// Found by argument-dependent lookup when std::error_code is made from a transport_errc.
[[nodiscard]] inline std::error_code make_error_code(transport_errc error) noexcept {
    return {static_cast<int>(error), transport_category()};
}

} // namespace framewire::qt

template <> struct std::is_error_code_enum<framewire::qt::transport_errc> : std::true_type {};

#endif
