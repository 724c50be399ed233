// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Operations of streams are tested by tokens.cpp, with handlers; here they have none.

#include <framewire/asio/detail/operation.hpp>

#include "asio/support/noted_operation.hpp"
#include "support/catch.hpp"

#include <array>
#include <new>

using framewire::net::detail::delivery;
using framewire::net::detail::operation_queue;
using framewire::test::noted_operation;

TEST_CASE("operation: one that what it is completed with cannot be copied to is destroyed") {
    struct uncopied {
        uncopied() = default;
        uncopied(const uncopied&) { throw std::bad_alloc(); }
        uncopied& operator=(const uncopied&) = default;
    };
    noted_operation<uncopied> op;
    const uncopied value;
    CHECK_THROWS_AS(op.complete(delivery::later, {}, value), std::bad_alloc);
    CHECK(op.calls == 0);
    CHECK(op.destroyed == 1);
}

TEST_CASE("operation_queue: one that there is no memory for does not keep the others waiting") {
    std::array<noted_operation<int>, 4> ops;
    ops[0].refused = ops[2].refused = true;
    operation_queue<int> queue;
    for (auto& op : ops)
        queue.push(&op);
    SECTION("when they are completed") {
        CHECK_THROWS_AS(queue.complete_all({}, 7), std::bad_alloc);
        CHECK(ops[1].rest == 7);
    }
    SECTION("when they fail") {
        CHECK_THROWS_AS(queue.fail_all(framewire::net::io::error::eof), std::bad_alloc);
        CHECK(ops[1].error == framewire::net::io::error::eof);
    }
    CHECK(queue.empty());
    for (const auto& op : ops)
        CHECK(op.calls + op.destroyed == 1);
    CHECK(ops[1].calls == 1);
    CHECK(ops[3].calls == 1);
}

TEST_CASE(
    "operation_queue: is told in the order in which they began, those that were removed not") {
    std::array<noted_operation<int>, 3> ops;
    operation_queue<int> queue;
    for (auto& op : ops)
        queue.push(&op);
    CHECK(queue.remove(&ops[1]));
    CHECK_FALSE(queue.remove(&ops[1]));
    queue.push(&ops[1]); // again
    SECTION("in order") {
        CHECK(queue.pop() == &ops[0]);
        CHECK(queue.pop() == &ops[2]);
        CHECK(queue.pop() == &ops[1]);
    }
    SECTION("without the last") {
        CHECK(queue.remove(&ops[1]));
        queue.push(&ops[1]);
        CHECK(queue.remove(&ops[1]));
        CHECK(queue.pop() == &ops[0]);
        CHECK(queue.pop() == &ops[2]);
    }
    CHECK(queue.pop() == nullptr);
}
