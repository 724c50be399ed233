// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The server's side of the opening handshake: checks the request (RFC 6455 4.2.1) and writes the
// answer to it (4.2.2).

#ifndef FRAMEWIRE_HANDSHAKE_SERVER_HPP
#define FRAMEWIRE_HANDSHAKE_SERVER_HPP

#include <framewire/error.hpp>
#include <framewire/extension_header.hpp>
#include <framewire/handshake/key.hpp>
#include <framewire/handshake/uri.hpp>
#include <framewire/http_fields.hpp>
#include <framewire/http_head.hpp>
#include <framewire/http_head_writer.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace framewire {

/// A request for a WebSocket connection that passed every check. The views point into what it was
/// made from.
struct upgrade_request {
    std::string_view target; ///< Path and query, e.g. "/chat?room=1".
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
    std::span<const http_field> fields = {}; ///< Not those that frame the message.
    errc cause = errc::success;              ///< Told in the body that is made.
    std::size_t line = 0;                    ///< The line of the head to blame; 0: none.
    bool without_content = false;            ///< The request was HEAD: the body is only measured.
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

/// The status to refuse a request with. 500 for causes that are not the client's.
[[nodiscard]] constexpr int http_status_for(errc error) noexcept {
    switch (error) {
    case errc::method_not_get: return 405;
    case errc::version_not_supported: return 426;
    case errc::head_too_large:
    case errc::too_many_fields: return 431;
    case errc::http_version_not_supported: return 505;
    case errc::open_timeout: return 408;
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
/// (`invalid_extension`, `invalid_field`, `reserved_field`); `buffer_too_small` comes with the size
/// that is needed.
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
[[nodiscard]] constexpr written write_rejection(std::span<char> out,
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
    writer.fields(rejection.fields);
    writer.line();
    if (!contentless && !rejection.without_content) put_body(writer);
    return writer.result();
}

/// The opening handshake of one connection, as the server sees it:
/// 1. call `feed` with what arrives until it is no longer `need_data`;
/// 2. complete: look at `request()`, then write what `write_accept` or `write_reject` made;
///    failed: write what `write_reject(out, rejection())` made, and discard what else arrives;
/// 3. after an accept, the rest of the input is frames.
class server_handshake {
public:
    /// The request is kept in `head_storage`, whose size is the limit of its size, and which is
    /// borrowed until the request was answered.
    constexpr explicit server_handshake(std::span<char> head_storage,
                                        std::size_t max_fields = default_max_fields) noexcept
        : reader_(head_storage, max_fields) {}

    /// Takes the request off the front of `in` and leaves what stands behind it. After a failure it
    /// takes nothing more.
    [[nodiscard]] constexpr handshake_status feed(std::span<const std::byte>& in) noexcept {
        if (status() == handshake_status::need_data && reader_.feed(in) == head_status::complete) {
            check_ = check_upgrade_request(reader_.method(), reader_.target(),
                                           reader_.minor_version(), reader_.fields());
        }
        return status();
    }

    [[nodiscard]] constexpr handshake_status status() const noexcept {
        return check_.error != errc::success ? handshake_status::failed : reader_.status();
    }
    [[nodiscard]] constexpr errc error() const noexcept {
        return check_.error != errc::success ? check_.error : reader_.error();
    }
    /// The line of the head that is malformed, counted from 1; 0 when none is.
    [[nodiscard]] constexpr std::size_t error_line() const noexcept { return reader_.error_line(); }

    /// The request of a complete handshake. Its views live as long as the storage.
    [[nodiscard]] constexpr const upgrade_request& request() const noexcept {
        return check_.request;
    }

    /// Writes the 101 response of a complete handshake: see the function of that name. Before
    /// that it is `errc::not_open`, after a failure the failure.
    [[nodiscard]] constexpr written
    write_accept(std::span<char> out, const server_response& response = {}) const noexcept {
        if (error() != errc::success) return {0, error()};
        if (status() != handshake_status::complete) return {0, errc::not_open};
        return framewire::write_accept(out, request(), response);
    }

    /// Writes a refusal at any time: see `write_rejection`.
    [[nodiscard]] constexpr written write_reject(std::span<char> out,
                                                 const http_rejection& rejection) const noexcept {
        return write_rejection(out, rejection);
    }

    /// How to refuse a handshake that failed: the status for the error, and a body that names the
    /// cause and the line. A 403 for one that did not fail.
    [[nodiscard]] constexpr http_rejection rejection() const noexcept {
        http_rejection result;
        // RFC 9112 9.3.2 (HEAD): the answer has no content.
        result.without_content = reader_.method() == "HEAD";
        if (error() == errc::success) return result;
        result.cause = error();
        result.line = error_line();
        // RFC 9110 15.5.15: the target is to blame when not even the first line has room.
        const bool long_target = result.cause == errc::head_too_large && result.line == 1;
        result.status = long_target ? 414 : http_status_for(result.cause);
        return result;
    }

private:
    http_head_reader<head_kind::request> reader_;
    upgrade_check check_;
};

} // namespace framewire

#endif
