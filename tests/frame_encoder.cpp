// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/frame_encoder.hpp>

#include <framewire/frame_decoder.hpp>
#include <framewire/utf8.hpp>

#include "support/allocation_counter.hpp"
#include "support/bytes.hpp"
#include "support/catch.hpp"

#include <string>
#include <vector>

using namespace framewire;

namespace {

std::string prefix_of(frame_header header) { return test::to_hex(encode_prefix(header).bytes()); }

frame_header header_of(opcode op, std::uint64_t size, bool fin = true) {
    frame_header header;
    header.op = op;
    header.fin = fin;
    header.payload_size = size;
    return header;
}

template <role Role> std::vector<std::byte> encoded(const frame_encoder<Role>& encoder,
                                                    frame_header header,
                                                    std::span<const std::byte> payload) {
    std::vector<std::byte> out(static_cast<std::size_t>(frame_size<Role>(payload.size())));
    REQUIRE(encode_into(std::span(out), encoder, header, payload) == out.size());
    return out;
}

} // namespace

TEST_CASE("frame_encoder: the examples of RFC 6455", "[rfc6455-5.7]") {
    const frame_encoder<role::server> server;
    const auto hello = test::bytes("Hello");
    CHECK(test::to_hex(encoded(server, header_of(opcode::text, 0), hello)) ==
          "81 05 48 65 6c 6c 6f");
    CHECK(test::to_hex(encoded(server, header_of(opcode::text, 0, false), test::bytes("Hel"))) ==
          "01 03 48 65 6c");
    CHECK(test::to_hex(encoded(server, header_of(opcode::continuation, 0), test::bytes("lo"))) ==
          "80 02 6c 6f");
    CHECK(test::to_hex(encoded(server, header_of(opcode::ping, 0), hello)) ==
          "89 05 48 65 6c 6c 6f");
    CHECK(prefix_of(header_of(opcode::binary, 256)) == "82 7e 01 00");
    CHECK(prefix_of(header_of(opcode::binary, 65536)) == "82 7f 00 00 00 00 00 01 00 00");

    frame_header masked = header_of(opcode::text, 5);
    masked.masked = true;
    masked.key = {{std::byte{0x37}, std::byte{0xfa}, std::byte{0x21}, std::byte{0x3d}}};
    CHECK(prefix_of(masked) == "81 85 37 fa 21 3d");
}

TEST_CASE("frame_encoder: a prefix parses to the header it came from", "[rfc6455-5.2]") {
    for (const std::uint64_t size :
         {std::uint64_t{0}, std::uint64_t{125}, std::uint64_t{126}, std::uint64_t{65535},
          std::uint64_t{65536}, std::uint64_t{0x7FFFFFFFFFFFFFFF}}) {
        for (unsigned first = 0; first < 256; ++first) {
            for (const bool masked : {false, true}) {
                frame_header header;
                header.op = static_cast<opcode>(first & 0xF);
                header.fin = (first & 0x80) != 0;
                header.rsv = (first >> 4) & 7;
                header.payload_size = size;
                header.masked = masked;
                if (masked) header.key.octets[2] = std::byte{0x99};
                const frame_prefix prefix = encode_prefix(header);
                const parsed_frame_header parsed = parse_frame_header(prefix.bytes());
                REQUIRE(parsed.size == prefix.size);
                REQUIRE(parsed.header == header);
            }
        }
    }
}

TEST_CASE("frame_encoder: a client masks each frame with a fresh key", "[rfc6455-5.3]") {
    const std::array<std::byte, 32> seed{};
    masking_key_source keys(seed);
    masking_key_source same_keys(seed);
    const frame_encoder<role::client> encoder(keys);
    for (const std::size_t size : {0u, 1u, 5u, 125u, 126u, 1000u, 65536u}) {
        const std::vector<std::byte> payload(size, std::byte{'y'});
        auto wire = encoded(encoder, header_of(opcode::binary, 0), payload);
        const parsed_frame_header parsed = parse_frame_header(wire);
        REQUIRE(parsed.header.masked);
        REQUIRE(parsed.header.key == same_keys.next());
        const auto body = std::span(wire).subspan(parsed.size);
        mask_in_place(body, parsed.header.key);
        REQUIRE(std::equal(body.begin(), body.end(), payload.begin(), payload.end()));
    }
}

TEST_CASE("frame_encoder: writes nothing when there is too little room") {
    const frame_encoder<role::server> encoder;
    const auto payload = test::bytes("Hello");
    std::vector<std::byte> out(6, std::byte{0xEE});
    CHECK(encode_into(std::span(out), encoder, header_of(opcode::text, 0), payload) == 0);
    CHECK(out == std::vector<std::byte>(6, std::byte{0xEE}));
}

TEST_CASE("frame_encoder: encoding, decoding and validating take nothing from the heap") {
    std::vector<std::byte> payload(100'000, std::byte{'z'});
    std::vector<std::byte> wire(100'014);
    const test::allocation_count before = test::allocations();

    const std::array<std::byte, 32> seed{};
    masking_key_source keys(seed);
    const frame_encoder<role::client> encoder(keys);
    frame_decoder<role::server> decoder;
    utf8_validator validator;
    std::size_t received = 0;
    bool valid = true;
    for (const std::size_t size : {0u, 1u, 125u, 126u, 65535u, 65536u, 100'000u}) {
        const std::size_t length = encode_into(std::span(wire), encoder, header_of(opcode::text, 0),
                                               std::span(payload).first(size));
        // In two pieces, with the cut inside the header.
        for (std::span<std::byte> in : {std::span(wire).first(3), std::span(wire).subspan(3)}) {
            if (in.data() != wire.data()) in = in.first(length - 3);
            for (;;) {
                const decoded item = decoder.next(in);
                if (item.kind == decoded_kind::need_data) break;
                valid = valid && item.kind != decoded_kind::error;
                received += item.payload.size();
                valid = valid && validator.feed(item.payload) == item.payload.size();
            }
        }
    }

    const test::allocation_count taken = test::allocations() - before;
    CHECK(taken.calls == 0);
    CHECK(valid);
    CHECK(received == 0 + 1 + 125 + 126 + 65535 + 65536 + 100'000);
}

TEST_CASE("frame_encoder: works at compile time", "[rfc6455-5.7]") {
    STATIC_REQUIRE([] {
        std::array<std::byte, 7> out{};
        const auto hello = test::byte_array("Hello");
        const std::size_t size =
            encode_into(std::span<std::byte>(out), frame_encoder<role::server>{}, {}, hello);
        return size == 7 && out == test::byte_array("\x81\x05Hello");
    }());
    STATIC_REQUIRE(frame_size<role::server>(125) == 127);
    STATIC_REQUIRE(frame_size<role::client>(126) == 134);
    STATIC_REQUIRE(frame_size<role::client>(65536) == 65550);
}
