// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Compression of messages: permessage-deflate (RFC 7692) as a `message_extension`, over zlib.

#ifndef FRAMEWIRE_DEFLATE_PERMESSAGE_DEFLATE_HPP
#define FRAMEWIRE_DEFLATE_PERMESSAGE_DEFLATE_HPP

#include <framewire/deflate/detail/zlib.hpp>
#include <framewire/deflate/parameters.hpp>
#include <framewire/error.hpp>
#include <framewire/extension_header.hpp>
#include <framewire/frame_header.hpp>
#include <framewire/http_head_writer.hpp>
#include <framewire/message_extension.hpp>
#include <framewire/rfc6455.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace framewire {

/// permessage-deflate, for one connection: the third template argument of `connection`, of the
/// streams of the Asio adapter, and so on. Which role it plays follows from what is called:
/// `accept_offer` by a server, `accept_answer` by a client.
///
/// Compressor and decompressor come into being with the first message that needs them. With context
/// takeover they stay; without, they are given back after each message, and are shared by all
/// connections of a thread: an idle connection then holds nothing but this object.
///
/// Around a `connection` of the core, with `list` a buffer that lives until the handshake is over:
/// ```
/// // A client: what write_offer(list) wrote is its client_request::extensions; then
/// errc error = accept_answer(deflate, handshake.extensions());
/// // A server: what negotiate wrote is its server_response::extensions; 0 octets are none.
/// written answer = negotiate(deflate, handshake.request().extensions(), list);
/// // And only then, since a connection looks at `active` when it is made:
/// connection<role::server, options{}, permessage_deflate> c(limits{}, std::move(deflate));
/// ```
///
/// With libdeflate, a whole message whose codes RFC 1951 3.2.6 forbids, or some malformed tables of
/// codes, may be taken as data where zlib alone would fail the connection with 1007. Memory and
/// limits are not concerned.
///
/// What is compressed together with a secret can give the secret away by its length, when somebody
/// else chooses a part of it (CRIME, BREACH): send such messages with `compression::never`.
class permessage_deflate {
public:
    using settings = deflate_settings;

    static constexpr std::string_view name = deflate_name;
    static constexpr std::uint8_t rsv = rsv1; // RFC 7692 6

    /// Takes no part: offers nothing and accepts nothing. To compress, give it settings, if only
    /// `deflate_settings{}`.
    permessage_deflate() noexcept { settings_.enabled = false; }
    explicit permessage_deflate(const settings& wanted) noexcept : settings_(wanted) {}

    /// Octets that an offer or an answer takes at most.
    static constexpr std::size_t max_header_value = 128;

    /// True when both sides have agreed on it.
    [[nodiscard]] bool active() const noexcept { return active_; }

    /// What they have agreed on. Of no meaning while it is not active.
    [[nodiscard]] const deflate_parameters& parameters() const noexcept { return agreed_; }

    // --- Negotiation

    /// What a client says in `client_request::extensions`; nothing when it is not enabled.
    [[nodiscard]] written write_offer(std::span<char> out) const noexcept {
        if (!settings_.enabled) return {};
        return write_deflate_parameters(out, deflate_offer(settings_), true);
    }

    /// What a server answers to one offer; `errc::extension_declined` when it does not accept it.
    [[nodiscard]] written accept_offer(extension_element offer, std::span<char> answer) noexcept {
        deflate_parameters asked;
        deflate_parameters granted;
        if (!settings_.enabled || !parse_deflate_parameters(offer, false, asked) ||
            !answer_deflate_offer(settings_, asked, granted)) {
            return {0, errc::extension_declined};
        }
        const written result = write_deflate_parameters(answer, granted, false);
        if (result.error == errc::success) agree(granted, role::server);
        return result;
    }

    /// Whether a client can live with the server's answer. `errc::extension_not_offered` when it
    /// had offered nothing, `errc::bad_extension_answer` when the answer does not fit the offer.
    [[nodiscard]] errc accept_answer(extension_element answer) noexcept {
        if (!settings_.enabled) return errc::extension_not_offered;
        deflate_parameters granted;
        if (!parse_deflate_parameters(answer, true, granted) ||
            !is_deflate_answer_to(deflate_offer(settings_), granted)) {
            return errc::bad_extension_answer;
        }
        agree(granted, role::client);
        return errc::success;
    }

    // --- Messages

    [[nodiscard]] decoded_payload decode(std::span<const std::byte> payload, bool last,
                                         extension_output& out) noexcept {
        const bool whole = last && !decoding_;
#if defined(FRAMEWIRE_HAS_LIBDEFLATE)
        if (whole && !peer_.takes_over && decode_whole(payload, out)) {
            return {errc::success, payload.size()};
        }
#else
        (void)whole;
#endif
        if (inflater_ == nullptr) {
            inflater_ = peer_.takes_over ? detail::make_inflater(peer_.window_bits)
                                         : detail::borrow_inflater(peer_.window_bits);
            if (inflater_ == nullptr) return {errc::out_of_memory, 0};
        }
        const decoded_payload result = inflater_->decompress(payload, last, out);
        decoding_ = !last || result.used != payload.size();
        if (!peer_.takes_over && (!decoding_ || result.error != errc::success)) {
            detail::give_back(std::move(inflater_));
        }
        return result;
    }

