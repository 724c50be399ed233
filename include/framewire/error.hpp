// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Errors as values: `errc` names the cause, `condition` its class, and `close_code_for` the status
// code that a Close frame has to carry for it. Both work with std::error_code.

#ifndef FRAMEWIRE_ERROR_HPP
#define FRAMEWIRE_ERROR_HPP

#include <framewire/rfc6455.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace framewire {

/// One value a cause. `message(errc)` gives the sentence for each.
enum class errc : std::uint8_t {
    success = 0,

    // Frames and messages of the peer (RFC 6455 5 and 7)
    reserved_bits_set,
    reserved_opcode,
    control_frame_fragmented,
    control_frame_too_long,
    length_not_minimal,
    length_too_large,
    frame_not_masked,
    frame_masked,
    unexpected_continuation,
    expected_continuation,
    close_payload_too_short,
    close_code_invalid,
    close_reason_not_utf8,
    text_not_utf8,
    message_too_big,
    too_many_fragments,
    extension_data_invalid,

    // How a connection can end when nobody broke the protocol
    closed,
    connection_lost,
    open_timeout,
    close_timeout,
    idle_timeout,
    pong_timeout,

    // Misuse by the application: nothing was sent, the connection stays as it was
    not_open,
    control_payload_too_long,
    close_code_not_sendable,
    close_reason_too_long,
    wrong_fragment_kind,
    message_in_progress,
    read_in_progress,
    output_full,
    buffer_too_small,
    out_of_memory,

    // HTTP/1.1 heads (RFC 9112)
    head_too_large,
    too_many_fields,
    bad_line_ending,
    bad_character,
    bad_request_line,
    bad_status_line,
    bad_field_line,
    obsolete_line_folding,
    http_version_not_supported,

    // The opening handshake, as the server sees it (RFC 6455 4.2.1)
    method_not_get,
    bad_request_target,
    missing_host,
    repeated_host,
    bad_host,
    missing_upgrade,
    missing_connection_upgrade,
    missing_key,
    bad_key,
    missing_version,
    version_not_supported,
    request_has_body,
    repeated_origin,
    bad_subprotocol_list,
    bad_extension_list,
    extension_declined,
    origin_not_allowed,

    // The opening handshake, as the client sees it (RFC 6455 4.1)
    upgrade_refused,
    response_without_upgrade,
    response_without_connection_upgrade,
    missing_accept,
    wrong_accept,
    subprotocol_not_offered,
    repeated_subprotocol,
    extension_not_offered,
    bad_extension_answer,
    too_many_informational_responses,
    proxy_refused,

    // What the application asked the opening handshake to say
    invalid_uri,
    uri_scheme_not_websocket,
    uri_has_fragment,
    uri_has_userinfo,
    invalid_host,
    invalid_target,
    invalid_field,
    reserved_field,
    invalid_subprotocol,
    invalid_extension,
    invalid_status,
};

/// The classes of causes, for a program that only wants to know what kind of thing happened.
enum class condition : std::uint8_t {
    protocol_violation = 1, ///< The peer broke RFC 6455 or its extension.
    invalid_payload,  ///< Text or a close reason is not UTF-8, or a message cannot be decoded.
    limit_exceeded,   ///< A limit set by this side was passed.
    handshake_failed, ///< The connection never opened.
    closed,           ///< The closing handshake was done: the regular end.
    connection_lost,  ///< The transport ended without a closing handshake.
    timeout,          ///< The peer took too long.
    misuse,           ///< The call was refused; nothing was sent.
};

