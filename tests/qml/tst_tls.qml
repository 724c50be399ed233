// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The grouped property `ssl`, with the certificates of make_certificates.sh.

import QtQuick
import QtTest
import Framewire
import FramewireTests

TestCase {
    id: testCase

    name: "tls"

    Component {
        id: socketComponent

        WebSocket {
            property var log: []
            property var errors: []

            onStatusChanged: status => log.push("status " + status)
            onSslErrors: errors => {
                log.push("ssl errors")
                this.errors = errors
            }
            onTextMessageReceived: message => log.push("text '" + message + "'")
        }
    }

    Component {
        id: rawComponent

        RawPeer {}
    }

    Component {
        id: programComponent

        PeerProgram {}
    }

    // As it stands in a file of an application.
    Component {
        id: declaredComponent

        WebSocket {
            property int port
            property string authority

            url: "wss://localhost:" + port
            active: true
            ssl.caCertificates: [authority]
            ssl.peerVerification: true
        }
    }

    RawPeer { id: certificates }

    readonly property string ca: certificates.certificateFile("ca.pem")

    function make(component, properties) {
        return createTemporaryObject(component, testCase, properties ?? {})
    }

    function secured(certificate) {
        const raw = make(rawComponent)
        raw.secure(certificate)
        return raw
    }

    // A client that has the settings, and connects.
    function clientOf(raw, settings) {
        const client = make(socketComponent, { url: "wss://localhost:" + raw.port })
        for (const name in settings)
            client.ssl[name] = settings[name]
        client.active = true
        return client
    }

    function opens(raw, client) {
        tryVerify(() => raw.request !== "" || client.status === WebSocket.Closed)
        raw.shakeHands()
        raw.write("\x81\x06secret")
        tryVerify(() => client.log.includes("text 'secret'"), 5000, client.errorString)
    }

    function test_defaults() {
        const client = make(socketComponent)
        compare(client.ssl.caCertificates, [])
        compare(client.ssl.certificate, "")
        compare(client.ssl.privateKey, "")
        compare(client.ssl.passPhrase, "")
        compare(client.ssl.peerVerification, true)
    }

    function test_authority_that_nobody_knows_is_refused() {
        const raw = secured("good")
        const client = clientOf(raw, {})
        tryCompare(client, "status", WebSocket.Closed)
        compare(client.log, ["status 0", "ssl errors", "status 4", "status 3"])
        verify(client.errors.length > 0)
        verify(client.errorString.endsWith(client.errors.join("; ")), client.errorString)
        compare(raw.request, "")
    }

    function test_authority_of_ones_own_data() {
        return [{ tag: "path", files: [ca] }, { tag: "one of several", files: [certificates.certificateFile("self_signed.pem"), ca] },
                { tag: "file URL", files: ["file://" + ca] }, { tag: "DER", files: [certificates.certificateFile("ca.der")] },
                { tag: "a single string", files: ca }]
    }

    function test_authority_of_ones_own(data) {
        const raw = secured("good")
        const client = clientOf(raw, { caCertificates: data.files })
        opens(raw, client)
        compare(client.log, ["status 0", "status 1", "text 'secret'"])
    }

    function test_declared() {
        const raw = secured("good")
        const client = make(declaredComponent, { port: raw.port, authority: ca })
        tryVerify(() => raw.request !== "")
        raw.shakeHands()
        tryCompare(client, "status", WebSocket.Open)
    }

    function test_relative_to_the_file_and_in_resources_data() {
        return [{ tag: "relative", file: "nowhere.pem", error: /cannot use nowhere.pem: No such file/ },
                { tag: "resource", file: "qrc:/nowhere.pem", error: /cannot use qrc:\/nowhere.pem: No such file/ },
                { tag: "exists, relative", file: "tst_tls.qml", error: /cannot use tst_tls.qml: there is no certificate in it/ },
                { tag: "exists in resources", file: "qrc:/qt/qml/FramewireTests/qmldir", error: /there is no certificate in it/ }]
    }

    function test_relative_to_the_file_and_in_resources(data) {
        const raw = secured("good")
        const client = clientOf(raw, { caCertificates: [data.file] })
        verify(data.error.test(client.errorString), client.errorString)
    }

    function test_wrong_certificates_data() {
        return [{ tag: "wrong_name", error: /(host|name)/ }, { tag: "wrong_address", error: /(host|name)/ },
                { tag: "expired", error: /expired/ },
                { tag: "self_signed", error: /self-signed/ }]
    }

    function test_wrong_certificates(data) {
        const raw = secured(data.tag)
        const client = clientOf(raw, { caCertificates: [ca] })
        tryCompare(client, "status", WebSocket.Closed)
        compare(client.log, ["status 0", "ssl errors", "status 4", "status 3"])
        verify(data.error.test(client.errors.join()), client.errors.join())
        compare(raw.request, "")
    }

    function test_verification_switched_off() {
        const raw = secured("wrong_name")
        const client = clientOf(raw, { peerVerification: false })
        opens(raw, client)
        compare(client.log, ["status 0", "ssl errors", "status 1", "text 'secret'"])
        client.active = false
        client.ssl.peerVerification = true
        client.log = []
        client.active = true
        tryCompare(client, "status", WebSocket.Closed)
        compare(client.log, ["status 0", "ssl errors", "status 4", "status 3"])
    }

    function test_certificate_of_the_client_data() {
        return [{ tag: "key", settings: { certificate: "between.pem", privateKey: "between.key" }, name: "between" },
                { tag: "key with a passphrase", name: "good",
                    settings: { certificate: "good.pem", privateKey: "encrypted.key", passPhrase: "secret" } },
                { tag: "none", settings: {}, name: "" }]
    }

    function test_certificate_of_the_client(data) {
        const raw = secured("good")
        const settings = Object.assign({ caCertificates: [ca] }, data.settings)
        for (const name of ["certificate", "privateKey"]) {
            if (settings[name])
                settings[name] = certificates.certificateFile(settings[name])
        }
        opens(raw, clientOf(raw, settings))
        compare(raw.clientName(), data.name)
    }

    function test_unusable_files_data() {
        const path = certificates.certificateFile
        return [
            { tag: "no such authority", settings: { caCertificates: [ca, "/nowhere/ca.pem"] },
                error: "ssl.caCertificates: cannot use /nowhere/ca.pem: No such file or directory" },
            { tag: "no authority in it", settings: { caCertificates: [path("ca.key")] },
                error: "ssl.caCertificates: cannot use " + path("ca.key") + ": there is no certificate in it" },
            { tag: "a folder", settings: { caCertificates: ["/"] }, error: /^ssl.caCertificates: cannot use \/: / },
            { tag: "certificate without key", settings: { certificate: path("good.pem") },
                error: "ssl.certificate and ssl.privateKey: one is of no use without the other" },
            { tag: "key without certificate", settings: { privateKey: path("good.key") },
                error: "ssl.certificate and ssl.privateKey: one is of no use without the other" },
            { tag: "no such key", settings: { certificate: path("good.pem"), privateKey: "/nowhere/good.key" },
                error: "ssl.privateKey: cannot use /nowhere/good.key: No such file or directory" },
            { tag: "no key in it", settings: { certificate: path("good.pem"), privateKey: ca },
                error: "ssl.privateKey: cannot use " + ca + ": there is no private key in it" },
            { tag: "wrong passphrase", settings: { certificate: path("good.pem"), privateKey: path("encrypted.key"), passPhrase: "open" },
                error: "ssl.privateKey: cannot use " + path("encrypted.key") + ": ssl.passPhrase does not open it" },
        ]
    }

    function test_unusable_files(data) {
        const raw = secured("good")
        const client = clientOf(raw, data.settings)
        compare(client.log, ["status 4"])
        if (typeof data.error === "string")
            compare(client.errorString, data.error)
        else
            verify(data.error.test(client.errorString), client.errorString)
        compare(raw.connections, 0)
        // Nothing is wrong with them where no TLS is.
        client.url = "ws://localhost:" + raw.port
        compare(client.status, WebSocket.Connecting)
    }

    function test_key_of_another_certificate() {
        const raw = secured("good")
        const client = clientOf(raw, { caCertificates: [ca], certificate: certificates.certificateFile("good.pem"),
                                       privateKey: certificates.certificateFile("between.key") })
        tryCompare(client, "status", WebSocket.Closed)
        verify(/key/.test(client.errorString), client.errorString)
        compare(raw.request, "")
    }

    function test_open_connection_is_left_as_it_is() {
        const raw = secured("good")
        const client = clientOf(raw, { caCertificates: [ca] })
        opens(raw, client)
        client.log = []
        client.ssl.caCertificates = ["/nowhere"]
        client.ssl.peerVerification = false
        raw.write("\x81\x04more")
        tryVerify(() => client.log.includes("text 'more'"))
        compare(client.log, ["text 'more'"])
    }

    function test_destroyed_in_sslErrors() {
        const raw = secured("self_signed")
        const client = clientOf(raw, {})
        let told = 0
        client.sslErrors.connect(() => {
            ++told
            client.destroy()
        })
        tryCompare(raw, "connected", false)
        tryVerify(() => told === 1)
    }

    function test_given_up_in_sslErrors() {
        const raw = secured("self_signed")
        const client = clientOf(raw, {})
        client.sslErrors.connect(() => client.active = false)
        tryCompare(client, "status", WebSocket.Closed)
        compare(client.log, ["status 0", "ssl errors", "status 3"])
    }

    function test_server_in_another_language_data() {
        return [{ tag: "npm ws", file: "server.js" }, { tag: "Python websockets", file: "server.py" }]
    }

    function test_server_in_another_language(data) {
        const program = make(programComponent)
        program.start(data.file, [certificates.certificateFile("good.pem"), certificates.certificateFile("good.key")])
        tryVerify(() => program.output.includes("\n"), 30000)
        const client = clientOf({ port: parseInt(program.output) }, { caCertificates: [ca] })
        tryCompare(client, "status", WebSocket.Open)
        client.sendTextMessage("through TLS")
        tryVerify(() => client.log.includes("text 'through TLS'"))
    }
}
