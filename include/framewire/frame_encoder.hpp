// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Puts frames together: the prefix alone for gather writes, or prefix and payload in one buffer.

#ifndef FRAMEWIRE_FRAME_ENCODER_HPP
#define FRAMEWIRE_FRAME_ENCODER_HPP

#include <framewire/detail/bytes.hpp>
#include <framewire/frame_header.hpp>
#include <framewire/masking.hpp>
#include <framewire/rfc6455.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace framewire {

/// The octets of a frame that stand before its payload.
struct frame_prefix {
    std::array<std::byte, max_header_size> octets{};
    std::uint8_t size = 0;

    [[nodiscard]] constexpr std::span<const std::byte> bytes() const noexcept {
        return {octets.data(), size};
    }
};

/// Writes a header in its wire form, with the length in the shortest form (RFC 6455 5.2). The
/// header is taken as it is: `check_frame_start` tells whether a peer would accept it.
[[nodiscard]] constexpr frame_prefix encode_prefix(const frame_header& header) noexcept {
    frame_prefix prefix;
    std::byte* out = prefix.octets.data();
    out[0] = static_cast<std::byte>((header.fin ? 0x80 : 0) | ((header.rsv & 7) << 4) |
                                    static_cast<int>(header.op));
    std::size_t size = 2;
    int length = 0;
    if (header.payload_size < 126) {
        length = static_cast<int>(header.payload_size);
    } else if (header.payload_size <= 0xFFFF) {
        length = 126;
        detail::store_big_endian(out + 2, static_cast<std::uint16_t>(header.payload_size));
        size += 2;
    } else {
        length = 127;
        detail::store_big_endian(out + 2, header.payload_size);
        size += 8;
    }
    out[1] = static_cast<std::byte>((header.masked ? 0x80 : 0) | length);
    if (header.masked) {
        for (const std::byte octet : header.key.octets)
            out[size++] = octet;
    }
    prefix.size = static_cast<std::uint8_t>(size);
    return prefix;
}

/// Encodes the frames that `Role` sends. The client's masks each frame with a key of its own.
template <role Role> class frame_encoder;

/// The server's side: frames leave as they are (RFC 6455 5.1).
template <> class frame_encoder<role::server> {
public:
    /// The header with what the role decides filled in.
    [[nodiscard]] constexpr frame_header finish(frame_header header) const noexcept {
        header.masked = false;
        return header;
    }
};

/// The client's side: every frame is masked with a fresh key (RFC 6455 5.3).
template <> class frame_encoder<role::client> {
public:
    /// \param keys where keys come from; borrowed for the life of the encoder.
    constexpr explicit frame_encoder(masking_key_source& keys) noexcept : keys_(&keys) {}

    /// The header with what the role decides filled in.
    [[nodiscard]] constexpr frame_header finish(frame_header header) const noexcept {
        header.masked = true;
        header.key = keys_->next();
        return header;
    }

private:
    masking_key_source* keys_;
};

/// Octets that a frame of `Role` with a payload of that size takes on the wire.
template <role Role>
[[nodiscard]] constexpr std::uint64_t frame_size(std::uint64_t payload_size) noexcept {
    frame_header header;
    header.masked = Role == role::client;
    header.payload_size = payload_size;
    return header_size(header) + payload_size;
}

/// Writes a whole frame to the beginning of `out`: prefix, and the payload, masked when the role
/// asks for it. `header.payload_size`, `masked` and `key` are filled in.
/// \returns the octets written: `frame_size<Role>(payload.size())`; 0 and nothing written when
/// `out` has less room than that. `out` and `payload` do not overlap.
template <role Role> [[nodiscard]] constexpr std::size_t
encode_into(std::span<std::byte> out, const frame_encoder<Role>& encoder, frame_header header,
            std::span<const std::byte> payload) noexcept {
    if (out.size() < frame_size<Role>(payload.size())) return 0;
    header.payload_size = payload.size();
    header = encoder.finish(header);
    const frame_prefix prefix = encode_prefix(header);
    detail::copy_bytes(out.data(), prefix.octets.data(), prefix.size);
    if constexpr (Role == role::client) {
        mask_copy(out.subspan(prefix.size), payload, header.key);
    } else {
        detail::copy_bytes(out.data() + prefix.size, payload.data(), payload.size());
    }
    return prefix.size + payload.size();
}

} // namespace framewire

#endif
