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

// Everything that a caller can see of where the closing handshake stands, in one word a fact.
template <class Endpoint> std::string stands(Endpoint& end) {
    static constexpr const char* states[] = {"open", "closing", "closed"};
    std::string out = states[static_cast<int>(end->state())];
    if (end->close_sent()) out += " sent";
    if (end->close_received()) out += " received";
    if (end->close_expected()) out += " expected";
    if (end->should_shut_down()) out += " shut-down";
    return out;
}

// RFC 6455 7.1.1: the server ends the transport first, a client waits for it.
template <class Endpoint> std::string closed_cleanly() {
    return Endpoint::side == role::server ? "closed sent received expected shut-down"
                                          : "closed sent received expected";
}

} // namespace

TEMPLATE_TEST_CASE("connection: closes when the peer begins", "[rfc6455-5.5.1][rfc6455-7.1]",
                   server, client) {
    TestType end;
    CHECK(stands(end) == "open");
    frame_writer peer(TestType::side);
    end.feed(peer.close(1001, "going"));
    CHECK(end.told() == R"(close(1001 "going"))");
    CHECK(stands(end) == closed_cleanly<TestType>());
    CHECK(end->send_text("x") == errc::not_open);
    CHECK(end->send_binary(bytes("x")) == errc::not_open);
    CHECK(end->send_fragment(opcode::text, bytes("x"), true) == errc::not_open);
    CHECK(end->ping() == errc::not_open);
    CHECK(end->pong() == errc::not_open);
    CHECK(end->close(close_code::going_away) == errc::success);
    CHECK(end.sent() == R"(close(1001 ""))");
    end.eof();
    CHECK(stands(end) == "closed sent received expected shut-down");
    CHECK(end.told() == R"(close(1001 "going"))");
    CHECK(end->output().empty());
}

TEMPLATE_TEST_CASE("connection: closes when this side begins", "[rfc6455-5.5.1][rfc6455-7.1]",
                   server, client) {
    TestType end;
    REQUIRE(end->send_text("earlier") == errc::success);
    REQUIRE(end->close(close_code::normal, "bye") == errc::success);
    CHECK(stands(end) == "closing sent expected");
    CHECK(end->close(close_code::going_away, "again") == errc::success);
    CHECK(end->send_text("x") == errc::not_open);
    CHECK(end->send_fragment(opcode::binary, {}, false) == errc::not_open);
    CHECK(end->ping() == errc::not_open);
    CHECK(end.sent() == R"(text("earlier") close(1000 "bye"))");
    frame_writer peer(TestType::side);
    end.feed(peer.close(1000));
    CHECK(end.told() == R"(close(1000 ""))");
    CHECK(stands(end) == closed_cleanly<TestType>());
    CHECK(end->output().empty());
    end.eof();
    CHECK(end.told() == R"(close(1000 ""))");
    CHECK(stands(end) == "closed sent received expected shut-down");
}

TEMPLATE_TEST_CASE("connection: closes when both sides begin at once", "[rfc6455-7.1.5]", server,
                   client) {
    for_each_chunking(frame_writer(TestType::side).close(4000, "mine").bytes(),
                      [](const chunk_list& chunks) {
                          TestType end;
                          REQUIRE(end->close(close_code{4001}, "yours") == errc::success);
                          end.feed(chunks);
                          CHECK(end.told() == R"(close(4000 "mine"))");
                          CHECK(end.sent() == R"(close(4001 "yours"))");
                          CHECK(stands(end) == closed_cleanly<TestType>());
                      });
}

TEMPLATE_TEST_CASE("connection: answers an empty Close with an empty one", "[rfc6455-5.5.1]",
                   server, client) {
    const outcome result = at_every_split<TestType>(frame_writer(TestType::side).close());
    CHECK(result.told == R"(close(1005 ""))");
    CHECK(result.sent == "close()");
}

TEMPLATE_TEST_CASE("connection: accepts the close codes that may be on the wire, and no others",
                   "[rfc6455-7.4]", server, client) {
    const auto legal = [](unsigned code) {
        return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
               (code >= 3000 && code <= 4999);
    };
    int accepted = 0;
    for (unsigned code = 0; code <= 0xFFFF; code += code < 5100 || code >= 65400 ? 1 : 97) {
        TestType end;
        end.feed(frame_writer(TestType::side).close(code, "why"));
        const std::string number = std::to_string(code);
        if (legal(code)) {
            ++accepted;
            if (end.told() == "close(" + number + " \"why\")" &&
                end.sent() == "close(" + number + " \"\")") {
                continue;
            }
        } else if (end.told() ==
                       "failed(1002 a Close frame has a status code that may not be sent)" &&
                   end.sent() ==
                       R"(close(1002 "a Close frame has a status code that may not be sent"))") {
            continue;
        }
        CAPTURE(code);
        FAIL_CHECK(end.told());
    }
    CHECK(accepted == 4 + 8 + 2000);
}

