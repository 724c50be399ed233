// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// In the handler of every signal there is, a WebSocket is destroyed, closed, or sent elsewhere. What
// counts here is what the sanitizers say, and that nothing is left.

import QtQuick
import QtTest
import Framewire
import FramewireTests

TestCase {
    id: testCase

    name: "signals"

    property var peers: []

    Component {
        id: socketComponent

        WebSocket {
            requestedSubprotocols: ["echo"]
            queueWhileReconnecting: true
            maxBufferedAmount: 2000
            keepAliveInterval: 5
            reconnect.enabled: true
            reconnect.minDelay: 1
            reconnect.maxDelay: 2
            onBufferFull: () => {} // so that nobody is warned
        }
    }

    Component {
        id: serverComponent

        WebSocketServer {
            listen: true
            compression: true
            supportedSubprotocols: ["echo"]
            allowedOrigins: ["*"]
            onClientConnected: webSocket => {
                testCase.peers.push(webSocket)
                webSocket.textMessageReceived.connect(message => webSocket.sendTextMessage(message))
                webSocket.binaryMessageReceived.connect(message => webSocket.sendBinaryMessage(message))
            }
        }
    }

    Component {
        id: censusComponent

        Census {}
    }

    // It would need a server with a certificate: see tst_tls.qml.
    readonly property var notHere: ["sslErrors", "destroyed"]

    function isSignal(member) {
        const nothing = () => {}
        try {
            member.connect(nothing)
            member.disconnect(nothing)
        } catch (error) {
            return false
        }
        return true
    }

    function signalsOf(object) {
        return Object.keys(object).filter(name => !notHere.includes(name) && !/^on[A-Z]/.test(name) && isSignal(object[name]))
    }

    readonly property var deeds: ({
        "destroy": client => client.destroy(),
        "give up": client => client.active = false,
        "close": client => client.close(4000, "enough"),
        "elsewhere": client => client.url = client.url + "?elsewhere",
        "nowhere": client => client.url = "",
        "again": client => { client.active = false; client.active = true },
        "again, and destroy": client => { client.active = false; client.active = true; client.destroy() },
        "many things": client => {
            client.sendTextMessage("more")
            client.ping()
            client.keepAliveInterval = 7
            client.reconnect.enabled = false
            client.reconnect.enabled = true
            client.compression = !client.compression
        },
    })

    function test_deeds_in_handlers_data() {
        const client = createTemporaryObject(socketComponent, testCase)
        const names = signalsOf(client)
        verify(names.length > 30, names)
        verify(names.includes("closed") && names.includes("objectNameChanged"))
        const rows = []
        for (const name of names) {
            for (const deed in deeds)
                rows.push({ tag: name + ": " + deed, name: name, deed: deeds[deed] })
        }
        return rows
    }

    function test_deeds_in_handlers(data) {
        peers = []
        const server = createTemporaryObject(serverComponent, testCase)
        const census = createTemporaryObject(censusComponent, testCase)
        const client = socketComponent.createObject(testCase)
        census.add(client)
        let count = 0
        client[data.name].connect(() => {
            if (++count === 1)
                data.deed(client)
        })
        // The latency is known of a Ping before these, too.
        let answers = 0
        client.textMessageReceived.connect(() => ++answers)
        client.binaryMessageReceived.connect(() => ++answers)
        client.pong.connect(() => ++answers)
        const isIn = status => count > 0 || client.status === status
        const steps = [
            () => {
                client.objectName = "name"
                client.requestedSubprotocols = ["echo", "other"]
                client.requestHeaders = { "X-Name": "somebody" }
                client.origin = "https://a.example"
                client.compression = true
                client.queueWhileReconnecting = false
                client.queueWhileReconnecting = true
                client.bufferedAmountLowThreshold = 10
                client.maxBufferedAmount = 2001
                client.maxMessageSize = 100000
                client.handshakeTimeout = 9000
                client.closeTimeout = 1000
                client.keepAliveInterval = 6
                client.keepAliveTimeout = 10000
            },
            () => client.url = server.url,
            () => client.active = true,
            () => tryVerify(() => isIn(WebSocket.Open)),
            () => client.sendJson({ text: "x".repeat(1000) }),
            () => client.sendBinaryMessage(new ArrayBuffer(100)),
            () => client.ping("ping"),
            () => client.sendTextMessage("x".repeat(2001)),
            () => tryVerify(() => count > 0 || answers === 3),
            () => peers[0].close(4001, "reason"),
            () => tryVerify(() => count > 0 || (peers.length === 2 && client.status === WebSocket.Open)),
            () => client.close(3000, "done"),
            () => tryVerify(() => isIn(WebSocket.Closed)),
        ]
        for (const step of steps) {
            if (count === 0)
                step()
        }
        // What else the last step leads to.
        tryVerify(() => count > 0)
        if (census.alive() > 0 && client)
            client.destroy()
        tryVerify(() => census.alive() === 0)
        server.destroy()
    }
}
