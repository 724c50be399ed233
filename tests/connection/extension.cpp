// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// How a connection runs an extension, shown with one that is easy to follow.

#include <framewire/connection.hpp>

#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/chunker.hpp"
#include "support/trace.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace framewire;
using namespace framewire::test;

namespace {

// Turns every bit around and puts a `#` behind the message. Decoded, `#` has to be the last octet
// and stand nowhere else; each `+` becomes four octets, `*` 40000, `-` none. It stops when the
// output has enough. A message that begins with `=` is sent as it is. It counts what it was given.
struct invert {
    struct settings {};

    static constexpr std::string_view name = "x-invert";
    static constexpr std::uint8_t rsv = rsv1;

    int encoded = 0;
    int decoded = 0;
    bool ended = false;
    bool plain = false;
    bool agreed = true;

    invert() noexcept = default;
    explicit invert(const settings&) noexcept {}

    bool active() const noexcept { return agreed; }
    written write_offer(std::span<char>) const noexcept { return {}; }
    written accept_offer(extension_element, std::span<char>) noexcept { return {}; }
    errc accept_answer(extension_element) noexcept { return errc::success; }

    decoded_payload decode(std::span<const std::byte> payload, bool last,
                           extension_output& out) noexcept {
        ++decoded;
        for (std::size_t i = 0; i < payload.size(); ++i) {
            const auto c = static_cast<char>(~payload[i]);
            if (out.until_enough() == 0) return {errc::success, i};
            if (ended) return {errc::extension_data_invalid};
            if (c == '#') {
                ended = true;
                continue;
            }
            const std::size_t times = c == '+' ? 4 : c == '-' ? 0 : c == '*' ? 40'000 : 1;
            if (times == 0) continue;
            const std::span<std::byte> room = out.prepare(times);
            if (room.empty()) return {out.error()};
            std::fill(room.begin(), room.end(), static_cast<std::byte>(c));
            out.commit(times);
        }
        if (last && !std::exchange(ended, false)) return {errc::extension_data_invalid};
        return {errc::success, payload.size()};
    }

    encoded_payload encode(opcode, std::span<const std::byte> payload, bool first, bool last,
                           extension_output& out) noexcept {
        ++encoded;
        if (first) plain = !payload.empty() && payload[0] == std::byte{'='};
        const std::size_t size = payload.size() + (last && !plain ? 1 : 0);
        if (size == 0) return {errc::success, rsv};
        const std::span<std::byte> room = out.prepare(size);
        if (room.empty()) return {out.error(), 0};
        for (std::size_t i = 0; i < payload.size(); ++i)
            room[i] = plain ? payload[i] : ~payload[i];
        if (size != payload.size()) room[size - 1] = ~std::byte{'#'};
        out.commit(size);
        // Bits that it does not own never reach the wire.
        return {errc::success, static_cast<std::uint8_t>(plain ? 0 : rsv1 | rsv2)};
    }
};
static_assert(message_extension<invert>);

using inverting_server = endpoint<role::server, options{}, invert>;
using inverting_client = endpoint<role::client, options{}, invert>;
using inverting_stream = endpoint<role::server, options{.stream_messages = true}, invert>;
using inverting_client_stream = endpoint<role::client, options{.stream_messages = true}, invert>;

std::string inverted(std::string_view text) {
    std::string out;
    for (const char c : text)
        out += static_cast<char>(~c);
    return out;
}

} // namespace

