// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/asio/tcp_or_tls.hpp>

#include "asio/support/certificates.hpp"
#include "asio/support/sockets.hpp"
#include "support/catch.hpp"

#include <framewire/asio/client_stream.hpp>
#include <framewire/asio/server_stream.hpp>

#if FRAMEWIRE_BOOST_ASIO
#include <boost/asio/use_future.hpp>
#else
#include <asio/use_future.hpp>
#endif

#include <array>
#include <chrono>
#include <cstddef>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>

using namespace framewire;
using namespace framewire::test;
namespace io = net::io;
namespace ssl = io::ssl;
using net::error_code;

namespace {

// A client's transport, with or without TLS, and the server's end of it.
struct transport_pair {
    explicit transport_pair(bool secure) {
        io::ip::tcp::acceptor acceptor(context, {io::ip::address_v4::loopback(), 0});
        client.emplace(connect_to(context, acceptor.local_endpoint()));
        server.emplace(acceptor.accept(io::any_io_executor(context.get_executor())));
        if (!secure) {
            ready = true;
            return;
        }
        const auto own_context = certificates().of_server("good");
        server->start_tls(own_context);
        auto& tls = client->start_tls(certificates().of_client());
        int done = 0;
        error_code error = net::prepare_tls(tls, "localhost");
        const auto note = [&](const error_code& e) {
            ++done;
            if (e) error = e;
        };
        server->tls()->async_handshake(ssl::stream_base::server, note);
        tls.async_handshake(ssl::stream_base::client, note);
        ready = run_until(context, [&] { return done == 2; }) && !error;
    }

    io::io_context context;
    std::optional<net::tcp_or_tls> client;
    std::optional<net::tcp_or_tls> server;
    bool ready = false;
};

} // namespace

TEST_CASE("tcp_or_tls: bytes go both ways, by any token, also once it was moved") {
    const bool secure = GENERATE(false, true);
    transport_pair pair(secure);
    REQUIRE(pair.ready);
    CHECK((pair.client->tls() != nullptr) == secure);
    CHECK(pair.client->lowest_layer().is_open());
    CHECK(pair.client->get_executor() == io::any_io_executor(pair.context.get_executor()));
    net::tcp_or_tls client(std::move(*pair.client));
    *pair.client = std::move(client);

    const auto ready = [&](auto& future) {
        return run_until(pair.context, [&] {
            return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
        });
    };
    auto written = pair.client->async_write_some(io::buffer("ping", 4), io::use_future);
    REQUIRE(ready(written));
    CHECK(written.get() == 4);
    std::array<char, 16> room{};
    auto read = pair.server->async_read_some(io::buffer(room), io::use_future);
    REQUIRE(ready(read));
    CHECK(std::string(room.data(), read.get()) == "ping");

    pair.server->async_write_some(io::buffer("pong", 4), [](const error_code&, std::size_t) {});
    std::string got;
    pair.client->async_read_some(io::buffer(room), [&](const error_code& e, std::size_t size) {
        got = e ? e.message() : std::string(room.data(), size);
    });
    REQUIRE(run_until(pair.context, [&] { return !got.empty(); }));
    CHECK(got == "pong");
}

TEST_CASE("tcp_or_tls: closing ends what is under way") {
    const bool secure = GENERATE(false, true);
    transport_pair pair(secure);
    REQUIRE(pair.ready);
    std::array<char, 16> room{};
    error_code read;
    pair.client->async_read_some(io::buffer(room),
                                 [&](const error_code& e, std::size_t) { read = e; });
    poll(pair.context);
    SECTION("by itself") {
        error_code error;
        pair.client->close(error);
        CHECK_FALSE(error);
    }
    SECTION("by its traits") { net::transport_traits<net::tcp_or_tls>::close(*pair.client); }
    REQUIRE(run_until(pair.context, [&] { return !!read; }));
    CHECK(read == io::error::operation_aborted);
    CHECK_FALSE(pair.client->lowest_layer().is_open());
}

TEST_CASE("tcp_or_tls: its end waits for the peer's, and throws away what comes") {
    const bool secure = GENERATE(false, true);
    transport_pair pair(secure);
    REQUIRE(pair.ready);
    int ended = 0;
    int seen = 0;
    error_code result;
    error_code read;
    net::transport_traits<net::tcp_or_tls>::async_shutdown(*pair.client, [&](const error_code& e) {
        ++ended;
        result = e;
    });
    CHECK(ended == 0); // never from within
    std::array<char, 16> room{};
    pair.server->async_read_some(io::buffer(room), [&](const error_code& e, std::size_t) {
        ++seen;
        read = e;
    });
    REQUIRE(run_until(pair.context, [&] { return seen == 1; }));
    CHECK(read == io::error::eof);
    pair.server->async_write_some(io::buffer("late", 4), [](const error_code&, std::size_t) {});
    poll(pair.context);
    CHECK(ended == 0);
    error_code ignored;
    pair.server->close(ignored);
    REQUIRE(run_until(pair.context, [&] { return ended == 1; }));
    if (!secure) CHECK_FALSE(result);
}

TEST_CASE("tcp_or_tls: carries WebSocket connections, which close cleanly from either side") {
    const bool secure = GENERATE(false, true);
    const bool by_client = GENERATE(false, true);
    transport_pair pair(secure);
    REQUIRE(pair.ready);
    net::server_stream<net::tcp_or_tls> server(std::move(*pair.server),
                                               {net::origin_policy::none(), {}});
    net::client_stream<net::tcp_or_tls> client(std::move(*pair.client));
    int open = 0;
    server.read_request([&](const error_code& error, upgrade_request) {
        if (!error) server.accept({}, [&](const error_code& e) { open += e ? 0 : 1; });
    });
    client_request request;
    request.host = "localhost";
    client.handshake(request, [&](const error_code& e) { open += e ? 0 : 1; });
    REQUIRE(run_until(pair.context, [&] { return open == 2; }));

    const std::string sent(300'000, 'x');
    std::string there;
    std::string back;
    server.read(there, [&](const error_code& error, opcode) {
        if (!error) (void)server.send_text(there);
    });
    client.read(back, [](const error_code&, opcode) {});
    REQUIRE(client.send_text(sent));
    REQUIRE(run_until(pair.context, [&] { return back.size() == sent.size(); }));

    int ended = 0;
    const auto note = [&](const error_code&, const net::close_info& info) {
        ended += info.clean && !info.error ? 1 : 100;
    };
    server.closed(note);
    client.closed(note);
    const errc closing = by_client ? client.close() : server.close();
    CHECK(closing == errc::success);
    REQUIRE(run_until(pair.context, [&] { return ended == 2; }));
}
