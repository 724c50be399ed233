// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A WebSocket connection on an Asio transport: messages out and in, back-pressure, time-outs, the
// closing handshake. `server_stream` and `client_stream` add the opening handshake.

#ifndef FRAMEWIRE_ASIO_STREAM_HPP
#define FRAMEWIRE_ASIO_STREAM_HPP

#include <framewire/asio/config.hpp>
#include <framewire/asio/detail/engine.hpp>
#include <framewire/asio/detail/operation.hpp>
#include <framewire/asio/message.hpp>
#include <framewire/asio/options.hpp>
#include <framewire/asio/sender.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace framewire::net {

namespace detail {

/// Something to copy a message into: std::string, std::vector of a type of one byte.
template <typename T>
concept byte_container = requires(T& t, const char* p, std::size_t n) {
    requires sizeof(typename T::value_type) == 1;
    requires std::is_trivially_copyable_v<typename T::value_type>;
    t.assign(reinterpret_cast<const typename T::value_type*>(p),
             reinterpret_cast<const typename T::value_type*>(p) + n);
};

/// Copies the message to where the application wants it, and says of which kind it was.
template <byte_container Container> struct copied_to {
    Container* to;

    outcome<opcode> operator()(const outcome<message>& all) const {
        if (all.error) return {all.error, opcode::continuation};
        const message& received = all.rest;
        const auto* const data =
            reinterpret_cast<const typename Container::value_type*>(received.payload.data());
        try {
            to->assign(data, data + received.payload.size());
        } catch (const std::bad_alloc&) {
            return {make_error(errc::out_of_memory), opcode::continuation};
        }
        return {all.error, received.kind};
    }
};

} // namespace detail

/// An open connection. All functions are called on the executor of the transport (with several
/// threads, inside of its strand); only what `get_sender` gives may be used by other threads.
///
/// Every operation takes a completion token: a callback, io::use_future, io::use_awaitable,
/// as_tuple of it. Completion handlers are never called from within the function that starts the
/// operation. Cancelling an operation leaves the connection as it is: what was read goes to the
/// next read, what was queued is sent.
///
/// On a connected TCP socket, also below TLS, a stream sets TCP_NODELAY: see `next_layer`.
///
/// Without memory for a message, either way, there is `errc::out_of_memory`, and nothing throws.
/// Operations, the opening handshake and what is posted take theirs from the allocator of a handler
/// or from operator new. When that throws, the stream can be used as before:
/// - A function that was called lets it out. Its handler is never called, and it may be called
///   again. What is asked for with a token, a message, a Ping, a Close or an answer, may be on its
///   way all the same. On an open stream, sending a message, Ping or Close without a token does
///   not throw. After `abort` the stream has ended all the same.
/// - Elsewhere it comes out of `run()`, like an exception of a handler, and `run()` may be called
///   again. A handler that was to be called may be destroyed instead, and what it was to be given
///   is lost with it. The stream goes on by itself, within a second: its time limits are kept. Only
///   an opening handshake that is under way ends the connection, with `errc::out_of_memory`.
///
/// All this as far as Asio holds: a strand that is refused memory may run nothing more, and when
/// the timers of the program make Asio's list of them grow just then, time limits of this thread
/// may wait until the next one is set.
///
/// Movable. Destroying an open stream tells the peer 1001 and lets the connection end in the
/// background, for no longer than `timeouts::close`; handlers that were waiting are destroyed, not
/// called. A stream that was moved from can only be destroyed or assigned to.
///
/// \tparam AsyncStream the transport: a TCP or Unix socket, TLS, or any other AsyncReadStream and
/// AsyncWriteStream. See `transport_traits`.
/// \tparam Clock what the timers go by.
template <async_stream AsyncStream, role Role, options Options = options{},
          message_extension Extension = no_extension, typename Clock = std::chrono::steady_clock>
class stream {
protected:
    using engine_type = detail::engine<AsyncStream, Role, Options, Extension, Clock>;

public:
    using next_layer_type = AsyncStream;
    using executor_type = typename engine_type::executor_type;

    stream(stream&&) noexcept = default;
    stream& operator=(stream&& other) noexcept {
        if (this != &other) {
            leave();
            engine_ = std::move(other.engine_);
        }
        return *this;
    }
    ~stream() { leave(); }

    [[nodiscard]] executor_type get_executor() const { return engine_->executor(); }
    /// The transport, to set its options. Not to be read from or written to.
    [[nodiscard]] AsyncStream& next_layer() noexcept { return engine_->next(); }

    // --- Reading

