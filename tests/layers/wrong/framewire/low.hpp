// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Includes what check.cmake has to refuse.

#include <QString>
#include <framewire/high.hpp>
#include <immintrin.h>
#include <iostream>
#include <libdeflate.h>
#include <zlib.h>
