// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A device in memory for the Qt adapter, a plain QIODevice or a QAbstractSocket. The other end is
// the test itself. Reads, writes and disconnecting are counted, and one of them can go wrong.

#ifndef FRAMEWIRE_TESTS_QT_FAULTY_DEVICE_HPP
#define FRAMEWIRE_TESTS_QT_FAULTY_DEVICE_HPP

#include <QAbstractSocket>
#include <QIODevice>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace framewire::test {

/// What an operation does instead of what it should.
enum class device_fault {
    fails,        ///< It fails, and so do all behind it.
    fails_once,   ///< It fails, with no more said about it.
    takes_little, ///< One byte is read or written: nothing that anybody should notice.
    takes_none,   ///< The same with no byte.
    tells_in_it,  ///< It tells of bytes that are there, and of bytes written, before it returns.
    ends_in_it,   ///< It fails, and the end of the connection is told before it returns.
    ends_with_it, ///< The end is told before it returns, but it did what it should.
    is_reset,     ///< The same as a socket tells of a reset: an error, and bytes are lost.
    closes_in_it, ///< Somebody closes the device in a handler of its signals.
};

/// The two directions of a connection, which outlive the device.
struct device_wire {
    static constexpr std::size_t never = static_cast<std::size_t>(-1);

    std::size_t failing = never; ///< The operation that goes wrong, counted from 0.
    device_fault fault = device_fault::fails;

    std::size_t operations = 0; ///< So far.
    int alive = 0;              ///< Devices.
    std::string inbound;        ///< To be read by the code under test.
    std::string unsent;         ///< Written by it, still in the device.
    bool ended = false;         ///< The peer has; or both ways, for a socket.
    bool broken = false;        ///< Nothing works any more.
    QIODevice* device = nullptr;

    [[nodiscard]] bool failed() const { return operations > failing; }
};

