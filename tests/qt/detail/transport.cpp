// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include <framewire/qt/detail/transport.hpp>

#include "qt/support/faulty_device.hpp"
#include "qt/support/raw.hpp"
#include "support/bytes.hpp"
#include "support/catch.hpp"

#include <QAbstractSocket>
#include <QObject>
#include <QSslSocket>
#include <QTcpSocket>
#include <QUrl>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

using namespace framewire::test;
using framewire::qt::detail::transport;

namespace {

/// A transport over a device in memory, and what it was told.
template <class Device> struct over {
    over() {
        t.take(std::make_unique<Device>(wire));
        t.tell(
            receiver, [this] { ++readable; }, [this] { ++written; }, [this] { ++ended; },
            [this] { ++tls_ended; });
    }
    [[nodiscard]] Device& device() { return *static_cast<Device*>(wire.device); }

    device_wire wire;
    QObject receiver;
    int readable = 0;
    int written = 0;
    int ended = 0;
    int tls_ended = 0;
    transport t; // which goes first
};

} // namespace

TEMPLATE_TEST_CASE("transport: tells of bytes to read, of bytes written and of the end, until it "
                   "is not to any more",
                   "", faulty_plain_device, faulty_socket) {
    over<TestType> one;
    CHECK((one.t.socket() != nullptr) == std::is_base_of_v<QAbstractSocket, TestType>);
    CHECK(one.t.device() == one.wire.device);
    CHECK(one.t.tls() == nullptr);
    one.device().deliver("bytes");
    CHECK(one.readable == 1);
    CHECK(one.t.write(bytes_of("answer")) == 6);
    CHECK(one.device().take() == "answer");
    CHECK(one.written == 1);
    one.device().end();
    CHECK(one.ended == 1);
    CHECK(one.tls_ended == 0);
    one.t.tell_no_more(one.receiver);
    one.device().deliver("more");
    one.t.cut();
    CHECK(one.readable == 1);
    CHECK(one.ended == 1);
}

TEST_CASE("transport: TLS that ends tells so") {
    QObject receiver;
    int ended = 0;
    int tls_ended = 0;
    transport t;
    t.take(std::make_unique<QSslSocket>());
    REQUIRE(t.tls() == t.socket());
    t.tell(
        receiver, [] {}, [] {}, [&] { ++ended; }, [&] { ++tls_ended; });
    emit t.socket()->errorOccurred(QAbstractSocket::NetworkError);
    CHECK(tls_ended == 0);
    emit t.socket()->errorOccurred(QAbstractSocket::RemoteHostClosedError);
    CHECK(tls_ended == 1);
    CHECK(ended == 0);
}

TEST_CASE("transport: a device holds a bounded part of what waits, and a head whole") {
    over<faulty_plain_device> one;
    const std::string much(200'000, 'x');
    CHECK(one.t.may_end());
    CHECK(one.t.write_some(bytes_of(much)) == 131'072);
    CHECK(one.t.holds() == 131'072);
    CHECK(one.t.write_some(bytes_of(much)) == 0);
    CHECK_FALSE(one.t.may_end());
    CHECK(one.t.write(bytes_of(much)) == 200'000);
    CHECK(one.t.holds() == 331'072);
    CHECK(one.device().take().size() == 331'072);
    CHECK(one.t.write_some(bytes_of(much).first(100'000)) == 100'000);
    CHECK(one.t.write_some(bytes_of(much)) == 31'072);
}

TEST_CASE("transport: does not write to a socket that is closed, of which Qt would warn") {
    static int warnings = 0;
    warnings = 0;
    over<faulty_socket> one;
    one.t.cut();
    const QtMessageHandler before = qInstallMessageHandler(
        [](QtMsgType, const QMessageLogContext&, const QString&) { ++warnings; });
    const qint64 all = one.t.write(bytes_of("late"));
    const qint64 some = one.t.write_some(bytes_of("late"));
    qInstallMessageHandler(before);
    CHECK(all == -1);
    CHECK(some == -1);
    CHECK(warnings == 0);
}

TEST_CASE("transport: nothing goes past Qt unless the device is a TCP socket and nothing but") {
    raw_server server;
    const auto connected = [&] {
        auto socket = std::make_unique<QTcpSocket>();
        socket->connectToHost(server.url().host(), static_cast<quint16>(server.url().port()),
                              QIODevice::ReadWrite | QIODevice::Unbuffered);
        REQUIRE(wait_for([&] { return socket->state() == QAbstractSocket::ConnectedState; }));
        REQUIRE(server.wait_for_peer());
        return socket;
    };
    transport t;
    t.take(connected());
    CHECK_FALSE(t.is_direct());
    CHECK_FALSE(t.can_write_now());
    CHECK_FALSE(t.half_close());
    CHECK(t.may_end());
    t.set_direct(true);
    REQUIRE(t.can_write_now());
    CHECK(t.write_now(bytes_of("one, "), bytes_of("two")) == 8);
    CHECK(wait_for([&] { return server.peer->received == "one, two"; }));
    CHECK_FALSE(server.peer->ended);
    CHECK(t.half_close());
    CHECK(wait_for([&] { return server.peer->ended; }));
    t.cut();
    CHECK_FALSE(t.can_write_now());
    CHECK_FALSE(t.half_close());
}

TEST_CASE("transport: throws away what was not read, but not for ever") {
    over<faulty_plain_device> one;
    one.wire.inbound.assign(200'000, 'x');
    one.t.discard_input();
    CHECK(one.wire.inbound.empty());
    one.wire.inbound.assign(10'000'000, 'x');
    one.t.discard_input();
    CHECK(one.wire.inbound.size() > 9'000'000);
    CHECK(one.wire.inbound.size() < 10'000'000);
}
