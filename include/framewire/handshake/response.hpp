// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Writes what a server answers to a request for a WebSocket connection: 101, or a refusal
// (RFC 6455 4.2.2).

#ifndef FRAMEWIRE_HANDSHAKE_RESPONSE_HPP
#define FRAMEWIRE_HANDSHAKE_RESPONSE_HPP

#include <framewire/detail/ascii.hpp>
#include <framewire/detail/inlining.hpp>
#include <framewire/error.hpp>
#include <framewire/extension_header.hpp>
#include <framewire/handshake/key.hpp>
#include <framewire/handshake/upgrade_request.hpp>
#include <framewire/http_fields.hpp>
#include <framewire/http_head_writer.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace framewire {

/// What a server says when it opens the connection. Borrowed during the call.
struct server_response {
    std::string_view subprotocol = {};       ///< One of those offered; empty: none.
    std::string_view extensions = {};        ///< The list as it is sent; each offered by name.
    std::span<const http_field> fields = {}; ///< Not those of the handshake itself.
};

/// An answer of HTTP that ends the connection. Borrowed during the call.
struct http_rejection {
    int status = 403;           ///< 200-599.
    std::string_view body = {}; ///< Empty: a line made of the status and the cause.
    std::string_view content_type = "text/plain; charset=utf-8";
    std::span<const http_field> fields = {}; ///< Not Content-Type or what frames the message.
    errc cause = errc::success;              ///< Told in the body that is made.
    std::size_t line = 0;                    ///< The line of the head to blame; 0: none.
    bool without_content = false;            ///< The request was HEAD: the body is only measured.
};

/// The status to refuse a request with. 500 for causes that are not the client's.
[[nodiscard]] FRAMEWIRE_COLD constexpr int http_status_for(errc error) noexcept {
    switch (error) {
    case errc::method_not_get: return 405;
    case errc::version_not_supported: return 426;
    case errc::head_too_large:
    case errc::too_many_fields: return 431;
    case errc::http_version_not_supported: return 505;
    case errc::open_timeout: return 408;
    case errc::origin_not_allowed: return 403;
    default: break;
    }
    return error >= errc::bad_line_ending && error <= errc::bad_extension_list ? 400 : 500;
}

namespace detail {

struct status_reason {
    std::int16_t status;
    const char* reason;
};

inline constexpr status_reason status_reasons[] = {
    {101, "Switching Protocols"},
    {200, "OK"},
    {204, "No Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {421, "Misdirected Request"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

} // namespace detail

/// The usual reason phrase of a status (RFC 9110 15, RFC 6585); empty for one that is not known.
[[nodiscard]] FRAMEWIRE_COLD constexpr std::string_view reason_phrase(int status) noexcept {
    for (const detail::status_reason& known : detail::status_reasons) {
        if (known.status == status) return known.reason;
    }
    return {};
}

/// Writes the 101 response that opens the connection (RFC 6455 4.2.2, item 5). Refuses what the
/// client did not offer (`subprotocol_not_offered`, `extension_not_offered`) or what cannot be sent
/// (`invalid_extension`, `invalid_field`, `reserved_field`); `buffer_too_small` says how many
/// bytes it takes.
[[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr written
write_accept(std::span<char> out, const upgrade_request& request,
             const server_response& response = {}) noexcept {
    http_head_writer writer(out);
    const auto accept = accept_key(request.key);
    writer.append("HTTP/1.1 101 Switching Protocols\r\n"
                  "Upgrade: websocket\r\n"
                  "Connection: Upgrade\r\n"
                  "Sec-WebSocket-Accept: ");
    writer.append(std::string_view(accept.data(), accept.size()));
    if (!response.subprotocol.empty()) {
        if (!request.subprotocols().contains(response.subprotocol)) {
            writer.fail(errc::subprotocol_not_offered);
        }
        writer.append("\r\nSec-WebSocket-Protocol: ");
        writer.append(response.subprotocol);
    }
    if (!response.extensions.empty()) {
        const extension_list chosen(response.extensions);
        if (!chosen.valid() || chosen.empty()) writer.fail(errc::invalid_extension);
        if (!chosen.is_within(request.extensions())) writer.fail(errc::extension_not_offered);
        writer.append("\r\nSec-WebSocket-Extensions: ");
        writer.append(response.extensions);
    }
    writer.append("\r\n");
    writer.fields(response.fields);
    writer.append("\r\n");
    return writer.result();
}

namespace detail {

FRAMEWIRE_COLD constexpr void append_body(http_head_writer& writer,
                                          const http_rejection& rejection) noexcept {
    if (!rejection.body.empty()) return writer.append(rejection.body);
    const std::string_view reason = reason_phrase(rejection.status);
    writer.append(static_cast<std::size_t>(rejection.status), reason.empty() ? "" : " ", reason);
    if (rejection.cause != errc::success) writer.append(": ", message(rejection.cause));
    if (rejection.line != 0) writer.append(" (line ", rejection.line, ")");
    writer.append("\n");
}

} // namespace detail

/// Writes an answer of HTTP that refuses the request. It always says that the connection ends:
/// whatever else arrives has to be discarded, or a proxy in between could be led to take bytes of
/// the client for an answer. A 426 says which version is spoken, a 405 that GET would be right.
/// Errors: `invalid_status`, `invalid_field`, `reserved_field`, `buffer_too_small`.
[[nodiscard]] FRAMEWIRE_COLD constexpr written
write_reject(std::span<char> out, const http_rejection& rejection) noexcept {
    http_head_writer writer(out);
    if (rejection.status < 200 || rejection.status > 599) writer.fail(errc::invalid_status);
    writer.append("HTTP/1.1 ", static_cast<std::size_t>(rejection.status), " ",
                  reason_phrase(rejection.status));
    if (rejection.status == 426) {
        // RFC 9110 15.5.22 and 7.8: Upgrade, which Connection has to name; RFC 6455 4.4.
        writer.append("\r\nConnection: close, Upgrade\r\n"
                      "Upgrade: websocket\r\n"
                      "Sec-WebSocket-Version: 13\r\n");
    } else {
        writer.append("\r\nConnection: close\r\n");
    }
    if (rejection.status == 405) writer.append("Allow: GET\r\n"); // RFC 9110 15.5.6
    // RFC 9110 8.6, 15.4.5: these two have no content, and 204 no Content-Length.
    const bool contentless = rejection.status == 204 || rejection.status == 304;
    if (!contentless) {
        http_head_writer counter({});
        detail::append_body(counter, rejection);
        writer.field({"Content-Type", rejection.content_type});
        writer.line("Content-Length: ", counter.size());
    }
    for (const http_field& field : rejection.fields) {
        // RFC 9110 8.3: one Content-Type, which is `content_type`.
        if (detail::iequals(field.name, "Content-Type")) writer.fail(errc::reserved_field);
    }
    writer.fields(rejection.fields);
    writer.line();
    if (!contentless && !rejection.without_content) detail::append_body(writer, rejection);
    return writer.result();
}

} // namespace framewire

#endif
