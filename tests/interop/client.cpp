// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A client made of the Asio adapter: see ../peers/conversation.hpp. It also sends many messages at
// once, and has the server ping it and vanish.
//
//     client [--whole-characters] [--plain] URL [CA]
//
// --whole-characters: no fragment ends within a character. QtWebSockets 6.4 takes that for wrong.

#include <framewire/asio/client.hpp>

#include "coroutines.hpp"
#include "peers/conversation.hpp"

#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace framewire;
namespace io = net::io;

namespace {

struct server {
    std::string url;
    std::string authority; // empty: those that the system trusts
    bool plain = false;
    bool whole_characters = false;
};

std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

io::awaitable<net::client> open(const server& to, std::vector<std::string> subprotocols = {}) {
    net::client_options options;
    options.subprotocols = std::move(subprotocols);
    options.ca_file = to.authority;
    net::client ws(co_await io::this_coro::executor, std::move(options));
    net::error_code error;
    co_await ws.connect(to.url, io::redirect_error(io::use_awaitable, error));
    peers::check(!error, ws.error_text());
    co_return ws;
}

io::awaitable<void> send(net::client& ws, bool text, std::string_view content) {
    if (text) {
        co_await ws.send_text(content, io::use_awaitable);
    } else {
        co_await ws.send_binary(bytes(content), io::use_awaitable);
    }
}

io::awaitable<void> expect(net::client& ws, bool text, std::string_view content) {
    const net::message got = co_await ws.read(io::use_awaitable);
    peers::check_echo(text, content, got.is_text(), got.text());
}

io::awaitable<void> send_in_fragments(net::client& ws, bool whole_characters) {
    std::string_view all = peers::whole_message;
    const std::size_t cut = whole_characters ? 3 : peers::first_fragment.size();
    peers::check(bool{ws.send_fragment(opcode::text, bytes(all.substr(0, cut)), false)},
                 "sending a fragment");
    // Each write is a part of its own on the wire; a Ping may stand between fragments.
    peers::check(ws.ping(bytes("in between")) == errc::success, "sending a Ping");
    co_await ws.drain(io::use_awaitable);
    peers::check(bool{ws.send_fragment(opcode::text, {}, false)}, "an empty fragment");
    peers::check(bool{ws.send_fragment(opcode::text, bytes(all.substr(cut)), true)},
                 "sending the last fragment");
}

io::awaitable<void> close(net::client& ws, close_code code, std::string_view reason) {
    const net::close_info end = co_await ws.close(code, reason, io::use_awaitable);
    peers::check(end.clean && !end.by_peer, "the closing handshake: " + end.error.message());
    peers::check(end.code == code,
                 "the code of the answer to Close: " + std::to_string(static_cast<int>(end.code)));
}

io::awaitable<net::error_code> wait_for_end(net::client& ws) {
    net::error_code error;
    co_await ws.read(io::redirect_error(io::use_awaitable, error));
    co_return error;
}

io::awaitable<void> exchange_messages(const server& to) {
    const std::vector<std::string> offered{"other", "echo"};
    net::client ws = co_await open(to, offered);
    peers::check(ws.subprotocol() == "echo", "the subprotocol");
    for (const peers::data& message : peers::messages()) {
        co_await send(ws, message.text, message.bytes);
        co_await expect(ws, message.text, message.bytes);
    }
    bool answered = false;
    ws.ping([&](net::error_code error, auto) { answered = !error; });
    co_await send_in_fragments(ws, to.whole_characters);
    co_await expect(ws, true, peers::whole_message);

    if (!to.plain) co_await send(ws, true, "please ping");
    std::vector<std::string> many;
    for (int i = 0; i < 1000; ++i)
        many.push_back("message " + std::to_string(i));
    for (const std::string& message : many)
        co_await send(ws, true, message);
    for (const std::string& message : many)
        co_await expect(ws, true, message);
    peers::check(answered, "the Pong");
    co_await close(ws, close_code{4000}, "done");
}

io::awaitable<void> let_the_server_close(const server& to) {
    net::client ws = co_await open(to);
    co_await send(ws, true, "please close");
    const net::error_code error = co_await wait_for_end(ws);
    const net::close_info& end = ws.close_result();
    peers::check(error == errc::closed && end.clean && end.by_peer,
                 "the server's closing handshake: " + error.message());
    peers::check(end.code == close_code{4001} && end.reason == "bye", "how the server closes");
}

io::awaitable<void> let_the_server_vanish(const server& to) {
    net::client ws = co_await open(to);
    co_await send(ws, true, "please vanish");
    const net::error_code error = co_await wait_for_end(ws);
    peers::check(error && error != errc::closed && !ws.close_result().clean &&
                     ws.close_result().code == close_code::abnormal_closure,
                 "how the server vanishes: " + error.message());
}

io::awaitable<void> talk(server to) {
    co_await exchange_messages(to);
    if (!to.plain) {
        co_await let_the_server_close(to);
        co_await let_the_server_vanish(to);
    }
    net::client ws = co_await open(to);
    co_await close(ws, close_code::normal, {});
}

void run(server to) {
    io::io_context context(1);
    std::exception_ptr failure;
    io::co_spawn(context, talk(std::move(to)), [&](std::exception_ptr error) { failure = error; });
    context.run();
    if (failure) std::rethrow_exception(failure);
}

} // namespace

int main(int argc, char** argv) {
    server to;
    int next = 1;
    for (; next < argc && std::string_view(argv[next]).starts_with("--"); ++next) {
        (std::string_view(argv[next]) == "--plain" ? to.plain : to.whole_characters) = true;
    }
    if (next < argc) to.url = argv[next];
    if (next + 1 < argc) to.authority = argv[next + 1];
    return peers::say_how_it_ended(argv[0], [&] { run(to); });
}
