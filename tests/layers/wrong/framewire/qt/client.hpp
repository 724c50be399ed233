// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Includes Qt, which is right, Asio, and the other adapter.

#include <framewire/asio/stream.hpp>

#include <QString>
#include <asio/post.hpp>
