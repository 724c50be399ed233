// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Vectors of 64 bytes on x86-64. As in simd_avx2.hpp, GCC gets builtins and others the intrinsics.

#ifndef FRAMEWIRE_DETAIL_SIMD_AVX512_HPP
#define FRAMEWIRE_DETAIL_SIMD_AVX512_HPP

#include <framewire/detail/simd_avx2.hpp>

#if defined(FRAMEWIRE_SIMD_X86)

#if defined(__clang__) || !defined(__GNUC__)
#include <immintrin.h>
#endif

#define FRAMEWIRE_LEVEL_TARGET FRAMEWIRE_TARGET("avx512f,avx512bw")
#define FRAMEWIRE_LEVEL_INLINE FRAMEWIRE_LEVEL_TARGET FRAMEWIRE_ALWAYS_INLINE

namespace framewire::detail::avx512 {

namespace narrower = avx2;
inline constexpr std::size_t width = 64;

#if defined(__GNUC__) && !defined(__clang__)

using vector [[gnu::vector_size(64)]] = long long;
using vector_of_char [[gnu::vector_size(64)]] = char;
using vector_of_bytes [[gnu::vector_size(64)]] = std::uint8_t;
using vector_of_pairs [[gnu::vector_size(64)]] = std::uint16_t;
using vector_of_keys [[gnu::vector_size(64)]] = std::uint32_t;
using vector_of_ints [[gnu::vector_size(64)]] = int;
using quarter [[gnu::vector_size(16)]] = int;

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
    return reinterpret_cast<vector>(__builtin_ia32_broadcasti32x4_512(
        reinterpret_cast<quarter>(ssse3::table(entries)), vector_of_ints{}, 0xFFFF));
}

FRAMEWIRE_LEVEL_INLINE vector lookup(vector table, vector index) noexcept {
    return reinterpret_cast<vector>(__builtin_ia32_pshufb512_mask(
        reinterpret_cast<vector_of_char>(table), reinterpret_cast<vector_of_char>(index),
        vector_of_char{}, ~std::uint64_t{0}));
}

FRAMEWIRE_LEVEL_INLINE vector both(vector a, vector b) noexcept { return a & b; }
FRAMEWIRE_LEVEL_INLINE vector either(vector a, vector b) noexcept { return a | b; }
FRAMEWIRE_LEVEL_INLINE vector differ(vector a, vector b) noexcept { return a ^ b; }

FRAMEWIRE_LEVEL_INLINE vector subtract(vector a, vector b) noexcept {
    return reinterpret_cast<vector>(__builtin_ia32_psubusb512_mask(
        reinterpret_cast<vector_of_char>(a), reinterpret_cast<vector_of_char>(b), vector_of_char{},
        ~std::uint64_t{0}));
}

FRAMEWIRE_LEVEL_INLINE vector high_half(vector a) noexcept {
    return both(reinterpret_cast<vector>(reinterpret_cast<vector_of_pairs>(a) >> 4), splat(0x0F));
}

FRAMEWIRE_LEVEL_INLINE bool any_high_bit(vector a) noexcept {
    return __builtin_ia32_cvtb2mask512(reinterpret_cast<vector_of_char>(a)) != 0;
}

FRAMEWIRE_LEVEL_INLINE bool any(vector a) noexcept {
    return __builtin_ia32_ptestmd512(reinterpret_cast<vector_of_ints>(a),
                                     reinterpret_cast<vector_of_ints>(a), 0xFFFF) != 0;
}

FRAMEWIRE_LEVEL_INLINE vector join(vector previous, vector current) noexcept {
    return __builtin_ia32_alignq512_mask(current, previous, 6, vector{}, 0xFF);
}

template <int Distance>
FRAMEWIRE_LEVEL_INLINE vector shifted(vector joint, vector current) noexcept {
    return __builtin_ia32_palignr512(current, joint, (16 - Distance) * 8);
}

#else

using vector = __m512i;

FRAMEWIRE_LEVEL_INLINE vector load(const std::byte* from) noexcept {
    return _mm512_loadu_si512(reinterpret_cast<const __m512i*>(from));
}

FRAMEWIRE_LEVEL_INLINE void store(std::byte* to, vector value) noexcept {
    _mm512_storeu_si512(reinterpret_cast<__m512i*>(to), value);
}

FRAMEWIRE_LEVEL_INLINE vector repeat(std::uint32_t key) noexcept {
    return _mm512_set1_epi32(static_cast<int>(key));
}

FRAMEWIRE_LEVEL_INLINE vector splat(std::uint8_t byte) noexcept {
    return _mm512_set1_epi8(static_cast<char>(byte));
}

FRAMEWIRE_LEVEL_INLINE vector table(const std::uint8_t (&entries)[16]) noexcept {
    return _mm512_broadcast_i32x4(ssse3::table(entries));
}

FRAMEWIRE_LEVEL_INLINE vector lookup(vector table, vector index) noexcept {
    return _mm512_shuffle_epi8(table, index);
}

FRAMEWIRE_LEVEL_INLINE vector both(vector a, vector b) noexcept { return _mm512_and_si512(a, b); }

FRAMEWIRE_LEVEL_INLINE vector either(vector a, vector b) noexcept { return _mm512_or_si512(a, b); }

FRAMEWIRE_LEVEL_INLINE vector differ(vector a, vector b) noexcept { return _mm512_xor_si512(a, b); }

FRAMEWIRE_LEVEL_INLINE vector subtract(vector a, vector b) noexcept {
    return _mm512_subs_epu8(a, b);
}

FRAMEWIRE_LEVEL_INLINE vector high_half(vector a) noexcept {
    return _mm512_and_si512(_mm512_srli_epi16(a, 4), splat(0x0F));
}

FRAMEWIRE_LEVEL_INLINE bool any_high_bit(vector a) noexcept { return _mm512_movepi8_mask(a) != 0; }

FRAMEWIRE_LEVEL_INLINE bool any(vector a) noexcept { return _mm512_test_epi32_mask(a, a) != 0; }

FRAMEWIRE_LEVEL_INLINE vector join(vector previous, vector current) noexcept {
    return _mm512_alignr_epi64(current, previous, 6);
}

template <int Distance>
FRAMEWIRE_LEVEL_INLINE vector shifted(vector joint, vector current) noexcept {
    return _mm512_alignr_epi8(current, joint, 16 - Distance);
}

#endif

#include <framewire/detail/simd_kernels.hpp>

} // namespace framewire::detail::avx512

#undef FRAMEWIRE_LEVEL_INLINE
#undef FRAMEWIRE_LEVEL_TARGET

#endif

#endif
