// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What permessage-deflate makes of what is sent (RFC 7692 7.2.1), and that two ends agree on it.

#include <framewire/deflate/permessage_deflate.hpp>

#include "support/catch.hpp"
#include "support/deflate.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace framewire;
using namespace framewire::test;

namespace {

template <class End> std::vector<wire_frame> take_sent(End& end) {
    std::vector<wire_frame> out = frames_of(end->output());
    end->consume_output(end->output().size());
    return out;
}

std::string keeps_none(role self) {
    return self == role::server ? "; server_no_context_takeover" : "; client_no_context_takeover";
}
std::string own_window(role self) {
    return self == role::server ? "; server_max_window_bits=" : "; client_max_window_bits=";
}

} // namespace

TEMPLATE_TEST_CASE("permessage_deflate: sends the messages of RFC 7692", "[rfc7692-7.2.3]",
                   deflating_server, deflating_client) {
    TestType end("", limits{}, always());
    REQUIRE(end->send_text("Hello") == errc::success);
    REQUIRE(end->send_text("Hello") == errc::success);
    REQUIRE(end->send_text("") == errc::success);
    REQUIRE(end->send_binary({}) == errc::success);
    const std::vector<wire_frame> frames = take_sent(end);
    REQUIRE(frames.size() == 4);
    CHECK(frames[0].first == 0xC1);
    CHECK(frames[0].payload == octets("f248cdc9c90700")); // RFC 7692 7.2.3.1
    CHECK(frames[1].first == 0xC1);
    CHECK(frames[1].payload == octets("f200110000")); // RFC 7692 7.2.3.2
    CHECK(frames[2].first == 0xC1);
    CHECK(frames[2].payload == octets("00")); // RFC 7692 7.2.3.6
    CHECK(frames[3].first == 0xC2);
    CHECK(frames[3].payload == octets("00"));
}

TEMPLATE_TEST_CASE("permessage_deflate: every message begins anew where that was agreed",
                   "[rfc7692-7.1.1]", deflating_server, deflating_client) {
    const std::string text =
        "{\"Hello\": \"Hello\", \"world\": \"Hello, Hello, Hello\", \"again\": \"Hello, world\"}";
    TestType end(keeps_none(TestType::side), limits{}, always());
    for (int i = 0; i < 3; ++i)
        REQUIRE(end->send_text(text) == errc::success);
    REQUIRE(end->send_text("") == errc::success);
    const std::vector<wire_frame> frames = take_sent(end);
    REQUIRE(frames.size() == 4);
    CHECK(frames[0].payload == frames[1].payload);
    CHECK(frames[0].payload == frames[2].payload);
    CHECK(frames[0].payload.size() < text.size());
    CHECK(decompressing_peer().message(frames[2].payload) == text);
    CHECK(frames[3].payload == octets("00"));
    // The other side's flag does not concern what this one sends.
    const role other = TestType::side == role::server ? role::client : role::server;
    TestType keeping(keeps_none(other), limits{}, always());
    REQUIRE(keeping->send_text(text) == errc::success);
    REQUIRE(keeping->send_text(text) == errc::success);
    const std::vector<wire_frame> kept = take_sent(keeping);
    CHECK(kept[1].payload.size() < kept[0].payload.size() / 2);
}

TEST_CASE("permessage_deflate: a client that hinted at no context takeover keeps to it",
          "[rfc7692-7.1.1.2]") {
    deflate_settings settings = always();
    settings.client_no_context_takeover = true;
    settings.client_max_window_bits = 9;
    deflating_client end("", limits{}, settings); // the server's answer does not mention it
    std::mt19937 random(1);
    const std::string noise = some_noise(random, 600);
    const std::string text = noise + noise; // compresses only with a window of more than 600
    REQUIRE(end->send_text("Hello Hello Hello Hello Hello Hello Hello") == errc::success);
    REQUIRE(end->send_text("Hello Hello Hello Hello Hello Hello Hello") == errc::success);
    REQUIRE(end->send_binary(bytes(text)) == errc::success);
    const std::vector<wire_frame> frames = take_sent(end);
    REQUIRE(frames.size() == 3);
    CHECK(frames[0].payload == frames[1].payload);
    CHECK(frames[2].payload.size() >= text.size());
}

