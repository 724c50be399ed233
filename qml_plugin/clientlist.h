// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The clients of a WebSocketServer as a model for views.

#ifndef FRAMEWIRE_QML_CLIENTLIST_H
#define FRAMEWIRE_QML_CLIENTLIST_H

#include "websocket.h"

#include <QAbstractListModel>
#include <QByteArray>
#include <QHash>
#include <QList>
#include <QVariant>
#include <QtQml/qqmlregistration.h>

/// The sockets of a server that are open, in the order in which they came. A row has one role,
/// `webSocket`. A socket leaves before the handlers of its statusChanged() are called.
class ClientList : public QAbstractListModel
{
    Q_OBJECT
    QML_ANONYMOUS

public:
    explicit ClientList(QObject *parent)
        : QAbstractListModel(parent)
    {
    }

    /// The socket in that row; null when there is none.
    Q_INVOKABLE WebSocket *get(int row) const { return m_sockets.value(row); }

    const QList<WebSocket *> &sockets() const { return m_sockets; }
    void append(WebSocket *socket);
    void remove(const QObject *socket);
    void clear();

    int rowCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role) const override;
    QHash<int, QByteArray> roleNames() const override;

private:
    QList<WebSocket *> m_sockets;
};

#endif
