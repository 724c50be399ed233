// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Takes the place of the address in README.md's examples with Asio: port 3000 may be in use.

#ifndef FRAMEWIRE_TESTS_README_ASIO_ADDRESS_HPP
#define FRAMEWIRE_TESTS_README_ASIO_ADDRESS_HPP

#include <cstdlib>
#include <string>

inline unsigned short readme_port() {
    return static_cast<unsigned short>(std::atoi(std::getenv("README_PORT")));
}
inline std::string readme_url() { return "ws://localhost:" + std::to_string(readme_port()); }

#endif
