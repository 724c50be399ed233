// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/detail/piece_buffer.hpp>

#include "support/bytes.hpp"
#include "support/catch.hpp"

#include <span>

using namespace framewire::test;
using framewire::detail::byte_buffer;
using framewire::detail::piece_buffer;

TEST_CASE("piece_buffer: a control frame stands behind the message and leaves it as it was",
          "[rfc6455-5.4]") {
    piece_buffer pieces;
    REQUIRE(pieces.message().append(bytes("abc")));
    REQUIRE(pieces.append_control(bytes("pi"), 100));
    REQUIRE(pieces.append_control(bytes("ng"), 100));
    CHECK(pieces.holds_control());
    CHECK(to_hex(pieces.control()) == to_hex(bytes("ping")));
    pieces.told_control();
    CHECK(pieces.is_told());
    pieces.drop_told();
    CHECK_FALSE(pieces.is_told());
    CHECK_FALSE(pieces.holds_control());
    CHECK(to_hex(pieces.message().bytes()) == to_hex(bytes("abc")));
}

TEST_CASE("piece_buffer: what was not told stays", "[rfc6455-5.4]") {
    piece_buffer pieces;
    REQUIRE(pieces.message().append(bytes("abc")));
    pieces.drop_told();
    CHECK(pieces.detach_told(100).empty());
    CHECK(to_hex(pieces.message().bytes()) == to_hex(bytes("abc")));
    pieces.told_message();
    pieces.drop_told();
    CHECK(pieces.message().empty());
}

TEST_CASE("piece_buffer: a control frame is given away without the message", "[rfc6455-5.4]") {
    piece_buffer pieces;
    REQUIRE(pieces.message().append(bytes("abc")));
    REQUIRE(pieces.append_control(bytes("ping"), 100));
    const std::span<std::byte> view = pieces.control();
    pieces.told_control();
    const byte_buffer given = pieces.detach_told(100);
    CHECK(given.bytes().last(4).data() == view.data());
    CHECK_FALSE(pieces.is_told());
    CHECK(to_hex(pieces.message().bytes()) == to_hex(bytes("abc")));
}
