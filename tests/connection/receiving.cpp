// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/connection.hpp>

#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/trace.hpp"

#include <string>

using namespace framewire;
using namespace framewire::test;

namespace {

// What stands before a violation is told, and its answer leaves first; what stands behind it is
// thrown away. The Close frame says why.
template <class Endpoint> void check_refused(const frame_writer& bad, errc error) {
    const std::string code = std::to_string(static_cast<unsigned>(close_code_for(error)));
    const std::string reason(message(error));
    CAPTURE(reason);
    frame_writer peer(Endpoint::side);
    peer.text("before").ping("p");
    std::vector<std::byte> input = peer.bytes();
    const std::vector<std::byte> violation = bad.bytes();
    input.insert(input.end(), violation.begin(), violation.end());
    const std::vector<std::byte> after = frame_writer(Endpoint::side).ping("q").text("x").bytes();
    input.insert(input.end(), after.begin(), after.end());
    const outcome result = at_every_split<Endpoint>(std::span<const std::byte>(input));
    CHECK(result.told == R"(text("before") ping("p") failed()" + code + " " + reason + ")");
    CHECK(result.sent == R"(pong("p") close()" + code + " \"" + reason + "\")");

    Endpoint end;
    end.feed(bad);
    CHECK(end->state() == connection_state::closed);
    CHECK(end->close_expected());
    CHECK(end->should_shut_down());
    CHECK(end->close_sent());
    CHECK_FALSE(end->close_received());
    CHECK(end->send_text("late") == errc::not_open);
    CHECK(end->ping() == errc::not_open);
    CHECK(end->close() == errc::success);
    CHECK(end.sent() == "close(" + code + " \"" + reason + "\")");
    end.eof();
    CHECK(end.told() == "failed(" + code + " " + reason + ")");
}

} // namespace

TEMPLATE_TEST_CASE("connection: puts fragments together", "[rfc6455-5.4]", server, client,
                   streaming_server, streaming_client) {
    struct row {
        frame_writer peer;
        const char* told;
    };
    const auto peer = [] { return frame_writer(TestType::side); };
    const row rows[] = {
        {peer().frame(0x01, "Hel").frame(0x80, "lo"), R"(text("Hello"))"}, // RFC 6455 5.7
        {peer().frame(0x02, "a").frame(0x00, "b").frame(0x00, "c").frame(0x80, "d"),
         R"(binary("abcd"))"},
        {peer().frame(0x01).frame(0x00).frame(0x80), R"(text(""))"},           // Autobahn 6.1.2
        {peer().frame(0x01).frame(0x00, "mid").frame(0x80), R"(text("mid"))"}, // Autobahn 6.1.3
        {peer().frame(0x01, "all").frame(0x80), R"(text("all"))"},
        {peer().frame(0x02).frame(0x80, "end"), R"(binary("end"))"},
        {peer().frame(0x01, "x").frame(0x80, "y").frame(0x02, "z").frame(0x80, "."),
         R"(text("xy") binary("z."))"},
        {peer().frame(0x01, "x").frame(0x80, "y").text("whole").frame(0x02).frame(0x80),
         R"(text("xy") text("whole") binary(""))"},
    };
    for (const row& r : rows) {
        const outcome result = at_every_split<TestType>(r.peer);
        CHECK(result.told == r.told);
        CHECK(result.sent.empty());
    }
}

TEMPLATE_TEST_CASE("connection: answers control frames inside a fragmented message at once",
                   "[rfc6455-5.4][rfc6455-5.5]", server, client, streaming_server,
                   streaming_client) {
    frame_writer peer(TestType::side);
    peer.frame(0x01, "ab").ping("1").frame(0x00, "cd").ping("").pong("3").frame(0x80, "ef");
    const outcome result = at_every_split<TestType>(peer);
    CHECK(result.told == R"(ping("1") ping("") pong("3") text("abcdef"))");
    CHECK(result.sent == R"(pong("1") pong(""))");
}

