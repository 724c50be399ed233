// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/connection.hpp>

#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/trace.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string>

using namespace framewire;
using namespace framewire::test;

TEMPLATE_TEST_CASE("connection: sends frames of every length class in the order of the calls",
                   "[rfc6455-5.2][rfc6455-6.1]", server, client) {
    for (const std::size_t size : {0u, 1u, 7u, 125u, 126u, 127u, 65535u, 65536u, 70001u}) {
        std::string payload;
        for (std::size_t i = 0; i < size; ++i)
            payload += static_cast<char>('a' + i % 26);
        TestType end;
        REQUIRE(end->send_text(payload) == errc::success);
        REQUIRE(end->ping(bytes("p")) == errc::success);
        REQUIRE(end->send_binary(bytes(payload)) == errc::success);
        REQUIRE(end->pong() == errc::success);
        // frames_of refuses lengths that are not in the shortest form.
        const std::vector<wire_frame> frames = frames_of(end->output());
        REQUIRE(frames.size() == 4);
        CHECK(frames[0].payload == payload);
        CHECK(frames[2].payload == payload);
        CHECK(words(frames, TestType::side) == "text(\"" + shown(payload) +
                                                   "\") ping(\"p\") binary(\"" + shown(payload) +
                                                   "\") pong(\"\")");
    }
}

TEST_CASE("connection: a client masks every frame with a key of its own", "[rfc6455-5.3]") {
    client end;
    for (int i = 0; i < 1000; ++i) {
        REQUIRE(end->send_text("Hello") == errc::success);
        REQUIRE(end->ping() == errc::success);
    }
    std::set<std::array<unsigned char, 4>> keys;
    for (const wire_frame& frame : frames_of(end->output())) {
        REQUIRE(frame.masked);
        keys.insert(frame.key);
    }
    CHECK(keys.size() >= 1999); // two equal ones among 2000: one chance in 2000

    // Two connections of one source never use the same keys.
    constexpr std::array<std::byte, 32> seed{};
    masking_key_source source(seed);
    connection<role::client> one(source);
    connection<role::client> two(source);
    REQUIRE(one.send_text("Hello") == errc::success);
    REQUIRE(two.send_text("Hello") == errc::success);
    CHECK(frames_of(one.output())[0].key != frames_of(two.output())[0].key);
}

TEST_CASE("connection: a server masks nothing", "[rfc6455-5.1]") {
    server end;
    REQUIRE(end->send_text("Hello") == errc::success);
    CHECK(to_hex(end->output()) == "81 05 48 65 6c 6c 6f"); // RFC 6455 5.7
}

TEMPLATE_TEST_CASE("connection: sends messages in fragments", "[rfc6455-5.4]", server, client) {
    TestType end;
    CHECK(end->send_fragment(opcode::text, bytes("a"), false) == errc::success);
    CHECK(end->ping(bytes("between")) == errc::success);
    CHECK(end->send_fragment(opcode::text, {}, false) == errc::success);
    CHECK(end->pong(bytes("between")) == errc::success);
    CHECK(end->send_fragment(opcode::text, bytes("b"), true) == errc::success);
    CHECK(end->send_fragment(opcode::binary, bytes("c"), true) == errc::success);
    CHECK(end->send_fragment(opcode::binary, {}, false) == errc::success);
    CHECK(end->send_fragment(opcode::binary, {}, true) == errc::success);
    CHECK(end->send_text("d") == errc::success);
    CHECK(end.sent() == R"(text-("a") ping("between") cont-("") pong("between") cont("b") )"
                        R"(binary("c") binary-("") cont("") text("d"))");
}

TEMPLATE_TEST_CASE("connection: refuses another message inside a fragmented one", "[rfc6455-5.4]",
                   server, client) {
    TestType end;
    REQUIRE(end->send_fragment(opcode::text, bytes("a"), false) == errc::success);
    CHECK(end->send_text("x") == errc::message_in_progress);
    CHECK(end->send_binary(bytes("x")) == errc::message_in_progress);
    CHECK(end->send_fragment(opcode::binary, bytes("x"), true) == errc::wrong_fragment_kind);
    for (const opcode op : {opcode::continuation, opcode::close, opcode::ping, opcode::pong,
                            static_cast<opcode>(3), static_cast<opcode>(0x81)}) {
        CHECK(end->send_fragment(op, bytes("x"), true) == errc::wrong_fragment_kind);
    }
    CHECK(end->send_fragment(opcode::text, bytes("b"), true) == errc::success);
    CHECK(end->send_text("c") == errc::success);
    CHECK(end.sent() == R"(text-("a") cont("b") text("c"))");
}