TEMPLATE_TEST_CASE("connection: refuses Close frames with a malformed body", "[rfc6455-5.5.1]",
                   server, client) {
    struct row {
        frame_writer peer;
        errc error;
    };
    const auto peer = [] { return frame_writer(TestType::side); };
    const row rows[] = {
        {peer().frame(0x88, "a"), errc::close_payload_too_short},                  // Autobahn 7.3.2
        {peer().close(1000, std::string(124, '*')), errc::control_frame_too_long}, // 7.3.6
        {peer().close(1000, "\xCE\xBA\xED\xA0\x80"), errc::close_reason_not_utf8}, // 7.5.1
        {peer().close(1000, "cut \xE2\x82"), errc::close_reason_not_utf8},
        {peer().close(0), errc::close_code_invalid}, // Autobahn 7.9.1
        {peer().close(65535, "\xFF"), errc::close_code_invalid},
    };
    for (const row& r : rows) {
        const std::string code = r.error == errc::close_reason_not_utf8 ? "1007" : "1002";
        const std::string reason(message(r.error));
        const outcome result = at_every_split<TestType>(r.peer);
        CHECK(result.told == "failed(" + code + " " + reason + ")");
        CHECK(result.sent == "close(" + code + " \"" + reason + "\")");

        // Once this side has sent its Close, there is nothing left to say.
        TestType end;
        REQUIRE(end->close(close_code::normal) == errc::success);
        end.feed(r.peer);
        CHECK(end.told() == "failed(1006 " + reason + ")");
        CHECK(end.sent() == R"(close(1000 ""))");
        CHECK(stands(end).find("shut-down") != std::string::npos);
    }
    const std::string longest(123, '*'); // Autobahn 7.3.5
    CHECK(at_every_split<TestType>(peer().close(1000, longest)).told ==
          "close(1000 \"" + longest + "\")");
}

TEMPLATE_TEST_CASE("connection: ignores what follows the peer's Close", "[rfc6455-1.4]", server,
                   client) {
    const auto peer = [] { return frame_writer(TestType::side); };
    for (const frame_writer& input :
         {peer().close(1000).close(), peer().close(1000).ping("p"), // Autobahn 7.1.2-4
          peer().close(1000).text("x"), peer().close(1000).frame(0xFF, "nonsense"),
          peer().close(1000).frame_of_wrong_role(0x81, "x"), peer().close(1000).header(0x82, 1)}) {
        const outcome result = at_every_split<TestType>(input);
        CHECK(result.told == R"(close(1000 ""))");
        CHECK(result.sent == R"(close(1000 ""))");
    }
    // In the middle of a message, too, which is never told: Autobahn 7.1.5.
    const outcome result =
        at_every_split<TestType>(peer().frame(0x01, "a").close(1000).frame(0x80, "b"));
    CHECK(result.told == R"(close(1000 ""))");
    CHECK(result.sent == R"(close(1000 ""))");
}

TEMPLATE_TEST_CASE("connection: after its own Close tells and answers nothing but the peer's",
                   "[rfc6455-5.5.1][rfc6455-5.5.2]", server, client, streaming_server) {
    frame_writer peer(TestType::side);
    peer.text("late").ping("late").pong("late").frame(0x01, "\xFF").ping().frame(0x80, "x");
    peer.binary(std::string(300, 'x')).close(1000, "done").text("later");
    for_each_chunking(peer.bytes(), [](const chunk_list& chunks) {
        TestType end;
        REQUIRE(end->close() == errc::success);
        end.feed(chunks);
        CHECK(end.told() == R"(close(1000 "done"))");
        CHECK(end.sent() == R"(close(1000 ""))");
    });
    // Nothing that is not going to be told is kept, whatever its size.
    TestType end{limits{.max_message_size = 10, .max_fragments = 2}};
    REQUIRE(end->close() == errc::success);
    frame_writer large(TestType::side);
    large.frame(0x02, std::string(50, 'x')).frame(0x00).frame(0x00).frame(0x80, "!").close(1000);
    end.feed(large);
    CHECK(end.told() == R"(close(1000 ""))");
}

