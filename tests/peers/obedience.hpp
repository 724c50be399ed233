// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What every server in C++ does; server.py and server.js do the same. It listens on a free port of
// 127.0.0.1, which is the first line of its output. It picks the subprotocol "echo", echoes, and
// obeys "please ping", "please close" and "please vanish". A line tells how a connection closed.

#ifndef FRAMEWIRE_TESTS_PEERS_OBEDIENCE_HPP
#define FRAMEWIRE_TESTS_PEERS_OBEDIENCE_HPP

#include <cstdio>
#include <string_view>

namespace peers {

enum class wish { echo, ping, close, vanish };

constexpr wish wish_of(bool text, std::string_view bytes) {
    if (text && bytes == "please ping") return wish::ping;
    if (text && bytes == "please close") return wish::close;
    if (text && bytes == "please vanish") return wish::vanish;
    return wish::echo;
}

/// Whether a Sec-WebSocket-Protocol field names "echo".
constexpr bool offers_echo(std::string_view field) {
    while (!field.empty()) {
        const std::size_t comma = field.find(',');
        std::string_view name = field.substr(0, comma);
        while (!name.empty() && name.front() == ' ')
            name.remove_prefix(1);
        while (!name.empty() && name.back() == ' ')
            name.remove_suffix(1);
        if (name == "echo") return true;
        field.remove_prefix(comma == field.npos ? field.size() : comma + 1);
    }
    return false;
}

inline void say(const char* line) {
    std::puts(line);
    std::fflush(stdout);
}
inline void say_port(unsigned port) {
    std::printf("%u\n", port);
    std::fflush(stdout);
}
inline void say_closed(unsigned code, const char* reason) {
    std::printf("closed %u %s\n", code, reason);
    std::fflush(stdout);
}
inline void say_failed(const char* why) { std::fprintf(stderr, "failed: %s\n", why); }

} // namespace peers

#endif
