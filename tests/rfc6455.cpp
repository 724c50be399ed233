// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/rfc6455.hpp>

#include "support/catch.hpp"

using namespace framewire;

namespace {

constexpr bool is_listed(int code) {
    // RFC 6455 7.4.1, 7.4.2, and the IANA registry for 1012-1014
    for (const int listed :
         {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014}) {
        if (code == listed) return true;
    }
    return code >= 3000 && code <= 4999;
}

constexpr bool all_close_codes_agree() {
    for (int code = 0; code <= 0xFFFF; ++code) {
        if (is_wire_close_code(static_cast<close_code>(code)) != is_listed(code)) return false;
    }
    return true;
}

} // namespace

TEST_CASE("rfc6455: opcodes are data, control or reserved", "[rfc6455-5.2]") {
    for (int value = 0; value < 16; ++value) {
        const auto op = static_cast<opcode>(value);
        const bool named = value <= 2 || (value >= 8 && value <= 10);
        INFO("opcode " << value);
        CHECK(is_reserved(op) != named);
        CHECK(is_control(op) == (value >= 8));
    }
}

TEST_CASE("rfc6455: a Close frame may carry the registered codes only", "[rfc6455-7.4]") {
    CHECK(all_close_codes_agree());
    STATIC_REQUIRE(is_wire_close_code(close_code::normal));
    STATIC_REQUIRE(!is_wire_close_code(close_code::no_status_received));
    STATIC_REQUIRE(!is_wire_close_code(close_code::abnormal_closure));
    STATIC_REQUIRE(!is_wire_close_code(close_code::tls_handshake));
}

TEST_CASE("rfc6455: the peer of a client is a server", "[rfc6455-1.3]") {
    STATIC_REQUIRE(peer_of(role::client) == role::server);
    STATIC_REQUIRE(peer_of(role::server) == role::client);
    STATIC_REQUIRE(max_close_reason == 123);
}