    /// Waits for the next message, `void(error_code, message)`. The message is borrowed until the
    /// next read is started or the stream is destroyed; meanwhile nothing is read from the
    /// transport, so that a peer that sends too fast has to wait. At most one read at a time
    /// (`errc::read_in_progress`). At the end it is `errc::closed` after a clean closing handshake,
    /// else the cause; `close_result()` says more.
    ///
    /// Pings are answered, and the peer's Close is taken notice of, while a read is waiting and
    /// while no message is. An application that needs long for one message copies it.
    template <typename Token = io::default_completion_token_t<executor_type>>
    requires(!detail::byte_container<std::remove_cvref_t<Token>>) auto read(
        Token&& token = io::default_completion_token_t<executor_type>()) {
        return io::async_initiate<Token, void(error_code, message)>(
            [](auto&& handler, const std::shared_ptr<engine_type>& engine) {
                engine->start_read(std::forward<decltype(handler)>(handler), detail::as_it_is{},
                                   true);
            },
            token, engine_);
    }

    /// The same, `void(error_code, opcode)`, with a copy of the message as the content of `to`,
    /// which has to live until then.
    template <detail::byte_container Container,
              typename Token = io::default_completion_token_t<executor_type>>
    auto read(Container& to, Token&& token = io::default_completion_token_t<executor_type>()) {
        return io::async_initiate<Token, void(error_code, opcode)>(
            [](auto&& handler, const std::shared_ptr<engine_type>& engine, Container* into) {
                engine->start_read(std::forward<decltype(handler)>(handler),
                                   detail::copied_to<Container>{into}, false);
            },
            token, engine_, &to);
    }

    /// Stops reading from the transport and completing reads, until `resume_reading`. Closing goes
    /// on meanwhile.
    void pause_reading() { engine_->pause(true); }
    void resume_reading() { engine_->pause(false); }
    [[nodiscard]] bool reading_paused() const noexcept { return engine_->paused(); }

    // --- Sending. What is sent in one turn leaves in one write.

    /// Queues a text message of valid UTF-8. It may be called at any time, any number of times;
    /// messages leave in that order, behind those that a sender has accepted before. Refused, with
    /// nothing queued: `not_open`, `text_not_utf8`, `message_in_progress` (between fragments),
    /// `output_full`, `out_of_memory`.
    send_result send_text(std::string_view text, compression how = compression::if_agreed) {
        return engine_->send(opcode::text, as_bytes(text), how);
    }
    send_result send_text(std::span<const std::byte> text,
                          compression how = compression::if_agreed) {
        return engine_->send(opcode::text, text, how);
    }
    /// Queues a binary message, as `send_text`.
    send_result send_binary(std::span<const std::byte> payload,
                            compression how = compression::if_agreed) {
        return engine_->send(opcode::binary, payload, how);
    }
    template <detail::byte_range Range>
    send_result send_binary(const Range& payload, compression how = compression::if_agreed) {
        return send_binary(detail::bytes_of(payload), how);
    }
    /// Sends a received message back, or to another stream.
    send_result send(const message& what, compression how = compression::if_agreed) {
        return engine_->send(what.is_text() ? opcode::text : opcode::binary, what.payload, how);
    }
    /// Queues the next fragment of a message, as `connection::send_fragment`.
    send_result send_fragment(opcode kind, std::span<const std::byte> payload, bool last,
                              compression how = compression::if_agreed) {
        return engine_->send_fragment(kind, payload, last, how);
    }

    /// The same as without a token: the message is queued at once. Completes, `void(error_code)`,
    /// when it is worth sending more: at once while no more than `high_water` waits, otherwise when
    /// no more than `low_water` does; or with why it was refused.
    template <typename Token> auto send_text(std::string_view text, Token&& token) {
        return wait_to_send(send_text(text), std::forward<Token>(token));
    }
    template <typename Token>
    auto send_text(std::string_view text, compression how, Token&& token) {
        return wait_to_send(send_text(text, how), std::forward<Token>(token));
    }
    template <typename Token> auto send_binary(std::span<const std::byte> bytes, Token&& token) {
        return wait_to_send(send_binary(bytes), std::forward<Token>(token));
    }
    template <typename Token>
    auto send_binary(std::span<const std::byte> bytes, compression how, Token&& token) {
        return wait_to_send(send_binary(bytes, how), std::forward<Token>(token));
    }
    template <detail::byte_range Range, typename Token>
    requires(!std::is_convertible_v<Token, compression>) auto send_binary(const Range& bytes,
                                                                          Token&& token) {
        return wait_to_send(send_binary(bytes), std::forward<Token>(token));
    }
    template <detail::byte_range Range, typename Token>
    auto send_binary(const Range& bytes, compression how, Token&& token) {
        return wait_to_send(send_binary(bytes, how), std::forward<Token>(token));
    }
    template <typename Token> auto send(const message& what, Token&& token) {
        return wait_to_send(send(what), std::forward<Token>(token));
    }
    template <typename Token> auto send(const message& what, compression how, Token&& token) {
        return wait_to_send(send(what, how), std::forward<Token>(token));
    }

    /// Bytes that wait to be written, headers of frames included.
    [[nodiscard]] std::size_t buffered_amount() const noexcept { return engine_->buffered(); }

