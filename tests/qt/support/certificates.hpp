// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A certificate authority of the tests' own, made by openssl when it is first needed.

#ifndef FRAMEWIRE_TESTS_QT_CERTIFICATES_HPP
#define FRAMEWIRE_TESTS_QT_CERTIFICATES_HPP

#include <QFile>
#include <QProcess>
#include <QSslCertificate>
#include <QSslConfiguration>
#include <QSslKey>
#include <QSslSocket>
#include <QTemporaryDir>

#include <stdexcept>

namespace framewire::test {

class certificate_folder {
public:
    certificate_folder() {
        const QString script = QStringLiteral(FRAMEWIRE_PEERS "/make_certificates.sh");
        if (QProcess::execute(script, {folder_.path()}) != 0) {
            throw std::runtime_error("make_certificates.sh failed: is openssl installed?");
        }
    }
    [[nodiscard]] QString path(const char* name) const {
        return folder_.filePath(QString::fromLatin1(name));
    }

    /// For a server that shows the certificate of that name: see make_certificates.sh.
    [[nodiscard]] QSslConfiguration of_server(const QByteArray& name) const {
        QSslConfiguration result = QSslConfiguration::defaultConfiguration();
        result.setLocalCertificate(certificate(name));
        QFile file(path((name + ".key").constData()));
        if (!file.open(QIODevice::ReadOnly)) throw std::runtime_error("no such key");
        result.setPrivateKey(QSslKey(&file, QSsl::Ec));
        result.setPeerVerifyMode(QSslSocket::VerifyNone);
        return result;
    }
    /// For a client that trusts the authority.
    [[nodiscard]] QSslConfiguration of_client() const {
        QSslConfiguration result = QSslConfiguration::defaultConfiguration();
        result.setCaCertificates({certificate("ca")});
        return result;
    }

private:
    [[nodiscard]] QSslCertificate certificate(const QByteArray& name) const {
        QFile file(path((name + ".pem").constData()));
        if (!file.open(QIODevice::ReadOnly)) throw std::runtime_error("no such certificate");
        return QSslCertificate(&file);
    }
    QTemporaryDir folder_;
};

inline const certificate_folder& certificates() {
    static const certificate_folder folder;
    return folder;
}

} // namespace framewire::test

#endif
