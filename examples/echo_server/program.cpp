// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include "program.hpp"

#include "support/command_line.hpp"
#include "support/printable.hpp"

#include <framewire/rfc6455.hpp>
#include <framewire/utf8.hpp>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace example {

namespace {

constexpr char usage[] =
    "usage: echo_server [--host HOST] [--port PORT] [--tls CERT KEY] [--threads N]\n"
    "                   [--max-message BYTES] [--ping SECONDS] [--subprotocol NAME]\n"
    "                   [--deflate] [--no-context-takeover] [--greeting TEXT | --no-greeting]\n"
    "                   [--quiet] [--help]\n";
constexpr char help[] =
    "Greets whoever connects by WebSocket, and sends every message back.\n"
    "  --host HOST          name or address to listen on; localhost, for 127.0.0.1 and ::1,\n"
    "                       if not given; 0.0.0.0 and :: are all addresses\n"
    "  --port PORT          3000, if not given; 0 takes a free one\n"
    "  --tls CERT KEY       wss: files in PEM form, the certificate with its chain\n"
    "  --threads N          serve with so many\n"
    "  --max-message BYTES  larger ones end the connection; 16777216, if not given\n"
    "  --ping SECONDS       ask clients that are silent for so long whether they live; 20, if\n"
    "                       not given; 0 never does\n"
    "  --subprotocol NAME   agree to it when a client offers it\n"
    "  --deflate            compress messages for clients that offer it (permessage-deflate)\n"
    "  --no-context-takeover  the same, each message by itself: larger, but a connection that is\n"
    "                       idle takes no memory for it\n"
    "  --greeting TEXT      the first message; \"Welcome to Awesome Chat\", if not given\n"
    "  --no-greeting        no such message\n"
    "  --quiet              no line for each connection. Without it the server waits when nobody\n"
    "                       reads what it prints\n"
    "SIGINT and SIGTERM close all connections with 1001, wait for at most 5 seconds, and end the\n"
    "program with 0; the second one ends it at once. Ends with 1 when it cannot listen, with 2 "
    "for\n"
    "wrong usage.\n";

// What an echo may have to hold: a message, behind what made `send` wait, and answers to Pings.
void set_max_message(net::stream_options& stream, std::uint64_t size) {
    stream.limits.max_message_size = size;
    stream.limits.max_output = size + stream.high_water + 65'536;
}

std::string text_of(const endpoint& where) {
    const std::string address = where.address().to_string();
    return (where.address().is_v6() ? '[' + address + ']' : address) + ':' +
           std::to_string(where.port());
}

// A line at once and as a whole, even when other threads print as well.
void print(const std::string& line) {
    std::fputs((line + '\n').c_str(), stdout);
    std::fflush(stdout);
}

net::error_code open(listener& made, const std::string& host, std::uint16_t port, bool shared) {
    const net::error_code error = made.listen(host, port);
    if (error || !shared) return error;
    // Only now, as it would also share the port with another program of the same user.
    return made.listen(made.local_endpoint(), {.reuse_port = true});
}

} // namespace

