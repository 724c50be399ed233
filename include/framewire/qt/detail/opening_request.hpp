// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// From a QUrl and client_options to the request of the opening handshake.

#ifndef FRAMEWIRE_QT_DETAIL_OPENING_REQUEST_HPP
#define FRAMEWIRE_QT_DETAIL_OPENING_REQUEST_HPP

#include <framewire/detail/ascii.hpp>
#include <framewire/handshake/client.hpp>
#include <framewire/qt/client_options.hpp>
#include <framewire/qt/detail/thread_state.hpp>

#include <QByteArray>
#include <QList>
#include <QString>
#include <QUrl>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace framewire::qt::detail {

[[nodiscard]] inline std::string_view view_of(const QByteArray& bytes) noexcept {
    return {bytes.constData(), static_cast<std::size_t>(bytes.size())};
}

[[nodiscard]] inline QByteArray bytes_of(std::string_view text) {
    return QByteArray(text.data(), static_cast<qsizetype>(text.size()));
}

// Fields in the core's words: views of the list.
[[nodiscard]] inline std::vector<http_field> fields_of(const header_list& headers) {
    std::vector<http_field> fields;
    for (const auto& [name, value] : headers)
        fields.push_back({view_of(name), view_of(value)});
    return fields;
}

// Has `write` fill a text of just the size it takes.
template <typename Write> [[nodiscard]] errc write_head(QByteArray& text, Write write) {
    written result = write(std::span<char>{});
    if (result.error != errc::buffer_too_small) return result.error;
    text.resize(static_cast<qsizetype>(result.needed));
    result = write(std::span(text.data(), result.needed));
    return result.error;
}

class opening_request {
public:
    bool secure = false;
    QString host; // to look up
    quint16 port = 0;
    QByteArray text; // what to send
    std::array<std::byte, 16> nonce{};
    std::unique_ptr<qt::extension> extension; // the one that is offered

    opening_request() = default;
    opening_request(const opening_request&) = delete; // the parts are views
    opening_request& operator=(const opening_request&) = delete;

    // Fills everything in. The scheme does not matter over a device that is connected already.
    errc prepare(const QUrl& url, const client_options& options, bool any_scheme) {
        host = url.host();
        port = static_cast<quint16>(url.port(0));
        if (!url.isValid()) return errc::invalid_uri;
        secure = url.scheme() == QLatin1String("wss");
        if (!secure && !any_scheme && url.scheme() != QLatin1String("ws")) {
            return errc::uri_scheme_not_websocket;
        }
        if (url.hasFragment()) return errc::uri_has_fragment; // RFC 6455 3
        if (host.isEmpty() || url.port() == 0) return errc::invalid_host;
        const quint16 usual = secure ? 443 : 80;
        if (port == 0) port = usual;
        set_host_field(url, port == usual);
        set_target(url);
        headers_ = options.headers;
        if (const errc error = add_authorization(url); error != errc::success) return error;
        fields_ = fields_of(headers_);
        for (const QString& name : options.subprotocols)
            subprotocols_ += name.toUtf8();
        for (const QByteArray& name : subprotocols_)
            subprotocol_views_.push_back(view_of(name));
        origin_ = options.origin;
        if (const errc error = offer(options); error != errc::success) return error;
        nonce = random_bytes<16>();
        return write();
    }

    // Views of this object.
    [[nodiscard]] client_request parts() const noexcept {
        client_request result;
        result.host = view_of(host_field_);
        result.target = view_of(target_);
        result.origin = view_of(origin_);
        result.subprotocols = subprotocol_views_;
        result.extensions = view_of(offer_);
        result.fields = fields_;
        return result;
    }

    // For people: "example.org:8080".
    [[nodiscard]] QString endpoint() const {
        const QString shown =
            host.contains(QLatin1Char(':')) ? QLatin1Char('[') + host + QLatin1Char(']') : host;
        return shown + QLatin1Char(':') + QString::number(port);
    }

private:
    void set_host_field(const QUrl& url, bool usual_port) {
        host_field_ = url.host(QUrl::FullyEncoded).toLatin1(); // IDNA
        if (host_field_.contains(':')) {
            // RFC 6874: the zone of a link-local address means nothing to the peer.
            const qsizetype zone = host_field_.indexOf('%');
            if (zone >= 0) host_field_.truncate(zone);
            host_field_ = '[' + host_field_ + ']';
        }
        if (!usual_port) host_field_ += ':' + QByteArray::number(port);
    }

    // QUrl lets a few characters pass that RFC 3986 wants to be percent-encoded.
    void set_target(const QUrl& url) {
        QByteArray raw = url.path(QUrl::FullyEncoded).toLatin1();
        if (url.hasQuery()) raw += '?' + url.query(QUrl::FullyEncoded).toLatin1();
        constexpr std::string_view more = "/?:@%";
        for (const char c : std::as_const(raw)) {
            if (framewire::detail::is_uri_char(c) || more.find(c) != std::string_view::npos) {
                target_ += c;
            } else {
                target_ += '%' + QByteArray(1, c).toHex().toUpper();
            }
        }
    }

    // RFC 7617 2: Basic, in UTF-8; the name cannot have a colon.
    errc add_authorization(const QUrl& url) {
        if (url.userInfo().isEmpty() || !find_header(headers_, "Authorization").isNull()) {
            return errc::success;
        }
        const QString name = url.userName(QUrl::FullyDecoded);
        if (name.contains(QLatin1Char(':'))) return errc::uri_has_userinfo;
        const QString both = name + QLatin1Char(':') + url.password(QUrl::FullyDecoded);
        headers_.emplace_back("Authorization", "Basic " + both.toUtf8().toBase64());
        return errc::success;
    }

    errc offer(const client_options& options) {
        if (options.extension == nullptr) return errc::success;
        extension = options.extension->make();
        return write_head(offer_,
                          [this](std::span<char> out) { return extension->write_offer(out); });
    }

    errc write() {
        // No head storage: this one only writes.
        const client_handshake writer(parts(), std::span<const std::byte, 16>(nonce), {});
        return write_head(text, [&](std::span<char> out) { return writer.write_request(out); });
    }

    QByteArray host_field_;
    QByteArray target_;
    QByteArray origin_;
    header_list headers_;
    std::vector<http_field> fields_;
    QList<QByteArray> subprotocols_;
    std::vector<std::string_view> subprotocol_views_;
    QByteArray offer_; // of the extension
};

} // namespace framewire::qt::detail

#endif
