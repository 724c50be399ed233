// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The completion tokens that the Asio in use has, and how an operation is cancelled with it.

#ifndef FRAMEWIRE_TESTS_ASIO_SUPPORT_TOKENS_HPP
#define FRAMEWIRE_TESTS_ASIO_SUPPORT_TOKENS_HPP

#include <framewire/asio/config.hpp>

#if FRAMEWIRE_BOOST_ASIO
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#if FRAMEWIRE_ASIO_HAS_CANCELLATION
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#endif
#if BOOST_ASIO_VERSION >= 102400
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#define FRAMEWIRE_TESTS_AS_TUPLE 1
#endif
#else
#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#if ASIO_VERSION >= 102400
#include <asio/as_tuple.hpp>
#include <asio/deferred.hpp>
#define FRAMEWIRE_TESTS_AS_TUPLE 1
#else // under another name
#include <asio/experimental/as_tuple.hpp>
#include <asio/experimental/deferred.hpp>
#define FRAMEWIRE_TESTS_AS_TUPLE 1
#define FRAMEWIRE_TESTS_EXPERIMENTAL_AS_TUPLE 1
#endif
#endif

namespace framewire::test {

/// What futures and coroutines throw.
#if FRAMEWIRE_BOOST_ASIO
using system_error = boost::system::system_error;
#else
using system_error = net::io::system_error;
#endif

#ifdef FRAMEWIRE_TESTS_EXPERIMENTAL_AS_TUPLE
namespace tokens = net::io::experimental;
#else
namespace tokens = net::io;
#endif

} // namespace framewire::test

#endif
