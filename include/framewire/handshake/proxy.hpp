// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The way through an HTTP proxy: writes the CONNECT request and reads the answer
// (RFC 9110 9.3.6), with a name and a password if need be (RFC 7617).

#ifndef FRAMEWIRE_HANDSHAKE_PROXY_HPP
#define FRAMEWIRE_HANDSHAKE_PROXY_HPP

#include <framewire/detail/ascii.hpp>
#include <framewire/detail/base64.hpp>
#include <framewire/detail/final_response.hpp>
#include <framewire/error.hpp>
#include <framewire/handshake/uri.hpp>
#include <framewire/http_fields.hpp>
#include <framewire/http_head.hpp>
#include <framewire/http_head_writer.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace framewire {

/// Where a proxy is to lead to, and who asks. All of it is borrowed until the request is written.
struct proxy_request {
    std::string_view host;          ///< As `uri::host`: an IPv6 address with or without brackets.
    std::uint16_t port = 0;         ///< 1-65535, as `uri::port`.
    std::string_view user = {};     ///< Without a colon. Sent when it or the password is set,
    std::string_view password = {}; ///< and readable by whoever sees the connection.
    std::span<const http_field> fields = {}; ///< Such as User-Agent. Sent last.
};

/// The conversation with an HTTP proxy that makes a connection to it one to the host:
/// 1. write what `write_request` made;
/// 2. call `feed` with what arrives until it is no longer `need_data`;
/// 3. complete: the rest of the input, and all that follows, comes from the host; go on with TLS or
///    with the opening handshake. failed: close the transport.
class proxy_handshake {
public:
    /// `head_storage` bounds the size of the response heads, and is borrowed for as long as views
    /// of the response are used.
    constexpr explicit proxy_handshake(const proxy_request& request, std::span<char> head_storage,
                                       std::size_t max_fields = default_max_fields) noexcept
        : request_(request), response_(head_storage, max_fields) {}

    /// Writes the request. Refuses what could not be meant: `invalid_host` (a port of 0 included),
    /// `invalid_field` (a name with a colon; control characters in name, password or a field),
    /// `reserved_field`; `buffer_too_small` says how many bytes it takes.
    [[nodiscard]] constexpr written write_request(std::span<char> out) const noexcept {
        http_head_writer writer(out);
        const bool bare_ipv6 = detail::is_ipv6(request_.host);
        const std::string_view open = bare_ipv6 ? "[" : "";
        const std::string_view close = bare_ipv6 ? "]:" : ":";
        const std::size_t port = request_.port;
        if (!bare_ipv6) {
            const detail::authority_parts parts = detail::parse_authority(request_.host);
            if (!parts.valid || parts.host_as_written != request_.host) {
                writer.fail(errc::invalid_host);
            }
        }
        // RFC 9110 9.3.6: there is no default port, and a server refuses an invalid one.
        if (port == 0) writer.fail(errc::invalid_host);

        // RFC 9112 3.2.3: the target is host and port, and nothing else.
        writer.line("CONNECT ", open, request_.host, close, port, " HTTP/1.1");
        // RFC 9112 3.2: Host is the same as the authority of the target.
        writer.line("Host: ", open, request_.host, close, port);
        const bool authenticates = !request_.user.empty() || !request_.password.empty();
        if (authenticates) write_credentials(writer);
        for (const http_field& field : request_.fields) {
            // RFC 9110 11.7.2: there is one Proxy-Authorization.
            if (authenticates && detail::iequals(field.name, "Proxy-Authorization")) {
                writer.fail(errc::reserved_field);
            }
        }
        writer.fields(request_.fields);
        writer.line();
        return writer.result();
    }

    /// Takes the response off the front of `in` and leaves what stands behind it: what the host
    /// sent after a success, the body of the answer after `errc::proxy_refused`.
    [[nodiscard]] constexpr handshake_status feed(std::span<std::byte>& in) noexcept {
        std::span<const std::byte> rest = in;
        const handshake_status result = feed(rest);
        in = in.last(rest.size());
        return result;
    }
    /// The same for bytes that may not be changed.
    [[nodiscard]] constexpr handshake_status feed(std::span<const std::byte>& in) noexcept {
        if (status() == handshake_status::need_data) {
            const head_status read = response_.feed(in);
            error_ = read == head_status::complete ? check_response() : response_.error();
        }
        return status();
    }

    [[nodiscard]] constexpr handshake_status status() const noexcept {
        if (error_ != errc::success) return handshake_status::failed;
        return response_.status();
    }
    [[nodiscard]] constexpr errc error() const noexcept { return error_; }
    /// The line of the head that is malformed, counted from 1; 0 when none is.
    [[nodiscard]] constexpr std::size_t error_line() const noexcept {
        return response_.error_line();
    }

    /// True once a response was read that is not informational, whatever it says: the functions
    /// below then tell about it.
    [[nodiscard]] constexpr bool has_response() const noexcept {
        return response_.status() == head_status::complete;
    }
    /// The status that the proxy answered, such as 407 when it wants to know who asks; 0 before
    /// there is a response.
    [[nodiscard]] constexpr int status_code() const noexcept { return response_.status_code(); }
    [[nodiscard]] constexpr std::string_view reason() const noexcept { return response_.reason(); }
    [[nodiscard]] constexpr http_fields fields() const noexcept { return response_.fields(); }

private:
    // RFC 7617 2: the Base64 form of name ":" password, in whatever encoding they come.
    constexpr void write_credentials(http_head_writer& writer) const noexcept {
        const auto usable = [](char c) { return detail::is_field_char(c) && c != '\t'; };
        if (request_.user.find(':') != std::string_view::npos ||
            !detail::all_of(request_.user, usable) || !detail::all_of(request_.password, usable)) {
            writer.fail(errc::invalid_field);
        }
        writer.append("Proxy-Authorization: Basic ");
        std::array<std::uint8_t, 3> group{};
        std::size_t filled = 0;
        const auto put = [&](std::string_view text) {
            for (const char c : text) {
                group[filled++] = static_cast<std::uint8_t>(c);
                if (filled == group.size()) write_group(writer, group.data(), filled);
                filled %= group.size();
            }
        };
        put(request_.user);
        put(":");
        put(request_.password);
        if (filled > 0) write_group(writer, group.data(), filled);
        writer.line();
    }

    static constexpr void write_group(http_head_writer& writer, const std::uint8_t* octets,
                                      std::size_t size) noexcept {
        const auto group = detail::base64_group(octets, size);
        writer.append(std::string_view(group.data(), group.size()));
    }

    // RFC 9110 9.3.6: any 2xx makes a tunnel that begins right behind the head, whatever the head
    // says about a body. Old proxies say HTTP/1.0.
    [[nodiscard]] constexpr errc check_response() const noexcept {
        const int code = response_.status_code();
        return code >= 200 && code <= 299 ? errc::success : errc::proxy_refused;
    }

    proxy_request request_;
    detail::final_response response_;
    errc error_ = errc::success;
};

} // namespace framewire

#endif
