// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

#include "tlssettings.h"

#include <QByteArray>
#include <QDir>
#include <QFile>
#include <QList>
#include <QQmlContext>
#include <QSslCertificate>
#include <QSslKey>
#include <QSslSocket>
#include <QUrl>
#include <QtQml/qqml.h>

namespace {

// Nobody has more in a file of certificates, and somebody may name /dev/zero.
constexpr qint64 mostBytes = 16 << 20;

// Empty when the file could not be read, which the error then says.
QByteArray contents(const QString &path, QString &error)
{
    QFile file(path);
    QByteArray bytes;
    if (file.open(QIODevice::ReadOnly))
        bytes = file.read(mostBytes);
    if (bytes.isEmpty())
        error = file.error() == QFileDevice::NoError ? QStringLiteral("the file is empty")
                                                     : file.errorString();
    return bytes;
}

QList<QSslCertificate> certificatesIn(const QString &path, QString &error)
{
    const QByteArray bytes = contents(path, error);
    if (bytes.isEmpty())
        return {};
    QList<QSslCertificate> all = QSslCertificate::fromData(bytes, QSsl::Pem);
    if (all.isEmpty())
        all = QSslCertificate::fromData(bytes, QSsl::Der);
    if (all.isEmpty())
        error = QStringLiteral("there is no certificate in it");
    return all;
}

QSslKey keyIn(const QString &path, const QString &passPhrase, QString &error)
{
    const QByteArray bytes = contents(path, error);
    if (bytes.isEmpty())
        return {};
    for (const QSsl::EncodingFormat format : { QSsl::Pem, QSsl::Der }) {
        for (const QSsl::KeyAlgorithm algorithm : { QSsl::Rsa, QSsl::Ec, QSsl::Dsa }) {
            QSslKey key(bytes, algorithm, format, QSsl::PrivateKey, passPhrase.toUtf8());
            if (!key.isNull())
                return key;
        }
    }
    error = bytes.contains("ENCRYPTED") ? QStringLiteral("ssl.passPhrase does not open it")
                                        : QStringLiteral("there is no private key in it");
    return {};
}

QString complaint(const char *property, const QString &file, const QString &why)
{
    return QStringLiteral("ssl.%1: cannot use %2: %3").arg(QLatin1String(property), file, why);
}

} // namespace

void TlsSettings::setCaCertificates(const QStringList &files)
{
    if (m_caCertificates == files)
        return;
    m_caCertificates = files;
    Q_EMIT caCertificatesChanged();
}

void TlsSettings::setCertificate(const QString &file)
{
    if (m_certificate == file)
        return;
    m_certificate = file;
    Q_EMIT certificateChanged();
}

void TlsSettings::setPrivateKey(const QString &file)
{
    if (m_privateKey == file)
        return;
    m_privateKey = file;
    Q_EMIT privateKeyChanged();
}

void TlsSettings::setPassPhrase(const QString &passPhrase)
{
    if (m_passPhrase == passPhrase)
        return;
    m_passPhrase = passPhrase;
    Q_EMIT passPhraseChanged();
}

void TlsSettings::setPeerVerification(bool on)
{
    if (m_peerVerification == on)
        return;
    m_peerVerification = on;
    Q_EMIT peerVerificationChanged();
}

std::optional<QSslConfiguration> TlsSettings::forClient(QString &error) const
{
    return configuration(error);
}

std::optional<QSslConfiguration> TlsSettings::forServer(QString &error) const
{
    std::optional<QSslConfiguration> result = configuration(error);
    if (!result)
        return {};
    if (m_certificate.isEmpty()) {
        error = QStringLiteral("ssl.certificate: a server needs one, and ssl.privateKey");
        return {};
    }
    const bool asks = m_peerVerification && !m_caCertificates.isEmpty();
    result->setPeerVerifyMode(asks ? QSslSocket::VerifyPeer : QSslSocket::VerifyNone);
    return result;
}

std::optional<QSslConfiguration> TlsSettings::configuration(QString &error) const
{
    QSslConfiguration result = QSslConfiguration::defaultConfiguration();
    QString why;
    QList<QSslCertificate> authorities;
    for (const QString &file : m_caCertificates) {
        authorities += certificatesIn(pathOf(file), why);
        if (why.isEmpty())
            continue;
        error = complaint("caCertificates", file, why);
        return {};
    }
    if (!m_caCertificates.isEmpty())
        result.setCaCertificates(authorities);

    if (m_certificate.isEmpty() != m_privateKey.isEmpty()) {
        error = QStringLiteral(
            "ssl.certificate and ssl.privateKey: one is of no use without the other");
        return {};
    }
    if (m_certificate.isEmpty())
        return result;
    result.setLocalCertificateChain(certificatesIn(pathOf(m_certificate), why));
    if (!why.isEmpty()) {
        error = complaint("certificate", m_certificate, why);
        return {};
    }
    result.setPrivateKey(keyIn(pathOf(m_privateKey), m_passPhrase, why));
    if (!why.isEmpty()) {
        error = complaint("privateKey", m_privateKey, why);
        return {};
    }
    return result;
}

QString TlsSettings::pathOf(const QString &file) const
{
    // A drive letter is no scheme.
    if (file.startsWith(QLatin1String(":/")) || QDir::isAbsolutePath(file))
        return file;
    const QQmlContext *const context = qmlContext(parent());
    const QUrl url = context ? context->resolvedUrl(QUrl(file)) : QUrl(file);
    if (url.scheme() == QLatin1String("qrc"))
        return QLatin1Char(':') + url.path();
    return url.isLocalFile() ? url.toLocalFile() : file;
}
