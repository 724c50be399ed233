// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/frame_decoder.hpp>

#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/chunker.hpp"

#include <string>
#include <string_view>
#include <vector>

using namespace framewire;

namespace {

// What a decoder tells, in one line; payload pieces of a frame are put together again, since where
// they are cut depends on the input.
template <role Role> std::string trace(const test::chunk_list& pieces, std::uint8_t rsv = 0) {
    frame_decoder<Role> decoder(rsv);
    std::string out;
    for (std::span<std::byte> piece : pieces) {
        for (;;) {
            const decoded item = decoder.next(piece);
            if (item.kind == decoded_kind::need_data) break;
            if (item.kind == decoded_kind::error) return out += message(item.error);
            if (item.kind == decoded_kind::header) {
                out += "op=" + std::to_string(static_cast<int>(item.header.op));
                out += item.header.fin ? " fin " : " ";
                out += "size=" + std::to_string(item.header.payload_size) + " [";
            } else {
                out += test::text_of(item.payload);
                if (item.end_of_frame) out += "] ";
            }
        }
        REQUIRE(piece.empty());
    }
    return out;
}

struct row {
    const char* hex;
    const char* expected;
};

// The examples of RFC 6455 5.7, and what may follow what.
constexpr row from_server[] = {
    {"81 05 48 65 6c 6c 6f", "op=1 fin size=5 [Hello] "},                        // RFC 6455 5.7
    {"01 03 48 65 6c 80 02 6c 6f", "op=1 size=3 [Hel] op=0 fin size=2 [lo] "},   // RFC 6455 5.7
    {"89 05 48 65 6c 6c 6f", "op=9 fin size=5 [Hello] "},                        // RFC 6455 5.7
    {"81 00 82 00", "op=1 fin size=0 [] op=2 fin size=0 [] "},                   // empty frames
    {"88 02 03 e8 81 01 78", "op=8 fin size=2 [\x03\xe8] op=1 fin size=1 [x] "}, // no message state
    {"81 85 37 fa 21 3d 7f", "a server sent a masked frame"},                    // RFC 6455 5.1
    {"81 01 78 c1 01 78",
     "op=1 fin size=1 [x] a frame has reserved bits set that no extension defines"},
    {"83 00", "a frame has a reserved opcode"},                              // RFC 6455 5.2
    {"8b 00", "a frame has a reserved opcode"},                              // RFC 6455 5.2
    {"09 00", "a control frame is fragmented"},                              // RFC 6455 5.5
    {"89 7e 00 7e", "a control frame is longer than 125 bytes"},             // RFC 6455 5.5
    {"81 7e 00 01", "a payload length is not written in the shortest form"}, // RFC 6455 5.2
    {"81 7f 80 00 00 00 00 00 00 00", "a payload length has its most significant bit set"},
    {"81 7f 00 00", ""}, // not all there yet
};

constexpr row from_client[] = {
    {"81 85 37 fa 21 3d 7f 9f 4d 51 58", "op=1 fin size=5 [Hello] "},     // RFC 6455 5.7
    {"8a 85 37 fa 21 3d 7f 9f 4d 51 58", "op=10 fin size=5 [Hello] "},    // RFC 6455 5.7
    {"82 80 01 02 03 04", "op=2 fin size=0 [] "},                         // empty, masked
    {"81 81 00 00 00 00 78", "op=1 fin size=1 [x] "},                     // a key of zeros
    {"81 05 48 65 6c 6c 6f", "a client sent a frame that is not masked"}, // RFC 6455 5.1
};

} // namespace

TEST_CASE("frame_decoder: a client's decoder, at every split point", "[rfc6455-5.7]") {
    for (const row& r : from_server) {
        INFO(r.hex);
        test::for_each_chunking(test::from_hex(r.hex), [&](const test::chunk_list& pieces) {
            REQUIRE(trace<role::client>(pieces) == r.expected);
        });
    }
}

TEST_CASE("frame_decoder: a server's decoder, at every split point", "[rfc6455-5.7]") {
    for (const row& r : from_client) {
        INFO(r.hex);
        test::for_each_chunking(test::from_hex(r.hex), [&](const test::chunk_list& pieces) {
            REQUIRE(trace<role::server>(pieces) == r.expected);
        });
    }
}

TEST_CASE("frame_decoder: the 256 byte and 64 KiB frames of RFC 6455", "[rfc6455-5.7]") {
    for (const std::size_t size : {std::size_t{256}, std::size_t{65536}}) {
        auto wire = test::from_hex(size == 256 ? "82 7e 01 00" : "82 7f 00 00 00 00 00 01 00 00");
        for (std::size_t i = 0; i < size; ++i)
            wire.push_back(static_cast<std::byte>('a' + i % 26));
        const std::string text = test::text_of(std::span(wire).last(size));
        const std::string expected = "op=2 fin size=" + std::to_string(size) + " [" + text + "] ";
        for (const std::size_t chunk : {std::size_t{1}, std::size_t{1000}, wire.size()}) {
            CHECK(trace<role::client>(test::chunks_of(wire, chunk)) == expected);
        }
    }
}

TEST_CASE("frame_decoder: a violation is seen with the second byte of the frame", "[rfc6455-5.2]") {
    frame_decoder<role::server> decoder;
    auto wire = test::from_hex("81 7f"); // not masked; the length is still to come
    std::span<std::byte> in(wire);
    CHECK(decoder.next(in).error == errc::frame_not_masked);
    CHECK_FALSE(decoder.at_frame_boundary());
}

