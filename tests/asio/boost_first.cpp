// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Both Asios are installed, and nothing says which one is meant but what was included first.

#include <boost/asio.hpp>

#include <framewire/asio/config.hpp>

#include <type_traits>

static_assert(FRAMEWIRE_BOOST_ASIO == 1);
static_assert(std::is_same_v<framewire::net::io::io_context, boost::asio::io_context>);
