// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The grouped property `reconnect`: whether and when a lost connection is made again.

#ifndef FRAMEWIRE_QML_RECONNECT_H
#define FRAMEWIRE_QML_RECONNECT_H

#include <QObject>
#include <QTimer>
#include <QtQml/qqmlregistration.h>

/// Connects again, as long as the WebSocket is active, when a connection was lost, was closed by
/// the server, or could not be made. The delays grow with each attempt and are partly chance: each
/// is between `minDelay` and a bound that doubles up to `maxDelay`.
///
/// It ends when another attempt would be no better: after a URL that cannot be used, a response
/// status of 401 or 403, and the close code 1008. `active = false` and close() stop it at once, and
/// another url begins anew.
class Reconnect : public QObject
{
    Q_OBJECT
    QML_ANONYMOUS

    /// Off at first. Switching it off stops what is going on.
    Q_PROPERTY(bool enabled READ isEnabled WRITE setEnabled NOTIFY enabledChanged)
    /// The shortest delay in milliseconds, 1 s at first.
    Q_PROPERTY(int minDelay READ minDelay WRITE setMinDelay NOTIFY minDelayChanged)
    /// The longest delay in milliseconds, 30 s at first. A connection that has been open for so
    /// long counts as a good one: when it is lost, the attempts are counted from 1 again.
    Q_PROPERTY(int maxDelay READ maxDelay WRITE setMaxDelay NOTIFY maxDelayChanged)
    /// After how many attempts to give up; 0, as at first, means never.
    Q_PROPERTY(int maxAttempts READ maxAttempts WRITE setMaxAttempts NOTIFY maxAttemptsChanged)
    /// The number of the attempt that is waited for or made, from 1 on; 0 when there is none.
    Q_PROPERTY(int attempt READ attempt NOTIFY attemptChanged)

public:
    explicit Reconnect(QObject *parent);

    bool isEnabled() const { return m_isEnabled; }
    void setEnabled(bool enabled);
    int minDelay() const { return m_minDelay; }
    void setMinDelay(int milliseconds);
    int maxDelay() const { return m_maxDelay; }
    void setMaxDelay(int milliseconds);
    int maxAttempts() const { return m_maxAttempts; }
    void setMaxAttempts(int attempts);
    int attempt() const { return m_attempt; }

    // --- For the WebSocket

    /// Tells when the delay is over.
    template <typename Receiver> void onDue(Receiver *receiver, void (Receiver::*function)())
    {
        connect(&m_delay, &QTimer::timeout, receiver, function);
    }

    /// A connection is open.
    void opened();
    /// A connection was lost, or could not be made. Begins to wait for the next attempt, and
    /// returns how long that takes; -1 when there is none.
    int lost();
    /// Nobody wants another attempt.
    void stop();

    /// True from the first connection or lost one on until stop(): what was lost will be made
    /// again.
    bool isAtWork() const { return m_isEnabled && m_isAtWork; }

Q_SIGNALS:
    void enabledChanged();
    void minDelayChanged();
    void maxDelayChanged();
    void maxAttemptsChanged();
    void attemptChanged();

private:
    void setAttempt(int attempt);

    QTimer m_delay;
    QTimer m_stable; // runs while a connection has to prove itself
    int m_minDelay = 1'000;
    int m_maxDelay = 30'000;
    int m_maxAttempts = 0;
    int m_attempt = 0;
    bool m_isEnabled = false;
    bool m_isAtWork = false;
};

#endif
