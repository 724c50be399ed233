// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include "allocation_counter.hpp"

#include <cstdlib>
#include <new>

namespace framewire::test {
namespace {

thread_local allocation_count counted;
thread_local std::int64_t highest = 0;
thread_local std::int64_t until_failure = -1; // calls that still succeed; negative: all
thread_local std::int64_t failures_left = 0;
thread_local bool failed = false;

// The size of a block stands before it, and where the memory begins that it was cut from.
struct block_head {
    void* memory;
    std::size_t size;
};

void* allocate(std::size_t size, std::size_t alignment) noexcept {
    if (alignment < alignof(std::max_align_t)) alignment = alignof(std::max_align_t);
    const std::size_t offset =
        (sizeof(block_head) + alignment - 1) / alignment * alignment;
    if (size > static_cast<std::size_t>(-1) / 2 - offset - alignment) return nullptr;
    // malloc aligns to max_align_t; more is a matter of moving up.
    auto* const memory = static_cast<char*>(std::malloc(offset + size + alignment));
    if (memory == nullptr) return nullptr;
    const auto at = reinterpret_cast<std::uintptr_t>(memory) + offset;
    auto* const block = memory + offset + (alignment - at % alignment) % alignment;
    auto* const head = reinterpret_cast<block_head*>(block) - 1;
    *head = {memory, size};
    ++counted.calls;
    ++counted.live;
    counted.bytes += static_cast<std::int64_t>(size);
    counted.live_bytes += static_cast<std::int64_t>(size);
    if (counted.live_bytes > highest) highest = counted.live_bytes;
    return block;
}

void* allocate_or_throw(std::size_t size, std::size_t alignment) {
    ++counted.throwing;
    void* const block = allocate(size, alignment);
    if (block == nullptr) throw std::bad_alloc();
    return block;
}

void* allocate_or_null(std::size_t size, std::size_t alignment) noexcept {
    if (until_failure == 0 && failures_left > 0) {
        --failures_left;
        failed = true;
        return nullptr;
    }
    if (until_failure > 0) --until_failure;
    return allocate(size, alignment);
}

void release(void* block) noexcept {
    if (block == nullptr) return;
    const block_head head = *(static_cast<block_head*>(block) - 1);
    --counted.live;
    counted.live_bytes -= static_cast<std::int64_t>(head.size);
    std::free(head.memory);
}

} // namespace

allocation_count allocations() noexcept { return counted; }
std::int64_t peak_bytes() noexcept { return highest; }
void reset_peak() noexcept { highest = counted.live_bytes; }

failing_allocations::failing_allocations(std::int64_t first, std::int64_t count) noexcept {
    until_failure = first;
    failures_left = count;
    failed = false;
}
failing_allocations::~failing_allocations() {
    until_failure = -1;
    failures_left = 0;
}
bool failing_allocations::happened() const noexcept { return failed; }

} // namespace framewire::test

using framewire::test::allocate_or_null;
using framewire::test::allocate_or_throw;
using framewire::test::release;

void* operator new(std::size_t size) { return allocate_or_throw(size, 1); }
void* operator new[](std::size_t size) { return allocate_or_throw(size, 1); }
void* operator new(std::size_t size, std::align_val_t alignment) {
    return allocate_or_throw(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
    return allocate_or_throw(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return allocate_or_null(size, 1);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
    return allocate_or_null(size, 1);
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return allocate_or_null(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment,
                     const std::nothrow_t&) noexcept {
    return allocate_or_null(size, static_cast<std::size_t>(alignment));
}

void operator delete(void* block) noexcept { release(block); }
void operator delete[](void* block) noexcept { release(block); }
void operator delete(void* block, std::size_t) noexcept { release(block); }
void operator delete[](void* block, std::size_t) noexcept { release(block); }
void operator delete(void* block, std::align_val_t) noexcept { release(block); }
void operator delete[](void* block, std::align_val_t) noexcept { release(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { release(block); }
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept { release(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { release(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { release(block); }
void operator delete(void* block, std::align_val_t, const std::nothrow_t&) noexcept {
    release(block);
}
void operator delete[](void* block, std::align_val_t, const std::nothrow_t&) noexcept {
    release(block);
}
