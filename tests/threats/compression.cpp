// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Known attacks by way of permessage-deflate.
//
// Held elsewhere:
//  - CVE-2016-9840 and CVE-2018-25032, flaws of zlib that Boost.Beast's copy of it inherited: there
//    is no copy here. The system's zlib is linked, and mended with the system.
//  - CVE-2026-29035, besides the test below: tests/fuzz/deflate.cpp corrupts streams under the
//    sanitizers.

#include "driver.hpp"
#include "support/catch.hpp"

#include <framewire/message_extension.hpp>

using namespace framewire;
using namespace framewire::test;

namespace {

constexpr std::int64_t mebibyte = 1 << 20;

// What inflates to one GiB of zeros, about one MiB: a flush after each MiB forgets the window, so
// that one piece can be repeated.
std::string bomb() {
    compressing_peer peer(15, 9);
    const std::string piece = peer.raw(std::string(mebibyte, '\0'), Z_FULL_FLUSH);
    std::string out;
    out.reserve(1024 * piece.size());
    for (int i = 0; i < 1024; ++i)
        out += piece;
    return out;
}

const std::string& one_gib() {
    static const std::string instance = bomb();
    return instance;
}

std::size_t answered(std::string_view offer, permessage_deflate& server) {
    std::array<char, permessage_deflate::max_header_value> answer{};
    const written result = negotiate(server, extension_list(offer), answer);
    CHECK(result.error == errc::success);
    return result.size;
}

} // namespace

TEMPLATE_TEST_CASE("threats: CVE-2026-1526 undici, CVE-2018-1000518 websockets, tornado#2391, "
                   "CVE-2016-10544 uws, one GiB of zeros in one MiB stops at the limit",
                   "[threats]", core_deflating_server, core_deflating_client) {
    REQUIRE(one_gib().size() < 2 * static_cast<std::size_t>(mebibyte));
    for (const bool many : {false, true}) {
        TestType end(limits{.max_message_size = mebibyte});
        const std::int64_t bytes = allocations().bytes;
        std::size_t pieces = 0;
        if (many) {
            // A frame for each piece of 256 octets.
            for (std::size_t at = 0; !end.ended() && at < one_gib().size(); at += 256, ++pieces) {
                end.receive(frame_writer(TestType::side)
                                .frame(at == 0 ? 0x42 : 0x00, one_gib().substr(at, 256)));
            }
            CHECK(pieces <= 6); // work: the first MiB and what shows that there is more
        } else {
            end.receive(frame_writer(TestType::side).frame(0xC2, one_gib()));
        }
        CHECK(end.error() == errc::message_too_big);
        CHECK(end.close_sent() == 1009);
        CHECK(end.messages() == 0);
        CHECK(end.peak() <= 2 * mebibyte + driver_overhead<TestType>);
        CHECK(end.held() <= driver_overhead<TestType>);
        // Nor was more than that asked for in turn; the input itself is among it.
        CHECK(allocations().bytes - bytes < 16 * mebibyte);
    }
}

TEMPLATE_TEST_CASE("threats: CVE-2026-1526 undici, a bomb in fragments of one octet", "[threats]",
                   core_deflating_server, core_deflating_client) {
    TestType end(limits{.max_message_size = mebibyte});
    std::size_t sent = 0;
    for (; !end.ended() && sent < one_gib().size(); ++sent) {
        end.receive(
            frame_writer(TestType::side).frame(sent == 0 ? 0x42 : 0x00, one_gib().substr(sent, 1)));
    }
    CHECK(end.error() == errc::message_too_big);
    CHECK(end.close_sent() == 1009);
    CHECK(sent < one_gib().size() / 1024 + 64); // the first piece, which is one MiB
    CHECK(end.peak() <= 2 * mebibyte + driver_overhead<TestType>);
    CHECK(end.held() <= driver_overhead<TestType>);
}

