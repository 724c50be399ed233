// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include "peerprogram.h"

#include <QFileInfo>
#include <QProcessEnvironment>

PeerProgram::PeerProgram(QObject *parent)
    : QObject(parent)
{
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert(QStringLiteral("NODE_PATH"), QStringLiteral(FRAMEWIRE_NODE_MODULES));
    m_process.setProcessEnvironment(environment);
    m_process.setProcessChannelMode(QProcess::ForwardedErrorChannel);
    connect(&m_process, &QProcess::readyReadStandardOutput, this, [this] {
        m_output += QString::fromUtf8(m_process.readAllStandardOutput());
        Q_EMIT outputChanged();
    });
    connect(&m_process, &QProcess::finished, this, [this](int code, QProcess::ExitStatus status) {
        m_exitCode = status == QProcess::NormalExit ? code : -1;
        Q_EMIT finished();
    });
}

PeerProgram::~PeerProgram()
{
    m_process.disconnect(this);
    m_process.kill();
    m_process.waitForFinished();
}

void PeerProgram::start(const QString &file, const QStringList &arguments)
{
    // Debian's module belongs to Debian's interpreter, which need not be the first one in PATH.
    QString python = QStringLiteral("/usr/bin/python3");
    if (!QFileInfo::exists(python))
        python = QStringLiteral("python3");
    m_process.start(file.endsWith(QLatin1String(".js")) ? QStringLiteral("node") : python,
                    QStringList{ QStringLiteral(FRAMEWIRE_PEERS "/") + file } + arguments);
}
