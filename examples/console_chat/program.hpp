// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What surrounds the conversation: options, and what is shown of it.

#ifndef FRAMEWIRE_EXAMPLES_CONSOLE_CHAT_PROGRAM_HPP
#define FRAMEWIRE_EXAMPLES_CONSOLE_CHAT_PROGRAM_HPP

#include "support/coroutines.hpp"

#include <framewire/asio/client_options.hpp>
#include <framewire/asio/message.hpp>
#include <framewire/deflate/parameters.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

namespace example {

namespace net = framewire::net;

// How the program ends.
enum exit_code : int {
    ended_well = 0,
    failed = 1, // it could not connect, the connection broke, or not all was sent or answered
    wrong_words = 2,
    refused = 3,          // the server answered that there will be no connection
    closed_otherwise = 4, // with a code that is not about a regular end
};

struct settings {
    bool help = false;
    std::string url;
    net::client_options client;
    framewire::deflate_settings deflate{.enabled = false};
    std::chrono::seconds wait{0}; // at the end of the input
};

// Throws a `failure`.
settings parse(int argc, const char* const* argv);
// A program may be started with its standard files closed: nothing else is to have their numbers.
void open_standard_files();
int say_help();
// Tells what is wrong with the command line, and returns the code to end with.
int say_failed(const std::exception& why);

// Nothing when the file cannot be read.
std::optional<std::string> contents_of(const std::string& name);

[[nodiscard]] bool input_is_terminal();

// Messages go to the standard output, as this...
std::string shown(const net::message& received);
// ...and all else to the standard error.
void say(std::string_view status);
void say_commands();
void say_refused(const net::http_response& response);
void say_closed(const net::close_info& how);

} // namespace example

#endif
