// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Counts what the replaced global operator new gives out, and can make it fail.

#ifndef FRAMEWIRE_TESTS_SUPPORT_ALLOCATION_COUNTER_HPP
#define FRAMEWIRE_TESTS_SUPPORT_ALLOCATION_COUNTER_HPP

#include <cstddef>
#include <cstdint>
#include <new>

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

/// Whose allocations throw.
enum class throws_to : std::uint8_t {
    all,
    program, ///< Not those of shared libraries, where that can be told.
};

/// Lets the forms that throw do so from call number `first` on (0: the next one), `count` times:
/// only `during` calls of the library, so that the test itself has what it needs.
class throwing_allocations {
public:
    explicit throwing_allocations(std::int64_t first, std::int64_t count = 1,
                                  throws_to whom = throws_to::all) noexcept;
    ~throwing_allocations();
    throwing_allocations(const throwing_allocations&) = delete;
    throwing_allocations& operator=(const throwing_allocations&) = delete;

    /// False when `act` has let std::bad_alloc out.
    template <class Act> bool during(Act act) {
        const scope counts;
        try {
            act();
        } catch (const std::bad_alloc&) {
            return false;
        }
        return true;
    }

    /// While it is set, none throws in `during` either: for a double of what takes no memory.
    static void exempt(bool yes) noexcept;

    /// True when at least one call has thrown.
    [[nodiscard]] bool happened() const noexcept;

private:
    struct scope {
        scope() noexcept;
        ~scope();
        scope(const scope&) = delete;
        scope& operator=(const scope&) = delete;
    };
};

} // namespace framewire::test

#endif
