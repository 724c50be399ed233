// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A client's way to an open session: host, TLS, opening handshake, and words for what fails.

#ifndef FRAMEWIRE_QT_DETAIL_CLIENT_ENGINE_HPP
#define FRAMEWIRE_QT_DETAIL_CLIENT_ENGINE_HPP

#include <framewire/detail/http_body.hpp>
#include <framewire/handshake/client.hpp>
#include <framewire/qt/client_options.hpp>
#include <framewire/qt/detail/opening_request.hpp>
#include <framewire/qt/detail/protocol_engine.hpp>
#include <framewire/qt/detail/read_ahead.hpp>

#include <QDeadlineTimer>
#include <QList>
#include <QNetworkProxyFactory>
#include <QSslError>
#include <QSslSocket>
#include <QStringList>
#include <QTcpSocket>
#include <QUrl>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace framewire::qt::detail {

class client_engine final : public protocol_engine<role::client> {
public:
    using tls_errors_handler = callback<void(const QList<QSslError>&)>;

    // The handlers and the response belong to the handle: they are there while handlers_ are.
    client_engine(const client_options& options, callback<void()>& on_opened,
                  tls_errors_handler& on_tls_errors, http_response& response)
        : protocol_engine(options.limits), on_opened_(&on_opened), on_tls_errors_(&on_tls_errors),
          response_(&response), opening_(std::make_unique<opening>(options)) {
        set_keep_alive(options.keep_alive);
    }

    errc start(const QUrl& url, std::unique_ptr<QIODevice> connected) {
        const in_call guard(*this);
        const errc error = opening_->request.prepare(url, opening_->options, connected != nullptr);
        starting_ = true;
        const std::chrono::milliseconds time = opening_->options.timeouts.open;
        if (time.count() > 0) opening_->deadline.setRemainingTime(time);
        if (error != errc::success) {
            const QString shown = url.isValid() ? url.toDisplayString() : QStringLiteral("the URL");
            const QString why =
                url.isValid() || url.isEmpty() ? sentence(message(error)) : url.errorString();
            fail(error, QStringLiteral("cannot open %1: %2").arg(shown, why));
        } else if (connected != nullptr) {
            take_device(std::move(connected));
            begin_handshake();
        } else {
            connect_to_host();
        }
        starting_ = false;
        return error;
    }

    [[nodiscard]] QByteArray extensions() override {
        return agreed() == nullptr ? QByteArray() : chosen_extensions();
    }

private:
    struct opening {
        explicit opening(const client_options& wanted)
            : options(wanted), head(new char[wanted.max_head_size]) {}

        client_options options;
        opening_request request;
        std::unique_ptr<char[]> head;
        std::optional<client_handshake> handshake;
        std::optional<framewire::detail::http_body> body; // of a refusal
        QDeadlineTimer deadline{QDeadlineTimer::Forever};
        std::chrono::milliseconds limit{0}; // what the timer that runs was set for, in all
        QStringList certificate_errors;
        bool answered = false;
    };

    void connect_to_host() {
        const client_options& options = opening_->options;
        const opening_request& request = opening_->request;
        std::unique_ptr<QTcpSocket> made;
        QIODevice::OpenMode mode = QIODevice::ReadWrite;
        if (request.secure) {
            auto tls = std::make_unique<QSslSocket>();
            tls->setSslConfiguration(options.tls);
            connect(tls.get(), &QSslSocket::sslErrors, this,
                    [this](const QList<QSslError>& all) { certificate_doubted(all); });
            connect(tls.get(), &QSslSocket::encrypted, this, [this] {
                bound_read_ahead(*device()); // its handshake has set that of the socket below
                begin_handshake();
            });
            made = std::move(tls);
        } else {
            made = std::make_unique<QTcpSocket>();
        }
        QTcpSocket* const socket = made.get();
        const QNetworkProxy proxy = chosen(options.proxy);
        socket->setProxy(proxy);
        if (!request.secure && proxy.type() == QNetworkProxy::NoProxy) {
            // Reads and writes go straight to the system. Proxies are for Qt's buffers to handle.
            mode |= QIODevice::Unbuffered;
            transport_.set_direct(true);
        }
        connect(socket, &QAbstractSocket::connected, this, [this] { connected(); });
        connect(socket, &QAbstractSocket::errorOccurred, this,
                [this](QAbstractSocket::SocketError error) { socket_failed(error); });
        take_device(std::move(made));
        start_phase(phase::connecting, options.timeouts.connect);
        if (!request.secure) {
            socket->connectToHost(request.host, request.port, mode);
        } else if (QSslSocket::supportsSsl()) {
            // The name goes to the server (SNI) and is what the certificate has to be for.
            static_cast<QSslSocket*>(socket)->connectToHostEncrypted(request.host, request.port);
        } else {
            fail(transport_errc::tls_failed,
                 QStringLiteral("TLS is not available: Qt found no backend for it"));
        }
    }

