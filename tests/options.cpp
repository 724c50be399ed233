// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/options.hpp>

#include "support/catch.hpp"

#include <type_traits>

using namespace framewire;

namespace {

template <options Options> struct chosen { static constexpr options value = Options; };

} // namespace

TEST_CASE("options: are a template argument, safe by default", "[options]") {
    STATIC_REQUIRE(chosen<options{}>::value.validate_utf8); // RFC 6455 8.1
    STATIC_REQUIRE(chosen<options{}>::value.auto_pong);     // RFC 6455 5.5.2
    STATIC_REQUIRE(chosen<options{}>::value.limit_output);
    STATIC_REQUIRE_FALSE(chosen<options{}>::value.stream_messages);
    STATIC_REQUIRE(chosen<options{.stream_messages = true}>::value.stream_messages);
    STATIC_REQUIRE(std::is_same_v<chosen<options{}>, chosen<options{.auto_pong = true}>>);
    STATIC_REQUIRE_FALSE(std::is_same_v<chosen<options{}>, chosen<options{.auto_pong = false}>>);
}

TEST_CASE("options: every limit is on by default", "[limits]") {
    STATIC_REQUIRE(std::is_aggregate_v<limits>);
    constexpr limits bounds;
    // Autobahn 9.1.6 sends a message of exactly 16 MiB.
    STATIC_REQUIRE(bounds.max_message_size == 16'777'216);
    STATIC_REQUIRE(bounds.max_output == 17'825'792);
    STATIC_REQUIRE(bounds.max_fragments == 1'048'576);
    STATIC_REQUIRE(bounds.pong_backlog == 4096);
}
