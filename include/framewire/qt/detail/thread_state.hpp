// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What all sessions of a thread share: the receive buffer, the masking keys, a count of engines.

#ifndef FRAMEWIRE_QT_DETAIL_THREAD_STATE_HPP
#define FRAMEWIRE_QT_DETAIL_THREAD_STATE_HPP

#include <framewire/masking.hpp>

#include <QRandomGenerator>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace framewire::qt::detail {

// Large enough for a 64 KiB message with its header to arrive whole, and so to be handed out
// without a copy.
inline constexpr std::size_t receive_buffer_size = 131'072;

template <std::size_t Size> [[nodiscard]] std::array<std::byte, Size> random_bytes() {
    static_assert(Size % sizeof(std::uint32_t) == 0);
    std::array<std::uint32_t, Size / sizeof(std::uint32_t)> words;
    QRandomGenerator::system()->fillRange(words.data(), static_cast<qsizetype>(words.size()));
    std::array<std::byte, Size> bytes;
    std::size_t at = 0;
    for (const std::byte b : std::as_bytes(std::span(words)))
        bytes[at++] = b;
    return bytes;
}

// RFC 6455 10.3: masking keys come from the system's cryptographic generator, by way of its seed.
[[nodiscard]] inline masking_key_source& thread_masking_keys() {
    static thread_local masking_key_source source(
        std::span<const std::byte, 32>(random_bytes<32>()));
    return source;
}

// How many engines there are in this thread, with those that finish in the background.
[[nodiscard]] inline int& thread_engine_count() noexcept {
    static thread_local int count = 0;
    return count;
}

// The thread's receive buffer for the time of one read handler. A handler of the application may
// run a nested event loop while its message is still in the buffer: then the inner reader gets a
// buffer of its own.
class receive_buffer {
public:
    receive_buffer() : buffer_(std::move(spare())) {
        if (buffer_ == nullptr) buffer_.reset(new std::byte[receive_buffer_size]);
    }
    receive_buffer(const receive_buffer&) = delete;
    receive_buffer& operator=(const receive_buffer&) = delete;
    ~receive_buffer() { spare() = std::move(buffer_); }

    [[nodiscard]] std::span<std::byte> bytes() const noexcept {
        return {buffer_.get(), receive_buffer_size};
    }

private:
    static std::unique_ptr<std::byte[]>& spare() noexcept {
        static thread_local std::unique_ptr<std::byte[]> buffer;
        return buffer;
    }
    std::unique_ptr<std::byte[]> buffer_;
};

} // namespace framewire::qt::detail

#endif
