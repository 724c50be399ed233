// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A client made of the Asio adapter, for the differential test: see ../peers/random_stream.hpp.

#include <framewire/asio/client.hpp>
#include <framewire/deflate/permessage_deflate.hpp>

#include "coroutines.hpp"
#include "peers/random_stream.hpp"

#include <exception>
#include <span>
#include <string>
#include <string_view>

using namespace framewire;
namespace io = net::io;
using client = net::client_with<permessage_deflate>;

namespace {

std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

deflate_settings settings_of(const peers::deflate_wishes& wishes) {
    return {
        .enabled = wishes.enabled,
        .server_no_context_takeover = wishes.server_no_context_takeover,
        .client_no_context_takeover = wishes.client_no_context_takeover,
        .server_max_window_bits = static_cast<std::uint8_t>(wishes.server_max_window_bits),
        .client_max_window_bits = static_cast<std::uint8_t>(wishes.client_max_window_bits),
        .level = static_cast<std::uint8_t>(wishes.level),
        .memory_level = static_cast<std::uint8_t>(wishes.memory_level),
        .threshold = static_cast<std::uint32_t>(wishes.threshold),
    };
}

void send(client& ws, const peers::random_message& message, peers::ping_watch& pings) {
    const compression how = message.compress ? compression::if_agreed : compression::never;
    peers::send_parts(
        message,
        [&](std::string_view part, bool first, bool last) {
            const net::send_result sent =
                !(first && last) ? ws.send_fragment(message.text ? opcode::text : opcode::binary,
                                                    bytes(part), last, how)
                : message.text ? ws.send_text(part, how)
                               : ws.send_binary(bytes(part), how);
            peers::check(bool{sent}, "sending: " + make_error_code(sent.error).message());
        },
        [&](const peers::control& control) {
            const auto payload = bytes(control.payload);
            // A stream tells of the answers to Pings of its own alone.
            if (control.ping && control.payload.size() % 2 == 0) {
                pings.sent(control.payload);
                ws.ping([&pings, sent = control.payload](net::error_code error, auto) {
                    if (!error) pings.answered(sent);
                });
            } else {
                peers::check((control.ping ? ws.ping(payload) : ws.pong(payload)) == errc::success,
                             "sending a Ping or a Pong");
            }
        });
}

io::awaitable<void> talk(const char* url, peers::random_talk& talk,
                         const peers::deflate_wishes& wishes, bool& agreed) {
    const auto executor = co_await io::this_coro::executor;
    client ws(executor, {}, settings_of(wishes));
    net::error_code error;
    co_await ws.connect(url, io::redirect_error(io::use_awaitable, error));
    peers::check(!error, ws.error_text());
    agreed = ws.extension().active();
    while (!talk.next_batch().empty()) {
        for (const peers::random_message& message : talk.batch())
            send(ws, message, talk.pings);
        while (talk.waits()) {
            const net::message got = co_await ws.read(io::use_awaitable);
            talk.got(got.is_text(), got.text());
        }
    }
    const net::close_info end = co_await ws.close(close_code{4000}, "done", io::use_awaitable);
    peers::check(end.clean && end.code == close_code{4000},
                 "the closing handshake: " + end.error.message());
    talk.pings.check_all_answered();
}

bool talk_to(const char* url, peers::random_talk& with, const peers::deflate_wishes& wishes) {
    io::io_context context(1);
    std::exception_ptr failure;
    bool agreed = false;
    io::co_spawn(context, talk(url, with, wishes, agreed),
                 [&](std::exception_ptr error) { failure = error; });
    context.run();
    if (failure) std::rethrow_exception(failure);
    return agreed;
}

} // namespace

int main(int argc, char** argv) { return peers::random_client_main(argc, argv, talk_to); }
