// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A client made of the Asio adapter that goes through the cases of an Autobahn fuzzing server: it
// asks how many there are, sends back whatever comes in each, and says when it is done.
//
//     asio_client [--deflate [--no-context-takeover]] URL     such as ws://127.0.0.1:9001

#include <framewire/asio/client.hpp>
#include <framewire/deflate/permessage_deflate.hpp>

#include "interop/coroutines.hpp"

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

using namespace framewire;
namespace io = net::io;

namespace {

// Nothing that goes wrong in a case ends the program: the server is the judge of it.
io::awaitable<void> echo(std::string url, deflate_settings deflate) {
    net::client_options options; // not within the next statement: see net::client
    net::client_with<permessage_deflate> ws(co_await io::this_coro::executor, options, deflate);
    net::error_code error;
    co_await ws.connect(std::move(url), io::redirect_error(io::use_awaitable, error));
    while (!error) {
        const net::message message = co_await ws.read(io::redirect_error(io::use_awaitable, error));
        if (!error) co_await ws.send(message, io::redirect_error(io::use_awaitable, error));
    }
    co_await ws.closed(io::redirect_error(io::use_awaitable, error));
}

io::awaitable<int> count_cases(const std::string& server) {
    net::client ws(co_await io::this_coro::executor);
    co_await ws.connect(server + "/getCaseCount", io::use_awaitable);
    const net::message count = co_await ws.read(io::use_awaitable);
    co_return std::stoi(std::string(count.text()));
}

io::awaitable<void> go_through_all(std::string server, deflate_settings deflate) {
    const int count = co_await count_cases(server);
    for (int i = 1; i <= count; ++i)
        co_await echo(server + "/runCase?case=" + std::to_string(i) + "&agent=framewire", deflate);
    co_await echo(server + "/updateReports?agent=framewire", deflate);
}

} // namespace

int main(int argc, char** argv) {
    deflate_settings deflate{.enabled = false};
    for (int i = 1; i + 1 < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--deflate") deflate.enabled = true;
        if (word == "--no-context-takeover") deflate.client_no_context_takeover = true;
    }
    if (argc == 1) {
        std::fprintf(stderr, "usage: %s [--deflate [--no-context-takeover]] URL\n", argv[0]);
        return 2;
    }
    io::io_context context(1);
    std::exception_ptr failure;
    io::co_spawn(context, go_through_all(argv[argc - 1], deflate),
                 [&](std::exception_ptr error) { failure = error; });
    context.run();
    try {
        if (failure) std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
        return 1;
    }
}
