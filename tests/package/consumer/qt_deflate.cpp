// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Compression for the Qt adapter, from an installed package.

#include <framewire/qt/client_options.hpp>
#include <framewire/qt/deflate.hpp>

#include <array>

int main() {
    framewire::qt::client_options options;
    options.extension = framewire::qt::deflate();
    std::array<char, 128> offer;
    return options.extension->make()->write_offer(offer).size != 0 ? 0 : 1;
}
