// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Reading, sending and back-pressure of an open stream. Its end: closing.cpp; time: timers.cpp.

#include <framewire/asio/stream.hpp>

#include "support/allocation_counter.hpp"
#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/connected.hpp"
#include "support/sockets.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#ifdef __GLIBC__
#include <malloc.h>
#endif

using namespace framewire;
using namespace framewire::test;

TEMPLATE_TEST_CASE("stream: reads whole messages however the transport cuts them",
                   "[asio][rfc6455-5.4]", server_end, client_end, waitable_server_end,
                   waitable_client_end) {
    const std::size_t chunk = GENERATE(from_range(std::begin(chunk_sizes), std::end(chunk_sizes)));
    CAPTURE(chunk);
    TestType end;
    end.far.settings().largest_read = chunk;
    const std::string big(chunk > 7 ? 70'000 : 3000, 'x');
    reader in;
    in.start(*end.stream);
    end.receive(TestType::frames()
                    .text("Hello")
                    .text("")
                    .binary(std::string("\0\xFF\x80", 3))
                    .frame(0x01, "fr")
                    .ping("are you there?")
                    .frame(0x00, "agm")
                    .frame(0x80, "ents")
                    .binary(std::string(126, 'y'))
                    .binary(big)
                    .text("\xC3\xA4"));
    CHECK(in.told == "text(\"Hello\") text(\"\") binary(\"\\x00\\xff\\x80\") text(\"fragments\") "
                     "binary(\"" +
                         std::string(126, 'y') + "\") binary(\"" + shown(big) +
                         "\") text(\"\\xc3\\xa4\")");
    CHECK(in.ends == 0);
    CHECK(end.sent() == "pong(\"are you there?\")");
}

TEMPLATE_TEST_CASE("stream: reads into containers, and replaces what was in them", "[asio]",
                   server_end, waitable_client_end) {
    TestType end;
    const auto read_into = [&](auto container) {
        completion read;
        opcode kind{};
        end.receive(TestType::frames().text("one"));
        end.stream->read(container, [&](const error_code& error, opcode op) {
            read.note(error);
            kind = op;
        });
        end.poll();
        CHECK(read.done());
        CHECK(kind == opcode::text);
        const std::string got(reinterpret_cast<const char*>(container.data()), container.size());
        CHECK(got == "one");
    };
    read_into(std::string("something else"));
    read_into(std::vector<std::byte>(7));
    read_into(std::vector<char>(2));
    read_into(std::vector<unsigned char>(0));
}

TEMPLATE_TEST_CASE("stream: a container is left alone until there is a message", "[asio]",
                   server_end, waitable_client_end) {
    TestType end;
    std::string text = "before";
    completion read;
    opcode kind{};
    end.stream->read(text, [&](const error_code& error, opcode op) {
        read.note(error);
        kind = op;
    });
    end.receive(TestType::frames().frame(0x02, "not all of it"));
    CHECK(text == "before");
    CHECK(read.calls == 0);
    end.receive(TestType::frames().frame(0x80, ""));
    CHECK(read.done());
    CHECK(kind == opcode::binary);
    CHECK(text == "not all of it");
}

TEMPLATE_TEST_CASE(
    "stream: delivers messages in pieces when asked to", "[asio][rfc6455-5.4]",
    (connected<role::server, test_stream, options{.stream_messages = true}>),
    (connected<role::client, waitable_test_stream, options{.stream_messages = true}>)) {
    TestType end;
    const std::size_t chunk = GENERATE(from_range(std::begin(chunk_sizes), std::end(chunk_sizes)));
    CAPTURE(chunk);
    end.far.settings().largest_read = chunk;
    std::string told;
    std::size_t pieces = 0;
    reader in;
    in.on_message = [&](const net::message& piece) {
        ++pieces;
        if (piece.first) told += piece.is_text() ? "text(" : "binary(";
        told += piece.text();
        if (piece.last) told += ") ";
    };
    in.start(*end.stream);
    end.receive(TestType::frames().text("Hello").binary("").frame(0x01, "frag"));
    CHECK(told == "text(Hello) binary() text(frag");
    end.receive(TestType::frames().ping().frame(0x80, "mented"));
    CHECK(told == "text(Hello) binary() text(fragmented) ");
    CHECK(pieces >= (chunk < 3 ? 8u : 4u));
}

TEMPLATE_TEST_CASE("stream: hands out pings to answer, and pongs not, when told not to answer",
                   "[asio][rfc6455-5.5.2]",
                   (connected<role::server, test_stream, options{.auto_pong = false}>),
                   (connected<role::client, waitable_test_stream, options{.auto_pong = false}>)) {
    TestType end;
    reader in;
    in.on_message = [&](const net::message& m) {
        if (m.kind == opcode::ping) CHECK(end.stream->pong(m.payload) == errc::success);
    };
    in.start(*end.stream);
    end.receive(TestType::frames().ping("a").pong("b").text("c"));
    CHECK(in.told == "control(\"a\") text(\"c\")");
    CHECK(end.sent() == "pong(\"a\")");
}

TEMPLATE_TEST_CASE("stream: a message stays as it was until the next read", "[asio]", server_end,
                   client_end, waitable_server_end, waitable_client_end) {
    const std::size_t chunk = GENERATE(from_range(std::begin(chunk_sizes), std::end(chunk_sizes)));
    CAPTURE(chunk);
    TestType end;
    end.far.settings().largest_read = chunk;
    const std::string first(600, 'a');
    read_completion read;
    end.stream->read(read.handler());
    end.receive(TestType::frames().text(first).text(std::string(600, 'b')).ping("p"));
    REQUIRE(read.done());
    end.receive(TestType::frames().text(std::string(5000, 'c')));
    end.advance(1s);
    CHECK(end.stream->send_text("meanwhile"));
    (void)end.sent();
    CHECK(std::string(read.view.text()) == first);
    end.advance(10s);
    CHECK(std::string(read.view.text()) == first);

    read_completion next;
    end.stream->read(next.handler());
    end.poll();
    CHECK(next.text == std::string(600, 'b'));
}

TEMPLATE_TEST_CASE("stream: the bytes of a message may be changed and sent back", "[asio]",
                   server_end, client_end, waitable_server_end, waitable_client_end) {
    TestType end;
    const std::size_t chunk = GENERATE(from_range(std::begin(chunk_sizes), std::end(chunk_sizes)));
    end.far.settings().largest_read = chunk;
    end.far.settings().largest_write = chunk;
    reader in;
    in.on_message = [&](const net::message& m) {
        if (!m.payload.empty()) m.payload[0] = std::byte{'E'};
        CHECK(end.stream->send(m));
    };
    in.start(*end.stream);
    end.receive(TestType::frames().text("hello").binary("hello").binary("").frame(0x01, "x").frame(
        0x80, "yz"));
    CHECK(end.sent() == "text(\"Eello\") binary(\"Eello\") binary(\"\") text(\"Eyz\")");
}

TEMPLATE_TEST_CASE("stream: one read at a time, and the second says so", "[asio]", server_end,
                   waitable_client_end) {
    TestType end;
    read_completion first;
    read_completion second;
    end.stream->read(first.handler());
    end.stream->read(second.handler());
    CHECK(second.calls == 0); // not from within
    end.poll();
    CHECK(second.failed(errc::read_in_progress));
    CHECK(second.error == condition::misuse);
    CHECK(first.calls == 0);
    end.receive(TestType::frames().text("for the first"));
    CHECK(first.text == "for the first");
    CHECK(second.calls == 1);
}

TEMPLATE_TEST_CASE("stream: no handler is called from within the call that starts it", "[asio]",
                   server_end, waitable_client_end) {
    TestType end;
    end.receive(TestType::frames().text("a"));
    read_completion read;
    completion sent;
    completion drained;
    end.stream->read(read.handler());
    end.stream->send_text("b", sent.handler());
    end.stream->drain(drained.handler());
    CHECK(read.calls + sent.calls + drained.calls == 0);
    end.poll();
    CHECK(read.text == "a");
    CHECK(sent.done());
    CHECK(drained.done());
}

// --- Sending

TEMPLATE_TEST_CASE("stream: sends bytes from whatever holds them in a row", "[asio]", server_end,
                   waitable_client_end) {
    TestType end;
    const std::vector<unsigned char> vector{'a', 'b'};
    const std::string_view view = "c";
    std::array<char, 1> array{'d'};
    const unsigned char plain[] = {'e'};
    completion sent;
    CHECK(end.stream->send_binary(vector));
    CHECK(end.stream->send_binary(view, compression::never));
    CHECK(end.stream->get_sender().send_binary(array));
    end.stream->send_binary(plain, sent.handler());
    CHECK(end.stream->send_binary(std::string("f")));
    CHECK(end.stream->send_binary(std::as_bytes(std::span(vector))));
    CHECK(end.sent() == "binary(\"ab\") binary(\"c\") binary(\"d\") binary(\"e\") "
                        "binary(\"f\") binary(\"ab\")");
    CHECK(sent.done());
    STATIC_REQUIRE_FALSE(net::detail::byte_range<const char[8]>);
    STATIC_REQUIRE_FALSE(net::detail::byte_range<std::vector<int>>);
}

TEMPLATE_TEST_CASE("stream: what is sent at a time leaves in order, in one write", "[asio]",
                   server_end, client_end, waitable_server_end, waitable_client_end) {
    TestType end;
    const std::size_t before = end.far.counts().all_writes();
    CHECK(end.stream->send_text("one"));
    CHECK(end.stream->send_binary(bytes_of("two")));
    CHECK(end.stream->ping(bytes_of("three")) == errc::success);
    CHECK(end.stream->pong(bytes_of("four")) == errc::success);
    CHECK(end.stream->send_fragment(opcode::text, bytes_of("five"), false));
    CHECK(end.stream->send_fragment(opcode::text, bytes_of("six"), true));
    CHECK(end.stream->send_text(bytes_of("seven")));
    end.poll();
    CHECK(end.far.counts().all_writes() == before + 1);
    CHECK(end.sent() == "text(\"one\") binary(\"two\") ping(\"three\") pong(\"four\") "
                        "text-(\"five\") cont(\"six\") text(\"seven\")");
    CHECK(end.stream->buffered_amount() == 0);
}

TEMPLATE_TEST_CASE("stream: the answers to all that one read brought leave in one write", "[asio]",
                   server_end, client_end, waitable_server_end, waitable_client_end) {
    TestType end;
    reader in;
    in.on_message = [&](const net::message& m) { CHECK(end.stream->send(m)); };
    in.start(*end.stream);
    end.poll();
    frame_writer frames = TestType::frames();
    for (int i = 0; i < 20; ++i)
        frames.text("message");
    frames.ping("x");
    const std::size_t before = end.far.counts().all_writes();
    end.receive(frames);
    CHECK(in.messages == 20);
    CHECK(end.far.counts().all_writes() == before + 1);
    const std::string sent = end.sent();
    CHECK(std::count(sent.begin(), sent.end(), 'g') == 21);
}

TEMPLATE_TEST_CASE("stream: short writes are not seen", "[asio]", server_end, client_end,
                   waitable_server_end, waitable_client_end) {
    const std::size_t chunk = GENERATE(from_range(std::begin(chunk_sizes), std::end(chunk_sizes)));
    CAPTURE(chunk);
    TestType end;
    end.far.settings().largest_write = chunk;
    end.far.set_capacity(100);
    const std::string big(3000, 'x');
    CHECK(end.stream->send_text(big));
    end.poll();
    CHECK(end.stream->send_text("behind it"));
    CHECK(end.sent() == "text(\"" + shown(big) + "\") text(\"behind it\")");
    CHECK(!end.cut_off());
    CHECK(end.stream->buffered_amount() == 0);
}

TEMPLATE_TEST_CASE("stream: refuses what may not be sent, and goes on", "[asio]", server_end,
                   waitable_client_end) {
    TestType end;
    const auto refused = [](net::send_result result) {
        CHECK(!result);
        CHECK(result.status == net::send_status::refused);
        return result.error;
    };
    auto& stream = *end.stream;
    CHECK(refused(stream.send_text("\xFF")) == errc::text_not_utf8);
    CHECK(stream.ping(bytes_of(std::string(126, 'x'))) == errc::control_payload_too_long);
    CHECK(stream.pong(bytes_of(std::string(126, 'x'))) == errc::control_payload_too_long);
    CHECK(stream.send_fragment(opcode::binary, bytes_of("a"), false));
    CHECK(refused(stream.send_text("b")) == errc::message_in_progress);
    CHECK(refused(stream.send_fragment(opcode::text, bytes_of("b"), true)) ==
          errc::wrong_fragment_kind);
    completion told;
    stream.send_binary(bytes_of("b"), told.handler());
    CHECK(stream.send_fragment(opcode::binary, bytes_of("c"), true));
    CHECK(end.sent() == "binary-(\"a\") cont(\"c\")");
    CHECK(told.failed(errc::message_in_progress));
}

// --- Back-pressure

namespace {

constexpr net::stream_options narrow{
    .timeouts = {}, .limits{.max_output = 4000}, .high_water = 1000, .low_water = 300};

} // namespace

TEMPLATE_TEST_CASE("stream: tells when it is above the high water mark, and when it is drained",
                   "[asio]", server_end, client_end, waitable_server_end, waitable_client_end) {
    TestType end(narrow);
    end.far.set_capacity(0);
    const std::string block(100, 'x');
    auto& stream = *end.stream;
    std::size_t count = 0;
    net::send_result last;
    do {
        last = stream.send_text(block);
        end.poll();
        ++count;
        CHECK((last.status == net::send_status::above_high_water) ==
              (stream.buffered_amount() > 1000));
    } while (last.status == net::send_status::queued);
    CHECK(last.status == net::send_status::above_high_water);
    const std::size_t each = TestType::is_server ? 102 : 106;
    CHECK(stream.buffered_amount() == count * each);

    completion drained;
    completion drained_too;
    stream.drain(drained.handler());
    stream.drain(drained_too.handler());
    end.far.set_capacity(stream.buffered_amount() - 301);
    end.poll();
    CHECK(stream.buffered_amount() == 301);
    CHECK(drained.calls == 0);
    (void)end.far.read(1);
    end.poll();
    CHECK(stream.buffered_amount() == 300);
    CHECK(drained.done());
    CHECK(drained_too.done());
}

TEMPLATE_TEST_CASE("stream: a send that is waited for completes at once up to the high water mark, "
                   "else at the low one",
                   "[asio]", server_end, waitable_client_end) {
    TestType end(narrow);
    end.far.set_capacity(0);
    auto& stream = *end.stream;
    completion below;
    completion above;
    completion binary;
    stream.send_text(std::string(900, 'a'), below.handler());
    end.poll();
    CHECK(below.done());
    stream.send_text(std::string(900, 'b'), above.handler());
    stream.send_binary(bytes_of("c"), binary.handler());
    end.poll();
    CHECK(above.calls == 0);
    CHECK(binary.calls == 0);
    end.far.set_capacity(stream.buffered_amount() - 301);
    end.poll();
    CHECK(above.calls == 0);
    (void)end.far.read(1);
    end.poll();
    CHECK(above.done());
    CHECK(binary.done());
}

TEMPLATE_TEST_CASE("stream: what waits to be sent never passes the hard limit", "[asio]",
                   server_end, client_end, waitable_server_end, waitable_client_end) {
    TestType end(narrow);
    end.far.set_capacity(0);
    auto& stream = *end.stream;
    const std::size_t size = GENERATE(1u, 99u, 125u, 126u, 1000u, 3000u);
    std::size_t taken = 0;
    net::send_result result;
    while ((result = stream.send_text(std::string(size, 'x')))) {
        ++taken;
        end.poll();
        REQUIRE(stream.buffered_amount() <= 4000);
    }
    CHECK(result.error == errc::output_full);
    CHECK(make_error_code(result.error) == condition::limit_exceeded);
    const std::size_t prefix = (size < 126 ? 2u : 4u) + (TestType::is_server ? 0u : 4u);
    CHECK(taken == 4000 / (size + prefix));
    completion told;
    stream.send_text(std::string(size, 'x'), told.handler());
    end.poll();
    CHECK(told.failed(errc::output_full));

    // It goes on when the peer has read.
    CHECK(stream.is_open());
    end.far.set_capacity(wire_settings::no_limit);
    (void)end.sent();
    CHECK(stream.buffered_amount() == 0);
    CHECK(stream.send_text("again"));
    CHECK(end.sent() == "text(\"again\")");
}

TEMPLATE_TEST_CASE("stream: closes with 1013 at the hard limit when told to", "[asio]", server_end,
                   waitable_client_end) {
    net::stream_options options = narrow;
    options.on_overflow = net::overflow_policy::close;
    TestType end(options);
    end.far.set_capacity(0);
    reader in;
    close_completion closed;
    in.start(*end.stream);
    end.stream->closed(closed.handler());
    CHECK(end.stream->send_text(std::string(3000, 'x')));
    const net::send_result result = end.stream->send_text(std::string(3000, 'y'));
    CHECK(!result);
    CHECK(result.error == errc::output_full);
    end.poll();
    CHECK(!end.stream->is_open());
    CHECK(end.stream->send_text("more").error == errc::not_open);

    end.far.set_capacity(wire_settings::no_limit);
    CHECK(end.sent().starts_with("text(\"" + shown(std::string(3000, 'x')) + "\") close(1013 "));
    end.answer_close(1013);
    CHECK(closed.calls == 1);
    CHECK(closed.info.error == errc::output_full);
    CHECK(in.ends == 1);
}

TEMPLATE_TEST_CASE("stream: control frames do not wait for room", "[asio]", server_end,
                   waitable_client_end) {
    TestType end(narrow);
    end.far.set_capacity(0);
    reader in;
    in.start(*end.stream);
    while (end.stream->send_text(std::string(500, 'x')))
        end.poll();
    end.receive(TestType::frames().ping("still here?"));
    CHECK(end.stream->close() == errc::success);
    end.far.set_capacity(wire_settings::no_limit);
    const std::string sent = end.sent();
    CHECK(sent.find("pong(\"still here?\")") != std::string::npos);
    CHECK(sent.ends_with("close(1000 \"\")"));
}

TEMPLATE_TEST_CASE("stream: paused, it takes nothing from the peer", "[asio]", server_end,
                   client_end, waitable_server_end, waitable_client_end) {
    TestType end;
    auto& stream = *end.stream;
    reader in;
    in.start(stream);
    end.poll();
    stream.pause_reading();
    CHECK(stream.reading_paused());
    end.receive(TestType::frames().binary(std::string(1000, 'a')));
    // Without a socket to wait for, a read was under way.
    constexpr bool waits = std::is_same_v<typename TestType::transport_type, waitable_test_stream>;
    CHECK((end.far.unread().size() >= 1000) == waits);
    end.receive(TestType::frames().text("b").binary(std::string(100'000, 'c')));
    CHECK(in.messages == 0);
    CHECK(end.far.unread().size() > 100'000);
    CHECK(stream.send_text("sending goes on"));
    CHECK(end.sent() == "text(\"sending goes on\")");
    stream.resume_reading();
    CHECK(!stream.reading_paused());
    end.poll();
    CHECK(in.messages == 3);

    // In a handler, too.
    in.on_message = [&](const net::message&) { stream.pause_reading(); };
    end.receive(TestType::frames().text("d").text("e").text("f"));
    CHECK(in.messages == 4);
    stream.resume_reading();
    end.poll();
    CHECK(in.messages == 5);
}

TEMPLATE_TEST_CASE("stream: paused, it keeps to itself what it has taken already", "[asio]",
                   server_end, client_end, waitable_server_end, waitable_client_end) {
    TestType end;
    reader in;
    end.receive(TestType::frames().text("nobody has asked for this yet"));
    CHECK(end.far.unread().empty());
    end.stream->pause_reading();
    in.start(*end.stream);
    end.poll();
    CHECK(in.messages == 0);
    end.stream->resume_reading();
    end.poll();
    CHECK(in.messages == 1);
}

TEMPLATE_TEST_CASE("stream: takes little from the peer while the application does not read",
                   "[asio]", server_end, waitable_client_end) {
    TestType end;
    const std::string message(1000, 'x');
    frame_writer frames = TestType::frames();
    for (int i = 0; i < 1000; ++i)
        frames.binary(message);
    end.receive(frames);
    CHECK(end.far.unread().size() > frames.str().size() - 200'000);
    reader in;
    in.start(*end.stream);
    end.poll();
    CHECK(in.messages == 1000);
}

// --- Pings

TEMPLATE_TEST_CASE("stream: tells the time between a ping and its pong", "[asio][rfc6455-5.5.3]",
                   server_end, waitable_client_end) {
    TestType end;
    reader in;
    in.start(*end.stream);
    ping_completion first;
    end.stream->ping(first.handler());
    end.poll();
    std::string wire = end.far.read();
    auto sent = take_frames(wire);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].op() == 9);
    end.advance(5ms);
    end.receive(TestType::frames().pong("somebody else's"));
    CHECK(first.calls == 0);
    end.advance(7ms);
    end.receive(TestType::frames().pong(sent[0].payload));
    CHECK(first.done());
    CHECK(first.time == 12ms);

    ping_completion second;
    end.stream->ping(second.handler());
    end.poll();
    end.receive(TestType::frames().pong(sent[0].payload)); // late, and not its own
    CHECK(second.calls == 0);
    wire = end.far.read();
    sent = take_frames(wire);
    REQUIRE(sent.size() == 1);
    end.advance(1ms);
    end.receive(TestType::frames().pong(sent[0].payload));
    CHECK(second.done());
    CHECK(second.time == 1ms);
    CHECK(in.told.empty());
}

TEMPLATE_TEST_CASE("stream: a ping that gets no answer ends with the connection", "[asio]",
                   server_end, waitable_client_end) {
    TestType end;
    reader in;
    in.start(*end.stream);
    ping_completion ping;
    end.stream->ping(ping.handler());
    end.far.end();
    end.poll();
    CHECK(ping.failed(errc::connection_lost));
}

// --- What the peer may not do

TEMPLATE_TEST_CASE("stream: a violation fails the read, and the peer is told why",
                   "[asio][rfc6455-7.1.7]", server_end, client_end, waitable_server_end,
                   waitable_client_end) {
    struct violation {
        std::string bytes;
        errc error;
        unsigned code;
    };
    const violation violations[] = {
        {TestType::frames().frame(0xC1, "x").str(), errc::reserved_bits_set, 1002},
        {TestType::frames().frame(0x83, "x").str(), errc::reserved_opcode, 1002},
        {TestType::frames().frame_of_wrong_role(0x81, "x").str(),
         TestType::is_server ? errc::frame_not_masked : errc::frame_masked, 1002},
        {TestType::frames().text("\xFF").str(), errc::text_not_utf8, 1007},
        {TestType::frames().header(0x82, 1u << 30).str(), errc::message_too_big, 1009},
        {TestType::frames().close(1005).str(), errc::close_code_invalid, 1002},
    };
    for (const violation& one : violations) {
        CAPTURE(one.error);
        TestType end;
        reader in;
        close_completion closed;
        in.start(*end.stream);
        end.stream->closed(closed.handler());
        end.receive(TestType::frames().text("before").str() + one.bytes);
        CHECK(in.told == "text(\"before\")");
        CHECK(in.ends == 1);
        CHECK(in.error == one.error);
        const std::string sent = end.sent();
        CHECK(sent.starts_with("close(" + std::to_string(one.code)));
        CHECK(end.far.ended());
        end.far.end();
        end.poll();
        CHECK(end.far.closed());
        CHECK(closed.calls == 1);
        CHECK(closed.info.error == one.error);
        CHECK(static_cast<unsigned>(closed.info.code) == one.code);
        CHECK(!closed.info.clean);
        CHECK(!closed.info.by_peer);
        CHECK(end.stream->send_text("more").error == errc::not_open);
    }
}

// --- Handlers that throw, moving, memory

TEMPLATE_TEST_CASE("stream: a handler may throw, and the rest comes all the same", "[asio]",
                   server_end, client_end, waitable_server_end, waitable_client_end) {
    TestType end;
    reader in;
    end.stream->read([&](const error_code&, const net::message& m) {
        CHECK(end.stream->send(m));
        in.start(*end.stream);
        throw std::runtime_error("no");
    });
    end.far.write(TestType::frames().text("one").text("two").ping("p").text("three").str());
    CHECK_THROWS_AS(end.poll(), std::runtime_error);
    end.poll();
    CHECK(in.told == "text(\"two\") text(\"three\")");
    CHECK(end.sent() == "text(\"one\") pong(\"p\")");
    CHECK(end.stream->close() == errc::success);
    CHECK(end.sent() == "close(1000 \"\")");
    end.answer_close();
    CHECK(in.ends == 1);
}

TEST_CASE("stream: a server writes a large message from where it lies", "[asio]") {
    io::io_context context;
    io::ip::tcp::acceptor acceptor(context, {io::ip::address_v4::loopback(), 0});
    any_socket client = connect_to(context, acceptor.local_endpoint());
    any_socket accepted(context);
    acceptor.accept(accepted);
    net::server_stream<any_socket> stream(std::move(accepted), server_options_of({}));
    completion opened;
    stream.read_request(
        [&](const error_code&, const upgrade_request&) { stream.accept({}, opened.handler()); });
    io::write(client, io::buffer(request_head()));
    REQUIRE(run_until(context, [&] { return opened.done(); }));
    const std::string large(20'000, 'x');
    CHECK(stream.send_text(large).status == net::send_status::queued);
    REQUIRE(stream.buffered_amount() == 0); // what is queued waits for the end of the turn
    std::string got(129 + 4 + large.size(), ' ');
    io::read(client, io::buffer(got));
    CHECK(got.ends_with(std::string("\x81\x7E\x4E\x20", 4) + large));
}

TEST_CASE("stream: large messages keep their place among others, however writes are cut",
          "[asio]") {
    const std::size_t piece = GENERATE(as<std::size_t>{}, 1, 3, 4, 5, 9, 10'000, 20'000, 65'540);
    const bool first = GENERATE(true, false);
    waitable_server_end end;
    end.far.settings().largest_write = piece;
    const std::string large(65'536, 'a');
    const std::string larger(65'537, 'b');
    std::string expected;
    const auto say = [&](const std::string& text) {
        REQUIRE(end.stream->send_text(text));
        if (!expected.empty()) expected += ' ';
        expected += "text(\"" + shown(text) + "\")";
    };
    if (!first) say("before");
    say(large);
    say("between");
    say(larger);
    say(large);
    say("behind");
    CHECK(end.sent() == expected);
}

TEST_CASE("stream: what is left of a large message counts as waiting", "[asio]") {
    const std::size_t room = GENERATE(as<std::size_t>{}, 0, 1, 10, 11, 5000);
    waitable_server_end end;
    end.far.set_capacity(room);
    CHECK(end.stream->send_binary(bytes_of(std::string(65'536, 'x'))));
    end.poll();
    CHECK(end.stream->buffered_amount() == 10 + 65'536 - room);
    completion drained;
    end.stream->drain(drained.handler());
    end.poll();
    CHECK(drained.done());
    end.far.set_capacity(wire_settings::no_limit);
    end.poll();
    CHECK(end.stream->buffered_amount() == 0);
    CHECK(end.sent() == "binary(\"" + shown(std::string(65'536, 'x')) + "\")");
}

TEST_CASE("stream: a large message is refused as a short one", "[asio]") {
    waitable_server_end end;
    const std::string large(65'536, 'x');
    CHECK(end.stream->send_text(large + "\xC3").error == errc::text_not_utf8);
    CHECK(end.stream->send_fragment(opcode::text, bytes_of("a"), false));
    CHECK(end.stream->send_text(large).error == errc::message_in_progress);
    CHECK(end.stream->send_fragment(opcode::text, bytes_of("b"), true));
    CHECK(end.sent() == "text-(\"a\") cont(\"b\")");
}

TEST_CASE("stream: a large message that cannot be written ends the connection, once", "[asio]") {
    waitable_server_end end;
    read_completion read;
    close_completion closed;
    end.stream->read(read.handler());
    end.stream->closed(closed.handler());
    end.poll();
    end.far.settings().failing = 0;
    CHECK(end.stream->send_text(std::string(65'536, 'x')));
    CHECK(read.calls == 0);
    CHECK(end.stream->buffered_amount() == 0);
    CHECK(!end.stream->is_open());
    end.advance(6s); // in which the peer could have told more
    CHECK(read.failed(io::error::connection_reset));
    CHECK(closed.calls == 1);
    CHECK(closed.info.error == io::error::connection_reset);
}

TEMPLATE_TEST_CASE("stream: may be moved while it works", "[asio]", server_end,
                   waitable_client_end) {
    TestType end;
    read_completion read;
    end.stream->read(read.handler());
    typename TestType::stream_type moved(std::move(*end.stream));
    end.stream.reset();
    end.receive(TestType::frames().text("for the moved one"));
    CHECK(read.text == "for the moved one");
    CHECK(moved.send_text("from the moved one"));
    CHECK(end.sent() == "text(\"from the moved one\")");
    CHECK(moved.is_open());
}

TEMPLATE_TEST_CASE("stream: messages cost no allocation, whatever a turn may cost", "[asio]",
                   server_end, client_end, waitable_server_end, waitable_client_end) {
    TestType end;
    struct echo {
        void start() {
            stream.read([this](const error_code& error, const net::message& m) {
                if (error) return;
                ++count;
                if (stream.send(m)) start();
            });
        }
        typename TestType::stream_type& stream;
        int count = 0;
    } echo{*end.stream};
    echo.start();
    frame_writer frames = TestType::frames();
    for (int i = 0; i < 100; ++i)
        frames.text("sixteen bytes...");
    const auto round = [&] {
        end.far.write(frames.str());
        end.poll();
        (void)end.far.read();
        end.poll();
    };
    round();
    round();
    end.far.write(frames.str());
    const allocation_count before = allocations();
    end.poll();
    const allocation_count after = allocations();
    CHECK(echo.count == 300);
    CHECK((after - before).calls < 10); // of a hundred messages
}

TEST_CASE("stream: an idle stream on a socket takes at most 1 KiB", "[asio]") {
    using stream_type =
        net::server_stream<waitable_test_stream, options{}, no_extension, fake_clock>;
    constexpr std::size_t count = 50;
    loop events;
    std::vector<peer> peers;
    std::vector<waitable_test_stream> transports;
    std::vector<stream_type> streams;
    std::vector<reader> readers(count + 1);
    peers.reserve(count + 1);
    transports.reserve(count + 1);
    streams.reserve(count + 1);
    const auto add = [&] {
        transports.emplace_back(events.context);
        peers.push_back(transports.back().other_end());
    };
    // Opens a connection, and has it echo a message that has to be put together.
    const auto use = [&](std::size_t i) {
        streams.emplace_back(std::move(transports[i]), server_options_of({}));
        stream_type& stream = streams.back();
        completion opened;
        stream.read_request([&](const error_code& error, const upgrade_request&) {
            if (!error) stream.accept({}, opened.handler());
        });
        peers[i].write(request_head());
        events.poll();
        REQUIRE(opened.done());
        readers[i].on_message = [&stream](const net::message& m) { CHECK(stream.send(m)); };
        readers[i].start(stream);
        const std::string bytes = frame_writer(role::server).text(std::string(2000, 'x')).str();
        peers[i].write(bytes.substr(0, 1000));
        events.poll();
        peers[i].write(bytes.substr(1000));
        events.poll();
        CHECK(readers[i].messages == 1);
        std::string().swap(readers[i].told);
        (void)peers[i].read();
        peers[i].release_memory();
    };
    // The first one leaves behind what all of the thread's share.
    add();
    use(0);
    for (std::size_t i = 1; i <= count; ++i)
        add();
    fake_clock::advance(2s);
    events.poll();
    const std::int64_t before = allocations().live_bytes;
    for (std::size_t i = 1; i <= count; ++i)
        use(i);
    fake_clock::advance(2s);
    events.poll();
    const std::int64_t each = (allocations().live_bytes - before) / std::int64_t{count};
    CAPTURE(each);
    CHECK(each <= 1024);
}

TEST_CASE("stream: busy streams of a thread have one block of memory for their output", "[asio]") {
    using stream_type =
        net::server_stream<waitable_test_stream, options{}, no_extension, fake_clock>;
    constexpr std::size_t count = 20;
    constexpr std::size_t size = 16'000; // of a message, less than what is written by itself
    loop events;
    std::vector<peer> peers;
    std::vector<std::optional<stream_type>> streams(count);
    std::vector<reader> readers(count);
    for (std::size_t i = 0; i < count; ++i) {
        waitable_test_stream transport(events.context);
        peers.push_back(transport.other_end());
        std::optional<stream_type>& stream = streams[i];
        stream.emplace(std::move(transport), server_options_of({}));
        completion opened;
        stream->read_request([&](const error_code& error, const upgrade_request&) {
            if (!error) stream->accept({}, opened.handler());
        });
        peers[i].write(request_head());
        events.poll();
        REQUIRE(opened.done());
        readers[i].on_message = [&stream](const net::message& m) { CHECK(stream->send(m)); };
        readers[i].start(*stream);
        (void)peers[i].read();
    }
    const std::string bytes = frame_writer(role::server).binary(std::string(size, 'x')).str();
    const auto echo_by_all = [&] {
        for (std::size_t i = 0; i < count; ++i) {
            peers[i].write(bytes);
            events.poll();
            CHECK(peers[i].read().size() == size + 4);
            std::string().swap(readers[i].told);
            peers[i].release_memory();
        }
    };
    const std::int64_t before = allocations().live_bytes;
    for (int turn = 0; turn < 10; ++turn)
        echo_by_all();
    CHECK(allocations().live_bytes - before <= std::int64_t{3 * size});
    for (const reader& one : readers)
        CHECK(one.messages == 10);
}

// What an allocator adds is seen by glibc's only, and not under sanitizers.
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#if __GLIBC_PREREQ(2, 33)
namespace {

/// An echo server with its clients, and how much memory is in use.
struct echo_crowd {
    explicit echo_crowd(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i)
            clients.push_back(connect_to(context, acceptor.local_endpoint()));
        streams.reserve(count);
    }

    /// Has so many clients open their connection and send a message.
    void use(std::size_t count) {
        const std::string sent =
            request_head() + frame_writer(role::server).text("sixteen bytes...").str();
        for (; count != 0; --count)
            io::write(clients[wanted++], io::buffer(sent));
        accept();
        context.restart();
        context.run_for(20s);
        REQUIRE(echoed == wanted);
    }
    [[nodiscard]] static std::size_t memory() {
        const auto info = mallinfo2();
        return info.uordblks + info.hblkhd;
    }

private:
    void accept() {
        acceptor.async_accept([this](const error_code& error, any_socket socket) {
            REQUIRE(!error);
            const std::size_t i = streams.size();
            streams.emplace_back(std::move(socket), server_options_of({}));
            streams[i].read_request([this, i](const error_code& wrong, const upgrade_request&) {
                REQUIRE(!wrong);
                streams[i].accept({}, [this, i](const error_code&) { echo(i); });
            });
            if (streams.size() < wanted) accept();
        });
    }
    void echo(std::size_t i) {
        streams[i].read([this, i](const error_code& error, const net::message& message) {
            if (error) return;
            CHECK(streams[i].send(message));
            if (++echoed == wanted) context.stop();
            echo(i);
        });
    }

    io::io_context context;
    io::ip::tcp::acceptor acceptor{context, {io::ip::address_v4::loopback(), 0}};
    std::vector<any_socket> clients;
    std::vector<net::server_stream<any_socket>> streams;
    std::size_t echoed = 0;
    std::size_t wanted = 0;
};

} // namespace

TEST_CASE("stream: an idle connection on a TCP socket takes at most 1 KiB, Asio's share included",
          "[asio]") {
    constexpr std::size_t count = 200;
    echo_crowd crowd(8 + count);
    crowd.use(8); // leave behind what everybody shares
    const std::size_t before = echo_crowd::memory();
    crowd.use(count);
    const std::size_t each = (echo_crowd::memory() - before) / count;
    CAPTURE(each);
    CHECK(each <= 1024);
}
#endif
#endif
