// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Which vector instructions a build can use, and which of them this processor has.
//
// Configuration: FRAMEWIRE_NO_SIMD, defined for the whole program, leaves only the portable code.

#ifndef FRAMEWIRE_DETAIL_SIMD_LEVEL_HPP
#define FRAMEWIRE_DETAIL_SIMD_LEVEL_HPP

#include <cstdint>

#if defined(FRAMEWIRE_NO_SIMD)
#elif (defined(__x86_64__) && defined(__SSE2__) && defined(__GNUC__)) || defined(_M_X64)
#define FRAMEWIRE_SIMD_X86 1
#elif (defined(__aarch64__) && defined(__ARM_NEON) && !defined(__AARCH64EB__)) || defined(_M_ARM64)
#define FRAMEWIRE_SIMD_NEON 1
#endif

// Lets one function use instructions that the rest of the program may not. MSVC always does.
#if defined(__GNUC__) || defined(__clang__)
#define FRAMEWIRE_TARGET(features) __attribute__((target(features)))
#else
#define FRAMEWIRE_TARGET(features)
#endif

#if defined(FRAMEWIRE_SIMD_X86) && defined(_MSC_VER)
#include <intrin.h>
#endif

namespace framewire::detail {

/// In rising order on one processor. `avx512` is what Ice Lake and Zen 4 brought: older processors
/// with AVX-512 slow down when it is used.
enum class simd_level : std::uint8_t { portable, ssse3, avx2, avx512, neon };

#if defined(FRAMEWIRE_SIMD_X86) && defined(_MSC_VER)
// Which registers the operating system saves. To be called when it says that it saves any.
FRAMEWIRE_TARGET("xsave") inline unsigned long long saved_registers() noexcept {
    return _xgetbv(0);
}
#endif

/// The highest level of this processor, as far as the operating system saves its registers.
[[nodiscard]] inline simd_level best_simd_level() noexcept {
#if defined(FRAMEWIRE_SIMD_NEON)
    return simd_level::neon;
#elif defined(FRAMEWIRE_SIMD_X86) && defined(_MSC_VER)
    const auto bit = [](int word, int index) { return ((word >> index) & 1) != 0; };
    int leaf0[4];
    int leaf1[4];
    int leaf7[4] = {};
    __cpuid(leaf0, 0);
    __cpuid(leaf1, 1);
    if (leaf0[0] >= 7) __cpuidex(leaf7, 7, 0);
    if (!bit(leaf1[2], 9)) return simd_level::portable;
    const auto saved = bit(leaf1[2], 27) ? saved_registers() : 0;
    if ((saved & 0x06) != 0x06 || !bit(leaf7[1], 5)) return simd_level::ssse3;
    const bool avx512 = bit(leaf7[1], 16) && bit(leaf7[1], 30) && bit(leaf7[2], 1);
    return (saved & 0xE6) == 0xE6 && avx512 ? simd_level::avx512 : simd_level::avx2;
#elif defined(FRAMEWIRE_SIMD_X86)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("ssse3")) return simd_level::portable;
    if (!__builtin_cpu_supports("avx2")) return simd_level::ssse3;
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512vbmi");
    return avx512 ? simd_level::avx512 : simd_level::avx2;
#else
    return simd_level::portable;
#endif
}

} // namespace framewire::detail

#endif
