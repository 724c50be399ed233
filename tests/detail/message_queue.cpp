// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/detail/message_queue.hpp>

#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/trace.hpp"

#include <string>

using namespace framewire;
using namespace framewire::test;

namespace {

using queue_type = framewire::detail::message_queue<role::server, options{}>;

constexpr no_extension* no = nullptr;
constexpr auto unlimited = queue_type::no_limit;

std::string queued(const queue_type& queue) {
    return words(frames_of(queue.bytes()), role::server);
}

errc fragment(queue_type& queue, opcode kind, std::string_view text, bool last) {
    return queue.send_fragment(kind, bytes(text), last, unlimited, compression::if_agreed, no);
}

} // namespace

// Where pointers have 64 bits there is room behind the members of the other.
static_assert(sizeof(void*) != 8 ||
              sizeof(queue_type) == sizeof(framewire::detail::frame_queue<role::server>));

TEST_CASE("message_queue: a message does not go between the fragments of another",
          "[rfc6455-5.4]") {
    queue_type queue{frame_encoder<role::server>{}};
    REQUIRE(fragment(queue, opcode::text, "a", false) == errc::success);
    CHECK(queue.send_message(opcode::text, bytes("x"), unlimited, no) == errc::message_in_progress);
    CHECK(fragment(queue, opcode::binary, "x", true) == errc::wrong_fragment_kind);
    REQUIRE(queue.push_pong({}, 4096) == errc::success);
    REQUIRE(fragment(queue, opcode::text, "b", true) == errc::success);
    REQUIRE(queue.send_message(opcode::binary, bytes("c"), unlimited, no) == errc::success);
    CHECK(queued(queue) == R"(text-("a") pong("") cont("b") binary("c"))");
}

TEST_CASE("message_queue: what was refused leaves a message where it was", "[rfc6455-8.1]") {
    queue_type queue{frame_encoder<role::server>{}};
    REQUIRE(fragment(queue, opcode::text, "\xc3", false) == errc::success);
    CHECK(fragment(queue, opcode::text, "x", false) == errc::text_not_utf8);
    CHECK(fragment(queue, opcode::text, "", true) == errc::text_not_utf8); // inside a code point
    CHECK(queue.send_fragment(opcode::text, bytes("\xa9"), true, 3, compression::if_agreed, no) ==
          errc::output_full);
    REQUIRE(fragment(queue, opcode::text, "\xa9", true) == errc::success);
    REQUIRE(fragment(queue, opcode::text, "", true) == errc::success); // begins a new one
    CHECK(to_hex(queue.bytes()) == "01 01 c3 80 01 a9 81 00");
}
