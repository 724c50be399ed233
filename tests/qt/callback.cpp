// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/qt/callback.hpp>

#include "support/catch.hpp"

#include <memory>
#include <string>
#include <utility>

using framewire::qt::callback;

namespace {
// Can only be moved, and lives on the heap where a sanitizer notices its end.
struct only_moves {
    explicit only_moves(std::string content) : text(std::move(content) + std::string(100, '.')) {}
    only_moves(only_moves&&) = default;
    only_moves& operator=(only_moves&&) = default;
    only_moves(const only_moves&) = delete;
    only_moves& operator=(const only_moves&) = delete;
    ~only_moves() = default;
    std::string text;
};
} // namespace

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
    callback<int()> f = [thing = only_moves("seven")] {
        return static_cast<int>(thing.text.size());
    };
    const callback<int()> g = std::move(f);
    CHECK(g() == 105);
}

TEST_CASE("callback: may replace itself while it runs") {
    std::string seen;
    callback<void()> f;
    f = [&f, &seen, thing = only_moves("first")] {
        f = [&seen] { seen += "second"; };
        seen += thing.text.substr(0, 5); // still there
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
    object->f = [&object, &seen, thing = only_moves("five")](int i) {
        object.reset();
        seen = static_cast<int>(thing.text.size()) + i;
    };
    object->f(2);
    CHECK(seen == 106);
}

TEST_CASE("callback: is empty already for what goes with it") {
    struct calls_at_its_end {
        explicit calls_at_its_end(const callback<void()>& held_by) : holder(held_by) {}
        calls_at_its_end(const calls_at_its_end&) = delete;
        calls_at_its_end& operator=(const calls_at_its_end&) = delete;
        ~calls_at_its_end() { holder(); }
        const callback<void()>& holder;
    };
    int calls = 0;
    {
        callback<void()> f;
        f = [&calls, last = std::make_unique<calls_at_its_end>(f)] { ++calls; };
    }
    CHECK(calls == 0);
}

TEST_CASE("callback: lets go of what it holds when it goes") {
    const auto shared = std::make_shared<int>(1);
    {
        const callback<void()> f = [shared] {};
        CHECK(shared.use_count() == 2);
    }
    CHECK(shared.use_count() == 1);
}
