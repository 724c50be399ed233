// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Checks a request for a WebSocket connection, as a server has to (RFC 6455 4.2.1).

#ifndef FRAMEWIRE_HANDSHAKE_UPGRADE_REQUEST_HPP
#define FRAMEWIRE_HANDSHAKE_UPGRADE_REQUEST_HPP

#include <framewire/detail/ascii.hpp>
#include <framewire/detail/inlining.hpp>
#include <framewire/detail/known_fields.hpp>
#include <framewire/error.hpp>
#include <framewire/extension_header.hpp>
#include <framewire/handshake/key.hpp>
#include <framewire/handshake/uri.hpp>
#include <framewire/http_fields.hpp>

#include <cstddef>
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
[[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr target_parts
parse_target(std::string_view target) noexcept {
    if (!all_are(target_chars, target)) return {};
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
[[nodiscard]] constexpr bool announces_body(const known_fields& fields) noexcept {
    if (fields.count(known_field::transfer_encoding) > 0) return true;
    const std::size_t lengths = fields.count(known_field::content_length);
    return lengths > 1 || (lengths == 1 && fields.value(known_field::content_length) != "0");
}

// RFC 6455 4.2.1, items 2-9: all but the request line. Fills in what the fields say.
[[nodiscard]] constexpr errc check_upgrade_fields(upgrade_request& request) noexcept {
    const known_fields fields(request.fields);
    request.host = fields.value(known_field::host);
    request.origin = fields.value(known_field::origin);
    request.key = fields.value(known_field::key);

    // Item 2, and RFC 9112 3.2: exactly one Host.
    if (request.host.empty()) return errc::missing_host;
    if (fields.count(known_field::host) > 1) return errc::repeated_host;
    if (!parse_authority(request.host).valid) return errc::bad_host;

    // Items 3 and 4: tokens of lists, without regard to case.
    if (!fields.list(known_field::upgrade).contains_token("websocket")) {
        return errc::missing_upgrade;
    }
    if (!fields.list(known_field::connection).contains_token("upgrade")) {
        return errc::missing_connection_upgrade;
    }

    // Item 6; 4.4: 13 is the only version here. "13, 8" is what only a server may say.
    const std::size_t versions = fields.count(known_field::version);
    if (versions == 0) return errc::missing_version;
    if (versions > 1 || fields.value(known_field::version) != "13") {
        return errc::version_not_supported;
    }

    // Item 5; 11.3.1: not more than once.
    const std::size_t keys = fields.count(known_field::key);
    if (keys == 0) return errc::missing_key;
    if (keys > 1 || !is_key(request.key)) return errc::bad_key;

    if (announces_body(fields)) return errc::request_has_body;

    // RFC 6454 7.3: not more than one Origin, or a check of it could look at the wrong one.
    if (fields.count(known_field::origin) > 1) return errc::repeated_origin;

    // Items 8 and 9.
    if (!fields.list(known_field::subprotocols).are_tokens()) return errc::bad_subprotocol_list;
    const extension_list extensions(fields.list(known_field::extensions));
    return extensions.valid() ? errc::success : errc::bad_extension_list;
}

[[nodiscard]] constexpr errc check_upgrade(upgrade_request& request, std::string_view method,
                                           std::string_view target, int minor_version) noexcept {
    // RFC 6455 4.2.1, item 1: GET, and HTTP/1.1 or higher.
    if (method != "GET") return errc::method_not_get;
    if (minor_version < 1) return errc::http_version_not_supported;
    const target_parts parts = parse_target(target);
    if (!parts.valid) return errc::bad_request_target;
    request.target = parts.path_and_query;
    const errc error = check_upgrade_fields(request);
    // RFC 9112 3.2.2: a host in the target has precedence.
    if (!parts.host.empty()) request.host = parts.host;
    return error;
}

// In place: a request is twelve words.
FRAMEWIRE_NEVER_INLINE constexpr void check_in_place(upgrade_check& check, std::string_view method,
                                                     std::string_view target, int minor_version,
                                                     http_fields fields) noexcept {
    check.request.fields = fields;
    check.error = check_upgrade(check.request, method, target, minor_version);
    if (check.error != errc::success) check.request = {};
}

} // namespace detail

/// Checks a request for a WebSocket connection, whoever parsed it; `minor_version` is the y of
/// "HTTP/1.y". The first thing wrong is reported, in the order in which a person would mend it.
/// Nothing is decided about the origin and the target: that is the application's part.
[[nodiscard]] constexpr upgrade_check check_upgrade_request(std::string_view method,
                                                            std::string_view target,
                                                            int minor_version,
                                                            http_fields fields) noexcept {
    upgrade_check check;
    detail::check_in_place(check, method, target, minor_version, fields);
    return check;
}

} // namespace framewire

#endif
