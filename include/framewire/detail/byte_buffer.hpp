// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A growing byte queue of one pointer: appended at the end, consumed at the front, and never
// throwing: a failed allocation is a null return.

#ifndef FRAMEWIRE_DETAIL_BYTE_BUFFER_HPP
#define FRAMEWIRE_DETAIL_BYTE_BUFFER_HPP

#include <framewire/detail/inlining.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <utility>

namespace framewire::detail {

class byte_buffer {
public:
    // How large the whole may become, if known: growth by doubling stops there, or, where it is a
    // queue, a third beyond it.
    struct growth {
        constexpr growth(std::size_t at_most = 0) noexcept : most(at_most) {}

        // Of a queue with a limit, which only a few control frames may pass.
        [[nodiscard]] static constexpr growth of_queue(std::uint64_t limit) noexcept {
            growth result(static_cast<std::size_t>(limit));
            result.is_queue = result.most == limit;
            return result;
        }

        std::size_t most;
        bool is_queue = false;
    };

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
    [[nodiscard]] std::byte* prepare(std::size_t size, growth how = {}) noexcept {
        if (block_ == nullptr) {
            if (!begin_with(size, how)) return nullptr;
        } else if (block_->capacity - block_->end < size) {
            if (!make_room(size, how)) return nullptr;
        }
        return data() + block_->end;
    }
    void commit(std::size_t size) noexcept {
        if (size != 0) block_->end += size;
    }

    [[nodiscard]] bool append(std::span<const std::byte> bytes, growth how = {}) noexcept {
        if (bytes.empty()) return true;
        std::byte* const room = prepare(bytes.size(), how);
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

    // The last block of a queue is larger than its limit by a third, so that moving down in it
    // copies no more than thrice of what was consumed, and comes behind one of half its size at
    // most: while both are there, that is twice the limit.
    [[nodiscard]] static std::size_t last_size(growth how) noexcept {
        constexpr std::size_t a_few_frames = 512;
        if (!how.is_queue) return how.most;
        if (how.most > static_cast<std::size_t>(-1) / 2 - a_few_frames) return 0;
        return how.most + how.most / 3 + a_few_frames;
    }
    // Less than a fifth is consumed only of a queue that is larger than its limit.
    [[nodiscard]] bool is_last(growth how) const noexcept {
        const std::size_t last = last_size(how);
        return how.is_queue && last != 0 && block_->capacity >= last &&
               block_->begin >= block_->capacity / 5;
    }

    [[nodiscard]] static header* allocate(std::size_t capacity, std::size_t needed,
                                          growth how) noexcept {
        if (capacity > how.most / 2) {
            const std::size_t last = last_size(how);
            if (last >= needed && capacity > (how.is_queue ? last / 2 : last)) capacity = last;
        }
        void* const memory = ::operator new(sizeof(header) + capacity, std::nothrow);
        return memory == nullptr ? nullptr : new (memory) header{capacity, 0, 0};
    }

    FRAMEWIRE_NEVER_INLINE bool begin_with(std::size_t size, growth how) noexcept {
        if (size > static_cast<std::size_t>(-1) / 2 - sizeof(header)) return false;
        block_ = allocate(size < smallest ? smallest : size, size, how);
        return block_ != nullptr;
    }

    FRAMEWIRE_NEVER_INLINE bool make_room(std::size_t size, growth how) noexcept {
        const std::size_t used = this->size();
        if (size > static_cast<std::size_t>(-1) / 2 - sizeof(header) - used) return false;
        const std::size_t needed = used + size;
        if (needed <= block_->capacity && (block_->begin >= used || is_last(how))) {
            // Half of the block is consumed: moving down costs no more than what was consumed. Of
            // the last one, a quarter is.
            std::memmove(data(), data() + block_->begin, used);
            block_->begin = 0;
            block_->end = used;
            return true;
        }
        // Twice of what is held, not of the block: much of that may have been consumed. A third
        // more, where it is larger than it was to become.
        std::size_t capacity = how.most != 0 && used >= how.most ? used + used / 3 : used * 2;
        if (capacity < smallest) capacity = smallest;
        if (capacity < needed) capacity = needed;
        header* const grown = allocate(capacity, needed, how);
        if (grown == nullptr) return false;
        if (used != 0) std::memcpy(grown + 1, data() + block_->begin, used);
        grown->end = used;
        ::operator delete(block_);
        block_ = grown;
        return true;
    }

    header* block_ = nullptr;
};

} // namespace framewire::detail

#endif
