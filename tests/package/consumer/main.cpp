// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A server's connection is handed the masked frame of RFC 6455 5.7, and answers.

#include <framewire/framewire.hpp>

#include <array>
#include <cstddef>
#include <span>

int main() {
    std::array<std::byte, 11> received{};
    constexpr unsigned char frame[] = {0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d,
                                       0x7f, 0x9f, 0x4d, 0x51, 0x58};
    for (std::size_t i = 0; i < received.size(); ++i) received[i] = std::byte{frame[i]};

    framewire::connection<framewire::role::server> connection;
    std::span<std::byte> in = received;
    const framewire::event event = connection.next(in);
    if (event.kind != framewire::event_kind::text || event.text() != "Hello") return 1;
    if (connection.send_text("Hello, too") != framewire::errc::success) return 2;
    return connection.output().size() == 2 + 10 ? 0 : 3;
}