TEMPLATE_TEST_CASE("connection: may close in the middle of everything", "[rfc6455-7.1.2]", server,
                   client, streaming_server, streaming_client) {
    const std::vector<std::byte> input = frame_writer(TestType::side)
                                             .frame(0x01, "ab")
                                             .ping("control")
                                             .frame(0x80, "cd")
                                             .close(1000)
                                             .bytes();
    for (std::size_t cut = 0; cut < input.size() - 2; ++cut) {
        TestType end;
        REQUIRE(end->send_fragment(opcode::text, bytes("\xE2\x82"), false) == errc::success);
        end.feed(chunks_of(std::span(input).first(cut), 3));
        REQUIRE(end->close(close_code::going_away) == errc::success);
        const std::string before = end.told();
        end.feed(chunks_of(std::span(input).subspan(cut), 3));
        CAPTURE(cut);
        CHECK((end.told() == before + (before.empty() ? "" : " ") + R"(close(1000 ""))"));
        const std::string sent = end.sent();
        CHECK((sent == R"(text-("\xe2\x82") close(1001 ""))" ||
               sent == R"(text-("\xe2\x82") pong("control") close(1001 ""))"));
    }
}

TEMPLATE_TEST_CASE("connection: still sees violations while closing", "[rfc6455-7.1.7]", server,
                   client) {
    const auto peer = [] { return frame_writer(TestType::side); };
    for (const frame_writer& bad : {peer().frame(0x83), peer().frame_of_wrong_role(0x81),
                                    peer().frame(0x80, "x"), peer().frame(0x01).frame(0x01)}) {
        TestType end;
        REQUIRE(end->close() == errc::success);
        end.feed(bad);
        CHECK(end.told().substr(0, 12) == "failed(1006 ");
        CHECK(end.sent() == R"(close(1000 ""))");
        CHECK(stands(end) == "closed sent expected shut-down");
    }
}

TEMPLATE_TEST_CASE("connection: sends only close codes that may be sent", "[rfc6455-7.4]", server,
                   client) {
    for (unsigned code = 0; code <= 0xFFFF; code += code < 5100 || code >= 65400 ? 1 : 97) {
        TestType end;
        const errc error = end->close(static_cast<close_code>(code), code == 1005 ? "why" : "");
        // RFC 6455 7.4.1: 1010 is for clients.
        const bool sendable =
            (code >= 1000 && code <= 1003) ||
            (code >= 1007 && code <= 1014 && !(code == 1010 && TestType::side == role::server)) ||
            (code >= 3000 && code <= 4999);
        if (error == (sendable ? errc::success : errc::close_code_not_sendable) &&
            end->close_expected() == sendable && end->output().empty() != sendable) {
            continue;
        }
        CAPTURE(code);
        FAIL_CHECK(message(error));
    }
    TestType end;
    CHECK(end->close(close_code::no_status_received) == errc::success);
    CHECK(end.sent() == "close()");
}

TEMPLATE_TEST_CASE("connection: sends reasons of up to 123 bytes of UTF-8", "[rfc6455-5.5.1]",
                   server, client) {
    TestType end;
    CHECK(end->close(close_code::normal, std::string(124, 'x')) == errc::close_reason_too_long);
    CHECK(end->close(close_code::normal, "\xFF") == errc::close_reason_not_utf8);
    CHECK(end->close(close_code::normal, "\xE2\x82") == errc::close_reason_not_utf8);
    CHECK(stands(end) == "open");
    CHECK(end->output().empty());
    REQUIRE(end->send_text("still open") == errc::success);

    std::string reason;
    while (reason.size() < 130)
        reason += "\xE2\x82\xAC";
    REQUIRE(end->close(close_code::normal, utf8_prefix(reason, max_close_reason)) == errc::success);
    CHECK(end.sent() ==
          "text(\"still open\") close(1000 \"" + shown(reason.substr(0, 123)) + "\")");
}

TEMPLATE_TEST_CASE("connection: a reason that is too long is cut between two code points",
                   "[rfc6455-5.5.1][rfc6455-8.1]", server, client) {
    // Every length of a code point, and every place where byte 123 can be in one.
    for (const std::string_view one : {"a", "\xC2\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"}) {
        for (std::size_t shift = 0; shift < one.size(); ++shift) {
            std::string reason(shift, '.');
            while (reason.size() < 140)
                reason += one;
            const std::size_t fits = shift + (123 - shift) / one.size() * one.size();
            CAPTURE(one.size(), shift, fits);
            TestType end;
            CHECK(end->close(close_code::normal, reason) == errc::close_reason_too_long);
            REQUIRE(end->close(close_code::normal, utf8_prefix(reason, max_close_reason)) ==
                    errc::success);
            const std::vector<wire_frame> frames = frames_of(end->output());
            REQUIRE(frames.size() == 1);
            CHECK(frames[0].first == 0x88);
            CHECK(frames[0].payload == "\x03\xE8" + reason.substr(0, fits));
        }
    }
}

