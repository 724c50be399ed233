// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What becomes of a handler: it is called, or destroyed without that.

#ifndef FRAMEWIRE_TESTS_ASIO_SUPPORT_FATE_HPP
#define FRAMEWIRE_TESTS_ASIO_SUPPORT_FATE_HPP

#include <framewire/asio/error.hpp>
#include <framewire/asio/message.hpp>
#include <framewire/asio/stream.hpp>

#include <cstddef>
#include <utility>

namespace framewire::test {

using net::error_code;

/// What became of a handler: it was called, or destroyed.
struct fate {
    int calls = 0;
    int lost = 0;
    error_code error;
    std::size_t size = 0; ///< Of the message.
    net::close_info info;

    [[nodiscard]] int ends() const { return calls + lost; }
    [[nodiscard]] bool done() const { return calls == 1 && !error; }
};

/// A handler whose fate is noted. It takes no memory.
class noting {
public:
    explicit noting(fate& to) : to_(&to) {}
    noting(noting&& other) noexcept : to_(std::exchange(other.to_, nullptr)) {}
    noting& operator=(noting&&) = delete;
    ~noting() {
        if (to_ != nullptr) ++to_->lost;
    }

    template <typename... Rest> void operator()(const error_code& error, Rest&&... rest) {
        fate& to = *std::exchange(to_, nullptr);
        ++to.calls;
        to.error = error;
        (note(to, std::forward<Rest>(rest)), ...);
    }

private:
    static void note(fate& to, const net::message& m) { to.size = m.payload.size(); }
    static void note(fate& to, net::close_info&& info) { to.info = std::move(info); }
    template <typename Other> static void note(fate&, const Other&) {}

    fate* to_;
};

} // namespace framewire::test

#endif
