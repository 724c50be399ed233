// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Includes the Qt adapter from an installed package.

#include <framewire/qt/client.hpp>
#include <framewire/qt/server.hpp>

int main() {}
