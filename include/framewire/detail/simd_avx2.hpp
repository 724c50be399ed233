// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Vectors of 32 bytes on x86-64.
//
// g++ 12 takes 0.25 s to read <immintrin.h>, more than half of what the whole core takes. It gets
// the builtins behind the intrinsics instead; others get the intrinsics, since those builtins are
// GCC's.

#ifndef FRAMEWIRE_DETAIL_SIMD_AVX2_HPP
#define FRAMEWIRE_DETAIL_SIMD_AVX2_HPP

#include <framewire/detail/simd_ssse3.hpp>

#if defined(FRAMEWIRE_SIMD_X86)

#if defined(__clang__) || !defined(__GNUC__)
#include <immintrin.h>
#endif

#define FRAMEWIRE_LEVEL_TARGET FRAMEWIRE_TARGET("avx2")
#define FRAMEWIRE_LEVEL_INLINE FRAMEWIRE_LEVEL_TARGET FRAMEWIRE_ALWAYS_INLINE

namespace framewire::detail::avx2 {

namespace narrower = ssse3;
inline constexpr std::size_t width = 32;

#if defined(__GNUC__) && !defined(__clang__)

using vector [[gnu::vector_size(32)]] = long long;
using vector_of_char [[gnu::vector_size(32)]] = char;
using vector_of_bytes [[gnu::vector_size(32)]] = std::uint8_t;
using vector_of_pairs [[gnu::vector_size(32)]] = std::uint16_t;
using vector_of_keys [[gnu::vector_size(32)]] = std::uint32_t;

FRAMEWIRE_LEVEL_INLINE vector load(const std::byte* from) noexcept {
    vector value;
    __builtin_memcpy(&value, from, width);
    return value;
}

FRAMEWIRE_LEVEL_INLINE void store(std::byte* to, vector value) noexcept {
    __builtin_memcpy(to, &value, width);
}

FRAMEWIRE_LEVEL_INLINE vector repeat(std::uint32_t key) noexcept {
    return reinterpret_cast<vector>(vector_of_keys{} + key);
}

FRAMEWIRE_LEVEL_INLINE vector splat(std::uint8_t byte) noexcept {
    return reinterpret_cast<vector>(vector_of_bytes{} + byte);
}

FRAMEWIRE_LEVEL_INLINE vector table(const std::uint8_t (&entries)[16]) noexcept {
    return __builtin_ia32_vbroadcastsi256(ssse3::table(entries));
}

FRAMEWIRE_LEVEL_INLINE vector lookup(vector table, vector index) noexcept {
    return reinterpret_cast<vector>(__builtin_ia32_pshufb256(
        reinterpret_cast<vector_of_char>(table), reinterpret_cast<vector_of_char>(index)));
}

FRAMEWIRE_LEVEL_INLINE vector both(vector a, vector b) noexcept { return a & b; }
FRAMEWIRE_LEVEL_INLINE vector either(vector a, vector b) noexcept { return a | b; }
FRAMEWIRE_LEVEL_INLINE vector differ(vector a, vector b) noexcept { return a ^ b; }

FRAMEWIRE_LEVEL_INLINE vector subtract(vector a, vector b) noexcept {
    return reinterpret_cast<vector>(__builtin_ia32_psubusb256(reinterpret_cast<vector_of_char>(a),
                                                              reinterpret_cast<vector_of_char>(b)));
}

FRAMEWIRE_LEVEL_INLINE vector high_half(vector a) noexcept {
    return both(reinterpret_cast<vector>(reinterpret_cast<vector_of_pairs>(a) >> 4), splat(0x0F));
}

FRAMEWIRE_LEVEL_INLINE bool any_high_bit(vector a) noexcept {
    return __builtin_ia32_pmovmskb256(reinterpret_cast<vector_of_char>(a)) != 0;
}

FRAMEWIRE_LEVEL_INLINE bool any(vector a) noexcept { return __builtin_ia32_ptestz256(a, a) == 0; }

FRAMEWIRE_LEVEL_INLINE vector join(vector previous, vector current) noexcept {
    return __builtin_ia32_permti256(previous, current, 0x21);
}

template <int Distance>
FRAMEWIRE_LEVEL_INLINE vector shifted(vector joint, vector current) noexcept {
    return __builtin_ia32_palignr256(current, joint, (16 - Distance) * 8);
}

#else

using vector = __m256i;

FRAMEWIRE_LEVEL_INLINE vector load(const std::byte* from) noexcept {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

FRAMEWIRE_LEVEL_INLINE void store(std::byte* to, vector value) noexcept {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), value);
}

FRAMEWIRE_LEVEL_INLINE vector repeat(std::uint32_t key) noexcept {
    return _mm256_set1_epi32(static_cast<int>(key));
}

FRAMEWIRE_LEVEL_INLINE vector splat(std::uint8_t byte) noexcept {
    return _mm256_set1_epi8(static_cast<char>(byte));
}

FRAMEWIRE_LEVEL_INLINE vector table(const std::uint8_t (&entries)[16]) noexcept {
    return _mm256_broadcastsi128_si256(ssse3::table(entries));
}

FRAMEWIRE_LEVEL_INLINE vector lookup(vector table, vector index) noexcept {
    return _mm256_shuffle_epi8(table, index);
}

FRAMEWIRE_LEVEL_INLINE vector both(vector a, vector b) noexcept { return _mm256_and_si256(a, b); }

FRAMEWIRE_LEVEL_INLINE vector either(vector a, vector b) noexcept { return _mm256_or_si256(a, b); }

FRAMEWIRE_LEVEL_INLINE vector differ(vector a, vector b) noexcept { return _mm256_xor_si256(a, b); }

FRAMEWIRE_LEVEL_INLINE vector subtract(vector a, vector b) noexcept {
    return _mm256_subs_epu8(a, b);
}

FRAMEWIRE_LEVEL_INLINE vector high_half(vector a) noexcept {
    return _mm256_and_si256(_mm256_srli_epi16(a, 4), splat(0x0F));
}

FRAMEWIRE_LEVEL_INLINE bool any_high_bit(vector a) noexcept { return _mm256_movemask_epi8(a) != 0; }

FRAMEWIRE_LEVEL_INLINE bool any(vector a) noexcept { return _mm256_testz_si256(a, a) == 0; }

FRAMEWIRE_LEVEL_INLINE vector join(vector previous, vector current) noexcept {
    return _mm256_permute2x128_si256(previous, current, 0x21);
}

template <int Distance>
FRAMEWIRE_LEVEL_INLINE vector shifted(vector joint, vector current) noexcept {
    return _mm256_alignr_epi8(current, joint, 16 - Distance);
}

#endif

#include <framewire/detail/simd_kernels.hpp>

} // namespace framewire::detail::avx2

#undef FRAMEWIRE_LEVEL_INLINE
#undef FRAMEWIRE_LEVEL_TARGET

#endif

#endif
