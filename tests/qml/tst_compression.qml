// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The property `compression` of both types, and what it makes of connections.

import QtQuick
import QtTest
import Framewire
import FramewireTests

TestCase {
    id: testCase

    readonly property string longText: "it was the best of times, it was the worst of times, ".repeat(40)
    property var peers: []

    name: "compression"

    Component {
        id: socketComponent

        WebSocket {
            property var log: []

            onStatusChanged: status => log.push("status " + status)
            onNegotiatedExtensionsChanged: () => log.push("extensions '" + negotiatedExtensions + "'")
            onCompressionChanged: () => log.push("compression " + compression)
            onTextMessageReceived: message => log.push("text '" + message + "'")
            onBinaryMessageReceived: message => log.push("binary " + new Uint8Array(message).join(","))
        }
    }

    Component {
        id: serverComponent

        WebSocketServer {
            property var log: []

            onCompressionChanged: () => log.push("compression " + compression)
            onClientConnected: webSocket => {
                testCase.peers.push(webSocket)
                webSocket.textMessageReceived.connect(message => webSocket.sendTextMessage(message))
                webSocket.binaryMessageReceived.connect(message => webSocket.sendBinaryMessage(message))
            }
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

    function make(component, properties) {
        return createTemporaryObject(component, testCase, properties ?? {})
    }

    function listening(properties) {
        const server = make(serverComponent, Object.assign({ listen: true }, properties ?? {}))
        verify(server.listen, server.errorString)
        return server
    }

    function connected(server, properties) {
        const client = make(socketComponent, Object.assign({ url: server.url, active: true }, properties ?? {}))
        tryCompare(client, "status", WebSocket.Open)
        return client
    }

    function reconnect(client) {
        client.active = false
        client.active = true
        tryCompare(client, "status", WebSocket.Open)
    }

    function echoes(client) {
        client.log = []
        client.sendTextMessage(longText)
        client.sendTextMessage("h\u00e9llo")
        client.sendTextMessage("")
        client.sendBinaryMessage(new Uint8Array([1, 0, 255]))
        client.sendBinaryMessage(new Uint8Array(200))
        const expected = ["text '" + longText + "'", "text 'h\u00e9llo'", "text ''", "binary 1,0,255",
            "binary " + "0,".repeat(199) + "0"]
        tryVerify(() => client.log.length === expected.length)
        compare(client.log, expected)
    }

    function init() {
        peers = []
    }

    function test_both_ends_data() {
        const rows = []
        for (const client of [false, true]) {
            for (const server of [false, true])
                rows.push({ tag: "client " + client + ", server " + server, client: client, server: server })
        }
        return rows
    }

    function test_both_ends(data) {
        const server = listening({ compression: data.server })
        const client = connected(server, { compression: data.client })
        const both = data.client && data.server
        compare(client.negotiatedExtensions.split(";")[0], both ? "permessage-deflate" : "")
        compare(peers[0].negotiatedExtensions, client.negotiatedExtensions)
        echoes(client)
        client.active = false
        compare(client.negotiatedExtensions, "")
        tryVerify(() => peers[0].status === WebSocket.Closed)
        compare(peers[0].negotiatedExtensions, "")
    }

    function test_off_by_default() {
        const server = listening()
        const client = connected(server)
        compare(client.compression, false)
        compare(server.compression, false)
        compare(client.negotiatedExtensions, "")
        compare(peers[0].negotiatedExtensions, "")
        compare(client.log, ["status 0", "status 1"])
    }

    function test_extensions_are_told_after_the_status() {
        const client = connected(listening({ compression: true }), { compression: true })
        const extensions = client.negotiatedExtensions
        compare(client.log, ["compression true", "status 0", "status 1", "extensions '" + extensions + "'"])
        client.log = []
        client.active = false
        compare(client.log, ["status 2", "extensions ''", "status 3"])
    }

    function test_client_changes_its_mind() {
        const client = connected(listening({ compression: true }))
        client.log = []
        client.compression = true
        client.compression = true
        compare(client.log, ["compression true"])
        compare(client.negotiatedExtensions, "")
        echoes(client)
        reconnect(client)
        verify(client.negotiatedExtensions !== "")
        client.compression = false
        verify(client.negotiatedExtensions !== "")
        echoes(client)
        reconnect(client)
        compare(client.negotiatedExtensions, "")
    }

    function test_server_changes_its_mind() {
        const server = listening()
        const before = connected(server, { compression: true })
        server.compression = true
        server.compression = true
        compare(server.log, ["compression true"])
        const after = connected(server, { compression: true })
        compare(before.negotiatedExtensions, "")
        verify(after.negotiatedExtensions !== "")
        echoes(before)
        echoes(after)
        // What else is changed leaves it on.
        server.name = "name"
        reconnect(before)
        verify(before.negotiatedExtensions !== "")
    }

    function test_what_goes_over_the_wire_data() {
        return [{ tag: "off", compression: false }, { tag: "on", compression: true }]
    }

    function test_what_goes_over_the_wire(data) {
        const raw = make(rawComponent)
        const client = make(socketComponent, {
            url: "ws://127.0.0.1:" + raw.port, active: true, compression: data.compression
        })
        tryVerify(() => raw.request !== "")
        const offer = "\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
        compare(raw.request.includes(offer), data.compression)
        compare(raw.request.includes("Extensions"), data.compression)
        raw.shakeHands(data.compression ? "Sec-WebSocket-Extensions:permessage-deflate;client_max_window_bits=10\r\n" : "")
        tryCompare(client, "status", WebSocket.Open)
        // As the server wrote it.
        compare(client.negotiatedExtensions, data.compression ? "permessage-deflate;client_max_window_bits=10" : "")
        client.sendTextMessage(longText)
        tryVerify(() => raw.frames.length > 2)
        compare(raw.frames.charCodeAt(0), data.compression ? 0xC1 : 0x81)
        if (data.compression)
            tryVerify(() => raw.frames.length < longText.length / 4)
        else
            tryVerify(() => raw.frames.length > longText.length)
    }

    function test_answer_that_does_not_go_with_the_offer() {
        const raw = make(rawComponent)
        const client = make(socketComponent, { url: "ws://127.0.0.1:" + raw.port, active: true, compression: true })
        tryVerify(() => raw.request !== "")
        raw.shakeHands("Sec-WebSocket-Extensions: permessage-deflate; x=1\r\n")
        tryCompare(client, "status", WebSocket.Error)
        compare(client.errorString, "127.0.0.1:" + raw.port + " did not answer as a WebSocket server does: the server"
            + " chose an extension with parameters that do not fit the offer (permessage-deflate; x=1)")
        compare(client.negotiatedExtensions, "")
    }

    function test_server_in_another_language_data() {
        return [{ tag: "npm ws", file: "server.js" }, { tag: "Python websockets", file: "server.py" }]
    }

    function test_server_in_another_language(data) {
        const program = make(programComponent)
        program.start(data.file)
        tryVerify(() => program.output.includes("\n"), 30000)
        const client = make(socketComponent, { url: "ws://localhost:" + parseInt(program.output), active: true, compression: true })
        tryCompare(client, "status", WebSocket.Open)
        compare(client.negotiatedExtensions.split(";")[0], "permessage-deflate")
        echoes(client)
        echoes(client)
        client.compression = false
        reconnect(client)
        compare(client.negotiatedExtensions, "")
        echoes(client)
    }

    function test_client_in_another_language_data() {
        const rows = []
        for (const compression of [false, true]) {
            rows.push({ tag: "npm ws, " + compression, file: "client.js", compression: compression })
            rows.push({ tag: "Python websockets, " + compression, file: "client.py", compression: compression })
        }
        return rows
    }

    function test_client_in_another_language(data) {
        const server = listening({ compression: data.compression, supportedSubprotocols: ["echo"] })
        const extensions = []
        server.clientConnected.connect(webSocket => extensions.push(webSocket.negotiatedExtensions.split(";")[0]))
        const program = make(programComponent)
        program.start(data.file, ["--plain", server.url.toString()])
        tryVerify(() => program.exitCode >= 0, 60000)
        compare(program.exitCode, 0)
        compare(program.output, "echoes are right\n")
        const expected = data.compression ? "permessage-deflate" : ""
        compare(extensions, [expected, expected])
    }
}