TEMPLATE_TEST_CASE("permessage_deflate: short messages and those that must not go as they are",
                   "[rfc7692-6]", deflating_server, deflating_client) {
    const std::string text(100, 'x');
    for (const std::string_view parameters : {std::string_view(), keeps_nothing}) {
        deflate_settings settings;
        settings.threshold = 100;
        TestType end(parameters, limits{}, settings);
        REQUIRE(end->send_text(text.substr(1)) == errc::success);
        REQUIRE(end->send_text(text) == errc::success);
        REQUIRE(end->send_text(text, compression::never) == errc::success);
        REQUIRE(end->send_binary(bytes(text), compression::never) == errc::success);
        REQUIRE(end->send_fragment(opcode::text, bytes("x"), false, compression::never) ==
                errc::success);
        REQUIRE(end->send_fragment(opcode::text, bytes(text), true) == errc::success);
        REQUIRE(end->send_fragment(opcode::text, bytes("x"), false) == errc::success);
        REQUIRE(end->send_fragment(opcode::text, bytes("y"), true, compression::never) ==
                errc::success);
        const std::vector<wire_frame> frames = take_sent(end);
        REQUIRE(frames.size() == 8);
        CHECK(frames[0].first == 0x81);
        CHECK(frames[0].payload == text.substr(1));
        CHECK(frames[1].first == 0xC1);
        CHECK(frames[1].payload.size() < 20);
        CHECK(frames[2].first == 0x81);
        CHECK(frames[2].payload == text);
        CHECK(frames[3].first == 0x82);
        CHECK(frames[4].first == 0x01);
        CHECK(frames[4].payload == "x");
        CHECK(frames[5].first == 0x80);
        CHECK(frames[5].payload == text);
        CHECK(frames[6].first == 0x41); // nobody knows how long it will be
        CHECK(frames[7].first == 0x80);
        // With the window it refers to what was compressed before, and to nothing else.
        decompressing_peer peer;
        CHECK(peer.message(frames[1].payload) == text);
        if (!parameters.empty()) peer.begin_anew();
        CHECK(peer.message(frames[6].payload + frames[7].payload) == "xy");
    }
}