TEMPLATE_TEST_CASE("connection: answers every ping with its payload, in order",
                   "[rfc6455-5.5.2][rfc6455-5.5.3]", server, client) {
    const std::string longest(125, '\xFE');
    frame_writer peer(TestType::side);
    peer.ping("").ping("Hello").ping(std::string("\0\xFF\xFE\0", 4)).ping(longest).ping("5");
    const outcome result = at_every_split<TestType>(peer);
    const std::string cut = shown(longest);
    CHECK(result.told ==
          R"(ping("") ping("Hello") ping("\x00\xff\xfe\x00") ping(")" + cut + R"(") ping("5"))");
    CHECK(result.sent ==
          R"(pong("") pong("Hello") pong("\x00\xff\xfe\x00") pong(")" + cut + R"(") pong("5"))");
}

TEMPLATE_TEST_CASE("connection: tells pongs, and does not answer them", "[rfc6455-5.5.3]", server,
                   client) {
    frame_writer peer(TestType::side);
    peer.pong("unasked").pong().text("x");
    const outcome result = at_every_split<TestType>(peer);
    CHECK(result.told == R"(pong("unasked") pong("") text("x"))");
    CHECK(result.sent.empty());
}

TEST_CASE("connection: leaves pings to the application when told so", "[rfc6455-5.5.2]") {
    using end_type = endpoint<role::server, options{.auto_pong = false}>;
    frame_writer peer(role::server);
    peer.ping("a").ping("b");
    const outcome result = at_every_split<end_type>(peer);
    CHECK(result.told == R"(ping("a") ping("b"))");
    CHECK(result.sent.empty());

    end_type end;
    chunk_list whole;
    whole.add(peer.bytes());
    end.feed(whole, [&](const event& e) { CHECK(end->pong(e.payload) == errc::success); });
    CHECK(end.sent() == R"(pong("a") pong("b"))");
}

TEMPLATE_TEST_CASE("connection: refuses frames that are masked the wrong way round",
                   "[rfc6455-5.1]", server, client) {
    const auto peer = [] { return frame_writer(TestType::side); };
    const errc wrong_mask =
        TestType::side == role::server ? errc::frame_not_masked : errc::frame_masked;
    for (const unsigned first : {0x81u, 0x82u, 0x01u, 0x88u, 0x89u, 0x8Au}) {
        for (const std::size_t size : {0u, 4u, 125u}) {
            const std::string payload(size, '1');
            check_refused<TestType>(peer().frame_of_wrong_role(first, payload), wrong_mask);
        }
    }
    for (const std::size_t size : {126u, 65536u}) {
        TestType end;
        end.feed(peer().frame_of_wrong_role(0x82, std::string(size, 'x')));
        CHECK(end.told() == "failed(1002 " + std::string(message(wrong_mask)) + ")");
    }
    // Also in the middle of a message.
    check_refused<TestType>(peer().frame(0x01, "a").frame_of_wrong_role(0x80, "b"), wrong_mask);
}

TEST_CASE("connection: accepts any masking key, also one of zeros", "[rfc6455-5.3]") {
    struct row {
        std::string_view hex;
        std::string_view told;
    };
    for (const row& r : {
             row{"81 85 37 fa 21 3d 7f 9f 4d 51 58", R"(text("Hello"))"}, // RFC 6455 5.7
             row{"81 85 00 00 00 00 48 65 6c 6c 6f", R"(text("Hello"))"},
             row{"81 85 00 00 00 01 48 65 6c 6d 6f", R"(text("Hello"))"},
             row{"81 85 ff ff ff ff b7 9a 93 93 90", R"(text("Hello"))"},
             row{"01 81 00 00 00 00 41 80 81 ff ff ff ff bd", R"(text("AB"))"}, // one a frame
             row{"89 82 00 00 00 00 41 42", R"(ping("AB"))"},
             row{"88 82 00 00 00 00 03 e8", R"(close(1000 ""))"},
         }) {
        CAPTURE(r.hex);
        CHECK(at_every_split<server>(std::span<const std::byte>(from_hex(r.hex))).told == r.told);
    }
}

