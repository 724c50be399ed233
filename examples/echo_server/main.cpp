// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// An echo server: greets whoever connects, and sends every message back.
//
// What to learn here: a connection is a coroutine, `serve`, that reads from top to bottom. It has
// what a server in the open needs: limits of time and size, keep-alive, a bounded memory for
// clients that do not read, TLS, an orderly goodbye. Options, addresses and what is printed are
// the matter of program.cpp.

#include "program.hpp"

#include "support/command_line.hpp"

#include <framewire/asio/server_stream.hpp>
#include <framewire/asio/tls.hpp>
#include <framewire/deflate/permessage_deflate.hpp>

#include <chrono>
#include <csignal>
#include <deque>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

using namespace example;
using namespace std::chrono_literals;
namespace fw = framewire;

namespace {

// One thread of the server. Threads share the ports alone: the system spreads the clients.
template <typename Transport> class echo_server {
    using client = net::server_stream<Transport, fw::options{}, fw::permessage_deflate>;

public:
    echo_server(const settings& chosen, asio::ssl::context* tls) : chosen_(chosen), tls_(tls) {}

    // From the first byte of a client to its last.
    task<> serve(client ws, endpoint peer) {
        const guest here(*this, ws);
        if (stopping_) co_return;
        if (const net::error_code error = co_await let_in(ws, peer)) {
            co_return say_refused(chosen_, peer, error);
        }
        if (!chosen_.greeting.empty()) (void)ws.send_text(chosen_.greeting);
        for (;;) {
            auto [ended, message] = co_await ws.read(as_result);
            if (ended) break;
            // Waits while the client reads too slowly, and nothing is read from it meanwhile: it
            // cannot make us hold much more than two messages, the one that was read last and its
            // copy that waits to be sent.
            auto [refused] = co_await ws.send(message, as_result);
            if (refused) break;
        }
        co_await see_off(ws, peer);
    }

    // Decides whether the client may come in, and opens the connection.
    task<net::error_code> let_in(client& ws, endpoint peer) {
        if constexpr (!std::is_same_v<Transport, tcp_socket>) {
            auto [failed] = co_await ws.tls_handshake(as_result);
            if (failed) co_return failed;
        }
        auto [error, request] = co_await ws.read_request(as_result);
        if (error) co_return error; // it was no valid request, and has been answered
        const std::string target(request.target);

        // An echo is for everybody. Another server looks at the target, the header fields and the
        // origin here, asks its database, and says no by `ws.refuse({.status = 403}, as_result)`.
        fw::server_response yes;
        for (const std::string_view offered : request.subprotocols()) {
            if (offered == chosen_.subprotocol) yes.subprotocol = offered;
        }
        auto [failed] = co_await ws.accept(yes, as_result);
        if (!failed) say_opened(chosen_, peer, target);
        co_return failed;
    }

    task<> see_off(client& ws, endpoint peer) {
        (void)ws.close(fw::close_code::internal_error); // if it is open still: no memory, say
        auto [cancelled, how] = co_await ws.closed(as_result);
        if (!cancelled) say_closed(chosen_, peer, how);
    }

    task<> listen(listener& from) {
        // The listener tries again by itself, many times a second: one line is enough.
        from.on_exhausted([this](const net::error_code& error) {
            if (!std::exchange(exhausted_, true)) say_exhausted(chosen_, error);
        });
        for (;;) {
            auto [error, socket] = co_await from.accept(as_result);
            if (stopping_) co_return;
            if (error) co_return give_up(error);
            exhausted_ = false;
            net::error_code ignored;
            const endpoint peer = socket.remote_endpoint(ignored);
            client ws(over(std::move(socket)),
                      {.origins = net::origin_policy::any(), .stream = chosen_.stream},
                      chosen_.deflate);
            asio::co_spawn(context_, serve(std::move(ws), peer), asio::detached);
        }
    }

    // Serves until `stop`, says goodbye to everybody, and waits for their answers for a while.
    void run() {
        for (listener& from : listeners_) {
            asio::co_spawn(context_, listen(from), [](const std::exception_ptr& error) {
                if (error) std::terminate(); // there is no memory to accept anybody
            });
        }
        context_.run();
        stopping_ = true;
        for (listener& from : listeners_)
            from.close();
        for (client* const ws : guests_)
            (void)ws->close(fw::close_code::going_away, "the server is shutting down");
        context_.restart();
        context_.run_for(5s);
    }
    // May be called from any thread.
    void stop() { context_.stop(); }

    // Before `run`.
    void listen_on(std::vector<listener> listeners) { listeners_ = std::move(listeners); }
    [[nodiscard]] const std::vector<listener>& listeners() const { return listeners_; }
    [[nodiscard]] asio::io_context& context() { return context_; }

private:
    // Has a client among the guests for as long as it is served.
    class guest {
    public:
        guest(echo_server& host, client& self) : host_(host), self_(&self) {
            host_.guests_.insert(self_);
        }
        guest(const guest&) = delete;
        guest& operator=(const guest&) = delete;
        ~guest() { host_.guests_.erase(self_); }

    private:
        echo_server& host_;
        client* self_;
    };

    [[nodiscard]] Transport over(tcp_socket connected) const {
        if constexpr (std::is_same_v<Transport, tcp_socket>) {
            return connected;
        } else {
            return Transport(std::move(connected), *tls_);
        }
    }

    const settings& chosen_;
    asio::ssl::context* const tls_;
    std::unordered_set<client*> guests_;
    bool stopping_ = false;
    bool exhausted_ = false; // since somebody was accepted
    asio::io_context context_{1};
    std::vector<listener> listeners_;
};

template <typename Transport> void run(const settings& chosen, asio::ssl::context* tls) {
    std::deque<echo_server<Transport>> servers;
    for (unsigned i = 0; i < chosen.threads; ++i) {
        auto& server = servers.emplace_back(chosen, tls);
        server.listen_on(i == 0 ? open_listeners(server.context(), chosen)
                                : join_listeners(server.context(), servers.front().listeners()));
    }
    asio::signal_set signals(servers.front().context(), SIGINT, SIGTERM);
    signals.async_wait([&](net::error_code cancelled, int) {
        if (cancelled) return;
        signals.clear(); // the next one ends the program at once
        for (auto& server : servers)
            server.stop();
    });
    // Not before: whoever reads that it listens may end it.
    say_listening(chosen, servers.front().listeners());

    std::vector<std::jthread> threads;
    for (unsigned i = 1; i < chosen.threads; ++i)
        threads.emplace_back([&server = servers[i]] { server.run(); });
    servers.front().run();
}

} // namespace

int main(int argc, char** argv) {
    try {
        const settings chosen = parse(argc, argv);
        if (chosen.help) return say_help();
        ignore_broken_pipes();
        if (chosen.certificate.empty()) {
            run<tcp_socket>(chosen, nullptr);
        } else {
            const net::tls_setup tls = net::make_server_tls(chosen.certificate, chosen.key);
            if (!tls) throw failure(1, tls.error_text);
            run<asio::ssl::stream<tcp_socket>>(chosen, tls.context.get());
        }
    } catch (const std::exception& why) {
        return say_failed(why);
    }
}
