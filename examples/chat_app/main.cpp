// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The chat with windows: its command line, and the files that it is asked to write. Everything
// else is QML.

#include "transcript.hpp"

#include <QCommandLineParser>
#include <QFontDatabase>
#include <QGuiApplication>
#include <QHostAddress>
#include <QQmlApplicationEngine>
#include <QQuickStyle>
#include <QRegularExpression>
#include <QSize>

#include <cstdio>
#include <optional>

namespace {

int fail(const QString& text) {
    std::fprintf(stderr, "chat_app: %s\n", qPrintable(text));
    return 2;
}

// Emoji in colour, where the font of the texts has them as well as where it has none; digits from
// the latter, since a font of emoji has digits, too.
void set_font() {
    QFont font = QGuiApplication::font();
    const QString text = QStringLiteral("Inter");
    font.setFamilies({QFontDatabase::hasFamily(text) ? text : font.family(),
                      QStringLiteral("Noto Color Emoji")});
    QGuiApplication::setFont(font);
}

std::optional<quint16> to_port(const QString& text) {
    bool ok = false;
    const quint16 port = text.toUShort(&ok);
    return ok ? std::optional(port) : std::nullopt;
}

std::optional<QSize> to_size(const QString& text) {
    static const QRegularExpression form(QStringLiteral("^([0-9]{3,4})x([0-9]{3,4})$"));
    const QRegularExpressionMatch match = form.match(text);
    if (!match.hasMatch()) return {};
    return QSize(match.capturedView(1).toInt(), match.capturedView(2).toInt());
}

} // namespace

int main(int argc, char** argv) {
    QGuiApplication app(argc, argv);
    QGuiApplication::setApplicationName(QStringLiteral("chat_app"));
    set_font();
    // The style that leaves the looks to the application, whatever the desktop's is.
    QQuickStyle::setStyle(QStringLiteral("Basic"));

    QCommandLineParser parser;
    parser.setApplicationDescription(
        QStringLiteral("Talks to everybody who is in the same room.\n"
                       "Without --host and --join the window asks where to go."));
    parser.addHelpOption();
    const QCommandLineOption host(QStringLiteral("host"), QStringLiteral("Open a room here."));
    const QCommandLineOption listen(
        QStringLiteral("listen"),
        QStringLiteral("Where that room is found: an address of this computer. "
                       "127.0.0.1 if not given: by this computer alone."),
        QStringLiteral("ip"), QStringLiteral("127.0.0.1"));
    const QCommandLineOption port(QStringLiteral("port"),
                                  QStringLiteral("Its port, 3000 if not given; 0 is any."),
                                  QStringLiteral("number"), QStringLiteral("3000"));
    const QCommandLineOption join(QStringLiteral("join"),
                                  QStringLiteral("Join the room there, such as localhost:3000."),
                                  QStringLiteral("address"));
    // Not "name": that is an option of Qt with X11, which takes it away.
    const QCommandLineOption name(QStringLiteral("as"), QStringLiteral("What the others call you."),
                                  QStringLiteral("name"));
    const QCommandLineOption look(QStringLiteral("look"),
                                  QStringLiteral("light, dark, or system if not given."),
                                  QStringLiteral("look"), QStringLiteral("system"));
    const QCommandLineOption size(QStringLiteral("size"), QStringLiteral("Of the window."),
                                  QStringLiteral("WxH"), QStringLiteral("860x620"));
    const QCommandLineOption transcript(
        QStringLiteral("transcript"),
        QStringLiteral("Append the conversation to that file: \"<name> text\", "
                       "and \"* \" before what nobody said."),
        QStringLiteral("file"));
    const QCommandLineOption say(QStringLiteral("say"),
                                 QStringLiteral("Say this, and end when it was heard."),
                                 QStringLiteral("text"));
    const QCommandLineOption picture(
        QStringLiteral("picture"),
        QStringLiteral("With --say: save a picture of the window in that file, a PNG."),
        QStringLiteral("file"));
    const QCommandLineOption pictures(
        QStringLiteral("pictures"),
        QStringLiteral("Make the pictures that are in the README, in that folder."),
        QStringLiteral("folder"));
    parser.addOptions(
        {host, listen, port, join, name, look, size, transcript, say, picture, pictures});
    parser.process(app);

    const auto number = to_port(parser.value(port));
    const auto window_size = to_size(parser.value(size));
    const QStringList looks{QStringLiteral("light"), QStringLiteral("dark"),
                            QStringLiteral("system")};
    if (!parser.positionalArguments().isEmpty())
        return fail(QStringLiteral("what is \"%1\"? See --help.")
                        .arg(parser.positionalArguments().constFirst()));
    if (parser.isSet(host) && parser.isSet(join))
        return fail(QStringLiteral("--host and --join: one of them, please"));
    if (!number) return fail(QStringLiteral("--port: \"%1\" is no port").arg(parser.value(port)));
    if (QHostAddress(parser.value(listen)).isNull())
        return fail(QStringLiteral("--listen: \"%1\" is no IP address").arg(parser.value(listen)));
    if (!window_size)
        return fail(
            QStringLiteral("--size: \"%1\" is no size such as 860x620").arg(parser.value(size)));
    if (!looks.contains(parser.value(look)))
        return fail(QStringLiteral("--look: \"%1\" is neither light nor dark nor system")
                        .arg(parser.value(look)));
    if (parser.isSet(picture) && !parser.isSet(say))
        return fail(QStringLiteral("--picture goes with --say"));
    if (parser.isSet(say) && !parser.isSet(host) && !parser.isSet(join))
        return fail(QStringLiteral("--say needs --host or --join"));

    example::transcript file;
    if (parser.isSet(transcript) && !file.open(parser.value(transcript)))
        return fail(QStringLiteral("--transcript: cannot write %1: %2")
                        .arg(parser.value(transcript), file.error()));

    QQmlApplicationEngine engine;
    // In the tree that this was built in, the module is found beside.
    engine.addImportPath(QGuiApplication::applicationDirPath() + QStringLiteral("/../qml"));
    QString main = QStringLiteral("qrc:/chat_app/Main.qml");
    if (parser.isSet(pictures)) {
        main = QStringLiteral("qrc:/chat_app/pictures.qml");
        engine.setInitialProperties({{QStringLiteral("folder"), parser.value(pictures)}});
    } else {
        const QVariantMap errand{{QStringLiteral("look"), parser.value(look)},
                                 {QStringLiteral("listen"), parser.value(listen)},
                                 {QStringLiteral("port"), *number},
                                 {QStringLiteral("host"), parser.isSet(host)},
                                 {QStringLiteral("join"), parser.value(join)},
                                 {QStringLiteral("name"), parser.value(name)},
                                 {QStringLiteral("say"), parser.value(say)},
                                 {QStringLiteral("picture"), parser.value(picture)}};
        engine.setInitialProperties({{QStringLiteral("width"), window_size->width()},
                                     {QStringLiteral("height"), window_size->height()},
                                     {QStringLiteral("errand"), errand}});
    }
    QObject::connect(&engine, &QQmlApplicationEngine::objectCreated, &file,
                     [&file](QObject* window) { file.follow(window); });
    engine.load(QUrl(main));
    return engine.rootObjects().isEmpty() ? 1 : QGuiApplication::exec();
}
