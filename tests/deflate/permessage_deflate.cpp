// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/deflate/permessage_deflate.hpp>

#include <framewire/connection.hpp>

#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/trace.hpp"

using namespace framewire;
using namespace framewire::test;

TEST_CASE("permessage_deflate: is a message_extension") {
    STATIC_REQUIRE(message_extension<permessage_deflate>);
    CHECK(sizeof(permessage_deflate) <= 64);
}
