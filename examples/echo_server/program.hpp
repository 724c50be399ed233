// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What surrounds the echo server: its options, its addresses, what it prints.

#ifndef FRAMEWIRE_EXAMPLES_ECHO_SERVER_PROGRAM_HPP
#define FRAMEWIRE_EXAMPLES_ECHO_SERVER_PROGRAM_HPP

#include "support/coroutines.hpp"

#include <framewire/asio/listener.hpp>
#include <framewire/asio/message.hpp>
#include <framewire/asio/options.hpp>
#include <framewire/deflate/parameters.hpp>

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace example {

namespace net = framewire::net;

using endpoint = asio::ip::tcp::endpoint;
using listener = net::basic_listener<executor>;

// The command line, understood.
struct settings {
    bool help = false;
    std::string host = "localhost";
    std::uint16_t port = 3000;
    std::string certificate; // empty: no TLS
    std::string key;
    unsigned threads = 1;
    std::string greeting = "Welcome to Awesome Chat"; // empty: none
    std::string subprotocol;                          // empty: none
    bool quiet = false;
    framewire::deflate_settings deflate{.enabled = false};
    net::stream_options stream;
};

// These throw a `failure`.
settings parse(int argc, const char* const* argv);
// Listens where the settings say. localhost has two addresses.
std::vector<listener> open_listeners(asio::io_context& context, const settings& chosen);
// Listens where others do already.
std::vector<listener> join_listeners(asio::io_context& context,
                                     const std::vector<listener>& others);

// What is printed has to be read: when a pipe is full, the thread that prints waits.
int say_help();
void say_listening(const settings& chosen, const std::vector<listener>& listeners);
void say_opened(const settings& chosen, const endpoint& peer, std::string_view target);
void say_refused(const settings& chosen, const endpoint& peer, const net::error_code& error);
void say_closed(const settings& chosen, const endpoint& peer, const net::close_info& how);
// Clients have to wait, for want of descriptors or memory.
void say_exhausted(const settings& chosen, const net::error_code& error);
// Tells why the program ends, and returns the code to end with.
int say_failed(const std::exception& why);

// Goes on when nobody reads what is printed any more.
void ignore_broken_pipes();
// Ends the program: a listening socket is of no use, which is not for want of descriptors.
[[noreturn]] void give_up(const net::error_code& error);

} // namespace example

#endif