TEMPLATE_TEST_CASE("threats: CVE-2026-1526 undici, many small bombs take no more than one",
                   "[threats]", core_deflating_server, core_deflating_client) {
    constexpr std::size_t size = 100'000;
    for (const bool takes_over : {true, false}) {
        compressing_peer peer(15, 9);
        TestType end(limits{.max_message_size = size});
        std::int64_t after_first = 0;
        for (int i = 0; i < 1000; ++i) {
            end.receive(
                frame_writer(TestType::side).frame(0xC2, peer.message(std::string(size, '\0'))));
            if (!takes_over) peer.begin_anew();
            if (i == 0) after_first = end.peak();
        }
        CHECK(end.messages() == 1000);
        CHECK(end.message_size() == size);
        CHECK(end.peak() <= after_first + 64);
        CHECK(end.peak() <= 2 * static_cast<std::int64_t>(size) + driver_overhead<TestType>);
        // With a window full of zeros, the one that is too large is no cheaper.
        end.receive(
            frame_writer(TestType::side).frame(0xC2, peer.message(std::string(size + 1, '\0'))));
        CHECK(end.error() == errc::message_too_big);
    }
}

TEMPLATE_TEST_CASE("threats: CVE-2026-1526 undici, a bomb cannot hide behind a limit on its sum",
                   "[threats]", core_deflating_server, core_deflating_client) {
    // Fragments, each of which keeps the limit.
    compressing_peer peer;
    TestType end(limits{.max_message_size = 1000});
    for (int i = 0; i < 3; ++i) {
        end.receive(
            frame_writer(TestType::side)
                .frame(i == 0 ? 0x42 : 0x00, peer.raw(std::string(400, 'a'), Z_SYNC_FLUSH)));
        CHECK(end.ended() == (i == 2));
    }
    CHECK(end.error() == errc::message_too_big);
}

TEST_CASE("threats: CVE-2026-2229 undici, netty#8702, autobahn-python#1018, a window that is no "
          "number of 8 to 15 is declined by a server and refused by a client",
          "[threats]") {
    for (const char* value : {"0",
                              "1",
                              "7",
                              "16",
                              "17",
                              "20",
                              "-8",
                              "+9",
                              "08",
                              "015",
                              "1e1",
                              "9.0",
                              "0x9",
                              "8 8",
                              "255",
                              "256",
                              "264",
                              "65551",
                              "4294967305",
                              "18446744073709551625",
                              "99999999999999999999999999",
                              "\"\"",
                              "\"7\"",
                              "\"16\"",
                              "\"9",
                              "x",
                              "\"1\\5\""}) {
        for (const char* name : {"server_max_window_bits", "client_max_window_bits"}) {
            const std::string element = std::string("permessage-deflate; ") + name + "=" + value;
            CAPTURE(element);
            permessage_deflate server(deflate_settings{});
            CHECK(answered(element, server) == 0); // the connection opens without
            CHECK_FALSE(server.active());
            // A further offer is looked at.
            if (is_extension_list(element)) {
                CHECK(answered(element + ", permessage-deflate", server) != 0);
                CHECK(server.active());
            }
            permessage_deflate client(deflate_settings{});
            CHECK(client.accept_answer(extension_element(element)) == errc::bad_extension_answer);
            CHECK_FALSE(client.active());
        }
    }
    for (const char* element :
         {"permessage-deflate; server_max_window_bits", "permessage-deflate; unknown",
          "permessage-deflate; server_no_context_takeover=1",
          "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
          "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9"}) {
        CAPTURE(element);
        permessage_deflate server(deflate_settings{});
        CHECK(answered(element, server) == 0);
        permessage_deflate client(deflate_settings{});
        CHECK(client.accept_answer(extension_element(element)) == errc::bad_extension_answer);
    }
}

TEST_CASE("threats: CVE-2026-2229 undici, every window that is agreed on works, both ways",
          "[threats]") {
    for (int server_bits = 8; server_bits <= 15; ++server_bits) {
        for (int client_bits = 8; client_bits <= 15; ++client_bits) {
            const std::string answer = "; server_max_window_bits=" + std::to_string(server_bits) +
                                       "; client_max_window_bits=" + std::to_string(client_bits);
            // A server may say 8, which zlib cannot compress with: then nothing is compressed.
            deflating_client client(answer, {}, always());
            const std::string text(3000, 'x');
            CHECK(client->send_text(text) == errc::success);
            const std::vector<wire_frame> frames = frames_of(client->output());
            REQUIRE(frames.size() == 1);
            CHECK((frames[0].rsv() == 4) == (client_bits >= 9));
            if (server_bits < 9) continue;
            client.feed(frame_writer(role::client).frame(0xC1, compressed(text, server_bits)));
            CHECK(client.told().find("text(") == 0);
        }
    }
}

