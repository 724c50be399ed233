// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Writes what a server answers to a request for a WebSocket connection: 101, or a refusal
// (RFC 6455 4.2.2).

#ifndef FRAMEWIRE_HANDSHAKE_RESPONSE_HPP
#define FRAMEWIRE_HANDSHAKE_RESPONSE_HPP

#include <framewire/error.hpp>
#include <framewire/extension_header.hpp>
#include <framewire/handshake/key.hpp>
#include <framewire/handshake/upgrade_request.hpp>
#include <framewire/http_fields.hpp>
#include <framewire/http_head_writer.hpp>

#include <cstddef>
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
[[nodiscard]] constexpr int http_status_for(errc error) noexcept {
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

/// The usual reason phrase of a status (RFC 9110 15, RFC 6585); empty for one that is not known.
[[nodiscard]] constexpr std::string_view reason_phrase(int status) noexcept {
    switch (status) {
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 204: return "No Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 407: return "Proxy Authentication Required";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 421: return "Misdirected Request";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return {};
    }
}

/// Writes the 101 response that opens the connection (RFC 6455 4.2.2, item 5). Refuses what the
/// client did not offer (`subprotocol_not_offered`, `extension_not_offered`) or what cannot be sent
/// (`invalid_extension`, `invalid_field`, `reserved_field`); `buffer_too_small` says how many
/// bytes it takes.
[[nodiscard]] constexpr written write_accept(std::span<char> out, const upgrade_request& request,
                                             const server_response& response = {}) noexcept {
    http_head_writer writer(out);
    const auto accept = accept_key(request.key);
    writer.line("HTTP/1.1 101 ", reason_phrase(101));
    writer.line("Upgrade: websocket");
    writer.line("Connection: Upgrade");
    writer.line("Sec-WebSocket-Accept: ", std::string_view(accept.data(), accept.size()));
    if (!response.subprotocol.empty()) {
        bool offered = false;
        for (const std::string_view name : request.subprotocols()) {
            offered = offered || name == response.subprotocol;
        }
        if (!offered) writer.fail(errc::subprotocol_not_offered);
        writer.line("Sec-WebSocket-Protocol: ", response.subprotocol);
    }
    if (!response.extensions.empty()) {
        const extension_list chosen(response.extensions);
        if (!chosen.valid() || chosen.empty()) writer.fail(errc::invalid_extension);
        for (const extension_element element : chosen) {
            if (!request.extensions().contains(element.name())) {
                writer.fail(errc::extension_not_offered);
            }
        }
        writer.line("Sec-WebSocket-Extensions: ", response.extensions);
    }
    writer.fields(response.fields);
    writer.line();
    return writer.result();
}

/// Writes an answer of HTTP that refuses the request. It always says that the connection ends:
/// whatever else arrives has to be discarded, or a proxy in between could be led to take bytes of
/// the client for an answer. A 426 says which version is spoken, a 405 that GET would be right.
/// Errors: `invalid_status`, `invalid_field`, `reserved_field`, `buffer_too_small`.
[[nodiscard]] constexpr written write_reject(std::span<char> out,
                                             const http_rejection& rejection) noexcept {
    http_head_writer writer(out);
    if (rejection.status < 200 || rejection.status > 599) writer.fail(errc::invalid_status);
    const auto status = static_cast<std::size_t>(rejection.status);
    const std::string_view reason = reason_phrase(rejection.status);

    const auto put_body = [&](http_head_writer& to) {
        if (!rejection.body.empty()) return to.append(rejection.body);
        to.append(status, reason.empty() ? "" : " ", reason);
        if (rejection.cause != errc::success) to.append(": ", message(rejection.cause));
        if (rejection.line != 0) to.append(" (line ", rejection.line, ")");
        to.append("\n");
    };

    writer.line("HTTP/1.1 ", status, " ", reason);
    if (rejection.status == 426) {
        // RFC 9110 15.5.22 and 7.8: Upgrade, which Connection has to name; RFC 6455 4.4.
        writer.line("Connection: close, Upgrade");
        writer.line("Upgrade: websocket");
        writer.line("Sec-WebSocket-Version: 13");
    } else {
        writer.line("Connection: close");
    }
    if (rejection.status == 405) writer.line("Allow: GET"); // RFC 9110 15.5.6
    // RFC 9110 8.6, 15.4.5: these two have no content, and 204 no Content-Length.
    const bool contentless = rejection.status == 204 || rejection.status == 304;
    if (!contentless) {
        http_head_writer counter({});
        put_body(counter);
        writer.field({"Content-Type", rejection.content_type});
        writer.line("Content-Length: ", counter.size());
    }
    for (const http_field& field : rejection.fields) {
        // RFC 9110 8.3: one Content-Type, which is `content_type`.
        if (detail::iequals(field.name, "Content-Type")) writer.fail(errc::reserved_field);
    }
    writer.fields(rejection.fields);
    writer.line();
    if (!contentless && !rejection.without_content) put_body(writer);
    return writer.result();
}

} // namespace framewire

#endif