TEMPLATE_TEST_CASE("connection: codes that are never on the wire are neither sent nor accepted",
                   "[rfc6455-7.4.1]", server, client) {
    for (const unsigned code : {1004u, 1005u, 1006u, 1015u}) {
        CAPTURE(code);
        TestType end;
        CHECK(end->close(static_cast<close_code>(code), "why") == errc::close_code_not_sendable);
        if (code != 1005) { // which stands for an empty Close
            CHECK(end->close(static_cast<close_code>(code)) == errc::close_code_not_sendable);
        }
        CHECK(end->output().empty());
        CHECK(stands(end) == "open");

        const outcome result = at_every_split<TestType>(frame_writer(TestType::side).close(code));
        CHECK(result.told == "failed(1002 a Close frame has a status code that may not be sent)");
        CHECK(result.sent ==
              R"(close(1002 "a Close frame has a status code that may not be sent"))");
    }
}

TEMPLATE_TEST_CASE("connection: codes that were registered later are sent and accepted",
                   "[rfc6455-7.4.2][rfc6455-11.7]", server, client) {
    // IANA: 1012 Service Restart, 1013 Try Again Later, 1014 Bad Gateway; 3000-3999 for libraries,
    // 4000-4999 for applications.
    for (const unsigned code : {1012u, 1013u, 1014u, 3000u, 3008u, 3999u, 4000u, 4999u}) {
        const std::string number = std::to_string(code);
        CAPTURE(code);
        TestType end;
        CHECK(end->close(static_cast<close_code>(code), "why") == errc::success);
        CHECK(end.sent() == "close(" + number + " \"why\")");
        const outcome result =
            at_every_split<TestType>(frame_writer(TestType::side).close(code, "why"));
        CHECK(result.told == "close(" + number + " \"why\")");
        CHECK(result.sent == "close(" + number + " \"\")");
    }
}

TEST_CASE("connection: only a client begins to close with 1010", "[rfc6455-7.4.1]") {
    client one;
    CHECK(one->close(close_code::mandatory_extension, "x-needed") == errc::success);
    CHECK(one.sent() == R"(close(1010 "x-needed"))");
    server other;
    CHECK(other->close(close_code::mandatory_extension, "x-needed") ==
          errc::close_code_not_sendable);
    CHECK(stands(other) == "open");
    CHECK(other->output().empty());
}

TEMPLATE_TEST_CASE("connection: 1010 and 1011 are accepted from either side", "[rfc6455-7.4.1]",
                   server, client) {
    // The RFC tells of clients that send 1010 and of servers that send 1011, and not that one has
    // to fail for the other direction; Autobahn 7.7.8 and 7.7.9 want both accepted.
    for (const unsigned code : {1010u, 1011u}) {
        const std::string number = std::to_string(code);
        const outcome result = at_every_split<TestType>(frame_writer(TestType::side).close(code));
        CHECK(result.told == "close(" + number + " \"\")");
        CHECK(result.sent == "close(" + number + " \"\")");
    }
    TestType end;
    CHECK(end->close(close_code::internal_error) == errc::success);
    CHECK(end.sent() == R"(close(1011 ""))");
}

TEMPLATE_TEST_CASE("connection: answers no Ping behind its own Close", "[rfc6455-5.5.2]", server,
                   client, streaming_server, streaming_client) {
    const auto peer = [] { return frame_writer(TestType::side); };
    // Whether it has begun to close or failed; a Pong that was queued before stays before.
    for_each_chunking(peer().ping("late").ping().bytes(), [&](const chunk_list& late) {
        TestType end;
        end.feed(peer().ping("early"));
        REQUIRE(end->close(close_code::going_away) == errc::success);
        end.feed(late);
        CHECK(end.told() == R"(ping("early"))");
        CHECK(end.sent() == R"(pong("early") close(1001 ""))");
        end.feed(late);
        CHECK(end.sent().empty()); // nor when the Close has left

        TestType failed;
        failed.feed(peer().ping("early").frame(0x83));
        failed.feed(late);
        CHECK(failed.sent() == R"(pong("early") close(1002 "a frame has a reserved opcode"))");

        TestType closed;
        closed.feed(peer().ping("early").close(1000));
        closed.feed(late);
        CHECK(closed.told() == R"(ping("early") close(1000 ""))");
        CHECK(closed.sent() == R"(pong("early") close(1000 ""))");
    });
}

