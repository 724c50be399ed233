// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What the QML tests need to talk to WebSockets of others: one of the programs in tests/peers.

#ifndef FRAMEWIRE_TESTS_QML_PEERPROGRAM_H
#define FRAMEWIRE_TESTS_QML_PEERPROGRAM_H

#include <QObject>
#include <QProcess>
#include <QString>
#include <QStringList>
#include <QtQml/qqmlregistration.h>

/// A program in a language that its file's name tells. It ends with the object.
class PeerProgram : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    /// What it has said so far.
    Q_PROPERTY(QString output READ output NOTIFY outputChanged)
    /// Its exit code; -1 while it runs, and when it crashed or could not be started.
    Q_PROPERTY(int exitCode READ exitCode NOTIFY finished)

public:
    explicit PeerProgram(QObject *parent = nullptr);
    ~PeerProgram() override;

    QString output() const { return m_output; }
    int exitCode() const { return m_exitCode; }

    Q_INVOKABLE void start(const QString &file, const QStringList &arguments = {});

Q_SIGNALS:
    void outputChanged();
    void finished();

private:
    QProcess m_process;
    QString m_output;
    int m_exitCode = -1;
};

#endif
