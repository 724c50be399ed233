// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A whole echo server but for its sockets: what it costs to compile the core, and nothing else.

#include <framewire/framewire.hpp>

#include <cstddef>
#include <span>

namespace fw = framewire;

/// Takes what has arrived. \return whether the connection goes on.
bool echo(fw::connection<fw::role::server>& connection, std::span<std::byte> in) {
    for (;;) {
        const fw::event event = connection.next(in);
        switch (event.kind) {
        case fw::event_kind::need_data: return !connection.should_shut_down();
        case fw::event_kind::text: (void)connection.send_text(event.payload); break;
        case fw::event_kind::binary: (void)connection.send_binary(event.payload); break;
        default: break;
        }
    }
}

/// Takes what has arrived of the request. \return how much was written to `answer`.
std::size_t open(fw::server_handshake& handshake, std::span<std::byte>& in,
                 std::span<char> answer) {
    if (handshake.feed(in) == fw::handshake_status::need_data) return 0;
    return handshake.status() == fw::handshake_status::complete
               ? handshake.write_accept(answer).size
               : handshake.write_reject(answer, handshake.rejection()).size;
}
