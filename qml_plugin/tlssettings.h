// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The grouped property `ssl`: certificates, keys and whether to ask for them, for both ends.

#ifndef FRAMEWIRE_QML_TLSSETTINGS_H
#define FRAMEWIRE_QML_TLSSETTINGS_H

#include <QObject>
#include <QSslConfiguration>
#include <QString>
#include <QStringList>
#include <QtQml/qqmlregistration.h>

#include <optional>

/// What TLS needs to know. Files are named by a path or a URL of `file:` or `qrc:`; what is
/// relative is so to the QML file. They are read for each connection, or each time a server begins
/// to listen; one that cannot be used is an error that names the property and the file, and nothing
/// connects or listens. PEM and DER are understood. Changes leave open connections as they are.
class TlsSettings : public QObject
{
    Q_OBJECT
    QML_ANONYMOUS

    /// The authorities to trust, instead of those of the system: files with one or more
    /// certificates. Empty means those of the system. For a server: those that vouch for clients.
    Q_PROPERTY(QStringList caCertificates READ caCertificates WRITE setCaCertificates NOTIFY
                   caCertificatesChanged)
    /// The certificate to show, with those between it and the authority behind it, if any. A server
    /// needs one; a client only when the server asks.
    Q_PROPERTY(QString certificate READ certificate WRITE setCertificate NOTIFY certificateChanged)
    /// The private key of that certificate: RSA, EC or DSA.
    Q_PROPERTY(QString privateKey READ privateKey WRITE setPrivateKey NOTIFY privateKeyChanged)
    /// What the private key is encrypted with.
    Q_PROPERTY(QString passPhrase READ passPhrase WRITE setPassPhrase NOTIFY passPhraseChanged)
    /// Whether the other end has to prove who it is. A client without it talks to anybody who
    /// answers: whoever sits in between can read and change everything. A server looks at its
    /// clients' certificates only when `caCertificates` says who vouches for them.
    Q_PROPERTY(bool peerVerification READ peerVerification WRITE setPeerVerification NOTIFY
                   peerVerificationChanged)

public:
    explicit TlsSettings(QObject *parent)
        : QObject(parent)
    {
    }

    QStringList caCertificates() const { return m_caCertificates; }
    void setCaCertificates(const QStringList &files);
    QString certificate() const { return m_certificate; }
    void setCertificate(const QString &file);
    QString privateKey() const { return m_privateKey; }
    void setPrivateKey(const QString &file);
    QString passPhrase() const { return m_passPhrase; }
    void setPassPhrase(const QString &passPhrase);
    bool peerVerification() const { return m_peerVerification; }
    void setPeerVerification(bool on);

    /// What to connect with. Empty when something cannot be used: then `error` says what.
    std::optional<QSslConfiguration> forClient(QString &error) const;
    /// What to listen with, likewise. There has to be a certificate with its key.
    std::optional<QSslConfiguration> forServer(QString &error) const;

Q_SIGNALS:
    void caCertificatesChanged();
    void certificateChanged();
    void privateKeyChanged();
    void passPhraseChanged();
    void peerVerificationChanged();

private:
    std::optional<QSslConfiguration> configuration(QString &error) const;
    QString pathOf(const QString &file) const;

    QStringList m_caCertificates;
    QString m_certificate;
    QString m_privateKey;
    QString m_passPhrase;
    bool m_peerVerification = true;
};

#endif
