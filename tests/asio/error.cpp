// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/asio/error.hpp>

#include "support/catch.hpp"

#include <concepts>
#include <string>
#include <system_error>

using namespace framewire;

TEST_CASE("net::error: the error code is the one of the Asio that was picked") {
    STATIC_REQUIRE(std::same_as<net::error_code, decltype(net::io::error::make_error_code(
                                                     net::io::error::operation_aborted))>);
#if !FRAMEWIRE_BOOST_ASIO
    STATIC_REQUIRE(std::same_as<net::error_code, std::error_code>);
#endif
}

TEST_CASE("net::error: an error code is made of a cause, by itself and by assignment") {
    net::error_code error = errc::open_timeout;
    CHECK(error);
    CHECK(error == errc::open_timeout);
    error = errc::bad_key;
    CHECK(error == errc::bad_key);
    CHECK(error == net::make_error(errc::bad_key));
    CHECK(error != net::make_error(errc::open_timeout));
}

TEST_CASE("net::error: an error code compares with causes from both sides") {
    const net::error_code error = errc::open_timeout;
    CHECK(error == errc::open_timeout);
    CHECK(errc::open_timeout == error);
    CHECK_FALSE(error == errc::close_timeout);
    CHECK(error != errc::close_timeout);
    CHECK(errc::close_timeout != error);
    CHECK_FALSE(error != errc::open_timeout);
}

TEST_CASE("net::error: an error code compares with conditions from both sides") {
    const net::error_code error = errc::open_timeout;
    CHECK(error == condition::timeout);
    CHECK(condition::timeout == error);
    CHECK_FALSE(error == condition::misuse);
    CHECK(error != condition::misuse);
    CHECK(condition::misuse != error);
    CHECK_FALSE(error != condition::timeout);
}

TEST_CASE("net::error: every cause keeps its sentence and its class") {
    for (int value = 1; message(static_cast<errc>(value)) != "unknown error"; ++value) {
        const errc cause = static_cast<errc>(value);
        const net::error_code error = net::make_error(cause);
        INFO(message(cause));
        CHECK(error);
        CHECK(error == cause);
        CHECK(error == condition_of(cause));
        CHECK(error.message() == message(cause));
    }
}

TEST_CASE("net::error: success is no error, as Asio says it") {
    CHECK_FALSE(net::make_error(errc::success));
    CHECK(net::make_error(errc::success) == net::error_code{});
    const net::error_code error = errc::success;
    CHECK_FALSE(error);
}

TEST_CASE("net::error: what Asio reports is no cause of ours, whatever its number") {
    const net::error_code eof = net::io::error::eof;
    for (int value = 0; message(static_cast<errc>(value)) != "unknown error"; ++value) {
        const errc cause = static_cast<errc>(value);
        CHECK(net::error_code(value, net::error_code{}.category()) != cause);
        CHECK(net::error_code(value, eof.category()) != cause);
        CHECK(net::error_code(value, eof.category()) != condition_of(cause));
    }
}

TEST_CASE("net::error: a cause survives the way to std::error_code") {
    const std::error_code error = net::to_std(net::make_error(errc::frame_not_masked));
    CHECK(error == errc::frame_not_masked);
    CHECK(error == condition::protocol_violation);
    CHECK(&error.category() == &error_category());
    CHECK(error.message() == message(errc::frame_not_masked));

    const net::error_code refused = net::io::error::connection_refused;
    CHECK(net::to_std(refused).value() == refused.value());
    CHECK(net::to_std(refused).message() == refused.message());
    CHECK_FALSE(net::to_std(net::error_code{}));
}
