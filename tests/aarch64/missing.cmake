# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

# cmake -DMISSING=<tool>;... -P missing.cmake

list(JOIN MISSING ", " missing)
if(DEFINED ENV{FRAMEWIRE_REQUIRE_PEERS})
    message(FATAL_ERROR "missing, where FRAMEWIRE_REQUIRE_PEERS is set: ${missing}")
endif()
message(STATUS "skipped: no ${missing} (on Debian: g++-aarch64-linux-gnu, qemu-user, catch2)")
