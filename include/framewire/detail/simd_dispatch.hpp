// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The kernels for payloads of some length: those of the highest level of the processor, found out
// at the first call.

#ifndef FRAMEWIRE_DETAIL_SIMD_DISPATCH_HPP
#define FRAMEWIRE_DETAIL_SIMD_DISPATCH_HPP

#include <framewire/detail/simd_avx512.hpp>
#include <framewire/detail/simd_neon.hpp>

#include <cstddef>
#include <cstdint>

#if !defined(__GNUC__) && !defined(__clang__)
#include <atomic>
#endif

namespace framewire::detail {

struct simd_kernels {
    using mask_function = void(std::byte*, const std::byte*, std::size_t, std::uint32_t) noexcept;
    using valid_utf8_function = std::size_t(const std::byte*, std::size_t) noexcept;
    using unmask_utf8_function = std::size_t(std::byte*, std::size_t, std::uint32_t) noexcept;

    mask_function* mask;
    valid_utf8_function* valid_utf8;
    unmask_utf8_function* unmask_utf8;
};

/// The kernels take payloads from this size on. Shorter ones are not worth an indirect call.
inline constexpr std::size_t kernels_from = 128;

inline constexpr simd_kernels portable_kernels{portable::mask, portable::valid_utf8,
                                               portable::unmask_utf8};
#if defined(FRAMEWIRE_SIMD_X86)
inline constexpr simd_kernels ssse3_kernels{ssse3::mask, ssse3::valid_utf8, ssse3::unmask_utf8};
inline constexpr simd_kernels avx2_kernels{avx2::mask, avx2::valid_utf8, avx2::unmask_utf8};
inline constexpr simd_kernels avx512_kernels{avx512::mask, avx512::valid_utf8, avx512::unmask_utf8};
#elif defined(FRAMEWIRE_SIMD_NEON)
inline constexpr simd_kernels neon_kernels{neon::mask, neon::valid_utf8, neon::unmask_utf8};
#endif

/// \returns nullptr when this build has no such level.
[[nodiscard]] constexpr const simd_kernels* kernels_of(simd_level level) noexcept {
    switch (level) {
    case simd_level::portable: return &portable_kernels;
#if defined(FRAMEWIRE_SIMD_X86)
    case simd_level::ssse3: return &ssse3_kernels;
    case simd_level::avx2: return &avx2_kernels;
    case simd_level::avx512: return &avx512_kernels;
#elif defined(FRAMEWIRE_SIMD_NEON)
    case simd_level::neon: return &neon_kernels;
#endif
    default: return nullptr;
    }
}

const simd_kernels& resolve_kernels() noexcept;

// What stands in the table before the first call: finds the level out and calls on.
inline constexpr simd_kernels unresolved_kernels{
    [](std::byte* to, const std::byte* from, std::size_t size, std::uint32_t key) noexcept {
        resolve_kernels().mask(to, from, size, key);
    },
    [](const std::byte* text, std::size_t size) noexcept {
        return resolve_kernels().valid_utf8(text, size);
    },
    [](std::byte* text, std::size_t size, std::uint32_t key) noexcept {
        return resolve_kernels().unmask_utf8(text, size, key);
    }};

// Initialised before any code runs. Threads that get here at once store the same value.
#if defined(__GNUC__) || defined(__clang__)
// To read <atomic> takes g++ 12 as long as to compile all kernels of a level.
inline constinit const simd_kernels* current_kernels = &unresolved_kernels;

[[nodiscard]] inline const simd_kernels& kernels() noexcept {
    return *__atomic_load_n(&current_kernels, __ATOMIC_RELAXED);
}

inline void take_kernels(const simd_kernels& taken) noexcept {
    __atomic_store_n(&current_kernels, &taken, __ATOMIC_RELAXED);
}
#else
inline constinit std::atomic<const simd_kernels*> current_kernels{&unresolved_kernels};

[[nodiscard]] inline const simd_kernels& kernels() noexcept {
    return *current_kernels.load(std::memory_order_relaxed);
}

inline void take_kernels(const simd_kernels& taken) noexcept {
    current_kernels.store(&taken, std::memory_order_relaxed);
}
#endif

inline const simd_kernels& resolve_kernels() noexcept {
    const simd_kernels& best = *kernels_of(best_simd_level());
    take_kernels(best);
    return best;
}

/// For tests: takes the kernels of `level` from now on, in the whole program.
/// \returns whether build and processor have them; when not, nothing changes.
inline bool force_simd_level(simd_level level) noexcept {
    const simd_kernels* forced = kernels_of(level);
    if (forced == nullptr || level > best_simd_level()) return false;
    take_kernels(*forced);
    return true;
}

} // namespace framewire::detail

#endif
