// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Includes the Asio adapter from an installed package, with the Asio that was picked.

#include <framewire/asio/error.hpp>

static_assert(FRAMEWIRE_BOOST_ASIO == EXPECTED_BOOST_ASIO);

int main() {
    framewire::net::io::io_context context;
    framewire::net::io::steady_timer timer(context, std::chrono::seconds(0));
    framewire::net::error_code result = framewire::errc::open_timeout;
    timer.async_wait([&](framewire::net::error_code error) { result = error; });
    context.run();
    return result ? 1 : 0;
}
