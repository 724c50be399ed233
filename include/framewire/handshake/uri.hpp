// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Takes a WebSocket URI apart: whom to connect to, and what to ask for (RFC 6455 3).

#ifndef FRAMEWIRE_HANDSHAKE_URI_HPP
#define FRAMEWIRE_HANDSHAKE_URI_HPP

#include <framewire/detail/ascii.hpp>
#include <framewire/detail/inlining.hpp>
#include <framewire/error.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace framewire {

/// The parts of a WebSocket URI. The views point into the text that was parsed.
struct uri {
    errc error = errc::success; ///< When set, nothing else is.
    bool secure = false;        ///< "wss": TLS, and port 443 by default.
    std::uint16_t port = 0;     ///< 1-65535.
    std::string_view host;      ///< Whom to look up: an IPv6 address comes without brackets.
    std::string_view authority; ///< What the Host field says: brackets, and a port if unusual.
    std::string_view target;    ///< Path and query, as `client_request::target` takes them.
};

namespace detail {

/// True when every "%" begins a percent-encoded octet and the other characters are of the classes
/// (RFC 3986 2.1).
[[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr bool
is_percent_encoded(std::string_view text, std::uint8_t classes) noexcept {
    for (;;) {
        text.remove_prefix(count_front(classes, text));
        if (text.empty()) return true;
        if (text.size() < 3 || text[0] != '%' || !is_hex_digit(text[1]) || !is_hex_digit(text[2])) {
            return false;
        }
        text.remove_prefix(3);
    }
}

/// Four decimal numbers of 0-255 without leading zeros (RFC 3986 3.2.2).
[[nodiscard]] FRAMEWIRE_COLD constexpr bool is_ipv4(std::string_view text) noexcept {
    int parts = 0;
    for (;;) {
        const std::string_view part = text.substr(0, text.find('.'));
        if (part.empty() || part.size() > 3 || !all_of(part, is_digit)) return false;
        if (part.size() > 1 && part.front() == '0') return false;
        if (part.size() == 3 && part > "255") return false;
        ++parts;
        if (part.size() == text.size()) return parts == 4;
        text.remove_prefix(part.size() + 1);
    }
}

/// An IPv6 address without a zone (RFC 3986 3.2.2).
[[nodiscard]] FRAMEWIRE_COLD constexpr bool is_ipv6(std::string_view text) noexcept {
    int groups = 0;
    bool shortened = text.starts_with("::");
    if (shortened) text.remove_prefix(2);
    while (!text.empty()) {
        const std::string_view group = text.substr(0, text.find(':'));
        if (group.size() == text.size() && group.find('.') != std::string_view::npos) {
            groups += 2;
            if (!is_ipv4(group)) return false;
            break;
        }
        if (group.empty() || group.size() > 4 || !all_of(group, is_hex_digit)) return false;
        ++groups;
        text.remove_prefix(group.size());
        if (text.empty()) break;
        if (text.starts_with("::")) {
            if (shortened) return false;
            shortened = true;
            text.remove_prefix(2);
        } else {
            text.remove_prefix(1);
            if (text.empty()) return false;
        }
    }
    return shortened ? groups < 8 : groups == 8;
}

/// A host with an optional port, taken apart. A port of -1 was not given.
struct authority_parts {
    bool valid = false;
    std::string_view host;
    std::string_view host_as_written;
    std::int32_t port = -1;
};

/// Reads `host [ ":" port ]` with a host that is not empty (RFC 3986 3.2.2, 3.2.3).
[[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr authority_parts
parse_authority(std::string_view text) noexcept {
    authority_parts parts;
    std::size_t end = text.find(':');
    if (text.starts_with('[')) {
        end = text.find(']');
        if (end == std::string_view::npos) return parts;
        parts.host = text.substr(1, end - 1);
        if (!is_ipv6(parts.host)) return parts;
        ++end;
    } else {
        parts.host = text.substr(0, end);
        if (parts.host.empty() || !is_percent_encoded(parts.host, uri_chars)) return parts;
    }
    parts.host_as_written = text.substr(0, end);
    text.remove_prefix(parts.host_as_written.size());
    if (!text.empty()) {
        if (text.front() != ':') return parts;
        text.remove_prefix(1);
        if (!text.empty()) parts.port = 0;
        for (const char c : text) {
            if (!is_digit(c)) return parts;
            parts.port = parts.port * 10 + (c - '0');
            if (parts.port > 65535) return parts;
        }
    }
    parts.valid = true;
    return parts;
}

/// Path and query as RFC 3986 3.3 and 3.4 write them; what a client may ask for.
[[nodiscard]] constexpr bool is_path_and_query(std::string_view text) noexcept {
    return is_percent_encoded(text, path_chars);
}

} // namespace detail

/// Takes a "ws" or "wss" URI apart. Stricter than a browser: what RFC 3986 does not allow has to be
/// percent-encoded, a host name outside of ASCII has to come in its IDNA form, and a fragment is an
/// error. Errors: `invalid_uri`, `uri_scheme_not_websocket`, `uri_has_fragment`,
/// `uri_has_userinfo`, `invalid_host`, `invalid_target`.
[[nodiscard]] constexpr uri parse_uri(std::string_view text) noexcept {
    const auto failed = [](errc error) {
        uri result;
        result.error = error;
        return result;
    };
    const std::size_t colon = text.find(':');
    const std::string_view scheme = text.substr(0, colon);
    if (colon == std::string_view::npos || !text.substr(colon).starts_with("://")) {
        return failed(errc::invalid_uri);
    }
    uri result;
    result.secure = detail::iequals(scheme, "wss");
    if (!result.secure && !detail::iequals(scheme, "ws")) {
        return failed(errc::uri_scheme_not_websocket);
    }
    text.remove_prefix(colon + 3);

    // RFC 6455 3: fragment identifiers must not be used; a "#" in a path is written "%23".
    if (text.find('#') != std::string_view::npos) return failed(errc::uri_has_fragment);

    const std::string_view authority = text.substr(0, text.find_first_of("/?"));
    // RFC 6455 3: the authority is a host and a port, without user information.
    if (authority.find('@') != std::string_view::npos) return failed(errc::uri_has_userinfo);
    const detail::authority_parts parts = detail::parse_authority(authority);
    if (!parts.valid || parts.port == 0) return failed(errc::invalid_host);

    result.target = text.substr(authority.size());
    if (!detail::is_path_and_query(result.target)) return failed(errc::invalid_target);

    // RFC 6455 3: port 80 for "ws", 443 for "wss"; 4.1: Host has no port when it is the default.
    const std::uint16_t default_port = result.secure ? 443 : 80;
    result.port = parts.port < 0 ? default_port : static_cast<std::uint16_t>(parts.port);
    result.host = parts.host;
    result.authority = result.port == default_port ? parts.host_as_written : authority;
    return result;
}

} // namespace framewire

#endif
