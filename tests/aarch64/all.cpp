// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The tests of what is written for a processor, as one program, so that Catch2 is read only once.

#define CATCH_CONFIG_MAIN
#include "support/catch.hpp"

#include "detail/simd_dispatch.cpp"
#include "detail/simd_short.cpp"
#include "detail/utf8_tables.cpp"
#include "masking.cpp"
#include "utf8.cpp"