TEST_CASE("connection: frames without payload have a masking key all the same", "[rfc6455-5.3]") {
    struct row {
        std::string_view hex;
        std::string_view told;
    };
    for (const row& r : {
             row{"81 80 01 02 03 04", R"(text(""))"},
             row{"82 80 00 00 00 00", R"(binary(""))"},
             row{"89 80 81 80 81 80", R"(ping(""))"}, // keys that look like frames
             row{"8a 80 88 80 88 80", R"(pong(""))"},
             row{"88 80 89 80 00 00", R"(close(1005 ""))"},
             row{"01 80 ff ff ff ff 80 80 ff ff ff ff", R"(text(""))"},
             row{"81 80 01 02 03 04 81 81 01 02 03 04 79", R"(text("") text("x"))"},
         }) {
        CAPTURE(r.hex);
        CHECK(at_every_split<server>(std::span<const std::byte>(from_hex(r.hex))).told == r.told);
    }
    // Until the key has come, so has nothing.
    server end;
    end.feed(chunks_of(from_hex("89 80 01 02 03"), 100));
    CHECK(end.told().empty());
}

TEMPLATE_TEST_CASE("connection: refuses reserved bits on frames of every kind", "[rfc6455-5.2]",
                   server, client) {
    const auto peer = [] { return frame_writer(TestType::side); };
    for (unsigned rsv = 1; rsv < 8; ++rsv) {
        for (const unsigned op : {1u, 2u, 8u, 9u, 10u}) {
            check_refused<TestType>(peer().frame(0x80 | rsv << 4 | op), errc::reserved_bits_set);
        }
        check_refused<TestType>(peer().frame(rsv << 4 | 0x01), errc::reserved_bits_set);
        check_refused<TestType>(peer().frame(0x01, "a").frame(0x80 | rsv << 4, "b"),
                                errc::reserved_bits_set);
    }
}

TEMPLATE_TEST_CASE("connection: refuses reserved opcodes", "[rfc6455-5.2]", server, client) {
    const auto peer = [] { return frame_writer(TestType::side); };
    for (const unsigned op : {3u, 4u, 5u, 6u, 7u, 11u, 12u, 13u, 14u, 15u}) {
        check_refused<TestType>(peer().frame(0x80 | op, "payload"), errc::reserved_opcode);
        check_refused<TestType>(peer().frame(op), errc::reserved_opcode);
    }
}

TEMPLATE_TEST_CASE("connection: refuses control frames that are fragmented", "[rfc6455-5.5]",
                   server, client) {
    const auto peer = [] { return frame_writer(TestType::side); };
    for (const unsigned op : {8u, 9u, 10u}) {
        check_refused<TestType>(peer().frame(op, "ab"), errc::control_frame_fragmented);
        check_refused<TestType>(peer().frame(op), errc::control_frame_fragmented);
        check_refused<TestType>(peer().frame(0x01, "a").frame(op), errc::control_frame_fragmented);
    }
}

TEMPLATE_TEST_CASE("connection: refuses control frames of more than 125 bytes", "[rfc6455-5.5]",
                   server, client) {
    const auto peer = [] { return frame_writer(TestType::side); };
    for (const unsigned op : {8u, 9u, 10u}) {
        check_refused<TestType>(peer().frame(0x80 | op, std::string(126, 'x')),
                                errc::control_frame_too_long);
        check_refused<TestType>(peer().header(0x80 | op, 70000), errc::control_frame_too_long);
        // Nor may a length of up to 125 be written in a longer form.
        check_refused<TestType>(peer().frame(0x80 | op, "x", length_form::two_octets),
                                errc::control_frame_too_long);
    }
}

TEMPLATE_TEST_CASE("connection: refuses lengths that are not in the shortest form", "[rfc6455-5.2]",
                   server, client) {
    const auto peer = [] { return frame_writer(TestType::side); };
    for (const unsigned first : {0x82u, 0x01u}) {
        for (const std::size_t size : {0u, 1u, 125u}) {
            check_refused<TestType>(
                peer().frame(first, std::string(size, 'x'), length_form::two_octets),
                errc::length_not_minimal);
        }
        for (const std::uint64_t size : {0u, 1u, 125u, 126u, 65535u}) {
            check_refused<TestType>(peer().header(first, size, length_form::eight_octets),
                                    errc::length_not_minimal);
        }
    }
    // Also when the frame is here as a whole.
    for (const std::size_t size : {125u, 126u, 65535u}) {
        TestType end;
        end.feed(peer().frame(0x82, std::string(size, 'x'), length_form::eight_octets));
        CHECK(end.told() == "failed(1002 a payload length is not written in the shortest form)");
    }
}

