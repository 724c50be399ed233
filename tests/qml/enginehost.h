// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Engines that end before the test does, and objects that end at once.

#ifndef FRAMEWIRE_TESTS_QML_ENGINEHOST_H
#define FRAMEWIRE_TESTS_QML_ENGINEHOST_H

#include <QObject>
#include <QString>
#include <QtQml/qqmlregistration.h>

#include <memory>

class QQmlEngine;

/// Another engine, with an object in it.
class EngineHost : public QObject
{
    Q_OBJECT
    QML_ELEMENT

public:
    explicit EngineHost(QObject *parent = nullptr);
    ~EngineHost() override;

    /// Makes an object of that source. Nothing when it cannot: a warning says why.
    Q_INVOKABLE QObject *make(const QString &source);
    /// Ends the engine, and the object with it, or leaves the object to the next `end`.
    Q_INVOKABLE void end(bool objectToo = true);
    /// Deletes an object now, not when control returns to the event loop as destroy() does.
    Q_INVOKABLE void destroyNow(QObject *object) { delete object; }

private:
    std::unique_ptr<QQmlEngine> m_engine;
    std::unique_ptr<QObject> m_object;
};

#endif
