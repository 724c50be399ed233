// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/asio/listener.hpp>

#include "asio/support/fake_clock.hpp"
#include "asio/support/sockets.hpp"
#include "support/catch.hpp"

#if FRAMEWIRE_BOOST_ASIO
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#if FRAMEWIRE_ASIO_HAS_CANCELLATION
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#endif
#else
#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/ip/v6_only.hpp>
#include <asio/strand.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#endif

#include <cerrno>
#include <chrono>
#include <deque>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>

using namespace framewire;
using namespace framewire::test;
using namespace std::chrono_literals;
namespace io = net::io;
using net::error_code;
using tcp = io::ip::tcp;

namespace {

error_code system_error(int value) { return {value, io::error::get_system_category()}; }

} // namespace

TEST_CASE("listener: accepts connections, one for each who waits") {
    io::io_context context;
    net::listener listener(context);
    CHECK_FALSE(listener.is_open());
    REQUIRE_FALSE(listener.listen("127.0.0.1", 0));
    CHECK(listener.is_open());
    CHECK(listener.error_text().empty());
    CHECK(listener.local_endpoint().address() == io::ip::address_v4::loopback());
    REQUIRE(listener.local_endpoint().port() != 0);

    accept_outcome first;
    accept_outcome second;
    listener.accept(first.handler());
    listener.accept(second.handler());
    any_socket a = connect_to(context, listener.local_endpoint());
    REQUIRE(run_until(context, [&] { return first.calls == 1; }));
    CHECK(second.calls == 0);
    any_socket b = connect_to(context, listener.local_endpoint());
    REQUIRE(run_until(context, [&] { return second.calls == 1; }));
    REQUIRE_FALSE(first.error);
    REQUIRE_FALSE(second.error);
    CHECK(talk(a, *first.socket));
    CHECK(talk(b, *second.socket));
    CHECK(listener.exhaustions() == 0);
}

TEST_CASE("listener: takes addresses and names") {
    io::io_context context;
    net::listener listener(context);
    SECTION("localhost is the loopback address, without asking anybody") {
        REQUIRE_FALSE(listener.listen("localhost", 0));
        CHECK(listener.local_endpoint().address() == io::ip::address_v4::loopback());
    }
    SECTION("the empty text is all addresses of the machine, of both kinds") {
        REQUIRE_FALSE(listener.listen("", 0));
        CHECK(listener.local_endpoint().address().is_unspecified());
        accept_outcome one;
        listener.accept(one.handler());
        any_socket peer =
            connect_to(context, {io::ip::address_v4::loopback(), listener.local_endpoint().port()});
        REQUIRE(run_until(context, [&] { return one.calls == 1; }));
        CHECK(talk(peer, *one.socket));
    }
    SECTION("IPv6, alone") {
        net::listen_options options;
        options.v6_only = true;
        const error_code error = listener.listen("::", 0, options);
        if (error == io::error::address_family_not_supported) return; // a machine without IPv6
        REQUIRE_FALSE(error);
        io::ip::v6_only only;
        listener.acceptor().get_option(only);
        CHECK(only.value());
    }
}

TEST_CASE("listener: what keeps it from listening is said with address and port") {
    io::io_context context;
    net::listener listener(context);
    SECTION("the port is in use") {
        net::listener other(context);
        REQUIRE_FALSE(other.listen("127.0.0.1", 0));
        const auto port = other.local_endpoint().port();
        CHECK(listener.listen("127.0.0.1", port) == io::error::address_in_use);
        CHECK(listener.error_text() ==
              "cannot listen on 127.0.0.1:" + std::to_string(port) +
                  ": the port is in use; end the program that has it, or choose another port");
        CHECK_FALSE(listener.is_open());
        other.close();
        CHECK_FALSE(listener.listen("127.0.0.1", port));
        CHECK(listener.error_text().empty());
    }
    SECTION("the address is another machine's") {
        // RFC 5737: an address for documentation.
        CHECK(listener.listen("192.0.2.1", 8080) == system_error(EADDRNOTAVAIL));
        CHECK(listener.error_text() ==
              "cannot listen on 192.0.2.1:8080: this machine does not have that address");
    }
    SECTION("an IPv6 address stands in brackets") {
        REQUIRE(listener.listen("2001:db8::1", 8080)); // RFC 3849
        CHECK(listener.error_text().find("cannot listen on [2001:db8::1]:8080: this machine does "
                                         "not have that ") == 0);
    }
    SECTION("the name is unknown") {
        CHECK(listener.listen("nowhere.invalid", 80)); // RFC 6761 6.4
        CHECK(listener.error_text().find("cannot listen on nowhere.invalid:80: ") == 0);
    }
}

