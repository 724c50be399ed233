// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Counts what the replaced global operator new gives out, and can make it fail.

#ifndef FRAMEWIRE_TESTS_SUPPORT_ALLOCATION_COUNTER_HPP
#define FRAMEWIRE_TESTS_SUPPORT_ALLOCATION_COUNTER_HPP

#include <cstddef>
#include <cstdint>

namespace framewire::test {

struct allocation_count {
    std::int64_t calls = 0;      ///< Of any form of operator new.
    std::int64_t bytes = 0;      ///< Asked for in these calls.
    std::int64_t throwing = 0;   ///< Calls of the forms that throw: the library makes none.
    std::int64_t live = 0;       ///< Blocks that are not deleted.
    std::int64_t live_bytes = 0; ///< Bytes in these blocks.

    friend constexpr allocation_count operator-(allocation_count a, const allocation_count& b) {
        return {a.calls - b.calls, a.bytes - b.bytes, a.throwing - b.throwing, a.live - b.live,
                a.live_bytes - b.live_bytes};
    }
};

/// What this thread has done since it began.
allocation_count allocations() noexcept;

/// The most bytes that were live at a time since `reset_peak`.
std::int64_t peak_bytes() noexcept;
void reset_peak() noexcept;

/// Lets the nothrow forms return null from call number `first` on (0: the next one), `count`
/// times, while it lives. Forms that throw stay as they are: they belong to the test itself.
class failing_allocations {
public:
    explicit failing_allocations(std::int64_t first, std::int64_t count = 1) noexcept;
    ~failing_allocations();
    failing_allocations(const failing_allocations&) = delete;
    failing_allocations& operator=(const failing_allocations&) = delete;

    /// True when at least one call has failed.
    [[nodiscard]] bool happened() const noexcept;
};

} // namespace framewire::test

#endif
