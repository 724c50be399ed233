// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The vocabulary of RFC 6455: roles, opcodes and close codes, with the predicates the RFC defines.

#ifndef FRAMEWIRE_RFC6455_HPP
#define FRAMEWIRE_RFC6455_HPP

#include <cstddef>
#include <cstdint>

namespace framewire {

/// The end of the connection that an object plays (RFC 6455 1.3, 5.1).
enum class role : std::uint8_t { client, server };

/// The role at the other end of the connection.
[[nodiscard]] constexpr role peer_of(role self) noexcept {
    return self == role::client ? role::server : role::client;
}

/// Frame opcodes (RFC 6455 5.2, 11.8). Values that are not listed are reserved.
enum class opcode : std::uint8_t {
    continuation = 0x0,
    text = 0x1,
    binary = 0x2,
    close = 0x8,
    ping = 0x9,
    pong = 0xA,
};

/// True for close, ping and pong, and for the reserved control opcodes 0xB-0xF (RFC 6455 5.5).
[[nodiscard]] constexpr bool is_control(opcode op) noexcept {
    return (static_cast<std::uint8_t>(op) & 0x8) != 0;
}

/// True for opcodes that RFC 6455 5.2 leaves undefined: 0x3-0x7 and 0xB-0xF.
[[nodiscard]] constexpr bool is_reserved(opcode op) noexcept {
    return (static_cast<std::uint8_t>(op) & 0x7) > 2;
}

/// Status codes of a Close frame (RFC 6455 7.4.1, and the IANA registry for 1012-1014). Any value
/// of the underlying type may occur: 3000-3999 are registered, 4000-4999 are private.
enum class close_code : std::uint16_t {
    normal = 1000,
    going_away = 1001,
    protocol_error = 1002,
    unsupported_data = 1003,
    no_status_received = 1005, ///< Never on the wire: the peer's Close frame was empty.
    abnormal_closure = 1006,   ///< Never on the wire: the transport ended without a Close frame.
    invalid_payload = 1007,
    policy_violation = 1008,
    message_too_big = 1009,
    mandatory_extension = 1010, ///< Sent by clients only.
    internal_error = 1011,
    service_restart = 1012,
    try_again_later = 1013,
    bad_gateway = 1014,
    tls_handshake = 1015, ///< Never on the wire: the TLS handshake failed.
};

/// True when a Close frame may carry the code: 1000-1003, 1007-1014, 3000-4999 (RFC 6455 7.4).
[[nodiscard]] constexpr bool is_wire_close_code(close_code code) noexcept {
    const auto value = static_cast<std::uint16_t>(code);
    return (value >= 1000 && value <= 1003) || (value >= 1007 && value <= 1014) ||
           (value >= 3000 && value <= 4999);
}

/// The longest payload of a control frame, in octets (RFC 6455 5.5).
inline constexpr std::size_t max_control_payload = 125;

/// The longest reason of a Close frame, in octets of UTF-8: the code takes two (RFC 6455 5.5.1).
inline constexpr std::size_t max_close_reason = max_control_payload - 2;

} // namespace framewire

#endif
