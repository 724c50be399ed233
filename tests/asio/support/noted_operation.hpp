// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// An operation without a handler: it notes what becomes of it.

#ifndef FRAMEWIRE_TESTS_ASIO_SUPPORT_NOTED_OPERATION_HPP
#define FRAMEWIRE_TESTS_ASIO_SUPPORT_NOTED_OPERATION_HPP

#include <framewire/asio/detail/operation.hpp>

#include <new>

namespace framewire::test {

template <typename T> class noted_operation final : public net::detail::operation<T> {
public:
    noted_operation() noexcept : net::detail::operation<T>(&run) {}

    int calls = 0;
    int destroyed = 0;
    bool refused = false; ///< Cannot be completed, as there is no memory for that.
    net::error_code error;
    T rest{};

private:
    static void run(net::detail::any_operation* base, net::detail::delivery how, void* all) {
        auto& self = static_cast<noted_operation&>(*base);
        if (how == net::detail::delivery::never || how == net::detail::delivery::lost) {
            ++self.destroyed;
            return;
        }
        if (self.refused) {
            ++self.destroyed;
            throw std::bad_alloc();
        }
        auto& outcome = *static_cast<net::detail::outcome<T>*>(all);
        ++self.calls;
        self.error = outcome.error;
        self.rest = outcome.rest;
    }
};

} // namespace framewire::test

#endif