TEMPLATE_TEST_CASE("threats: bun#38632, without memory for zlib a connection fails, and hands out "
                   "nothing that it has not decoded",
                   "[threats]", core_deflating_server, core_deflating_client) {
    // Too long to be decoded without zlib.
    const std::string message =
        frame_writer(TestType::side).frame(0xC2, compressed(noise(20'000))).str();
    int rounds = 0;
    for (bool more = true; more; ++rounds) {
        REQUIRE(rounds < 20);
        TestType end;
        {
            const failing_allocations failing(rounds, 1000);
            end.receive(message);
            more = failing.happened();
        }
        CHECK(end.messages() == (more ? 0 : 1));
        CHECK(end.error() == (more ? errc::out_of_memory : errc::success));
    }
    CHECK(rounds >= 3);
    // What cannot be compressed is not sent.
    const std::string text(20'000, 'x');
    TestType end;
    {
        const failing_allocations failing(1, 1000); // the output has its memory
        CHECK(end.connection().send_text(text) == errc::out_of_memory);
    }
    CHECK(end.connection().output().empty());
    CHECK(end.connection().send_text(text) == errc::success);
}

TEMPLATE_TEST_CASE("threats: CVE-2026-29035 CivetWeb, a corrupted stream fails or tells something "
                   "within the limit",
                   "[threats]", core_deflating_server, core_deflating_client) {
    const std::string content = "Hello, Hello, Hello! " + noise(20) + std::string(300, 'z');
    const std::string good = compressed(content);
    constexpr std::size_t limit = 2000;
    std::size_t refused = 0;
    const auto run = [&](const std::string& payload) {
        TestType end(limits{.max_message_size = limit});
        end.receive(frame_writer(TestType::side).frame(0xC2, payload));
        if (end.messages() == 1) {
            if (end.message_size() > limit) FAIL("over the limit");
        } else {
            ++refused;
            const unsigned code = end.close_sent();
            const bool known = (end.error() == errc::extension_data_invalid && code == 1007) ||
                               (end.error() == errc::message_too_big && code == 1009);
            if (!known) FAIL(message(end.error()));
        }
        if (end.peak() > 2 * static_cast<std::int64_t>(limit) + driver_overhead<TestType>) {
            FAIL(end.peak());
        }
    };
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (int bit = 0; bit < 8; ++bit) {
            std::string bad = good;
            bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
            run(bad);
        }
        run(good.substr(0, at));        // cut off
        run(good.substr(0, at) + good); // begun anew
        run(good + good.substr(at));    // something behind it
    }
    CHECK(refused > good.size());
}

TEMPLATE_TEST_CASE(
    "threats: CRIME, BREACH, a message with a secret goes out as it is when asked to", "[threats]",
    core_deflating_server, core_deflating_client) {
    const std::string text = "secret=" + std::string(500, 's');
    TestType end;
    auto& c = end.connection();
    CHECK(c.send_text(text, compression::never) == errc::success);
    CHECK(c.send_text(text) == errc::success);
    CHECK(c.send_binary(bytes(text), compression::never) == errc::success);
    CHECK(c.send_fragment(opcode::text, bytes(text), false, compression::never) == errc::success);
    CHECK(c.send_fragment(opcode::text, bytes(text), true) == errc::success);
    const std::vector<wire_frame> frames = frames_of(c.output());
    REQUIRE(frames.size() == 5);
    for (const std::size_t i : {0u, 2u, 3u, 4u}) {
        CHECK(frames[i].rsv() == 0);
        CHECK(frames[i].payload == text);
    }
    CHECK(frames[1].rsv() == 4);
    // Nothing of it is in the window of what is compressed later: it is as long as at first.
    TestType fresh;
    CHECK(fresh.connection().send_text(text) == errc::success);
    CHECK(frames_of(fresh.connection().output())[0].payload == frames[1].payload);
}
