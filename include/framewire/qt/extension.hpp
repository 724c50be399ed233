// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What an extension has to offer so that the sessions of the Qt adapter can run it.

#ifndef FRAMEWIRE_QT_EXTENSION_HPP
#define FRAMEWIRE_QT_EXTENSION_HPP

#include <framewire/error.hpp>
#include <framewire/extension_header.hpp>
#include <framewire/http_head_writer.hpp>
#include <framewire/message_extension.hpp>
#include <framewire/rfc6455.hpp>

#include <cstddef>
#include <memory>
#include <span>

namespace framewire::qt {

/// An extension of one connection, whose messages are known by RSV1: a `message_extension` behind
/// virtual functions.
///
/// `connection` takes its extension as a template argument. Clients and servers of this adapter
/// are plain classes, which are told at run time, by their options, what to negotiate; and whoever
/// includes them needs no library that an extension is made with. A call through a pointer is
/// nothing beside what there is to do for a message, and a session without an extension makes none.
class extension {
public:
    extension() noexcept = default;
    extension(const extension&) = delete;
    extension& operator=(const extension&) = delete;
    virtual ~extension() = default;

    // --- Negotiation

    /// What a client offers: the value of Sec-WebSocket-Extensions, or nothing.
    [[nodiscard]] virtual written write_offer(std::span<char> out) const noexcept = 0;
    /// What a server answers to all that was offered, or nothing. Agrees on nothing, and is called
    /// again, when it says `buffer_too_small`.
    [[nodiscard]] virtual written negotiate(extension_list offers,
                                            std::span<char> answer) noexcept = 0;
    /// Whether a client can live with what the server answered, which may be nothing.
    [[nodiscard]] virtual errc accept_answer(extension_list answers) noexcept = 0;
    /// True when both sides have agreed.
    [[nodiscard]] virtual bool active() const noexcept = 0;
    /// What a server has answered, once more: so nobody has to keep it.
    [[nodiscard]] virtual written write_answer(std::span<char> out) const noexcept = 0;

    // --- Messages, as in `message_extension`

    [[nodiscard]] virtual decoded_payload decode(std::span<const std::byte> payload, bool last,
                                                 extension_output& out) noexcept = 0;
    [[nodiscard]] virtual encoded_payload encode(opcode kind, std::span<const std::byte> payload,
                                                 bool first, bool last,
                                                 extension_output& out) noexcept = 0;
};

/// Makes an extension for each connection anew. Options hold one, and copies of them the same one,
/// perhaps in several threads. `<framewire/qt/deflate.hpp>` has one for compression.
class extension_factory {
public:
    extension_factory() noexcept = default;
    extension_factory(const extension_factory&) = delete;
    extension_factory& operator=(const extension_factory&) = delete;
    virtual ~extension_factory() = default;

    /// Never null.
    [[nodiscard]] virtual std::unique_ptr<extension> make() const = 0;
};

} // namespace framewire::qt

#endif
