// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What an extension has to offer so that `connection` can run it on messages, and `no_extension`.

#ifndef FRAMEWIRE_MESSAGE_EXTENSION_HPP
#define FRAMEWIRE_MESSAGE_EXTENSION_HPP

#include <framewire/detail/byte_buffer.hpp>
#include <framewire/error.hpp>
#include <framewire/extension_header.hpp>
#include <framewire/http_head_writer.hpp>
#include <framewire/rfc6455.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

namespace framewire {

/// Where an extension puts the bytes that it makes: a growing buffer with a limit, so that a small
/// message cannot turn into a large one unseen. Lives for one call.
class extension_output {
public:
    static constexpr auto no_limit = static_cast<std::uint64_t>(-1);

    /// \param limit how many bytes may be added.
    /// \param enough after how many of them `decode` should leave the rest for later.
    explicit extension_output(detail::byte_buffer& buffer, std::uint64_t limit,
                              std::uint64_t enough = no_limit) noexcept
        : buffer_(buffer), room_(limit), until_enough_(enough) {}
    /// \param how what `buffer` is, where that is more than a limit: see `byte_buffer::growth`.
    explicit extension_output(detail::byte_buffer& buffer, std::uint64_t limit,
                              detail::byte_buffer::growth how) noexcept
        : buffer_(buffer), how_(how), room_(limit), until_enough_(no_limit) {}

    /// At least `size` bytes to write to, followed by `commit`; empty when that is over the limit
    /// (see `error`) or there is no memory.
    [[nodiscard]] std::span<std::byte> prepare(std::size_t size) noexcept {
        if (size > room_) {
            error_ = errc::message_too_big;
            return {};
        }
        const bool limited = room_ <= static_cast<std::size_t>(-1) - buffer_.size();
        const std::size_t most = limited ? buffer_.size() + static_cast<std::size_t>(room_) : 0;
        std::byte* const room = buffer_.prepare(size, how_.is_queue ? how_ : most);
        if (room == nullptr) {
            error_ = errc::out_of_memory;
            return {};
        }
        return {room, size};
    }

    /// Takes the first `size` bytes of what `prepare` gave as written.
    void commit(std::size_t size) noexcept {
        buffer_.commit(size);
        room_ -= size;
        until_enough_ -= size < until_enough_ ? size : until_enough_;
    }

    /// Takes the last `size` bytes back that were committed in this call.
    void take_back(std::size_t size) noexcept {
        buffer_.drop_back(size);
        room_ += size;
    }

    /// How many bytes may still be added.
    [[nodiscard]] std::uint64_t room() const noexcept { return room_; }

    /// How many bytes may be added before the rest should wait. It may be passed by a little.
    [[nodiscard]] std::uint64_t until_enough() const noexcept { return until_enough_; }

