// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/qt/deflate.hpp>

#include "qt/support/certificates.hpp"
#include "qt/support/raw.hpp"
#include "qt/support/recorder.hpp"
#include "support/catch.hpp"

#include <string>
#include <string_view>
#include <vector>

using namespace framewire;
using namespace framewire::test;

namespace {

using namespace std::string_literals;

// "Hello", compressed: RFC 7692 7.2.3.1.
const std::string hello = "\xF2\x48\xCD\xC9\xC9\x07\x00"s;

const std::string long_text = "it was the best of times, it was the worst of times, it was the age "
                              "of wisdom, it was the age of foolishness";

qt::client_options client_with(const deflate_settings& settings = {}) {
    qt::client_options options;
    options.extension = qt::deflate(settings);
    return options;
}
qt::server_options server_with(const deflate_settings& settings = {}) {
    qt::server_options options;
    options.extension = qt::deflate(settings);
    return options;
}

// The frames that a peer has got, when there are `count` of them.
std::vector<wire_frame> frames_at(raw_end& peer, std::size_t count) {
    std::vector<wire_frame> frames;
    wait_for([&] {
        for (wire_frame& frame : take_frames(peer.received))
            frames.push_back(std::move(frame));
        return frames.size() >= count || peer.ended;
    });
    REQUIRE(frames.size() == count);
    return frames;
}

} // namespace

TEST_CASE("deflate: a connection that idles and keeps no window costs 64 bytes") {
    CHECK(sizeof(qt::detail::any_extension) + sizeof(qt::detail::deflate_extension) <= 64);
}

