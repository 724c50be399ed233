// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What permessage-deflate makes of what a peer sends (RFC 7692 7.2.2).

#include <framewire/deflate/permessage_deflate.hpp>

#include "support/catch.hpp"
#include "support/deflate.hpp"

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace framewire;
using namespace framewire::test;

namespace {

constexpr std::string_view undecodable = "failed(1007 the extension could not decode a message)";
constexpr std::string_view reserved =
    "failed(1002 a frame has reserved bits set that no extension defines)";
constexpr std::string_view too_big = "failed(1009 a message is larger than the limit)";
constexpr std::string_view not_utf8 = "failed(1007 a text message is not valid UTF-8)";

// Every way to cut a message in up to three fragments, the empty ones included, with a control
// frame in each gap.
template <class F>
void for_each_fragmentation(role side, std::string_view message, F&& run, unsigned first = 0x41) {
    for (std::size_t a = 0; a <= message.size(); ++a) {
        for (std::size_t b = a; b <= message.size(); ++b) {
            frame_writer out(side);
            out.frame(first, message.substr(0, a)).ping("1");
            out.frame(0x00, message.substr(a, b - a)).pong("2");
            out.frame(0x80, message.substr(b));
            run(out);
        }
    }
}

struct vector_row {
    std::string_view hex;
    std::string_view text;
};
// Messages that stand by themselves.
constexpr vector_row vectors[] = {
    {"f248cdc9c90700", "Hello"},               // RFC 7692 7.2.3.1
    {"000500faff48656c6c6f00", "Hello"},       // RFC 7692 7.2.3.3
    {"f348cdc9c9070000", "Hello"},             // RFC 7692 7.2.3.4
    {"f248050000 00ffff cac9c90700", "Hello"}, // RFC 7692 7.2.3.5
    {"00", ""},                                // RFC 7692 7.2.3.6
    {"0200", ""},                              // an empty block with fixed codes before it
    {"020000", ""},                            // RFC 7692 7.2.3.6 with an octet more: see below
    {"0300", ""},                              // a final block that is empty
    {"030000", ""},                            // with the octet of RFC 7692 7.2.3.4 behind it
    {"03000300030000", ""},                    // and more than one of them
    {"010000ffff", ""},                        // a final stored block that is empty
    {"010000ffff00", ""},                      //
    {"f348cdc9c90700", "Hello"},               // a final block without the octet of zero
    {"010500faff48656c6c6f", "Hello"},         // the same, stored
    {"010500faff48656c6c6f00", "Hello"},       //
    {"f348cdc9c90700 f348cdc9c9070000", "HelloHello"}, // blocks behind a final one
    {"010500faff48656c6c6f f248cdc9c90700", "HelloHello"},
    {"010500faff48656c6c6f 0300 f200110000", "HelloHello"}, // and what they refer back to
    {"0000 00ffff 0000 00ffff 00", ""},                     // flushes and nothing else
    {"0000 00ffff f248cdc9c90700", "Hello"},                //
};

} // namespace

TEMPLATE_TEST_CASE("permessage_deflate: reads the messages of RFC 7692", "[rfc7692-7.2.3]",
                   deflating_server, deflating_client, deflating_server_stream,
                   deflating_client_stream) {
    for (const vector_row& r : vectors) {
        if (r.hex == "020000") continue;
        CAPTURE(r.hex);
        const std::string message = octets(r.hex);
        const std::string text = "text(\"" + std::string(r.text) + "\")";
        for (const std::string_view parameters : {std::string_view(), keeps_nothing}) {
            const auto peer = [] { return frame_writer(TestType::side); };
            CHECK(at_every_split<TestType>(peer().frame(0xC1, message), parameters).told == text);
            // Twice: the first leaves nothing behind that disturbs the second.
            CHECK(at_every_split<TestType>(peer().frame(0xC1, message).frame(0xC1, message),
                                           parameters)
                      .told == text + " " + text);
            for_each_fragmentation(TestType::side, message, [&](const frame_writer& cut) {
                TestType end(parameters);
                end.feed(cut);
                REQUIRE(end.told() == "ping(\"1\") pong(\"2\") " + text);
            });
            frame_writer single = peer().frame(0x41);
            for (const char c : message)
                single.frame(0x00, std::string_view(&c, 1)).frame(0x00);
            CHECK(at_every_split<TestType>(single.frame(0x80), parameters).told == text);
        }
    }
}