/// A sentence for people: what was wrong, without a final full stop. Static storage.
[[nodiscard]] constexpr std::string_view message(errc error) noexcept {
    switch (error) {
    case errc::success: return "no error";

    case errc::reserved_bits_set: return "a frame has reserved bits set that no extension defines";
    case errc::reserved_opcode: return "a frame has a reserved opcode";
    case errc::control_frame_fragmented: return "a control frame is fragmented";
    case errc::control_frame_too_long: return "a control frame is longer than 125 bytes";
    case errc::length_not_minimal: return "a payload length is not written in the shortest form";
    case errc::length_too_large: return "a payload length has its most significant bit set";
    case errc::frame_not_masked: return "a client sent a frame that is not masked";
    case errc::frame_masked: return "a server sent a masked frame";
    case errc::unexpected_continuation:
        return "a continuation frame arrived while no message was being continued";
    case errc::expected_continuation:
        return "a new message began before the fragmented one had ended";
    case errc::close_payload_too_short: return "a Close frame has a payload of one byte";
    case errc::close_code_invalid: return "a Close frame has a status code that may not be sent";
    case errc::close_reason_not_utf8: return "the reason in a Close frame is not valid UTF-8";
    case errc::text_not_utf8: return "a text message is not valid UTF-8";
    case errc::message_too_big: return "a message is larger than the limit";
    case errc::too_many_fragments: return "a message has more fragments than the limit";
    case errc::extension_data_invalid: return "the extension could not decode a message";

    case errc::closed: return "the connection is closed";
    case errc::connection_lost: return "the connection ended without a Close frame";
    case errc::open_timeout: return "the opening handshake took too long";
    case errc::close_timeout: return "the peer did not finish the closing handshake in time";
    case errc::idle_timeout: return "nothing was received for too long";
    case errc::pong_timeout: return "a ping was not answered in time";

    case errc::not_open: return "the connection is not open for sending";
    case errc::control_payload_too_long: return "a ping or pong may carry at most 125 bytes";
    case errc::close_code_not_sendable: return "this close code may not be sent";
    case errc::close_reason_too_long: return "a close reason may have at most 123 bytes";
    case errc::wrong_fragment_kind: return "a fragment is not of the kind of its message";
    case errc::message_in_progress: return "a fragmented message has to be finished first";
    case errc::read_in_progress: return "another read is waiting already";
    case errc::output_full: return "too many bytes wait to be written";
    case errc::buffer_too_small: return "the buffer given is too small";
    case errc::out_of_memory: return "no memory could be had";

    case errc::head_too_large: return "the HTTP head is larger than the limit";
    case errc::too_many_fields: return "the HTTP head has more fields than the limit";
    case errc::bad_line_ending: return "a line of the HTTP head does not end in CR LF";
    case errc::bad_character: return "the HTTP head has a character that is not allowed there";
    case errc::bad_request_line: return "the HTTP request line is malformed";
    case errc::bad_status_line: return "the HTTP status line is malformed";
    case errc::bad_field_line: return "a field line of the HTTP head is malformed";
    case errc::obsolete_line_folding: return "a field line of the HTTP head is folded";
    case errc::http_version_not_supported: return "the HTTP version is not 1.1";

    case errc::method_not_get: return "the request method is not GET";
    case errc::bad_request_target: return "the request target is malformed";
    case errc::missing_host: return "the request has no Host field";
    case errc::repeated_host: return "the request has more than one Host field";
    case errc::bad_host: return "the Host field is not a host with an optional port";
    case errc::missing_upgrade: return "the request has no Upgrade field that names websocket";
    case errc::missing_connection_upgrade:
        return "the request has no Connection field that names Upgrade";
    case errc::missing_key: return "the request has no Sec-WebSocket-Key field";
    case errc::bad_key: return "Sec-WebSocket-Key is not one Base64 value of 16 bytes";
    case errc::missing_version: return "the request has no Sec-WebSocket-Version field";
    case errc::version_not_supported: return "Sec-WebSocket-Version is not 13";
    case errc::request_has_body: return "a request for an upgrade may not have a body";
    case errc::repeated_origin: return "the request has more than one Origin field";
    case errc::bad_subprotocol_list: return "Sec-WebSocket-Protocol is malformed";
    case errc::bad_extension_list: return "Sec-WebSocket-Extensions is malformed";
    case errc::extension_declined:
        return "an extension was offered with parameters that cannot be served";
    case errc::origin_not_allowed: return "web pages of this origin may not connect";

    case errc::upgrade_refused: return "the server answered with a status other than 101";
    case errc::response_without_upgrade:
        return "the response has no Upgrade field that says websocket";
    case errc::response_without_connection_upgrade:
        return "the response has no Connection field that names Upgrade";
    case errc::missing_accept: return "the response has no Sec-WebSocket-Accept field";
    case errc::wrong_accept: return "Sec-WebSocket-Accept does not match the key that was sent";
    case errc::subprotocol_not_offered:
        return "the server chose a subprotocol that was not offered";
    case errc::repeated_subprotocol: return "the server chose more than one subprotocol";
    case errc::extension_not_offered: return "the server chose an extension that was not offered";
    case errc::bad_extension_answer:
        return "the server chose an extension with parameters that do not fit the offer";
    case errc::too_many_informational_responses:
        return "the server sent too many informational responses";
    case errc::proxy_refused: return "the proxy answered CONNECT with a status other than 2xx";

    case errc::invalid_uri:
        return "the URI is malformed; one for WebSocket begins with ws:// or wss://";
    case errc::uri_scheme_not_websocket: return "the URI's scheme is neither ws nor wss";
    case errc::uri_has_fragment: return "a WebSocket URI may not have a fragment";
    case errc::uri_has_userinfo: return "a WebSocket URI may not have user information";
    case errc::invalid_host:
        return "the host is missing or malformed, or its port is not 1 to 65535";
    case errc::invalid_target: return "the request target has a character that is not allowed";
    case errc::invalid_field: return "a header field has a name or value that is not allowed";
    case errc::reserved_field: return "a header field belongs to the handshake itself";
    case errc::invalid_subprotocol: return "a subprotocol is not a token, or is named twice";
    case errc::invalid_extension: return "the extension list to be sent is malformed";
    case errc::invalid_status: return "the status of a refusal has to be between 200 and 599";
    }
    return "unknown error";
}

