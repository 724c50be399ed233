// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A growing byte queue of one pointer: appended at the end, consumed at the front, and never
// throwing: a failed allocation is a null return.

#ifndef FRAMEWIRE_DETAIL_BYTE_BUFFER_HPP
#define FRAMEWIRE_DETAIL_BYTE_BUFFER_HPP

#include <cstddef>
#include <cstring>
#include <new>
#include <span>
#include <utility>

namespace framewire::detail {

class byte_buffer {
public:
    byte_buffer() noexcept = default;
    byte_buffer(byte_buffer&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
    byte_buffer& operator=(byte_buffer&& other) noexcept {
        std::swap(block_, other.block_);
        return *this;
    }
    ~byte_buffer() { release(); }

    [[nodiscard]] std::size_t size() const noexcept {
        return block_ == nullptr ? 0 : block_->end - block_->begin;
    }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    [[nodiscard]] std::size_t capacity() const noexcept {
        return block_ == nullptr ? 0 : block_->capacity;
    }

    [[nodiscard]] std::span<std::byte> bytes() const noexcept {
        if (block_ == nullptr) return {};
        return {data() + block_->begin, block_->end - block_->begin};
    }

    // Room for `size` more bytes, to be filled and then committed; null when there is no memory.
    // `expected` is how large the whole may become, if known: growth by doubling stops there.
    [[nodiscard]] std::byte* prepare(std::size_t size, std::size_t expected = 0) noexcept {
        if (block_ == nullptr || block_->capacity - block_->end < size) {
            if (!make_room(size, expected)) return nullptr;
        }
        return data() + block_->end;
    }
    void commit(std::size_t size) noexcept {
        if (size != 0) block_->end += size;
    }

    [[nodiscard]] bool append(std::span<const std::byte> bytes, std::size_t expected = 0) noexcept {
        if (bytes.empty()) return true;
        std::byte* const room = prepare(bytes.size(), expected);
        if (room == nullptr) return false;
        std::memcpy(room, bytes.data(), bytes.size());
        commit(bytes.size());
        return true;
    }

    void consume(std::size_t size) noexcept {
        if (size == 0) return;
        block_->begin += size;
        if (block_->begin == block_->end) clear();
    }
    void drop_back(std::size_t size) noexcept {
        if (size != 0) block_->end -= size;
    }
    void clear() noexcept {
        if (block_ != nullptr) block_->begin = block_->end = 0;
    }
    void release() noexcept {
        ::operator delete(block_);
        block_ = nullptr;
    }

private:
    struct header {
        std::size_t capacity;
        std::size_t begin;
        std::size_t end;
    };
    static constexpr std::size_t smallest = 256 - sizeof(header);

    [[nodiscard]] std::byte* data() const noexcept {
        return reinterpret_cast<std::byte*>(block_ + 1);
    }

    bool make_room(std::size_t size, std::size_t expected) noexcept {
        const std::size_t used = this->size();
        if (size > static_cast<std::size_t>(-1) / 2 - sizeof(header) - used) return false;
        const std::size_t needed = used + size;
        if (block_ != nullptr && needed <= block_->capacity && block_->begin >= used) {
            // Half of the block is consumed: moving down costs no more than what was consumed.
            std::memcpy(data(), data() + block_->begin, used);
            block_->begin = 0;
            block_->end = used;
            return true;
        }
        // Twice of what is held, not of the block: much of that may have been consumed.
        std::size_t capacity = used * 2 < smallest ? smallest : used * 2;
        if (expected >= needed && capacity > expected) capacity = expected;
        if (capacity < needed) capacity = needed;
        void* const memory = ::operator new(sizeof(header) + capacity, std::nothrow);
        if (memory == nullptr) return false;
        auto* const grown = new (memory) header{capacity, 0, used};
        if (used != 0) std::memcpy(grown + 1, data() + block_->begin, used);
        ::operator delete(block_);
        block_ = grown;
        return true;
    }

    header* block_ = nullptr;
};

} // namespace framewire::detail

#endif
