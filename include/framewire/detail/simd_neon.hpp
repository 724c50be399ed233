// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Vectors of 16 bytes on AArch64, where every processor has them.

#ifndef FRAMEWIRE_DETAIL_SIMD_NEON_HPP
#define FRAMEWIRE_DETAIL_SIMD_NEON_HPP

#include <framewire/detail/simd_baseline.hpp>
#include <framewire/detail/simd_portable.hpp>
#include <framewire/detail/utf8_tables.hpp>

#if defined(FRAMEWIRE_SIMD_NEON)

#include <arm_neon.h>

#define FRAMEWIRE_LEVEL_TARGET
#define FRAMEWIRE_LEVEL_INLINE FRAMEWIRE_ALWAYS_INLINE

namespace framewire::detail::neon {

namespace narrower = portable;
using namespace baseline;

FRAMEWIRE_LEVEL_INLINE vector table(const std::uint8_t (&entries)[16]) noexcept {
    return vld1q_u8(entries);
}
FRAMEWIRE_LEVEL_INLINE vector lookup(vector table, vector index) noexcept {
    return vqtbl1q_u8(table, index);
}

FRAMEWIRE_LEVEL_INLINE vector join(vector previous, vector) noexcept { return previous; }

template <int Distance>
FRAMEWIRE_LEVEL_INLINE vector shifted(vector joint, vector current) noexcept {
    return vextq_u8(joint, current, 16 - Distance);
}

#include <framewire/detail/simd_kernels.hpp>

} // namespace framewire::detail::neon

#undef FRAMEWIRE_LEVEL_INLINE
#undef FRAMEWIRE_LEVEL_TARGET

#endif

#endif
