// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The sending half of a connection: frames in the order they leave, as one run of bytes.

#ifndef FRAMEWIRE_DETAIL_FRAME_QUEUE_HPP
#define FRAMEWIRE_DETAIL_FRAME_QUEUE_HPP

#include <framewire/detail/byte_buffer.hpp>
#include <framewire/detail/bytes.hpp>
#include <framewire/detail/inlining.hpp>
#include <framewire/error.hpp>
#include <framewire/frame_encoder.hpp>
#include <framewire/frame_header.hpp>
#include <framewire/masking.hpp>
#include <framewire/message_extension.hpp>
#include <framewire/rfc6455.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

namespace framewire::detail {

// From so many bytes on it costs more to copy a payload than to write it by itself.
inline constexpr std::size_t large_payload = 16'384;

// Without `Limited` a limit only says how memory grows.
template <role Role, bool Limited = true> class frame_queue {
public:
    static constexpr auto no_limit = static_cast<std::uint64_t>(-1);

    explicit frame_queue(const frame_encoder<Role>& encoder) noexcept : encoder_(encoder) {}

    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return buffer_.bytes(); }

    void consume(std::size_t size) noexcept {
        buffer_.consume(size);
        if (buffer_.size() < tail_pong_) tail_pong_ = 0; // part of it is written: leave it alone
    }

    void release_if_empty() noexcept {
        if (buffer_.empty()) buffer_.release();
    }

    [[nodiscard]] std::size_t capacity() const noexcept { return buffer_.capacity(); }

    // Only while both are empty.
    void swap_memory(byte_buffer& other) noexcept {
        if (buffer_.empty() && other.empty()) std::swap(buffer_, other);
    }

    // Queues a frame; `output_full` when other bytes wait and would then be more than `limit`.
    [[nodiscard]] errc push(std::byte first_octet, std::span<const std::byte> payload,
                            std::uint64_t limit = no_limit) noexcept {
        const frame_room room = prepare(payload.size(), limit);
        if (room.error != errc::success) return room.error;
        const masking_key key = encoder_.next_key();
        const std::size_t size =
            write_prefix(room.bytes, first_octet, payload.size(), Role == role::client, key);
        if constexpr (Role == role::client) {
            mask_copy({room.bytes + size, payload.size()}, payload, key);
        } else {
            copy_bytes(room.bytes + size, payload.data(), payload.size());
        }
        buffer_.commit(size + payload.size());
        tail_pong_ = 0;
        return errc::success;
    }

    // Queues a frame that is one already. Not for clients, whose frames have keys of their own.
    [[nodiscard]] errc push_frame(std::span<const std::byte> frame, std::uint64_t limit) noexcept {
        static_assert(Role == role::server);
        if (!has_room(frame.size(), limit)) return errc::output_full;
        if (!buffer_.append(frame, growth::of_queue(limit))) return errc::out_of_memory;
        tail_pong_ = 0;
        return errc::success;
    }

    // As push, but offers what is queued and the payload behind it to `write`, which takes from the
    // front of the two and tells how much; only the rest is copied. There is memory for all of it
    // before anything is written.
    template <class Write>
    [[nodiscard]] errc push_through(std::byte first_octet, std::span<const std::byte> payload,
                                    std::uint64_t limit, Write&& write) noexcept {
        static_assert(Role == role::server, "what a client sends is masked, and so copied");
        const frame_room room = prepare(payload.size(), limit);
        if (room.error != errc::success) return room.error;
        buffer_.commit(write_prefix(room.bytes, first_octet, payload.size(), false, {}));
        return write_through(payload, write);
    }

    // The same with a frame that is one already.
    template <class Write> [[nodiscard]] errc push_frame_through(std::span<const std::byte> frame,
                                                                 std::uint64_t limit,
                                                                 Write&& write) noexcept {
        static_assert(Role == role::server);
        if (!has_room(frame.size(), limit)) return errc::output_full;
        if (buffer_.prepare(frame.size(), growth::of_queue(limit)) == nullptr)
            return errc::out_of_memory;
        return write_through(frame, write);
    }