TEMPLATE_TEST_CASE("connection: a Close in the middle of a fragmented message ends it",
                   "[rfc6455-5.4][rfc6455-5.5.1]", server, client) {
    const auto peer = [] { return frame_writer(TestType::side); };
    for (const frame_writer& input : {
             peer().frame(0x01, "a").close(1001, "bye"),
             peer().frame(0x01, "a").close(1001, "bye").frame(0x80, "b"), // Autobahn 7.1.5
             peer().frame(0x02, "a").frame(0x00).close(1001, "bye").text("b"),
             peer().frame(0x01, "cut \xE2\x82").close(1001, "bye"), // inside a code point
             peer().frame(0x01).ping().close(1001, "bye"),
         }) {
        const outcome result = at_every_split<TestType>(input);
        const std::size_t at = result.told.find("close");
        CHECK(result.told.substr(at) == R"(close(1001 "bye"))");
        CHECK(result.told.substr(0, at) == (at == 0 ? "" : R"(ping("") )"));
        CHECK(result.sent == (at == 0 ? R"(close(1001 ""))" : R"(pong("") close(1001 ""))"));
    }
}

TEMPLATE_TEST_CASE("connection: tells that the transport ended without a closing handshake",
                   "[rfc6455-7.1.5]", server, client, streaming_server) {
    // At every byte of a conversation, and told once only.
    frame_writer peer(TestType::side);
    peer.text("a").frame(0x01, "b").ping("c").frame(0x80, "d");
    const std::vector<std::byte> input = peer.bytes();
    for (std::size_t cut = 0; cut <= input.size(); ++cut) {
        for (const std::size_t size : {std::size_t{1}, std::size_t{100}}) {
            for (const bool closing : {false, true}) {
                TestType end;
                end.feed(chunks_of(std::span(input).first(cut), size));
                if (closing) REQUIRE(end->close() == errc::success);
                const std::string before = end.told();
                end.eof();
                const std::string lost = "failed(1006 the connection ended without a Close frame)";
                CHECK((end.told() == before + (before.empty() ? "" : " ") + lost));
                CHECK(stands(end) ==
                      (closing ? "closed sent expected shut-down" : "closed expected shut-down"));
                CHECK((end.sent().find("close") != std::string::npos) == closing);
                const std::string once = end.told();
                end.eof();
                end.feed(peer);
                CHECK(end.told() == once);
            }
        }
    }
}

TEMPLATE_TEST_CASE("connection: tells what came before the end of the transport first",
                   "[rfc6455-7.1.5]", server, client) {
    TestType end;
    std::vector<std::byte> input = frame_writer(TestType::side).text("a").ping("b").bytes();
    end->receive_eof();
    end.feed(std::span<std::byte>(input));
    CHECK(end.told() ==
          R"(text("a") ping("b") failed(1006 the connection ended without a Close frame))");

    TestType clean;
    input = frame_writer(TestType::side).text("a").close(1000).bytes();
    clean->receive_eof();
    clean.feed(std::span<std::byte>(input));
    clean.feed(std::span<std::byte>{});
    CHECK(clean.told() == R"(text("a") close(1000 ""))");
    CHECK(stands(clean) == "closed sent received expected shut-down");
}

TEMPLATE_TEST_CASE("connection: the Close of a failure stands behind earlier output",
                   "[rfc6455-7.1.7]", server, client) {
    TestType end;
    REQUIRE(end->send_text("one") == errc::success);
    REQUIRE(end->send_fragment(opcode::binary, bytes("two"), false) == errc::success);
    frame_writer peer(TestType::side);
    end.feed(peer.ping("three").frame(0x01, "\xFF"));
    CHECK(end.sent() == R"(text("one") binary-("two") pong("three") )"
                        R"(close(1007 "a text message is not valid UTF-8"))");
    CHECK(stands(end) == "closed sent expected shut-down");
}

TEST_CASE("connection: every sentence for a violation fits into a Close frame", "[rfc6455-5.5.1]") {
    for (unsigned value = 1; value < 256; ++value) {
        const auto error = static_cast<errc>(value);
        if (close_code_for(error) == close_code::abnormal_closure) continue;
        CAPTURE(message(error));
        CHECK(message(error).size() <= max_close_reason);
    }
}
