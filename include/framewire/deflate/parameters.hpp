// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The parameters of permessage-deflate, and how two sides agree on them (RFC 7692 7.1).

#ifndef FRAMEWIRE_DEFLATE_PARAMETERS_HPP
#define FRAMEWIRE_DEFLATE_PARAMETERS_HPP

#include <framewire/error.hpp>
#include <framewire/extension_header.hpp>
#include <framewire/http_head_writer.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace framewire {

/// What one side wants of permessage-deflate.
struct deflate_settings {
    /// False: neither offered nor accepted.
    bool enabled = true;

    /// RFC 7692 7.1.1: the server, or the client, begins each message with an empty window. It
    /// compresses worse, above all small messages that resemble each other; but then a connection
    /// holds no memory between messages, since compressors are shared by all of a thread.
    bool server_no_context_takeover = false;
    bool client_no_context_takeover = false;

    /// RFC 7692 7.1.2: the window of the server's, or the client's, compressor has at most 2^n
    /// octets, 9 <= n <= 15. 0 leaves it to the role: a server takes 12 where it may choose, a
    /// client has no wish. Smaller is taken as 9, larger as 15.
    /// A connection with context takeover holds 4 * 2^n octets for the compressor and 2^n for the
    /// decompressor from the first message on, and at the default memory level some 29 KiB beside
    /// them: about 49 KiB where n is 12, 189 KiB where it is 15.
    std::uint8_t server_max_window_bits = 0;
    std::uint8_t client_max_window_bits = 0;

    /// zlib's level, 1 (fast) to 9 (small), and memory level, 1 to 9: the compressor holds
    /// 2^(memory level + 9) octets besides its window.
    std::uint8_t level = 6;
    std::uint8_t memory_level = 5;

    /// Messages of fewer octets go out as they are. Fragmented messages are always compressed:
    /// nobody knows how long they will be.
    std::uint32_t threshold = 64;

    /// Nothing is kept between messages, on either side.
    [[nodiscard]] static constexpr deflate_settings no_context_takeover() noexcept {
        deflate_settings result;
        result.server_no_context_takeover = true;
        result.client_no_context_takeover = true;
        return result;
    }

    friend bool operator==(const deflate_settings&, const deflate_settings&) = default;
};

/// What an offer asks for, or what an answer settles (RFC 7692 7.1).
struct deflate_parameters {
    bool server_no_context_takeover = false;
    bool client_no_context_takeover = false;
    std::uint8_t server_max_window_bits = 15; ///< 8 to 15.
    std::uint8_t client_max_window_bits = 15; ///< 8 to 15.
    bool has_server_max_window_bits = false;  ///< The parameter was there.
    bool has_client_max_window_bits = false;  ///< The parameter was there, with or without a value.

    friend bool operator==(const deflate_parameters&, const deflate_parameters&) = default;
};

/// The name under which it is registered (RFC 7692 9.1).
inline constexpr std::string_view deflate_name = "permessage-deflate";

namespace detail {

inline constexpr std::uint8_t server_default_window_bits = 12;
inline constexpr std::uint8_t largest_window_bits = 15;
// zlib makes no raw deflate stream for a window of 256 octets: it would take 512 and not tell.
inline constexpr std::uint8_t smallest_window_bits = 9;

// RFC 7692 7.1.2.1: a decimal integer without leading zeroes from 8 to 15. 0 when it is not.
[[nodiscard]] constexpr std::uint8_t window_bits_of(std::string_view value) noexcept {
    if (value.size() == 1 && (value[0] == '8' || value[0] == '9')) {
        return static_cast<std::uint8_t>(value[0] - '0');
    }
    if (value.size() == 2 && value[0] == '1' && value[1] >= '0' && value[1] <= '5') {
        return static_cast<std::uint8_t>(10 + value[1] - '0');
    }
    return 0;
}

[[nodiscard]] constexpr std::uint8_t wanted_window_bits(std::uint8_t setting,
                                                        std::uint8_t otherwise) noexcept {
    if (setting == 0) return otherwise;
    if (setting < smallest_window_bits) return smallest_window_bits;
    return setting > largest_window_bits ? largest_window_bits : setting;
}

[[nodiscard]] constexpr std::uint8_t smaller(std::uint8_t a, std::uint8_t b) noexcept {
    return a < b ? a : b;
}

[[nodiscard]] constexpr bool take_flag(bool& flag, const extension_param& param) noexcept {
    if (flag || param.has_value) return false; // it was there before, or has a value
    flag = true;
    return true;
}

} // namespace detail

