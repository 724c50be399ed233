// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A WebSocketServer that speaks TLS: `secure` and `ssl`.

import QtQuick
import QtTest
import Framewire
import FramewireTests

TestCase {
    id: testCase

    name: "server over TLS"

    // An echo server; "please close" has it close.
    Component {
        id: serverComponent

        WebSocketServer {
            property var sockets: []
            property var log: []

            supportedSubprotocols: ["echo"]
            maxMessageSize: 0
            onClientConnected: webSocket => {
                sockets.push(webSocket)
                webSocket.textMessageReceived.connect(text => {
                    if (text === "please close")
                        webSocket.close(4001, "bye")
                    else
                        webSocket.sendTextMessage(text)
                })
                webSocket.binaryMessageReceived.connect(bytes => webSocket.sendBinaryMessage(bytes))
            }
            onSecureChanged: log.push("secure " + secure)
            onUrlChanged: url => log.push("url " + url)
            onListenChanged: listen => log.push("listen " + listen)
            onErrorStringChanged: errorString => log.push("error '" + errorString + "'")
        }
    }

    // As it stands in a file of an application.
    Component {
        id: declaredComponent

        WebSocketServer {
            property string folder

            listen: true
            secure: true
            ssl.certificate: folder + "/good.pem"
            ssl.privateKey: folder + "/good.key"
        }
    }

    Component {
        id: withoutFilesComponent

        WebSocketServer {
            listen: true
            secure: true
        }
    }

    Component {
        id: socketComponent

        WebSocket {
            property var texts: []

            onTextMessageReceived: message => texts.push(message)
        }
    }

    Component {
        id: programComponent

        PeerProgram {}
    }

    RawPeer { id: certificates }

    readonly property string ca: certificates.certificateFile("ca.pem")

    function make(component, properties) {
        return createTemporaryObject(component, testCase, properties ?? {})
    }

    function serverWith(settings) {
        const server = make(serverComponent, { secure: true })
        for (const name in settings)
            server.ssl[name] = settings[name]
        return server
    }

    function good() {
        return { certificate: certificates.certificateFile("good.pem"), privateKey: certificates.certificateFile("good.key") }
    }

    function clientOf(server, settings) {
        const client = make(socketComponent, { url: server.url })
        for (const name in settings)
            client.ssl[name] = settings[name]
        client.active = true
        return client
    }

    function test_declared() {
        const server = make(declaredComponent, { folder: certificates.certificateFile(".") })
        compare(server.errorString, "")
        verify(/^wss:\/\/127\.0\.0\.1:[1-9]/.test(server.url), server.url)
        const client = clientOf(server, { caCertificates: [ca] })
        tryCompare(client, "status", WebSocket.Open)
        compare(server.broadcastTextMessage("secret"), 1)
        tryCompare(client, "texts", ["secret"])
        verify(String(server.clients.get(0).url).startsWith("wss://"))
    }

    function test_clients_in_other_languages_data() {
        return [{ tag: "npm ws", file: "client.js" }, { tag: "Python websockets", file: "client.py" }]
    }

    function test_clients_in_other_languages(data) {
        const server = serverWith(good())
        server.listen = true
        const program = make(programComponent)
        program.start(data.file, [String(server.url), ca])
        tryVerify(() => program.output !== "" || program.exitCode > 0, 30000)
        tryCompare(program, "exitCode", 0)
        compare(program.output, "echoes are right\n")
    }

    function test_broadcast_reaches_others() {
        const server = serverWith(good())
        server.compression = true
        server.listen = true
        const program = make(programComponent)
        program.start("listeners.js", [String(server.url), "2", ca])
        tryVerify(() => program.output.includes("ready permessage-deflate"), 10000)
        compare(server.broadcastTextMessage("a".repeat(100000)), 2)
        tryVerify(() => /0 text 100000 long/.test(program.output) && /1 text 100000 long/.test(program.output))
    }

    function test_unusable_files_data() {
        const path = certificates.certificateFile
        return [
            { tag: "none", settings: {}, error: "ssl.certificate: a server needs one, and ssl.privateKey" },
            { tag: "no such certificate", settings: { certificate: "/nowhere/good.pem", privateKey: path("good.key") },
                error: "ssl.certificate: cannot use /nowhere/good.pem: No such file or directory" },
            { tag: "no such resource", settings: { certificate: "qrc:/good.pem", privateKey: path("good.key") },
                error: "ssl.certificate: cannot use qrc:/good.pem: No such file or directory" },
            { tag: "no certificate in it", settings: { certificate: path("good.key"), privateKey: path("good.key") },
                error: "ssl.certificate: cannot use " + path("good.key") + ": there is no certificate in it" },
            { tag: "no key", settings: { certificate: path("good.pem") },
                error: "ssl.certificate and ssl.privateKey: one is of no use without the other" },
            { tag: "wrong passphrase", settings: { certificate: path("good.pem"), privateKey: path("encrypted.key"), passPhrase: "open" },
                error: "ssl.privateKey: cannot use " + path("encrypted.key") + ": ssl.passPhrase does not open it" },
        ]
    }

    function test_unusable_files(data) {
        const server = serverWith(data.settings)
        server.log = []
        server.listen = true
        compare(server.listen, false)
        compare(server.errorString, data.error)
        compare(server.log, ["listen true", "error '" + data.error + "'", "listen false"])
        // They are read each time the server begins to listen.
        for (const name in good())
            server.ssl[name] = good()[name]
        server.ssl.passPhrase = ""
        server.listen = true
        compare(server.listen, true)
        compare(server.errorString, "")
    }

    function test_declared_without_files() {
        const server = make(withoutFilesComponent)
        compare(server.listen, false)
        compare(server.errorString, "ssl.certificate: a server needs one, and ssl.privateKey")
    }

    function test_key_with_a_passphrase_and_files_by_url() {
        const server = serverWith({ certificate: "file://" + certificates.certificateFile("good.pem"),
                                    privateKey: "file://" + certificates.certificateFile("encrypted.key"), passPhrase: "secret" })
        server.listen = true
        compare(server.errorString, "")
        tryCompare(clientOf(server, { caCertificates: [ca] }), "status", WebSocket.Open)
    }

    function test_client_that_does_not_trust_it() {
        const server = serverWith(good())
        server.listen = true
        const client = clientOf(server, {})
        tryCompare(client, "status", WebSocket.Closed)
        verify(client.errorString !== "")
        compare(server.clientCount, 0)
    }

    function test_client_that_speaks_no_TLS() {
        const server = serverWith(good())
        server.listen = true
        const client = make(socketComponent, { url: String(server.url).replace("wss", "ws"), active: true })
        tryVerify(() => client.closeCode === 1006)
        compare(server.clientCount, 0)
    }

    function test_certificates_of_clients() {
        const server = serverWith(Object.assign({ caCertificates: [ca] }, good()))
        server.listen = true
        const stranger = clientOf(server, { caCertificates: [ca] })
        tryVerify(() => stranger.closeCode === 1006)
        compare(server.clientCount, 0)
        const known = clientOf(server, { caCertificates: [ca], certificate: certificates.certificateFile("visitor.pem"),
                                         privateKey: certificates.certificateFile("visitor.key") })
        tryCompare(known, "status", WebSocket.Open)
    }

    function test_switched_while_listening() {
        const server = serverWith(good())
        server.secure = false
        server.listen = true
        const port = server.port
        const plain = clientOf(server, {})
        tryCompare(plain, "status", WebSocket.Open)
        server.log = []
        server.secure = true
        compare(server.log, ["secure true", "url wss://127.0.0.1:" + port])
        tryCompare(clientOf(server, { caCertificates: [ca] }), "status", WebSocket.Open)
        plain.sendTextMessage("as before")
        tryCompare(plain, "texts", ["as before"])

        server.ssl.certificate = ""
        server.secure = false
        server.secure = true
        compare(server.listen, false)
        verify(server.errorString.startsWith("ssl.certificate"), server.errorString)
        server.secure = false
        server.listen = true
        compare(String(server.url), "ws://127.0.0.1:" + port)
        tryCompare(clientOf(server, {}), "status", WebSocket.Open)
    }
}