TEMPLATE_TEST_CASE("permessage_deflate: messages refer back to earlier ones where that was agreed",
                   "[rfc7692-7.2.3.2][rfc7692-7.1.1]", deflating_server, deflating_client,
                   deflating_server_stream, deflating_client_stream) {
    const std::string first = octets("f248cdc9c90700");
    const std::string second = octets("f200110000"); // RFC 7692 7.2.3.2
    const auto both = [&] {
        return frame_writer(TestType::side).frame(0xC1, first).frame(0xC1, second);
    };
    const bool is_server = TestType::side == role::server;
    const std::string_view peer_keeps_none =
        is_server ? "; client_no_context_takeover" : "; server_no_context_takeover";
    const std::string_view self_keeps_none =
        is_server ? "; server_no_context_takeover" : "; client_no_context_takeover";
    CHECK(at_every_split<TestType>(both()).told == R"(text("Hello") text("Hello"))");
    CHECK(at_every_split<TestType>(both(), self_keeps_none).told ==
          R"(text("Hello") text("Hello"))");
    for (const std::string_view parameters : {peer_keeps_none, keeps_nothing}) {
        CHECK(at_every_split<TestType>(both(), parameters).told ==
              R"(text("Hello") )" + std::string(undecodable));
    }
    // Behind a final block the window stays what it was.
    const std::string final = octets("f348cdc9c9070000");
    CHECK(at_every_split<TestType>(
              frame_writer(TestType::side).frame(0xC1, final).frame(0xC1, second))
              .told == R"(text("Hello") text("Hello"))");
    // Fragments and control frames do not touch it.
    CHECK(at_every_split<TestType>(frame_writer(TestType::side)
                                       .frame(0x41, first.substr(0, 3))
                                       .ping("Jello")
                                       .frame(0x80, first.substr(3))
                                       .pong("Jello")
                                       .frame(0x41, second.substr(0, 1))
                                       .ping("Jello")
                                       .frame(0x80, second.substr(1)))
              .told == R"(ping("Jello") text("Hello") pong("Jello") ping("Jello") text("Hello"))");
}

TEMPLATE_TEST_CASE("permessage_deflate: messages that are not compressed leave the window alone",
                   "[rfc7692-6][rfc7692-7.2.2]", deflating_server, deflating_client,
                   deflating_server_stream) {
    const auto peer = [] { return frame_writer(TestType::side); };
    CHECK(at_every_split<TestType>(peer()
                                       .text("first")
                                       .frame(0xC1, octets("f248cdc9c90700"))
                                       .text("Jello")
                                       .frame(0x02, "Je")
                                       .frame(0x80, "llo")
                                       .binary("")
                                       .frame(0xC1, octets("f200110000")))
              .told == R"(text("first") text("Hello") text("Jello") binary("Jello") binary("") )"
                       R"(text("Hello"))");
    // Nor can a message refer to one of them.
    CHECK(at_every_split<TestType>(peer().text("Hello").frame(0xC1, octets("f200110000"))).told ==
          R"(text("Hello") )" + std::string(undecodable));
}

