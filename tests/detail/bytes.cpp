// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/detail/bytes.hpp>

#include "support/bytes.hpp"
#include "support/catch.hpp"

#include <cstdint>

using namespace framewire;

TEST_CASE("bytes: big-endian words read and write as they stand on the wire") {
    constexpr auto wire = test::byte_array("\x01\x02\x03\x04\x05\x06\x07\x08");
    STATIC_REQUIRE(detail::load_big_endian<std::uint16_t>(wire.data()) == 0x0102);
    STATIC_REQUIRE(detail::load_big_endian<std::uint64_t>(wire.data()) == 0x0102030405060708);
    CHECK(detail::load_big_endian<std::uint32_t>(wire.data() + 1) == 0x02030405);

    std::array<std::byte, 8> out{};
    detail::store_big_endian(out.data(), std::uint64_t{0x0102030405060708});
    CHECK(out == wire);
    detail::store_big_endian(out.data(), std::uint16_t{0xA1B2});
    CHECK(test::to_hex(std::span(out).first(3)) == "a1 b2 03");
}

TEST_CASE("bytes: native words are the same at compile time and at run time") {
    static constexpr auto data = test::byte_array("abcdefgh");
    constexpr auto at_compile_time = detail::load_native<std::uint64_t>(data.data());
    CHECK(detail::load_native<std::uint64_t>(data.data()) == at_compile_time);

    std::array<std::byte, 8> out{};
    detail::store_native(out.data(), at_compile_time);
    CHECK(out == data);
    STATIC_REQUIRE([] {
        std::array<std::byte, 4> copy{};
        detail::store_native(copy.data(), detail::load_native<std::uint32_t>(data.data()));
        return copy[0] == std::byte{'a'} && copy[3] == std::byte{'d'};
    }());
}

TEST_CASE("bytes: little-endian words read and write as ChaCha20 has them") {
    constexpr auto stream = test::byte_array("\x01\x02\x03\x04");
    STATIC_REQUIRE(detail::load_little_endian<std::uint32_t>(stream.data()) == 0x04030201);
    std::array<std::byte, 4> out{};
    detail::store_little_endian(out.data(), std::uint32_t{0x04030201});
    CHECK(out == stream);
}