TEST_CASE("deflate: is used when both sides want it, and messages arrive in any case") {
    const bool on_client = GENERATE(false, true);
    const bool on_server = GENERATE(false, true);
    const bool keeps_window = GENERATE(false, true);
    const bool tls = GENERATE(false, true);
    CAPTURE(on_client, on_server, keeps_window, tls);
    const deflate_settings settings =
        keeps_window ? deflate_settings() : deflate_settings::no_context_takeover();
    qt::client_options client_options;
    qt::server_options server_options;
    if (on_client) client_options.extension = qt::deflate(settings);
    if (on_server) server_options.extension = qt::deflate(settings);
    if (tls) {
        client_options.tls = certificates().of_client();
        server_options.tls = certificates().of_server("good");
    }
    test_server server(server_options);
    test_client c;
    QUrl url = server.url();
    url.setHost(QStringLiteral("localhost")); // what the certificate is for
    c.open(url, client_options);
    CHECK(c.ws.extensions().isEmpty());
    REQUIRE(c.wait_for_text("open"));
    qt::session& other = *server.sessions[0]->ws;
    const std::string agreed = !on_client || !on_server ? ""
                               : keeps_window
                                   ? "permessage-deflate; server_max_window_bits=12; "
                                     "client_max_window_bits=12"
                                   : "permessage-deflate; server_no_context_takeover; "
                                     "client_no_context_takeover; server_max_window_bits=12; "
                                     "client_max_window_bits=12";
    CHECK(c.ws.extensions().toStdString() == agreed);
    CHECK(other.extensions().toStdString() == agreed);

    for (int i = 0; i < 3; ++i) {
        c.trace.clear();
        c.ws.send_text(long_text.c_str());
        c.ws.send_text("");
        c.ws.send_binary(QByteArray(70'000, 'b'));
        c.ws.send_fragment(opcode::text, "\xE2\x82", false);
        c.ws.ping("p");
        c.ws.send_fragment(opcode::text, "\xAC", true);
        c.ws.send_binary(QByteArray("\0\xFF", 2), compression::never);
        REQUIRE(c.wait_for_text(std::string_view("binary(\0\xFF)", 10)));
        CHECK(c.trace == "text(" + std::to_string(long_text.size()) +
                             " bytes) text() binary(70000 bytes) pong(p) text(\xE2\x82\xAC) "
                             "binary("s +
                             "\0\xFF)"s);
    }
    for (const qsizetype size : {125, 126, 65535, 65536, 1'000'000}) {
        QByteArray big(size, '\0');
        for (qsizetype i = 0; i < size; ++i)
            big[i] = static_cast<char>(i * i >> 7);
        c.last.clear();
        REQUIRE(c.ws.send_binary(big) == errc::success);
        REQUIRE(wait_for([&] { return c.last.size() == size; }));
        CHECK(c.last == big);
    }
    c.ws.close();
    REQUIRE(c.wait_for_end());
    CHECK(c.info.clean);
    CHECK(c.ws.extensions().isEmpty());
}

TEST_CASE("deflate: a client offers it when it is told to", "[rfc7692-7.1]") {
    raw_server server;
    test_client c;
    SECTION("told") {
        c.open(server.url(), client_with());
        REQUIRE(server.wait_for_peer());
        CHECK(server.peer->take_head().find(
                  "\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n") !=
              std::string::npos);
    }
    SECTION("told no") {
        deflate_settings off;
        off.enabled = false;
        c.open(server.url(), client_with(off));
        REQUIRE(server.wait_for_peer());
        CHECK(server.peer->take_head().find("Extensions") == std::string::npos);
    }
    SECTION("not told") {
        c.open(server.url());
        REQUIRE(server.wait_for_peer());
        CHECK(server.peer->take_head().find("Extensions") == std::string::npos);
    }
}

TEST_CASE("deflate: a server that is not asked says nothing of it", "[rfc7692-7.1]") {
    test_server server(server_with());
    const auto peer = raw_connect(server.server.port());
    SECTION("not asked") { peer->send(good_request()); }
    SECTION("asked for something else") {
        peer->send(good_request("Sec-WebSocket-Extensions: x-other\r\n"));
    }
    SECTION("asked for what it does not know") {
        peer->send(good_request("Sec-WebSocket-Extensions: permessage-deflate; x=1\r\n"));
    }
    CHECK(peer->take_head().find("Sec-WebSocket-Extensions") == std::string::npos);
    CHECK(server.sessions[0]->extensions.isEmpty());
    // RFC 6455 5.2: nobody has given the bit a meaning.
    peer->send(frame_writer(role::server).frame(0xC1, hello));
    REQUIRE(server.sessions[0]->wait_for_end());
    CHECK(server.sessions[0]->info.error == errc::reserved_bits_set);
}

TEST_CASE("deflate: a server answers the first offer that it can serve", "[rfc7692-7.1]") {
    test_server server(server_with());
    const auto peer = raw_connect(server.server.port());
    // The message comes together with the request.
    peer->send(
        good_request("Sec-WebSocket-Extensions: permessage-deflate; x=1, permessage-deflate; "
                     "server_max_window_bits=10\r\n") +
        frame_writer(role::server).frame(0xC1, hello).text("plain").str());
    const std::string answer = "permessage-deflate; server_max_window_bits=10";
    CHECK(peer->take_head().find("\r\nSec-WebSocket-Extensions: " + answer + "\r\n") !=
          std::string::npos);
    CHECK(server.sessions[0]->extensions.toStdString() == answer);
    CHECK(peer->take_words(role::server, 2) == R"(text("Hello") text("plain"))");
    // Short messages go as they are, long ones do not.
    server.sessions[0]->ws->send_text(long_text.c_str());
    const std::vector<wire_frame> frames = frames_at(*peer, 1);
    CHECK(frames[0].rsv() == 4);
    CHECK(frames[0].payload.size() < long_text.size());
}

TEST_CASE("deflate: a client understands what comes together with the answer") {
    raw_server server;
    test_client c;
    c.open(server.url(), client_with());
    server.accept("sec-websocket-extensions:permessage-deflate;server_no_context_takeover\r\n",
                  frame_writer(role::client).frame(0xC1, hello).str());
    REQUIRE(c.wait_for_text("text(Hello)"));
    // As the server wrote it.
    CHECK(c.ws.extensions() == "permessage-deflate;server_no_context_takeover");
}

TEST_CASE("deflate: a client does without when the server has none") {
    raw_server server;
    test_client c;
    c.open(server.url(), client_with());
    server.accept();
    REQUIRE(c.wait_for_text("open"));
    CHECK(c.ws.extensions().isEmpty());
    c.ws.send_text(long_text.c_str());
    CHECK(frames_at(*server.peer, 1)[0].payload == long_text);
    server.peer->send(frame_writer(role::client).frame(0xC1, hello));
    REQUIRE(c.wait_for_end());
    CHECK(c.info.error == errc::reserved_bits_set);
}

TEST_CASE("deflate: an answer that does not go with the offer fails the opening",
          "[rfc6455-9.1][rfc7692-7.1]") {
    const auto [answer, error, text] = GENERATE(table<std::string, errc, std::string>({
        {"permessage-deflate; x=1", errc::bad_extension_answer,
         "the server chose an extension with parameters that do not fit the offer "
         "(permessage-deflate; x=1)"},
        {"permessage-deflate; server_max_window_bits=16", errc::bad_extension_answer,
         "the server chose an extension with parameters that do not fit the offer "
         "(permessage-deflate; server_max_window_bits=16)"},
        {"permessage-deflate\r\nSec-WebSocket-Extensions: permessage-deflate",
         errc::bad_extension_list,
         "Sec-WebSocket-Extensions is malformed (permessage-deflate, permessage-deflate)"},
        {"x-other", errc::extension_not_offered,
         "the server chose an extension that was not offered"},
        {"permessage-deflate;;", errc::bad_extension_list, "Sec-WebSocket-Extensions is malformed"},
    }));
    CAPTURE(answer);
    raw_server server;
    test_client c;
    c.open(server.url(), client_with());
    server.accept("Sec-WebSocket-Extensions: " + answer + "\r\n");
    REQUIRE(c.wait_for_end());
    CHECK(c.trace.rfind("closed(", 0) == 0);
    CHECK(c.info.error == error);
    CHECK(c.info.error == condition::handshake_failed);
    const std::string who = "127.0.0.1:" + std::to_string(server.url().port());
    CHECK(c.error_text() == who + " did not answer as a WebSocket server does: " + text);
    CHECK(c.ws.response().status == 101);
    CHECK(c.ws.extensions().isEmpty());
}

TEST_CASE("deflate: a server cannot choose it for a client that did not offer it") {
    raw_server server;
    test_client c;
    c.open(server.url());
    server.accept("Sec-WebSocket-Extensions: permessage-deflate\r\n");
    REQUIRE(c.wait_for_end());
    CHECK(c.info.error == errc::extension_not_offered);
}

TEST_CASE("deflate: what is not to be compressed goes as it is", "[rfc7692-6]") {
    raw_server server;
    test_client c;
    c.open(server.url(), client_with());
    server.accept("Sec-WebSocket-Extensions: permessage-deflate\r\n");
    REQUIRE(c.wait_for_text("open"));
    c.ws.send_text(long_text.c_str());
    c.ws.send_text(long_text.c_str(), compression::never);
    c.ws.send_text(QString::fromStdString(long_text), compression::never);
    c.ws.send_binary(QByteArray::fromStdString(long_text), compression::never);
    c.ws.send_text("short");
    c.ws.ping(QByteArray(100, 'p'));
    const std::vector<wire_frame> frames = frames_at(*server.peer, 6);
    CHECK(frames[0].rsv() == 4);
    CHECK(frames[0].payload.size() < long_text.size());
    for (std::size_t i = 1; i <= 3; ++i) {
        CHECK(frames[i].rsv() == 0);
        CHECK(frames[i].payload == long_text);
    }
    CHECK(frames[4].rsv() == 0);
    CHECK(frames[4].payload == "short");
    // RFC 7692 6.1: RSV1 is for the first frames of messages.
    CHECK(frames[5].rsv() == 0);
    CHECK(frames[5].payload == std::string(100, 'p'));
}

TEST_CASE("deflate: the first part of a message decides for all of them", "[rfc7692-6.1]") {
    raw_server server;
    test_client c;
    c.open(server.url(), client_with());
    server.accept("Sec-WebSocket-Extensions: permessage-deflate\r\n");
    REQUIRE(c.wait_for_text("open"));
    c.ws.send_fragment(opcode::text, "Hello", false);
    c.ws.send_fragment(opcode::text, "Hello", true, compression::never);
    c.ws.send_fragment(opcode::text, "Hello", false, compression::never);
    c.ws.send_fragment(opcode::text, "Hello", true);
    const std::vector<wire_frame> frames = frames_at(*server.peer, 4);
    CHECK(frames[0].rsv() == 4);
    CHECK(frames[1].rsv() == 0);
    CHECK(frames[1].payload != "Hello");
    CHECK(frames[2].rsv() == 0);
    CHECK(frames[2].payload == "Hello");
    CHECK(frames[3].rsv() == 0);
    CHECK(frames[3].payload == "Hello");
}

TEST_CASE("deflate: a small message that becomes too large ends with 1009", "[rfc6455-7.4.1]") {
    qt::server_options options = server_with();
    options.limits.max_message_size = 1'000'000;
    test_server server(options);
    test_client c;
    c.open(server.url(), client_with());
    REQUIRE(c.wait_for_text("open"));

    SECTION("as large as it may be") {
        c.ws.send_binary(QByteArray(1'000'000, '\0'));
        CHECK(c.wait_for_text("binary(1000000 bytes)"));
    }
    SECTION("an octet larger") {
        c.ws.send_binary(QByteArray(1'000'001, '\0'));
        REQUIRE(c.wait_for_end());
        CHECK(c.info.code == close_code::message_too_big);
        REQUIRE(server.sessions[0]->wait_for_end());
        CHECK(server.sessions[0]->info.error == errc::message_too_big);
    }
    SECTION("in parts") {
        c.ws.send_fragment(opcode::binary, QByteArray(600'000, '\0'), false);
        c.ws.send_fragment(opcode::binary, QByteArray(600'000, '\0'), true);
        REQUIRE(c.wait_for_end());
        CHECK(c.info.code == close_code::message_too_big);
        REQUIRE(server.sessions[0]->wait_for_end());
        CHECK(server.sessions[0]->info.error == errc::message_too_big);
    }
}

TEST_CASE("deflate: what nobody could have compressed ends with 1007", "[rfc6455-7.4.1]") {
    test_server server(server_with());
    const auto peer =
        raw_open(server.server.port(), "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    peer->send(frame_writer(role::server).frame(0xC2, "\xFF\xFF\xFF"));
    REQUIRE(server.sessions[0]->wait_for_end());
    CHECK(server.sessions[0]->info.error == errc::extension_data_invalid);
    CHECK(server.sessions[0]->info.code == close_code::invalid_payload);
}

TEST_CASE("deflate: a change of options leaves sessions as they are") {
    test_server server;
    test_client before;
    before.open(server.url(), client_with());
    REQUIRE(before.wait_for_text("open"));
    server.server.set_options(server_with());
    test_client after;
    after.open(server.url(), client_with());
    REQUIRE(after.wait_for_text("open"));
    CHECK(before.ws.extensions().isEmpty());
    CHECK_FALSE(after.ws.extensions().isEmpty());
    before.ws.send_text(long_text.c_str());
    after.ws.send_text(long_text.c_str());
    REQUIRE(wait_for([&] { return !before.last.isEmpty() && !after.last.isEmpty(); }));
    CHECK(before.last == long_text.c_str());
    CHECK(after.last == long_text.c_str());

    // A client that opens anew asks anew.
    after.trace.clear();
    after.open(server.url());
    REQUIRE(after.wait_for_text("open"));
    CHECK(after.ws.extensions().isEmpty());
}
