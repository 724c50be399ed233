// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include "upgraderequest.h"

#include "headerfields.h"

#include <QJSEngine>
#include <QJSValue>

UpgradeRequest::UpgradeRequest(const framewire::qt::request &request)
    : m_headers(toObject(request.headers))
    , m_origin(QString::fromUtf8(request.origin))
    , m_peerAddress(request.peer_address.toString())
{
    const QString target = QString::fromLatin1(request.target);
    const qsizetype mark = target.indexOf(QLatin1Char('?'));
    m_path = target.left(mark);
    if (mark >= 0)
        m_query = target.mid(mark + 1);
}

void UpgradeRequest::reject(int status, const QString &reason)
{
    QJSEngine *const engine = qjsEngine(this);
    if (status < 400 || status > 599) {
        if (engine)
            engine->throwError(QJSValue::RangeError,
                               QStringLiteral("A request is rejected with a status of 400 to 599"));
    } else if (m_isAnswered) {
        if (engine)
            engine->throwError(QStringLiteral("The request has been answered already"));
    } else {
        m_answer = framewire::qt::answer::refuse(status, reason.toUtf8());
    }
}

framewire::qt::answer UpgradeRequest::takeAnswer()
{
    m_isAnswered = true;
    return m_answer;
}