TEST_CASE("listener: several share a port when they say so") {
    io::io_context context;
    net::listen_options shared;
    shared.reuse_port = true;
    net::listener first(context);
    net::listener second(context);
    REQUIRE_FALSE(first.listen("127.0.0.1", 0, shared));
    const auto endpoint = first.local_endpoint();
    SECTION("both do") { CHECK_FALSE(second.listen(endpoint, shared)); }
    SECTION("one does not") { CHECK(second.listen(endpoint) == io::error::address_in_use); }
}

TEST_CASE("listener: accepting without listening is an error") {
    io::io_context context;
    net::listener listener(context);
    accept_outcome one;
    listener.accept(one.handler());
    CHECK(one.calls == 0); // never from within
    context.run();
    CHECK(one.calls == 1);
    CHECK(one.error == io::error::bad_descriptor);
}

TEST_CASE("listener: closing ends who waits, and a listener can listen again") {
    io::io_context context;
    std::optional<net::listener> listener(std::in_place, context);
    REQUIRE_FALSE(listener->listen("127.0.0.1", 0));
    accept_outcome first;
    accept_outcome second;
    listener->accept(first.handler());
    listener->accept(second.handler());
    poll(context);
    SECTION("close") {
        listener->close();
        listener->close();
        CHECK(first.calls == 0);
        CHECK_FALSE(listener->is_open());
    }
    SECTION("destroying") { listener.reset(); }
    SECTION("assigning") { *listener = net::listener(context); }
    SECTION("listening elsewhere") {
        REQUIRE_FALSE(listener->listen("127.0.0.1", 0));
        accept_outcome third;
        listener->accept(third.handler());
        any_socket peer = connect_to(context, listener->local_endpoint());
        REQUIRE(run_until(context, [&] { return third.calls == 1; }));
        REQUIRE_FALSE(third.error);
        CHECK(talk(peer, *third.socket));
    }
    context.restart();
    context.run(); // comes to an end
    CHECK(first.calls == 1);
    CHECK(second.calls == 1);
    CHECK(first.error == io::error::operation_aborted);
    CHECK(second.error == io::error::operation_aborted);
}

TEST_CASE("listener: the execution context may end first") {
    accept_outcome one;
    std::optional<net::listener> listener;
    {
        io::io_context context;
        listener.emplace(context);
        REQUIRE_FALSE(listener->listen("127.0.0.1", 0));
        listener->accept(one.handler());
        poll(context);
        listener.reset();
    }
    CHECK(one.calls == 0);
}

TEST_CASE("listener: who waits may own the listener when the execution context ends") {
    const auto owned = std::make_shared<int>();
    {
        io::io_context context;
        const auto listener = std::make_shared<net::listener>(context);
        REQUIRE_FALSE(listener->listen("127.0.0.1", 0));
        listener->accept([listener, owned](const error_code&, any_socket) {});
        poll(context);
    }
    CHECK(owned.use_count() == 1);
}

TEST_CASE("listener: futures, coroutines and executors of their own") {
    io::io_context context;
    net::listener listener(context);
    REQUIRE_FALSE(listener.listen("127.0.0.1", 0));
    any_socket peer = connect_to(context, listener.local_endpoint());
    SECTION("a future") {
        auto future = listener.accept(io::use_future);
        REQUIRE(
            run_until(context, [&] { return future.wait_for(0s) == std::future_status::ready; }));
        auto socket = future.get();
        CHECK(talk(peer, socket));
    }
#if defined(ASIO_HAS_CO_AWAIT) || defined(BOOST_ASIO_HAS_CO_AWAIT)
    SECTION("a coroutine that owns the listener") {
        bool done = false;
        io::co_spawn(
            context,
            [&, own = std::move(listener)]() mutable -> io::awaitable<void> {
                auto socket = co_await own.accept(io::use_awaitable);
                done = talk(peer, socket);
            },
            io::detached);
        context.run();
        CHECK(done);
    }
#endif
    SECTION("the socket has the executor that was asked for, the handler its own") {
        const io::any_io_executor strand = io::make_strand(context);
        auto own = io::make_strand(context);
        bool on_own = false;
        accept_outcome one;
        listener.accept(strand, io::bind_executor(own, [&](const error_code& e, any_socket s) {
                            on_own = own.running_in_this_thread();
                            one.handler()(e, std::move(s));
                        }));
        REQUIRE(run_until(context, [&] { return one.calls == 1; }));
        REQUIRE_FALSE(one.error);
        CHECK(on_own);
        CHECK(one.socket->get_executor() == strand);
        CHECK(talk(peer, *one.socket));
    }
}

