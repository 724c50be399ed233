// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include "reconnect.h"

#include "reconnectdelay.h"

#include <QPointer>
#include <QRandomGenerator>

#include <algorithm>

Reconnect::Reconnect(QObject *parent)
    : QObject(parent)
{
    m_delay.setSingleShot(true);
    m_stable.setSingleShot(true);
    connect(&m_stable, &QTimer::timeout, this, [this] { setAttempt(0); });
}

void Reconnect::setEnabled(bool enabled)
{
    if (m_isEnabled == enabled)
        return;
    m_isEnabled = enabled;
    const QPointer<Reconnect> self(this);
    if (!enabled && m_delay.isActive())
        stop();
    if (self)
        Q_EMIT enabledChanged();
}

void Reconnect::setMinDelay(int milliseconds)
{
    if (m_minDelay == milliseconds)
        return;
    m_minDelay = milliseconds;
    Q_EMIT minDelayChanged();
}

void Reconnect::setMaxDelay(int milliseconds)
{
    if (m_maxDelay == milliseconds)
        return;
    m_maxDelay = milliseconds;
    Q_EMIT maxDelayChanged();
}

void Reconnect::setMaxAttempts(int attempts)
{
    if (m_maxAttempts == attempts)
        return;
    m_maxAttempts = attempts;
    Q_EMIT maxAttemptsChanged();
}

void Reconnect::opened()
{
    m_delay.stop();
    m_isAtWork = true;
    if (m_attempt > 0)
        m_stable.start(std::max(m_maxDelay, 0));
}

int Reconnect::lost()
{
    m_stable.stop();
    if (!m_isEnabled || (m_maxAttempts > 0 && m_attempt >= m_maxAttempts)) {
        stop();
        return -1;
    }
    m_isAtWork = true;
    const int delay = reconnectDelay(m_attempt + 1, m_minDelay, m_maxDelay,
                                     QRandomGenerator::global()->generateDouble());
    m_delay.start(delay);
    setAttempt(m_attempt + 1);
    return delay;
}

void Reconnect::stop()
{
    m_delay.stop();
    m_stable.stop();
    m_isAtWork = false;
    setAttempt(0);
}

void Reconnect::setAttempt(int attempt)
{
    if (m_attempt == attempt)
        return;
    m_attempt = attempt;
    Q_EMIT attemptChanged();
}
