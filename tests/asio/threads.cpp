// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Four threads run one execution context, each stream is on a strand, and other threads send. What
// this finds, it finds with ThreadSanitizer: tests/run --tsan.

#include <framewire/asio/client_stream.hpp>
#include <framewire/asio/listener.hpp>
#include <framewire/asio/server_stream.hpp>

#include "support/catch.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

namespace fw = framewire;
namespace net = framewire::net;
namespace io = framewire::net::io;
using tcp = io::ip::tcp;

constexpr std::size_t runners = 4;
constexpr std::size_t connections = 24;
constexpr std::size_t own_messages = 40;
constexpr std::size_t foreign_messages = 10; // of each of two threads

struct tally {
    std::atomic<std::size_t> echoes{0};
    std::atomic<std::size_t> clean{0};
};

// Short timers, so that the queue of timers that all streams share is used, too.
net::stream_options restless() {
    net::stream_options options;
    options.timeouts.ping = std::chrono::milliseconds(1);
    return options;
}

class server : public std::enable_shared_from_this<server> {
public:
    explicit server(tcp::socket socket)
        : ws_(std::move(socket), {.origins = net::origin_policy::none(), .stream = restless()}) {}

    void start() {
        ws_.read_request([self = shared_from_this()](net::error_code error, auto&&) {
            if (error) return;
            self->ws_.accept({}, [self](net::error_code failed) {
                if (!failed) self->read();
            });
        });
    }

private:
    void read() {
        ws_.read([self = shared_from_this()](net::error_code error, net::message message) {
            if (error) return;
            (void)self->ws_.send(message);
            self->read();
        });
    }

    net::server_stream<tcp::socket> ws_;
};

class client : public std::enable_shared_from_this<client> {
public:
    client(tcp::socket socket, tally& counts)
        : ws_(std::move(socket), restless()), counts_(counts) {}

    void start(const tcp::endpoint& to) {
        ws_.next_layer().async_connect(to, [self = shared_from_this()](net::error_code error) {
            if (error) return;
            fw::client_request request;
            request.host = "localhost";
            self->ws_.handshake(request, [self](net::error_code failed) {
                if (!failed) self->opened();
            });
        });
    }

private:
    void opened() {
        for (int i = 0; i < 2; ++i) {
            threads_.emplace_back([sender = ws_.get_sender()] {
                for (std::size_t n = 0; n < foreign_messages; ++n)
                    (void)sender.send_text("from another thread");
            });
        }
        for (std::size_t n = 0; n < own_messages; ++n)
            (void)ws_.send_text("from its own");
        read();
    }
    void read() {
        ws_.read([self = shared_from_this()](net::error_code error, net::message) {
            if (error) return;
            ++self->counts_.echoes;
            if (++self->echoes_ < own_messages + 2 * foreign_messages) return self->read();
            self->ws_.close(fw::close_code::normal, {},
                            [self](net::error_code, const net::close_info& info) {
                                if (info.clean) ++self->counts_.clean;
                            });
        });
    }

    net::client_stream<tcp::socket> ws_;
    tally& counts_;
    std::size_t echoes_ = 0;
    std::vector<std::jthread> threads_; // joined when the client ends
};

// The handler of an accept is not on the strand of the new socket.
void serve_one(tcp::socket socket) {
    const auto strand = socket.get_executor();
    io::post(strand, [one = std::make_shared<server>(std::move(socket))] { one->start(); });
}

void serve(net::listener& from, io::io_context& context) {
    from.accept(io::make_strand(context),
                [&from, &context](net::error_code error, tcp::socket socket) {
                    if (error) return;
                    serve_one(std::move(socket));
                    serve(from, context);
                });
}

TEST_CASE("threads: streams on strands of one context, with senders in other threads") {
    tally counts;
    io::io_context context;
    net::listener listener(io::make_strand(context));
    REQUIRE_FALSE(listener.listen("127.0.0.1", 0));
    serve(listener, context);

    for (std::size_t i = 0; i < connections; ++i) {
        tcp::socket socket(io::make_strand(context));
        std::make_shared<client>(std::move(socket), counts)->start(listener.local_endpoint());
    }
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < runners; ++i)
            threads.emplace_back([&context] { context.run(); });
        // The streams end by themselves, and then only the listener keeps the context running.
        while (counts.clean < connections && !context.stopped())
            std::this_thread::yield();
        io::post(listener.get_executor(), [&listener] { listener.close(); });
    }
    CHECK(counts.echoes == connections * (own_messages + 2 * foreign_messages));
    CHECK(counts.clean == connections);
}

// Accepts on no strand, one connection at a time, each accept begun by the handler of the one
// before. All is relaxed here, as it must not order what it is to show.
class acceptor {
public:
    acceptor(io::io_context& context, std::size_t count) : listener(context), context_(context) {
        REQUIRE_FALSE(listener.listen("127.0.0.1", 0));
        start(count);
    }

    std::atomic<std::size_t> begun{0}; // handlers
    std::atomic<std::size_t> gone{0};
    net::listener listener;

private:
    void start(std::size_t count) {
        const std::shared_ptr<void> handler(
            nullptr, [this](void*) { gone.fetch_add(1, std::memory_order_relaxed); });
        listener.accept(io::make_strand(context_), [this, count, handler](net::error_code error,
                                                                          tcp::socket socket) {
            const std::size_t number = begun.fetch_add(1, std::memory_order_relaxed);
            if (error) return;
            // The one before returns meanwhile, with this one in another thread.
            wait_for(gone, number);
            if (count > 1) start(count - 1);
            serve_one(std::move(socket));
            if (count > 1) wait_for(begun, number + 2);
        });
    }
    static void wait_for(const std::atomic<std::size_t>& value, std::size_t least) {
        while (value.load(std::memory_order_relaxed) < least)
            std::this_thread::yield();
    }

    io::io_context& context_;
};

TEST_CASE("threads: a listener on no strand, of which one accept at a time is asked") {
    tally counts;
    io::io_context context;
    acceptor from(context, connections);
    for (std::size_t i = 0; i < connections; ++i) {
        tcp::socket socket(io::make_strand(context));
        std::make_shared<client>(std::move(socket), counts)->start(from.listener.local_endpoint());
    }
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < runners; ++i)
        threads.emplace_back([&context] { context.run(); });
    threads.clear(); // they end with the last of the streams
    CHECK(from.begun == connections);
    CHECK(counts.clean == connections);
}

TEST_CASE("threads: a context of its own for each of them, which ends with everything open") {
    std::atomic<std::size_t> clean{0};
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < runners; ++i) {
        threads.emplace_back([&clean] {
            tally counts;
            io::io_context context(1);
            net::listener listener(context);
            if (listener.listen("127.0.0.1", 0)) return;
            serve(listener, context);
            for (std::size_t n = 0; n < connections; ++n) {
                std::make_shared<client>(tcp::socket(context), counts)
                    ->start(listener.local_endpoint());
            }
            while (counts.clean < connections / 2)
                context.run_one();
            clean += connections / 2;
        });
    }
    threads.clear(); // waits for them
    CHECK(clean == runners * (connections / 2));
}

} // namespace
