// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// How long to wait before a lost connection is made again.

#ifndef FRAMEWIRE_QML_RECONNECTDELAY_H
#define FRAMEWIRE_QML_RECONNECTDELAY_H

#include <algorithm>
#include <cmath>

/// Milliseconds before that attempt, counted from 1. The bound doubles with each attempt, from
/// twice the least delay up to the most, and the delay is anywhere between the least one and that
/// bound: many clients that lost the same server do not come back all at once. `random` is from 0
/// to 1.
inline int reconnectDelay(int attempt, int least, int most, double random)
{
    const double from = std::max(least, 0);
    const double to = std::max<double>(most, from);
    // Two to the power of 31 is beyond any delay.
    const double bound = std::min(std::ldexp(std::max(from, 1.0), std::clamp(attempt, 0, 31)), to);
    return static_cast<int>(from + (bound - from) * std::clamp(random, 0.0, 1.0));
}

#endif
