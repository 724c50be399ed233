// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Includes the Asio adapter with TLS from an installed package.

#include <framewire/asio/error.hpp>

#include <openssl/ssl.h>

int main() {
    return SSL_load_error_strings() == 1 ? 0 : 1;
}
