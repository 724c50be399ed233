// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The part of an engine that knows its role: events of the connection to handlers, calls to frames.

#ifndef FRAMEWIRE_QT_DETAIL_PROTOCOL_ENGINE_HPP
#define FRAMEWIRE_QT_DETAIL_PROTOCOL_ENGINE_HPP

#include <framewire/connection.hpp>
#include <framewire/detail/frame_queue.hpp>
#include <framewire/detail/spare_output.hpp>
#include <framewire/options.hpp>
#include <framewire/prepared_message.hpp>
#include <framewire/qt/detail/any_extension.hpp>
#include <framewire/qt/detail/engine.hpp>

#include <QByteArrayView>
#include <QString>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace framewire::qt::detail {

template <role Role> class protocol_engine : public engine {
public:
    explicit protocol_engine(const framewire::limits& bounds) requires(Role == role::server)
        : connection_(bounds) {}
    explicit protocol_engine(const framewire::limits& bounds) requires(Role == role::client)
        : connection_(thread_masking_keys(), bounds) {}

    errc send(opcode kind, std::span<const std::byte> bytes, compression how) override {
        if (!ready_to_send()) return errc::not_open;
        if constexpr (Role == role::server) {
            // An answer waits for what else has come to be answered, so that all leaves together.
            if (bytes.size() >= framewire::detail::large_payload && !more_follows_ &&
                can_write_now()) {
                const auto write = [this](auto output, auto payload) {
                    return write_now(output, payload);
                };
                return connection_.send_through(kind, bytes, write, how);
            }
        }
        return kind == opcode::text ? connection_.send_text(bytes, how)
                                    : connection_.send_binary(bytes, how);
    }
    errc send(const prepared_message& message, compression how) override {
        if (!ready_to_send()) return errc::not_open;
        if constexpr (Role == role::server) {
            if (message.payload().size() >= framewire::detail::large_payload && !more_follows_ &&
                can_write_now()) {
                const auto write = [this](auto output, auto frame) {
                    return write_now(output, frame);
                };
                return connection_.send_through(message, write, how);
            }
        }
        return connection_.send(message, how);
    }
    errc send_fragment(opcode kind, std::span<const std::byte> bytes, bool last,
                       compression how) override {
        if (!ready_to_send()) return errc::not_open;
        return connection_.send_fragment(kind, bytes, last, how);
    }
    errc ping(std::span<const std::byte> payload) override {
        return ready_to_send() ? connection_.ping(payload) : errc::not_open;
    }
    errc pong(std::span<const std::byte> payload) override {
        return ready_to_send() ? connection_.pong(payload) : errc::not_open;
    }

protected:
    // Before the session is open. A connection looks at its extension when it is made.
    void run(std::unique_ptr<extension> agreed, const framewire::limits& bounds) {
        if constexpr (Role == role::client) {
            connection_ = wire(thread_masking_keys(), bounds, any_extension(std::move(agreed)));
        } else {
            connection_ = wire(bounds, any_extension(std::move(agreed)));
        }
    }
    // Null when there is none.
    [[nodiscard]] const extension* agreed() noexcept { return connection_.extension().get(); }

    void take_input(std::span<std::byte>& in) override {
        while (phase_ == phase::open && !paused_ && !budget_.is_spent()) {
            const framewire::event e = connection_.next(in);
            if (e.kind == event_kind::need_data) break;
            more_follows_ = !in.empty();
            const std::size_t size = e.payload.size();
            tell(e);
            budget_.spend(size);
        }
        more_follows_ = false;
    }

    void take_eof() override {
        connection_.receive_eof();
        std::span<std::byte> nothing;
        for (;;) {
            const framewire::event e = connection_.next(nothing);
            if (e.kind == event_kind::need_data) return;
            tell(e);
        }
    }

    errc start_closing(close_code code, std::string_view reason) override {
        const bool first = connection_.state() == connection_state::open;
        const errc result = connection_.close(code, reason);
        if (first && result == errc::success) closed_here_ = true;
        return result;
    }
    [[nodiscard]] std::span<const std::byte> output() const noexcept override {
        return connection_.output();
    }
    void consume_output(std::size_t size) noexcept override {
        connection_.consume_output(size);
        framewire::detail::spare_output::leave(connection_);
    }
    [[nodiscard]] bool close_expected() const noexcept override {
        return connection_.close_expected();
    }
    [[nodiscard]] bool should_shut_down() const noexcept override {
        return connection_.should_shut_down();
    }
    void release_memory() noexcept override { connection_.release_memory(); }

private:
    using wire = connection<Role, options{}, any_extension>;

    // Has it written ahead of what is to be written: when that throws, nothing was sent.
    [[nodiscard]] bool ready_to_send() {
        if (phase_ != phase::open) return false;
        wake();
        framewire::detail::spare_output::take(connection_);
        return true;
    }

    void tell(const framewire::event& e) {
        if (e.kind == event_kind::close) return tell_close(e);
        if (e.kind == event_kind::failed) return tell_failure(e);
        if (handlers_ == nullptr) return;
        if (e.kind == event_kind::text) return handlers_->on_text(e.text());
        const QByteArrayView bytes(e.payload.data(), static_cast<qsizetype>(e.payload.size()));
        if (e.kind == event_kind::binary) return handlers_->on_binary(bytes);
        if (e.kind == event_kind::ping) return handlers_->on_ping(bytes);
        if (const auto round_trip = answered(e.payload)) return handlers_->on_latency(*round_trip);
        handlers_->on_pong(bytes);
    }

    void tell_close(const framewire::event& e) {
        info().code = e.code;
        info().reason = sentence(e.text());
        info().clean = true; // RFC 6455 7.1.4: ours has been sent, or is on its way
        info().by_peer = !closed_here_;
        if (!closed_here_ && handlers_ != nullptr) handlers_->on_closing();
    }

    void tell_failure(const framewire::event& e) {
        info().code = e.code;
        info().error = e.error;
        info().error_text = sentence(message(e.error));
        const QAbstractSocket* const socket = transport_.socket();
        if (e.error != errc::connection_lost || socket == nullptr) return;
        if (socket->error() != QAbstractSocket::RemoteHostClosedError &&
            socket->error() != QAbstractSocket::UnknownSocketError) {
            info().error_text += QStringLiteral(" (") + socket->errorString() + QLatin1Char(')');
        }
    }

    wire connection_;
    bool closed_here_ = false;
    bool more_follows_ = false; // behind the message that is being told
};

} // namespace framewire::qt::detail

#endif