TEMPLATE_TEST_CASE("connection: refuses lengths with the most significant bit set", "[rfc6455-5.2]",
                   server, client) {
    const auto peer = [] { return frame_writer(TestType::side); };
    for (const std::uint64_t size :
         {std::uint64_t{1} << 63, ~std::uint64_t{0}, ~std::uint64_t{0} - 3}) {
        check_refused<TestType>(peer().header(0x82, size), errc::length_too_large);
        check_refused<TestType>(peer().header(0x01, size), errc::length_too_large);
    }
    // One bit less is a length, if a larger one than the limit.
    check_refused<TestType>(peer().header(0x82, ~std::uint64_t{0} >> 1), errc::message_too_big);
}

TEMPLATE_TEST_CASE("connection: refuses frames in the wrong order", "[rfc6455-5.4]", server,
                   client) {
    const auto peer = [] { return frame_writer(TestType::side); };
    for (const unsigned first : {0x80u, 0x00u}) {
        check_refused<TestType>(peer().frame(first), errc::unexpected_continuation);
        check_refused<TestType>(peer().frame(first, "lost"), errc::unexpected_continuation);
    }
    for (const unsigned first : {0x01u, 0x02u}) {
        for (const unsigned second : {0x01u, 0x02u, 0x81u, 0x82u}) {
            check_refused<TestType>(peer().frame(first, "one").frame(second, "two"),
                                    errc::expected_continuation);
            check_refused<TestType>(peer().frame(first).frame(0x00).frame(second),
                                    errc::expected_continuation);
        }
    }
    // Once a message has ended, nothing is left to continue: Autobahn 5.15.
    TestType end;
    end.feed(peer().frame(0x01, "a").frame(0x80, "b").frame(0x00, "c").text("d"));
    CHECK(end.told() == R"(text("ab") failed(1002 a continuation frame arrived while no message )"
                        "was being continued)");
}

TEMPLATE_TEST_CASE("connection: sees a violation before the rest of the frame arrives",
                   "[rfc6455-5.2][rfc6455-5.5]", server, client) {
    const auto told_after = [](std::string_view digits) {
        TestType end;
        chunk_list chunks = chunks_of(from_hex(digits), 1);
        end.feed(chunks);
        return end.told();
    };
    constexpr bool server_side = TestType::side == role::server;
    CHECK(told_after(server_side ? "83 80" : "83 00") ==
          "failed(1002 a frame has a reserved opcode)");
    CHECK(told_after(server_side ? "81 05" : "81 85") ==
          "failed(1002 " +
              std::string(message(server_side ? errc::frame_not_masked : errc::frame_masked)) +
              ")");
    CHECK(told_after(server_side ? "89 fe" : "89 7e") ==
          "failed(1002 a control frame is longer than 125 bytes)");
    CHECK(told_after(server_side ? "09 80" : "09 00") ==
          "failed(1002 a control frame is fragmented)");
}

TEMPLATE_TEST_CASE("connection: refuses text that is not UTF-8", "[rfc6455-8.1]", server, client,
                   streaming_server, streaming_client) {
    const auto peer = [] { return frame_writer(TestType::side); };
    const std::string ascii(40, 'a'); // longer than the words that text is checked by
    struct row {
        std::string text;
    };
    for (const std::string& text :
         {std::string("\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80"
                      "edited"),                                        // Autobahn 6.3.1
          std::string("\x80"), std::string("\xC0\xAF"),                 // Autobahn 6.12.1, 6.17.1
          std::string("\xF4\x90\x80\x80"),                              // Autobahn 6.11.5
          std::string("\xF5\x80\x80\x80"), std::string("\xED\xBF\xBF"), // Autobahn 6.20.7
          std::string("\xCE"), std::string("abc\xE2\x82"),              // ends inside a code point
          ascii.substr(0, 31) + "\xE2" + ascii.substr(0, 32) + "\x82\xAC", ascii + "\xFF" + ascii,
          ascii + ascii + "\xF0\x9F\x98"}) {
        CAPTURE(shown(text));
        const std::string told = "failed(1007 a text message is not valid UTF-8)";
        const std::string sent = R"(close(1007 "a text message is not valid UTF-8"))";
        for (const outcome& result :
             {at_every_split<TestType>(peer().text(text).text("x")),
              at_every_split<TestType>(peer().frame(0x01, text).frame(0x80).text("x")),
              at_every_split<TestType>(peer().frame(0x01).ping("!").frame(0x80, text))}) {
            CHECK(result.told.substr(result.told.find("failed")) == told);
            CHECK(result.sent.substr(result.sent.find("close")) == sent);
        }
        // Binary may hold anything.
        const outcome binary = at_every_split<TestType>(peer().binary(text));
        CHECK(binary.told == "binary(\"" + shown(text) + "\")");
    }
}

