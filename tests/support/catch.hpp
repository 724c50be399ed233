// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// One include that serves Catch2 v2 (Debian 12) and v3.

#ifndef FRAMEWIRE_TESTS_SUPPORT_CATCH_HPP
#define FRAMEWIRE_TESTS_SUPPORT_CATCH_HPP

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#endif
