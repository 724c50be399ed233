// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// echo_deflate PORT: the echo server on Framewire's Asio adapter, with permessage-deflate as it is
// by default. Whether there is context takeover is for the client to say.

#include "support/framewire_server.hpp"

#include <framewire/deflate/permessage_deflate.hpp>

#include <cstdint>
#include <cstdlib>

int main(int argc, char** argv) {
    const auto number = [&](int which, int otherwise) {
        return argc > which ? std::atoi(argv[which]) : otherwise;
    };
    framewire::deflate_settings wanted;
    wanted.server_max_window_bits = static_cast<std::uint8_t>(number(2, 0));
    wanted.level = static_cast<std::uint8_t>(number(3, wanted.level));
    wanted.memory_level = static_cast<std::uint8_t>(number(4, wanted.memory_level));
    benchmarks::serve<framewire::permessage_deflate>(static_cast<unsigned short>(number(1, 0)),
                                                     wanted);
}