#if FRAMEWIRE_ASIO_HAS_CANCELLATION
TEST_CASE("listener: one who waits can be cancelled, and no connection is lost by it") {
    io::io_context context;
    net::listener listener(context);
    REQUIRE_FALSE(listener.listen("127.0.0.1", 0));
    const io::any_io_executor strand = io::make_strand(context);
    io::cancellation_signal signal;
    accept_outcome cancelled;
    accept_outcome other;
    const auto start = [&] {
        listener.accept(strand, io::bind_cancellation_slot(signal.slot(), cancelled.handler()));
    };
    SECTION("the only one") {
        start();
        poll(context);
        signal.emit(io::cancellation_type::total);
        CHECK(cancelled.calls == 0);
        context.restart();
        context.run();
        CHECK(cancelled.calls == 1);
        CHECK(cancelled.error == io::error::operation_aborted);
        signal.emit(io::cancellation_type::total); // does nothing more
    }
    SECTION("the first of two") {
        start();
        listener.accept(other.handler());
        signal.emit(io::cancellation_type::terminal);
    }
    SECTION("the second of two") {
        listener.accept(other.handler());
        start();
        signal.emit(io::cancellation_type::partial);
    }
    SECTION("when a connection is accepted already") {
        start();
        any_socket early = connect_to(context, listener.local_endpoint());
        // Cancelled by the handler right before the one that would have had the connection.
        int handlers = 0;
        while (cancelled.calls == 0 && handlers < 10) {
            io::post(context, [&] { signal.emit(io::cancellation_type::terminal); });
            context.restart();
            context.run_one();
            ++handlers;
        }
        poll(context);
        REQUIRE(cancelled.calls == 1);
        listener.accept(other.handler());
        REQUIRE(run_until(context, [&] { return other.calls == 1; }));
        REQUIRE_FALSE(other.error);
        CHECK(talk(early, cancelled.error ? *other.socket : *cancelled.socket));
        return;
    }
    if (other.calls == 0) {
        if (cancelled.calls == 1) listener.accept(other.handler());
        any_socket peer = connect_to(context, listener.local_endpoint());
        REQUIRE(run_until(context, [&] { return other.calls == 1; }));
        REQUIRE_FALSE(other.error);
        CHECK(talk(peer, *other.socket));
    }
    CHECK(cancelled.calls == 1);
    CHECK(cancelled.error == io::error::operation_aborted);
}
#endif

namespace {

// An acceptor whose results are written down beforehand; then it waits for good.
class scripted_acceptor {
public:
    explicit scripted_acceptor(const io::any_io_executor& executor) : executor_(executor) {}

    template <typename Handler> void async_accept(const io::any_io_executor& where, Handler h) {
        if (refusals != 0) {
            --refusals;
            throw std::bad_alloc();
        }
        if (script.empty()) return;
        ++attempts;
        const error_code result = script.front();
        script.pop_front();
        any_socket socket(where);
        if (!result && next) socket = std::move(*next);
        io::post(executor_, [h = std::move(h), result, socket = std::move(socket)]() mutable {
            h(result, std::move(socket));
        });
    }
    [[nodiscard]] bool is_open() const { return true; }
    void close(error_code&) {}
    void cancel(error_code&) {}

    std::deque<error_code> script;
    std::optional<any_socket> next; // what the first success gives
    int attempts = 0;
    int refusals = 0; // for want of memory, of the next attempts

private:
    io::any_io_executor executor_;
};

using scripted_loop = net::detail::accept_loop<scripted_acceptor, any_socket, fake_clock>;

} // namespace

TEST_CASE("accept_loop: connections that fail are passed over at once") {
    io::io_context context;
    const auto loop = std::make_shared<scripted_loop>(context.get_executor());
    loop->acceptor.script = {io::error::connection_aborted,
                             system_error(EPROTO),
                             system_error(EPERM),
                             io::error::connection_reset,
                             {}};
    accept_outcome one;
    loop->start(context.get_executor(), one.handler());
    poll(context);
    CHECK(loop->acceptor.attempts == 5);
    CHECK(one.calls == 1);
    CHECK_FALSE(one.error);
    CHECK(loop->exhaustions == 0);
}

