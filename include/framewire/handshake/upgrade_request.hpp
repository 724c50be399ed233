// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Checks a request for a WebSocket connection, as a server has to (RFC 6455 4.2.1).

#ifndef FRAMEWIRE_HANDSHAKE_UPGRADE_REQUEST_HPP
#define FRAMEWIRE_HANDSHAKE_UPGRADE_REQUEST_HPP

#include <framewire/error.hpp>
#include <framewire/extension_header.hpp>
#include <framewire/handshake/key.hpp>
#include <framewire/handshake/uri.hpp>
#include <framewire/http_fields.hpp>

#include <cstddef>
#include <optional>
#include <string_view>

namespace framewire {

/// A request for a WebSocket connection that passed every check. The views point into what it was
/// made from.
struct upgrade_request {
    std::string_view target; ///< Path and query, e.g. "/chat?room=1"; "?x" for "ws://host?x".
    std::string_view host;   ///< As in the Host field: "example.org:8080".
    std::string_view origin; ///< Empty when there is no Origin field: most likely not a browser.
    std::string_view key;    ///< Sec-WebSocket-Key.
    http_fields fields;      ///< All of them, in the order they were sent.

    /// The subprotocols that the client speaks: tokens, the one it likes best first.
    [[nodiscard]] constexpr http_list subprotocols() const noexcept {
        return fields.list("Sec-WebSocket-Protocol");
    }
    /// The extensions that the client offers, the one it likes best first.
    [[nodiscard]] constexpr extension_list extensions() const noexcept {
        return extension_list(fields);
    }
};

/// What `check_upgrade_request` found. The request is filled in when there is no error.
struct upgrade_check {
    errc error = errc::success;
    upgrade_request request = {};
};

namespace detail {

/// A request target, taken apart. Without a host when it did not name one.
struct target_parts {
    bool valid = false;
    std::string_view path_and_query;
    std::string_view host;
};

// RFC 9112 3.2.1 and 3.2.2: a path, or an absolute URI, which a server has to understand, too.
[[nodiscard]] constexpr target_parts parse_target(std::string_view target) noexcept {
    const bool clean = all_of(target, [](char c) { return is_vchar(c) && c != '#'; });
    if (!clean) return {};
    if (target.starts_with('/')) return {true, target, {}};
    for (const std::string_view scheme : {"http://", "https://", "ws://", "wss://"}) {
        if (!istarts_with(target, scheme)) continue;
        target.remove_prefix(scheme.size());
        const std::string_view host = target.substr(0, target.find_first_of("/?"));
        target.remove_prefix(host.size());
        return {parse_authority(host).valid, target.empty() ? "/" : target, host};
    }
    return {};
}

// A body would be read as frames. `Content-Length: 0` announces none.
[[nodiscard]] constexpr bool announces_body(http_fields fields) noexcept {
    if (fields.find("Transfer-Encoding")) return true;
    const std::size_t lengths = fields.count("Content-Length");
    return lengths > 1 || (lengths == 1 && *fields.find("Content-Length") != "0");
}

[[nodiscard]] constexpr bool are_tokens(http_list list) noexcept {
    for (const std::string_view element : list) {
        if (!is_token(element)) return false;
    }
    return true;
}

} // namespace detail

/// Checks a request for a WebSocket connection, whoever parsed it; `minor_version` is the y of
/// "HTTP/1.y". The first thing wrong is reported, in the order in which a person would mend it.
/// Nothing is decided about the origin and the target: that is the application's part.
[[nodiscard]] constexpr upgrade_check check_upgrade_request(std::string_view method,
                                                            std::string_view target,
                                                            int minor_version,
                                                            http_fields fields) noexcept {
    // RFC 6455 4.2.1, item 1: GET, and HTTP/1.1 or higher.
    if (method != "GET") return {errc::method_not_get};
    if (minor_version < 1) return {errc::http_version_not_supported};
    const detail::target_parts parts = detail::parse_target(target);
    if (!parts.valid) return {errc::bad_request_target};

    // Item 2, and RFC 9112 3.2: exactly one Host; a host in the target has precedence.
    const std::string_view host = fields.find("Host").value_or(std::string_view{});
    if (host.empty()) return {errc::missing_host};
    if (fields.count("Host") > 1) return {errc::repeated_host};
    if (!detail::parse_authority(host).valid) return {errc::bad_host};

    // Items 3 and 4: tokens of lists, without regard to case.
    if (!fields.list_contains("Upgrade", "websocket")) return {errc::missing_upgrade};
    if (!fields.list_contains("Connection", "upgrade")) return {errc::missing_connection_upgrade};

    // Item 6; 4.4: 13 is the only version here. "13, 8" is what only a server may say.
    const std::optional<std::string_view> version = fields.find("Sec-WebSocket-Version");
    if (!version) return {errc::missing_version};
    if (*version != "13" || fields.count("Sec-WebSocket-Version") > 1) {
        return {errc::version_not_supported};
    }

    // Item 5; 11.3.1: not more than once.
    const std::optional<std::string_view> key = fields.find("Sec-WebSocket-Key");
    if (!key) return {errc::missing_key};
    if (!is_key(*key) || fields.count("Sec-WebSocket-Key") > 1) return {errc::bad_key};

    if (detail::announces_body(fields)) return {errc::request_has_body};

    // RFC 6454 7.3: not more than one Origin, or a check of it could look at the wrong one.
    if (fields.count("Origin") > 1) return {errc::repeated_origin};

    // Items 8 and 9.
    if (!detail::are_tokens(fields.list("Sec-WebSocket-Protocol"))) {
        return {errc::bad_subprotocol_list};
    }
    if (!extension_list(fields).valid()) return {errc::bad_extension_list};

    return {errc::success,
            {parts.path_and_query, parts.host.empty() ? host : parts.host,
             fields.find("Origin").value_or(std::string_view{}), *key, fields}};
}

} // namespace framewire

#endif
