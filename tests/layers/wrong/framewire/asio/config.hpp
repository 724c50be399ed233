// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Includes parts of Asio, which is right here, and all of it, Qt and TLS, which is not.

#include <QTcpSocket>
#include <asio.hpp>
#include <asio/post.hpp>
#include <asio/ssl/stream.hpp>
#include <boost/asio/post.hpp>
#include <boost/version.hpp>
#include <boost/beast.hpp>
