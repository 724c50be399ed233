// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Memory for operations of which one follows the other, so that a row of them allocates once.

#ifndef FRAMEWIRE_ASIO_DETAIL_OPERATION_MEMORY_HPP
#define FRAMEWIRE_ASIO_DETAIL_OPERATION_MEMORY_HPP

#include <algorithm>
#include <cstddef>
#include <new>
#include <utility>

namespace framewire::net::detail {

// Keeps the memory of the last operation for the next one.
class operation_memory {
public:
    operation_memory() noexcept = default;
    operation_memory(const operation_memory&) = delete;
    operation_memory& operator=(const operation_memory&) = delete;
    ~operation_memory() { ::operator delete(kept_); }

    [[nodiscard]] void* allocate(std::size_t size) {
        if (kept_ != nullptr && size <= kept_->size) return std::exchange(kept_, nullptr);
        return ::operator new(std::max(size, sizeof(kept)));
    }
    void deallocate(void* block, std::size_t size) noexcept {
        if (kept_ == nullptr || size > kept_->size) {
            block = std::exchange(kept_, new (block) kept{size});
        }
        ::operator delete(block);
    }

private:
    // What stands in memory that is kept, so that nothing but a pointer is needed otherwise.
    struct kept {
        std::size_t size;
    };

    kept* kept_ = nullptr;
};

// The same for operations of Asio. It would give them memory that the thread has left over from
// others, of which half is more than they need.
template <typename T> class operation_allocator {
public:
    using value_type = T;

    explicit operation_allocator(operation_memory& memory) noexcept : memory_(&memory) {}
    template <typename U> explicit(false)
        operation_allocator(const operation_allocator<U>& other) noexcept
        : memory_(other.memory_) {}

    [[nodiscard]] T* allocate(std::size_t count) {
        return static_cast<T*>(memory_->allocate(count * sizeof(T)));
    }
    void deallocate(T* block, std::size_t count) noexcept {
        memory_->deallocate(block, count * sizeof(T));
    }

    template <typename U>
    [[nodiscard]] bool operator==(const operation_allocator<U>& other) const noexcept {
        return memory_ == other.memory_;
    }

private:
    template <typename> friend class operation_allocator;
    operation_memory* memory_;
};

} // namespace framewire::net::detail

#endif