TEMPLATE_TEST_CASE("connection: accepts text cut inside code points", "[rfc6455-8.1]", server,
                   client, streaming_server, streaming_client) {
    // U+03BA, U+20AC, U+1F600 and the last code point: two, three and four octets.
    const std::string text = "\xCE\xBA\xE2\x82\xAC\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        frame_writer peer(TestType::side);
        peer.frame(0x01, text.substr(0, cut)).ping("p").frame(0x80, text.substr(cut)).text(text);
        const outcome result = at_every_split<TestType>(peer);
        CHECK(result.told ==
              "ping(\"p\") text(\"" + shown(text) + "\") text(\"" + shown(text) + "\")");
    }
}

TEMPLATE_TEST_CASE("connection: fails at the first impossible byte of a text, also inside a frame",
                   "[rfc6455-8.1]", server, client, streaming_server) {
    // Autobahn 6.4.1-6.4.4: the header announces 21 octets, and only so many have come.
    constexpr std::string_view valid = "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xF4";
    const std::string text = std::string(valid) + "\x90\x80\x80"
                                                  "edited";
    REQUIRE(text.size() == 21);
    for (const unsigned first : {0x81u, 0x01u}) {
        const std::vector<std::byte> input =
            frame_writer(TestType::side).frame(first, text).bytes();
        const std::size_t to_f4 = input.size() - text.size() + valid.size();
        for (const std::size_t size : {std::size_t{1}, std::size_t{100}}) {
            TestType end;
            end.feed(chunks_of(std::span(input).first(to_f4), size));
            CHECK(end.told().empty());
            end.feed(chunks_of(std::span(input).subspan(to_f4, 1), 1));
            CHECK(end.told() == "failed(1007 a text message is not valid UTF-8)");
        }
    }
}

TEMPLATE_TEST_CASE("connection: begins each text afresh", "[rfc6455-8.1]", server, client) {
    // The code point that a failed or binary message leaves open does not run into the next text.
    frame_writer peer(TestType::side);
    peer.frame(0x02, "\xE2\x82").frame(0x80, "\xE2").text("\xC2\xA9").binary("\xE2").text("ok");
    CHECK(at_every_split<TestType>(peer).told ==
          R"(binary("\xe2\x82\xe2") text("\xc2\xa9") binary("\xe2") text("ok"))");
}

TEST_CASE("connection: tells whatever text comes when validation is off", "[rfc6455-8.1]") {
    frame_writer peer(role::server);
    peer.text("\xFF\x80").frame(0x01, "\xE2").frame(0x80, "x");
    using lax = endpoint<role::server, options{.validate_utf8 = false}>;
    CHECK(at_every_split<lax>(peer).told == R"(text("\xff\x80") text("\xe2x"))");
    using lax_stream =
        endpoint<role::server, options{.validate_utf8 = false, .stream_messages = true}>;
    CHECK(at_every_split<lax_stream>(peer).told == R"(text("\xff\x80") text("\xe2x"))");
    // The reason of a Close is checked all the same.
    CHECK(at_every_split<lax>(frame_writer(role::server).close(1000, "\xFF")).told ==
          "failed(1007 the reason in a Close frame is not valid UTF-8)");
}

TEMPLATE_TEST_CASE("connection: the rest of a Ping may look like a message", "[rfc6455-5.5.2]",
                   server, client, streaming_server, streaming_client) {
    const std::string payload = "x" + frame_writer(TestType::side).text("no message").str() + "y";
    frame_writer peer(TestType::side);
    peer.ping().ping().ping(payload).text("a message"); // the third key has no effect
    REQUIRE(peer.str().find(payload) != std::string::npos);
    const outcome result = at_every_split<TestType>(peer);
    CHECK(result.told ==
          R"(ping("") ping("") ping(")" + shown(payload) + R"(") text("a message"))");
}