TEST_CASE("accept_loop: connections that fail without end do not take all of the time") {
    io::io_context context;
    const auto loop = std::make_shared<scripted_loop>(context.get_executor());
    loop->acceptor.script.assign(1'000, system_error(EPERM));
    accept_outcome one;
    loop->start(context.get_executor(), one.handler());
    poll(context);
    CHECK(loop->acceptor.attempts == 16);
    fake_clock::advance(99ms);
    poll(context);
    CHECK(loop->acceptor.attempts == 16);
    fake_clock::advance(1ms);
    poll(context);
    CHECK(loop->acceptor.attempts == 32);
    CHECK(one.calls == 0);
    loop->close();
    poll(context);
    CHECK(one.error == io::error::operation_aborted);
    CHECK(loop->acceptor.attempts == 32);
}

TEST_CASE("accept_loop: an error of the listening socket ends the accept") {
    io::io_context context;
    const auto loop = std::make_shared<scripted_loop>(context.get_executor());
    loop->acceptor.script = {io::error::invalid_argument, io::error::bad_descriptor};
    accept_outcome first;
    accept_outcome second;
    loop->start(context.get_executor(), first.handler());
    loop->start(context.get_executor(), second.handler());
    poll(context);
    CHECK(first.error == io::error::invalid_argument);
    CHECK(second.error == io::error::bad_descriptor);
}

TEST_CASE("accept_loop: a connection that nobody waits for any more is kept for the next") {
    io::io_context context;
    const auto loop = std::make_shared<scripted_loop>(context.get_executor());
    tcp::acceptor real(context, {io::ip::address_v4::loopback(), 0});
    any_socket peer = connect_to(context, real.local_endpoint());
    loop->acceptor.next = real.accept(io::any_io_executor(context.get_executor()));
    loop->acceptor.script = {{}};
    accept_outcome first;
    accept_outcome second;
    loop->start(context.get_executor(), first.handler());
    loop->close(); // this acceptor is open all the same, and its success on the way
    poll(context);
    CHECK(first.error == io::error::operation_aborted);
    const io::any_io_executor strand = io::make_strand(context);
    loop->start(strand, second.handler());
    poll(context);
    REQUIRE(second.calls == 1);
    CHECK_FALSE(second.error);
    CHECK(second.socket->get_executor() == strand);
    CHECK(talk(peer, *second.socket));
}

TEST_CASE("accept_loop: an accept that throws is none, and may be called again") {
    io::io_context context;
    const auto loop = std::make_shared<scripted_loop>(context.get_executor());
    loop->acceptor.script = {{}};
    loop->acceptor.refusals = 1;
    accept_outcome first;
    accept_outcome second;
    CHECK_THROWS_AS(loop->start(context.get_executor(), first.handler()), std::bad_alloc);
    loop->start(context.get_executor(), second.handler());
    poll(context);
    CHECK(first.calls == 0);
    CHECK(second.calls == 1);
    CHECK_FALSE(second.error);
}

TEST_CASE("accept_loop: without memory to go on with, it goes on after the pause") {
    io::io_context context;
    const auto loop = std::make_shared<scripted_loop>(context.get_executor());
    loop->acceptor.script = {{}, {}, io::error::connection_aborted, {}};
    accept_outcome one;
    accept_outcome two;
    accept_outcome three;
    loop->start(context.get_executor(), one.handler());
    loop->start(context.get_executor(), two.handler());
    loop->start(context.get_executor(), three.handler());
    loop->acceptor.refusals = 2;
    poll(context);
    CHECK(one.calls == 1); // what was accepted is handed over all the same
    CHECK(loop->acceptor.refusals == 1);
    fake_clock::advance(100ms);
    poll(context);
    CHECK(loop->acceptor.refusals == 0); // again
    CHECK(two.calls == 0);
    fake_clock::advance(100ms);
    poll(context);
    CHECK(two.calls == 1);
    CHECK(three.calls == 1); // behind one that had failed
    CHECK(loop->acceptor.attempts == 4);
}

TEST_CASE("accept_loop: errors are told apart") {
    using net::detail::accept_trouble;
    using net::detail::trouble_of;
    for (const int value : {EMFILE, ENFILE, ENOMEM, ENOBUFS})
        CHECK(trouble_of(system_error(value)) == accept_trouble::exhausted);
    // Linux, accept(2): these say something about the new connection.
    for (const int value : {ECONNABORTED, EPROTO, EPERM, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET,
                            EHOSTUNREACH, ENETUNREACH, EINTR, EAGAIN})
        CHECK(trouble_of(system_error(value)) == accept_trouble::passing);
    for (const int value : {EBADF, EINVAL, ENOTSOCK, EOPNOTSUPP, EFAULT})
        CHECK(trouble_of(system_error(value)) == accept_trouble::fatal);
    CHECK(trouble_of(io::error::eof) == accept_trouble::fatal);
}
