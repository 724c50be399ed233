// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// How long an engine lives, and what its handle hears of its end: once, and nothing after it.

#ifndef FRAMEWIRE_QT_DETAIL_LIFETIME_HPP
#define FRAMEWIRE_QT_DETAIL_LIFETIME_HPP

#include <framewire/qt/detail/thread_state.hpp>
#include <framewire/qt/handlers.hpp>

#include <QBasicTimer>
#include <QCoreApplication>
#include <QEvent>
#include <QObject>
#include <QThread>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

namespace framewire::qt::detail {

class engine;

enum class phase : std::uint8_t { connecting, securing, shaking_hands, refusing, open, ended };

// No moc here nor in what derives from it: there are no signals of our own.
class lifetime : public QObject {
public:
    lifetime() { ++thread_engine_count(); }
    ~lifetime() override { --thread_engine_count(); }

    // `slot` is the handle's pointer to the engine: it turns null when the engine has ended.
    void attach(session_handlers* handlers, engine** slot) noexcept {
        handlers_ = handlers;
        handle_slot_ = slot;
    }

protected:
    // Keeps the object alive while a member function runs: handlers may do anything.
    class in_use {
    public:
        explicit in_use(lifetime& self) noexcept : self_(self) { ++self_.depth_; }
        in_use(const in_use&) = delete;
        in_use& operator=(const in_use&) = delete;
        ~in_use() {
            // This may run inside a signal of the device or an event of the object itself.
            if (--self_.depth_ == 0 && self_.is_over()) self_.deleteLater();
        }

    private:
        lifetime& self_;
    };

    // The same for what the handle calls. Unless another member function is running, nothing of the
    // device or of the event loop is either, so that the object is deleted on the spot: that takes
    // no memory, and no event loop.
    class in_call {
    public:
        explicit in_call(lifetime& self) noexcept : self_(self) { ++self_.depth_; }
        in_call(const in_call&) = delete;
        in_call& operator=(const in_call&) = delete;
        ~in_call() {
            if (--self_.depth_ == 0 && self_.is_over()) delete &self_;
        }

    private:
        lifetime& self_;
    };

    [[nodiscard]] bool is_over() const noexcept {
        return phase_ == phase::ended && handlers_ == nullptr && !is_untold_;
    }

    [[nodiscard]] close_info& info() {
        if (info_ == nullptr) info_ = std::make_unique<close_info>();
        return *info_;
    }
    [[nodiscard]] bool has_info() const noexcept { return info_ != nullptr; }

    // It has ended, and nobody was told yet. What info() does not say is as it is by default, so
    // that this takes no memory.
    void end_here() noexcept {
        phase_ = phase::ended;
        is_untold_ = true;
    }

    // Tells the application, once.
    void finish() {
        const std::unique_ptr<close_info> said = std::move(info_);
        const session_handlers* const handlers = std::exchange(handlers_, nullptr);
        if (handle_slot_ != nullptr) *std::exchange(handle_slot_, nullptr) = nullptr;
        if (!std::exchange(is_untold_, false)) return;
        const close_info nothing;
        const close_info& told = said == nullptr ? nothing : *said;
        ended(told);
        if (handlers != nullptr) handlers->on_closed(told);
    }

    // The handle has gone: nobody is to be told anything.
    void forget_handle() noexcept {
        handlers_ = nullptr;
        handle_slot_ = nullptr;
    }
    void forget_info() noexcept {
        info_.reset();
        is_untold_ = false;
    }

    // For the server, which counts its pending handshakes.
    virtual void ended(const close_info&) {}

    // Nobody owns an engine without a handle, but it may not outlive its thread's event loop.
    // \returns false when there is none any more.
    [[nodiscard]] bool linger() {
        QCoreApplication* const app = QCoreApplication::instance();
        if (app == nullptr || QCoreApplication::closingDown()) return false;
        if (app->thread() == thread()) {
            setParent(app);
        } else {
            connect(thread(), &QThread::finished, this, [this] { delete this; });
        }
        return true;
    }

    // Has customEvent called from the event loop, once for all that ask for it until then.
    void post() {
        if (awake_) return;
        QCoreApplication::postEvent(this, new QEvent(QEvent::User));
        awake_ = true; // unless that has thrown
    }
    void woken() noexcept { awake_ = false; }

    // Zero stops it.
    void start_timer(std::chrono::milliseconds time) {
        if (time.count() <= 0) return timer_.stop();
        constexpr auto most = static_cast<std::int64_t>(std::numeric_limits<int>::max());
        timer_.start(static_cast<int>(std::min<std::int64_t>(time.count(), most)), Qt::CoarseTimer,
                     this);
    }

    phase phase_ = phase::connecting;
    session_handlers* handlers_ = nullptr; // the handle's, while there is one
    QBasicTimer timer_;

private:
    engine** handle_slot_ = nullptr;
    std::unique_ptr<close_info> info_; // until the application was told; null: as by default
    int depth_ = 0;
    bool is_untold_ = false;
    bool awake_ = false;
};

} // namespace framewire::qt::detail

#endif