TEMPLATE_TEST_CASE("permessage_deflate: a message that does not shrink goes as it is",
                   "[rfc7692-6]", deflating_server, deflating_client) {
    std::mt19937 random(2);
    for (const std::size_t size : {1u, 64u, 100u, 1000u, 4096u, 5000u, 70'000u}) {
        const std::string noise = some_noise(random, size);
        CAPTURE(size);
        TestType end(keeps_nothing, limits{}, always());
        REQUIRE(end->send_binary(bytes(noise)) == errc::success);
        REQUIRE(end->send_binary(bytes(noise + std::string(size, 'x'))) == errc::success);
        const std::vector<wire_frame> frames = take_sent(end);
        REQUIRE(frames.size() == 2);
        CHECK(frames[0].first == 0x82);
        CHECK((frames[0].payload == noise));
        if (size >= 64) CHECK(frames[1].first == 0xC2);
        // With takeover the window has moved on, so it has to be sent.
        TestType keeping("", limits{}, always());
        REQUIRE(keeping->send_binary(bytes(noise)) == errc::success);
        REQUIRE(keeping->send_binary(bytes(noise)) == errc::success);
        const std::vector<wire_frame> kept = take_sent(keeping);
        REQUIRE(kept.size() == 2);
        CHECK(kept[0].first == 0xC2);
        decompressing_peer peer;
        CHECK((peer.message(kept[0].payload) == noise));
        CHECK((peer.message(kept[1].payload) == noise));
    }
}

TEMPLATE_TEST_CASE("permessage_deflate: fragments of a message make one stream",
                   "[rfc7692-6.1][rfc7692-7.2.1]", deflating_server, deflating_client) {
    std::mt19937 random(3);
    for (const bool keeps : {true, false}) {
        TestType end(keeps ? std::string() : keeps_none(TestType::side), limits{}, always());
        decompressing_peer peer;
        for (int i = 0; i < 100; ++i) {
            const std::string text = some_text(random, random() % 3000);
            const std::size_t count = 1 + random() % 5;
            std::size_t at = 0;
            for (std::size_t n = 0; n < count; ++n) {
                const bool last = n + 1 == count;
                const std::size_t size =
                    last ? text.size() - at : random() % (text.size() - at + 1);
                REQUIRE(end->send_fragment(opcode::text, bytes(text.substr(at, size)), last) ==
                        errc::success);
                at += size;
                REQUIRE(end->ping(bytes("p")) == errc::success);
                if (n % 2 == 0 && !last) {
                    REQUIRE(end->send_fragment(opcode::text, {}, false) == errc::success);
                }
            }
            std::string wire;
            for (const wire_frame& frame : take_sent(end)) {
                if (frame.op() >= 8) continue;
                CHECK(frame.rsv() == (frame.op() == 0 ? 0u : 4u));
                wire += frame.payload;
            }
            if (!keeps) peer.begin_anew();
            const auto got = peer.message(wire);
            REQUIRE(got.has_value());
            REQUIRE((*got == text));
        }
    }
}

TEMPLATE_TEST_CASE("permessage_deflate: messages of every small size, and of larger ones, arrive",
                   "[rfc7692-7.2.1]", deflating_server, deflating_client) {
    std::mt19937 random(4);
    const std::string text = some_text(random, 70'000);
    const std::string noise = some_noise(random, 70'000);
    std::vector<std::size_t> sizes;
    for (std::size_t i = 0; i <= 300; ++i)
        sizes.push_back(i);
    for (const std::size_t around : {512u, 4096u, 16'384u, 32'768u, 65'536u}) {
        for (std::size_t i = 0; i < 7; ++i)
            sizes.push_back(around - 3 + i);
    }
    for (const int bits : {9, 12, 15}) {
        for (const bool keeps : {true, false}) {
            const std::string parameters = (keeps ? std::string() : keeps_none(TestType::side)) +
                                           own_window(TestType::side) + std::to_string(bits);
            TestType end(parameters, limits{}, always());
            decompressing_peer peer(bits);
            for (const std::size_t size : sizes) {
                for (const std::string& from : {text, noise}) {
                    const std::string message = from.substr(from.size() - size);
                    REQUIRE(end->send_binary(bytes(message)) == errc::success);
                    const std::vector<wire_frame> frames = take_sent(end);
                    CAPTURE(bits, keeps, size);
                    REQUIRE(frames.size() == 1);
                    if (frames[0].rsv() == 0) {
                        REQUIRE_FALSE(keeps);
                        REQUIRE((frames[0].payload == message));
                        continue;
                    }
                    if (!keeps) peer.begin_anew();
                    REQUIRE((peer.message(frames[0].payload) == message));
                    if (!keeps) REQUIRE(frames[0].payload.size() <= std::max<std::size_t>(1, size));
                }
            }
        }
    }
}

TEST_CASE("permessage_deflate: a client whose window may have 256 octets compresses nothing",
          "[rfc7692-7.1.2.2]") {
    for (const std::string_view more : {std::string_view(), keeps_nothing}) {
        deflating_client end("; client_max_window_bits=8" + std::string(more), limits{}, always());
        const std::string text(1000, 'x');
        REQUIRE(end->send_text(text) == errc::success);
        REQUIRE(end->send_fragment(opcode::text, bytes("a"), false) == errc::success);
        REQUIRE(end->send_fragment(opcode::text, bytes("b"), true) == errc::success);
        const std::vector<wire_frame> frames = take_sent(end);
        REQUIRE(frames.size() == 3);
        CHECK(frames[0].first == 0x81);
        CHECK(frames[0].payload == text);
        CHECK(frames[1].first == 0x01);
        CHECK(frames[2].first == 0x80);
        // What comes may be compressed all the same.
        end.feed(frame_writer(role::client).frame(0xC1, octets("f248cdc9c90700")));
        CHECK(end.told() == R"(text("Hello"))");
    }
}

TEMPLATE_TEST_CASE(
    "permessage_deflate: settings out of range are taken as the nearest that are not", "[settings]",
    deflating_server, deflating_client) {
    const std::string text(2000, 'x');
    for (const bool keeps : {true, false}) {
        for (const int level : {0, 1, 9, 10, 12, 13, 200, 255}) {
            for (const int memory_level : {0, 1, 9, 10, 255}) {
                deflate_settings settings;
                settings.level = static_cast<std::uint8_t>(level);
                settings.memory_level = static_cast<std::uint8_t>(memory_level);
                CAPTURE(keeps, level, memory_level);
                TestType end(keeps ? std::string_view() : keeps_nothing, limits{}, settings);
                REQUIRE(end->send_text(text) == errc::success);
                const std::vector<wire_frame> frames = take_sent(end);
                REQUIRE(frames.size() == 1);
                CHECK(frames[0].first == 0xC1); // any level that compresses shrinks it
                CHECK(decompressing_peer().message(frames[0].payload) == text);
            }
        }
    }
}

TEMPLATE_TEST_CASE("permessage_deflate: after a send that was refused the peer can read the next",
                   "[limits]", deflating_server, deflating_client) {
    std::mt19937 random(5);
    for (const bool keeps : {true, false}) {
        for (std::uint64_t room = 40; room < 1500; room += 37) {
            CAPTURE(keeps, room);
            TestType end(keeps ? std::string() : keeps_none(TestType::side),
                         limits{.max_output = room}, always());
            decompressing_peer peer;
            int refused = 0;
            std::string sent; // of the message
            std::string wire;
            bool is_compressed = false;
            // True when it was taken. A frame waits, so that the limit holds.
            const auto send = [&](const std::string& piece, bool last) {
                REQUIRE(end->ping() == errc::success);
                const std::size_t before = end->output().size();
                const errc error = end->send_fragment(opcode::binary, bytes(piece), last);
                if (error != errc::success) {
                    REQUIRE(error == errc::output_full);
                    REQUIRE(end->output().size() == before);
                    ++refused;
                } else {
                    sent += piece;
                }
                REQUIRE(end->output().size() <= room);
                for (const wire_frame& frame : take_sent(end)) {
                    if (frame.op() >= 8) continue;
                    if (frame.op() != 0) is_compressed = frame.rsv() != 0;
                    wire += frame.payload;
                }
                return error == errc::success;
            };
            for (int i = 0; i < 12; ++i) {
                sent.clear();
                wire.clear();
                const std::string text = some_text(random, random() % 1200);
                bool begun = false;
                if (i % 2 != 0) {
                    // The message goes on where it was.
                    for (const std::string& piece :
                         {text, std::string("x"), text, text.substr(0, text.size() / 2)}) {
                        if (send(piece, false)) begun = true;
                    }
                }
                bool ended = send(text, true);
                if (begun && !ended) ended = send("", true);
                REQUIRE((ended || !begun));
                if (!ended) continue;
                if (!is_compressed) {
                    REQUIRE(wire == sent);
                    continue;
                }
                if (!keeps) peer.begin_anew();
                const auto got = peer.message(wire);
                REQUIRE(got.has_value());
                REQUIRE(*got == sent);
            }
            if (room < 100) CHECK(refused > 0);
        }
    }
}

namespace {

// The wire between two ends, cut at random.
template <class From, class To, class Random>
std::vector<std::string> carry(From& from, To& to, Random& random) {
    const std::string wire = text_of(from->output());
    from->consume_output(from->output().size());
    std::vector<std::byte> in = bytes(wire);
    std::vector<std::string> out;
    std::string message;
    std::size_t at = 0;
    while (at < in.size()) {
        const std::size_t most = random() % 4 == 0 ? 3 : random() % 4 == 1 ? 300 : 20'000;
        const std::size_t size = std::min<std::size_t>(1 + random() % most, in.size() - at);
        std::span<std::byte> piece = std::span(in).subspan(at, size);
        at += size;
        for (;;) {
            const event e = to->next(piece);
            if (e.kind == event_kind::need_data) break;
            if (e.kind == event_kind::ping || e.kind == event_kind::pong) continue;
            if (e.kind == event_kind::failed) {
                out.emplace_back("failed: " + std::string(framewire::message(e.error)));
                return out;
            }
            message += e.text();
            if (!e.last) continue;
            out.push_back((e.kind == event_kind::text ? "t" : "b") + message);
            message.clear();
        }
    }
    return out;
}

template <class Random> std::string next_message(Random& random) {
    const std::size_t size = random() % 8 == 0   ? random() % 40'000
                             : random() % 5 == 0 ? 0
                                                 : random() % 400;
    return random() % 4 == 0 ? some_noise(random, size) : some_text(random, size);
}

// Sends some messages in every way that there is.
template <class End, class Random> std::vector<std::string> send_some(End& end, Random& random) {
    std::vector<std::string> sent;
    for (int i = 0; i < 6; ++i) {
        const std::string message = next_message(random);
        const bool text = is_utf8(message);
        const auto how = random() % 4 == 0 ? compression::never : compression::if_agreed;
        const opcode kind = text ? opcode::text : opcode::binary;
        sent.push_back((text ? "t" : "b") + message);
        if (random() % 2 == 0) {
            REQUIRE((text ? end->send_text(message, how) : end->send_binary(bytes(message), how)) ==
                    errc::success);
            continue;
        }
        std::size_t at = 0;
        for (bool last = false; !last;) {
            last = random() % 3 == 0;
            const std::size_t left = message.size() - at;
            const std::size_t size = last ? left : random() % (left + 1);
            REQUIRE(end->send_fragment(kind, bytes(message.substr(at, size)), last, how) ==
                    errc::success);
            at += size;
            if (random() % 3 == 0) REQUIRE(end->ping(bytes("between")) == errc::success);
        }
    }
    return sent;
}

template <options Options> void check_both_ways(std::uint32_t seed) {
    std::mt19937 random(seed);
    for (int flags = 0; flags < 16; ++flags) {
        for (int bits = 9; bits <= 15; ++bits) {
            deflate_settings ours;
            deflate_settings theirs;
            ours.server_no_context_takeover = (flags & 1) != 0;
            ours.client_no_context_takeover = (flags & 2) != 0;
            theirs.server_no_context_takeover = (flags & 4) != 0;
            theirs.client_no_context_takeover = (flags & 8) != 0;
            // Each side's window once with each size, offered or answered.
            ours.server_max_window_bits = static_cast<std::uint8_t>(bits);
            theirs.server_max_window_bits = 15;
            ours.client_max_window_bits = random() % 2 == 0 ? 15 : 0;
            theirs.client_max_window_bits = static_cast<std::uint8_t>(24 - bits);
            ours.threshold = theirs.threshold = static_cast<std::uint32_t>(random() % 100);
            ours.level = static_cast<std::uint8_t>(1 + random() % 9);
            theirs.memory_level = static_cast<std::uint8_t>(1 + random() % 9);
            permessage_deflate client_side(ours);
            permessage_deflate server_side(theirs);
            std::array<char, 256> offer{};
            std::array<char, 256> answer{};
            const written offered = client_side.write_offer(offer);
            const written said = negotiate(
                server_side, extension_list(std::string_view(offer.data(), offered.size)), answer);
            REQUIRE(accept_answer(client_side, extension_list(std::string_view(
                                                   answer.data(), said.size))) == errc::success);
            REQUIRE(server_side.parameters().server_max_window_bits == bits);
            REQUIRE(server_side.parameters().client_max_window_bits == 24 - bits);
            endpoint<role::client, Options, permessage_deflate> client(limits{},
                                                                       std::move(client_side));
            endpoint<role::server, Options, permessage_deflate> server(limits{},
                                                                       std::move(server_side));
            CAPTURE(flags, bits, std::string_view(answer.data(), said.size));
            for (int round = 0; round < 2; ++round) {
                const auto to_server = send_some(client, random);
                const auto to_client = send_some(server, random);
                REQUIRE((carry(client, server, random) == to_server));
                REQUIRE((carry(server, client, random) == to_client));
                client->consume_output(client->output().size()); // Pongs
                server->consume_output(server->output().size());
            }
        }
    }
}

} // namespace

TEST_CASE("permessage_deflate: two ends understand each other whatever they agreed on",
          "[rfc7692-7.1][rfc7692-7.2]") {
    check_both_ways<options{}>(6);
}

TEST_CASE("permessage_deflate: two ends that stream understand each other whatever they agreed on",
          "[rfc7692-7.1][rfc7692-7.2]") {
    check_both_ways<options{.stream_messages = true}>(7);
}

TEST_CASE("permessage_deflate: no message ends with a final block", "[rfc7692-7.2.3.4]") {
    for (const std::string_view parameters : {std::string_view(), keeps_nothing}) {
        deflating_server end(parameters, limits{}, always());
        REQUIRE(end->send_text(std::string(500, 'x')) == errc::success);
        const std::vector<wire_frame> frames = take_sent(end);
        REQUIRE(frames.size() == 1);
        // It is one block, whose first bit would say so.
        CHECK((frames[0].payload[0] & 1) == 0);
    }
}
