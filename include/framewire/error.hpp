// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Errors as values: `errc` names the cause, `condition` its class, and `close_code_for` the status
// code that a Close frame has to carry for it. Both work with std::error_code.

#ifndef FRAMEWIRE_ERROR_HPP
#define FRAMEWIRE_ERROR_HPP

#include <framewire/detail/inlining.hpp>
#include <framewire/rfc6455.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
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

namespace detail {

struct error_text {
    errc error;
    const char* text;
};

// In the order of errc. A table, as the code of a switch costs every program that includes this.
inline constexpr error_text error_texts[] = {
    {errc::success, "no error"},

    {errc::reserved_bits_set, "a frame has reserved bits set that no extension defines"},
    {errc::reserved_opcode, "a frame has a reserved opcode"},
    {errc::control_frame_fragmented, "a control frame is fragmented"},
    {errc::control_frame_too_long, "a control frame is longer than 125 bytes"},
    {errc::length_not_minimal, "a payload length is not written in the shortest form"},
    {errc::length_too_large, "a payload length has its most significant bit set"},
    {errc::frame_not_masked, "a client sent a frame that is not masked"},
    {errc::frame_masked, "a server sent a masked frame"},
    {errc::unexpected_continuation,
     "a continuation frame arrived while no message was being continued"},
    {errc::expected_continuation, "a new message began before the fragmented one had ended"},
    {errc::close_payload_too_short, "a Close frame has a payload of one byte"},
    {errc::close_code_invalid, "a Close frame has a status code that may not be sent"},
    {errc::close_reason_not_utf8, "the reason in a Close frame is not valid UTF-8"},
    {errc::text_not_utf8, "a text message is not valid UTF-8"},
    {errc::message_too_big, "a message is larger than the limit"},
    {errc::too_many_fragments, "a message has more fragments than the limit"},
    {errc::extension_data_invalid, "the extension could not decode a message"},

    {errc::closed, "the connection is closed"},
    {errc::connection_lost, "the connection ended without a Close frame"},
    {errc::open_timeout, "the opening handshake took too long"},
    {errc::close_timeout, "the peer did not finish the closing handshake in time"},
    {errc::idle_timeout, "nothing was received for too long"},
    {errc::pong_timeout, "a ping was not answered in time"},

    {errc::not_open, "the connection is not open for sending"},
    {errc::control_payload_too_long, "a ping or pong may carry at most 125 bytes"},
    {errc::close_code_not_sendable, "this close code may not be sent"},
    {errc::close_reason_too_long, "a close reason may have at most 123 bytes"},
    {errc::wrong_fragment_kind, "a fragment is not of the kind of its message"},
    {errc::message_in_progress, "a fragmented message has to be finished first"},
    {errc::read_in_progress, "another read is waiting already"},
    {errc::output_full, "too many bytes wait to be written"},
    {errc::buffer_too_small, "the buffer given is too small"},
    {errc::out_of_memory, "no memory could be had"},

    {errc::head_too_large, "the HTTP head is larger than the limit"},
    {errc::too_many_fields, "the HTTP head has more fields than the limit"},
    {errc::bad_line_ending, "a line of the HTTP head does not end in CR LF"},
    {errc::bad_character, "the HTTP head has a character that is not allowed there"},
    {errc::bad_request_line, "the HTTP request line is malformed"},
    {errc::bad_status_line, "the HTTP status line is malformed"},
    {errc::bad_field_line, "a field line of the HTTP head is malformed"},
    {errc::obsolete_line_folding, "a field line of the HTTP head is folded"},
    {errc::http_version_not_supported, "the HTTP version is not 1.1"},

    {errc::method_not_get, "the request method is not GET"},
    {errc::bad_request_target, "the request target is malformed"},
    {errc::missing_host, "the request has no Host field"},
    {errc::repeated_host, "the request has more than one Host field"},
    {errc::bad_host, "the Host field is not a host with an optional port"},
    {errc::missing_upgrade, "the request has no Upgrade field that names websocket"},
    {errc::missing_connection_upgrade, "the request has no Connection field that names Upgrade"},
    {errc::missing_key, "the request has no Sec-WebSocket-Key field"},
    {errc::bad_key, "Sec-WebSocket-Key is not one Base64 value of 16 bytes"},
    {errc::missing_version, "the request has no Sec-WebSocket-Version field"},
    {errc::version_not_supported, "Sec-WebSocket-Version is not 13"},
    {errc::request_has_body, "a request for an upgrade may not have a body"},
    {errc::repeated_origin, "the request has more than one Origin field"},
    {errc::bad_subprotocol_list, "Sec-WebSocket-Protocol is malformed"},
    {errc::bad_extension_list, "Sec-WebSocket-Extensions is malformed"},
    {errc::extension_declined, "an extension was offered with parameters that cannot be served"},
    {errc::origin_not_allowed, "web pages of this origin may not connect"},

    {errc::upgrade_refused, "the server answered with a status other than 101"},
    {errc::response_without_upgrade, "the response has no Upgrade field that says websocket"},
    {errc::response_without_connection_upgrade,
     "the response has no Connection field that names Upgrade"},
    {errc::missing_accept, "the response has no Sec-WebSocket-Accept field"},
    {errc::wrong_accept, "Sec-WebSocket-Accept does not match the key that was sent"},
    {errc::subprotocol_not_offered, "the server chose a subprotocol that was not offered"},
    {errc::repeated_subprotocol, "the server chose more than one subprotocol"},
    {errc::extension_not_offered, "the server chose an extension that was not offered"},
    {errc::bad_extension_answer,
     "the server chose an extension with parameters that do not fit the offer"},
    {errc::too_many_informational_responses, "the server sent too many informational responses"},
    {errc::proxy_refused, "the proxy answered CONNECT with a status other than 2xx"},

    {errc::invalid_uri, "the URI is malformed; one for WebSocket begins with ws:// or wss://"},
    {errc::uri_scheme_not_websocket, "the URI's scheme is neither ws nor wss"},
    {errc::uri_has_fragment, "a WebSocket URI may not have a fragment"},
    {errc::uri_has_userinfo, "a WebSocket URI may not have user information"},
    {errc::invalid_host, "the host is missing or malformed, or its port is not 1 to 65535"},
    {errc::invalid_target, "the request target has a character that is not allowed"},
    {errc::invalid_field, "a header field has a name or value that is not allowed"},
    {errc::reserved_field, "a header field belongs to the handshake itself"},
    {errc::invalid_subprotocol, "a subprotocol is not a token, or is named twice"},
    {errc::invalid_extension, "the extension list to be sent is malformed"},
    {errc::invalid_status, "the status of a refusal has to be between 200 and 599"},
};
static_assert([] {
    std::size_t index = 0;
    for (const error_text& each : error_texts) {
        if (static_cast<std::size_t>(each.error) != index++) return false;
    }
    return true;
}());

struct condition_text {
    condition which;
    const char* text;
};

// In the order of condition.
inline constexpr condition_text condition_texts[] = {
    {condition{}, "unknown condition"},
    {condition::protocol_violation, "the peer violated the protocol"},
    {condition::invalid_payload, "a payload is invalid"},
    {condition::limit_exceeded, "a limit was exceeded"},
    {condition::handshake_failed, "the opening handshake failed"},
    {condition::closed, "the connection was closed by the closing handshake"},
    {condition::connection_lost, "the connection was lost"},
    {condition::timeout, "the peer took too long"},
    {condition::misuse, "the call was refused"},
};
static_assert([] {
    std::size_t index = 0;
    for (const condition_text& each : condition_texts) {
        if (static_cast<std::size_t>(each.which) != index++) return false;
    }
    return true;
}());

} // namespace detail

/// A sentence for people: what was wrong, without a final full stop. Static storage.
[[nodiscard]] FRAMEWIRE_COLD constexpr std::string_view message(errc error) noexcept {
    const auto index = static_cast<std::size_t>(error);
    return index < std::size(detail::error_texts) ? detail::error_texts[index].text
                                                  : "unknown error";
}

/// The class of a cause. `success` belongs to none: value 0.
[[nodiscard]] FRAMEWIRE_COLD constexpr condition condition_of(errc error) noexcept {
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
[[nodiscard]] FRAMEWIRE_COLD constexpr close_code close_code_for(errc error) noexcept {
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
    [[nodiscard]] FRAMEWIRE_COLD std::string message(int value) const override {
        return std::string(framewire::message(static_cast<errc>(value)));
    }
    [[nodiscard]] std::error_condition default_error_condition(int value) const noexcept override;
};

class condition_category_impl final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "framewire.condition"; }
    [[nodiscard]] FRAMEWIRE_COLD std::string message(int value) const override {
        const auto index = static_cast<std::size_t>(value);
        return condition_texts[index < std::size(condition_texts) ? index : 0].text;
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
