// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/error.hpp>

#include "support/catch.hpp"

#include <set>
#include <string>
#include <system_error>

using namespace framewire;

namespace {

constexpr int last_errc = static_cast<int>(errc::invalid_status);

} // namespace

TEST_CASE("error: every cause has a sentence of its own, without a full stop") {
    std::set<std::string_view> seen;
    for (int value = 0; value <= last_errc; ++value) {
        const std::string_view text = message(static_cast<errc>(value));
        INFO(value << " " << text);
        CHECK(text != "unknown error");
        CHECK(text.size() <= max_close_reason); // it is sent as the reason of a Close frame
        CHECK(text.back() != '.');
        CHECK(seen.insert(text).second);
    }
    CHECK(message(static_cast<errc>(last_errc + 1)) == "unknown error");
}

TEST_CASE("error: every cause but success has a class") {
    CHECK(condition_of(errc::success) == condition{});
    for (int value = 1; value <= last_errc; ++value) {
        INFO(message(static_cast<errc>(value)));
        CHECK(condition_of(static_cast<errc>(value)) != condition{});
    }
    STATIC_REQUIRE(condition_of(errc::frame_masked) == condition::protocol_violation);
    STATIC_REQUIRE(condition_of(errc::text_not_utf8) == condition::invalid_payload);
    STATIC_REQUIRE(condition_of(errc::message_too_big) == condition::limit_exceeded);
    STATIC_REQUIRE(condition_of(errc::head_too_large) == condition::limit_exceeded);
    STATIC_REQUIRE(condition_of(errc::bad_key) == condition::handshake_failed);
    STATIC_REQUIRE(condition_of(errc::upgrade_refused) == condition::handshake_failed);
    STATIC_REQUIRE(condition_of(errc::extension_data_invalid) == condition::invalid_payload);
    STATIC_REQUIRE(condition_of(errc::closed) == condition::closed);
    STATIC_REQUIRE(condition_of(errc::connection_lost) == condition::connection_lost);
    STATIC_REQUIRE(condition_of(errc::open_timeout) == condition::timeout);
    STATIC_REQUIRE(condition_of(errc::close_timeout) == condition::timeout);
    STATIC_REQUIRE(condition_of(errc::idle_timeout) == condition::timeout);
    STATIC_REQUIRE(condition_of(errc::pong_timeout) == condition::timeout);
    STATIC_REQUIRE(condition_of(errc::not_open) == condition::misuse);
    STATIC_REQUIRE(condition_of(errc::read_in_progress) == condition::misuse);
    STATIC_REQUIRE(condition_of(errc::buffer_too_small) == condition::misuse);
    STATIC_REQUIRE(condition_of(errc::bad_line_ending) == condition::handshake_failed);
    STATIC_REQUIRE(condition_of(errc::proxy_refused) == condition::handshake_failed);
    STATIC_REQUIRE(condition_of(errc::invalid_uri) == condition::misuse);
}

TEST_CASE("error: a peer's violation has the close code that RFC 6455 gives it",
          "[rfc6455-7.4.1]") {
    STATIC_REQUIRE(close_code_for(errc::reserved_bits_set) == close_code::protocol_error);
    STATIC_REQUIRE(close_code_for(errc::close_code_invalid) == close_code::protocol_error);
    STATIC_REQUIRE(close_code_for(errc::extension_data_invalid) == close_code::invalid_payload);
    STATIC_REQUIRE(close_code_for(errc::text_not_utf8) == close_code::invalid_payload);
    STATIC_REQUIRE(close_code_for(errc::close_reason_not_utf8) == close_code::invalid_payload);
    STATIC_REQUIRE(close_code_for(errc::message_too_big) == close_code::message_too_big);
    STATIC_REQUIRE(close_code_for(errc::too_many_fragments) == close_code::policy_violation);
    STATIC_REQUIRE(close_code_for(errc::out_of_memory) == close_code::internal_error);
    STATIC_REQUIRE(close_code_for(errc::closed) == close_code::abnormal_closure);
    STATIC_REQUIRE(close_code_for(errc::pong_timeout) == close_code::abnormal_closure);
    STATIC_REQUIRE(close_code_for(errc::connection_lost) == close_code::abnormal_closure);
    STATIC_REQUIRE(close_code_for(errc::not_open) == close_code::abnormal_closure);
    STATIC_REQUIRE(close_code_for(errc::success) == close_code::normal);
    // Each that is told is told with a code that may be sent, at run time as well.
    for (int value = 0; value <= last_errc; ++value) {
        const close_code code = close_code_for(static_cast<errc>(value));
        INFO(message(static_cast<errc>(value)));
        CHECK((is_wire_close_code(code) || code == close_code::abnormal_closure));
    }
}

TEST_CASE("error: a cause is a std::error_code that compares with its class") {
    const std::error_code code = errc::frame_not_masked;
    CHECK(code);
    CHECK(code == errc::frame_not_masked);
    CHECK(code == condition::protocol_violation);
    CHECK(code != condition::timeout);
    CHECK(code.message() == message(errc::frame_not_masked));
    CHECK(std::string(code.category().name()) == "framewire");

    const std::error_condition coarse = condition::timeout;
    CHECK(coarse.message() == "the peer took too long");
    CHECK(std::string(coarse.category().name()) == "framewire.condition");
    CHECK(!std::error_code(errc::success));
}

TEST_CASE("error: every class has a sentence") {
    std::set<std::string> seen;
    for (int value = 1; value <= static_cast<int>(condition::misuse); ++value) {
        CHECK(seen.insert(make_error_condition(static_cast<condition>(value)).message()).second);
    }
    CHECK(seen.count("unknown condition") == 0);
    CHECK(make_error_condition(static_cast<condition>(99)).message() == "unknown condition");
}
