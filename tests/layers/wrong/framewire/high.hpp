// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Includes a lower layer, which is right, and one without angle brackets.

#include <framewire/low.hpp>
#include "framewire/low.hpp"
