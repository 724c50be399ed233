// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The version of the library. This is the only place that says it: CMake reads these three lines.

#ifndef FRAMEWIRE_VERSION_HPP
#define FRAMEWIRE_VERSION_HPP

#define FRAMEWIRE_VERSION_MAJOR 0
#define FRAMEWIRE_VERSION_MINOR 1
#define FRAMEWIRE_VERSION_PATCH 0

#endif
