// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Whether a thread can keep what has to be destroyed when it ends.

#ifndef FRAMEWIRE_DETAIL_THREAD_LOCALS_HPP
#define FRAMEWIRE_DETAIL_THREAD_LOCALS_HPP

namespace framewire::detail {

// With MinGW, the memory of what is local to a thread is freed before its destructors run in it.
#if defined(__MINGW32__)
inline constexpr bool threads_keep_objects = false;
#else
inline constexpr bool threads_keep_objects = true;
#endif

} // namespace framewire::detail

#endif