    [[nodiscard]] encoded_payload encode(opcode, std::span<const std::byte> payload, bool first,
                                         bool last, extension_output& out) noexcept {
        if (first) plain_ = !can_compress_ || (last && payload.size() < settings_.threshold);
        if (plain_) return {errc::success, 0, true};
        const bool whole = first && last;
        if (deflater_ == nullptr) {
            const detail::deflater_kind kind{
                own_.window_bits, level(), std::clamp<std::uint8_t>(settings_.memory_level, 1, 9)};
            deflater_ =
                own_.takes_over ? detail::make_deflater(kind) : detail::borrow_deflater(kind);
            if (deflater_ == nullptr) return {errc::out_of_memory, 0};
        }
        const std::uint64_t room = out.room();
        const errc error = deflater_->compress(payload, last, out);
        if (error != errc::success) deflater_->forget(); // the peer has not seen it
        // Without a window that has moved on, what did not shrink can go as it is.
        const bool in_vain =
            whole && !own_.takes_over && room - out.room() >= payload.size() && !payload.empty();
        if (!own_.takes_over && (last || (first && error != errc::success))) {
            detail::give_back(std::move(deflater_));
        }
        return {error, rsv, in_vain};
    }

private:
    // One direction.
    struct direction {
        bool takes_over = true;
        std::uint8_t window_bits = 15;
    };

    void agree(const deflate_parameters& agreed, role self) noexcept {
        agreed_ = agreed;
        const direction server{!agreed.server_no_context_takeover, agreed.server_max_window_bits};
        const direction client{!agreed.client_no_context_takeover, agreed.client_max_window_bits};
        own_ = self == role::server ? server : client;
        peer_ = self == role::server ? client : server;
        if (self == role::client) {
            // What this side asked for as a hint, it does whatever the server made of it.
            if (settings_.client_no_context_takeover) own_.takes_over = false;
            own_.window_bits =
                detail::smaller(own_.window_bits, deflate_offer(settings_).client_max_window_bits);
        }
        // A server may demand a window of 256 octets, which zlib cannot make: RFC 7692 6 leaves
        // each message to the sender, and none is compressed then.
        can_compress_ = own_.window_bits >= detail::smallest_window_bits;
        active_ = true;
    }

    [[nodiscard]] std::uint8_t level() const noexcept {
        return std::clamp<std::uint8_t>(settings_.level, 1, 9);
    }

#if defined(FRAMEWIRE_HAS_LIBDEFLATE)
    // False, with nothing committed, when zlib has to look at it.
    [[nodiscard]] bool decode_whole(std::span<const std::byte> payload,
                                    extension_output& out) noexcept {
        std::array<std::byte, largest_decoded_whole + behind_whole.size()> in;
        if (payload.size() > largest_decoded_whole) return false;
        std::copy(payload.begin(), payload.end(), in.begin());
        std::copy(behind_whole.begin(), behind_whole.end(), in.begin() + payload.size());
        const auto wanted = std::min<std::uint64_t>(
            {std::max<std::size_t>(payload.size() * 8, 1024), out.room(), out.until_enough()});
        if (wanted <= zeros_behind) return false;
        const std::span<std::byte> room = out.prepare(static_cast<std::size_t>(wanted));
        if (room.empty()) return false;
        std::size_t used = 0;
        std::size_t made = 0;
        const std::span<const std::byte> all(in.data(), payload.size() + behind_whole.size());
        if (!detail::libdeflate_decoder::decompress(all, room, used, made)) return false;
        if (used == all.size()) {
            // Taken for data by a stored block of the sender's that was cut short.
            const std::span<const std::byte> end =
                room.first(made).last(std::min(made, behind_whole.size()));
            if (std::equal(end.begin(), end.end(), behind_whole.begin(), behind_whole.end())) {
                return false;
            }
            made -= zeros_behind;
        } else if (used != payload.size() &&
                   (used + 1 != payload.size() || payload.back() != std::byte{0})) {
            return false; // not just a final block, and perhaps the octet behind it
        }
        out.commit(made);
        return true;
    }

    static constexpr std::size_t largest_decoded_whole = 16'384;

    // What is put behind a message for libdeflate: the tail that the sender has removed, and a
    // final block of zeros to end at. Only this block may end where the zeros do. A block with
    // codes that the sender began cannot: the symbol that is all zeros, if there is one at all,
    // comes 48 bits into them at the latest, the longest that one can be, and is either the end of
    // the block, too early, or goes on for ever.
    static constexpr std::size_t zeros_behind = 9;
    static constexpr std::array<std::byte, 9 + zeros_behind> behind_whole{
        std::byte{0x00}, std::byte{0x00},         std::byte{0xFF}, std::byte{0xFF},
        std::byte{0x01}, std::byte{zeros_behind}, std::byte{0x00}, std::byte{0xFF - zeros_behind},
        std::byte{0xFF}};
#endif

    settings settings_;
    deflate_parameters agreed_;
    direction own_;
    direction peer_;
    bool active_ = false;
    bool can_compress_ = true;
    bool plain_ = false;    // the message being sent goes as it is
    bool decoding_ = false; // in the middle of a received message
    std::unique_ptr<detail::deflater> deflater_;
    std::unique_ptr<detail::inflater> inflater_;
};

static_assert(message_extension<permessage_deflate>);

} // namespace framewire

#endif