    void certificate_doubted(const QList<QSslError>& errors) {
        const in_use guard(*this);
        if (opening_->options.ignore_tls_errors_insecurely) {
            transport_.tls()->ignoreSslErrors();
        } else {
            for (const QSslError& e : errors)
                opening_->certificate_errors += e.errorString();
        }
        if (handlers_ != nullptr) (*on_tls_errors_)(errors);
    }

    // What Qt would choose, so that it is asked but once: the system may take its time to tell.
    [[nodiscard]] QNetworkProxy chosen(const QNetworkProxy& wanted) const {
        if (wanted.type() != QNetworkProxy::DefaultProxy) return wanted;
        const QNetworkProxyQuery query(opening_->request.host, opening_->request.port, QString(),
                                       QNetworkProxyQuery::TcpSocket);
        for (const QNetworkProxy& proxy : QNetworkProxyFactory::proxyForQuery(query)) {
            if (proxy.capabilities().testFlag(QNetworkProxy::TunnelingCapability)) return proxy;
        }
        return wanted; // it has words for that
    }

    // No phase may last longer than all of them together.
    void start_phase(phase next, std::chrono::milliseconds most) {
        phase_ = next;
        opening& o = *opening_;
        std::chrono::milliseconds time = most;
        o.limit = most;
        if (!o.deadline.isForever()) {
            const std::chrono::milliseconds left(std::max<qint64>(o.deadline.remainingTime(), 1));
            if (most.count() <= 0 || left < most) {
                time = left;
                o.limit = o.options.timeouts.open;
            }
        }
        start_timer(time);
    }

    void connected() {
        const in_use guard(*this);
        if (phase_ != phase::connecting) return;
        if (!transport_.is_direct()) bound_read_ahead(*device());
        transport_.socket()->setSocketOption(QAbstractSocket::LowDelayOption, 1);
        if (opening_->request.secure) {
            start_phase(phase::securing, opening_->options.timeouts.tls);
        } else {
            begin_handshake();
        }
    }

    void begin_handshake() {
        const in_use guard(*this);
        if (phase_ == phase::ended) return;
        opening& o = *opening_;
        o.handshake.emplace(o.request.parts(), std::span(o.request.nonce),
                            std::span(o.head.get(), o.options.max_head_size));
        start_phase(phase::shaking_hands, o.options.timeouts.handshake);
        send_head(o.request.text);
    }

    void shake_hands(std::span<std::byte>& in) override {
        opening& o = *opening_;
        if (!in.empty()) o.answered = true;
        if (!o.body) {
            const handshake_status status = o.handshake->feed(in);
            if (status == handshake_status::need_data) return;
            note_response();
            if (status == handshake_status::complete) return opened();
            const errc error = o.handshake->error();
            if (error != errc::upgrade_refused) return answer_failed(error);
            o.body.emplace(
                o.handshake->status_code(), o.handshake->fields(),
                static_cast<std::size_t>(std::max<qsizetype>(o.options.max_refusal_body, 0)));
            start_phase(phase::shaking_hands, std::chrono::seconds(2));
        }
        std::span<const std::byte> rest = in;
        in = in.last(0);
        while (!rest.empty() && !o.body->done()) {
            const std::span<const std::byte> piece = o.body->next(rest);
            if (handlers_ != nullptr) {
                response_->body.append(reinterpret_cast<const char*>(piece.data()),
                                       static_cast<qsizetype>(piece.size()));
            }
        }
        if (o.body->done()) refused();
    }

    void opened() {
        const client_handshake& handshake = *opening_->handshake;
        if (std::unique_ptr<extension>& offered = opening_->request.extension; offered != nullptr) {
            const errc error = offered->accept_answer(handshake.extensions());
            // RFC 6455 9.1: what cannot be served ends the connection.
            if (error != errc::success) {
                return answer_failed(error, QString::fromLatin1(chosen_extensions()));
            }
            if (offered->active()) run(std::move(offered), opening_->options.limits);
        }
        const auto name = handshake.subprotocol();
        subprotocol_ = QByteArray(name.data(), static_cast<qsizetype>(name.size()));
        open(opening_->options.timeouts.close);
        opening_.reset();
        if (handlers_ != nullptr) (*on_opened_)();
    }

    void note_response() {
        const client_handshake& handshake = *opening_->handshake;
        if (handlers_ == nullptr || !handshake.has_response()) return;
        response_->status = handshake.status_code();
        response_->reason = bytes_of(handshake.reason());
        for (const http_field field : handshake.fields()) {
            response_->headers.emplace_back(bytes_of(field.name), bytes_of(field.value));
        }
    }

