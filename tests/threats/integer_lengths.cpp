// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Lengths that other software added, cut or took for negative.

#include "driver.hpp"
#include "support/catch.hpp"

#include <framewire/frame_decoder.hpp>

#include <type_traits>

using namespace framewire;
using namespace framewire::test;

namespace {

// 64 bits wherever it is compiled.
static_assert(std::is_same_v<decltype(frame_header::payload_size), std::uint64_t>);
static_assert(std::is_same_v<decltype(limits::max_message_size), std::uint64_t>);

struct length {
    length_form form;
    std::uint64_t size;
    errc error; // success: a frame may have it
};

constexpr std::uint64_t one = 1;
constexpr length lengths[] = {
    {length_form::shortest, 0, errc::success},
    {length_form::shortest, 125, errc::success},
    {length_form::two_octets, 0, errc::length_not_minimal},
    {length_form::two_octets, 125, errc::length_not_minimal},
    {length_form::two_octets, 126, errc::success},
    {length_form::two_octets, 65'535, errc::success},
    {length_form::eight_octets, 0, errc::length_not_minimal},
    {length_form::eight_octets, 126, errc::length_not_minimal},
    {length_form::eight_octets, 65'535, errc::length_not_minimal},
    {length_form::eight_octets, 65'536, errc::success},
    {length_form::eight_octets, (one << 31) - 1, errc::success},
    {length_form::eight_octets, one << 31, errc::success},
    {length_form::eight_octets, (one << 32) - 1, errc::success},
    {length_form::eight_octets, one << 32, errc::success},
    {length_form::eight_octets, (one << 53) + 1, errc::success}, // where a double cannot follow
    {length_form::eight_octets, (one << 63) - 1, errc::success},
    {length_form::eight_octets, one << 63, errc::length_too_large},
    {length_form::eight_octets, ~one - 2, errc::length_too_large}, // 2^64-4
    {length_form::eight_octets, ~std::uint64_t{0}, errc::length_too_large},
};
static_assert(lengths[17].size == 18'446'744'073'709'551'612u);

std::string header_of(role self, unsigned first, const length& l) {
    return frame_writer(self).header(first, l.size, l.form).str();
}

} // namespace

TEMPLATE_TEST_CASE("threats: CVE-2020-13935 Tomcat, CVE-2026-1528 undici, CVE-2017-2921 Mongoose, "
                   "CVE-2026-54466 websocket-driver, nopoll#84, re#1584, wsServer#117, "
                   "ios-webkit-debug-proxy#435, every length is what it says or refused",
                   "[threats]", FRAMEWIRE_THREAT_DRIVERS) {
    constexpr std::uint64_t anything = ~std::uint64_t{0};
    for (const length& l : lengths) {
        CAPTURE(l.size, static_cast<int>(l.form));
        for (const unsigned first : {0x82u, 0x02u}) {
            const std::string header = header_of(TestType::side, first, l);
            // Whole, in single octets, and cut in two everywhere: some octets of payload behind it.
            for_each_chunking(bytes(header + "abcd"), [&](const chunk_list& pieces) {
                TestType end(limits{.max_message_size = anything});
                for (const std::span<std::byte> piece : pieces)
                    end.receive(text_of(piece));
                // What stands behind an empty message is a frame, and a wrong one.
                const bool good =
                    l.size == 0 && l.error == errc::success ? end.ended() : end.error() == l.error;
                if (!good) FAIL(message(end.error()));
                if (l.error != errc::success && end.close_sent() != 1002) FAIL("no 1002");
                if (end.peak() > 4096 + driver_overhead<TestType>) FAIL(end.peak());
            });
        }
        // The decoder by itself tells the same number.
        frame_decoder<TestType::side> decoder;
        std::vector<std::byte> input = bytes(header_of(TestType::side, 0x82, l));
        std::span<std::byte> in(input);
        const decoded item = decoder.next(in);
        CHECK(item.error == l.error);
        if (l.error == errc::success) CHECK(item.header.payload_size == l.size);
        // The short cut adds nothing to a length that it has not compared: it is not all there.
        if (l.size != 0) {
            CHECK(whole_message_size<TestType::side>(bytes(header_of(TestType::side, 0x82, l)),
                                                     anything) == 0);
        }
        // A control frame has a short length, whatever is written in a longer one.
        TestType end;
        end.receive(header_of(TestType::side, 0x89, l));
        CHECK(end.error() ==
              (l.form == length_form::shortest ? errc::success : errc::control_frame_too_long));
    }
}

TEMPLATE_TEST_CASE(
    "threats: CVE-2020-13935 Tomcat, a length is not what the lower half of it says, "
    "though so many octets are there",
    "[threats]", FRAMEWIRE_THREAT_DRIVERS) {
    // A size_t of 32 bits that it went through would leave a message that is all there.
    for (const std::uint64_t size : {(one << 32) + 65'536, (one << 62) + 65'536}) {
        for (const bool begun : {false, true}) {
            CAPTURE(size, begun);
            frame_writer peer(TestType::side);
            if (begun) peer.frame(0x02, "begun");
            peer.header(begun ? 0x80 : 0x82, size, length_form::eight_octets);
            const std::string sent = peer.str() + std::string(65'536, 'x');
            TestType end(limits{.max_message_size = ~std::uint64_t{0}});
            end.receive(sent);
            CHECK(end.messages() == 0);
            CHECK_FALSE(end.ended());
            CHECK(whole_message_size<TestType::side>(bytes(sent), ~std::uint64_t{0}) == 0);
            TestType limited(limits{.max_message_size = 100'000});
            limited.receive(sent);
            CHECK(limited.error() == errc::message_too_big);
        }
    }
}

TEMPLATE_TEST_CASE(
    "threats: CVE-2020-13935 Tomcat, lengths in frames of the wrong role are refused", "[threats]",
    FRAMEWIRE_THREAT_DRIVERS) {
    for (const length& l : lengths) {
        const bool masked = TestType::side != role::server;
        TestType end;
        end.receive(raw_prefix(0x82, l.size, masked, l.form) + "keyspayload");
        CHECK(end.error() == (masked ? errc::frame_masked : errc::frame_not_masked));
        CHECK(end.close_sent() == 1002);
    }
}

TEMPLATE_TEST_CASE("threats: CVE-2020-27813 GHSA-jf24-p9p9-4rjh gorilla, lengths of fragments do "
                   "not add up to less, a Pong in between or not",
                   "[threats]", FRAMEWIRE_THREAT_DRIVERS) {
    constexpr std::uint64_t most = (one << 63) - 1;
    for (const bool pong : {false, true}) {
        for (const std::uint64_t limit :
             {std::uint64_t{100}, std::uint64_t{1} << 31, std::uint64_t{1} << 32, most}) {
            CAPTURE(pong, limit);
            TestType end(limits{.max_message_size = limit});
            frame_writer peer(TestType::side);
            peer.frame(0x02, std::string(60, 'x'));
            if (pong) peer.pong("between");
            peer.header(0x00, limit > most - 60 ? most : limit);
            end.receive(peer);
            CHECK(end.error() == errc::message_too_big);
            CHECK(end.close_sent() == 1009);
            CHECK(end.peak() <= 4096);
            // Up to the limit, it goes on.
            TestType fits(limits{.max_message_size = limit});
            frame_writer good(TestType::side);
            good.frame(0x02, std::string(60, 'x'));
            if (pong) good.pong("between");
            good.header(0x00, limit - 60);
            fits.receive(good);
            CHECK_FALSE(fits.ended());
        }
        // Without a limit nothing wraps around either.
        TestType end(limits{.max_message_size = ~std::uint64_t{0}});
        frame_writer peer(TestType::side);
        end.receive(peer.frame(0x02, "x").header(0x00, most));
        CHECK_FALSE(end.ended());
    }
}
