// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The buffer that bytes are read into. A thread keeps one for all of its streams: a stream has one
// only while it reads, or while the application looks at a message in it.

#ifndef FRAMEWIRE_ASIO_DETAIL_RECEIVE_BLOCK_HPP
#define FRAMEWIRE_ASIO_DETAIL_RECEIVE_BLOCK_HPP

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

namespace framewire::net::detail {

class receive_block {
public:
    // Large enough for a 64 KiB message with its header to arrive whole, and so to be handed out
    // without a copy.
    static constexpr std::size_t size = 131'072;

    receive_block() noexcept = default;
    receive_block(receive_block&&) noexcept = default;
    receive_block& operator=(receive_block&&) = delete;
    ~receive_block() { release(); }

    [[nodiscard]] bool held() const noexcept { return bytes_ != nullptr; }
    [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {bytes_.get(), size}; }

    void take() {
        if (held()) return;
        if (!spare_gone) bytes_ = std::move(spare().bytes);
        if (!held()) bytes_.reset(new std::byte[size]);
    }
    void release() noexcept {
        if (held() && !spare_gone && spare().bytes == nullptr) spare().bytes = std::move(bytes_);
        bytes_.reset();
    }

private:
    struct keeper {
        std::unique_ptr<std::byte[]> bytes;
        ~keeper() { spare_gone = true; }
    };
    // A stream may be destroyed after the thread's spare block is.
    static inline thread_local bool spare_gone = false;
    [[nodiscard]] static keeper& spare() noexcept {
        static thread_local keeper instance;
        return instance;
    }

    std::unique_ptr<std::byte[]> bytes_;
};

} // namespace framewire::net::detail

#endif
