// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A listener is closed and a client destroyed when there is no memory for anything.

#include <framewire/asio/client.hpp>
#include <framewire/asio/listener.hpp>

#include "support/allocation_counter.hpp"
#include "support/catch.hpp"

#include <optional>
#include <utility>

using namespace framewire;
using namespace framewire::test;
using net::error_code;

namespace {

/// A handler that takes no memory. What becomes of it is counted, whichever it is.
class counted {
public:
    explicit counted(int& ends) : ends_(&ends) {}
    counted(counted&& other) noexcept : ends_(std::exchange(other.ends_, nullptr)) {}
    counted& operator=(counted&&) = delete;
    ~counted() {
        if (ends_ != nullptr) ++*ends_;
    }
    template <typename... Rest> void operator()(const error_code&, Rest&&...) {
        ++*std::exchange(ends_, nullptr);
    }

private:
    int* ends_;
};

} // namespace

TEST_CASE("leaving: a listener is closed without memory, and who waits is called or destroyed",
          "[asio]") {
    net::io::io_context context;
    net::listener listener(context);
    REQUIRE_FALSE(listener.listen("127.0.0.1", 0));
    int ends[3] = {};
    for (int& one : ends)
        listener.accept(counted(one));
    context.poll();
    {
        throwing_allocations none(0, 1'000'000);
        CHECK(none.during([&] { listener.close(); }));
        CHECK(none.happened());
    }
    context.restart();
    context.poll();
    for (const int one : ends)
        CHECK(one == 1);
    CHECK_FALSE(listener.is_open());
}

TEST_CASE("leaving: a client that connects is destroyed without memory", "[asio]") {
    net::io::io_context context;
    std::optional<net::client> client(context);
    int ends = 0;
    client->connect("ws://127.0.0.1:1/", counted(ends));
    {
        throwing_allocations none(0, 1'000'000);
        CHECK(none.during([&] { client.reset(); }));
        CHECK(none.happened());
    }
    context.restart();
    context.run();
    CHECK(ends == 1);
}
