// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What drives a session: moves bytes between a device and a connection, keeps the time, and
// outlives the handle for as long as a closing handshake needs.

#ifndef FRAMEWIRE_QT_DETAIL_ENGINE_HPP
#define FRAMEWIRE_QT_DETAIL_ENGINE_HPP

#include <framewire/options.hpp>
#include <framewire/prepared_message.hpp>
#include <framewire/qt/detail/heartbeat.hpp>
#include <framewire/qt/detail/idle_watch.hpp>
#include <framewire/qt/detail/outgoing.hpp>
#include <framewire/qt/detail/thread_state.hpp>
#include <framewire/qt/detail/turn_budget.hpp>
#include <framewire/qt/keep_alive.hpp>
#include <framewire/rfc6455.hpp>

#include <QAbstractSocket>
#include <QBasicTimer>
#include <QByteArray>
#include <QIODevice>
#include <QString>
#include <QThread>
#include <QTimerEvent>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

namespace framewire::qt::detail {

class engine : public outgoing {
public:
    ~engine() override { transport_.tell_no_more(*this); }

    // --- For the handle

    [[nodiscard]] session_state state() const noexcept {
        if (phase_ == phase::ended) return session_state::closing;
        if (phase_ != phase::open) return session_state::connecting;
        return close_expected() ? session_state::closing : session_state::open;
    }

    virtual errc send(opcode kind, std::span<const std::byte> bytes, compression how) = 0;
    virtual errc send(const prepared_message& message, compression how) = 0;
    virtual errc send_fragment(opcode kind, std::span<const std::byte> bytes, bool last,
                               compression how) = 0;
    virtual errc ping(std::span<const std::byte> payload) = 0;
    virtual errc pong(std::span<const std::byte> payload) = 0;

    errc close(close_code code, std::string_view reason) {
        if (phase_ == phase::ended) return errc::success;
        if (phase_ != phase::open) {
            give_up({}, QStringLiteral("closed before the connection was open"), true);
            return errc::success;
        }
        schedule_read(); // ahead of what it is for: when it throws, nothing has changed
        const errc result = start_closing(code, reason);
        if (result == errc::success) paused_ = false; // or the peer's answer would never be read
        return result;
    }

    // Ends at once; on_closed is called before it returns.
    void abort() {
        const in_call guard(*this);
        end();
    }

    // The handle is being destroyed: goes on alone for as long as a closing handshake takes. When
    // there is no memory for that, the session ends here, which takes none.
    void release() noexcept {
        const in_call guard(*this);
        forget_handle();
        paused_ = false;
        QT_TRY {
            if (phase_ != phase::open || !close_alone()) drop_device();
        }
        QT_CATCH(...) { drop_device(); }
        if (phase_ == phase::ended) forget_info();
    }

    void set_keep_alive(const keep_alive& times) {
        std::unique_ptr<heartbeat> made;
        if (times.ping.count() > 0 && phase_ != phase::ended && !closing_) {
            made = std::make_unique<heartbeat>(times, *this);
            if (phase_ == phase::open) made->start();
        }
        heartbeat_ = std::move(made);
    }

    void pause() noexcept { paused_ = true; }
    void resume() {
        if (paused_) schedule_read();
        paused_ = false; // unless that has thrown
    }
    [[nodiscard]] bool paused() const noexcept { return paused_; }
    [[nodiscard]] QIODevice* device() const noexcept { return transport_.device(); }
    [[nodiscard]] const QByteArray& subprotocol() const noexcept { return subprotocol_; }
    [[nodiscard]] virtual QByteArray extensions() = 0;

protected:
    // --- For the protocol's side, which knows the role

    virtual void shake_hands(std::span<std::byte>& in) = 0; // ends in open(), or in give_up()
    virtual void take_input(std::span<std::byte>& in) = 0; // delivers until input is used or paused
    virtual void take_eof() = 0;                           // tells `failed` unless all was said
    virtual errc start_closing(close_code code, std::string_view reason) = 0;
    [[nodiscard]] virtual bool close_expected() const noexcept = 0;
    [[nodiscard]] virtual bool should_shut_down() const noexcept = 0;
    virtual void release_memory() noexcept = 0;
    virtual void lost_while_opening(const QString& system_text) = 0;
    virtual void timed_out_while_opening() = 0;

    // Takes the device over. Signals of connecting are for those who make devices.
    void take_device(std::unique_ptr<QIODevice> device) {
        transport_.take(std::move(device));
        transport_.tell(
            *this, [this] { read(); }, [this] { write_more(); }, [this] { disconnected(); },
            [this] {
                if (phase_ >= phase::shaking_hands) disconnected();
            });
    }

    // The opening handshake is over. A guard of the caller keeps this alive.
    void open(std::chrono::milliseconds close_timeout) {
        phase_ = phase::open;
        timer_.stop();
        close_timeout_ = close_timeout;
        if (heartbeat_ != nullptr) heartbeat_->start();
    }