    // As the server wrote them: all lines that there are.
    [[nodiscard]] QByteArray chosen_extensions() const {
        QByteArray all;
        if (handlers_ == nullptr) return all;
        for (const auto& [name, value] : response_->headers) {
            if (name.compare("Sec-WebSocket-Extensions", Qt::CaseInsensitive) != 0) continue;
            if (!all.isEmpty()) all += ", ";
            all += value;
        }
        return all;
    }

    // --- What can go wrong

    void fail(std::error_code error, const QString& text) { give_up(error, text, starting_); }

    void refused() {
        const client_handshake& handshake = *opening_->handshake;
        QString text = QStringLiteral("the server answered %1").arg(handshake.status_code());
        if (!handshake.reason().empty()) {
            const auto reason = handshake.reason();
            text += QLatin1Char(' ') +
                    QString::fromLatin1(reason.data(), static_cast<qsizetype>(reason.size()));
        }
        fail(errc::upgrade_refused, text);
    }

    void answer_failed(errc error, QString particulars = {}) {
        const std::size_t line = opening_->handshake->error_line();
        QString text = QStringLiteral("%1 did not answer as a WebSocket server does: %2")
                           .arg(opening_->request.endpoint(), sentence(message(error)));
        if (line != 0) particulars = QStringLiteral("line %1").arg(line);
        if (!particulars.isEmpty()) text += QStringLiteral(" (%1)").arg(particulars);
        fail(error, text);
    }

    void socket_failed(QAbstractSocket::SocketError error) {
        const in_use guard(*this);
        if (phase_ != phase::connecting && phase_ != phase::securing) return;
        const QString peer = opening_->request.endpoint();
        const QString system = transport_.socket()->errorString();
        const QString plain = QStringLiteral("cannot connect to %1: %2").arg(peer, system);
        switch (error) {
        case QAbstractSocket::ConnectionRefusedError:
            return fail(transport_errc::connection_refused, plain);
        case QAbstractSocket::HostNotFoundError: return fail(transport_errc::host_not_found, plain);
        case QAbstractSocket::SslHandshakeFailedError:
        case QAbstractSocket::SslInternalError:
        case QAbstractSocket::SslInvalidUserDataError: return tls_failed(system);
        case QAbstractSocket::ProxyAuthenticationRequiredError:
        case QAbstractSocket::ProxyConnectionRefusedError:
        case QAbstractSocket::ProxyConnectionClosedError:
        case QAbstractSocket::ProxyConnectionTimeoutError:
        case QAbstractSocket::ProxyNotFoundError:
        case QAbstractSocket::ProxyProtocolError: return fail(transport_errc::proxy_failed, plain);
        case QAbstractSocket::SocketTimeoutError:
            return fail(transport_errc::connect_timeout, plain);
        default: break;
        }
        if (phase_ == phase::securing) return tls_failed(system);
        fail(transport_errc::socket_failed, plain);
    }

    void tls_failed(const QString& system) {
        const QStringList& reasons = opening_->certificate_errors;
        if (reasons.isEmpty()) {
            return fail(transport_errc::tls_failed,
                        QStringLiteral("the TLS handshake with %1 failed: %2")
                            .arg(opening_->request.endpoint(), system));
        }
        fail(transport_errc::tls_failed,
             QStringLiteral("the certificate of %1 was not accepted: %2")
                 .arg(opening_->request.endpoint(), reasons.join(QStringLiteral("; "))));
    }

    void lost_while_opening(const QString& system) override {
        const opening& o = *opening_;
        if (phase_ == phase::securing) return tls_failed(system);
        if (o.body) return refused();
        const auto text =
            o.answered ? QStringLiteral("%1 ended the connection in the middle of its answer")
                       : QStringLiteral("%1 ended the connection without an answer");
        fail(errc::connection_lost, text.arg(o.request.endpoint()));
    }

    void timed_out_while_opening() override {
        const opening& o = *opening_;
        if (o.body) return refused();
        const QString peer = o.request.endpoint();
        const double seconds = static_cast<double>(o.limit.count()) / 1000;
        if (phase_ == phase::connecting) {
            fail(transport_errc::connect_timeout,
                 QStringLiteral("no connection to %1 within %2 s").arg(peer).arg(seconds));
        } else if (phase_ == phase::securing) {
            fail(transport_errc::tls_timeout,
                 QStringLiteral("no TLS connection to %1 within %2 s").arg(peer).arg(seconds));
        } else {
            fail(errc::open_timeout,
                 QStringLiteral("%1 did not finish the opening handshake within %2 s")
                     .arg(peer)
                     .arg(seconds));
        }
    }

    callback<void()>* on_opened_;
    tls_errors_handler* on_tls_errors_;
    http_response* response_;
    std::unique_ptr<opening> opening_; // until the session is open
    bool starting_ = false;
};

} // namespace framewire::qt::detail

#endif