TEMPLATE_TEST_CASE("connection: refuses to send text that is not UTF-8", "[rfc6455-8.1]", server,
                   client) {
    TestType end;
    CHECK(end->send_text("\xC0\x80") == errc::text_not_utf8);
    CHECK(end->send_text("\xE2\x82") == errc::text_not_utf8);
    CHECK(end->send_fragment(opcode::text, bytes("\xE2\x82"), true) == errc::text_not_utf8);
    CHECK(end->output().empty());
    CHECK(end->send_text("\xE2\x82\xAC") == errc::success);

    // Cut inside code points; what is refused leaves the message where it was.
    CHECK(end->send_fragment(opcode::text, bytes("\xE2"), false) == errc::success);
    CHECK(end->send_fragment(opcode::text, bytes("x"), false) == errc::text_not_utf8);
    CHECK(end->send_fragment(opcode::text, bytes("\x82"), true) == errc::text_not_utf8);
    CHECK(end->send_fragment(opcode::text, bytes("\x82"), false) == errc::success);
    CHECK(end->send_fragment(opcode::text, bytes("\xAC!"), true) == errc::success);
    // The next message begins afresh.
    CHECK(end->send_fragment(opcode::text, bytes("\xAC"), false) == errc::text_not_utf8);
    CHECK(end->send_fragment(opcode::text, bytes("ok"), true) == errc::success);
    CHECK(end.sent() == R"(text("\xe2\x82\xac") text-("\xe2") cont-("\x82") cont("\xac!") )"
                        R"(text("ok"))");
    CHECK(end->send_binary(bytes("\xC0\x80")) == errc::success);

    endpoint<role::server, options{.validate_utf8 = false}> lax;
    CHECK(lax->send_text("\xFF") == errc::success);
    CHECK(lax->send_fragment(opcode::text, bytes("\xE2"), true) == errc::success);
}

TEMPLATE_TEST_CASE("connection: pings and pongs carry up to 125 bytes", "[rfc6455-5.5]", server,
                   client) {
    TestType end;
    const std::string longest(125, 'p');
    CHECK(end->ping(bytes(longest + "x")) == errc::control_payload_too_long);
    CHECK(end->pong(bytes(longest + "x")) == errc::control_payload_too_long);
    CHECK(end->output().empty());
    CHECK(end->ping(bytes(longest)) == errc::success);
    CHECK(end->pong(bytes(longest)) == errc::success);
    CHECK(end.sent() == "ping(\"" + longest + "\") pong(\"" + longest + "\")");
}

TEMPLATE_TEST_CASE("connection: keeps the order of output however it is written", "[rfc6455-6.1]",
                   server, client) {
    for (const std::size_t step : {1u, 3u, 10u, 1000u}) {
        TestType end;
        std::string wire;
        std::string expected;
        for (int i = 0; i < 200; ++i) {
            const std::string text = "message " + std::to_string(i);
            REQUIRE(end->send_text(text) == errc::success);
            expected += (i == 0 ? "text(\"" : " text(\"") + text + "\")";
            for (int writes = 0; writes < 5 && !end->output().empty(); ++writes) {
                const std::span<const std::byte> out = end->output();
                const std::size_t size = std::min(step, out.size());
                wire += text_of(out.first(size));
                end->consume_output(size);
            }
        }
        wire += text_of(end->output());
        end->consume_output(0);
        end->consume_output(end->output().size());
        CHECK(end->output().empty());
        CHECK(words(take_frames(wire), TestType::side) == expected);
        CHECK(wire.empty());
    }
}

TEST_CASE("connection: a message sent through the transport is the same however much is taken",
          "[rfc6455-6.1]") {
    const std::vector<std::byte> payload = bytes(std::string(300, 'x'));
    server usual;
    REQUIRE(usual->send_text("first") == errc::success);
    REQUIRE(usual->send_binary(payload) == errc::success);
    REQUIRE(usual->send_text("last") == errc::success);
    const std::vector<std::byte> expected(usual->output().begin(), usual->output().end());

    const std::size_t offered = 7 + 4 + payload.size();
    for (std::size_t taken = 0; taken <= offered; ++taken) {
        server end;
        std::vector<std::byte> wire;
        REQUIRE(end->send_text("first") == errc::success);
        const auto write = [&](std::span<const std::byte> output, std::span<const std::byte> rest) {
            CHECK(output.size() + rest.size() == offered);
            CHECK(rest.data() == payload.data());
            wire.assign(output.begin(), output.end());
            wire.insert(wire.end(), rest.begin(), rest.end());
            wire.resize(taken);
            return taken;
        };
        REQUIRE(end->send_through(opcode::binary, payload, write) == errc::success);
        CHECK(end->output().size() == offered - taken);
        REQUIRE(end->send_text("last") == errc::success);
        wire.insert(wire.end(), end->output().begin(), end->output().end());
        CAPTURE(taken);
        CHECK(wire == expected);
    }
}

TEST_CASE("connection: nothing is written through the transport of a message that is refused",
          "[rfc6455-6.1]") {
    int writes = 0;
    const auto write = [&](std::span<const std::byte>, std::span<const std::byte>) {
        ++writes;
        return std::size_t{0};
    };
    server end(limits{.max_output = 10});
    CHECK(end->send_through(opcode::ping, {}, write) == errc::wrong_fragment_kind);
    CHECK(end->send_through(opcode::text, bytes("\xff"), write) == errc::text_not_utf8);
    REQUIRE(end->send_fragment(opcode::text, bytes("a"), false) == errc::success);
    CHECK(end->send_through(opcode::binary, {}, write) == errc::message_in_progress);
    REQUIRE(end->send_fragment(opcode::text, bytes("b"), true) == errc::success);
    CHECK(end->send_through(opcode::binary, bytes("01234"), write) == errc::output_full);
    REQUIRE(end->close() == errc::success);
    CHECK(end->send_through(opcode::binary, {}, write) == errc::not_open);
    CHECK(writes == 0);
    CHECK(words(frames_of(end->output()), role::server) ==
          R"(text-("a") cont("b") close(1000 ""))");
}