    // Ends a session that did not open; on_closed is called from the event loop when `later`.
    void give_up(std::error_code error, const QString& text, bool later = false) {
        const in_use guard(*this);
        if (phase_ == phase::ended) return;
        if (later) post(); // ahead of what it tells: when it throws, nothing has ended
        info().error = error;
        info().error_text = text;
        drop_device();
        if (!later) finish();
    }

    // The same when info() has been filled in already.
    void end() {
        const in_use guard(*this);
        drop_device();
        finish();
    }

    // Has the output written before the event loop goes to sleep: one write for all that is sent
    // until then. The read handler writes at its end, but a handler of the application may run a
    // nested event loop before that.
    void wake() {
        if (!reading_ || thread()->loopLevel() != reading_level_) post();
    }

    void schedule_read() {
        post();
        read_later_ = true; // unless that has thrown
    }

    [[nodiscard]] static QString sentence(std::string_view text) {
        return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
    }

    void timerEvent(QTimerEvent* event) override {
        if (idle_.owns(*event)) {
            if (idle_.gives_back_on_timer()) give_back();
            return;
        }
        const in_use guard(*this);
        if (event->timerId() == next_turn_.timerId()) {
            next_turn_.stop(); // also where nothing is to be read now: it would ring on
            return read();
        }
        if (heartbeat_ != nullptr && heartbeat_->owns(*event)) return beat();
        if (event->timerId() != timer_.timerId()) return QObject::timerEvent(event);
        timer_.stop();
        if (phase_ == phase::open) {
            // RFC 6455 7.1.1: a peer that does not end the connection is left.
            if (!has_info() || (!info().clean && !info().error)) {
                info().error = errc::close_timeout;
                info().error_text = sentence(message(errc::close_timeout));
            }
            end();
        } else if (phase_ != phase::ended) {
            timed_out_while_opening();
        }
    }

    void customEvent(QEvent*) override {
        const in_use guard(*this);
        woken();
        if (phase_ == phase::ended) return finish();
        if (std::exchange(read_later_, false)) read();
        settle();
    }

    // How long a ping of ours took, when that is what this pong answers.
    [[nodiscard]] std::optional<std::chrono::microseconds>
    answered(std::span<const std::byte> pong) {
        if (heartbeat_ == nullptr) return {};
        return heartbeat_->answered(pong);
    }

    turn_budget budget_;
    QByteArray subprotocol_;
    QByteArray leftover_; // input that was not looked at yet: behind the message that paused
    bool paused_ = false;

private:
    static constexpr int reads_a_turn = 8;

    // --- Writing

    void write_more() {
        const in_use guard(*this);
        note_written();
        // A peer for which more waits has taken something. What nothing waits behind, the system
        // takes for a dead peer as well.
        if (heartbeat_ != nullptr && buffered_amount() > 0) heartbeat_->heard();
        settle();
    }

    // Writes what there is to write, and sees to the end of the connection.
    void settle() {
        flush_head();
        if (phase_ != phase::open) return;
        if (close_expected() && !closing_) {
            closing_ = true;
            heartbeat_.reset(); // the closing handshake has a time of its own
            start_timer(close_timeout_);
            resume(); // or the end of the connection would not be noticed
        }
        flush();
        if (phase_ != phase::open) return;
        if (take_written() && handlers_ != nullptr && !closing_) handlers_->on_written();
        if (phase_ != phase::open || !is_flushed()) return;
        if (should_shut_down()) return shut_down();
        if (!take_drained()) return;
        give_back();
        if (!closing_ && handlers_ != nullptr) handlers_->on_drain();
    }

    // The device may still hold what the peer said at last. Reading finds the end of it; nothing
    // else would, since Qt has closed the socket already.
    void write_failed() override {
        write_failed_ = true;
        schedule_read();
    }

    // Ends the transport once everything is written, and then the session.
    void shut_down() {
        if (!transport_.may_end()) return; // bytesWritten brings us here again
        QAbstractSocket* const socket = transport_.socket();
        if (socket == nullptr) return disconnected();
        if (std::exchange(shutting_down_, true)) return;
        // RFC 6455 7.1.1. What a peer sends behind its Close frame would be answered with a reset
        // if the socket were closed now, and that would take back what is on its way to the peer.
        // So the peer's end is waited for, and what comes before it is thrown away.
        if (transport_.half_close()) return;
        transport_.discard_input();
        if (phase_ != phase::open) return;
        if (socket->state() == QAbstractSocket::UnconnectedState) return disconnected();
        socket->disconnectFromHost(); // tells `disconnected`, at once or when all is written
    }

    // --- Whether the peer lives

    void beat() {
        // What the application leaves unread cannot tell.
        if (held_back()) heartbeat_->heard();
        switch (heartbeat_->fired()) {
        case heartbeat::beat::none: return;
        case heartbeat::beat::ping: return static_cast<void>(ping(heartbeat_->next_payload()));
        case heartbeat::beat::dead: break;
        }
        info().error = errc::pong_timeout;
        info().error_text = sentence(message(errc::pong_timeout));
        end();
    }

