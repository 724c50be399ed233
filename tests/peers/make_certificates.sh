#!/bin/sh
# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0
#
# make_certificates.sh FOLDER: makes a certificate authority and what it signed, for tests of TLS.
#   ca.pem  ca.der         the authority to trust
#   good.pem  good.key     for localhost, 127.0.0.1 and ::1
#   chain.pem .key         the same, signed by an intermediate authority that stands behind it
#   wrong_name.pem .key    for example.org
#   wrong_address.pem .key for 192.0.2.1
#   common_name.pem .key   for nothing: localhost stands in its subject only
#   wildcard.pem .key      for *.example.org and f*.example.com
#   expired.pem .key       for localhost, until the year 2001
#   self_signed.pem .key   for localhost, signed by itself
#   visitor.pem .key       for a client
#   encrypted.key          the key of good.pem with a passphrase
set -eu

cd "$1"
exec 2> openssl.log

cat > ca.conf <<'END'
[ca]
default_ca = tests
[tests]
database = index.txt
new_certs_dir = .
default_md = sha256
policy = anything
rand_serial = yes
unique_subject = no
[anything]
commonName = supplied
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[localhost]
subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1
extendedKeyUsage = serverAuth
[elsewhere]
subjectAltName = DNS:example.org
extendedKeyUsage = serverAuth
[elsewhere_by_address]
subjectAltName = IP:192.0.2.1
extendedKeyUsage = serverAuth
[nowhere]
extendedKeyUsage = serverAuth
[client]
extendedKeyUsage = clientAuth
[wildcards]
subjectAltName = DNS:*.example.org, DNS:f*.example.com
extendedKeyUsage = serverAuth
[req]
distinguished_name = name
[name]
END
: > index.txt

new_key() {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"
}

# sign NAME SECTION START END [SUBJECT [AUTHORITY]]
sign() {
    new_key "$1.key"
    openssl req -new -config ca.conf -key "$1.key" -subj "/CN=${5:-$1}" -out "$1.csr"
    openssl ca -batch -notext -config ca.conf -cert "${6:-ca}.pem" -keyfile "${6:-ca}.key" \
        -extensions "$2" -startdate "$3" -enddate "$4" -in "$1.csr" -out "$1.pem"
}

new_key ca.key
openssl req -x509 -new -config ca.conf -extensions authority -key ca.key -days 30 \
    -subj '/CN=Framewire test authority' -out ca.pem
openssl x509 -in ca.pem -outform DER -out ca.der

now=$(date -u -d '-1 day' +%Y%m%d%H%M%SZ)
later=$(date -u -d '+30 days' +%Y%m%d%H%M%SZ)
sign good localhost "$now" "$later"
sign wrong_name elsewhere "$now" "$later"
sign wrong_address elsewhere_by_address "$now" "$later"
sign common_name nowhere "$now" "$later" localhost
sign wildcard wildcards "$now" "$later"
sign visitor client "$now" "$later"
sign expired localhost 20000101000000Z 20010101000000Z
sign between authority "$now" "$later"
sign chain localhost "$now" "$later" chain between
cat between.pem >> chain.pem
openssl pkey -in good.key -aes128 -passout pass:secret -out encrypted.key

new_key self_signed.key
openssl req -x509 -new -config ca.conf -extensions localhost -key self_signed.key -days 30 \
    -subj '/CN=localhost' -out self_signed.pem
