// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A server's way to an open session: TLS, the request, the decision, the answer.

#ifndef FRAMEWIRE_QT_DETAIL_SERVER_ENGINE_HPP
#define FRAMEWIRE_QT_DETAIL_SERVER_ENGINE_HPP

#include <framewire/handshake/origin.hpp>
#include <framewire/handshake/server.hpp>
#include <framewire/qt/detail/opening_request.hpp>
#include <framewire/qt/detail/protocol_engine.hpp>
#include <framewire/qt/http.hpp>
#include <framewire/qt/server_options.hpp>

#include <QAbstractSocket>
#include <QByteArray>
#include <QNetworkProxy>
#include <QSslError>
#include <QSslSocket>
#include <QString>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace framewire::qt::detail {

class server_engine;

// What a server engine wants of whoever made it, until its session is open.
class server_owner {
public:
    [[nodiscard]] virtual const server_options& options() const noexcept = 0;
    [[nodiscard]] virtual answer decide(const request& from) = 0;
    virtual void opened(server_engine& engine, const request& from) = 0;
    virtual void failed(server_engine& engine, const close_info& info) = 0;

protected:
    ~server_owner() = default;
};

class server_engine final : public protocol_engine<role::server> {
public:
    explicit server_engine(server_owner& owner)
        : protocol_engine(owner.options().limits), owner_(&owner) {}

    // The socket is connected. For TLS, its handshake comes first.
    void start(std::unique_ptr<QIODevice> device, bool secure) {
        take_device(std::move(device));
        start_timer(owner_->options().open_timeout);
        if (!secure) {
            transport_.set_direct(is_plain_tcp());
            phase_ = phase::shaking_hands;
            return;
        }
        phase_ = phase::securing;
        secure_ = true;
        auto* const tls = transport_.tls();
        tls->setSslConfiguration(*owner_->options().tls);
        connect(tls, &QSslSocket::encrypted, this, [this] {
            phase_ = phase::shaking_hands;
            schedule_read();
        });
        connect(tls, &QAbstractSocket::errorOccurred, this, [this] {
            if (phase_ == phase::securing) {
                give_up(transport_errc::tls_failed,
                        QStringLiteral("the TLS handshake with %1 failed: %2")
                            .arg(peer(), transport_.socket()->errorString()));
            }
        });
        tls->startServerEncryption();
    }

    // The device comes from elsewhere, with what was read from it before.
    void adopt(std::unique_ptr<QIODevice> device, const QByteArray& already_read) {
        const auto* const tls = qobject_cast<QSslSocket*>(device.get());
        start(std::move(device), false);
        secure_ = tls != nullptr && tls->isEncrypted();
        leftover_ = already_read;
        schedule_read();
    }

    [[nodiscard]] QByteArray extensions() override {
        QByteArray text;
        if (const extension* const all = agreed(); all != nullptr) {
            (void)write_head(text, [&](std::span<char> out) { return all->write_answer(out); });
        }
        return text;
    }

    // The owner is going away.
    void abandon() noexcept {
        owner_ = nullptr;
        release();
    }

private:
    [[nodiscard]] bool is_plain_tcp() const {
        const QAbstractSocket* const socket = transport_.socket();
        if (socket == nullptr || transport_.tls() != nullptr) return false;
        // A server can listen at a proxy, and hand us a connection from there.
        QNetworkProxy proxy = socket->proxy();
        if (proxy.type() == QNetworkProxy::DefaultProxy) proxy = QNetworkProxy::applicationProxy();
        return proxy.type() == QNetworkProxy::NoProxy ||
               proxy.type() == QNetworkProxy::DefaultProxy;
    }

    struct opening {
        explicit opening(std::size_t size)
            : head(new char[size]), handshake(std::span(head.get(), size)) {}
        std::unique_ptr<char[]> head;
        server_handshake handshake;
    };

    void shake_hands(std::span<std::byte>& in) override {
        if (opening_ == nullptr) {
            opening_ = std::make_unique<opening>(owner_->options().max_head_size);
        }
        const handshake_status status = opening_->handshake.feed(in);
        if (status == handshake_status::complete) return decide();
        if (status == handshake_status::failed) {
            refuse(opening_->handshake.rejection(), opening_->handshake.error());
        }
    }

    void decide() {
        const upgrade_request& asked = opening_->handshake.request();
        const request from = in_qt_types(asked);
        const server_options& options = owner_->options();
        if (!from.origin.isNull() && !options.allow_any_origin && !listed(from.origin, options)) {
            http_rejection rejection;
            rejection.cause = errc::origin_not_allowed;
            return refuse(rejection, errc::origin_not_allowed, QString::fromLatin1(from.origin));
        }
        const answer decision = owner_->decide(from);
        if (owner_ == nullptr || phase_ != phase::shaking_hands) return; // the server has gone
        if (decision.status == 101) return accept(from, decision);
        const std::vector<http_field> fields = fields_of(decision.headers);
        http_rejection rejection;
        rejection.status = decision.status;
        rejection.body = view_of(decision.body);
        rejection.content_type = view_of(decision.content_type);
        rejection.fields = fields;
        refuse(rejection, errc::upgrade_refused);
    }