    /// Completes, `void(error_code)`, when no more than `low_water` waits to be written.
    template <typename Token = io::default_completion_token_t<executor_type>>
    auto drain(Token&& token = io::default_completion_token_t<executor_type>()) {
        return io::async_initiate<Token, void(error_code)>(
            [](auto&& handler, const std::shared_ptr<engine_type>& engine) {
                engine->start_drain(std::forward<decltype(handler)>(handler));
            },
            token, engine_);
    }

    /// Queues a Ping with at most 125 bytes of payload. Refused: `not_open`,
    /// `control_payload_too_long`, `output_full`, `out_of_memory`.
    errc ping(std::span<const std::byte> payload = {}) { return engine_->send_ping(payload); }
    /// Queues a Pong that answers no Ping, or the one that `options::auto_pong` left to you.
    errc pong(std::span<const std::byte> payload = {}) { return engine_->send_pong(payload); }

    /// Sends a Ping and completes with the time until its Pong,
    /// `void(error_code, std::chrono::nanoseconds)`. Who asks while one is under way waits for the
    /// same Pong. It has no time limit of its own. The Pong stands behind what the peer sent before
    /// it: while a message waits for a read to be started, or reading is paused, it is not read,
    /// and this does not complete.
    template <typename Token>
    requires(!std::is_convertible_v<Token, std::span<const std::byte>>) auto ping(Token&& token) {
        return io::async_initiate<Token, void(error_code, std::chrono::nanoseconds)>(
            [](auto&& handler, const std::shared_ptr<engine_type>& engine) {
                engine->start_ping(std::forward<decltype(handler)>(handler));
            },
            token, engine_);
    }

    /// Messages from other threads.
    [[nodiscard]] sender get_sender() const { return sender(engine_->get_mailbox()); }

    // --- Closing

    /// Starts the closing handshake (RFC 6455 7.1.2), behind what was sent before, by senders as
    /// well. All that waits has to leave, and the peer to answer, within `timeouts::close`: what
    /// has not left by then is lost, so `drain` comes before this on a slow link. What arrives from
    /// here on is thrown away. Legal in any state: it does nothing when the stream is closing
    /// already, and drops the transport when it has not opened yet.
    /// Refused: `close_code_not_sendable`, `close_reason_too_long`, `close_reason_not_utf8`,
    /// `out_of_memory`.
    errc close(close_code code = close_code::normal, std::string_view reason = {}) {
        return engine_->close(code, reason);
    }
    /// The same, and completes when the connection has ended, `void(error_code, close_info)`. The
    /// error says why closing was refused.
    template <typename Token> auto close(close_code code, std::string_view reason, Token&& token) {
        return wait_for_end(close(code, reason), std::forward<Token>(token));
    }
    /// The same with 1000 and no reason.
    template <typename Token>
    requires(!std::is_convertible_v<Token, close_code>) auto close(Token&& token) {
        return wait_for_end(close(), std::forward<Token>(token));
    }

    /// Completes when the connection has ended and the transport is closed,
    /// `void(error_code, close_info)`: at once when it has. The error is set when the wait was
    /// cancelled, and only then; what ended the connection stands in `close_info`.
    template <typename Token = io::default_completion_token_t<executor_type>>
    auto closed(Token&& token = io::default_completion_token_t<executor_type>()) {
        return wait_for_end(errc::success, std::forward<Token>(token));
    }

    /// Drops the transport here and now.
    void abort() { engine_->abort(); }

    /// The extension: whether it is active, and what was negotiated.
    [[nodiscard]] const Extension& extension() const noexcept { return engine_->extension(); }

    /// True while messages can be sent.
    [[nodiscard]] bool is_open() const noexcept { return engine_->is_open(); }
    /// How the connection ended. Valid once a read has failed, or `closed` has completed.
    [[nodiscard]] const close_info& close_result() const noexcept { return engine_->info(); }

protected:
    explicit stream(std::shared_ptr<engine_type> engine) noexcept : engine_(std::move(engine)) {}

    [[nodiscard]] static std::span<const std::byte> as_bytes(std::string_view text) noexcept {
        return std::as_bytes(std::span(text.data(), text.size()));
    }

    std::shared_ptr<engine_type> engine_;

private:
    void leave() {
        if (const std::shared_ptr<engine_type> engine = std::move(engine_)) engine->abandon();
    }

    template <typename Token> auto wait_to_send(send_result result, Token&& token) {
        return io::async_initiate<Token, void(error_code)>(
            [](auto&& handler, const std::shared_ptr<engine_type>& engine, send_result sent) {
                engine->start_send(std::forward<decltype(handler)>(handler), sent);
            },
            token, engine_, result);
    }

    template <typename Token> auto wait_for_end(errc refused, Token&& token) {
        return io::async_initiate<Token, void(error_code, close_info)>(
            [](auto&& handler, const std::shared_ptr<engine_type>& engine, errc error) {
                engine->start_closed(std::forward<decltype(handler)>(handler), error);
            },
            token, engine_, refused);
    }
};

} // namespace framewire::net

#endif
