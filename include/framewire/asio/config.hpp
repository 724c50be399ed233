// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The one place that picks the Asio: standalone or Boost's. Everything else in this folder says
// `io::` for it, and finds here all that it needs of it.

#ifndef FRAMEWIRE_ASIO_CONFIG_HPP
#define FRAMEWIRE_ASIO_CONFIG_HPP

// The CMake target framewire::asio defines it. Without CMake, standalone Asio comes first, unless
// the file that includes this has Boost's. It is to be the same in all files of a program.
#ifndef FRAMEWIRE_BOOST_ASIO
#if defined(BOOST_ASIO_VERSION) && !defined(ASIO_VERSION)
#define FRAMEWIRE_BOOST_ASIO 1
#elif __has_include(<asio.hpp>)
#define FRAMEWIRE_BOOST_ASIO 0
#else
#define FRAMEWIRE_BOOST_ASIO 1
#endif
#endif

#include <utility> // Boost 1.74's coroutines need it and do not include it

// Not the whole of Asio: what is named here is most of what a program pays to compile.
#if FRAMEWIRE_BOOST_ASIO
#include <boost/asio/version.hpp>
#if BOOST_ASIO_VERSION < 101800
#error "Framewire needs Boost 1.74 or newer"
#endif
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/require.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/version.hpp>
#if BOOST_ASIO_VERSION >= 101900
#include <boost/asio/associated_cancellation_slot.hpp>
#define FRAMEWIRE_ASIO_HAS_CANCELLATION 1
#else
#define FRAMEWIRE_ASIO_HAS_CANCELLATION 0
#endif
#else
#include <asio/version.hpp>
#if ASIO_VERSION < 102200
#error "Framewire needs Asio 1.22 or newer"
#endif
#include <asio/associated_allocator.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/buffer.hpp>
#include <asio/dispatch.hpp>
#include <asio/error.hpp>
#include <asio/execution.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/prefer.hpp>
#include <asio/require.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#define FRAMEWIRE_ASIO_HAS_CANCELLATION 1
#endif

namespace framewire::net {

#if FRAMEWIRE_BOOST_ASIO
namespace io = ::boost::asio;
/// What completion handlers are given: Boost's with Boost.Asio, else std::error_code.
using error_code = ::boost::system::error_code;
#else
namespace io = ::asio;
/// What completion handlers are given: std::error_code, or Boost's with Boost.Asio.
using error_code = ::asio::error_code;
#endif

} // namespace framewire::net

#endif
