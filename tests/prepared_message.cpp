// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/prepared_message.hpp>

#include <framewire/connection.hpp>

#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/trace.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace framewire;
using namespace framewire::test;

TEST_CASE("prepared_message: is an empty text at first", "[rfc6455-5.6]") {
    const prepared_message message;
    CHECK(message.kind() == opcode::text);
    CHECK(message.payload().empty());
    server end;
    REQUIRE(end->send(message) == errc::success);
    CHECK(words(frames_of(end->output()), role::server) == "text(\"\")");
}

TEST_CASE("prepared_message: its frame is that of a message sent by itself", "[rfc6455-5.2]") {
    const opcode kind = GENERATE(opcode::text, opcode::binary);
    for (const std::size_t size : {0u, 1u, 125u, 126u, 65535u, 65536u}) {
        const std::string payload(size, 'x');
        prepared_message message;
        REQUIRE(message.assign(kind, bytes(payload)) == errc::success);
        CHECK(message.kind() == kind);
        CHECK(std::ranges::equal(message.payload(), bytes(payload)));
        server plain;
        REQUIRE((kind == opcode::text ? plain->send_text(payload)
                                      : plain->send_binary(bytes(payload))) == errc::success);
        CHECK(std::ranges::equal(message.frame(), plain->output()));
        server end;
        REQUIRE(end->send(message) == errc::success);
        CHECK(std::ranges::equal(end->output(), plain->output()));
    }
}

TEST_CASE("prepared_message: is left as it was by what is no message", "[rfc6455-5.6]") {
    prepared_message message;
    REQUIRE(message.assign_binary(bytes("first")) == errc::success);
    CHECK(message.assign_text("\xff") == errc::text_not_utf8);
    CHECK(message.assign(opcode::ping, bytes("p")) == errc::wrong_fragment_kind);
    CHECK(message.assign(opcode::continuation, bytes("c")) == errc::wrong_fragment_kind);
    CHECK(message.kind() == opcode::binary);
    CHECK(std::ranges::equal(message.payload(), bytes("first")));
}

TEST_CASE("prepared_message: a client sends it, too, with a key of its own", "[rfc6455-5.3]") {
    prepared_message message;
    REQUIRE(message.assign_text("to many") == errc::success);
    client end;
    REQUIRE(end->send(message) == errc::success);
    REQUIRE(end->send(message) == errc::success);
    const std::vector<wire_frame> frames = frames_of(end->output());
    CHECK(words(frames, role::client) == "text(\"to many\") text(\"to many\")");
    CHECK(frames[0].masked);
    CHECK(frames[0].key != frames[1].key);
}

TEST_CASE("prepared_message: is refused where another message would be") {
    prepared_message message;
    REQUIRE(message.assign_text("0123456789") == errc::success);

    limits bounds;
    bounds.max_output = 30;
    connection<role::server> end(bounds);
    REQUIRE(end.send_fragment(opcode::text, bytes("part"), false) == errc::success);
    CHECK(end.send(message) == errc::message_in_progress);
    REQUIRE(end.send_fragment(opcode::text, bytes("end"), true) == errc::success);
    const std::size_t before = end.output().size();
    REQUIRE(before == 11);
    REQUIRE(end.send(message) == errc::success); // 23
    CHECK(end.send(message) == errc::output_full);
    CHECK(end.output().size() == before + 12);
    REQUIRE(end.close() == errc::success);
    CHECK(end.send(message) == errc::not_open);
}

TEST_CASE("prepared_message: moves, and leaves an empty text behind") {
    prepared_message source;
    REQUIRE(source.assign_binary(bytes(std::string(70'000, 'x'))) == errc::success);
    prepared_message other(std::move(source));
    CHECK(other.kind() == opcode::binary);
    CHECK(other.payload().size() == 70'000);
    CHECK(source.kind() == opcode::text); // NOLINT(bugprone-use-after-move)
    CHECK(source.payload().empty());

    prepared_message assigned;
    REQUIRE(assigned.assign_text("before") == errc::success);
    assigned = std::move(other);
    CHECK(assigned.payload().size() == 70'000);
    CHECK(other.payload().empty()); // NOLINT(bugprone-use-after-move)
}

TEST_CASE("prepared_message: goes through the transport the same however much is taken",
          "[rfc6455-6.1]") {
    prepared_message message;
    REQUIRE(message.assign_text(std::string(300, 'x')) == errc::success);
    const std::size_t offered = 7 + 4 + 300;
    for (std::size_t taken = 0; taken <= offered; ++taken) {
        CAPTURE(taken);
        server end;
        std::vector<std::byte> wire;
        REQUIRE(end->send_text("first") == errc::success);
        const auto write = [&](std::span<const std::byte> output, std::span<const std::byte> rest) {
            CHECK(output.size() + rest.size() == offered);
            CHECK(rest.data() == message.frame().data());
            wire.assign(output.begin(), output.end());
            wire.insert(wire.end(), rest.begin(), rest.end());
            wire.resize(taken);
            return taken;
        };
        REQUIRE(end->send_through(message, write) == errc::success);
        REQUIRE(end->send_text("last") == errc::success);
        wire.insert(wire.end(), end->output().begin(), end->output().end());
        CHECK(words(frames_of(wire), role::server) ==
              "text(\"first\") text(\"" + shown(std::string(300, 'x')) + "\") text(\"last\")");
    }
}

TEST_CASE("prepared_message: nothing of one that is refused goes through the transport") {
    prepared_message message;
    REQUIRE(message.assign_text("0123456789") == errc::success);
    int writes = 0;
    const auto write = [&](std::span<const std::byte>, std::span<const std::byte>) {
        ++writes;
        return std::size_t{0};
    };
    server end(limits{.max_output = 10});
    REQUIRE(end->send_fragment(opcode::text, bytes("a"), false) == errc::success);
    CHECK(end->send_through(message, write) == errc::message_in_progress);
    REQUIRE(end->send_fragment(opcode::text, bytes("b"), true) == errc::success);
    CHECK(end->send_through(message, write) == errc::output_full);
    REQUIRE(end->close() == errc::success);
    CHECK(end->send_through(message, write) == errc::not_open);
    CHECK(writes == 0);
}
