// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Messages that wait for a connection.

#ifndef FRAMEWIRE_QML_OUTBOX_H
#define FRAMEWIRE_QML_OUTBOX_H

#include <framewire/qt/session.hpp>
#include <framewire/rfc6455.hpp>

#include <QByteArray>

#include <utility>
#include <vector>

class Outbox
{
public:
    void add(framewire::opcode kind, const QByteArray &bytes)
    {
        m_size += bytes.size() + longestHeader;
        m_messages.emplace_back(kind, bytes);
    }

    /// Bytes of messages, with the longest headers that they may get: empty ones count, too.
    qint64 size() const { return m_size; }

    /// Sends them all, in their order.
    void sendBy(framewire::qt::session &session)
    {
        for (const auto &[kind, bytes] : std::exchange(m_messages, {})) {
            if (kind == framewire::opcode::text)
                session.send_text(QUtf8StringView(bytes));
            else
                session.send_binary(bytes);
        }
        m_size = 0;
    }

    void clear()
    {
        m_messages = {};
        m_size = 0;
    }

private:
    static constexpr qint64 longestHeader = 14; // RFC 6455 5.2

    std::vector<std::pair<framewire::opcode, QByteArray>> m_messages;
    qint64 m_size = 0;
};

#endif