    // As push, with a payload that the extension has encoded. It writes to the queue behind room
    // for the longest prefix; the payload then moves down to the end of the prefix, whose length is
    // known only then.
    template <class Extension> [[nodiscard]] errc push_encoded(opcode op, opcode kind, bool fin,
                                                               std::span<const std::byte> payload,
                                                               std::uint64_t limit,
                                                               Extension& extension) noexcept {
        if (!has_room(max_header_size, limit)) return errc::output_full;
        const std::size_t start = buffer_.size();
        const growth how = growth::of_queue(limit);
        if (buffer_.prepare(max_header_size, how) == nullptr) return errc::out_of_memory;
        buffer_.commit(max_header_size);
        const bool any_size = !Limited || start == 0;
        extension_output out(buffer_, any_size ? no_limit : limit - buffer_.size(), how);
        const bool first = op != opcode::continuation;
        const encoded_payload done = extension.encode(kind, payload, first, fin, out);
        if (done.error != errc::success) {
            buffer_.drop_back(buffer_.size() - start);
            return done.error == errc::message_too_big ? errc::output_full : done.error;
        }
        if (done.as_it_is) {
            buffer_.drop_back(buffer_.size() - start);
            return push(first_octet(fin, 0, op), payload, limit);
        }
        const std::span<std::byte> room = buffer_.bytes().subspan(start);
        const std::span<std::byte> body = room.subspan(max_header_size);
        const auto rsv = static_cast<std::uint8_t>(first ? done.rsv & Extension::rsv : 0);
        const masking_key key = encoder_.next_key();
        if constexpr (Role == role::client) mask_in_place(body, key);
        frame_prefix prefix;
        const std::size_t size = write_prefix(prefix.octets.data(), first_octet(fin, rsv, op),
                                              body.size(), Role == role::client, key);
        copy_bytes(room.data(), prefix.octets.data(), size);
        std::memmove(room.data() + size, body.data(), body.size());
        buffer_.drop_back(max_header_size - size);
        tail_pong_ = 0;
        return errc::success;
    }

    // RFC 6455 5.5.3: only the newest Ping need be answered. Every one is, in order, while the
    // reader keeps up; with more than `backlog` bytes queued, a Pong replaces the unsent Pong right
    // before it. `limit` says how the memory grows: it refuses neither a Pong nor a Close.
    [[nodiscard]] errc push_pong(std::span<const std::byte> payload, std::uint64_t backlog,
                                 std::uint64_t limit = no_limit) noexcept {
        if (buffer_.size() > backlog) buffer_.drop_back(std::exchange(tail_pong_, 0));
        if (room_for(payload.size(), limit) == nullptr) return errc::out_of_memory;
        const errc error = push(first_octet(true, 0, opcode::pong), payload);
        if (error == errc::success) {
            tail_pong_ = static_cast<std::uint8_t>(frame_size<Role>(payload.size()));
        }
        return error;
    }

    // `no_status_received` makes an empty Close frame (RFC 6455 5.5.1). The reason has at most
    // max_close_reason bytes.
    [[nodiscard]] FRAMEWIRE_COLD errc push_close(close_code code, std::string_view reason,
                                                 std::uint64_t limit = no_limit) noexcept {
        const bool empty = code == close_code::no_status_received;
        const std::size_t size = empty ? 0 : 2 + reason.size();
        std::byte* const room = room_for(size, limit);
        if (room == nullptr) return errc::out_of_memory;
        const masking_key key = encoder_.next_key();
        const std::size_t prefix = write_prefix(room, first_octet(true, 0, opcode::close), size,
                                                Role == role::client, key);
        std::byte* const body = room + prefix;
        if (!empty) {
            store_big_endian(body, static_cast<std::uint16_t>(code));
            const std::span<const std::byte> text = bytes_of(reason);
            copy_bytes(body + 2, text.data(), text.size());
        }
        if constexpr (Role == role::client) mask_in_place({body, size}, key);
        buffer_.commit(prefix + size);
        tail_pong_ = 0;
        return errc::success;
    }

private:
    using growth = byte_buffer::growth;

    template <class Write>
    [[nodiscard]] errc write_through(std::span<const std::byte> behind, Write& write) noexcept {
        tail_pong_ = 0;
        const std::size_t written = write(std::span<const std::byte>(buffer_.bytes()), behind);
        const std::size_t queued = written < buffer_.size() ? written : buffer_.size();
        buffer_.consume(queued);
        return buffer_.append(behind.subspan(written - queued)) ? errc::success
                                                                : errc::out_of_memory;
    }

    struct frame_room {
        std::byte* bytes = nullptr; // room for the longest prefix and the payload
        errc error = errc::success;
    };
    [[nodiscard]] frame_room prepare(std::size_t payload_size, std::uint64_t limit) noexcept {
        if (!has_room(frame_size<Role>(payload_size), limit)) return {nullptr, errc::output_full};
        std::byte* const room = room_for(payload_size, limit);
        return {room, room == nullptr ? errc::out_of_memory : errc::success};
    }
    // Whether or not that is over the limit.
    [[nodiscard]] std::byte* room_for(std::size_t payload_size, std::uint64_t limit) noexcept {
        return buffer_.prepare(payload_size + max_header_size, growth::of_queue(limit));
    }

    [[nodiscard]] bool has_room(std::uint64_t size, std::uint64_t limit) const noexcept {
        if (!Limited || buffer_.empty()) return true;
        return buffer_.size() <= limit && size <= limit - buffer_.size();
    }

    byte_buffer buffer_;
    [[no_unique_address]] frame_encoder<Role> encoder_;
    std::uint8_t tail_pong_ = 0; // octets of the Pong frame that ends the queue, if one does
};

} // namespace framewire::detail

#endif
