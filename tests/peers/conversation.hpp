// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What every client in C++ says to a server that echoes; client.py and client.js say the same.
//
//     client [--plain] URL       --plain: the server echoes only, it does not close on request
//
// 1. Offers the subprotocols "other" and "echo" and gets "echo"; sends the messages below, one in
//    fragments and a Ping, and wants each back as it was; closes with 4000 "done".
// 2. Sends "please close", and the server closes with 4001 "bye" (not with --plain).
// 3. Closes a new connection with 1000 and no reason.

#ifndef FRAMEWIRE_TESTS_PEERS_CONVERSATION_HPP
#define FRAMEWIRE_TESTS_PEERS_CONVERSATION_HPP

#include <cstddef>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace peers {

struct data {
    bool text;
    std::string bytes;
};

/// Sizes at which the length field changes its form, and text of 1 to 4 bytes a character.
inline std::vector<data> messages() {
    std::vector<data> result{{true, "h\xC3\xA9llo \xE2\x82\xAC \xF0\x9F\x98\x80"}, {true, ""}};
    for (const std::size_t size : {0u, 125u, 126u, 65535u, 65536u, 1u << 20}) {
        std::string bytes(size, '\0');
        for (std::size_t i = 0; i < size; ++i)
            bytes[i] = static_cast<char>(i * 7 + i / 251);
        result.push_back({false, std::move(bytes)});
    }
    std::string euros;
    for (int i = 0; i < 100'000; ++i)
        euros += "\xE2\x82\xAC";
    result.push_back({true, std::move(euros)});
    return result;
}

/// A text whose first fragment ends within a character, for those that can send that.
inline constexpr std::string_view first_fragment = "\xE2\x82", last_fragment = "\xAC in parts";
inline const std::string whole_message = std::string(first_fragment) + std::string(last_fragment);

inline void check(bool right, std::string_view what) {
    if (!right) throw std::runtime_error("wrong: " + std::string(what));
}

inline void check_echo(bool text, std::string_view sent, bool got_text, std::string_view got) {
    check(text == got_text, "the kind of an echo");
    check(got == sent, "an echo of " + std::to_string(sent.size()) + " bytes, got " +
                           std::to_string(got.size()));
}
inline void check_echo(const data& sent, bool got_text, std::string_view got) {
    check_echo(sent.text, sent.bytes, got_text, got);
}

/// The parts of ws://host:port/target.
struct address {
    explicit address(std::string_view url) {
        check(url.substr(0, 5) == "ws://", "the URL: only ws:// is known");
        url.remove_prefix(5);
        const std::size_t slash = url.find('/'), colon = url.find(':');
        check(colon < slash, "the URL: it has no port");
        host = url.substr(0, colon);
        port = url.substr(colon + 1, slash == url.npos ? slash : slash - colon - 1);
        target = slash == url.npos ? "/" : url.substr(slash);
    }
    [[nodiscard]] std::string authority() const { return host + ':' + port; }

    std::string host, port, target;
};

/// Says how the conversation ended; returns what main does.
template <typename Function> int say_how_it_ended(const char* program, Function conversation) {
    try {
        conversation();
        std::puts("echoes are right");
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", program, error.what());
        return 1;
    }
}

/// The main function of a client; `run` is called with the URL and whether the server is plain.
template <typename Function> int client_main(int argc, char** argv, Function run) {
    const bool plain = argc == 3 && std::string_view(argv[1]) == "--plain";
    if (argc != 2 && !plain) {
        std::fprintf(stderr, "usage: %s [--plain] URL\n", argv[0]);
        return 2;
    }
    return say_how_it_ended(argv[0], [&] { run(argv[argc - 1], plain); });
}

} // namespace peers

#endif