template <class Base> class faulty_device : public Base {
    static constexpr bool is_socket = std::is_base_of_v<QAbstractSocket, Base>;

public:
    template <class... Args> explicit faulty_device(device_wire& wire, Args... args)
        : Base(args...), wire_(wire) {
        ++wire_.alive;
        wire_.device = this;
        if constexpr (is_socket) this->setSocketState(QAbstractSocket::ConnectedState);
        this->setOpenMode(QIODevice::ReadWrite | QIODevice::Unbuffered);
    }
    ~faulty_device() override {
        --wire_.alive;
        wire_.device = nullptr;
    }

    // --- What the test does, as the peer

    void deliver(std::string_view bytes) {
        wire_.inbound += bytes;
        tell_readable();
    }
    /// Tells of bytes that a read has left, and of room that a write has not found: what an event
    /// loop does in the end.
    void tell_rest() {
        if (!wire_.inbound.empty() && std::exchange(later_, false)) tell_readable();
        if (wire_.device == this && std::exchange(refused_, false)) emit this->bytesWritten(0);
    }
    /// Takes what was written.
    [[nodiscard]] std::string take() {
        std::string taken = std::exchange(wire_.unsent, {});
        if (!taken.empty() && !wire_.broken) {
            emit this->bytesWritten(static_cast<qint64>(taken.size()));
            if (disconnecting_) end();
        }
        return taken;
    }
    void end() {
        if (std::exchange(wire_.ended, true)) return;
        if constexpr (is_socket) {
            this->setSocketError(QAbstractSocket::RemoteHostClosedError);
            emit this->errorOccurred(QAbstractSocket::RemoteHostClosedError);
            tell_disconnected();
        } else {
            emit this->readChannelFinished();
        }
    }

    // --- QIODevice

    [[nodiscard]] bool isSequential() const override { return true; }
    [[nodiscard]] qint64 bytesAvailable() const override {
        return QIODevice::bytesAvailable() + static_cast<qint64>(wire_.inbound.size());
    }
    [[nodiscard]] qint64 bytesToWrite() const override {
        return static_cast<qint64>(wire_.unsent.size());
    }

protected:
    qint64 readData(char* data, qint64 most) override {
        return operate([&] {
            if (wire_.inbound.empty()) return wire_.ended ? qint64{-1} : qint64{0};
            const std::size_t size = std::min(most_of(most), wire_.inbound.size());
            std::memcpy(data, wire_.inbound.data(), size);
            wire_.inbound.erase(0, size);
            later_ = !wire_.inbound.empty();
            return static_cast<qint64>(size);
        });
    }
    qint64 writeData(const char* data, qint64 most) override {
        return operate([&] {
            if (is_socket && wire_.ended) return qint64{-1};
            const std::size_t size = most_of(most);
            wire_.unsent.append(data, size);
            refused_ = static_cast<qint64>(size) < most;
            return static_cast<qint64>(size);
        });
    }

    [[nodiscard]] bool goes_wrong() {
        const std::size_t now = wire_.operations++;
        wrong_ = now == wire_.failing;
        return wrong_;
    }
    // \returns false when the operation fails.
    bool before_fault() {
        switch (wire_.fault) {
        case device_fault::fails: wire_.broken = true; return false;
        case device_fault::fails_once: return false;
        case device_fault::ends_in_it: end(); return false;
        case device_fault::closes_in_it: this->close(); return false;
        case device_fault::is_reset: break_off(); return false;
        default: return true;
        }
    }
    void after_fault() {
        if (wire_.fault == device_fault::ends_with_it) end();
        if (wire_.fault == device_fault::tells_in_it) {
            emit this->bytesWritten(1);
            tell_readable();
        }
    }
    void tell_disconnected() requires(is_socket) {
        this->setSocketState(QAbstractSocket::UnconnectedState);
        emit static_cast<QAbstractSocket*>(this)->disconnected();
    }

    device_wire& wire_;
    bool disconnecting_ = false;

private:
    void tell_readable() {
        later_ = false;
        emit this->channelReadyRead(0);
        if (wire_.device == this) emit this->readyRead();
    }
    void break_off() {
        wire_.inbound.clear();
        wire_.broken = true;
        wire_.ended = true;
        if constexpr (is_socket) {
            this->setSocketError(QAbstractSocket::NetworkError);
            this->setErrorString(QStringLiteral("reset"));
            emit this->errorOccurred(QAbstractSocket::NetworkError);
            tell_disconnected();
        } else {
            emit this->readChannelFinished();
        }
    }
    template <class Act> qint64 operate(Act act) {
        const bool wrong = goes_wrong();
        if (wrong && !before_fault()) return -1;
        if (wire_.broken || !this->isOpen()) return -1;
        const qint64 result = act();
        if (wrong) after_fault();
        return result;
    }
    [[nodiscard]] std::size_t most_of(qint64 most) const {
        if (wrong_ && wire_.fault == device_fault::takes_none) return 0;
        if (wrong_ && wire_.fault == device_fault::takes_little) most = std::min<qint64>(most, 1);
        return static_cast<std::size_t>(most);
    }

    bool later_ = false;   // there is more to read
    bool refused_ = false; // some of what was to be written
    bool wrong_ = false;   // this operation
};

using faulty_plain_device = faulty_device<QIODevice>;

class faulty_socket final : public faulty_device<QAbstractSocket> {
public:
    explicit faulty_socket(device_wire& wire)
        : faulty_device(wire, QAbstractSocket::TcpSocket, nullptr) {}

    void disconnectFromHost() override {
        if (this->isOpen() && goes_wrong() && !before_fault()) return;
        if (this->state() == QAbstractSocket::UnconnectedState) return;
        disconnecting_ = true;
        // What is left to be written goes first, unless the socket was closed.
        if (this->isOpen() && bytesToWrite() != 0) return;
        wire_.ended = true;
        tell_disconnected();
    }
};

} // namespace framewire::test

#endif
