// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Coroutines with whichever Asio the library was built for: `asio` is its namespace, `as_result`
// the token that the examples give to every operation, as in
//
//     auto [error, message] = co_await ws.read(as_result);

#ifndef FRAMEWIRE_EXAMPLES_COROUTINES_HPP
#define FRAMEWIRE_EXAMPLES_COROUTINES_HPP

#include <framewire/asio/config.hpp>

#if FRAMEWIRE_BOOST_ASIO
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#if BOOST_ASIO_VERSION >= 102400
#include <boost/asio/as_tuple.hpp>
#else
#include <boost/asio/experimental/as_tuple.hpp>
#define FRAMEWIRE_EXAMPLES_EARLY_AS_TUPLE
#endif
#else
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/use_awaitable.hpp>
#if ASIO_VERSION >= 102400
#include <asio/as_tuple.hpp>
#else
#include <asio/experimental/as_tuple.hpp>
#define FRAMEWIRE_EXAMPLES_EARLY_AS_TUPLE
#endif
#endif

#include <chrono>

namespace example {

namespace asio = framewire::net::io;
#ifdef FRAMEWIRE_EXAMPLES_EARLY_AS_TUPLE
using asio::experimental::as_tuple;
#else
using asio::as_tuple;
#endif

// Each thread has an io_context of its own: naming its executor, instead of any executor, makes
// sockets, timers and coroutines smaller.
using executor = asio::io_context::executor_type;
template <typename T = void> using task = asio::awaitable<T, executor>;
using tcp_socket = asio::basic_stream_socket<asio::ip::tcp, executor>;
using timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, executor>;

// The results of an operation as a tuple, the error first: nothing is thrown.
inline constexpr auto as_result = as_tuple(asio::use_awaitable_t<executor>{});

} // namespace example

#endif
