// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include "allocation_counter.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define FRAMEWIRE_TESTS_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FRAMEWIRE_TESTS_ADDRESS_SANITIZER
#endif
#endif
#ifdef FRAMEWIRE_TESTS_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

#ifdef __ELF__
extern "C" {
extern const char __executable_start; // of the linker, as the next one
extern const char etext;
}
#endif

namespace framewire::test {
namespace {

thread_local allocation_count counted;
thread_local std::int64_t highest = 0;
thread_local std::int64_t until_failure = -1; // calls that still succeed; negative: all
thread_local std::int64_t failures_left = 0;
thread_local bool failed = false;
thread_local throws_to thrown_to = throws_to::all;
thread_local bool may_throw = false;
thread_local bool exempted = false;
thread_local std::int64_t until_throw = -1; // as until_failure
thread_local std::int64_t throws_left = 0;
thread_local bool thrown = false;

// Stands before a block: its size, and where the memory begins that it was cut from.
struct block_head {
    void* memory;
    std::size_t size;
};

// A read or write before the block is an error, as it is without this file.
void forbid([[maybe_unused]] block_head* head) noexcept {
#ifdef FRAMEWIRE_TESTS_ADDRESS_SANITIZER
    ASAN_POISON_MEMORY_REGION(head, sizeof(block_head));
#endif
}
void allow([[maybe_unused]] block_head* head) noexcept {
#ifdef FRAMEWIRE_TESTS_ADDRESS_SANITIZER
    ASAN_UNPOISON_MEMORY_REGION(head, sizeof(block_head));
#endif
}

void* allocate(std::size_t size, std::size_t alignment) noexcept {
    constexpr std::size_t usual = std::max(alignof(std::max_align_t), sizeof(block_head));
    static_assert(usual % alignof(std::max_align_t) == 0);
    // malloc aligns to max_align_t; more is a matter of moving up. In the usual case the memory
    // ends where the block ends, so that AddressSanitizer sees the first octet behind it.
    const std::size_t slack = alignment > usual ? alignment : 0;
    if (size > static_cast<std::size_t>(-1) / 2 - usual - slack) return nullptr;
    auto* const memory = static_cast<char*>(std::malloc(usual + slack + size));
    if (memory == nullptr) return nullptr;
    char* block = memory + usual;
    if (slack != 0) block += alignment - reinterpret_cast<std::uintptr_t>(block) % alignment;
    auto* const head = reinterpret_cast<block_head*>(block) - 1;
    *head = {memory, size};
    forbid(head);
    ++counted.calls;
    ++counted.live;
    counted.bytes += static_cast<std::int64_t>(size);
    counted.live_bytes += static_cast<std::int64_t>(size);
    if (counted.live_bytes > highest) highest = counted.live_bytes;
    return block;
}

bool is_own([[maybe_unused]] const void* caller) noexcept {
#ifdef __ELF__
    const auto at = reinterpret_cast<std::uintptr_t>(caller);
    return at >= reinterpret_cast<std::uintptr_t>(&__executable_start) &&
           at < reinterpret_cast<std::uintptr_t>(&etext);
#else
    return true;
#endif
}

void* allocate_or_throw(std::size_t size, std::size_t alignment, const void* caller) {
    ++counted.throwing;
    const bool counts = may_throw && !exempted && (thrown_to == throws_to::all || is_own(caller));
    if (counts && until_throw == 0 && throws_left > 0) {
        --throws_left;
        thrown = true;
        throw std::bad_alloc();
    }
    if (counts && until_throw > 0) --until_throw;
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
    auto* const place = static_cast<block_head*>(block) - 1;
    allow(place);
    const block_head head = *place;
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

throwing_allocations::throwing_allocations(std::int64_t first, std::int64_t count,
                                           throws_to whom) noexcept {
    thrown_to = whom;
    until_throw = first;
    throws_left = count;
    thrown = false;
}
throwing_allocations::~throwing_allocations() {
    until_throw = -1;
    throws_left = 0;
}
bool throwing_allocations::happened() const noexcept { return thrown; }
void throwing_allocations::exempt(bool yes) noexcept { exempted = yes; }
throwing_allocations::scope::scope() noexcept { may_throw = true; }
throwing_allocations::scope::~scope() { may_throw = false; }

} // namespace framewire::test

using framewire::test::allocate_or_null;
using framewire::test::allocate_or_throw;
using framewire::test::release;

void* operator new(std::size_t size) {
    return allocate_or_throw(size, 1, __builtin_return_address(0));
}
void* operator new[](std::size_t size) {
    return allocate_or_throw(size, 1, __builtin_return_address(0));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    return allocate_or_throw(size, static_cast<std::size_t>(alignment),
                             __builtin_return_address(0));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
    return allocate_or_throw(size, static_cast<std::size_t>(alignment),
                             __builtin_return_address(0));
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
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
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
