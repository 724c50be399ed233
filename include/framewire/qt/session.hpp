// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// One WebSocket connection in a Qt event loop: what client and server sessions have in common.

#ifndef FRAMEWIRE_QT_SESSION_HPP
#define FRAMEWIRE_QT_SESSION_HPP

#include <framewire/options.hpp>
#include <framewire/prepared_message.hpp>
#include <framewire/qt/detail/engine.hpp>
#include <framewire/qt/detail/utf8_text.hpp>
#include <framewire/qt/handlers.hpp>
#include <framewire/qt/keep_alive.hpp>

#include <QAbstractSocket>
#include <QAnyStringView>
#include <QByteArray>
#include <QByteArrayView>
#include <QIODevice>
#include <QString>

#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace framewire::qt {

namespace detail {
class acceptor;
}

/// A handle to a WebSocket connection. `server::on_session` gives them out; `client` is one.
///
/// It belongs to the thread that made it, which has to run an event loop. It may be destroyed at
/// any time, in its own handlers too: no handler is called any more, and an open session is closed
/// with code 1001 in the background, within the close time-out.
///
/// What is sent during one turn of the event loop leaves in one write; from 16 KiB on, a message of
/// a server is handed to the system when it is sent, without a copy. The functions that send return
/// at once. Any errc but success means that nothing was sent and nothing has changed:
///  - `not_open`, and `output_full` when so many bytes wait for a slow peer that the message would
///    make them more than `limits::max_output`, beside 128 KiB that Qt may hold; on_drain tells
///    when they are gone;
///  - `text_not_utf8`, `message_in_progress` and `wrong_fragment_kind` from messages,
///    `control_payload_too_long` from ping and pong, `close_code_not_sendable`,
///    `close_reason_too_long` and `close_reason_not_utf8` from close: as in `connection`;
///  - `out_of_memory`.
///
/// Without memory for a message a session ends with `out_of_memory`, and nothing throws. What else
/// it takes is small, and comes from operator new and from Qt, which throw std::bad_alloc. A
/// function that is called here lets that out, and has then done nothing: nothing is sent, nothing
/// begun. To abort and to destroy a session take none, but an open one that is destroyed says so to
/// the peer only when there is some. What the event loop calls cannot let it out, since Qt lets no
/// exception pass: the program ends.
class session : public session_handlers {
public:
    session(const session&) = delete;
    session& operator=(const session&) = delete;
    virtual ~session();

    [[nodiscard]] session_state state() const noexcept;

    /// Sends a text message. UTF-8 is sent as it is and has to be valid, UTF-16 is converted.
    errc send_text(QAnyStringView text, compression how = compression::if_agreed);
    /// Sends a binary message.
    errc send_binary(QByteArrayView bytes, compression how = compression::if_agreed);
    /// Sends a message that was made ready for many (`prepared_message`): a server's session
    /// without compression sends its frame as it is.
    errc send(const prepared_message& message, compression how = compression::if_agreed);
    /// Sends a part of a message (RFC 6455 5.4): `kind` is text or binary and the same for all
    /// parts. `how` holds for the message: what is said with its first part.
    errc send_fragment(opcode kind, QByteArrayView bytes, bool last,
                       compression how = compression::if_agreed);
    /// Sends a ping with at most 125 bytes; the peer's answer comes to on_pong (RFC 6455 5.5.2).
    errc ping(QByteArrayView payload = {});
    /// Sends a pong that nobody asked for (RFC 6455 5.5.3).
    errc pong(QByteArrayView payload = {});

    /// Starts the closing handshake behind what was sent before. The reason is at most 123 bytes of
    /// UTF-8. `on_closed` follows from the event loop, whatever the peer does, within the close
    /// time-out. A client that is not open yet gives up. Does nothing when already closing or
    /// closed.
    errc close(close_code code = close_code::normal, QAnyStringView reason = {});
    /// Ends the session at once, without a Close frame. on_closed is called before this returns.
    void abort();

    /// Bytes that were sent but not yet handed to the system.
    [[nodiscard]] qint64 buffered_amount() const noexcept;

    /// Stops reading from the peer, which then has to stop sending once the system's buffers are
    /// full. Nothing is received until `resume`: no ping is answered, and no close is noticed. A
    /// socket that Qt reads for us takes 256 KiB before it stops, or its own read buffer size, but
    /// behind a SOCKS5 proxy Qt takes all that comes.
    void pause();
    void resume();
    [[nodiscard]] bool is_paused() const noexcept;

    /// Sends pings from now on, or from the opening on, instead of what the options said.
    void set_keep_alive(const keep_alive& times);

