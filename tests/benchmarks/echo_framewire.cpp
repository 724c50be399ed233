// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The echo server on Framewire's Asio adapter.

#include "support/framewire_server.hpp"

#include <cstdlib>

int main(int argc, char** argv) {
    const auto port = static_cast<unsigned short>(argc > 1 ? std::atoi(argv[1]) : 0);
    benchmarks::serve<framewire::no_extension>(port);
}