settings parse(int argc, const char* const* argv) {
    settings chosen;
    set_max_message(chosen.stream, chosen.stream.limits.max_message_size);
    // Less than what the program waits for at its end: so each connection's end is told.
    chosen.stream.timeouts.close = std::chrono::seconds(4);
    arguments words(argc, argv);
    while (!words.empty()) {
        const std::string_view word = words.take();
        if (word == "--help" || word == "-h") {
            chosen.help = true;
        } else if (word == "--host") {
            chosen.host = words.value_of(word);
        } else if (word == "--port") {
            chosen.port = words.number_of<std::uint16_t>(word, 0, 65'535);
        } else if (word == "--tls") {
            chosen.certificate = words.value_of(word);
            chosen.key = words.value_of("--tls CERT");
        } else if (word == "--threads") {
            chosen.threads = words.number_of<unsigned>(word, 1, 1024);
        } else if (word == "--max-message") {
            set_max_message(chosen.stream,
                            words.number_of<std::uint64_t>(word, 1, std::uint64_t{1} << 40));
        } else if (word == "--ping") {
            chosen.stream.timeouts.ping =
                std::chrono::seconds(words.number_of<unsigned>(word, 0, 86'400));
        } else if (word == "--subprotocol") {
            chosen.subprotocol = words.value_of(word);
        } else if (word == "--deflate") {
            chosen.deflate.enabled = true;
        } else if (word == "--no-context-takeover") {
            chosen.deflate = framewire::deflate_settings::no_context_takeover();
        } else if (word == "--greeting") {
            chosen.greeting = words.value_of(word);
            if (!framewire::is_utf8(chosen.greeting)) {
                throw failure(wrong_usage, "the greeting is not UTF-8");
            }
        } else if (word == "--no-greeting") {
            chosen.greeting.clear();
        } else if (word == "--quiet") {
            chosen.quiet = true;
        } else {
            throw failure(wrong_usage, "what is '" + std::string(word) + "'?");
        }
    }
    return chosen;
}

std::vector<listener> open_listeners(asio::io_context& context, const settings& chosen) {
    std::vector<std::string> hosts{chosen.host};
    if (chosen.host == "localhost") hosts = {"127.0.0.1", "::1"};
    std::string problem;
    for (int attempt = 1;; ++attempt) {
        std::vector<listener> all;
        std::uint16_t port = chosen.port;
        for (const std::string& host : hosts) {
            listener made(context);
            const net::error_code error = open(made, host, port, chosen.threads > 1);
            if (error) problem = made.error_text();
            // Somebody else has it at one of the addresses: clients would find now us, now them.
            if (error == asio::error::address_in_use) {
                all.clear();
                break;
            }
            if (error) continue; // a machine without IPv6, say
            port = made.local_endpoint().port();
            all.push_back(std::move(made));
        }
        if (!all.empty()) return all;
        // A port that the system chose for one address may be in use at the other.
        if (chosen.port != 0 || attempt == 10) throw failure(1, problem);
    }
}

std::vector<listener> join_listeners(asio::io_context& context,
                                     const std::vector<listener>& others) {
    std::vector<listener> all;
    for (const listener& other : others) {
        listener made(context);
        if (made.listen(other.local_endpoint(), {.reuse_port = true})) {
            throw failure(1, made.error_text());
        }
        all.push_back(std::move(made));
    }
    return all;
}

int say_help() {
    std::fputs(usage, stdout);
    std::fputs(help, stdout);
    return 0;
}

void say_listening(const settings& chosen, const std::vector<listener>& listeners) {
    const char* const scheme = chosen.certificate.empty() ? "ws://" : "wss://";
    for (const listener& each : listeners)
        print(std::string("listening on ") + scheme + text_of(each.local_endpoint()));
}

void say_opened(const settings& chosen, const endpoint& peer, std::string_view target) {
    if (!chosen.quiet) print(text_of(peer) + ": open, " + printable(target));
}

void say_refused(const settings& chosen, const endpoint& peer, const net::error_code& error) {
    if (!chosen.quiet) print(text_of(peer) + ": refused, " + error.message());
}

void say_closed(const settings& chosen, const endpoint& peer, const net::close_info& how) {
    if (chosen.quiet) return;
    std::string line = text_of(peer) + ": closed, " + std::to_string(static_cast<int>(how.code));
    if (how.by_peer) {
        line += " by the client";
    } else if (how.code != framewire::close_code::abnormal_closure) {
        line += " by the server";
    }
    if (!how.reason.empty()) line += ", \"" + printable(how.reason) + '"';
    if (how.error) line += ", " + how.error.message();
    print(line);
}

void say_exhausted(const settings& chosen, const net::error_code& error) {
    if (!chosen.quiet) print("clients have to wait: " + error.message());
}

int say_failed(const std::exception& why) {
    std::fprintf(stderr, "echo_server: %s\n", why.what());
    const auto* const known = dynamic_cast<const failure*>(&why);
    if (known == nullptr) return 1;
    if (known->code() == wrong_usage) std::fputs(usage, stderr);
    return known->code();
}

void ignore_broken_pipes() {
#ifdef SIGPIPE
    std::signal(SIGPIPE, SIG_IGN);
#endif
}

void give_up(const net::error_code& error) {
    std::fprintf(stderr, "echo_server: cannot accept connections: %s\n", error.message().c_str());
    std::_Exit(1);
}

} // namespace example
