// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What an engine sends, on its way to the transport: the head of the opening handshake, and the
// frames behind it.

#ifndef FRAMEWIRE_QT_DETAIL_OUTGOING_HPP
#define FRAMEWIRE_QT_DETAIL_OUTGOING_HPP

#include <framewire/qt/detail/lifetime.hpp>
#include <framewire/qt/detail/transport.hpp>

#include <QByteArray>

#include <cstddef>
#include <span>
#include <utility>

namespace framewire::qt::detail {

class outgoing : public lifetime {
public:
    [[nodiscard]] qint64 buffered_amount() const noexcept {
        if (transport_.device() == nullptr) return 0;
        return static_cast<qint64>(output().size()) + transport_.holds();
    }

protected:
    // Frames, as one run of bytes.
    [[nodiscard]] virtual std::span<const std::byte> output() const noexcept = 0;
    virtual void consume_output(std::size_t size) noexcept = 0;
    // The transport takes nothing any more.
    virtual void write_failed() = 0;

    // What goes ahead of all frames. A guard of the caller keeps this alive, here and below.
    void send_head(const QByteArray& text) {
        head_ = text;
        flush_head();
    }

    // True when nothing waits in Qt, so that bytes may be handed to the system past it.
    [[nodiscard]] bool can_write_now() const noexcept {
        return head_.isEmpty() && transport_.can_write_now();
    }
    [[nodiscard]] std::size_t write_now(std::span<const std::byte> first,
                                        std::span<const std::byte> second) noexcept {
        const std::size_t size = transport_.write_now(first, second);
        if (size != 0) wrote_ = true; // told from the event loop
        return size;
    }

    void flush_head() {
        if (head_.isEmpty() || phase_ == phase::ended || std::exchange(writing_, true)) return;
        while (!head_.isEmpty()) {
            const qint64 count = noted(transport_.write(std::as_bytes(std::span(head_))));
            if (count == 0 || phase_ == phase::ended) break;
            if (count > 0 && count < head_.size()) {
                head_.remove(0, static_cast<qsizetype>(count));
            } else {
                head_ = QByteArray();
            }
        }
        writing_ = false;
    }

    void flush() {
        // A device may tell of what it has written before its write returns.
        if (!head_.isEmpty() || std::exchange(writing_, true)) return;
        flush_output();
        writing_ = false;
    }

    // True when all is with the transport.
    [[nodiscard]] bool is_flushed() const noexcept { return output().empty() && head_.isEmpty(); }

    // Something was written, says the transport.
    void note_written() noexcept { wrote_ = true; }
    // Whether something was, since this was asked last.
    [[nodiscard]] bool take_written() noexcept { return std::exchange(wrote_, false); }
    // Whether something had to wait, and nothing does any more; once.
    [[nodiscard]] bool take_drained() noexcept {
        if (!blocked_ || transport_.holds() > 0) return false;
        blocked_ = false;
        return true;
    }

    transport transport_;

private:
    void flush_output() {
        // All in one go where Qt need not see it: what the system does not take is for Qt to wait
        // with, which keeps a copy, so that it gets a piece at a time.
        if (!output().empty() && can_write_now()) consume_output(write_now(output(), {}));
        while (!output().empty()) {
            const qint64 count = noted(transport_.write_some(output()));
            if (phase_ != phase::open) return;
            if (count < 0) return consume_output(output().size());
            consume_output(static_cast<std::size_t>(count));
            if (count == 0) break;
            wrote_ = true;
        }
        if (!output().empty() || transport_.holds() > 0) blocked_ = true;
    }

    [[nodiscard]] qint64 noted(qint64 written) {
        if (written < 0 && phase_ != phase::ended) write_failed();
        return written;
    }

    QByteArray head_; // what is still to be written of it
    bool writing_ = false;
    bool wrote_ = false; // and has not told
    bool blocked_ = false;
};

} // namespace framewire::qt::detail

#endif
