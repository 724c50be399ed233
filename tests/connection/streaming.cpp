// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/connection.hpp>

#include "support/allocation_counter.hpp"
#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/trace.hpp"

#include <string>
#include <vector>

using namespace framewire;
using namespace framewire::test;

namespace {

// The pieces as they are told: `<` before the first, `>` behind the last of a message.
template <class Endpoint> std::string pieces(Endpoint& end, const chunk_list& chunks) {
    std::string out;
    end.feed(chunks, [&](const event& e) {
        if (!out.empty()) out += ' ';
        if (e.kind != event_kind::text && e.kind != event_kind::binary) {
            out += e.kind == event_kind::ping ? "ping" : "other";
            return;
        }
        if (e.first) out += '<';
        out += e.text();
        if (e.last) out += '>';
    });
    return out;
}

template <class Endpoint> std::string pieces(const frame_writer& peer, std::size_t size) {
    Endpoint end;
    return pieces(end, chunks_of(peer.bytes(), size));
}

} // namespace

TEMPLATE_TEST_CASE("connection: streams the pieces of a message as they arrive", "[rfc6455-5.4]",
                   streaming_server, streaming_client) {
    const auto peer = [] { return frame_writer(TestType::side); };
    CHECK(pieces<TestType>(peer().text("whole").binary(""), 100) == "<whole> <>");
    CHECK(pieces<TestType>(peer().frame(0x01, "a").frame(0x00, "b").frame(0x80, "c"), 100) ==
          "<a b c>");
    CHECK(pieces<TestType>(peer().frame(0x02, "a").ping().frame(0x80, "b").text("c"), 100) ==
          "<a ping b> <c>");
    // An empty piece is told only as the end of its message.
    CHECK(pieces<TestType>(peer().frame(0x01).frame(0x00).frame(0x80), 100) == "<>");
    CHECK(pieces<TestType>(peer().frame(0x01).frame(0x00, "a").frame(0x00).frame(0x80), 100) ==
          "<a >");
    CHECK(pieces<TestType>(peer().frame(0x01, "a").frame(0x00).frame(0x80, "b"), 100) == "<a b>");
}

TEMPLATE_TEST_CASE("connection: streams the pieces of a frame as they arrive", "[rfc6455-5.4]",
                   streaming_server, streaming_client) {
    const std::vector<std::byte> input =
        frame_writer(TestType::side).text("abcdef").text("xyz").bytes();
    const std::size_t prefix = TestType::side == role::server ? 6 : 2;
    TestType end;
    chunk_list chunks;
    chunks.add(std::span(input).first(prefix + 2));
    chunks.add(std::span(input).subspan(prefix + 2, 3));
    chunks.add(std::span(input).subspan(prefix + 5));
    CHECK(pieces(end, chunks) == "<ab cde f> <xyz>");

    // A whole message is told in one piece also when its header was cut.
    TestType other;
    chunk_list cut;
    cut.add(std::span(input).first(1));
    cut.add(std::span(input).subspan(1));
    CHECK(pieces(other, cut) == "<abcdef> <xyz>");
}

TEMPLATE_TEST_CASE("connection: streaming takes no memory, whatever the size of the message",
                   "[limits]", streaming_server, streaming_client) {
    TestType end(limits{.max_message_size = std::uint64_t{1} << 40});
    chunk_list header;
    header.add(frame_writer(TestType::side).header(0x82, std::uint64_t{1} << 40).bytes());
    std::span<std::byte> in = header[0];
    REQUIRE(end->next(in).kind == event_kind::need_data);
    std::vector<std::byte> piece(65536);
    const allocation_count before = allocations();
    bool right = true;
    for (int i = 0; i < 100; ++i) {
        in = piece;
        const event e = end->next(in);
        right = right && e.kind == event_kind::binary && e.first == (i == 0) && !e.last &&
                e.payload.data() == piece.data() && e.payload.size() == piece.size();
        right = right && end->next(in).kind == event_kind::need_data;
    }
    CHECK(right);
    CHECK((allocations() - before).calls == 0);
}

TEMPLATE_TEST_CASE("connection: streamed text is told up to the first impossible byte's piece",
                   "[rfc6455-8.1]", streaming_server, streaming_client) {
    frame_writer peer(TestType::side);
    peer.frame(0x01, "good")
        .frame(0x00, "b\xFF"
                     "d")
        .frame(0x80, "never");
    TestType end;
    CHECK(pieces(end, chunks_of(peer.bytes(), 100)) == "<good other");
    CHECK(end.told() == "failed(1007 a text message is not valid UTF-8)");
}
