// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Hosts and ports as people read them.

#ifndef FRAMEWIRE_ASIO_DETAIL_ENDPOINT_TEXT_HPP
#define FRAMEWIRE_ASIO_DETAIL_ENDPOINT_TEXT_HPP

#include <framewire/asio/config.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace framewire::net::detail {

// "127.0.0.1:80" or "[::1]:80".
[[nodiscard]] inline std::string endpoint_text(std::string_view host, std::uint16_t port) {
    const bool bare_v6 = host.find(':') != std::string_view::npos && !host.starts_with('[');
    std::string text;
    if (bare_v6) text += '[';
    text += host;
    if (bare_v6) text += ']';
    text += ':';
    text += std::to_string(port);
    return text;
}
[[nodiscard]] inline std::string endpoint_text(const io::ip::tcp::endpoint& endpoint) {
    return endpoint_text(endpoint.address().to_string(), endpoint.port());
}

} // namespace framewire::net::detail

#endif
