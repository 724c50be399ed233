// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Bytes that nobody can predict, for nonces and for the seed of masking keys (RFC 6455 10.3).

#ifndef FRAMEWIRE_ASIO_DETAIL_RANDOM_HPP
#define FRAMEWIRE_ASIO_DETAIL_RANDOM_HPP

#include <array>
#include <cstddef>
#include <random>

namespace framewire::net::detail {

// std::random_device is the system's cryptographic source in libstdc++, libc++ and Microsoft's
// library. It throws when the system has none.
template <std::size_t Size> [[nodiscard]] std::array<std::byte, Size> random_bytes() {
    std::random_device source;
    std::array<std::byte, Size> bytes;
    for (std::size_t i = 0; i < Size; i += 4) {
        const auto word = source();
        for (std::size_t j = 0; j < 4 && i + j < Size; ++j)
            bytes[i + j] = static_cast<std::byte>(word >> (8 * j) & 0xFF);
    }
    return bytes;
}

} // namespace framewire::net::detail

#endif
