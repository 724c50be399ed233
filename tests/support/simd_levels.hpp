// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Runs a test with the kernels of each level that the processor has.

#ifndef FRAMEWIRE_TESTS_SUPPORT_SIMD_LEVELS_HPP
#define FRAMEWIRE_TESTS_SUPPORT_SIMD_LEVELS_HPP

#include <framewire/detail/simd_dispatch.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cstddef>
#include <new>
#include <span>
#include <vector>

namespace framewire::test {

struct named_level {
    detail::simd_level level;
    const char* name;
};

inline constexpr named_level simd_levels[] = {{detail::simd_level::portable, "portable"},
                                              {detail::simd_level::ssse3, "ssse3"},
                                              {detail::simd_level::avx2, "avx2"},
                                              {detail::simd_level::avx512, "avx512"},
                                              {detail::simd_level::neon, "neon"}};

/// Calls `run()` at each level, and goes back to the best one.
template <class F> void at_every_simd_level(F&& run) {
    std::size_t ran = 0;
    for (const named_level& level : simd_levels) {
        if (!detail::force_simd_level(level.level)) continue;
        INFO("with the kernels of " << level.name);
        run();
        ++ran;
    }
    REQUIRE(detail::force_simd_level(detail::best_simd_level()));
    // NEON is there on every AArch64, and nothing is where it was asked for.
#if defined(FRAMEWIRE_NO_SIMD)
    REQUIRE(ran == 1);
#elif defined(FRAMEWIRE_SIMD_NEON)
    REQUIRE(ran == 2);
#else
    REQUIRE(ran >= 1);
#endif
}

/// Bytes at a wanted distance from a multiple of 64, in a heap block that ends with them, so that
/// AddressSanitizer sees an access past the end; with a distance of 0, also one before the front.
class placed_bytes {
public:
    placed_bytes(std::span<const std::byte> content, std::size_t distance)
        : block_(static_cast<std::byte*>(
              ::operator new (distance + content.size(), std::align_val_t{64}))),
          distance_(distance), size_(content.size()) {
        std::fill_n(block_, distance, std::byte{0xA5});
        std::copy(content.begin(), content.end(), block_ + distance);
    }
    ~placed_bytes() { ::operator delete (block_, std::align_val_t{64}); }
    placed_bytes(const placed_bytes&) = delete;
    placed_bytes& operator=(const placed_bytes&) = delete;

    [[nodiscard]] std::byte* data() const { return block_ + distance_; }
    [[nodiscard]] std::span<std::byte> bytes() const { return {data(), size_}; }
    [[nodiscard]] bool holds(std::span<const std::byte> content) const {
        return std::equal(content.begin(), content.end(), data(), data() + size_) &&
               std::all_of(block_, data(), [](std::byte b) { return b == std::byte{0xA5}; });
    }

private:
    std::byte* block_;
    std::size_t distance_;
    std::size_t size_;
};

} // namespace framewire::test

#endif
