// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/detail/pull_iterator.hpp>

#include "support/catch.hpp"

#include <cstddef>
#include <iterator>

using framewire::detail::pull_iterator;

namespace {

// Counts down to 1.
struct countdown {
    using value_type = int;
    int rest = 0;
    constexpr bool next(int& value) noexcept {
        if (rest == 0) return false;
        value = rest--;
        return true;
    }
    [[nodiscard]] constexpr std::size_t left() const noexcept {
        return static_cast<std::size_t>(rest);
    }
};
using iterator = pull_iterator<countdown>;

static_assert(std::forward_iterator<iterator>);

constexpr int sum_from(int start) {
    int sum = 0;
    for (iterator at{countdown{start}}; at != iterator{}; ++at)
        sum += *at;
    return sum;
}

} // namespace

TEST_CASE("pull_iterator: visits every value once") {
    STATIC_REQUIRE(sum_from(0) == 0);
    STATIC_REQUIRE(sum_from(1) == 1);
    STATIC_REQUIRE(sum_from(4) == 10);
    CHECK(sum_from(100) == 5050);
}

TEST_CASE("pull_iterator: iterators are equal where they stand at the same value") {
    iterator a{countdown{3}};
    iterator b = a;
    CHECK(a == b);
    CHECK(*b++ == 3);
    CHECK(*b == 2);
    CHECK(a != b);
    ++a;
    CHECK(a == b);
    // The last value and the end both leave nothing.
    ++a;
    CHECK(*a == 1);
    CHECK(a != iterator{});
    ++a;
    CHECK(a == iterator{});
}
