// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// qt_echo_client URL TEXT...: sends the texts, prints what comes back, and closes when all has.

#include <framewire/qt/client.hpp>

#include <QCoreApplication>
#include <QStringList>
#include <QUrl>

#include <iostream>
#include <string_view>

int main(int argc, char** argv) {
    QCoreApplication app(argc, argv);
    const QStringList words = QCoreApplication::arguments().mid(1);
    if (words.size() < 2) {
        std::cerr << "usage: qt_echo_client URL TEXT..." << std::endl;
        return 2;
    }
    const QStringList texts = words.mid(1);
    qsizetype expected = texts.size();

    framewire::qt::client ws;
    ws.on_opened = [&] {
        for (const QString& text : texts)
            ws.send_text(text);
    };
    ws.on_text = [&](std::string_view text) {
        std::cout << text << std::endl;
        if (--expected == 0) ws.close();
    };
    ws.on_closed = [](const framewire::qt::close_info& info) {
        if (!info.error_text.isEmpty())
            std::cerr << "qt_echo_client: " << info.error_text.toStdString() << std::endl;
        QCoreApplication::exit(info.clean ? 0 : 1);
    };
    // What is wrong with the URL comes to on_closed, too, like everything that goes wrong later.
    ws.open(QUrl(words[0]));
    return app.exec();
}