    void accept(const request& from, const answer& decision) {
        const server_options& options = owner_->options();
        header_list headers;
        if (!options.server_name.isEmpty()) headers.emplace_back("Server", options.server_name);
        headers += options.headers;
        headers += decision.headers;
        const std::vector<http_field> fields = fields_of(headers);
        const QByteArray subprotocol =
            decision.subprotocol ? *decision.subprotocol : choose(from, options);
        const server_handshake& handshake = opening_->handshake;
        std::unique_ptr<extension> chosen;
        QByteArray extensions;
        if (options.extension != nullptr) {
            chosen = options.extension->make();
            const extension_list offers = handshake.request().extensions();
            (void)write_head(extensions,
                             [&](std::span<char> out) { return chosen->negotiate(offers, out); });
        }
        server_response response;
        response.subprotocol = view_of(subprotocol);
        response.extensions = view_of(extensions);
        response.fields = fields;
        QByteArray text;
        const errc error = write_head(
            text, [&](std::span<char> out) { return handshake.write_accept(out, response); });
        if (error != errc::success) {
            // The application asked for what cannot be said: no fault of the client's.
            http_rejection rejection;
            rejection.status = 500;
            return refuse(rejection, error);
        }
        send_head(text);
        if (phase_ != phase::shaking_hands) return; // the device has ended meanwhile
        if (chosen != nullptr && chosen->active()) run(std::move(chosen), options.limits);
        subprotocol_ = subprotocol;
        set_keep_alive(options.keep_alive);
        open(options.close_timeout);
        opening_.reset();
        std::exchange(owner_, nullptr)->opened(*this, from);
    }

    [[nodiscard]] static bool listed(const QByteArray& origin, const server_options& options) {
        const auto same = [&](const QByteArray& entry) {
            return same_origin(view_of(origin), view_of(entry));
        };
        return std::any_of(options.allowed_origins.begin(), options.allowed_origins.end(), same);
    }

    // The first of the client's list that this side speaks, too.
    [[nodiscard]] static QByteArray choose(const request& from, const server_options& options) {
        for (const QString& name : from.subprotocols) {
            if (options.subprotocols.contains(name)) return name.toLatin1();
        }
        return {};
    }

    // Answers, and then waits a little for the client to end the connection: ending it first while
    // bytes are still coming would make the system take the answer back. Nothing of what still
    // comes is looked at.
    void refuse(const http_rejection& rejection, errc why, const QString& particulars = {}) {
        QByteArray text;
        const errc error = write_head(
            text, [&](std::span<char> out) { return framewire::write_reject(out, rejection); });
        if (error != errc::success) {
            http_rejection plain;
            plain.status = 500;
            return refuse(plain, error);
        }
        QString cause = QStringLiteral("refused");
        if (why != errc::upgrade_refused) cause = sentence(message(why));
        if (!particulars.isEmpty()) cause += QStringLiteral(" (%1)").arg(particulars);
        info().error = why;
        info().error_text =
            QStringLiteral("%1: %2 (answered %3)").arg(peer(), cause).arg(rejection.status);
        phase_ = phase::refusing;
        opening_.reset();
        send_head(text);
        if (phase_ == phase::refusing) start_timer(std::chrono::seconds(1));
    }

    [[nodiscard]] request in_qt_types(const upgrade_request& asked) const {
        request from;
        from.target = bytes_of(asked.target);
        from.host = bytes_of(asked.host);
        if (asked.fields.find("Origin")) from.origin = bytes_of(asked.origin);
        if (from.origin.isNull() && asked.fields.find("Origin")) from.origin = "";
        for (const std::string_view name : asked.subprotocols()) {
            from.subprotocols +=
                QString::fromLatin1(name.data(), static_cast<qsizetype>(name.size()));
        }
        for (const http_field field : asked.fields) {
            from.headers.emplace_back(bytes_of(field.name), bytes_of(field.value));
        }
        from.secure = secure_;
        from.device = device();
        if (const QAbstractSocket* const socket = transport_.socket(); socket != nullptr) {
            from.peer_address = socket->peerAddress();
            from.peer_port = socket->peerPort();
        }
        return from;
    }

    [[nodiscard]] QString peer() const {
        // A connection that was reset has no address any more.
        const QAbstractSocket* const socket = transport_.socket();
        if (socket == nullptr || socket->peerAddress().isNull()) return QStringLiteral("a client");
        return socket->peerAddress().toString();
    }

    void lost_while_opening(const QString&) override {
        if (phase_ == phase::refusing) return end();
        give_up(
            errc::connection_lost,
            QStringLiteral("%1 ended the connection before its request was complete").arg(peer()));
    }

    void timed_out_while_opening() override {
        if (phase_ == phase::refusing) return end();
        if (phase_ == phase::securing) {
            return give_up(
                transport_errc::tls_timeout,
                QStringLiteral("%1 did not finish the TLS handshake in time").arg(peer()));
        }
        http_rejection rejection;
        rejection.status = http_status_for(errc::open_timeout);
        rejection.cause = errc::open_timeout;
        refuse(rejection, errc::open_timeout);
    }

    void ended(const close_info& told) override {
        if (owner_ != nullptr) std::exchange(owner_, nullptr)->failed(*this, told);
    }

    server_owner* owner_; // until the session is open or has failed
    std::unique_ptr<opening> opening_;
    bool secure_ = false;
};

} // namespace framewire::qt::detail

#endif
