// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The device of a session, whatever it is: a TCP socket, one behind TLS or a proxy, or no socket at
// all. Which signals it has, what it holds back, what may go past it to the system, and how it
// ends.

#ifndef FRAMEWIRE_QT_DETAIL_TRANSPORT_HPP
#define FRAMEWIRE_QT_DETAIL_TRANSPORT_HPP

#include <framewire/qt/detail/read_ahead.hpp>
#include <framewire/qt/detail/system_socket.hpp>

#include <QAbstractSocket>
#include <QIODevice>
#include <QObject>
#include <QSslSocket>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>

namespace framewire::qt::detail {

class transport {
public:
    void take(std::unique_ptr<QIODevice> device) {
        device_ = std::move(device);
        device_->setParent(nullptr);
        socket_ = qobject_cast<QAbstractSocket*>(device_.get());
        tls_ = qobject_cast<QSslSocket*>(device_.get());
        if (socket_ == nullptr || socket_->state() == QAbstractSocket::ConnectedState)
            bound_read_ahead(*device_);
    }

    // Has `receiver` told that there is something to read, that something was written, and that the
    // transport has ended. TLS has an end of its own, `tls_ended`: a peer may wait for our answer
    // to it before it ends the TCP connection, and nothing else tells of it.
    template <class Readable, class Written, class Ended, class TlsEnded> void
    tell(QObject& receiver, Readable readable, Written written, Ended ended, TlsEnded tls_ended) {
        QIODevice* const d = device_.get();
        if (socket_ != nullptr && tls_ == nullptr) {
            // Unlike readyRead also emitted in an event loop that a handler runs.
            QObject::connect(d, &QIODevice::channelReadyRead, &receiver, readable);
        } else {
            QObject::connect(d, &QIODevice::readyRead, &receiver, readable);
        }
        QObject::connect(d, &QIODevice::bytesWritten, &receiver, written);
        if (socket_ == nullptr) {
            QObject::connect(d, &QIODevice::readChannelFinished, &receiver, ended);
            QObject::connect(d, &QIODevice::aboutToClose, &receiver, ended);
            return;
        }
        QObject::connect(socket_, &QAbstractSocket::disconnected, &receiver, ended);
        if (tls_ == nullptr) return;
        QObject::connect(tls_, &QSslSocket::encryptedBytesWritten, &receiver, written);
        QObject::connect(socket_, &QAbstractSocket::errorOccurred, &receiver,
                         [tls_ended](QAbstractSocket::SocketError error) {
                             if (error == QAbstractSocket::RemoteHostClosedError) tls_ended();
                         });
    }
    void tell_no_more(QObject& receiver) const {
        if (device_ != nullptr) device_->disconnect(&receiver);
    }

    [[nodiscard]] QIODevice* device() const noexcept { return device_.get(); }
    // The same when it is one, else null.
    [[nodiscard]] QAbstractSocket* socket() const noexcept { return socket_; }
    [[nodiscard]] QSslSocket* tls() const noexcept { return tls_; }

    // The device is a TCP socket and nothing but: what it does not hold, the system has. Behind a
    // proxy or TLS Qt may hold more than it says.
    void set_direct(bool yes) noexcept { is_direct_ = yes; }
    [[nodiscard]] bool is_direct() const noexcept { return is_direct_; }

    // --- Writing

    // What the device could not hand to the system yet. A TLS socket counts only what it has not
    // encrypted, and keeps the rest without a bound.
    [[nodiscard]] qint64 holds() const noexcept {
        const qint64 encrypted = tls_ == nullptr ? 0 : tls_->encryptedBytesToWrite();
        return device_->bytesToWrite() + encrypted;
    }

    // All of it is for the device to hold.
    // \returns how much it takes; -1 when it takes nothing any more.
    [[nodiscard]] qint64 write(std::span<const std::byte> bytes) {
        // Qt warns of a write to a socket that it has closed.
        if (socket_ != nullptr && !socket_->isValid()) return -1;
        return device_->write(reinterpret_cast<const char*>(bytes.data()),
                              static_cast<qint64>(bytes.size()));
    }
    // Not more than the device is to hold.
    [[nodiscard]] qint64 write_some(std::span<const std::byte> bytes) {
        const qint64 room = most_held - holds();
        if (room <= 0) return 0;
        return write(bytes.first(std::min(static_cast<std::size_t>(room), bytes.size())));
    }

    // True when nothing waits in Qt, so that bytes may be handed to the system past it.
    [[nodiscard]] bool can_write_now() const noexcept {
        return has_descriptor() && device_->bytesToWrite() == 0;
    }
    // The two one behind the other. \returns how much the system has taken.
    [[nodiscard]] std::size_t write_now(std::span<const std::byte> first,
                                        std::span<const std::byte> second) noexcept {
        return write_both(socket_->socketDescriptor(), first, second);
    }

    // --- Reading

    // \returns how much there was, which an unbuffered socket makes negative at the end.
    [[nodiscard]] qint64 read(std::span<std::byte> room) {
        return device_->read(reinterpret_cast<char*>(room.data()),
                             static_cast<qint64>(room.size()));
    }
    // Unread input would make the system answer with a reset, which can overtake our Close frame.
    // The half-close does better; this is for transports that have none. Takes no memory.
    void discard_input() {
        std::array<std::byte, 16'384> room;
        for (int i = 0; i < 32; ++i) {
            if (read(room) < static_cast<qint64>(room.size())) return;
        }
    }

    // --- The end

    // True when it may be ended without losing anything. Qt writes the rest of a socket before it
    // disconnects, but not when that is done past it.
    [[nodiscard]] bool may_end() const noexcept {
        if (socket_ != nullptr && !has_descriptor()) return true;
        return device_->bytesToWrite() == 0;
    }
    // Ends the direction to the peer, behind what was written. \returns false when that cannot be
    // done by itself.
    [[nodiscard]] bool half_close() noexcept {
        return has_descriptor() && end_writing(socket_->socketDescriptor());
    }
    // Ends both at once.
    void cut() {
        if (socket_ != nullptr) {
            socket_->abort();
        } else if (device_ != nullptr) {
            device_->close();
        }
    }

private:
    static constexpr qint64 most_held = 131'072; // bytes

    // After an error Qt goes on telling the number of a descriptor that it has closed.
    [[nodiscard]] bool has_descriptor() const noexcept { return is_direct_ && socket_->isValid(); }

    std::unique_ptr<QIODevice> device_;
    QAbstractSocket* socket_ = nullptr;
    QSslSocket* tls_ = nullptr;
    bool is_direct_ = false;
};

} // namespace framewire::qt::detail

#endif
