// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// connects QML IMPORTS [COUNT]: connects so many times in one process, see connects.qml, 10,000 if
// not said, and fails when the memory that is in use has grown from the first fifth of them to the
// last one. Linux only.

#include <QCoreApplication>
#include <QEvent>
#include <QEventLoop>
#include <QFile>
#include <QNetworkProxy>
#include <QQmlComponent>
#include <QQmlEngine>
#include <QUrl>
#include <QVariant>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include <malloc.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define CONNECTS_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CONNECTS_ADDRESS_SANITIZER
#endif
#endif
#ifdef CONNECTS_ADDRESS_SANITIZER
// Its header, sanitizer/allocator_interface.h, does not come with g++.
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();
#endif

namespace {

struct Memory
{
    qint64 heap = 0; // bytes in blocks that are not freed
    qint64 resident = 0; // bytes
};

Memory memoryInUse()
{
    Memory memory;
#ifdef CONNECTS_ADDRESS_SANITIZER
    // What is resident says nothing: blocks that were freed are kept for a while.
    memory.heap = static_cast<qint64>(__sanitizer_get_current_allocated_bytes());
#else
    const struct mallinfo2 heap = mallinfo2();
    memory.heap = static_cast<qint64>(heap.uordblks + heap.hblkhd);
    QFile file(QStringLiteral("/proc/self/statm"));
    if (file.open(QIODevice::ReadOnly))
        memory.resident = file.readAll().split(' ').value(1).toLongLong() * sysconf(_SC_PAGESIZE);
#endif
    return memory;
}

// What nobody refers to any more goes first, and what it refers to afterwards.
void collectGarbage(QQmlEngine &engine)
{
    for (int i = 0; i < 3; ++i) {
        engine.collectGarbage();
        QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
        QCoreApplication::processEvents();
    }
    malloc_trim(0);
}

} // namespace

int main(int argc, char **argv)
{
    const QCoreApplication application(argc, argv);
    QNetworkProxy::setApplicationProxy(QNetworkProxy(QNetworkProxy::NoProxy));
    const QStringList arguments = QCoreApplication::arguments();
    const int count = arguments.size() > 3 ? arguments[3].toInt() : 10'000;

    QQmlEngine engine;
    engine.addImportPath(arguments.value(2));
    QQmlComponent component(&engine, QUrl::fromLocalFile(arguments.value(1)));
    const std::unique_ptr<QObject> root(component.create());
    if (!root) {
        std::fputs(qPrintable(component.errorString()), stderr);
        return 2;
    }
    bool hasWarned = false;
    QObject::connect(&engine, &QQmlEngine::warnings, &engine, [&] { hasWarned = true; });

    QEventLoop loop;
    QObject::connect(root.get(), SIGNAL(finished()), &loop, SLOT(quit()), Qt::QueuedConnection);
    const auto memoryAfter = [&](int connects) {
        QMetaObject::invokeMethod(root.get(), "connectUntil", Q_ARG(QVariant, connects));
        loop.exec();
        collectGarbage(engine);
        const Memory memory = memoryInUse();
        std::printf("after %d connections: %lld bytes of heap, %lld resident\n", connects,
                    static_cast<long long>(memory.heap), static_cast<long long>(memory.resident));
        return memory;
    };
    const Memory early = memoryAfter(count / 5);
    const Memory late = memoryAfter(count);
    // Of the heap, not even two bytes a connection may be left. What is resident is up to malloc
    // and to JavaScript's own heap as well.
    const bool heapIsFlat = late.heap - early.heap < 16'384;
    const bool residentIsFlat = late.resident - early.resident < 1'048'576;
    std::printf("%s\n", heapIsFlat && residentIsFlat ? "flat" : "it grows");
    return heapIsFlat && residentIsFlat && !hasWarned ? 0 : 1;
}
