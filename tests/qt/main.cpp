// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Catch's main with a Qt application around it: sockets and timers need one.

#define CATCH_CONFIG_RUNNER
#include "support/catch.hpp"

#include <QCoreApplication>
#include <QNetworkProxy>

int main(int argc, char** argv) {
    QCoreApplication application(argc, argv);
    // Peers are on this machine, whatever proxy its user has.
    QNetworkProxy::setApplicationProxy(QNetworkProxy(QNetworkProxy::NoProxy));
    return Catch::Session().run(argc, argv);
}
