// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Compression for the Qt adapter: permessage-deflate (RFC 7692), to put into the options of a
// client or a server. The only header of the adapter that needs zlib: link framewire::qt_deflate.

#ifndef FRAMEWIRE_QT_DEFLATE_HPP
#define FRAMEWIRE_QT_DEFLATE_HPP

#include <framewire/deflate/parameters.hpp>
#include <framewire/deflate/permessage_deflate.hpp>
#include <framewire/error.hpp>
#include <framewire/extension_header.hpp>
#include <framewire/http_head_writer.hpp>
#include <framewire/message_extension.hpp>
#include <framewire/qt/extension.hpp>
#include <framewire/rfc6455.hpp>

#include <cstddef>
#include <memory>
#include <span>

namespace framewire::qt {

namespace detail {

class deflate_extension final : public extension {
public:
    explicit deflate_extension(const deflate_settings& settings) noexcept : self_(settings) {}

    [[nodiscard]] written write_offer(std::span<char> out) const noexcept override {
        return self_.write_offer(out);
    }
    [[nodiscard]] written negotiate(extension_list offers,
                                    std::span<char> answer) noexcept override {
        return framewire::negotiate(self_, offers, answer);
    }
    [[nodiscard]] errc accept_answer(extension_list answers) noexcept override {
        return framewire::accept_answer(self_, answers);
    }
    [[nodiscard]] bool active() const noexcept override { return self_.active(); }
    [[nodiscard]] written write_answer(std::span<char> out) const noexcept override {
        return write_deflate_parameters(out, self_.parameters(), false);
    }

    [[nodiscard]] decoded_payload decode(std::span<const std::byte> payload, bool last,
                                         extension_output& out) noexcept override {
        return self_.decode(payload, last, out);
    }
    [[nodiscard]] encoded_payload encode(opcode kind, std::span<const std::byte> payload,
                                         bool first, bool last,
                                         extension_output& out) noexcept override {
        return self_.encode(kind, payload, first, last, out);
    }

private:
    permessage_deflate self_;
};

class deflate_factory final : public extension_factory {
public:
    explicit deflate_factory(const deflate_settings& settings) noexcept : settings_(settings) {}

    [[nodiscard]] std::unique_ptr<extension> make() const override {
        return std::make_unique<deflate_extension>(settings_);
    }

private:
    deflate_settings settings_;
};

} // namespace detail

/// Offers or accepts permessage-deflate, for `client_options::extension` and
/// `server_options::extension`. See `permessage_deflate` for what it costs, and for what should be
/// sent with `compression::never`.
///
/// Example:
/// ```
/// framewire::qt::client_options options;
/// options.extension = framewire::qt::deflate();
/// ws.open(QUrl("wss://example.org/chat"), options);
/// ```
[[nodiscard]] inline std::shared_ptr<const extension_factory>
deflate(const deflate_settings& settings = {}) {
    return std::make_shared<const detail::deflate_factory>(settings);
}

} // namespace framewire::qt

#endif