TEMPLATE_TEST_CASE("permessage_deflate: data that is no whole message fails the connection",
                   "[rfc7692-7.2.2][rfc6455-7.4.1]", deflating_server, deflating_client,
                   deflating_server_stream, deflating_client_stream) {
    struct row {
        std::string_view hex;
        const char* why;
    };
    const row rows[] = {
        {"", "no message: an empty one is an octet of zero (RFC 7692 7.2.3.6)"},
        // Messages that end in the middle of something
        {"f2", "behind the head of a block"},
        {"f248cd", "behind some octets"},
        {"f248cdc9c907", "in the end of a block"},
        {"f348cd", "in a final block"},
        {"00 05", "in the length of a stored block"},
        {"000500fa", "in its complement"},
        {"000600f9ff48656c6c6f", "in a stored block that would go on behind the tail"},
        {"00ffff0000", "in a stored block of 65535 octets"},
        {"010e00f1ff48656c6c6f", "in a final stored block, nine octets before its end"},
        {"011700e8ff48656c6c6f", "in one, eighteen octets before its end"},
        {"04", "in the head of dynamic codes"},
        {"ecc0", "in dynamic codes"},
        {"f248050000 00ffff", "behind a flush that is there in full"},
        {"f248cdc9c9070000 00ffff", "the same, behind a whole message"},
        // Not deflate
        {"06", "a block of the reserved type"},
        {"07", "a final one"},
        {"ffffffff", "the same"},
        {"000500fbff48656c6c6f00", "a length that does not fit its complement"},
        {"f200110000", "a reference to nothing"},
        {"fdff", "dynamic codes that are none"},
        {"78da f348cdc9c907000582 01f5", "zlib's own format"},
        {"1f8b0800000000000003", "gzip's"},
        {"48656c6c6f", "text that is not compressed"},
        // Behind a message
        {"020000", "an octet of zero too many"},
        {"f248cdc9c9070000", "the same"},
        {"f348cdc9c907000000", "the same, behind a final block"},
        {"f348cdc9c90700ff", "garbage behind a final block"},
        {"f348cdc9c907000007", "garbage behind it and its octet of zero"},
        {"0300f2", "a block that ends early behind a final one"},
    };
    for (const row& r : rows) {
        CAPTURE(r.hex, r.why);
        const std::string message = octets(r.hex);
        for (const std::string_view parameters : {std::string_view(), keeps_nothing}) {
            const outcome result = at_every_split<TestType>(
                frame_writer(TestType::side).frame(0xC2, message).text("not told"), parameters);
            CHECK(result.told == undecodable);
            CHECK(result.sent == R"(close(1007 "the extension could not decode a message"))");
            for_each_fragmentation(
                TestType::side, message,
                [&](const frame_writer& cut) {
                    TestType end(parameters);
                    end.feed(cut);
                    const std::string& told = end.told(); // perhaps behind what was told already
                    REQUIRE(told.size() >= undecodable.size());
                    REQUIRE(told.substr(told.size() - undecodable.size()) == undecodable);
                    REQUIRE(told.find("binary(") == std::string::npos);
                },
                0x42);
        }
    }
}

TEMPLATE_TEST_CASE("permessage_deflate: the bit stands on the first frame of a message only",
                   "[rfc7692-6][rfc7692-6.1]", deflating_server, deflating_client,
                   deflating_server_stream) {
    const auto peer = [] { return frame_writer(TestType::side); };
    const std::string hello = octets("f248cdc9c90700");
    for (const frame_writer& bad : {
             peer().frame(0x41, hello).frame(0xC0, std::string(1, '\0')),
             peer().frame(0x41).frame(0x40).frame(0x80, hello),
             peer().frame(0x01, "Hel").frame(0xC0, "lo"),
             peer().frame(0x01).frame(0xC0, hello),
             peer().frame(0xC8),
             peer().frame(0xC9, hello),
             peer().frame(0xCA),
             peer().frame(0x41, hello.substr(0, 2)).frame(0xC9).frame(0x80, hello.substr(2)),
             peer().frame(0xE1, hello),
             peer().frame(0xD1, hello),
             peer().frame(0xF1, hello),
             peer().frame(0xA1, "Hello"),
             peer().frame(0x91, "Hello"),
         }) {
        CHECK(at_every_split<TestType>(bad).told == reserved);
    }
    // Without the agreement it has no meaning anywhere.
    using plain = endpoint<TestType::side, options{}, permessage_deflate>;
    CHECK(at_every_split<endpoint<TestType::side>>(peer().frame(0xC1, hello)).told == reserved);
    plain end;
    end.feed(peer().text("plain").frame(0xC1, hello));
    CHECK(end.told() == R"(text("plain") )" + std::string(reserved));
    permessage_deflate enabled_only{deflate_settings{}};
    plain waiting(limits{}, std::move(enabled_only));
    waiting.feed(peer().frame(0xC1, hello));
    CHECK(waiting.told() == reserved);
}