TEMPLATE_TEST_CASE("connection: has messages with the extension's bit decoded", "[rfc6455-5.8]",
                   inverting_server, inverting_client, inverting_stream, inverting_client_stream) {
    const auto peer = [] { return frame_writer(TestType::side); };
    struct row {
        frame_writer peer;
        const char* told;
    };
    const row rows[] = {
        {peer().frame(0xC1, inverted("Hello#")), R"(text("Hello"))"},
        {peer().frame(0xC2, inverted("\x01\x02#")), R"(binary("\x01\x02"))"},
        {peer().frame(0xC1, inverted("#")), R"(text(""))"},
        // Cut anywhere, with empty fragments, and control frames in between.
        {peer().frame(0x41, inverted("He")).frame(0x00, inverted("ll")).frame(0x80, inverted("o#")),
         R"(text("Hello"))"},
        {peer().frame(0x41).frame(0x00).frame(0x00, inverted("a#")).frame(0x80), R"(text("a"))"},
        {peer()
             .frame(0x42, inverted("ab"))
             .ping("p")
             .frame(0x00, inverted("cd"))
             .pong("q")
             .frame(0x80, inverted("#")),
         R"(ping("p") pong("q") binary("abcd"))"},
        // Pieces that decode to nothing, before a control frame that is cut as well.
        {peer().frame(0x42, inverted("--")).ping("0123456789").frame(0x80, inverted("x#")),
         R"(ping("0123456789") binary("x"))"},
        {peer()
             .frame(0x42, inverted("-"))
             .ping("ab")
             .frame(0x00)
             .ping("cd")
             .frame(0x80, inverted("-#")),
         R"(ping("ab") ping("cd") binary(""))"},
        // What stays longer than it came.
        {peer().frame(0xC1, inverted("+a+#")), R"(text("++++a++++"))"},
        // Without the bit, messages are told as they came, also between those with it.
        {peer()
             .text("plain#")
             .frame(0xC1, inverted("x#"))
             .frame(0x01, "a")
             .frame(0x80, "#")
             .frame(0xC1, inverted("y#")),
         R"(text("plain#") text("x") text("a#") text("y"))"},
    };
    for (const row& r : rows) {
        const outcome result = at_every_split<TestType>(r.peer);
        CHECK(result.told == r.told);
    }
}

TEST_CASE("connection: messages without the extension's bit never reach it", "[rfc6455-5.8]") {
    inverting_server end;
    end.feed(frame_writer(role::server).text("a").frame(0x02, "b").ping("c").frame(0x80, "d"));
    CHECK(end->extension().decoded == 0);
    end.feed(frame_writer(role::server).frame(0xC1, inverted("x#")));
    CHECK(end->extension().decoded == 1);
}

TEMPLATE_TEST_CASE("connection: refuses the extension's bit where it may not stand",
                   "[rfc6455-5.2][rfc6455-5.8]", inverting_server, inverting_client,
                   inverting_stream) {
    const auto peer = [] { return frame_writer(TestType::side); };
    const std::string failed =
        "failed(1002 a frame has reserved bits set that no extension defines)";
    for (const frame_writer& bad : {
             peer().frame(0x41, inverted("a")).frame(0xC0, inverted("#")), // on a continuation
             peer().frame(0x41, inverted("a")).frame(0x40, inverted("b")),
             peer().frame(0x01, "a").frame(0xC0, "b"), peer().frame(0xC8), peer().frame(0xC9),
             peer().frame(0xCA),                                         // on control frames
             peer().frame(0xA1), peer().frame(0x91), peer().frame(0xE1), // bits it does not own
         }) {
        CHECK(at_every_split<TestType>(bad).told == failed);
    }
    // Without the extension the bit has no meaning.
    CHECK(at_every_split<endpoint<TestType::side>>(peer().frame(0xC1, inverted("#"))).told ==
          failed);
}

TEMPLATE_TEST_CASE("connection: an error of the extension fails the connection", "[rfc6455-7.4.1]",
                   inverting_server, inverting_client, inverting_stream) {
    const auto peer = [] { return frame_writer(TestType::side); };
    const std::string failed = "failed(1007 the extension could not decode a message)";
    for (const frame_writer& bad :
         {peer().frame(0xC1, inverted("#more")), peer().frame(0xC1, inverted("no end")),
          peer().frame(0xC1), peer().frame(0x41, inverted("a#")).frame(0x80, inverted("b"))}) {
        const outcome result = at_every_split<TestType>(bad);
        CHECK(result.told == failed);
        CHECK(result.sent == R"(close(1007 "the extension could not decode a message"))");
    }
}

TEMPLATE_TEST_CASE("connection: the limit holds for what the extension makes of a message",
                   "[limits]", inverting_server, inverting_client, inverting_stream) {
    const auto peer = [] { return frame_writer(TestType::side); };
    const limits nine{.max_message_size = 9};
    const std::string failed = "failed(1009 a message is larger than the limit)";
    CHECK(at_every_split<TestType>(peer().frame(0xC1, inverted("+a+#")), nine).told ==
          R"(text("++++a++++"))");
    CHECK(at_every_split<TestType>(peer()
                                       .frame(0x41, inverted("+"))
                                       .frame(0x00, inverted("a+"))
                                       .frame(0x80, inverted("#"))
                                       .frame(0xC1, inverted("+a+#")),
                                   nine)
              .told == R"(text("++++a++++") text("++++a++++"))");
    for (const frame_writer& bad :
         {peer().frame(0xC1, inverted("+ab+#")), peer().frame(0xC1, inverted("+++#")),
          peer().frame(0x41, inverted("++a")).frame(0x80, inverted("b#")),
          peer()
              .frame(0x41, inverted("+"))
              .frame(0x00, inverted("+"))
              .frame(0x80, inverted("+#"))}) {
        CHECK(at_every_split<TestType>(bad, nine).told == failed);
    }
    // What came is larger than the limit, what it decodes to is not.
    CHECK(at_every_split<TestType>(peer().frame(0xC1, inverted("----------------a#")), nine).told ==
          R"(text("a"))");
    // Messages that bypass it have the same limit.
    CHECK(at_every_split<TestType>(peer().text("0123456789"), nine).told == failed);
}

TEMPLATE_TEST_CASE("connection: decoded text is UTF-8 too", "[rfc6455-8.1]", inverting_server,
                   inverting_client, inverting_stream) {
    const auto peer = [] { return frame_writer(TestType::side); };
    const std::string failed = "failed(1007 a text message is not valid UTF-8)";
    CHECK(at_every_split<TestType>(
              peer().frame(0x41, inverted("\xE2")).frame(0x80, inverted("\x82\xAC#")))
              .told == R"(text("\xe2\x82\xac"))");
    for (const frame_writer& bad :
         {peer().frame(0xC1, inverted("\xFF#")), peer().frame(0xC1, inverted("\xE2\x82#")),
          peer().frame(0x41, inverted("\xE2")).frame(0x80, inverted("x#"))}) {
        CHECK(at_every_split<TestType>(bad).told == failed);
    }
    CHECK(at_every_split<TestType>(peer().frame(0xC2, inverted("\xFF#"))).told ==
          R"(binary("\xff"))");
    // What comes over the wire is no text.
    CHECK(at_every_split<TestType>(peer().frame(0xC1, inverted("abc#"))).told == R"(text("abc"))");
}

TEMPLATE_TEST_CASE("connection: has what it sends encoded", "[rfc6455-5.8]", inverting_server,
                   inverting_client) {
    TestType end;
    CHECK(end->send_text("Hello") == errc::success);
    CHECK(end->send_binary({}) == errc::success);
    CHECK(end->ping(bytes("ping")) == errc::success);
    CHECK(end->send_text("=as it is") == errc::success);
    CHECK(end->send_fragment(opcode::text, bytes("a"), false) == errc::success);
    CHECK(end->pong(bytes("pong")) == errc::success);
    CHECK(end->send_fragment(opcode::text, {}, false) == errc::success);
    CHECK(end->send_fragment(opcode::text, bytes("b"), true) == errc::success);
    CHECK(end->send_fragment(opcode::binary, bytes("=a"), false) == errc::success);
    CHECK(end->send_fragment(opcode::binary, bytes("b"), true) == errc::success);
    CHECK(end->send_text("\xFF") == errc::text_not_utf8);
    CHECK(end->extension().encoded == 8);
    CHECK(end->close() == errc::success);
    CHECK(end.sent() ==
          "text/4(\"" + shown(inverted("Hello#")) + "\") binary/4(\"" + shown(inverted("#")) +
              "\") ping(\"ping\") text(\"=as it is\") text/4-(\"" + shown(inverted("a")) +
              "\") pong(\"pong\") cont-(\"\") cont(\"" + shown(inverted("b#")) +
              "\") binary-(\"=a\") cont(\"b\") close(1000 \"\")");
}

TEMPLATE_TEST_CASE("connection: has a message that was prepared for many encoded for itself",
                   "[rfc6455-5.8]", inverting_server, inverting_client) {
    prepared_message message;
    REQUIRE(message.assign_text("Hello") == errc::success);
    TestType end;
    CHECK(end->send(message) == errc::success);
    CHECK(end->send(message, compression::never) == errc::success);
    CHECK(end->extension().encoded == 1);
    CHECK(end.sent() == "text/4(\"" + shown(inverted("Hello#")) + "\") text(\"Hello\")");
}

TEMPLATE_TEST_CASE("connection: encodes messages of every length class", "[rfc6455-5.2]",
                   inverting_server, inverting_client) {
    for (const std::size_t size : {0u, 1u, 124u, 125u, 126u, 65534u, 65535u, 65536u}) {
        TestType end;
        std::string payload;
        for (std::size_t i = 0; i < size; ++i)
            payload += static_cast<char>('a' + i % 26);
        REQUIRE(end->send_text("before") == errc::success);
        REQUIRE(end->send_text(payload) == errc::success);
        REQUIRE(end->send_text("after") == errc::success);
        const std::vector<wire_frame> frames = frames_of(end->output());
        REQUIRE(frames.size() == 3);
        CHECK(frames[1].payload == inverted(payload + "#"));
        CHECK(words({frames[2]}, TestType::side) ==
              "text/4(\"" + shown(inverted("after#")) + "\")");
    }
}

TEMPLATE_TEST_CASE("connection: refuses to encode past the limit of the output", "[limits]",
                   inverting_server, inverting_client) {
    TestType end(limits{.max_output = 40});
    REQUIRE(end->send_text(std::string(100, 'x')) == errc::success); // nothing waited
    end->consume_output(end->output().size());
    REQUIRE(end->ping() == errc::success);
    CHECK(end->send_text(std::string(26, 'x')) == errc::output_full); // 27 with its end
    CHECK(end->output().size() <= 6);                                 // the ping
    CHECK(end->send_text("short") == errc::success);
    CHECK(end->send_text(std::string(30, 'x')) == errc::output_full);
    CHECK(end->send_fragment(opcode::text, bytes(std::string(30, 'x')), false) ==
          errc::output_full);
    CHECK(end->send_binary({}) == errc::success); // no message was begun
    CHECK(end->output().size() <= 40);
    CHECK(end.sent() == "ping(\"\") text/4(\"" + shown(inverted("short#")) + "\") binary/4(\"" +
                            shown(inverted("#")) + "\")");
}

TEMPLATE_TEST_CASE("connection: two ends with the extension understand each other", "[rfc6455-5.8]",
                   inverting_server, inverting_stream) {
    inverting_client from;
    REQUIRE(from->send_text("one") == errc::success);
    REQUIRE(from->send_fragment(opcode::binary, bytes("t"), false) == errc::success);
    REQUIRE(from->ping(bytes("p")) == errc::success);
    REQUIRE(from->send_fragment(opcode::binary, bytes("wo"), true) == errc::success);
    REQUIRE(from->send_text("=three") == errc::success);
    for_each_chunking(from->output(), [](const chunk_list& chunks) {
        TestType to;
        to.feed(chunks);
        CHECK(to.told() == R"(text("one") ping("p") binary("two") text("=three"))");
    });
}

TEMPLATE_TEST_CASE("connection: streams what one piece decodes to in pieces", "[limits]",
                   inverting_stream, inverting_client_stream) {
    // 200002 octets out of 7, cut over frames, with a control frame in between.
    const frame_writer input = frame_writer(TestType::side)
                                   .frame(0x41, inverted("a***"))
                                   .ping("p")
                                   .frame(0x80, inverted("**b#"))
                                   .text("behind");
    for_each_chunking(input.bytes(), [](const chunk_list& chunks) {
        TestType end;
        std::string message;
        std::string order;
        std::size_t pieces = 0;
        for (std::span<std::byte> in : chunks) {
            for (;;) {
                const event e = end->next(in);
                if (e.kind == event_kind::need_data) break;
                REQUIRE(e.kind != event_kind::failed);
                REQUIRE(e.payload.size() <= 65'536 + 40'000);
                if (e.kind == event_kind::ping) order += "p";
                if (e.kind != event_kind::text) continue;
                if (e.first) order += "<";
                message += e.text();
                if (e.last) order += ">";
                ++pieces;
            }
        }
        CHECK(order == "<p><>");
        CHECK(pieces >= 4);
        CHECK(message == "a" + std::string(200'000, '*') + "b" + "behind");
    });
}

TEMPLATE_TEST_CASE("connection: sends as it is what has to bypass the extension", "[rfc6455-5.8]",
                   inverting_server, inverting_client) {
    TestType end;
    CHECK(end->send_text("secret", compression::never) == errc::success);
    CHECK(end->send_binary(bytes("secret"), compression::never) == errc::success);
    // What was said with the first fragment holds for the message.
    CHECK(end->send_fragment(opcode::text, bytes("a"), false, compression::never) == errc::success);
    CHECK(end->send_fragment(opcode::text, bytes("b"), true) == errc::success);
    CHECK(end->send_fragment(opcode::text, bytes("c"), false) == errc::success);
    CHECK(end->send_fragment(opcode::text, bytes("d"), true, compression::never) == errc::success);
    CHECK(end->extension().encoded == 2);
    CHECK(end.sent() == "text(\"secret\") binary(\"secret\") text-(\"a\") cont(\"b\") text/4-(\"" +
                            shown(inverted("c")) + "\") cont(\"" + shown(inverted("d#")) + "\")");
}

TEMPLATE_TEST_CASE("connection: behaves as without the extension while it is not agreed upon",
                   "[rfc6455-5.2]", inverting_server, inverting_client) {
    invert declined;
    declined.agreed = false;
    TestType end(limits{}, declined);
    CHECK(end->send_text("plain") == errc::success);
    CHECK(end.sent() == R"(text("plain"))");
    const frame_writer input = frame_writer(TestType::side).frame(0x81, "a").frame(0xC1, "b");
    end.feed(input);
    CHECK(end.told() ==
          R"(text("a") failed(1002 )" + std::string(message(errc::reserved_bits_set)) + ")");
    CHECK(end->extension().encoded + end->extension().decoded == 0);
}

TEST_CASE("extension: what it encodes is not sent through the transport", "[rfc6455-9]") {
    inverting_server end;
    int writes = 0;
    const auto write = [&](std::span<const std::byte> output, std::span<const std::byte> payload) {
        ++writes;
        return output.size() + payload.size();
    };
    REQUIRE(end->send_through(opcode::text, bytes("a"), write) == errc::success);
    CHECK(writes == 0);
    CHECK(end->extension().encoded == 1);
    CHECK_FALSE(end->output().empty());
    REQUIRE(end->send_through(opcode::text, bytes("a"), write, compression::never) ==
            errc::success);
    CHECK(writes == 1);
    CHECK(end->extension().encoded == 1);
    CHECK(end->output().empty());

    prepared_message message;
    REQUIRE(message.assign_text("a") == errc::success);
    REQUIRE(end->send_through(message, write) == errc::success);
    CHECK(writes == 1);
    CHECK(end->extension().encoded == 2);
}
