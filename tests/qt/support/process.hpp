// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A peer that is a program of its own: started, listened to line by line, and ended with the test.

#ifndef FRAMEWIRE_TESTS_QT_PROCESS_HPP
#define FRAMEWIRE_TESTS_QT_PROCESS_HPP

#include "loop.hpp"

#include <QFileInfo>
#include <QProcess>
#include <QProcessEnvironment>
#include <QStringList>

#include <stdexcept>
#include <string>
#include <string_view>

namespace framewire::test {

class peer_process {
public:
    peer_process(const QString& program, const QStringList& arguments) {
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        environment.insert(QStringLiteral("NODE_PATH"), QStringLiteral(FRAMEWIRE_NODE_MODULES));
        process_.setProcessEnvironment(environment);
        process_.setProcessChannelMode(QProcess::ForwardedErrorChannel);
        QObject::connect(&process_, &QProcess::readyReadStandardOutput, &process_,
                         [this] { output += process_.readAllStandardOutput().toStdString(); });
        process_.start(program, arguments);
        if (!process_.waitForStarted()) {
            throw std::runtime_error("cannot start " + program.toStdString());
        }
    }
    peer_process(const peer_process&) = delete;
    peer_process& operator=(const peer_process&) = delete;
    ~peer_process() {
        process_.disconnect();
        process_.kill();
        process_.waitForFinished();
    }

    bool wait_for_text(std::string_view text) {
        return wait_for([&] {
                   return output.find(text) != std::string::npos ||
                          process_.state() == QProcess::NotRunning;
               }) &&
               output.find(text) != std::string::npos;
    }
    /// The number in the first line: servers listen on a free port and tell which.
    int wait_for_port() {
        if (!wait_for_text("\n")) {
            throw std::runtime_error("the peer did not start: is it installed? (tests/run does)");
        }
        return std::stoi(output);
    }
    bool wait_for_success() {
        return wait_for([&] { return process_.state() == QProcess::NotRunning; }) &&
               process_.exitStatus() == QProcess::NormalExit && process_.exitCode() == 0;
    }

    std::string output;

private:
    QProcess process_;
};

} // namespace framewire::test

#endif
