// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Vectors of 16 bytes on x86-64. Looking up in a table needs SSSE3.

#ifndef FRAMEWIRE_DETAIL_SIMD_SSSE3_HPP
#define FRAMEWIRE_DETAIL_SIMD_SSSE3_HPP

#include <framewire/detail/simd_baseline.hpp>
#include <framewire/detail/simd_portable.hpp>
#include <framewire/detail/utf8_tables.hpp>

#if defined(FRAMEWIRE_SIMD_X86)

#include <tmmintrin.h>

#define FRAMEWIRE_LEVEL_TARGET FRAMEWIRE_TARGET("ssse3")
#define FRAMEWIRE_LEVEL_INLINE FRAMEWIRE_LEVEL_TARGET FRAMEWIRE_ALWAYS_INLINE

namespace framewire::detail::ssse3 {

namespace narrower = portable;
using namespace baseline;

FRAMEWIRE_LEVEL_INLINE vector table(const std::uint8_t (&entries)[16]) noexcept {
    return _mm_load_si128(reinterpret_cast<const __m128i*>(entries));
}

FRAMEWIRE_LEVEL_INLINE vector lookup(vector table, vector index) noexcept {
    return _mm_shuffle_epi8(table, index);
}

FRAMEWIRE_LEVEL_INLINE vector join(vector previous, vector) noexcept { return previous; }

template <int Distance>
FRAMEWIRE_LEVEL_INLINE vector shifted(vector joint, vector current) noexcept {
    return _mm_alignr_epi8(current, joint, 16 - Distance);
}

#include <framewire/detail/simd_kernels.hpp>

} // namespace framewire::detail::ssse3

#undef FRAMEWIRE_LEVEL_INLINE
#undef FRAMEWIRE_LEVEL_TARGET

#endif

#endif