TEST_CASE("frame_decoder: an error stays, and nothing after it is read") {
    frame_decoder<role::client> decoder;
    auto wire = test::from_hex("83 00 81 01 78");
    std::span<std::byte> in(wire);
    CHECK(decoder.next(in).error == errc::reserved_opcode);
    CHECK(decoder.next(in).error == errc::reserved_opcode);
    CHECK(decoder.next(in).kind == decoded_kind::error);
}

TEST_CASE("frame_decoder: reserved bits pass where an extension uses them", "[rfc6455-5.2]") {
    const auto run = [](std::string_view hex) {
        return trace<role::client>(test::chunks_of(test::from_hex(hex), 1), rsv1);
    };
    CHECK(run("c1 01 78") == "op=1 fin size=1 [x] ");
    CHECK(run("c2 00") == "op=2 fin size=0 [] ");
    const std::string refused(message(errc::reserved_bits_set));
    CHECK(run("a1 00") == refused);                           // RSV2
    CHECK(run("91 00") == refused);                           // RSV3
    CHECK(run("c9 00") == refused);                           // RFC 7692 6.1: not on control frames
    CHECK(run("01 00 c0 00") == "op=1 size=0 [] " + refused); // only on the first frame
}

TEST_CASE("frame_decoder: next_masked leaves the payload and gives the key of each piece") {
    const auto wire = test::from_hex("82 86 01 02 03 04 a1 a2 a3 a4 a5 a6");
    test::for_each_chunking(wire, [&](const test::chunk_list& pieces) {
        frame_decoder<role::server> decoder;
        std::string unmasked;
        for (std::span<std::byte> piece : pieces) {
            for (;;) {
                decoded item = decoder.next_masked(piece);
                if (item.kind == decoded_kind::need_data) break;
                if (item.kind != decoded_kind::payload) continue;
                mask_in_place(item.payload, item.header.key);
                unmasked += test::text_of(item.payload);
            }
        }
        REQUIRE(test::to_hex(test::bytes(unmasked)) == "a0 a0 a0 a0 a4 a4");
        REQUIRE(decoder.at_frame_boundary());
    });
}

TEST_CASE("frame_decoder: a whole message is found exactly where the decoder finds one",
          "[rfc6455-5.2]") {
    constexpr std::uint64_t limit = 70'000;
    // Each length in each form, so that the forms that are too long are among them.
    for (const std::uint64_t size : {0u, 1u, 125u, 126u, 200u, 65535u, 65536u, 70'000u, 70'001u}) {
        for (const int form : {7, 16, 64}) {
            if ((form == 7 && size > 125) || (form == 16 && size > 0xFFFF)) continue;
            for (unsigned first = 0; first < 256; ++first) {
                std::vector<std::byte> wire{static_cast<std::byte>(first)};
                const int code = form == 7 ? static_cast<int>(size) : form == 16 ? 126 : 127;
                wire.push_back(static_cast<std::byte>(0x80 | code));
                for (int bits = form == 7 ? 0 : form; bits > 0; bits -= 8) {
                    wire.push_back(static_cast<std::byte>((size >> (bits - 8)) & 0xFF));
                }
                wire.resize(wire.size() + 4 + static_cast<std::size_t>(size));

                const bool shortest = form == (size < 126 ? 7 : size <= 0xFFFF ? 16 : 64);
                const bool expected = (first == 0x81 || first == 0x82) && shortest && size <= limit;
                const std::span<const std::byte> in = wire;
                const std::size_t found = whole_message_size<role::server>(in, limit);
                if (found != (expected ? wire.size() : 0))
                    FAIL(first << " " << size << " " << form);
                // One byte less is not a whole message, one byte more changes nothing.
                if (whole_message_size<role::server>(in.first(in.size() - 1), limit) != 0) FAIL();
                wire.push_back(std::byte{0x55});
                if (whole_message_size<role::server>(wire, limit) != found) FAIL();
                if (whole_message_size<role::client>(wire, limit) != 0) FAIL(); // masked
            }
        }
    }
    CHECK(whole_message_size<role::client>(test::bytes("\x81\x05Hello"), limit) == 7);
    CHECK(whole_message_size<role::server>(test::bytes("\x81\x05Hello"), limit) == 0);
    for (std::size_t n = 0; n < 14; ++n) { // nothing is read behind the end of the input
        const auto cut =
            test::chunks_of(test::from_hex("82 ff 00 00 00 00 00 01 00 00 01 02 03 04"), n + 1);
        CHECK(whole_message_size<role::server>(cut[0], limit) == 0);
    }
}

TEST_CASE("frame_decoder: works at compile time", "[rfc6455-5.7]") {
    STATIC_REQUIRE([] {
        auto wire = test::byte_array("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
        std::span<std::byte> in(wire);
        frame_decoder<role::server> decoder;
        const decoded header = decoder.next(in);
        const decoded payload = decoder.next(in);
        const auto hello = test::byte_array("Hello");
        bool same = payload.payload.size() == hello.size();
        for (std::size_t i = 0; same && i < hello.size(); ++i)
            same = payload.payload[i] == hello[i];
        return header.header.op == opcode::text && payload.end_of_frame && same && in.empty();
    }());
    STATIC_REQUIRE(
        noexcept(frame_decoder<role::server>{}.next(std::declval<std::span<std::byte>&>())));
    STATIC_REQUIRE(sizeof(frame_decoder<role::server>) <= 40);
}
