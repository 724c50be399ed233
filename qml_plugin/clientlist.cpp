// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include "clientlist.h"

#include <algorithm>
#include <iterator>

namespace {
constexpr int webSocketRole = Qt::UserRole;
}

void ClientList::append(WebSocket *socket)
{
    const auto row = static_cast<int>(m_sockets.size());
    beginInsertRows({}, row, row);
    m_sockets.append(socket);
    endInsertRows();
}

// The socket may be an object that is being destroyed, so that it is only compared.
void ClientList::remove(const QObject *socket)
{
    const auto found = std::find(m_sockets.cbegin(), m_sockets.cend(), socket);
    if (found == m_sockets.cend())
        return;
    const auto row = static_cast<int>(std::distance(m_sockets.cbegin(), found));
    beginRemoveRows({}, row, row);
    m_sockets.removeAt(row);
    endRemoveRows();
}

void ClientList::clear()
{
    beginResetModel();
    m_sockets.clear();
    endResetModel();
}

int ClientList::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : static_cast<int>(m_sockets.size());
}

QVariant ClientList::data(const QModelIndex &index, int role) const
{
    if (role != webSocketRole || index.row() < 0 || index.row() >= m_sockets.size())
        return {};
    return QVariant::fromValue(m_sockets[index.row()]);
}

QHash<int, QByteArray> ClientList::roleNames() const
{
    return { { webSocketRole, "webSocket" } };
}
