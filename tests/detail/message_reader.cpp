// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What tests/connection/receiving.cpp does not see: that reading answers nothing, and when it ends.

#include <framewire/detail/message_reader.hpp>

#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/peer.hpp"
#include "support/trace.hpp"

#include <span>
#include <string>
#include <vector>

using namespace framewire;
using namespace framewire::test;

namespace {

using reader_type = framewire::detail::message_reader<role::server, options{}, no_extension>;

struct reading {
    no_extension none;
    limits bounds;
    reader_type reader{none};

    std::string told(const frame_writer& frames) {
        std::vector<std::byte> input = frames.bytes();
        std::span<std::byte> in = input;
        trace words;
        for (;;) {
            const event e = reader.next(in, bounds, none);
            words.add(e);
            if (e.kind == event_kind::need_data) return words.str();
        }
    }
};

} // namespace

// The rest of the one before has room for the small members of the next: see connection.cpp.
static_assert(sizeof(void*) != 8 || sizeof(reader_type) <= 72);

TEST_CASE("message_reader: a short message is taken only where it stands whole", "[rfc6455-5.2]") {
    reading end;
    std::vector<std::byte> input = frame_writer(role::server).text("ab").ping("x").bytes();
    std::span<std::byte> in = input;
    const auto brief = end.reader.take_short(in, end.bounds);
    CHECK(brief.kind == event_kind::text);
    CHECK(to_hex(brief.payload) == to_hex(bytes("ab")));
    const std::size_t left = in.size();
    CHECK(end.reader.take_short(in, end.bounds).kind == event_kind::need_data);
    CHECK(in.size() == left);
}

TEST_CASE("message_reader: while only the Close is expected, nothing else is told",
          "[rfc6455-1.4]") {
    reading end;
    CHECK(end.told(frame_writer(role::server).frame(0x01, "a")).empty());
    end.reader.expect_only_close();
    CHECK(end.reader.state() == connection_state::closing);
    CHECK(end.told(frame_writer(role::server).frame(0x80, "b").ping("p").text("c")).empty());
    CHECK(end.told(frame_writer(role::server).close(1000, "bye")) == R"(close(1000 "bye"))");
    CHECK(end.reader.state() == connection_state::closed);
}

TEST_CASE("message_reader: takes nothing more behind a failure", "[rfc6455-7.1.7]") {
    reading end;
    CHECK(end.told(frame_writer(role::server).frame(0x80, "b").text("c")) ==
          "failed(1005 " + std::string(message(errc::unexpected_continuation)) + ")");
    CHECK(end.reader.state() == connection_state::closed);
    CHECK(end.told(frame_writer(role::server).text("c")).empty());
}

TEST_CASE("message_reader: the end of the input comes behind what was read", "[rfc6455-7.1.5]") {
    reading end;
    end.reader.receive_eof();
    CHECK(end.told(frame_writer(role::server).text("a")) ==
          R"(text("a") failed(1005 )" + std::string(message(errc::connection_lost)) + ")");
}
