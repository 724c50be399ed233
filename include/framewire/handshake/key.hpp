// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Sec-WebSocket-Key and Sec-WebSocket-Accept: how the ends of an opening handshake prove to each
// other that both speak WebSocket (RFC 6455 1.3, 4.1, 4.2.2).

#ifndef FRAMEWIRE_HANDSHAKE_KEY_HPP
#define FRAMEWIRE_HANDSHAKE_KEY_HPP

#include <framewire/detail/ascii.hpp>
#include <framewire/detail/base64.hpp>
#include <framewire/detail/inlining.hpp>
#include <framewire/detail/sha1.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace framewire {

/// The value of Sec-WebSocket-Key for a nonce, which has to be chosen at random for each connection
/// (RFC 6455 4.1, item 7).
[[nodiscard]] constexpr std::array<char, 24>
make_key(std::span<const std::byte, 16> nonce) noexcept {
    std::array<std::uint8_t, 16> octets{};
    for (std::size_t i = 0; i < octets.size(); ++i) {
        octets[i] = std::to_integer<std::uint8_t>(nonce[i]);
    }
    return detail::base64_encode(octets);
}

/// True for the Base64 form of 16 octets (RFC 6455 4.2.1, item 5). The four bits that encode
/// nothing may have any value: the RFC's own example in 4.1 ("AQIDBAUGBwgJCgsMDQ4PEC==") sets one.
[[nodiscard]] constexpr bool is_key(std::string_view text) noexcept {
    return text.size() == 24 && text.substr(22) == "==" &&
           detail::all_are(detail::base64_chars, text.substr(0, 22));
}

/// The value of Sec-WebSocket-Accept that answers a key (RFC 6455 4.2.2, item 5.4). The key is
/// taken as it was sent, without a look at its form.
[[nodiscard]] FRAMEWIRE_NEVER_INLINE constexpr std::array<char, 28>
accept_key(std::string_view key) noexcept {
    constexpr std::string_view guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    return detail::base64_encode(detail::sha1(key, guid));
}

} // namespace framewire

#endif
