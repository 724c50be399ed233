// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Opening handshakes as the threat tests begin them: requests to spoil, and servers to give them
// to.

#ifndef FRAMEWIRE_TESTS_THREATS_HANDSHAKES_HPP
#define FRAMEWIRE_TESTS_THREATS_HANDSHAKES_HPP

#include "support/bytes.hpp"
#include "support/catch.hpp"

#include <framewire/handshake/client.hpp>
#include <framewire/handshake/server.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace framewire::test {

/// The lines of a request that is accepted, each with its CR LF.
inline std::vector<std::string> request_lines() {
    return {"GET /chat HTTP/1.1\r\n",
            "Host: example.org\r\n",
            "Upgrade: websocket\r\n",
            "Connection: Upgrade\r\n",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
            "Sec-WebSocket-Version: 13\r\n"};
}

/// The head of a request with further lines.
inline std::string request_with(std::string_view lines = {}) {
    std::string out;
    for (const std::string& line : request_lines())
        out += line;
    return out.append(lines) + "\r\n";
}

/// What a server makes of bytes that come at once, in blocks of exactly their size.
struct served {
    errc error = errc::success;
    handshake_status status = handshake_status::need_data;
    std::string answer; ///< Of a handshake that is over.
    std::string rest;   ///< What it left.
};

inline std::string answer_of(const server_handshake& handshake) {
    std::array<char, 1024> out{};
    const written result = handshake.status() == handshake_status::complete
                               ? handshake.write_accept(out)
                               : handshake.write_reject(out, handshake.rejection());
    REQUIRE(result.error == errc::success);
    return {out.data(), result.size};
}

inline served serve(std::string_view text, std::size_t limit = 16'384) {
    const std::vector<std::byte> input = bytes(text);
    const auto block = std::make_unique<std::byte[]>(input.size());
    std::copy(input.begin(), input.end(), block.get());
    const auto storage = std::make_unique<char[]>(limit);
    server_handshake handshake(std::span(storage.get(), limit));
    std::span<const std::byte> in(block.get(), input.size());
    served out;
    out.status = handshake.feed(in);
    out.error = handshake.error();
    out.rest = text_of(in);
    if (out.status != handshake_status::need_data) out.answer = answer_of(handshake);
    return out;
}

inline std::string status_of(const std::string& answer) { return answer.substr(9, 3); }

// RFC 6455 1.3
inline constexpr auto sample_nonce = byte_array("the sample nonce");
inline constexpr std::string_view sample_response =
    "HTTP/1.1 101 Switching Protocols\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

} // namespace framewire::test

#endif
