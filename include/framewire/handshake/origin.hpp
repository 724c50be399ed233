// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Which web page a request comes from, and whether that page may connect: compares origins as
// RFC 6454 5 does, by scheme, host and port, and by nothing less than all of them.

#ifndef FRAMEWIRE_HANDSHAKE_ORIGIN_HPP
#define FRAMEWIRE_HANDSHAKE_ORIGIN_HPP

#include <framewire/detail/ascii.hpp>
#include <framewire/handshake/uri.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace framewire {

namespace detail {

struct origin_parts {
    bool valid = false;
    std::string_view scheme;
    std::string_view host; // as written
    std::int32_t port = -1;
};

// RFC 6454 4, items 5 and 6: the port, or else the usual one of the scheme. -1 stands for the
// usual port of a scheme that is not known here.
[[nodiscard]] constexpr std::int32_t port_of(std::string_view scheme, std::int32_t port) noexcept {
    if (port >= 0) return port;
    if (iequals(scheme, "http") || iequals(scheme, "ws")) return 80;
    if (iequals(scheme, "https") || iequals(scheme, "wss")) return 443;
    return -1;
}

// RFC 6454 7: scheme "://" host [ ":" port ], and neither user information nor a path.
[[nodiscard]] constexpr origin_parts parse_origin(std::string_view text) noexcept {
    origin_parts origin;
    const std::size_t colon = text.find("://");
    if (colon == std::string_view::npos) return origin;
    origin.scheme = text.substr(0, colon);
    // RFC 3986 3.1
    const auto scheme_char = [](char c) {
        return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
    };
    if (origin.scheme.empty() || !is_alpha(origin.scheme.front()) ||
        !all_of(origin.scheme, scheme_char)) {
        return origin;
    }
    const authority_parts authority = parse_authority(text.substr(colon + 3));
    origin.host = authority.host_as_written;
    origin.port = port_of(origin.scheme, authority.port);
    origin.valid = authority.valid;
    return origin;
}

} // namespace detail

/// True for an origin that has a host, as browsers send it and as a list of allowed ones names it:
/// "https://example.org", "http://[::1]:8080". False for "null", and for anything with a path (a
/// single "/" is one) or user information.
[[nodiscard]] constexpr bool is_origin(std::string_view text) noexcept {
    return detail::parse_origin(text).valid;
}

/// True when both are origins that have a host, and the same scheme, host and port. Scheme and host
/// are compared without regard to case; a port that is the usual one of "http", "https", "ws" or
/// "wss" may be left out. Hosts are compared as they are written: a name outside of ASCII in its
/// IDNA form, an IPv6 address as RFC 5952 has it, which is what browsers send.
[[nodiscard]] constexpr bool same_origin(std::string_view a, std::string_view b) noexcept {
    const detail::origin_parts first = detail::parse_origin(a);
    const detail::origin_parts second = detail::parse_origin(b);
    // RFC 6454 4: "null" stands for an origin that is like no other, itself as sent by another page
    // included.
    return first.valid && second.valid && first.port == second.port &&
           detail::iequals(first.scheme, second.scheme) && detail::iequals(first.host, second.host);
}

/// True when one of the allowed origins is the same as this one. `Range` is anything whose elements
/// convert to std::string_view, a list in braces included. There are no wildcards, and an entry
/// that is no origin allows nothing: see `is_origin`.
template <class Range = std::initializer_list<std::string_view>> [[nodiscard]] constexpr bool
origin_allowed(std::string_view origin, const Range& allowed) noexcept {
    for (const std::string_view entry : allowed) {
        if (same_origin(origin, entry)) return true;
    }
    return false;
}

} // namespace framewire

#endif
