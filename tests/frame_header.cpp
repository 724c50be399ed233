// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/frame_header.hpp>

#include "support/bytes.hpp"
#include "support/catch.hpp"

#include <vector>

using namespace framewire;

namespace {

struct length_row {
    const char* hex; // from the second octet on, without the masking key
    errc error;
    std::uint64_t size;
};

// RFC 6455 5.2: the three forms of the payload length, at their edges and in too long a form.
constexpr length_row lengths[] = {
    {"00", errc::success, 0},
    {"7d", errc::success, 125},
    {"7e 00 00", errc::length_not_minimal, 0},
    {"7e 00 7d", errc::length_not_minimal, 0},
    {"7e 00 7e", errc::success, 126},
    {"7e ff ff", errc::success, 65535},
    {"7f 00 00 00 00 00 00 00 00", errc::length_not_minimal, 0},
    {"7f 00 00 00 00 00 00 ff ff", errc::length_not_minimal, 0},
    {"7f 00 00 00 00 00 01 00 00", errc::success, 65536},
    {"7f 00 00 00 00 7f ff ff ff", errc::success, 0x7FFFFFFF},
    {"7f 00 00 00 00 80 00 00 00", errc::success, 0x80000000},
    {"7f 00 00 00 00 ff ff ff ff", errc::success, 0xFFFFFFFF},
    {"7f 00 00 00 01 00 00 00 00", errc::success, 0x100000000},
    {"7f 7f ff ff ff ff ff ff ff", errc::success, 0x7FFFFFFFFFFFFFFF},
    {"7f 80 00 00 00 00 00 00 00", errc::length_too_large, 0},
    {"7f ff ff ff ff ff ff ff fc", errc::length_too_large, 0},
    {"7f ff ff ff ff ff ff ff ff", errc::length_too_large, 0},
};

} // namespace

TEST_CASE("frame_header: lengths take the shortest form and 63 bits", "[rfc6455-5.2]") {
    for (const length_row& row : lengths) {
        for (const bool masked : {false, true}) {
            auto wire = test::from_hex(row.hex);
            wire.insert(wire.begin(), std::byte{0x82});
            if (masked) {
                wire[1] |= std::byte{0x80};
                for (const std::byte b : test::from_hex("01 02 03 04"))
                    wire.push_back(b);
            }
            INFO(test::to_hex(wire));
            for (std::size_t n = 0; n < wire.size(); ++n) {
                const parsed_frame_header cut = parse_frame_header(std::span(wire).first(n));
                REQUIRE(cut.size == 0);
                REQUIRE(cut.error == errc::success);
            }
            const parsed_frame_header parsed = parse_frame_header(wire);
            REQUIRE(parsed.error == row.error);
            if (row.error != errc::success) {
                REQUIRE(parsed.size == 0);
                continue;
            }
            REQUIRE(parsed.size == wire.size());
            REQUIRE(parsed.header.payload_size == row.size);
            REQUIRE(parsed.header.masked == masked);
            REQUIRE(header_size(parsed.header) == wire.size());
            REQUIRE(header_size_for(wire[1]) == wire.size());
            if (masked) REQUIRE(test::to_hex(parsed.header.key.octets) == "01 02 03 04");
        }
    }
}

TEST_CASE("frame_header: every first octet reads as what it is", "[rfc6455-5.2]") {
    for (unsigned first = 0; first < 256; ++first) {
        const std::array wire{static_cast<std::byte>(first), std::byte{0}};
        const frame_header header = parse_frame_header(wire).header;
        INFO(first);
        CHECK(header.fin == (first >= 128));
        CHECK(header.rsv == ((first & 0x70) >> 4));
        CHECK(static_cast<unsigned>(header.op) == first % 16);
    }
}

TEST_CASE("frame_header: a single frame is legal or has one cause", "[rfc6455-5.2]") {
    for (unsigned first = 0; first < 256; ++first) {
        for (unsigned second = 0; second < 256; ++second) {
            const unsigned op = first & 0xF;
            const unsigned length = second & 0x7F;
            const bool masked = second >= 128;
            const unsigned rsv = (first >> 4) & 7;
            for (const unsigned allowed : {0u, 4u}) {
                // The rules in the order in which they are looked at, written a second time.
                errc client = errc::frame_not_masked;
                errc server = errc::success;
                if (masked) {
                    client = errc::success;
                    server = errc::frame_masked;
                }
                if (op >= 8 && length > 125) client = server = errc::control_frame_too_long;
                if (op >= 8 && first < 128) client = server = errc::control_frame_fragmented;
                if ((op > 2 && op < 8) || op > 10) client = server = errc::reserved_opcode;
                const unsigned usable = (op == 1 || op == 2) ? allowed : 0;
                if ((rsv & ~usable) != 0) client = server = errc::reserved_bits_set;

                const auto a = static_cast<std::byte>(first);
                const auto b = static_cast<std::byte>(second);
                const auto bits = static_cast<std::uint8_t>(allowed);
                INFO(first << " " << second << " " << allowed);
                if (check_frame_start(a, b, role::client, bits) != client) FAIL();
                if (check_frame_start(a, b, role::server, bits) != server) FAIL();
            }
        }
    }
}

TEST_CASE("frame_header: works at compile time", "[rfc6455-5.7]") {
    constexpr auto wire = test::byte_array("\x89\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    constexpr parsed_frame_header parsed = parse_frame_header(wire);
    STATIC_REQUIRE(parsed.size == 6);
    STATIC_REQUIRE(parsed.header.op == opcode::ping);
    STATIC_REQUIRE(parsed.header.fin);
    STATIC_REQUIRE(parsed.header.masked);
    STATIC_REQUIRE(parsed.header.payload_size == 5);
    STATIC_REQUIRE(check_frame_start(wire[0], wire[1], role::client) == errc::success);
}