    // --- Reading

    // The opening handshake goes on while the application wants no messages.
    [[nodiscard]] bool held_back() const noexcept { return paused_ && phase_ == phase::open; }

    void read() {
        if (phase_ < phase::shaking_hands || phase_ == phase::ended || held_back()) return;
        if (reading_) { // in an event loop of a handler: nothing will tell us again
            read_later_ = true;
            return;
        }
        const in_use guard(*this);
        reading_ = true;
        reading_level_ = thread()->loopLevel();
        read_some();
        reading_ = false;
        if (read_later_) post();
        settle();
        if (idle_.gives_back_after(turn_, *this)) give_back();
    }

    void give_back() noexcept {
        // A handler that is running may be looking at the message.
        if (phase_ == phase::open && !reading_ && output().empty()) release_memory();
    }

    void read_some() {
        next_turn_.stop();
        budget_.begin();
        if (!leftover_.isEmpty()) {
            QByteArray bytes = std::exchange(leftover_, QByteArray());
            take(std::span(reinterpret_cast<std::byte*>(bytes.data()),
                           static_cast<std::size_t>(bytes.size())));
        }
        turn_ = 0;
        const receive_buffer buffer;
        const auto most = static_cast<qint64>(buffer.bytes().size());
        for (int i = 0; i < reads_a_turn; ++i) {
            if (held_back() || phase_ == phase::ended) return;
            if (budget_.is_spent()) break;
            const qint64 count = transport_.read(buffer.bytes());
            // An unbuffered socket tells the end of the stream here and nowhere else.
            if (count < 0) return lost();
            turn_ += count;
            if (count > 0) take(buffer.bytes().first(static_cast<std::size_t>(count)));
            // In an event loop of a handler more may have come, and the end behind it.
            if (count > 0 && disconnected_ && device()->bytesAvailable() > 0) continue;
            if (count < most && !budget_.is_spent()) {
                if ((disconnected_ || write_failed_) && !held_back()) lost();
                return;
            }
        }
        // Others get their turn first: a timer, since Qt goes on with posted events until there are
        // no more, and looks at neither timers nor sockets meanwhile.
        if (!held_back() && phase_ != phase::ended) next_turn_.start(0, this);
    }

    void take(std::span<std::byte> in) {
        if (heartbeat_ != nullptr) heartbeat_->heard();
        if (phase_ == phase::shaking_hands) shake_hands(in);
        if (phase_ == phase::open) take_input(in);
        if ((paused_ || budget_.is_spent()) && phase_ == phase::open && !in.empty()) {
            leftover_.append(reinterpret_cast<const char*>(in.data()),
                             static_cast<qsizetype>(in.size()));
        }
    }

    // --- The end

    // The transport has ended, but what was received before comes first.
    void disconnected() {
        if (phase_ == phase::ended || std::exchange(disconnected_, true)) return;
        const in_use guard(*this);
        if (reading_ || held_back()) return; // found by the reader
        if (phase_ < phase::shaking_hands) return lost();
        reading_ = true;
        reading_level_ = thread()->loopLevel();
        while (phase_ != phase::ended && !held_back() &&
               (device()->bytesAvailable() > 0 || !leftover_.isEmpty()))
            read_some();
        reading_ = false;
        if (!held_back()) lost();
    }

    void lost() {
        if (phase_ == phase::ended) return;
        if (phase_ != phase::open) return lost_while_opening(device()->errorString());
        take_eof();
        end(); // unless a handler has
    }

    // Begins a closing handshake that nobody waits for. What was sent leaves now, since there may
    // be no event loop any more.
    // \returns false when nothing is to come of it.
    [[nodiscard]] bool close_alone() {
        if (close_timeout_.count() <= 0) close_timeout_ = std::chrono::seconds(5);
        if (start_closing(close_code::going_away, {}) != errc::success) return false;
        settle();
        if (phase_ != phase::open) return true;
        if (transport_.socket() != nullptr) transport_.socket()->flush();
        if (phase_ != phase::open) return true;
        if (linger()) {
            schedule_read(); // what was paused
            return true;
        }
        transport_.discard_input();
        return false;
    }

    // Leaves the transport. The device may be in the middle of telling us something, so that it is
    // deleted together with the engine. Takes no memory.
    void drop_device() {
        if (phase_ == phase::ended) return;
        end_here();
        timer_.stop();
        heartbeat_.reset();
        transport_.tell_no_more(*this);
        transport_.cut();
    }

    std::chrono::milliseconds close_timeout_{0};
    idle_watch idle_;
    std::unique_ptr<heartbeat> heartbeat_; // when it is wanted
    QBasicTimer next_turn_;
    int reading_level_ = 0;
    qint64 turn_ = 0; // bytes that the last read handler took
    bool reading_ = false;
    bool read_later_ = false;
    bool closing_ = false;
    bool shutting_down_ = false;
    bool disconnected_ = false;
    bool write_failed_ = false;
};

} // namespace framewire::qt::detail

#endif
