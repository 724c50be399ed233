// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Takes frames apart as their bytes arrive: a pull decoder that unmasks in the caller's buffer.

#ifndef FRAMEWIRE_FRAME_DECODER_HPP
#define FRAMEWIRE_FRAME_DECODER_HPP

#include <framewire/detail/bytes.hpp>
#include <framewire/detail/inlining.hpp>
#include <framewire/error.hpp>
#include <framewire/frame_header.hpp>
#include <framewire/masking.hpp>
#include <framewire/rfc6455.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace framewire {

enum class decoded_kind : std::uint8_t {
    need_data, ///< All input is used up; come back with more.
    header,    ///< A frame begins: `header` is set.
    payload,   ///< A piece of its payload, at least one a frame, empty for an empty frame.
    error,     ///< The peer broke the protocol: `error` is set. The decoder stays in this state.
};

/// What the decoder found next.
struct decoded {
    decoded_kind kind = decoded_kind::need_data;
    bool end_of_frame = false; ///< With `payload`: the last piece of the frame.
    errc error = errc::success;
    frame_header header{};          ///< With `header` and `payload`: the frame it belongs to.
    std::span<std::byte> payload{}; ///< A view into the caller's buffer.
};

/// Decodes the frames that the peer of `Role` sends (RFC 6455 5.2). `frame_decoder<role::server>`
/// is the one a server uses: it wants masked frames, and unmasks them.
///
/// It knows single frames only; whether a frame may follow another (5.4) is for `connection`.
/// Never reads or writes outside of the span it is given, keeps no pointer into it, allocates
/// nothing, and may be fed one byte at a time.
template <role Role> class frame_decoder {
public:
    /// \param allowed_rsv reserved bits to let through on the first frame of a message.
    constexpr explicit frame_decoder(std::uint8_t allowed_rsv = 0) noexcept
        : allowed_rsv_(allowed_rsv) {}

    /// Decodes the next item and removes what it used from the front of `in`. Payload is unmasked
    /// where it stands in the caller's buffer.
    [[nodiscard]] constexpr decoded next(std::span<std::byte>& in) noexcept {
        decoded item = next_masked(in);
        if constexpr (Role == role::server) {
            if (item.kind == decoded_kind::payload) mask_in_place(item.payload, item.header.key);
        }
        return item;
    }

    /// As `next`, but leaves the payload masked; `header.key` is the key for just this piece.
    [[nodiscard]] constexpr decoded next_masked(std::span<std::byte>& in) noexcept {
        if (in_payload_) return take_payload(in);
        if (error_ != errc::success) return failed(error_);
        return take_header(in);
    }

    /// Takes the end of the last piece of payload back as not yet decoded, masked again: it comes
    /// anew, in front of what stands behind it.
    /// \param header of the frame, as it was told with the piece.
    /// \param key for just these `size` octets.
    constexpr void put_back(const frame_header& header, std::uint64_t size,
                            masking_key key) noexcept {
        const std::uint64_t behind = in_payload_ ? header_.payload_size : 0;
        header_ = header;
        header_.payload_size = behind + size;
        header_.key = key;
        in_payload_ = true;
    }

    /// The reserved bits that it was made to let through.
    [[nodiscard]] constexpr std::uint8_t allowed_rsv() const noexcept { return allowed_rsv_; }

    /// True between two frames: nothing of the next one has been seen.
    [[nodiscard]] constexpr bool at_frame_boundary() const noexcept {
        return !in_payload_ && partial_size_ == 0 && error_ == errc::success;
    }

private:
    static constexpr role sender = peer_of(Role);

    FRAMEWIRE_COLD constexpr decoded failed(errc error) noexcept {
        error_ = error;
        decoded item;
        item.kind = decoded_kind::error;
        item.error = error;
        return item;
    }

    constexpr decoded take_header(std::span<std::byte>& in) noexcept {
        // A header that lies whole in the input is read there; one that is cut is put together.
        std::span<const std::byte> from = in;
        if (partial_size_ != 0 || in.size() < 2 || in.size() < header_size_for(in[1])) {
            if (!fill_partial(in)) return failed(error_);
            from = {partial_.data(), partial_size_};
            if (partial_size_ < 2 || partial_size_ < header_size_for(partial_[1])) return {};
        } else if (const errc error = check_frame_start(in[0], in[1], sender, allowed_rsv_);
                   error != errc::success) {
            return failed(error);
        }
        const parsed_frame_header parsed = parse_frame_header(from);
        if (parsed.error != errc::success) return failed(parsed.error);
        if (partial_size_ == 0) in = in.subspan(parsed.size);
        partial_size_ = 0;
        header_ = parsed.header;
        in_payload_ = true;

        decoded item;
        item.kind = decoded_kind::header;
        item.header = header_;
        return item;
    }

    // Moves bytes of a cut header from `in` to partial_, and never one more than the header has.
    FRAMEWIRE_COLD constexpr bool fill_partial(std::span<std::byte>& in) noexcept {
        std::size_t wanted = 2;
        while (!in.empty()) {
            if (partial_size_ >= 2) wanted = header_size_for(partial_[1]);
            if (partial_size_ == wanted) break;
            partial_[partial_size_++] = in.front();
            in = in.subspan(1);
            if (partial_size_ != 2) continue;
            error_ = check_frame_start(partial_[0], partial_[1], sender, allowed_rsv_);
            if (error_ != errc::success) return false;
        }
        return true;
    }

    constexpr decoded take_payload(std::span<std::byte>& in) noexcept {
        decoded item;
        if (in.empty() && header_.payload_size != 0) return item;
        const std::size_t size = header_.payload_size < in.size()
                                     ? static_cast<std::size_t>(header_.payload_size)
                                     : in.size();
        item.kind = decoded_kind::payload;
        item.header = header_;
        item.payload = in.first(size);
        in = in.subspan(size);
        header_.payload_size -= size;
        header_.key = rotated(header_.key, size);
        item.end_of_frame = header_.payload_size == 0;
        if (item.end_of_frame) in_payload_ = false;
        return item;
    }

    frame_header header_{}; // of the frame in hand; size and key are those of what is still to come
    std::array<std::byte, max_header_size> partial_{};
    std::uint8_t partial_size_ = 0;
    bool in_payload_ = false;
    std::uint8_t allowed_rsv_;
    errc error_ = errc::success;
};

