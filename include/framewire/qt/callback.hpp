// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The type of the adapter's handlers: a move-only holder of anything that can be called, which
// stays alive while it is being called.

#ifndef FRAMEWIRE_QT_CALLBACK_HPP
#define FRAMEWIRE_QT_CALLBACK_HPP

#include <cstddef>
#include <type_traits>
#include <utility>

namespace framewire::qt {

template <typename Signature> class callback;

/// Holds a lambda, function pointer or other callable; move-only captures are welcome. Calling an
/// empty one does nothing and returns a default-constructed result.
///
/// A handler may replace itself, and may destroy the object that holds it: what was called is
/// released only when it has returned. It belongs to one thread and may not throw.
///
/// Example: `ws.on_text = [](std::string_view text) { show(text); };`
template <typename Result, typename... Args> class callback<Result(Args...)> {
public:
    callback() noexcept = default;
    callback(std::nullptr_t) noexcept {}

    template <typename Callable>
    requires(!std::is_same_v<Callable, callback> &&
             std::is_invocable_r_v<Result, Callable&, Args...>) callback(Callable callable)
        : target_(new target_of<Callable>(std::move(callable))) {}

    callback(callback&& other) noexcept : target_(std::exchange(other.target_, nullptr)) {}
    callback& operator=(callback&& other) noexcept {
        callback taken(std::move(other));
        std::swap(target_, taken.target_);
        return *this;
    }
    callback(const callback&) = delete;
    callback& operator=(const callback&) = delete;
    // What is released may call us while it goes.
    ~callback() { target::release(std::exchange(target_, nullptr)); }

    /// True when there is something to call.
    [[nodiscard]] explicit operator bool() const noexcept { return target_ != nullptr; }

    Result operator()(Args... args) const {
        if (target_ == nullptr) return Result();
        const in_use alive(*target_);
        return alive.called.call(std::forward<Args>(args)...);
    }

private:
    struct target {
        target() = default;
        target(const target&) = delete;
        target& operator=(const target&) = delete;
        virtual ~target() = default;
        virtual Result call(Args... args) = 0;

        static void release(target* one) noexcept {
            if (one != nullptr && --one->uses == 0) delete one;
        }
        // The holder, and calls that run. One thread counts them: a shared_ptr's atomic operations
        // would cost as much as all else that happens for a short message.
        unsigned uses = 1;
    };

    struct in_use {
        explicit in_use(target& one) noexcept : called(one) { ++called.uses; }
        in_use(const in_use&) = delete;
        in_use& operator=(const in_use&) = delete;
        ~in_use() { target::release(&called); }
        target& called;
    };

    template <typename Callable> struct target_of final : target {
        explicit target_of(Callable&& from) : callable(std::move(from)) {}
        Result call(Args... args) override {
            return static_cast<Result>(callable(std::forward<Args>(args)...));
        }
        Callable callable;
    };

    target* target_ = nullptr;
};

} // namespace framewire::qt

#endif