/// The class of a cause. `success` belongs to none: value 0.
[[nodiscard]] constexpr condition condition_of(errc error) noexcept {
    switch (error) {
    case errc::success: return condition{};
    case errc::text_not_utf8:
    case errc::close_reason_not_utf8:
    case errc::extension_data_invalid: return condition::invalid_payload;
    case errc::message_too_big:
    case errc::too_many_fragments:
    case errc::head_too_large:
    case errc::too_many_fields:
    case errc::output_full:
    case errc::out_of_memory: return condition::limit_exceeded;
    case errc::closed: return condition::closed;
    case errc::connection_lost: return condition::connection_lost;
    case errc::open_timeout:
    case errc::close_timeout:
    case errc::idle_timeout:
    case errc::pong_timeout: return condition::timeout;
    default: break;
    }
    if (error < errc::closed) return condition::protocol_violation;
    if (error < errc::head_too_large || error >= errc::invalid_uri) return condition::misuse;
    return condition::handshake_failed;
}

/// The status code that tells the peer about a cause (RFC 6455 7.4.1). For causes that are never
/// told in a Close frame (the end of a connection, a timeout, misuse) it is `abnormal_closure`.
[[nodiscard]] constexpr close_code close_code_for(errc error) noexcept {
    switch (error) {
    case errc::success: return close_code::normal;
    case errc::message_too_big: return close_code::message_too_big;
    case errc::too_many_fragments: return close_code::policy_violation;
    case errc::out_of_memory: return close_code::internal_error;
    default: break;
    }
    switch (condition_of(error)) {
    case condition::protocol_violation: return close_code::protocol_error;
    case condition::invalid_payload: return close_code::invalid_payload;
    default: return close_code::abnormal_closure;
    }
}

namespace detail {

class error_category_impl final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "framewire"; }
    [[nodiscard]] std::string message(int value) const override {
        return std::string(framewire::message(static_cast<errc>(value)));
    }
    [[nodiscard]] std::error_condition default_error_condition(int value) const noexcept override;
};

class condition_category_impl final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "framewire.condition"; }
    [[nodiscard]] std::string message(int value) const override {
        switch (static_cast<condition>(value)) {
        case condition::protocol_violation: return "the peer violated the protocol";
        case condition::invalid_payload: return "a payload is invalid";
        case condition::limit_exceeded: return "a limit was exceeded";
        case condition::handshake_failed: return "the opening handshake failed";
        case condition::closed: return "the connection was closed by the closing handshake";
        case condition::connection_lost: return "the connection was lost";
        case condition::timeout: return "the peer took too long";
        case condition::misuse: return "the call was refused";
        }
        return "unknown condition";
    }
};

// Function-local statics rather than inline variables: usable before main() in any order.
[[nodiscard]] inline const std::error_category& condition_category() noexcept {
    static const condition_category_impl instance;
    return instance;
}

inline std::error_condition error_category_impl::default_error_condition(int value) const noexcept {
    return {static_cast<int>(condition_of(static_cast<errc>(value))), condition_category()};
}

} // namespace detail

/// The category of `errc` as std::error_code.
[[nodiscard]] inline const std::error_category& error_category() noexcept {
    static const detail::error_category_impl instance;
    return instance;
}

// Found by argument-dependent lookup when std::error_code is made from an errc.
[[nodiscard]] inline std::error_code make_error_code(errc error) noexcept {
    return {static_cast<int>(error), error_category()};
}

// Found by argument-dependent lookup when std::error_condition is made from a condition.
[[nodiscard]] inline std::error_condition make_error_condition(condition value) noexcept {
    return {static_cast<int>(value), detail::condition_category()};
}

} // namespace framewire

template <> struct std::is_error_code_enum<framewire::errc> : std::true_type {};
template <> struct std::is_error_condition_enum<framewire::condition> : std::true_type {};

#endif