    /// The subprotocol that was agreed on; empty when there is none or the session is not open.
    [[nodiscard]] QByteArray subprotocol() const;
    /// The extension that was agreed on: the value of Sec-WebSocket-Extensions in the server's
    /// answer. Empty when there is none or the session is not open.
    [[nodiscard]] QByteArray extensions() const;
    /// The device underneath, to look at only: addresses, certificates. Null once it ended.
    [[nodiscard]] QIODevice* device() const noexcept;
    /// The same when it is a socket, else null.
    [[nodiscard]] QAbstractSocket* socket() const noexcept;

protected:
    session() noexcept = default;
    void attach(detail::engine* engine) noexcept;
    void release() noexcept;

private:
    friend class detail::acceptor; // makes the sessions of a server

    [[nodiscard]] static std::span<const std::byte> octets(QByteArrayView bytes) noexcept {
        return std::as_bytes(std::span(bytes.data(), static_cast<std::size_t>(bytes.size())));
    }
    // UTF-8 as it is, other encodings converted.
    template <typename Use> static errc with_utf8(QAnyStringView text, Use use);

    detail::engine* engine_ = nullptr;
};

inline session::~session() { release(); }

inline void session::attach(detail::engine* engine) noexcept {
    engine_ = engine;
    engine->attach(this, &engine_);
}

inline void session::release() noexcept {
    if (engine_ != nullptr) std::exchange(engine_, nullptr)->release();
}

inline session_state session::state() const noexcept {
    return engine_ == nullptr ? session_state::closed : engine_->state();
}

template <typename Use> errc session::with_utf8(QAnyStringView text, Use use) {
    return text.visit([&use](auto view) {
        if constexpr (std::is_same_v<decltype(view), QLatin1StringView>) {
            return use(QByteArrayView(QString(view).toUtf8()));
        } else if constexpr (std::is_same_v<decltype(view), QStringView>) {
            const detail::utf8_text utf8(view);
            return use(utf8.view());
        } else {
            return use(QByteArrayView(view.data(), view.size()));
        }
    });
}

inline errc session::send_text(QAnyStringView text, compression how) {
    if (engine_ == nullptr) return errc::not_open;
    return with_utf8(text, [this, how](QByteArrayView utf8) {
        return engine_->send(opcode::text, octets(utf8), how);
    });
}

inline errc session::send_binary(QByteArrayView bytes, compression how) {
    return engine_ == nullptr ? errc::not_open : engine_->send(opcode::binary, octets(bytes), how);
}

inline errc session::send(const prepared_message& message, compression how) {
    return engine_ == nullptr ? errc::not_open : engine_->send(message, how);
}

inline errc session::send_fragment(opcode kind, QByteArrayView bytes, bool last, compression how) {
    if (engine_ == nullptr) return errc::not_open;
    return engine_->send_fragment(kind, octets(bytes), last, how);
}

inline errc session::ping(QByteArrayView payload) {
    return engine_ == nullptr ? errc::not_open : engine_->ping(octets(payload));
}

inline errc session::pong(QByteArrayView payload) {
    return engine_ == nullptr ? errc::not_open : engine_->pong(octets(payload));
}

inline errc session::close(close_code code, QAnyStringView reason) {
    if (engine_ == nullptr) return errc::success;
    return with_utf8(reason, [this, code](QByteArrayView utf8) {
        return engine_->close(code, {utf8.data(), static_cast<std::size_t>(utf8.size())});
    });
}

inline void session::abort() {
    if (engine_ != nullptr) engine_->abort();
}

inline qint64 session::buffered_amount() const noexcept {
    return engine_ == nullptr ? 0 : engine_->buffered_amount();
}

inline void session::pause() {
    if (engine_ != nullptr) engine_->pause();
}

inline void session::resume() {
    if (engine_ != nullptr) engine_->resume();
}

inline bool session::is_paused() const noexcept { return engine_ != nullptr && engine_->paused(); }

inline void session::set_keep_alive(const keep_alive& times) {
    if (engine_ != nullptr) engine_->set_keep_alive(times);
}

inline QByteArray session::subprotocol() const {
    return engine_ == nullptr ? QByteArray() : engine_->subprotocol();
}

inline QByteArray session::extensions() const {
    return engine_ == nullptr ? QByteArray() : engine_->extensions();
}

inline QIODevice* session::device() const noexcept {
    return engine_ == nullptr ? nullptr : engine_->device();
}

inline QAbstractSocket* session::socket() const noexcept {
    return qobject_cast<QAbstractSocket*>(device());
}

} // namespace framewire::qt

#endif
