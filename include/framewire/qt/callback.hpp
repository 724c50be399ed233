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
        requires(!std::is_same_v<std::remove_cvref_t<Callable>, callback> &&
                 std::is_invocable_r_v<Result, std::decay_t<Callable>&, Args...>)
    callback(Callable&& callable)
        : target_(new target_of<std::decay_t<Callable>>(std::forward<Callable>(callable))) {}

    callback(callback&& other) noexcept : target_(std::exchange(other.target_, nullptr)) {}
    callback& operator=(callback&& other) noexcept {
        target* const old = std::exchange(target_, std::exchange(other.target_, nullptr));
        release(old);
        return *this;
    }
    callback(const callback&) = delete;
    callback& operator=(const callback&) = delete;
    ~callback() { release(target_); }

    /// True when there is something to call.
    [[nodiscard]] explicit operator bool() const noexcept { return target_ != nullptr; }

    Result operator()(Args... args) const {
        if (target_ == nullptr) return Result();
        const pin alive(target_);
        return alive.target_->call(std::forward<Args>(args)...);
    }

private:
    struct target {
        unsigned owners = 1;
        virtual ~target() = default;
        virtual Result call(Args... args) = 0;
    };

    template <typename Callable> struct target_of final : target {
        template <typename From>
        explicit target_of(From&& from) : callable(std::forward<From>(from)) {}
        Result call(Args... args) override {
            return static_cast<Result>(callable(std::forward<Args>(args)...));
        }
        Callable callable;
    };

    struct pin {
        explicit pin(target* held) noexcept : target_(held) { ++held->owners; }
        pin(const pin&) = delete;
        pin& operator=(const pin&) = delete;
        ~pin() { release(target_); }
        target* target_;
    };

    static void release(target* held) noexcept {
        if (held != nullptr && --held->owners == 0) delete held;
    }

    target* target_ = nullptr;
};

} // namespace framewire::qt

#endif
