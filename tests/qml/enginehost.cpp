// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include "enginehost.h"

#include <QQmlComponent>
#include <QQmlEngine>

EngineHost::EngineHost(QObject *parent)
    : QObject(parent)
{
}

EngineHost::~EngineHost() = default;

QObject *EngineHost::make(const QString &source)
{
    m_engine = std::make_unique<QQmlEngine>();
    m_engine->setImportPathList(qmlEngine(this)->importPathList());
    QQmlComponent component(m_engine.get());
    component.setData(source.toUtf8(), {});
    m_object.reset(component.create());
    if (!m_object)
        qWarning("%s", qPrintable(component.errorString()));
    QQmlEngine::setObjectOwnership(m_object.get(), QQmlEngine::CppOwnership);
    return m_object.get();
}

void EngineHost::end(bool objectToo)
{
    if (objectToo)
        m_object.reset();
    m_engine.reset();
}
