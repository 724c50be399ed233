// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/qt/callback.hpp>

#include "support/catch.hpp"

#include <memory>
#include <string>
#include <utility>

using framewire::qt::callback;

TEST_CASE("callback: calls what it holds, and nothing when empty") {
    callback<int(int)> f;
    CHECK_FALSE(f);
    CHECK(f(1) == 0);
    f = [](int i) { return i + 1; };
    CHECK(f);
    CHECK(f(1) == 2);
    f = nullptr;
    CHECK_FALSE(f);
}

TEST_CASE("callback: holds what can only be moved, and moves it along") {
    callback<int()> f = [p = std::make_unique<int>(7)] { return *p; };
    callback<int()> g = std::move(f);
    CHECK(g() == 7);
    CHECK_FALSE(f);
}

TEST_CASE("callback: may replace itself while it runs") {
    std::string seen;
    callback<void()> f;
    f = [&f, &seen, text = std::make_unique<std::string>("first")] {
        f = [&seen] { seen += "second"; };
        seen += *text; // still there
    };
    f();
    f();
    CHECK(seen == "firstsecond");
}

TEST_CASE("callback: may destroy the object that holds it while it runs") {
    struct owner {
        callback<void(int)> f;
    };
    auto object = std::make_unique<owner>();
    int seen = 0;
    object->f = [&object, &seen, big = std::make_unique<int>(5)](int i) {
        object.reset();
        seen = *big + i;
    };
    object->f(2);
    CHECK(seen == 7);
}

TEST_CASE("callback: lets go of what it holds when it goes") {
    const auto shared = std::make_shared<int>(1);
    {
        const callback<void()> f = [shared] {};
        CHECK(shared.use_count() == 2);
    }
    CHECK(shared.use_count() == 1);
}
