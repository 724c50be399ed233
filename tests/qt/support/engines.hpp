// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What is left of sessions that have ended.

#ifndef FRAMEWIRE_TESTS_QT_ENGINES_HPP
#define FRAMEWIRE_TESTS_QT_ENGINES_HPP

#include <framewire/qt/detail/thread_state.hpp>

#include "loop.hpp"

namespace framewire::test {

/// Waits until nothing of any session of this thread is left. \return whether that came.
inline bool no_engines() {
    return wait_for([] { return qt::detail::thread_engine_count() == 0; });
}

} // namespace framewire::test

#endif
