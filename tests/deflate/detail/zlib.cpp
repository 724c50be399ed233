// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/deflate/detail/zlib.hpp>

#include "support/catch.hpp"

using namespace framewire;

TEST_CASE("deflater: has memory for its window") {
    CHECK(detail::make_deflater({}) != nullptr);
}
