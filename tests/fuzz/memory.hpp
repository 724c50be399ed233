// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// How much memory a connection holds, by what its calls allocate.

#ifndef FRAMEWIRE_TESTS_FUZZ_MEMORY_HPP
#define FRAMEWIRE_TESTS_FUZZ_MEMORY_HPP

#include "support/allocation_counter.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace framewire::test {

class held_memory {
public:
    /// Calls into the library, and counts what it takes and gives back.
    template <class Call> auto operator()(Call&& call) {
        const std::int64_t before = allocations().live_bytes;
        reset_peak();
        auto result = std::forward<Call>(call)();
        peak_ = std::max(peak_, held_ + peak_bytes() - before);
        held_ += allocations().live_bytes - before;
        return result;
    }

    [[nodiscard]] std::int64_t held() const { return held_; }
    /// The most that was held at a time, during a call too.
    [[nodiscard]] std::int64_t peak() const { return peak_; }

private:
    std::int64_t held_ = 0;
    std::int64_t peak_ = 0;
};

} // namespace framewire::test

#endif
