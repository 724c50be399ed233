// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The header of a frame as a value, its rules, and its wire form.

#ifndef FRAMEWIRE_FRAME_HEADER_HPP
#define FRAMEWIRE_FRAME_HEADER_HPP

#include <framewire/detail/bytes.hpp>
#include <framewire/error.hpp>
#include <framewire/masking.hpp>
#include <framewire/rfc6455.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace framewire {

/// The reserved bits of a frame as they stand in `frame_header::rsv` (RFC 6455 5.2).
inline constexpr std::uint8_t rsv1 = 4;
inline constexpr std::uint8_t rsv2 = 2;
inline constexpr std::uint8_t rsv3 = 1;

/// Everything that a frame says before its payload (RFC 6455 5.2).
struct frame_header {
    opcode op = opcode::text;
    bool fin = true;
    std::uint8_t rsv = 0; ///< Any of rsv1, rsv2, rsv3.
    bool masked = false;
    masking_key key{};              ///< Only meaningful when masked.
    std::uint64_t payload_size = 0; ///< In octets, below 2^63.

    friend constexpr bool operator==(const frame_header&, const frame_header&) = default;
};

/// The longest header on the wire, in octets.
inline constexpr std::size_t max_header_size = 14;

/// What `parse_frame_header` found.
struct parsed_frame_header {
    frame_header header;  ///< Set when `size` is not 0.
    std::size_t size = 0; ///< Octets the header takes, or 0: more are needed or `error` is set.
    errc error = errc::success;
};

/// Octets that a header takes on the wire whose second octet is `second`.
[[nodiscard]] constexpr std::size_t header_size_for(std::byte second) noexcept {
    const auto length = std::to_integer<std::uint8_t>(second & std::byte{0x7F});
    const std::size_t extended = length == 126 ? 2 : length == 127 ? 8 : 0;
    return 2 + extended + ((second & std::byte{0x80}) != std::byte{0} ? 4 : 0);
}

/// Octets that the header of a frame takes on the wire.
[[nodiscard]] constexpr std::size_t header_size(const frame_header& header) noexcept {
    const std::size_t extended = header.payload_size < 126       ? 0
                                 : header.payload_size <= 0xFFFF ? 2
                                                                 : 8;
    return 2 + extended + (header.masked ? 4 : 0);
}

/// Reads the header at the beginning of `in` and refuses lengths that are not in the shortest form
/// or have their most significant bit set. Reads nothing behind the header.
[[nodiscard]] constexpr parsed_frame_header
parse_frame_header(std::span<const std::byte> in) noexcept {
    if (in.size() < 2) return {};
    const std::size_t size = header_size_for(in[1]);
    if (in.size() < size) return {};
    const auto first = std::to_integer<std::uint8_t>(in[0]);
    const auto second = std::to_integer<std::uint8_t>(in[1]);
    std::uint64_t payload_size = second & 0x7F;
    errc error = errc::success;
    // RFC 6455 5.2: the minimal number of bytes MUST be used to encode the length.
    if (payload_size == 126) {
        payload_size = detail::load_big_endian<std::uint16_t>(in.data() + 2);
        if (payload_size < 126) error = errc::length_not_minimal;
    } else if (payload_size == 127) {
        payload_size = detail::load_big_endian<std::uint64_t>(in.data() + 2);
        if (payload_size <= 0xFFFF) error = errc::length_not_minimal;
        // RFC 6455 5.2: the most significant bit MUST be 0.
        if (payload_size >> 63 != 0) error = errc::length_too_large;
    }
    if (error != errc::success) return {{}, 0, error};
    const bool masked = (second & 0x80) != 0;
    masking_key key;
    if (masked) detail::copy_bytes(key.octets.data(), in.data() + size - 4, 4);
    return {{.op = static_cast<opcode>(first & 0xF),
             .fin = (first & 0x80) != 0,
             .rsv = static_cast<std::uint8_t>((first >> 4) & 0x7),
             .masked = masked,
             .key = key,
             .payload_size = payload_size},
            size,
            errc::success};
}

/// Checks what RFC 6455 says of a single frame, whatever came before it. Only the first two octets
/// of the header matter, so that a violation is seen before the length has arrived.
/// \param sender who sent the frame: clients mask, servers do not (5.1).
/// \param allowed_rsv reserved bits that a negotiated extension gives a meaning on the first frame
///        of a message. They are never allowed on control and continuation frames.
[[nodiscard]] constexpr errc check_frame_start(std::byte first_octet, std::byte second_octet,
                                               role sender, std::uint8_t allowed_rsv = 0) noexcept {
    const auto first = std::to_integer<std::uint8_t>(first_octet);
    const auto length = std::to_integer<std::uint8_t>(second_octet & std::byte{0x7F});
    const bool masked = (second_octet & std::byte{0x80}) != std::byte{0};
    const auto op = static_cast<opcode>(first & 0xF);
    const bool begins_message = op == opcode::text || op == opcode::binary;
    const int allowed = begins_message ? allowed_rsv : 0;
    // RFC 6455 5.2: a nonzero value that no extension defines MUST fail the connection.
    if (((first >> 4) & 0x7 & ~allowed) != 0) return errc::reserved_bits_set;
    if (is_reserved(op)) return errc::reserved_opcode;
    if (is_control(op)) {
        // RFC 6455 5.5: control frames have at most 125 octets and are never fragmented.
        if ((first & 0x80) == 0) return errc::control_frame_fragmented;
        if (length > max_control_payload) return errc::control_frame_too_long;
    }
    // RFC 6455 5.1: a client masks every frame, a server masks none.
    if (sender == role::client && !masked) return errc::frame_not_masked;
    if (sender == role::server && masked) return errc::frame_masked;
    return errc::success;
}

} // namespace framewire

#endif
