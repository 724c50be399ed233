// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Includes Asio by itself, and OpenSSL.

#include <framewire/asio/config.hpp>

#include <asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <openssl/ssl.h>
