// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Measures a WebSocketServer and a WebSocket of QML in one process, see qml_pair.qml: those of the
// module that is named, Framewire or QtWebSockets.

#include "support/arguments.hpp"

#include <QByteArray>
#include <QCoreApplication>
#include <QElapsedTimer>
#include <QEventLoop>
#include <QFile>
#include <QMetaObject>
#include <QObject>
#include <QQmlComponent>
#include <QQmlEngine>
#include <QUrl>
#include <QVariant>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace {

constexpr const char* help =
    R"(qml_pair [--stock] [option]...

Connects a client to a server in QML, has its messages echoed, and prints a line of JSON for each
repetition: round trips of 16 B and of 64 KiB of text a second, messages a second of 16 B when
20,000 are sent at once, MiB a second each way of binary messages of 1 MiB, and messages a second that
arrive when texts of 16 B and of 64 KiB go to 100 clients: by a broadcast, or by a loop where there is
none.

  --stock            with QtWebSockets, not Framewire
  --seconds S        what each of the measurements takes, roughly: 1
  --repeat N         repetitions, on the same connection: 1
)";

constexpr int members = 100; // that a broadcast goes to

class pair {
public:
    explicit pair(bool stock) {
        engine_.addImportPath(QStringLiteral(FRAMEWIRE_QML_IMPORTS));
        const QString path = QStringLiteral(FRAMEWIRE_QML_PAIR);
        QFile file(path);
        if (!file.open(QIODevice::ReadOnly)) benchmarks::misuse("cannot be read", "qml_pair.qml");
        QByteArray text = file.readAll();
        if (stock) text.replace("\nimport Framewire\n", "\nimport QtWebSockets\n");
        QQmlComponent component(&engine_);
        component.setData(text, QUrl::fromLocalFile(path));
        root_.reset(component.create());
        if (root_ == nullptr) {
            std::fputs(component.errorString().toUtf8().constData(), stderr);
            std::exit(1);
        }
        wait_for(SIGNAL(ready()));
    }

    // Seconds until as many messages have come back.
    double run(const char* function, int size, int count, int depth) {
        QElapsedTimer timer;
        timer.start();
        QMetaObject::invokeMethod(root_.get(), function, Q_ARG(QVariant, size),
                                  Q_ARG(QVariant, count), Q_ARG(QVariant, depth));
        wait_for(SIGNAL(finished()));
        return static_cast<double>(timer.nsecsElapsed()) / 1e9;
    }

    // Messages a second. Goes on until the time is over, in runs of `count`.
    double rate(const char* function, int size, int count, int depth, double seconds) {
        int done = 0;
        double time = 0;
        while (time < seconds || done == 0) {
            time += run(function, size, count, depth);
            done += count;
        }
        return done / time;
    }

    void join(int count) {
        QMetaObject::invokeMethod(root_.get(), "join", Qt::QueuedConnection,
                                  Q_ARG(QVariant, count));
        wait_for(SIGNAL(finished()));
    }

    // Messages a second that arrive.
    double broadcast_rate(int size, int count, int clients, double seconds) {
        int done = 0;
        double time = 0;
        while (time < seconds || done == 0) {
            QElapsedTimer timer;
            timer.start();
            QMetaObject::invokeMethod(root_.get(), "broadcast", Q_ARG(QVariant, size),
                                      Q_ARG(QVariant, count));
            wait_for(SIGNAL(finished()));
            time += static_cast<double>(timer.nsecsElapsed()) / 1e9;
            done += count * clients;
        }
        return done / time;
    }

private:
    void wait_for(const char* signal) {
        QEventLoop loop;
        QObject::connect(root_.get(), signal, &loop, SLOT(quit()), Qt::QueuedConnection);
        loop.exec();
    }

    QQmlEngine engine_;
    std::unique_ptr<QObject> root_;
};

} // namespace

int main(int argc, char** argv) {
    benchmarks::arguments given(argc, argv, help);
    const bool stock = given.flag("--stock");
    const double seconds = given.number("--seconds", 1.0, 0.001, 3600.0);
    const int repeat = given.number("--repeat", 1, 1, 1'000'000);
    given.finish();

    const QCoreApplication app(argc, argv);
    pair measured(stock);
    measured.rate("echoText", 16, 1000, 1, 0.2); // JavaScript is compiled meanwhile
    for (int i = 0; i < repeat; ++i) {
        const double trips = measured.rate("echoText", 16, 1000, 1, seconds);
        const double long_trips = measured.rate("echoText", 65'536, 100, 1, seconds);
        const double pipelined = measured.rate("echoText", 16, 20'000, 20'000, seconds);
        const double binary = measured.rate("echoBinary", 1 << 20, 20, 1, seconds);
        if (i == 0) measured.join(members);
        const double short_broadcasts = measured.broadcast_rate(16, 20, members, seconds);
        const double long_broadcasts = measured.broadcast_rate(65'536, 2, members, seconds);
        std::printf("{\"module\": \"%s\", \"text_16\": %.0f, \"text_65536\": %.0f, "
                    "\"pipelined_16\": %.0f, \"binary_mib\": %.1f, \"broadcast_16\": %.0f, "
                    "\"broadcast_65536\": %.0f}\n",
                    stock ? "QtWebSockets" : "Framewire", trips, long_trips, pipelined, binary,
                    short_broadcasts, long_broadcasts);
        std::fflush(stdout);
    }
}
