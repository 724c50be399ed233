// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Includes what only this header may include, and Asio by itself.

#include <asio/ssl/stream.hpp>
#include <asio/steady_timer.hpp>
#include <openssl/ssl.h>
