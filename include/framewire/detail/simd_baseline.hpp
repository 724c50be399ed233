// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Vectors of 16 bytes that every processor of a build has, so that their code can stand inline:
// SSE2 on x86-64, NEON on AArch64, two words elsewhere.

#ifndef FRAMEWIRE_DETAIL_SIMD_BASELINE_HPP
#define FRAMEWIRE_DETAIL_SIMD_BASELINE_HPP

#include <framewire/detail/inlining.hpp>
#include <framewire/detail/simd_level.hpp>
#include <framewire/detail/simd_portable.hpp>

#include <cstddef>
#include <cstdint>

#if defined(FRAMEWIRE_SIMD_X86)
#include <emmintrin.h>
#elif defined(FRAMEWIRE_SIMD_NEON)
#include <arm_neon.h>
#endif

namespace framewire::detail::baseline {

inline constexpr std::size_t width = 16;

#if defined(FRAMEWIRE_SIMD_X86)

using vector = __m128i;

FRAMEWIRE_ALWAYS_INLINE vector load(const std::byte* from) noexcept {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}

FRAMEWIRE_ALWAYS_INLINE void store(std::byte* to, vector value) noexcept {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), value);
}

FRAMEWIRE_ALWAYS_INLINE vector repeat(std::uint32_t key) noexcept {
    return _mm_set1_epi32(static_cast<int>(key));
}
FRAMEWIRE_ALWAYS_INLINE vector splat(std::uint8_t byte) noexcept {
    return _mm_set1_epi8(static_cast<char>(byte));
}
FRAMEWIRE_ALWAYS_INLINE vector both(vector a, vector b) noexcept { return _mm_and_si128(a, b); }
FRAMEWIRE_ALWAYS_INLINE vector either(vector a, vector b) noexcept { return _mm_or_si128(a, b); }
FRAMEWIRE_ALWAYS_INLINE vector differ(vector a, vector b) noexcept { return _mm_xor_si128(a, b); }
FRAMEWIRE_ALWAYS_INLINE vector subtract(vector a, vector b) noexcept { return _mm_subs_epu8(a, b); }
FRAMEWIRE_ALWAYS_INLINE bool any_high_bit(vector a) noexcept { return _mm_movemask_epi8(a) != 0; }

FRAMEWIRE_ALWAYS_INLINE vector high_half(vector a) noexcept {
    return _mm_and_si128(_mm_srli_epi16(a, 4), splat(0x0F));
}

FRAMEWIRE_ALWAYS_INLINE bool any(vector a) noexcept {
    return _mm_movemask_epi8(_mm_cmpeq_epi8(a, splat(0))) != 0xFFFF;
}

#elif defined(FRAMEWIRE_SIMD_NEON)

using vector = uint8x16_t;

FRAMEWIRE_ALWAYS_INLINE vector load(const std::byte* from) noexcept {
    return vld1q_u8(reinterpret_cast<const std::uint8_t*>(from));
}

FRAMEWIRE_ALWAYS_INLINE void store(std::byte* to, vector value) noexcept {
    vst1q_u8(reinterpret_cast<std::uint8_t*>(to), value);
}

FRAMEWIRE_ALWAYS_INLINE vector repeat(std::uint32_t key) noexcept {
    return vreinterpretq_u8_u32(vdupq_n_u32(key));
}
FRAMEWIRE_ALWAYS_INLINE vector splat(std::uint8_t byte) noexcept { return vdupq_n_u8(byte); }
FRAMEWIRE_ALWAYS_INLINE vector both(vector a, vector b) noexcept { return vandq_u8(a, b); }
FRAMEWIRE_ALWAYS_INLINE vector either(vector a, vector b) noexcept { return vorrq_u8(a, b); }
FRAMEWIRE_ALWAYS_INLINE vector differ(vector a, vector b) noexcept { return veorq_u8(a, b); }
FRAMEWIRE_ALWAYS_INLINE vector subtract(vector a, vector b) noexcept { return vqsubq_u8(a, b); }
FRAMEWIRE_ALWAYS_INLINE vector high_half(vector a) noexcept { return vshrq_n_u8(a, 4); }
FRAMEWIRE_ALWAYS_INLINE bool any_high_bit(vector a) noexcept { return vmaxvq_u8(a) >= 0x80; }
FRAMEWIRE_ALWAYS_INLINE bool any(vector a) noexcept { return vmaxvq_u8(a) != 0; }

#else

struct vector {
    std::uint64_t first;
    std::uint64_t second;
};

FRAMEWIRE_ALWAYS_INLINE vector load(const std::byte* from) noexcept {
    return {load_native<std::uint64_t>(from), load_native<std::uint64_t>(from + 8)};
}

FRAMEWIRE_ALWAYS_INLINE void store(std::byte* to, vector value) noexcept {
    store_native(to, value.first);
    store_native(to + 8, value.second);
}

FRAMEWIRE_ALWAYS_INLINE vector repeat(std::uint32_t key) noexcept {
    return {key_word(key), key_word(key)};
}

FRAMEWIRE_ALWAYS_INLINE vector either(vector a, vector b) noexcept {
    return {a.first | b.first, a.second | b.second};
}

FRAMEWIRE_ALWAYS_INLINE vector differ(vector a, vector b) noexcept {
    return {a.first ^ b.first, a.second ^ b.second};
}

FRAMEWIRE_ALWAYS_INLINE bool any_high_bit(vector a) noexcept {
    return ((a.first | a.second) & high_bits) != 0;
}

#endif

} // namespace framewire::detail::baseline

#endif