/// Reads the parameters of an offer or an answer.
/// \returns false when RFC 7692 7.1 does not allow them: an unknown parameter, one that is there
/// twice, a value where there must be none, none where there must be one, or a wrong one.
[[nodiscard]] constexpr bool parse_deflate_parameters(extension_element element, bool is_answer,
                                                      deflate_parameters& result) noexcept {
    result = {};
    if (!element.valid()) return false;
    for (const extension_param param : element.params()) {
        if (param.name == "server_no_context_takeover") {
            if (!detail::take_flag(result.server_no_context_takeover, param)) return false;
        } else if (param.name == "client_no_context_takeover") {
            if (!detail::take_flag(result.client_no_context_takeover, param)) return false;
        } else if (param.name == "server_max_window_bits") {
            if (result.has_server_max_window_bits) return false;
            result.has_server_max_window_bits = true;
            result.server_max_window_bits = detail::window_bits_of(param.value);
            if (result.server_max_window_bits == 0) return false;
        } else if (param.name == "client_max_window_bits") {
            if (result.has_client_max_window_bits) return false;
            result.has_client_max_window_bits = true;
            // RFC 7692 7.1.2.2: an offer may leave the value out; an answer may not.
            if (!param.has_value && !is_answer) continue;
            result.client_max_window_bits = detail::window_bits_of(param.value);
            if (result.client_max_window_bits == 0) return false;
        } else {
            return false;
        }
    }
    return true;
}

/// Writes an element of Sec-WebSocket-Extensions: a parameter where it says something. With
/// `hint`, `client_max_window_bits` without a value stands for any window (RFC 7692 7.1.2.2).
[[nodiscard]] constexpr written
write_deflate_parameters(std::span<char> out, const deflate_parameters& from, bool hint) noexcept {
    http_head_writer writer(out);
    writer.append(deflate_name);
    if (from.server_no_context_takeover) writer.append("; server_no_context_takeover");
    if (from.client_no_context_takeover) writer.append("; client_no_context_takeover");
    if (from.has_server_max_window_bits) {
        writer.append("; server_max_window_bits=", std::size_t{from.server_max_window_bits});
    }
    if (from.has_client_max_window_bits) {
        writer.append("; client_max_window_bits");
        const bool any = hint && from.client_max_window_bits == detail::largest_window_bits;
        if (!any) writer.append("=", std::size_t{from.client_max_window_bits});
    }
    return writer.result();
}

/// What a client with these settings asks for.
[[nodiscard]] constexpr deflate_parameters
deflate_offer(const deflate_settings& settings) noexcept {
    deflate_parameters offer;
    offer.server_no_context_takeover = settings.server_no_context_takeover;
    offer.client_no_context_takeover = settings.client_no_context_takeover;
    offer.server_max_window_bits =
        detail::wanted_window_bits(settings.server_max_window_bits, detail::largest_window_bits);
    offer.has_server_max_window_bits = offer.server_max_window_bits != detail::largest_window_bits;
    offer.client_max_window_bits =
        detail::wanted_window_bits(settings.client_max_window_bits, detail::largest_window_bits);
    offer.has_client_max_window_bits = true; // the server may choose any smaller one
    return offer;
}

/// What a server with these settings answers to an offer.
/// \returns false when it has to decline: it would have to compress with a window of 256 octets.
[[nodiscard]] constexpr bool answer_deflate_offer(const deflate_settings& settings,
                                                  const deflate_parameters& offer,
                                                  deflate_parameters& answer) noexcept {
    answer = {};
    // RFC 7692 7.1.1: what the client asks for is granted; either may be said unasked, too.
    answer.server_no_context_takeover =
        offer.server_no_context_takeover || settings.server_no_context_takeover;
    answer.client_no_context_takeover =
        offer.client_no_context_takeover || settings.client_no_context_takeover;
    // RFC 7692 7.1.2.1: the same or a smaller window than asked for, also unasked.
    if (offer.server_max_window_bits < detail::smallest_window_bits) return false;
    answer.server_max_window_bits =
        detail::smaller(offer.server_max_window_bits,
                        detail::wanted_window_bits(settings.server_max_window_bits,
                                                   detail::server_default_window_bits));
    answer.has_server_max_window_bits =
        offer.has_server_max_window_bits ||
        answer.server_max_window_bits != detail::largest_window_bits;
    // RFC 7692 7.1.2.2: not to be said to a client that did not offer it.
    if (!offer.has_client_max_window_bits) return true;
    answer.client_max_window_bits =
        detail::smaller(offer.client_max_window_bits,
                        detail::wanted_window_bits(settings.client_max_window_bits,
                                                   detail::server_default_window_bits));
    answer.has_client_max_window_bits =
        answer.client_max_window_bits != detail::largest_window_bits;
    return true;
}

/// True when `answer` grants what `offer` asks for (RFC 7692 7.1.1.1, 7.1.2.1, 7.1.2.2).
[[nodiscard]] constexpr bool is_deflate_answer_to(const deflate_parameters& offer,
                                                  const deflate_parameters& answer) noexcept {
    // RFC 7692 7.1.1.1: a server accepts the parameter by including it in its answer.
    if (offer.server_no_context_takeover && !answer.server_no_context_takeover) return false;
    if (offer.has_server_max_window_bits && !answer.has_server_max_window_bits) return false;
    if (answer.server_max_window_bits > offer.server_max_window_bits) return false;
    if (!answer.has_client_max_window_bits) return true;
    return offer.has_client_max_window_bits &&
           answer.client_max_window_bits <= offer.client_max_window_bits;
}

} // namespace framewire

#endif
