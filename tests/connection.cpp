// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The basics; tests/connection/ has the rest.

#include <framewire/connection.hpp>

#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/trace.hpp"

#include <concepts>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

using namespace framewire;
using namespace framewire::test;

namespace {

template <class C> constexpr bool has_the_promised_shape() {
    static_assert(std::is_nothrow_move_constructible_v<C>);
    static_assert(std::is_nothrow_move_assignable_v<C>);
    static_assert(std::is_nothrow_destructible_v<C>);
    static_assert(!std::is_copy_constructible_v<C> && !std::is_copy_assignable_v<C>);
    static_assert(!std::is_polymorphic_v<C>);
    using bytes = std::span<const std::byte>;
    static_assert(noexcept(std::declval<C&>().next(std::declval<std::span<std::byte>&>())));
    static_assert(noexcept(std::declval<C&>().send_text(std::string_view{})));
    static_assert(noexcept(std::declval<C&>().send_text(bytes{})));
    static_assert(noexcept(std::declval<C&>().send_binary(bytes{})));
    static_assert(noexcept(std::declval<C&>().send_fragment(opcode::text, bytes{}, true)));
    static_assert(noexcept(std::declval<C&>().ping(bytes{})));
    static_assert(noexcept(std::declval<C&>().pong(bytes{})));
    static_assert(noexcept(std::declval<C&>().close(close_code::normal, std::string_view{})));
    static_assert(noexcept(std::declval<C&>().consume_output(std::size_t{})));
    static_assert(noexcept(std::declval<C&>().receive_eof()));
    static_assert(noexcept(std::declval<C&>().release_memory()));
    static_assert(noexcept(std::declval<const C&>().output()));
    static_assert(noexcept(std::declval<const C&>().state()));
    static_assert(noexcept(std::declval<const C&>().close_expected()));
    static_assert(noexcept(std::declval<const C&>().should_shut_down()));
    static_assert(
        std::same_as<decltype(std::declval<const C&>().output()), std::span<const std::byte>>);
    return true;
}

static_assert(has_the_promised_shape<connection<role::server>>());
static_assert(has_the_promised_shape<connection<role::client>>());
static_assert(has_the_promised_shape<connection<role::server, options{.stream_messages = true}>>());

// A server may hold a million of them.
static_assert(sizeof(connection<role::server>) <= 128);
static_assert(sizeof(connection<role::client>) <= 128);

// A role is made with what it needs, and not otherwise.
static_assert(std::is_nothrow_default_constructible_v<connection<role::server>>);
static_assert(std::is_nothrow_constructible_v<connection<role::client>, masking_key_source&>);
static_assert(!std::is_default_constructible_v<connection<role::client>>);
static_assert(!std::is_constructible_v<connection<role::server>, masking_key_source&>);

} // namespace

TEMPLATE_TEST_CASE("connection: begins open and silent", "[rfc6455-4]", server, client) {
    TestType end;
    CHECK(end->state() == connection_state::open);
    CHECK(end->output().empty());
    CHECK_FALSE(end->close_expected());
    CHECK_FALSE(end->should_shut_down());
    CHECK_FALSE(end->close_sent());
    CHECK_FALSE(end->close_received());
    end.feed(std::span<std::byte>{});
    CHECK(end.told().empty());
}

TEMPLATE_TEST_CASE("connection: tells messages in order and takes all of the input",
                   "[rfc6455-5.4]", server, client) {
    frame_writer peer(TestType::side);
    peer.text("Hello").binary("\x01\x02").text("").binary("").text("last");
    const outcome result = at_every_split<TestType>(peer);
    CHECK(result.told == R"(text("Hello") binary("\x01\x02") text("") binary("") text("last"))");
    CHECK(result.sent.empty());
}

TEMPLATE_TEST_CASE("connection: tells messages of every length class", "[rfc6455-5.2]", server,
                   client) {
    // The boundaries of the three length forms, and of the words that payload is unmasked by.
    for (const std::size_t size : {0u, 1u, 3u, 4u, 7u, 8u, 31u, 32u, 33u, 124u, 125u, 126u, 127u,
                                   128u, 255u, 256u, 65535u, 65536u, 65537u}) {
        std::string payload;
        for (std::size_t i = 0; i < size; ++i)
            payload += static_cast<char>('a' + i % 26);
        frame_writer peer(TestType::side);
        peer.text(payload).binary(payload).ping();
        for (const std::size_t piece : {peer.str().size(), std::size_t{1}, std::size_t{5}}) {
            TestType end;
            std::string got;
            end.feed(chunks_of(peer.bytes(), piece), [&](const event& e) { got += e.text(); });
            CHECK(got == payload + payload);
        }
    }
}

