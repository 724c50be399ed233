// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A listener is closed and a client destroyed when there is no memory for anything.

#include <framewire/asio/client.hpp>
#include <framewire/asio/listener.hpp>

#include "support/allocation_counter.hpp"
#include "support/catch.hpp"
#include "support/fate.hpp"

#include <optional>

using namespace framewire;
using namespace framewire::test;

TEST_CASE("leaving: a listener is closed without memory, and who waits is called or destroyed",
          "[asio]") {
    net::io::io_context context;
    net::listener listener(context);
    REQUIRE_FALSE(listener.listen("127.0.0.1", 0));
    fate ends[3];
    for (fate& one : ends)
        listener.accept(noting(one));
    context.poll();
    {
        throwing_allocations none(0, 1'000'000);
        CHECK(none.during([&] { listener.close(); }));
        CHECK(none.happened());
    }
    context.restart();
    context.poll();
    for (const fate& one : ends)
        CHECK(one.ends() == 1);
    CHECK_FALSE(listener.is_open());
}

TEST_CASE("leaving: a client that connects is destroyed without memory", "[asio]") {
    net::io::io_context context;
    std::optional<net::client> client(context);
    fate connected;
    client->connect("ws://127.0.0.1:1/", noting(connected));
    {
        throwing_allocations none(0, 1'000'000);
        CHECK(none.during([&] { client.reset(); }));
        CHECK(none.happened());
    }
    context.restart();
    context.run();
    CHECK(connected.ends() == 1);
}
