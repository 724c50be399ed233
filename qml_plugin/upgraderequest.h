// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What a client asks for when it wants to connect, for the handlers that decide on it.

#ifndef FRAMEWIRE_QML_UPGRADEREQUEST_H
#define FRAMEWIRE_QML_UPGRADEREQUEST_H

#include <framewire/qt/http.hpp>

#include <QObject>
#include <QString>
#include <QVariantMap>
#include <QtQml/qqmlregistration.h>

/// A client's request, as WebSocketServer.upgradeRequested() shows it. It is accepted unless a
/// handler calls reject().
class UpgradeRequest : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("The server makes them")

    /// The path of the URL as it was sent, percent-encoded, such as "/chat".
    Q_PROPERTY(QString path READ path CONSTANT)
    /// What stands behind the question mark of the URL, likewise; empty when there is none.
    Q_PROPERTY(QString query READ query CONSTANT)
    /// The header fields: an object that has a string for each name, in lower case, or a list of
    /// strings when there are several fields of that name.
    Q_PROPERTY(QVariantMap headers READ headers CONSTANT)
    /// The Origin field: the web page that connects. Empty when a program does.
    Q_PROPERTY(QString origin READ origin CONSTANT)
    /// The client's IP address.
    Q_PROPERTY(QString peerAddress READ peerAddress CONSTANT)

public:
    explicit UpgradeRequest(const framewire::qt::request &request);

    QString path() const { return m_path; }
    QString query() const { return m_query; }
    QVariantMap headers() const { return m_headers; }
    QString origin() const { return m_origin; }
    QString peerAddress() const { return m_peerAddress; }

    /// Refuses with that status of HTTP, 400 to 599, and that text as the body of the answer, or
    /// the status itself when it is empty. Throws a RangeError for other statuses, and an Error
    /// when the handlers have returned: then it is too late.
    Q_INVOKABLE void reject(int status = 403, const QString &reason = {});

    /// The answer, once all handlers have returned. What comes later changes nothing.
    framewire::qt::answer takeAnswer();

private:
    QString m_path;
    QString m_query;
    QVariantMap m_headers;
    QString m_origin;
    QString m_peerAddress;
    framewire::qt::answer m_answer;
    bool m_isAnswered = false;
};

#endif
