// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What a compiler is told where its own guess, which depends on the rest of the program, was
// measured to be too far off.

#ifndef FRAMEWIRE_DETAIL_INLINING_HPP
#define FRAMEWIRE_DETAIL_INLINING_HPP

#if defined(__GNUC__) || defined(__clang__)
#define FRAMEWIRE_ALWAYS_INLINE inline __attribute__((always_inline))
#define FRAMEWIRE_NEVER_INLINE __attribute__((noinline))
#define FRAMEWIRE_COLD __attribute__((noinline, cold))
#elif defined(_MSC_VER)
#define FRAMEWIRE_ALWAYS_INLINE __forceinline
#define FRAMEWIRE_NEVER_INLINE __declspec(noinline)
#define FRAMEWIRE_COLD __declspec(noinline)
#else
#define FRAMEWIRE_ALWAYS_INLINE inline
#define FRAMEWIRE_NEVER_INLINE
#define FRAMEWIRE_COLD
#endif

#endif
