// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Writes a conversation down while it goes on, a line for each that was said, in UTF-8.

#ifndef FRAMEWIRE_EXAMPLES_CHAT_APP_TRANSCRIPT_HPP
#define FRAMEWIRE_EXAMPLES_CHAT_APP_TRANSCRIPT_HPP

#include <QDateTime>
#include <QFile>
#include <QObject>
#include <QString>

namespace example {

class transcript : public QObject {
    Q_OBJECT

public:
    bool open(const QString& path) {
        file_.setFileName(path);
        return file_.open(QIODevice::WriteOnly | QIODevice::Append);
    }
    QString error() const { return file_.errorString(); }

    /// Hears what is said in that window, which has a signal told(name, text, time).
    void follow(QObject* window) {
        if (window && file_.isOpen())
            connect(window, SIGNAL(told(QString, QString, double)), this,
                    SLOT(add(QString, QString, double)));
    }

public Q_SLOTS:
    /// "<name> text", or "* text" when the name is empty and nobody said it. No name has brackets,
    /// and what continues a line is indented: nobody can write a line of somebody else.
    void add(const QString& name, const QString& text, double time) {
        const auto when = QDateTime::fromMSecsSinceEpoch(static_cast<qint64>(time));
        QString line = when.toString(QStringLiteral("yyyy-MM-dd hh:mm:ss "));
        line += name.isEmpty() ? QStringLiteral("* ") : u'<' + name + QStringLiteral("> ");
        line += QString(text).replace(QLatin1Char('\n'), QStringLiteral("\n    "));
        file_.write(line.toUtf8() + '\n');
        file_.flush();
    }

private:
    QFile file_;
};

} // namespace example

#endif
