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

namespace detail {

[[nodiscard]] constexpr std::byte first_octet(bool fin, std::uint8_t rsv, opcode op) noexcept {
    return static_cast<std::byte>((fin ? 0x80 : 0) | ((rsv & 7) << 4) | static_cast<int>(op));
}

// Writes a header to `out`, which has room for it, and tells its size. Branches rather than a loop
// over octets: each form is a few stores. Values rather than a frame_header: compilers pass them in
// registers.
constexpr std::size_t write_prefix(std::byte* out, std::byte first, std::uint64_t payload_size,
                                   bool masked, masking_key key) noexcept {
    const unsigned mask = masked ? 0x80 : 0;
    std::size_t size = 2;
    out[0] = first;
    if (payload_size < 126) {
        out[1] = static_cast<std::byte>(mask | static_cast<unsigned>(payload_size));
    } else if (payload_size <= 0xFFFF) {
        out[1] = static_cast<std::byte>(mask | 126);
        store_big_endian(out + 2, static_cast<std::uint16_t>(payload_size));
        size = 4;
    } else {
        out[1] = static_cast<std::byte>(mask | 127);
        store_big_endian(out + 2, payload_size);
        size = 10;
    }
    if (!masked) return size;
    copy_bytes(out + size, key.octets.data(), 4);
    return size + 4;
}

} // namespace detail

/// Writes a header in its wire form, with the length in the shortest form (RFC 6455 5.2). The
/// header is taken as it is: `check_frame_start` tells whether a peer would accept it.
[[nodiscard]] constexpr frame_prefix encode_prefix(const frame_header& header) noexcept {
    frame_prefix prefix;
    const std::byte first = detail::first_octet(header.fin, header.rsv, header.op);
    const std::size_t size = detail::write_prefix(prefix.octets.data(), first, header.payload_size,
                                                  header.masked, header.key);
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

    /// No key: nothing is masked.
    [[nodiscard]] constexpr masking_key next_key() const noexcept { return {}; }
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

    /// The key for the next frame.
    [[nodiscard]] constexpr masking_key next_key() const noexcept { return keys_->next(); }

private:
    masking_key_source* keys_;
};

/// Octets that a frame of `Role` with a payload of that size takes on the wire.
template <role Role>
[[nodiscard]] constexpr std::uint64_t frame_size(std::uint64_t payload_size) noexcept {
    const unsigned extended = payload_size < 126 ? 0 : payload_size <= 0xFFFF ? 2 : 8;
    return payload_size + extended + (Role == role::client ? 6 : 2);
}

/// Writes a whole frame to the beginning of `out`: prefix, and the payload, masked when the role
/// asks for it. `header.payload_size`, `masked` and `key` are filled in.
/// \returns the octets written: `frame_size<Role>(payload.size())`; 0 and nothing written when
/// `out` has less room than that. `out` and `payload` do not overlap.
template <role Role> [[nodiscard]] constexpr std::size_t
encode_into(std::span<std::byte> out, const frame_encoder<Role>& encoder,
            const frame_header& header, std::span<const std::byte> payload) noexcept {
    if (out.size() < frame_size<Role>(payload.size())) return 0;
    const masking_key key = encoder.next_key();
    const std::size_t prefix =
        detail::write_prefix(out.data(), detail::first_octet(header.fin, header.rsv, header.op),
                             payload.size(), Role == role::client, key);
    if constexpr (Role == role::client) {
        mask_copy(out.subspan(prefix), payload, key);
    } else {
        detail::copy_bytes(out.data() + prefix, payload.data(), payload.size());
    }
    return prefix + payload.size();
}

} // namespace framewire

#endif
