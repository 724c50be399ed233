// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/qt/error.hpp>

#include "support/catch.hpp"

#include <set>
#include <string>

using namespace framewire;
using qt::transport_errc;

TEST_CASE("transport_errc: each value has a sentence of its own") {
    std::set<std::string> sentences;
    for (int i = 1; i <= static_cast<int>(transport_errc::tls_timeout); ++i) {
        sentences.insert(std::error_code(i, qt::transport_category()).message());
    }
    CHECK(sentences.size() == static_cast<std::size_t>(transport_errc::tls_timeout));
    CHECK(sentences.count("unknown error") == 0);
}

TEST_CASE("transport_errc: falls into the conditions of the core") {
    const std::error_code refused = transport_errc::connection_refused;
    const std::error_code late = transport_errc::connect_timeout;
    CHECK(refused == condition::handshake_failed);
    CHECK(late == condition::timeout);
    CHECK_FALSE(late == condition::handshake_failed);
    CHECK(std::string(refused.category().name()) == "framewire.qt");
    CHECK(refused != std::error_code(errc::connection_lost));
}
