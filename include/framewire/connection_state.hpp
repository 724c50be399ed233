// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// How far a connection has come.

#ifndef FRAMEWIRE_CONNECTION_STATE_HPP
#define FRAMEWIRE_CONNECTION_STATE_HPP

#include <cstdint>

namespace framewire {

enum class connection_state : std::uint8_t {
    open,    ///< Messages go both ways.
    closing, ///< This side sent a Close frame and waits for the peer's.
    closed,  ///< Nothing more will be delivered.
};

} // namespace framewire

#endif