/// Looks for what nearly every frame is: a message of one frame, text or binary, with no reserved
/// bit set and all there, which the peer of `Role` may send.
/// \returns its octets on the wire, header included; 0 when the front of `in` is anything else, a
/// violation or a payload over `max_payload` among it, so that the decoder has to look at it.
template <role Role> [[nodiscard]] constexpr std::size_t
whole_message_size(std::span<const std::byte> in, std::uint64_t max_payload) noexcept {
    constexpr bool masked = Role == role::server;
    if (in.size() < 2) return 0;
    const auto first = std::to_integer<std::uint8_t>(in[0]);
    const auto second = std::to_integer<std::uint8_t>(in[1]);
    if ((first != 0x81 && first != 0x82) || (second >= 0x80) != masked) return 0;
    std::uint64_t payload = second & 0x7F;
    std::size_t prefix = masked ? 6 : 2;
    if (payload >= 126) {
        if (in.size() < 10) return 0; // no frame with such a length is shorter
        if (payload == 126) {
            payload = detail::load_big_endian<std::uint16_t>(in.data() + 2);
            prefix += 2;
            if (payload < 126) return 0;
        } else {
            payload = detail::load_big_endian<std::uint64_t>(in.data() + 2);
            prefix += 8;
            if (payload <= 0xFFFF) return 0;
        }
    }
    if (in.size() < prefix || payload > in.size() - prefix || payload > max_payload) return 0;
    return prefix + static_cast<std::size_t>(payload);
}

} // namespace framewire

#endif
