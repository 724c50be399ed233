// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The extension of an engine's connection: the one that was agreed upon, or none.

#ifndef FRAMEWIRE_QT_DETAIL_ANY_EXTENSION_HPP
#define FRAMEWIRE_QT_DETAIL_ANY_EXTENSION_HPP

#include <framewire/frame_header.hpp>
#include <framewire/message_extension.hpp>
#include <framewire/qt/extension.hpp>
#include <framewire/rfc6455.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace framewire::qt::detail {

// Comes into being after the negotiation, so that it takes no part in one.
class any_extension : public no_extension {
public:
    static constexpr std::uint8_t rsv = rsv1;

    using no_extension::no_extension;
    explicit any_extension(std::unique_ptr<extension> agreed) noexcept
        : agreed_(std::move(agreed)) {}

    [[nodiscard]] bool active() const noexcept { return agreed_ != nullptr; }
    [[nodiscard]] decoded_payload decode(std::span<const std::byte> payload, bool last,
                                         extension_output& out) noexcept {
        return agreed_->decode(payload, last, out);
    }
    [[nodiscard]] encoded_payload encode(opcode kind, std::span<const std::byte> payload,
                                         bool first, bool last, extension_output& out) noexcept {
        return agreed_->encode(kind, payload, first, last, out);
    }

    // Null when there is none.
    [[nodiscard]] const extension* get() const noexcept { return agreed_.get(); }

private:
    std::unique_ptr<extension> agreed_;
};

static_assert(message_extension<any_extension>);

} // namespace framewire::qt::detail

#endif
