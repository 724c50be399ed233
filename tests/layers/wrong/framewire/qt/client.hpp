// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Includes Qt, which is right, Asio, the other adapter, and what needs zlib.

#include <framewire/asio/stream.hpp>
#include <framewire/deflate/permessage_deflate.hpp>

#include <QString>
#include <asio/post.hpp>
#include <sys/socket.h>