TEMPLATE_TEST_CASE("permessage_deflate: what lies behind the agreed window is not there",
                   "[rfc7692-7.1.2.1][rfc7692-7.1.2.2]", deflating_server, deflating_client,
                   deflating_server_stream) {
    std::mt19937 random(7692);
    const std::string noise = some_noise(random, 2000);
    const std::string parameter =
        TestType::side == role::server ? "; client_max_window_bits=" : "; server_max_window_bits=";
    compressing_peer peer; // with a window of 2^15, whatever was agreed on
    const std::string first = peer.message(noise);
    const std::string second = peer.message(noise.substr(0, 500));
    REQUIRE(second.size() < 20); // a reference to 2000 octets before
    const frame_writer both = frame_writer(TestType::side).frame(0xC2, first).frame(0xC2, second);
    const auto told = [&](int bits, std::size_t piece) {
        TestType end(parameter + std::to_string(bits));
        end.feed(chunks_of(both.bytes(), piece));
        return end.told();
    };
    for (const std::size_t piece : {std::size_t{1}, std::size_t{100}, std::size_t{100'000}}) {
        for (int bits = 8; bits <= 15; ++bits) {
            CAPTURE(piece, bits);
            const std::string wanted = "binary(\"" + shown(noise) + "\") ";
            if (bits <= 10)
                CHECK(told(bits, piece) == wanted + std::string(undecodable));
            else
                CHECK(told(bits, piece) ==
                      wanted + "binary(\"" + shown(noise.substr(0, 500)) + "\")");
        }
    }
}

TEMPLATE_TEST_CASE("permessage_deflate: reads what zlib makes of messages of every kind",
                   "[rfc7692-7.2.2]", deflating_server, deflating_client, deflating_server_stream,
                   deflating_client_stream) {
    std::mt19937 random(1951);
    const std::string parameter =
        TestType::side == role::server ? "; client_max_window_bits=" : "; server_max_window_bits=";
    const int strategies[] = {Z_DEFAULT_STRATEGY, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED};
    for (int bits = 9; bits <= 15; ++bits) {
        for (const int level : {0, 1, 6, 9}) {
            compressing_peer keeping(bits, level, strategies[random() % 4]);
            compressing_peer anew(bits, level, strategies[random() % 4]);
            TestType with(parameter + std::to_string(bits));
            TestType without(parameter + std::to_string(bits) + std::string(keeps_nothing));
            for (int i = 0; i < 12; ++i) {
                const std::size_t size = random() % (i % 4 == 0 ? 100'000 : 1500);
                const std::string text =
                    i % 3 == 0 ? some_noise(random, size) : some_text(random, size);
                const bool final = random() % 3 == 0;
                for (const bool keeps : {true, false}) {
                    compressing_peer& peer = keeps ? keeping : anew;
                    TestType& end = keeps ? with : without;
                    if (!keeps) peer.begin_anew();
                    frame_writer out(TestType::side);
                    const std::string message =
                        final ? peer.final_message(text) : peer.message(text);
                    const std::size_t cut = random() % (message.size() + 1);
                    if (random() % 2 == 0)
                        out.frame(0xC2, message);
                    else
                        out.frame(0x42, message.substr(0, cut)).frame(0x80, message.substr(cut));
                    std::string got;
                    bool whole = false;
                    const std::size_t piece = random() % 3 == 0 ? 17 : 1 + random() % 40'000;
                    for (std::span<std::byte> in : chunks_of(out.bytes(), piece)) {
                        for (;;) {
                            const event e = end->next(in);
                            if (e.kind == event_kind::need_data) break;
                            REQUIRE(e.kind == event_kind::binary);
                            got += e.text();
                            whole = e.last;
                        }
                    }
                    CAPTURE(bits, level, i, keeps, final, piece, size);
                    REQUIRE(whole);
                    REQUIRE((got == text)); // too long to be shown
                }
            }
        }
    }
}

TEMPLATE_TEST_CASE("permessage_deflate: text is UTF-8 once it is decompressed", "[rfc6455-8.1]",
                   deflating_server, deflating_client, deflating_server_stream,
                   deflating_client_stream) {
    struct row {
        const char* text;
        bool good;
    };
    const row rows[] = {
        {"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5", true}, // Autobahn 6.2.1
        {"\xF0\x9F\x98\x80", true},
        {"\xEF\xBF\xBF", true},  // Autobahn 6.22.2
        {"\xED\xA0\x80", false}, // Autobahn 6.20.1
        {"\xCE\xBA\xF4\x90\x80\x80"
         "edited",
         false},         // Autobahn 6.4.1
        {"\xCE", false}, // Autobahn 6.6.1
        {"Hello\xF0\x9F\x98", false},
        {"\xFF", false},
    };
    for (const row& r : rows) {
        CAPTURE(shown(r.text));
        const std::string message = compressed(r.text);
        for (const std::string_view parameters : {std::string_view(), keeps_nothing}) {
            CHECK(at_every_split<TestType>(frame_writer(TestType::side).frame(0xC1, message),
                                           parameters)
                      .told == (r.good ? "text(\"" + shown(r.text) + "\")" : not_utf8));
            for_each_fragmentation(TestType::side, message, [&](const frame_writer& cut) {
                TestType end(parameters);
                end.feed(cut);
                REQUIRE((end.told().find("text(") != std::string::npos) == r.good);
                REQUIRE((end.told().find(not_utf8) != std::string::npos) != r.good);
            });
            // As binary it is as good as anything.
            CHECK(at_every_split<TestType>(frame_writer(TestType::side).frame(0xC2, message),
                                           parameters)
                      .told == "binary(\"" + shown(r.text) + "\")");
        }
    }
    // Of two causes the one that comes first is told, wherever the input was cut.
    for (const std::string& behind :
         {std::string("\xFF"), std::string("\xFF", 1) + std::string(2000, 'x')}) {
        const frame_writer both =
            frame_writer(TestType::side)
                .frame(0xC1, compressing_peer().raw(behind, Z_SYNC_FLUSH) + '\7');
        const limits small{.max_message_size = 1000};
        CHECK(at_every_split<TestType>(both, keeps_nothing).told == not_utf8);
        CHECK(at_every_split<TestType>(both, std::string_view(), small).told == not_utf8);
    }
    const std::string garbage = compressing_peer().raw("Hello", Z_SYNC_FLUSH) + "\7\xFF";
    CHECK(at_every_split<TestType>(frame_writer(TestType::side).frame(0xC1, garbage)).told ==
          undecodable);
    // Code points of three octets: wherever the decompressor's steps end, some end inside of one.
    std::string euros;
    for (int i = 0; i < 6'000; ++i)
        euros += "\xE2\x82\xAC";
    for (const std::string& lead : {std::string(), std::string("a"), std::string("bc")}) {
        const frame_writer good =
            frame_writer(TestType::side).frame(0xC1, compressed(lead + euros));
        CHECK(at_every_split<TestType>(good).told == "text(\"" + shown(lead + euros) + "\")");
        const frame_writer bad =
            frame_writer(TestType::side).frame(0xC1, compressed(lead + euros + "\xE2\x82" + euros));
        CHECK(at_every_split<TestType>(bad, keeps_nothing).told == not_utf8);
    }
}

TEMPLATE_TEST_CASE("permessage_deflate: text that is not UTF-8 fails before the message ends",
                   "[rfc6455-8.1]", deflating_server, deflating_client_stream) {
    // Autobahn 6.4.1: as soon as it can be known.
    compressing_peer peer;
    std::string message = peer.raw("\xCE\xBA\xF4\x90", Z_SYNC_FLUSH);
    TestType end;
    end.feed(frame_writer(TestType::side).frame(0x41, message));
    CHECK(end.told() == not_utf8);
}

TEMPLATE_TEST_CASE("permessage_deflate: the limit of a message is one of its decompressed size",
                   "[limits]", deflating_server, deflating_client, deflating_server_stream,
                   deflating_client_stream) {
    // Large ones are cut in few places, since each takes its time.
    const auto told = [](const frame_writer& in, std::string_view parameters, std::size_t limit) {
        const limits bounds{.max_message_size = limit};
        if (limit < 3000) return at_every_split<TestType>(in, parameters, bounds).told;
        std::string result;
        for (const std::size_t piece : {std::size_t{1}, in.bytes().size() / 2, in.bytes().size()}) {
            TestType end(parameters, bounds);
            end.feed(chunks_of(in.bytes(), piece));
            if (!result.empty()) REQUIRE(end.told() == result);
            result = end.told();
        }
        return result;
    };
    for (const std::size_t size : {0u, 1u, 2u, 5u, 255u, 256u, 257u, 258u, 259u, 1023u, 1024u,
                                   1025u, 4096u, 65'535u, 65'536u, 65'537u, 300'000u}) {
        std::string text;
        while (text.size() < size)
            text += "0123456789"[text.size() % 10];
        const std::string wanted = "text(\"" + shown(text) + "\")";
        for (const std::string& message :
             {compressed(text), compressing_peer().final_message(text)}) {
            const frame_writer one = frame_writer(TestType::side).frame(0xC1, message);
            const frame_writer two = frame_writer(TestType::side)
                                         .frame(0x41, message.substr(0, message.size() / 2))
                                         .frame(0x80, message.substr(message.size() / 2));
            for (const std::string_view parameters : {std::string_view(), keeps_nothing}) {
                for (const frame_writer& in : {one, two}) {
                    CAPTURE(size, message.size(), parameters);
                    CHECK(told(in, parameters, size) == wanted);
                    CHECK(told(in, parameters, size + 1) == wanted);
                    if (size > 0) CHECK(told(in, parameters, size - 1) == too_big);
                }
            }
        }
    }
    TestType end(std::string_view(), limits{.max_message_size = 4});
    end.feed(frame_writer(TestType::side).frame(0xC1, octets("f248cdc9c90700")));
    CHECK(end.sent() == R"(close(1009 "a message is larger than the limit"))");
    // What comes may be larger than the limit, as long as what it decompresses to is not.
    const std::string flushes =
        octets("000000ffff000000ffff000000ffff000000ffff") + octets("f248cdc9c90700");
    CHECK(at_every_split<TestType>(frame_writer(TestType::side).frame(0xC1, flushes),
                                   std::string_view(), limits{.max_message_size = 5})
              .told == R"(text("Hello"))");
    // The limit holds for messages that are not compressed as well (nodejs/undici#4899).
    CHECK(at_every_split<TestType>(frame_writer(TestType::side).text("Hello!"), std::string_view(),
                                   limits{.max_message_size = 5})
              .told == too_big);
}

TEST_CASE("permessage_deflate: the limit of fragments holds for compressed messages", "[limits]") {
    const limits three{.max_fragments = 3};
    const std::string hello = octets("f248cdc9c90700");
    const auto in = [&](int empty) {
        frame_writer out(role::server);
        out.frame(0x41, hello);
        for (int i = 0; i < empty; ++i)
            out.frame(0x00);
        return out.frame(0x80);
    };
    CHECK(at_every_split<deflating_server>(in(1), std::string_view(), three).told ==
          R"(text("Hello"))");
    CHECK(at_every_split<deflating_server>(in(2), std::string_view(), three).told ==
          "failed(1008 a message has more fragments than the limit)");
}

TEMPLATE_TEST_CASE("permessage_deflate: closing in the middle of a message throws it away",
                   "[rfc6455-5.5.1]", deflating_server, deflating_client, deflating_server_stream) {
    const std::string hello = octets("f248cdc9c90700");
    TestType end;
    end.feed(frame_writer(TestType::side).frame(0x41, hello.substr(0, 3)));
    REQUIRE(end->close() == errc::success);
    end.feed(frame_writer(TestType::side)
                 .frame(0x80, "garbage")
                 .frame(0xC1, "more of it")
                 .frame(0x41, hello)
                 .frame(0x80)
                 .close(1000));
    CHECK(end.told() == R"(close(1000 ""))");
}
