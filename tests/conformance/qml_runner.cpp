// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Runs a QML file: qml_runner IMPORTS FILE [ARGUMENTS]. Qt's own program would do, but with
// sanitizers the program has to be built with them too.

#include <QCoreApplication>
#include <QQmlApplicationEngine>
#include <QUrl>

int main(int argc, char** argv) {
    QCoreApplication application(argc, argv);
    if (argc < 3) return 2;
    QQmlApplicationEngine engine;
    engine.addImportPath(QString::fromLocal8Bit(argv[1]));
    engine.load(QUrl::fromLocalFile(QString::fromLocal8Bit(argv[2])));
    return engine.rootObjects().isEmpty() ? 1 : QCoreApplication::exec();
}
