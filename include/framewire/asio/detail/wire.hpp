// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What goes over the wire, in the order it goes: the head of the opening handshake, then frames.

#ifndef FRAMEWIRE_ASIO_DETAIL_WIRE_HPP
#define FRAMEWIRE_ASIO_DETAIL_WIRE_HPP

#include <framewire/connection.hpp>
#include <framewire/detail/byte_buffer.hpp>
#include <framewire/detail/spare_output.hpp>
#include <framewire/message_extension.hpp>
#include <framewire/options.hpp>
#include <framewire/rfc6455.hpp>

#include <cstddef>
#include <span>
#include <utility>

namespace framewire::net::detail {

// The keys that a client masks with; a server has none. A client's come with client_engine.hpp:
// what they are made of, <random>, takes a server's translation unit a twentieth of its time.
template <role Role> struct own_keys;
template <> struct own_keys<role::server> {};

// Its owner has the limit of what waits, and counts all of it.
[[nodiscard]] consteval options without_limit(options given) noexcept {
    given.limit_output = false;
    return given;
}

template <role Role, options Options, message_extension Extension> class wire {
    using connection_type = connection<Role, without_limit(Options), Extension>;

public:
    wire(const limits& bounds, Extension&& extension)
        : frames_(make_connection(bounds, std::move(extension))) {}
    wire(const wire&) = delete;
    wire& operator=(const wire&) = delete;
    ~wire() {
        drop_output();
        leave_memory(); // to those that are left
    }

    [[nodiscard]] connection_type& frames() noexcept { return frames_; }
    [[nodiscard]] const connection_type& frames() const noexcept { return frames_; }

    // Written before any frame.
    [[nodiscard]] framewire::detail::byte_buffer& head() noexcept { return head_; }
    [[nodiscard]] bool head_is_written() const noexcept { return head_.empty(); }

    // Before frames are made, and when all is written.
    void take_memory() noexcept { framewire::detail::spare_output::take(frames_); }
    void leave_memory() noexcept { framewire::detail::spare_output::leave(frames_); }

    // The opening handshake has settled whether the extension is active, at which a connection
    // looks when it is made.
    void opened(const limits& bounds) {
        if constexpr (Extension::rsv != 0) {
            frames_ = make_connection(bounds, std::move(frames_.extension()));
        }
    }

    [[nodiscard, gnu::always_inline]] std::size_t size() const noexcept {
        return head_.size() + frames_.output().size();
    }
    [[nodiscard]] std::span<const std::byte> output() const noexcept {
        return head_.empty() ? frames_.output() : head_.bytes();
    }
    void consume_output(std::size_t size) noexcept {
        if (head_.empty()) return frames_.consume_output(size);
        head_.consume(size);
        if (head_.empty()) head_.release();
    }
    // Nothing of it can be written any more.
    void drop_output() noexcept {
        head_.release();
        frames_.consume_output(frames_.output().size());
    }

private:
    [[nodiscard]] connection_type make_connection(const limits& bounds, Extension&& extension) {
        if constexpr (Role == role::client) {
            return connection_type(keys_.source, bounds, std::move(extension));
        } else {
            return connection_type(bounds, std::move(extension));
        }
    }

    framewire::detail::byte_buffer head_;
    [[no_unique_address]] own_keys<Role> keys_;
    [[no_unique_address]] connection_type frames_;
};

} // namespace framewire::net::detail

#endif