TEMPLATE_TEST_CASE("connection: a message that lies whole in the buffer is a view into it",
                   "[rfc6455-5.4]", server, client) {
    frame_writer peer(TestType::side);
    peer.text("Hello").frame(0x80 | 0x9, "ping").binary("world");
    std::vector<std::byte> buffer = peer.bytes();
    TestType end;
    std::span<std::byte> in(buffer);
    for (int i = 0; i < 3; ++i) {
        const event e = end->next(in);
        CAPTURE(i);
        REQUIRE(e.payload.data() >= buffer.data());
        CHECK(e.payload.data() + e.payload.size() == in.data());
    }
    CHECK(in.empty());
}

TEMPLATE_TEST_CASE("connection: payload may be sent back while its event lasts", "[rfc6455-5.4]",
                   server, client) {
    frame_writer peer(TestType::side);
    peer.text("one").frame(0x01, "tw").frame(0x80, "o").frame(0x02, "t").ping("p").frame(0x80, "3");
    for_each_chunking(peer.bytes(), [](const chunk_list& chunks) {
        TestType end;
        end.feed(chunks, [&](const event& e) {
            if (e.kind == event_kind::text) CHECK(end->send_text(e.payload) == errc::success);
            if (e.kind == event_kind::binary) CHECK(end->send_binary(e.payload) == errc::success);
            if (e.kind == event_kind::ping) CHECK(end->ping(e.payload) == errc::success);
        });
        CHECK(end.sent() == R"(text("one") text("two") pong("p") ping("p") binary("t3"))");
    });
}

TEMPLATE_TEST_CASE("connection: stopping between two events loses nothing", "[rfc6455-5.4]", server,
                   client) {
    frame_writer peer(TestType::side);
    peer.text("one").ping("two").text("three");
    std::vector<std::byte> buffer = peer.bytes();
    TestType end;
    std::span<std::byte> in(buffer);
    CHECK(end->next(in).text() == "one");
    const std::vector<std::byte> rest(in.begin(), in.end()); // the caller's buffer moves elsewhere
    std::vector<std::byte> moved = rest;
    in = moved;
    CHECK(end->next(in).text() == "two");
    CHECK(end->next(in).text() == "three");
    CHECK(end->next(in).kind == event_kind::need_data);
}

TEMPLATE_TEST_CASE("connection: may be moved between any two calls", "[rfc6455-5.4]", server,
                   client) {
    using connection_type = typename TestType::connection_type;
    frame_writer peer(TestType::side);
    peer.frame(0x01, "a\xC3").ping("in between").frame(0x00, "\xA9z").frame(0x80, "!").binary("x");
    TestType end;
    REQUIRE(end->send_fragment(opcode::text, bytes("\xE2\x82"), false) == errc::success);
    auto now = std::make_unique<connection_type>(std::move(*end));
    trace told;
    for (const std::span<std::byte> piece : chunks_of(peer.bytes(), 1)) {
        std::span<std::byte> in = piece;
        for (;;) {
            const event e = now->next(in);
            if (e.kind == event_kind::need_data) break;
            told.add(e);
            auto later = std::make_unique<connection_type>(std::move(*now));
            now = std::move(later);
        }
        auto later = std::make_unique<connection_type>(std::move(*now));
        *now = std::move(*later); // by assignment and back
        later.reset();
    }
    CHECK(told.str() == R"(ping("in between") text("a\xc3\xa9z!") binary("x"))");
    REQUIRE(now->send_fragment(opcode::text, bytes("\xAC"), true) == errc::success);
    CHECK(words(frames_of(now->output()), TestType::side) ==
          R"(text-("\xe2\x82") pong("in between") cont("\xac"))");
}

TEMPLATE_TEST_CASE("connection: a view outlives a move of the connection", "[rfc6455-5.4]", server,
                   client) {
    using connection_type = typename TestType::connection_type;
    frame_writer peer(TestType::side);
    peer.frame(0x01, "left ").frame(0x80, "right");
    TestType end;
    event e;
    for (std::span<std::byte> piece : chunks_of(peer.bytes(), 3))
        e = end->next(piece);
    const connection_type moved(std::move(*end));
    CHECK(e.text() == "left right");
}

TEMPLATE_TEST_CASE("connection: gives memory back without losing what it is in the middle of",
                   "[rfc6455-5.4]", server, client) {
    frame_writer peer(TestType::side);
    peer.frame(0x01, "ab").ping("long enough to be cut").frame(0x80, "cd").text("ef");
    for_each_chunking(peer.bytes(), [](const chunk_list& chunks) {
        TestType end;
        for (const std::span<std::byte> piece : chunks) {
            end->release_memory();
            end.feed(piece, [&](const event&) { end->release_memory(); });
        }
        CHECK(end.told() == R"(ping("long enough to be cut") text("abcd") text("ef"))");
        CHECK(end.sent() == R"(pong("long enough to be cut"))");
    });
}

TEST_CASE("connection: a failure is told in words", "[rfc6455-7.1.7]") {
    server end;
    end.feed(frame_writer(role::server).frame(0x83));
    CHECK(end.told() == "failed(1002 a frame has a reserved opcode)");
    CHECK(end.sent() == R"(close(1002 "a frame has a reserved opcode"))");
}
