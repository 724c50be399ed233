// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/event.hpp>

#include "support/catch.hpp"

#include <array>
#include <type_traits>

using namespace framewire;

static_assert(std::is_aggregate_v<event>);
static_assert(std::is_trivially_copyable_v<event>);
static_assert(sizeof(event) <= 32);

TEST_CASE("event: says by default that data is needed, and nothing else", "[event]") {
    constexpr event e;
    STATIC_REQUIRE(e.kind == event_kind::need_data);
    STATIC_REQUIRE(e.first);
    STATIC_REQUIRE(e.last);
    STATIC_REQUIRE(e.error == errc::success);
    STATIC_REQUIRE(e.code == close_code::no_status_received);
    CHECK(e.payload.empty());
    CHECK(e.text().empty());
}

TEST_CASE("event: shows its payload as characters, NUL included", "[event]") {
    std::array<std::byte, 3> payload{std::byte{'a'}, std::byte{0}, std::byte{'b'}};
    event e;
    e.payload = payload;
    CHECK(e.text() == std::string_view("a\0b", 3));
    CHECK(static_cast<const void*>(e.text().data()) == payload.data());
}
