// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What a client asks for when it opens a connection, and whom it trusts.

#ifndef FRAMEWIRE_ASIO_CLIENT_OPTIONS_HPP
#define FRAMEWIRE_ASIO_CLIENT_OPTIONS_HPP

#include <framewire/asio/config.hpp>
#include <framewire/asio/message.hpp>
#include <framewire/asio/options.hpp>
#include <framewire/asio/tls.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace framewire::net {

/// An HTTP proxy that makes tunnels (CONNECT, RFC 9110 9.3.6). It is spoken to without TLS.
struct http_proxy {
    std::string host; ///< A name or an address; an IPv6 address without brackets.
    std::uint16_t port = 0;
    std::string user = {};     ///< With the password sent as Basic authorization, if either is set:
    std::string password = {}; ///< readable by whoever sees the connection to the proxy.
};

/// What a client asks for, and what it puts up with.
struct client_options {
    /// `stream.timeouts.open` bounds everything from `connect` to the server's answer: looking up
    /// the name, connecting, the proxy, TLS and the opening handshake together.
    stream_options stream = {};
    /// Further header fields of the request, such as Authorization or Cookie.
    header_list headers = {};
    /// The Origin field; none when empty (RFC 6455 4.1: browsers have to send it, others may).
    std::string origin = {};
    /// In order of preference.
    std::vector<std::string> subprotocols = {};
    /// Through which to connect, for ws and wss alike.
    std::optional<http_proxy> proxy = {};
    /// For wss; may be shared by any number of clients. Null: one that trusts whom the system
    /// trusts, or whom `ca_file` names. Certificate and host name are verified whatever is set in
    /// it (see `prepare_tls`).
    std::shared_ptr<io::ssl::context> tls = nullptr;
    /// PEM file with the authorities to trust, and no others. Not looked at when `tls` is set.
    std::string ca_file = {};
    /// Talks to anybody who answers: whoever sits in between can read and change everything.
    bool trust_any_certificate_insecurely = false;
};

} // namespace framewire::net

#endif
