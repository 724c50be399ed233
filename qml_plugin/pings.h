// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The pings that were sent and not answered yet.

#ifndef FRAMEWIRE_QML_PINGS_H
#define FRAMEWIRE_QML_PINGS_H

#include <QByteArray>
#include <QElapsedTimer>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <iterator>
#include <optional>

class Pings
{
public:
    void sent(const QByteArray &payload)
    {
        if (m_pings.size() == most)
            m_pings.pop_front();
        m_pings.emplace_back().payload = payload;
        m_pings.back().timer.start();
    }

    /// How many milliseconds the answer took; empty when nobody asked for this pong. Pings are
    /// answered in order, but a peer may answer only the newest (RFC 6455 5.5.3).
    std::optional<double> answered(const QByteArray &payload)
    {
        const auto ping = std::find_if(m_pings.begin(), m_pings.end(),
                                       [&](const Ping &one) { return one.payload == payload; });
        if (ping == m_pings.end())
            return {};
        const double milliseconds = static_cast<double>(ping->timer.nsecsElapsed()) / 1e6;
        m_pings.erase(m_pings.begin(), std::next(ping));
        return milliseconds;
    }

    void clear() { m_pings.clear(); }

private:
    static constexpr std::size_t most = 64;

    struct Ping
    {
        QByteArray payload;
        QElapsedTimer timer;
    };

    std::deque<Ping> m_pings;
};

#endif
