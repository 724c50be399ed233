// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What is bounded: bufferedAmount and its limits, maxMessageSize, the timeouts, keep-alive.

import QtQuick
import QtTest
import Framewire
import FramewireTests

TestCase {
    id: testCase

    name: "limits"

    property var peers: []

    Component {
        id: socketComponent

        WebSocket {
            property var log: []
            property int written: 0
            property int lengths: 0

            onStatusChanged: status => log.push("status " + status)
            onErrorStringChanged: errorString => { if (errorString !== "") log.push("error '" + errorString + "'") }
            onBufferedAmountChanged: () => ++written
            onBufferedAmountLow: () => log.push("low " + bufferedAmount)
            onBufferFull: () => log.push("full")
            onPong: (elapsedTime, payload) => log.push("pong " + new Uint8Array(payload).join(","))
            onLatencyChanged: () => log.push("latency " + (latency < 0 ? "none" : "known"))
            onTextMessageReceived: message => lengths += message.length
            onClosed: (code, reason, clean) => log.push("closed " + code + " " + clean)
        }
    }

    Component {
        id: plainComponent

        WebSocket {}
    }

    Component {
        id: serverComponent

        WebSocketServer {
            listen: true
            onClientConnected: webSocket => {
                const peer = { socket: webSocket, lengths: 0 }
                testCase.peers.push(peer)
                webSocket.textMessageReceived.connect(message => peer.lengths += message.length)
                webSocket.binaryMessageReceived.connect(message => peer.lengths += message.byteLength)
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

    function connected(properties) {
        const server = make(serverComponent)
        const client = make(socketComponent, Object.assign({ url: server.url, active: true }, properties ?? {}))
        tryCompare(client, "status", WebSocket.Open)
        client.log = []
        return client
    }

    function requesting(properties) {
        const raw = make(rawComponent)
        const client = make(socketComponent, Object.assign({ url: "ws://127.0.0.1:" + raw.port, active: true }, properties ?? {}))
        tryVerify(() => raw.request !== "")
        client.log = []
        return { raw: raw, client: client }
    }

    function shaken(properties) {
        const both = requesting(properties)
        both.raw.shakeHands()
        tryCompare(both.client, "status", WebSocket.Open)
        both.client.log = []
        return both
    }

    function frames(raw, opcode) {
        const found = []
        let offset = 0
        for (;;) {
            const frame = raw.frameAt(offset)
            if (frame.length === 0)
                return found
            if (frame[0] === opcode)
                found.push(frame[1])
            offset = frame[2]
        }
    }

    function init() {
        peers = []
    }

    function test_defaults() {
        const client = make(plainComponent)
        compare(client.bufferedAmount, 0)
        compare(client.bufferedAmountLowThreshold, 0)
        compare(client.maxBufferedAmount, 16 * 1024 * 1024)
        compare(client.maxMessageSize, 16 * 1024 * 1024)
        compare(client.handshakeTimeout, 10000)
        compare(client.closeTimeout, 5000)
        compare(client.keepAliveInterval, 0)
        compare(client.keepAliveTimeout, 20000)
        compare(client.latency, -1)
    }

    // ---- What waits to be sent ----

    function test_amount_rises_and_falls() {
        const client = connected()
        const text = "x".repeat(100000)
        compare(client.sendTextMessage(text), 100000)
        verify(client.bufferedAmount >= 100000)
        verify(client.bufferedAmount < 100020)
        compare(client.written, 1)
        compare(client.sendTextMessage(text), 100000)
        verify(client.bufferedAmount >= 200000)
        compare(client.log, [])
        tryCompare(client, "bufferedAmount", 0)
        compare(client.log, ["low 0"])
        verify(client.written === 2)
        tryVerify(() => peers[0].lengths === 200000)
        // The socket of a server has the same, but for what the system takes at once.
        const peer = peers[0].socket
        let low = 0
        peer.bufferedAmountLow.connect(() => ++low)
        compare(peer.sendTextMessage(text), 100000)
        compare(peer.bufferedAmount, 0)
        compare(low, 0)
        tryVerify(() => low === 1 && peer.bufferedAmount === 0)
    }

    function test_amount_is_told_once_a_turn() {
        const client = connected()
        const told = []
        client.bufferedAmountChanged.connect(() => told.push(client.bufferedAmount))
        for (let i = 0; i < 100; ++i)
            client.sendTextMessage("0123456789")
        compare(told, [16]) // the first one
        const all = client.bufferedAmount
        compare(all, 1600)
        tryVerify(() => told[told.length - 1] === 0)
        verify(told.length <= 3, told)
        tryVerify(() => peers[0].lengths === 1000)
        compare(told[told.length - 1], 0)
    }

    function test_amount_is_told_in_each_turn_though_nobody_reads() {
        const both = shaken({ maxBufferedAmount: 0 })
        const client = both.client
        both.raw.stopReading()
        client.sendTextMessage("x".repeat(48 << 20)) // more than the system takes
        let before = 0
        while (client.bufferedAmount !== before) {
            before = client.bufferedAmount
            wait(100)
        }
        verify(before > 0)
        let told = 0
        client.bufferedAmountChanged.connect(() => ++told)
        for (let turn = 1; turn <= 6; ++turn) {
            client.sendTextMessage("123456")
            compare(told, turn)
            wait(0)
        }
    }

    function test_low_threshold() {
        // More than the system takes at once.
        const client = connected({ bufferedAmountLowThreshold: 6 << 20 })
        compare(client.sendTextMessage("x".repeat(12 << 20)), 12 << 20)
        tryVerify(() => client.log.length === 1)
        const amount = parseInt(client.log[0].slice(4))
        verify(amount > 0 && amount <= 6 << 20, amount)
        tryVerify(() => peers[0].lengths === 12 << 20)
        compare(client.log.length, 1)
        // What never was above it is not told.
        client.log = []
        client.sendTextMessage("small")
        tryCompare(client, "bufferedAmount", 0)
        compare(client.log, [])
    }

    function test_full() {
        const client = connected({ maxBufferedAmount: 1000 })
        compare(client.sendTextMessage("x".repeat(1001)), 0)
        compare(client.log, ["error 'Too many bytes wait to be written (maxBufferedAmount)'", "full"])
        compare(client.bufferedAmount, 0)
        compare(client.status, WebSocket.Open)
        client.log = []
        compare(client.sendTextMessage("x".repeat(600)), 600)
        const amount = client.bufferedAmount
        compare(client.sendBinaryMessage(new ArrayBuffer(600)), 0)
        compare(client.log, ["full"])
        compare(client.bufferedAmount, amount)
        tryVerify(() => client.log.includes("low 0"))
        compare(client.sendBinaryMessage(new ArrayBuffer(1000)), 1000)
        tryVerify(() => peers[0].lengths === 1600)
        // Any amount.
        client.maxBufferedAmount = 0
        compare(client.sendTextMessage("x".repeat(18 << 20)), 18 << 20)
    }

    function test_full_at_the_default() {
        const client = connected()
        const mebibyte = "x".repeat(1 << 20)
        let sent = 0
        while (sent < 100 && client.sendTextMessage(mebibyte) > 0)
            ++sent
        compare(sent, 15) // and the headers of frames
        compare(client.log.slice(-1), ["full"])
        tryVerify(() => peers[0].lengths === sent << 20)
    }

    function test_whoever_does_not_listen_is_warned() {
        const server = make(serverComponent)
        const client = make(plainComponent, { url: server.url, active: true, maxBufferedAmount: 10 })
        tryCompare(client, "status", WebSocket.Open)
        ignoreWarning(/A message was not sent: maxBufferedAmount is 10/)
        compare(client.sendTextMessage("x".repeat(11)), 0)
        compare(client.sendTextMessage("x".repeat(11)), 0)
    }

    function test_amount_is_gone_with_the_connection() {
        const client = connected()
        client.sendTextMessage("x".repeat(1000))
        client.active = false
        compare(client.bufferedAmount, 0)
        compare(client.written, 2)
        verify(!client.log.some(line => line.startsWith("low")))
        tryVerify(() => peers[0].lengths === 1000)
    }

    function test_other_things_done_in_handlers_data() {
        const rows = []
        for (const signal of ["bufferedAmountChanged", "bufferedAmountLow", "bufferFull", "latencyChanged"]) {
            rows.push({ tag: "destroy in " + signal, signal: signal, how: client => client.destroy() })
            rows.push({ tag: "close in " + signal, signal: signal, how: client => client.close() })
            rows.push({ tag: "open anew in " + signal, signal: signal, how: client => { client.active = false; client.active = true } })
        }
        return rows
    }

    function test_other_things_done_in_handlers(data) {
        const client = connected({ maxBufferedAmount: 1000, keepAliveInterval: 5 })
        let count = 0
        client[data.signal].connect(() => { if (++count === 1) data.how(client) })
        client.sendTextMessage("x".repeat(900))
        if (count === 0 && client.status === WebSocket.Open)
            client.sendTextMessage("x".repeat(900))
        tryVerify(() => count > 0)
    }

    // ---- What is received ----

    function test_message_size_is_inclusive_data() {
        return [{ tag: "text", text: true }, { tag: "binary", text: false }]
    }

    function test_message_size_is_inclusive(data) {
        const client = connected({ maxMessageSize: 1000 })
        const send = size => data.text ? peers[0].socket.sendTextMessage("x".repeat(size))
                                       : peers[0].socket.sendBinaryMessage(new ArrayBuffer(size))
        let received = 0
        client.binaryMessageReceived.connect(message => received += message.byteLength)
        send(1000)
        tryVerify(() => client.lengths + received === 1000)
        send(1001)
        tryVerify(() => client.log.length === 5)
        compare(client.log, ["error 'A message is larger than the limit (maxMessageSize)'", "status 4", "status 2", "status 3", "closed 1009 false"])
        compare(client.lengths + received, 1000)
        tryVerify(() => peers[0].socket.status === WebSocket.Closed)
        compare(peers[0].socket.closeCode, 1009)
    }

    function test_message_size_at_the_default() {
        const client = connected()
        peers[0].socket.maxBufferedAmount = 0
        peers[0].socket.sendTextMessage("x".repeat(16 << 20))
        tryVerify(() => client.lengths === 16 << 20)
        peers[0].socket.sendTextMessage("x".repeat((16 << 20) + 1))
        tryVerify(() => client.status === WebSocket.Closed)
        compare(client.closeCode, 1009)
    }

    // ---- How long it takes ----

    function test_handshake_timeout() {
        const raw = make(rawComponent)
        const client = make(socketComponent, { url: "ws://127.0.0.1:" + raw.port, active: true, handshakeTimeout: 60 })
        tryCompare(client, "status", WebSocket.Error)
        compare(client.errorString, "127.0.0.1:" + raw.port
            + " did not finish the opening handshake within 0.06 s (handshakeTimeout)")
        tryCompare(raw, "connected", false)
        // TLS is a part of it.
        client.active = false
        client.url = "wss://127.0.0.1:" + raw.port
        client.active = true
        tryVerify(() => client.status === WebSocket.Error || client.status === WebSocket.Closed)
        compare(client.errorString, "No TLS connection to 127.0.0.1:" + raw.port + " within 0.06 s (handshakeTimeout)")
    }

    function test_close_timeout_data() {
        const error = "error 'The peer did not finish the closing handshake in time (closeTimeout)'"
        return [{ tag: "close", how: client => client.close(), log: ["status 2", error, "status 3", "closed 1006 false"] },
                { tag: "active", how: client => client.active = false, log: ["status 2", "status 3", error, "closed 1006 false"] }]
    }

    function test_close_timeout(data) {
        const { raw, client } = shaken({ closeTimeout: 60 })
        data.how(client)
        tryVerify(() => client.log.some(line => line.startsWith("closed")))
        compare(client.log, data.log)
        compare(client.status, WebSocket.Closed)
        tryCompare(raw, "connected", false)
    }

    function test_keep_alive_timeout() {
        const { raw, client } = shaken({ keepAliveInterval: 5, keepAliveTimeout: 60 })
        tryVerify(() => client.log.some(line => line.startsWith("closed")))
        compare(client.log, ["error 'A ping was not answered in time (keepAliveTimeout)'", "status 4", "status 2", "status 3", "closed 1006 false"])
        verify(frames(raw, 9).length > 0)
        compare(frames(raw, 8), [])
    }

    function test_keep_alive_and_latency_data() {
        return [{ tag: "client", side: "client" }, { tag: "server", side: "server" }]
    }

    function test_keep_alive_and_latency(data) {
        const client = connected()
        const one = data.side === "client" ? client : peers[0].socket
        compare(one.latency, -1)
        let changes = 0
        one.latencyChanged.connect(() => ++changes)
        one.keepAliveInterval = 5
        tryVerify(() => changes > 2)
        verify(one.latency >= 0)
        verify(one.latency < 20000)
        verify(!client.log.some(line => line.startsWith("pong")))
        one.keepAliveInterval = 0
        compare(client.status, WebSocket.Open)
    }

    function test_latency_of_ping() {
        const client = connected()
        client.ping("a")
        tryVerify(() => client.log.includes("pong 97"))
        compare(client.log.filter(line => !line.startsWith("low")), ["latency known", "pong 97"])
        verify(client.latency >= 0)
        client.log = []
        client.active = false
        verify(client.latency >= 0)
        client.active = true
        compare(client.latency, -1)
        // Nobody has asked for these.
        const { raw, client: other } = shaken()
        raw.write("\x8a\x01b")
        tryVerify(() => other.log.includes("pong 98"))
        compare(other.latency, -1)
    }

    function test_peers_in_other_languages_data() {
        return [{ tag: "npm ws", file: "server.js" }, { tag: "Python websockets", file: "server.py" }]
    }

    function test_peers_in_other_languages(data) {
        const program = make(programComponent)
        program.start(data.file)
        tryVerify(() => program.output.includes("\n"), 30000)
        const client = make(socketComponent, { url: "ws://localhost:" + parseInt(program.output), active: true,
                                               keepAliveInterval: 5, maxMessageSize: 100000 })
        tryVerify(() => client.latency >= 0)
        compare(client.status, WebSocket.Open)
        client.keepAliveInterval = 0
        client.sendTextMessage("x".repeat(100000))
        tryVerify(() => client.lengths === 100000)
        client.sendTextMessage("x".repeat(100001))
        tryCompare(client, "status", WebSocket.Closed)
        compare(client.closeCode, 1009)
        tryVerify(() => program.output.includes("closed 1009"))
    }
}
