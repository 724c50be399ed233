// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What FindAsio.cmake reads.

#define ASIO_VERSION 101802 // 1.18.2