    /// Why `prepare` gave nothing: `message_too_big` or `out_of_memory`.
    [[nodiscard]] errc error() const noexcept { return error_; }

private:
    detail::byte_buffer& buffer_;
    detail::byte_buffer::growth how_;
    std::uint64_t room_;
    std::uint64_t until_enough_;
    errc error_ = errc::success;
};

/// What `decode` made of a piece of a message.
struct decoded_payload {
    errc error = errc::success;
    /// Bytes of the piece that were taken: all of them, unless the output has enough. The rest then
    /// comes again.
    std::size_t used = 0;
};

/// What `encode` made of a message or fragment.
struct encoded_payload {
    errc error = errc::success;
    std::uint8_t rsv = 0;  ///< Reserved bits for the first frame.
    bool as_it_is = false; ///< The payload goes out as it came; what was written does not.
};

/// An extension that works on the payload of messages (RFC 6455 5.8, 9), as RFC 7692 does.
///
/// Negotiation, during the opening handshake:
///  - client: `write_offer` writes the element for `client_request::extensions`; `accept_answer` is
///    given the element of the server's response and says whether this side can live with it.
///  - server: `accept_offer` is given each offered element of its name in turn and writes the
///    answer for `server_response::extensions`, or returns an error to decline that offer.
/// An extension is made from its `settings`, a plain value, for each connection anew; made without,
/// it takes no part. `active` turns true when the negotiation succeeds. A connection that is given
/// an extension which is not active behaves as if it had none: no bit of `rsv` may be set, and
/// nothing is encoded.
///
/// Messages, on an open connection:
///  - `decode` is given the unmasked payload of a message whose first frame has a bit of `rsv` set,
///    in pieces as they arrive, the last one with `last`, and writes what the message is. When
///    `extension_output::until_enough` is 0, it may leave the rest of a piece for the next call.
///  - `encode` is given a message or one fragment of it and writes what to send, or says that it is
///    to go as it is, which holds for all fragments of a message or for none.
/// Both return `extension_data_invalid`, or `extension_output::error()` where that refuses; neither
/// throws. Messages that come without a bit of `rsv` never reach the extension. When `decode`
/// fails, so does the connection. When `encode` fails, nothing is sent and the connection goes on:
/// the extension has to be in a state in which the peer can decode what it encodes next. So a
/// compressor ends what it makes of each fragment with a flush, and resets its window on a failure.
// clang-format off: version 14 does not know compound requirements
template <class E>
concept message_extension = std::is_nothrow_default_constructible_v<E> &&
    std::is_nothrow_move_constructible_v<E> && std::is_nothrow_move_assignable_v<E> &&
    std::is_nothrow_constructible_v<E, const typename E::settings&> &&
    requires(E& extension, const E& constant, extension_element element, std::span<char> text,
             std::span<const std::byte> payload, bool flag, extension_output& out) {
    // The registered name (RFC 6455 11.4), and the reserved bits that it gives a meaning.
    { E::name } -> std::convertible_to<std::string_view>;
    { E::rsv } -> std::convertible_to<std::uint8_t>;
    { constant.active() }
    noexcept->std::same_as<bool>;
    { constant.write_offer(text) }
    noexcept->std::same_as<written>;
    { extension.accept_offer(element, text) }
    noexcept->std::same_as<written>;
    { extension.accept_answer(element) }
    noexcept->std::same_as<errc>;
    { extension.decode(payload, flag, out) }
    noexcept->std::same_as<decoded_payload>;
    { extension.encode(opcode::text, payload, flag, flag, out) }
    noexcept->std::same_as<encoded_payload>;
};
// clang-format on

/// The absence of an extension: no reserved bit has a meaning, and `connection` holds no code for
/// decoding and encoding.
struct no_extension {
    struct settings {
        friend bool operator==(const settings&, const settings&) = default;
    };

    static constexpr std::string_view name{};
    static constexpr std::uint8_t rsv = 0;

    constexpr no_extension() noexcept = default;
    constexpr explicit no_extension(const settings&) noexcept {}

    [[nodiscard]] constexpr bool active() const noexcept { return false; }
    [[nodiscard]] constexpr written write_offer(std::span<char>) const noexcept { return {}; }
    [[nodiscard]] constexpr written accept_offer(extension_element, std::span<char>) noexcept {
        return {0, errc::extension_not_offered};
    }
    [[nodiscard]] constexpr errc accept_answer(extension_element) noexcept {
        return errc::extension_not_offered;
    }
    [[nodiscard]] constexpr decoded_payload decode(std::span<const std::byte>, bool,
                                                   extension_output&) noexcept {
        return {errc::extension_data_invalid, 0};
    }
    [[nodiscard]] constexpr encoded_payload encode(opcode, std::span<const std::byte>, bool, bool,
                                                   extension_output&) noexcept {
        return {errc::extension_data_invalid, 0};
    }
};

static_assert(message_extension<no_extension>);

/// The server's half of a negotiation: goes through the offers in the client's order of preference
/// and accepts the first that `extension` can serve (RFC 6455 9.1).
/// \returns the size of the answer in `answer`, for `server_response::extensions`; 0 when every
/// offer was declined. `buffer_too_small` is the only error.
template <message_extension Extension> [[nodiscard]] constexpr written
negotiate(Extension& extension, extension_list offers, std::span<char> answer) noexcept {
    for (const extension_element offer : offers) {
        if (offer.name() != Extension::name) continue;
        const written result = extension.accept_offer(offer, answer);
        if (result.error == errc::success || result.error == errc::buffer_too_small) return result;
    }
    return {};
}

/// The client's half: gives `extension` the server's answer, `client_handshake::extensions()`.
/// \returns `success` also when the server left the extension out, which then is not active;
/// `bad_extension_list` when it is there more than once; or why `accept_answer` refused. The client
/// has to end the connection on an error (RFC 6455 9.1).
template <message_extension Extension>
[[nodiscard]] constexpr errc accept_answer(Extension& extension, extension_list answers) noexcept {
    bool seen = false;
    for (const extension_element answer : answers) {
        if (answer.name() != Extension::name) continue;
        if (seen) return errc::bad_extension_list;
        seen = true;
        if (const errc error = extension.accept_answer(answer); error != errc::success)
            return error;
    }
    return errc::success;
}

} // namespace framewire

#endif
