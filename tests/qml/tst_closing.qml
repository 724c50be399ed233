// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// close(), closeCode, closeReason and the signal closed(), beside `active` and `status`.

import QtQuick
import QtTest
import Framewire
import FramewireTests

TestCase {
    id: testCase

    name: "closing"

    property var peers: []

    Component {
        id: socketComponent

        WebSocket {
            property var log: []

            onStatusChanged: status => log.push("status " + status)
            onActiveChanged: isActive => log.push("active " + isActive)
            onErrorStringChanged: errorString => { if (errorString !== "") log.push("error") }
            onTextMessageReceived: message => log.push("text '" + message + "'")
            onClosed: (code, reason, clean) => {
                testCase.compare(closeCode, code)
                testCase.compare(closeReason, reason)
                log.push("closed " + code + " '" + reason + "' " + clean)
            }
            onCloseCodeChanged: () => log.push("code " + closeCode)
            onCloseReasonChanged: () => log.push("reason " + closeReason)
        }
    }

    Component {
        id: serverComponent

        WebSocketServer {
            onClientConnected: webSocket => {
                const peer = { socket: webSocket, log: [] }
                testCase.peers.push(peer)
                webSocket.statusChanged.connect(status => peer.log.push("status " + status))
                webSocket.closed.connect((code, reason, clean) => {
                    peer.log.push("closed " + code + " '" + reason + "' " + clean)
                })
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

    function connected(server) {
        const before = peers.length
        const client = make(socketComponent, { url: server.url, active: true })
        tryCompare(client, "status", WebSocket.Open)
        compare(peers.length, before + 1)
        client.log = []
        return client
    }

    function requesting(raw) {
        const client = make(socketComponent, { url: "ws://127.0.0.1:" + raw.port, active: true })
        tryVerify(() => raw.request !== "")
        client.log = []
        return client
    }

    function shaken(raw) {
        const client = requesting(raw)
        raw.shakeHands()
        tryCompare(client, "status", WebSocket.Open)
        client.log = []
        return client
    }

    // The payload of the Close frame that a RawPeer got, or null.
    function closePayload(raw) {
        let offset = 0
        for (;;) {
            const frame = raw.frameAt(offset)
            if (frame.length === 0)
                return null
            if (frame[0] === 8)
                return frame[1]
            offset = frame[2]
        }
    }

    function told(client) {
        return client.log.filter(line => line.startsWith("closed"))
    }

    function init() {
        peers = []
    }

    function test_defaults() {
        const client = make(socketComponent)
        compare(client.closeCode, 0)
        compare(client.closeReason, "")
        client.close()
        compare(client.log, [])
    }

    function test_close_by_the_client() {
        const client = connected(make(serverComponent, { listen: true }))
        client.close(4321, "enough, merci beaucoup \u2713")
        compare(client.log, ["active false", "status 2"])
        compare(client.status, WebSocket.Closing)
        tryCompare(client, "status", WebSocket.Closed)
        compare(client.log, ["active false", "status 2", "status 3", "code 4321", "closed 4321 '' true"])
        tryVerify(() => peers[0].log.length === 3)
        compare(peers[0].log, ["status 2", "status 3", "closed 4321 'enough, merci beaucoup \u2713' true"])
    }

    function test_close_without_arguments() {
        const raw = make(rawComponent)
        const client = shaken(raw)
        client.close()
        tryVerify(() => closePayload(raw) !== null)
        compare(closePayload(raw), "\x03\xe8")
        raw.write("\x88\x00")
        raw.end()
        tryCompare(client, "status", WebSocket.Closed)
        compare(client.log, ["active false", "status 2", "status 3", "code 1005", "closed 1005 '' true"])
    }

    function test_close_by_a_socket_of_a_server() {
        const client = connected(make(serverComponent, { listen: true }))
        peers[0].socket.close(3000, "go")
        compare(peers[0].socket.active, false)
        compare(peers[0].socket.status, WebSocket.Closing)
        tryVerify(() => peers[0].log.length === 3)
        compare(peers[0].log, ["status 2", "status 3", "closed 3000 '' true"])
        tryVerify(() => told(client).length === 1)
        compare(client.log, ["status 2", "status 3", "code 3000", "reason go", "closed 3000 'go' true"])
        compare(client.active, true)
    }

    function test_messages_behind_the_close_are_thrown_away_data() {
        return [{ tag: "close", how: client => client.close() }, { tag: "active", how: client => client.active = false }]
    }

    function test_messages_behind_the_close_are_thrown_away(data) {
        const raw = make(rawComponent)
        const client = shaken(raw)
        data.how(client)
        tryVerify(() => closePayload(raw) !== null)
        raw.write("\x81\x04last\x88\x02\x0f\xa0")
        raw.end()
        tryVerify(() => told(client).length === 1)
        compare(client.log, ["active false", "status 2", "status 3", "code 4000", "closed 4000 '' true"])
    }

    function test_wrong_codes_and_reasons_data() {
        const rows = []
        for (const code of [-1, 0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65536, 66536, 1000000])
            rows.push({ tag: "code " + code, code: code, reason: "", error: "This close code may not be sent" })
        rows.push({ tag: "long", code: 1000, reason: "x".repeat(124), error: "A close reason may have at most 123 bytes" })
        rows.push({ tag: "long in UTF-8", code: 1000, reason: "\u20ac".repeat(42), error: "A close reason may have at most 123 bytes" })
        return rows
    }

    function test_wrong_codes_and_reasons(data) {
        const client = connected(make(serverComponent, { listen: true }))
        for (const socket of [client, peers[0].socket]) {
            let thrown = null
            try {
                socket.close(data.code, data.reason)
            } catch (error) {
                thrown = error
            }
            verify(thrown instanceof RangeError)
            compare(thrown.message, data.error)
            compare(socket.errorString, data.error)
            compare(socket.status, WebSocket.Open)
            compare(socket.active, true)
        }
        compare(client.log, ["error"])
        client.sendTextMessage("still there")
        client.close(1000, "\u20ac".repeat(41))
        tryVerify(() => told(client).length === 1)
        compare(client.closeCode, 1000)
    }

    function test_codes_that_may_be_sent() {
        const server = make(serverComponent, { listen: true })
        const codes = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999]
        for (const code of codes) {
            const client = connected(server)
            client.close(code, "code " + code)
            tryVerify(() => told(client).length === 1)
            compare(client.closeCode, code)
        }
        tryVerify(() => peers.every(peer => peer.log.length === 3))
        compare(peers.map(peer => peer.log[2]), codes.map(code => "closed " + code + " 'code " + code + "' true"))
    }

    function test_active_false_tells_how_it_ended() {
        const client = connected(make(serverComponent, { listen: true }))
        client.active = false
        compare(client.log, ["active false", "status 2", "status 3"])
        tryVerify(() => told(client).length === 1)
        compare(client.log, ["active false", "status 2", "status 3", "code 1000", "closed 1000 '' true"])
        tryVerify(() => peers[0].log.length === 3)
        compare(peers[0].log, ["status 2", "status 3", "closed 1000 '' true"])
    }

    function test_cut_data() {
        return [{ tag: "end", how: raw => raw.end() }, { tag: "reset", how: raw => raw.reset() },
                { tag: "in a frame", how: raw => { raw.write("\x81\x7e\x01"); raw.end() } }]
    }

    function test_cut(data) {
        const raw = make(rawComponent)
        const client = shaken(raw)
        data.how(raw)
        tryVerify(() => told(client).length === 1)
        compare(client.log, ["error", "status 4", "status 2", "status 3", "code 1006", "closed 1006 '' false"])
    }

    function test_cut_while_closing() {
        const raw = make(rawComponent)
        const client = shaken(raw)
        client.close(4000)
        tryVerify(() => closePayload(raw) !== null)
        raw.end()
        tryVerify(() => told(client).length === 1)
        compare(client.log, ["active false", "status 2", "error", "status 3", "code 1006", "closed 1006 '' false"])
    }

    function test_broken_frame() {
        const raw = make(rawComponent)
        const client = shaken(raw)
        raw.write("\xc1\x00")
        tryVerify(() => closePayload(raw) !== null)
        raw.end()
        tryVerify(() => told(client).length === 1)
        compare(client.log, ["error", "status 4", "status 2", "status 3", "code 1002", "closed 1002 '' false"])
    }

    function test_attempts_that_fail_data() {
        return [{ tag: "401", how: raw => { raw.write("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n") } },
                { tag: "cut", how: raw => raw.end() }]
    }

    function test_attempts_that_fail(data) {
        const raw = make(rawComponent)
        const client = requesting(raw)
        data.how(raw)
        tryVerify(() => told(client).length === 1)
        compare(client.log.slice(0, 2), ["error", "status 4"])
        compare(client.log.slice(-2), ["code 1006", "closed 1006 '' false"])
    }

    function test_nothing_listens() {
        const server = make(serverComponent, { listen: true })
        const url = server.url
        server.listen = false
        const client = make(socketComponent, { url: url, active: true })
        tryVerify(() => told(client).length === 1)
        compare(client.log, ["active true", "status 0", "status 3", "error", "status 4", "code 1006", "closed 1006 '' false"])
    }

    function test_attempts_that_are_given_up_data() {
        return [{ tag: "active", how: client => client.active = false, log: ["active false", "status 3"] },
                { tag: "close", how: client => client.close(4000), log: ["active false", "status 3"] },
                { tag: "url", how: client => client.url = "", log: ["status 3"] }]
    }

    function test_attempts_that_are_given_up(data) {
        const raw = make(rawComponent)
        const client = requesting(raw)
        data.how(client)
        compare(client.status, WebSocket.Closed)
        compare(client.log.filter(line => /status|active/.test(line)), data.log)
        compare(told(client), ["closed 1006 '' false"])
        tryCompare(raw, "connected", false)
        compare(told(client).length, 1)
    }

    function test_what_never_began_is_not_told() {
        const client = make(socketComponent, { url: "http://localhost/", active: true })
        compare(client.status, WebSocket.Error)
        client.url = ""
        client.active = false
        compare(told(client), [])
    }

    // Each connection is told once, whatever comes next.
    function test_another_connection_right_behind_data() {
        return [{ tag: "active", how: client => { client.active = false; client.active = true } },
                { tag: "close", how: client => { client.close(); client.active = true } },
                { tag: "url", how: client => client.url = client.url + "?again" },
                { tag: "in a handler", how: client => {
                    const reopen = active => { if (!active) client.active = true }
                    client.activeChanged.connect(reopen)
                    client.close()
                    client.activeChanged.disconnect(reopen)
                } }]
    }

    function test_another_connection_right_behind(data) {
        const client = connected(make(serverComponent, { listen: true }))
        data.how(client)
        compare(client.status, WebSocket.Connecting)
        tryCompare(client, "status", WebSocket.Open)
        tryVerify(() => told(client).length === 1)
        client.close(4001)
        tryVerify(() => told(client).length === 2)
        compare(told(client), ["closed 1000 '' true", "closed 4001 '' true"])
        compare(client.status, WebSocket.Closed)
        compare(peers.length, 2)
    }

    function test_both_at_once() {
        const client = connected(make(serverComponent, { listen: true }))
        client.close(4001)
        peers[0].socket.close(4002)
        tryVerify(() => told(client).length === 1 && peers[0].log.length === 3)
        compare(told(client), ["closed 4002 '' true"])
        compare(peers[0].log[2], "closed 4001 '' true")
    }

    function test_active_false_after_close_changes_nothing() {
        const client = connected(make(serverComponent, { listen: true }))
        client.close(4001, "once")
        client.active = false
        client.close(4002, "twice")
        compare(client.log, ["active false", "status 2"])
        tryVerify(() => told(client).length === 1)
        tryVerify(() => peers[0].log.length === 3)
        compare(peers[0].log[2], "closed 4001 'once' true")
    }

    function test_destroyed_in_handlers_data() {
        return [{ tag: "closed", signal: "closed" }, { tag: "closeCode", signal: "closeCodeChanged" },
                { tag: "closeReason", signal: "closeReasonChanged" }, { tag: "active", signal: "activeChanged", close: true },
                { tag: "status", signal: "statusChanged", close: true }]
    }

    function test_destroyed_in_handlers(data) {
        const client = connected(make(serverComponent, { listen: true }))
        let count = 0
        client[data.signal].connect(() => {
            ++count
            client.destroy()
        })
        if (data.close)
            client.close(4001)
        else
            peers[0].socket.close(4001, "reason")
        tryVerify(() => peers[0].log.length === 3)
        verify(count > 0)
        // The same for the end of an attempt.
        const raw = make(rawComponent)
        const other = requesting(raw)
        other[data.signal].connect(() => other.destroy())
        other.close()
        tryCompare(raw, "connected", false)
    }

    function test_opened_anew_in_closed() {
        const server = make(serverComponent, { listen: true })
        const client = connected(server)
        client.closed.connect(() => { if (peers.length < 3) { client.active = false; client.active = true } })
        peers[0].socket.close(4000)
        tryVerify(() => peers.length === 2)
        tryCompare(client, "status", WebSocket.Open)
        client.close(4001)
        tryVerify(() => peers.length === 3)
        tryCompare(client, "status", WebSocket.Open)
        compare(told(client), ["closed 4000 '' true", "closed 4001 '' true"])
    }

    // What is still to be told of the old connection does not touch the new one.
    function test_opened_anew_while_the_end_is_told_data() {
        return [{ tag: "Error", status: WebSocket.Error }, { tag: "Closing", status: WebSocket.Closing },
                { tag: "Closed", status: WebSocket.Closed }]
    }

    function test_opened_anew_while_the_end_is_told(data) {
        const raw = make(rawComponent)
        const client = shaken(raw)
        client.reconnect.enabled = true
        client.reconnect.minDelay = 1
        client.reconnect.maxDelay = 1
        let attempts = 0
        client.reconnecting.connect(() => ++attempts)
        let done = false
        client.statusChanged.connect(status => {
            if (status !== data.status || done)
                return
            done = true
            client.active = false
            client.active = true
        })
        raw.end()
        tryVerify(() => told(client).length === 1)
        compare(client.log.filter(line => line.startsWith("status")).pop(), "status 0")
        tryVerify(() => raw.connections === 2 && raw.request !== "")
        compare(client.status, WebSocket.Connecting)
        compare(attempts, 0)
        raw.shakeHands()
        tryCompare(client, "status", WebSocket.Open)
        compare(raw.connections, 2)
    }

    function test_peers_in_other_languages_data() {
        return [{ tag: "npm ws", file: "server.js" }, { tag: "Python websockets", file: "server.py" }]
    }

    function test_peers_in_other_languages(data) {
        const program = make(programComponent)
        program.start(data.file)
        tryVerify(() => program.output.includes("\n"), 30000)
        const client = make(socketComponent, { url: "ws://localhost:" + parseInt(program.output), active: true })
        tryCompare(client, "status", WebSocket.Open)
        client.close(4444, "from QML")
        tryVerify(() => told(client).length === 1)
        tryVerify(() => program.output.includes("closed 4444 from QML\n"))
        compare(client.closeCode, 4444)

        client.active = true
        tryCompare(client, "status", WebSocket.Open)
        client.sendTextMessage("please close")
        tryVerify(() => told(client).length === 2)
        compare(told(client)[1], "closed 4001 'bye' true")

        client.active = false
        client.active = true
        tryCompare(client, "status", WebSocket.Open)
        client.sendTextMessage("please vanish")
        tryVerify(() => told(client).length === 3)
        compare(told(client)[2], "closed 1006 '' false")
    }
}
