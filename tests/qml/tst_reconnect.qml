// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The grouped property `reconnect`, the signal reconnecting() and queueWhileReconnecting.

import QtQuick
import QtTest
import Framewire
import FramewireTests

TestCase {
    id: testCase

    name: "reconnect"

    property var peers: []
    property var messages: []

    // Waits next to nothing, unless a test wants it to.
    Component {
        id: socketComponent

        WebSocket {
            property var log: []

            reconnect.enabled: true
            reconnect.minDelay: 1
            reconnect.maxDelay: 8
            onStatusChanged: status => log.push("status " + status)
            onReconnecting: (attempt, delay) => {
                testCase.compare(attempt, reconnect.attempt)
                testCase.verify(delay >= reconnect.minDelay)
                testCase.verify(delay <= reconnect.maxDelay)
                log.push("attempt " + attempt)
            }
            onClosed: (code, reason, clean) => log.push("closed " + code)
            onTextMessageReceived: message => log.push("text '" + message + "'")
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
                testCase.peers.push(webSocket)
                webSocket.textMessageReceived.connect(message => testCase.messages.push(message))
                webSocket.binaryMessageReceived.connect(message => testCase.messages.push(message.byteLength))
            }
        }
    }

    Component {
        id: rawComponent

        RawPeer {}
    }

    Component {
        id: censusComponent

        Census {}
    }

    Component {
        id: programComponent

        PeerProgram {}
    }

    function make(component, properties) {
        return createTemporaryObject(component, testCase, properties ?? {})
    }

    // An object that has those settings of `reconnect`.
    function socket(properties, reconnect) {
        const client = make(socketComponent)
        Object.assign(client.reconnect, reconnect ?? {})
        client.log = []
        Object.assign(client, properties)
        return client
    }

    function open(properties, reconnect) {
        const client = socket(Object.assign({ url: make(serverComponent).url, active: true }, properties ?? {}), reconnect)
        tryCompare(client, "status", WebSocket.Open)
        client.log = []
        return client
    }

    function freeUrl() {
        const server = make(serverComponent)
        const url = server.url
        server.listen = false
        return url
    }

    function has(client, line) {
        return client.log.includes(line)
    }

    function attempts(client) {
        return client.log.filter(line => line.startsWith("attempt")).length
    }

    // Time for an attempt has passed: somebody else has made some.
    function letOthersReconnect() {
        const other = socket({ url: freeUrl(), active: true })
        tryVerify(() => other.reconnect.attempt > 3)
        other.active = false
    }

    function init() {
        peers = []
        messages = []
    }

    function test_off_by_default() {
        const client = make(plainComponent, { url: freeUrl(), active: true })
        compare(client.reconnect.enabled, false)
        compare(client.reconnect.minDelay, 1000)
        compare(client.reconnect.maxDelay, 30000)
        compare(client.reconnect.maxAttempts, 0)
        compare(client.reconnect.attempt, 0)
        compare(client.queueWhileReconnecting, false)
        client.reconnect.minDelay = 1
        tryCompare(client, "status", WebSocket.Error)
        letOthersReconnect()
        compare(client.status, WebSocket.Error)
    }

    function test_closed_by_the_server() {
        const client = open()
        peers[0].close(1001, "restart")
        tryVerify(() => peers.length === 2)
        tryCompare(client, "status", WebSocket.Open)
        compare(client.log, ["status 2", "status 3", "closed 1001", "attempt 1", "status 0", "status 1"])
        compare(client.active, true)
    }

    function test_cut() {
        const raw = make(rawComponent)
        const client = socket({ url: "ws://127.0.0.1:" + raw.port, active: true })
        tryVerify(() => raw.request !== "")
        raw.shakeHands()
        tryCompare(client, "status", WebSocket.Open)
        client.log = []
        raw.reset()
        tryVerify(() => raw.connections === 2 && raw.request !== "")
        compare(client.log, ["status 4", "status 2", "status 3", "closed 1006", "attempt 1", "status 0"])
    }

    function test_server_that_is_not_there_yet() {
        const url = freeUrl()
        const client = socket({ url: url, active: true })
        tryVerify(() => has(client, "attempt 4"))
        compare(client.log.slice(0, 6), ["status 0", "status 3", "status 4", "closed 1006", "attempt 1", "status 0"])
        make(serverComponent, { port: parseInt(url.toString().split(":")[2]) })
        tryCompare(client, "status", WebSocket.Open)
        compare(peers.length, 1)
    }

    function test_attempts_are_counted_from_1_after_a_good_connection() {
        const client = open()
        peers[0].close()
        tryVerify(() => peers.length === 2)
        tryCompare(client, "status", WebSocket.Open)
        // As long as maxDelay.
        tryCompare(client.reconnect, "attempt", 0)
        peers[1].close()
        tryVerify(() => peers.length === 3)
        compare(client.log.filter(line => line.startsWith("attempt")), ["attempt 1", "attempt 1"])
    }

    function test_and_go_on_after_a_bad_one() {
        const client = open({}, { maxDelay: 60000 })
        for (let i = 1; i <= 3; ++i) {
            peers[i - 1].close()
            tryVerify(() => peers.length === i + 1)
            tryCompare(client, "status", WebSocket.Open)
            compare(client.reconnect.attempt, i)
        }
        compare(attempts(client), 3)
    }

    function test_most_attempts() {
        const client = socket({ url: freeUrl(), active: true }, { maxAttempts: 3 })
        tryVerify(() => client.log.filter(line => line.startsWith("closed")).length === 4)
        tryCompare(client.reconnect, "attempt", 0)
        compare(attempts(client), 3)
        letOthersReconnect()
        compare(attempts(client), 3)
        compare(client.status, WebSocket.Error)
        compare(client.errorString, "Connection refused")
        // Switched off and on it tries as often again.
        client.active = false
        client.active = true
        tryVerify(() => attempts(client) === 6)
    }

    function test_where_it_would_be_no_better_data() {
        return [
            { tag: "401", says: "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n" },
            { tag: "403", says: "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n" },
            { tag: "1008", opens: true, says: "\x88\x02\x03\xf0" },
            { tag: "503 may be better", says: "HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n", again: true },
            { tag: "1000 may be better", opens: true, says: "\x88\x02\x03\xe8", again: true },
        ]
    }

    function test_where_it_would_be_no_better(data) {
        const raw = make(rawComponent)
        const client = socket({ url: "ws://127.0.0.1:" + raw.port, active: true })
        tryVerify(() => raw.request !== "")
        if (data.opens) {
            raw.shakeHands()
            tryCompare(client, "status", WebSocket.Open)
        }
        raw.write(data.says)
        raw.end()
        tryVerify(() => client.log.some(line => line.startsWith("closed")))
        letOthersReconnect()
        compare(attempts(client) > 0, data.again ?? false)
        compare(raw.connections > 1, data.again ?? false)
    }

    function test_urls_that_cannot_be_used_data() {
        return [{ tag: "scheme", url: "http://localhost/" }, { tag: "none", url: "" }, { tag: "no host", url: "ws:///path" },
                { tag: "fragment", url: "ws://localhost:1/#part" }]
    }

    function test_urls_that_cannot_be_used(data) {
        const client = open()
        client.url = data.url
        letOthersReconnect()
        compare(attempts(client), 0)
        verify(client.status === WebSocket.Closed || client.status === WebSocket.Error)
    }

    function test_stopped_at_once_data() {
        return [{ tag: "active", how: client => client.active = false }, { tag: "close", how: client => client.close() },
                { tag: "enabled", how: client => client.reconnect.enabled = false },
                { tag: "url", how: client => client.url = "" }]
    }

    function test_stopped_at_once(data) {
        for (const inHandler of [false, true]) {
            const client = socket({ url: freeUrl() }, { minDelay: 20, maxDelay: 20 })
            if (inHandler)
                client.reconnecting.connect(() => data.how(client))
            client.active = true
            tryVerify(() => has(client, "attempt 1"))
            if (!inHandler)
                data.how(client)
            compare(client.reconnect.attempt, 0)
            client.log = []
            const other = socket({ url: freeUrl(), active: true }, { minDelay: 20, maxDelay: 20 })
            tryVerify(() => has(other, "attempt 3"))
            compare(client.log, [])
        }
    }

    function test_never_after_closing_by_ones_own_will() {
        const client = open()
        client.close()
        tryVerify(() => has(client, "closed 1000"))
        client.active = true
        tryVerify(() => peers.length === 2)
        tryCompare(client, "status", WebSocket.Open)
        client.active = false
        tryVerify(() => client.log.filter(line => line === "closed 1000").length === 2)
        letOthersReconnect()
        compare(attempts(client), 0)
        compare(peers.length, 2)
    }

    function test_another_url_begins_anew() {
        const client = socket({ url: freeUrl(), active: true }, { minDelay: 600000, maxDelay: 600000 })
        tryVerify(() => has(client, "attempt 1"))
        client.url = make(serverComponent).url
        tryCompare(client, "status", WebSocket.Open)
        compare(client.reconnect.attempt, 0)
    }

    // ---- Messages meanwhile ----

    function test_queue() {
        const server = make(serverComponent)
        const client = open({ url: server.url, queueWhileReconnecting: true }, { minDelay: 50, maxDelay: 60 })
        let amounts = 0
        client.bufferedAmountChanged.connect(() => ++amounts)
        client.statusChanged.connect(status => {
            if (status === WebSocket.Closed)
                compare(client.sendTextMessage("from a handler"), 14)
            if (status === WebSocket.Open)
                client.sendTextMessage("after")
        })
        peers[0].close()
        tryVerify(() => has(client, "attempt 1"))
        compare(client.sendTextMessage("first \u2713"), 9)
        compare(client.sendBinaryMessage(new ArrayBuffer(5)), 5)
        compare(client.bufferedAmount, 28 + 3 * 14) // with headers
        compare(client.status, WebSocket.Closed)
        tryVerify(() => messages.length === 4)
        compare(messages, ["from a handler", "first \u2713", 5, "after"])
        tryCompare(client, "bufferedAmount", 0)
        verify(amounts >= 4)
    }

    function test_queue_has_a_bound() {
        const client = open({ queueWhileReconnecting: true, maxBufferedAmount: 10 }, { minDelay: 50, maxDelay: 60 })
        peers[0].close()
        tryVerify(() => has(client, "attempt 1"))
        let full = 0
        client.bufferFull.connect(() => ++full)
        compare(client.sendTextMessage("1234567890"), 10)
        compare(client.sendTextMessage("x"), 0)
        compare(client.sendTextMessage(""), 0)
        compare(full, 2)
        compare(client.bufferedAmount, 24)
        tryVerify(() => messages.length === 1)
        compare(messages, ["1234567890"])
    }

    function test_queue_is_off_at_first() {
        const client = open({}, { minDelay: 50, maxDelay: 60 })
        peers[0].close()
        tryVerify(() => has(client, "attempt 1"))
        compare(client.sendTextMessage("lost"), 0)
        compare(client.status, WebSocket.Error)
        tryCompare(client, "status", WebSocket.Open)
        compare(client.errorString, "")
        compare(messages, [])
    }

    function test_queue_is_for_reconnecting_only() {
        const client = socket({ url: make(serverComponent).url, queueWhileReconnecting: true })
        compare(client.sendTextMessage("inactive"), 0)
        client.active = true
        compare(client.sendTextMessage("connecting"), 0)
        tryCompare(client, "status", WebSocket.Open)
        client.close()
        compare(client.sendTextMessage("closing"), 0)
    }

    function test_queue_is_dropped_data() {
        return [{ tag: "active", how: client => client.active = false }, { tag: "close", how: client => client.close() },
                { tag: "enabled", how: client => client.reconnect.enabled = false },
                { tag: "url", how: client => client.url = freeUrl() }]
    }

    function test_queue_is_dropped(data) {
        const client = open({ queueWhileReconnecting: true }, { minDelay: 600000, maxDelay: 600000 })
        let low = 0
        client.bufferedAmountLow.connect(() => ++low)
        peers[0].close()
        tryVerify(() => has(client, "attempt 1"))
        compare(client.sendTextMessage("unheard"), 7)
        let amounts = 0
        client.bufferedAmountChanged.connect(() => ++amounts)
        data.how(client)
        compare(client.bufferedAmount, 0)
        compare(amounts, 1)
        compare(low, 0)
    }

    function test_queue_tells_of_its_amount_once_a_turn() {
        const client = open({ queueWhileReconnecting: true }, { minDelay: 600000, maxDelay: 600000 })
        peers[0].close()
        tryVerify(() => has(client, "attempt 1"))
        const told = []
        client.bufferedAmountChanged.connect(() => told.push(client.bufferedAmount))
        for (let i = 0; i < 10; ++i)
            client.sendTextMessage("123456")
        compare(told, [20]) // the first one, with a header
        tryVerify(() => told.length > 1)
        compare(told, [20, 200])
        client.sendTextMessage("123456")
        compare(told, [20, 200, 220])
    }

    function test_queue_tells_of_its_amount_in_each_turn() {
        const client = open({ queueWhileReconnecting: true }, { minDelay: 600000, maxDelay: 600000 })
        peers[0].close()
        tryVerify(() => has(client, "attempt 1"))
        const told = []
        client.bufferedAmountChanged.connect(() => told.push(client.bufferedAmount))
        for (let turn = 1; turn <= 6; ++turn) {
            client.sendTextMessage("123456")
            compare(told.length, turn)
            compare(told[turn - 1], 20 * turn)
            wait(0)
        }
    }

    function test_queue_is_dropped_after_the_last_attempt() {
        const server = make(serverComponent)
        const client = open({ url: server.url, queueWhileReconnecting: true }, { maxAttempts: 3 })
        let queued = 0
        client.reconnecting.connect(attempt => {
            if (attempt === 1)
                queued = client.sendTextMessage("unheard")
        })
        server.listen = false
        peers[0].close()
        tryVerify(() => queued === 7)
        tryCompare(client, "bufferedAmount", 0)
        compare(client.reconnect.attempt, 0)
    }

    // ---- At odd times ----

    function test_destroyed_in_handlers_data() {
        return [{ tag: "reconnecting", signal: client => client.reconnecting },
                { tag: "attempt", signal: client => client.reconnect.attemptChanged },
                { tag: "closed", signal: client => client.closed },
                { tag: "status", signal: client => client.statusChanged }]
    }

    function test_destroyed_in_handlers(data) {
        const census = make(censusComponent)
        for (const how of [client => client.destroy(), client => { client.active = false; client.destroy() },
                           client => { client.active = false; client.active = true; client.destroy() }]) {
            const client = open()
            census.add(client)
            let told = false
            data.signal(client).connect(() => {
                if (told)
                    return
                told = true
                how(client)
            })
            peers[peers.length - 1].close()
            tryVerify(() => told)
        }
        tryVerify(() => census.alive() === 0)
    }

    function test_server_restarts_data() {
        return [{ tag: "npm ws", file: "server.js" }, { tag: "Python websockets", file: "server.py" }]
    }

    function test_server_restarts(data) {
        const program = make(programComponent)
        program.start(data.file)
        tryVerify(() => program.output.includes("\n"), 30000)
        const client = socket({ url: "ws://localhost:" + parseInt(program.output), active: true })
        tryCompare(client, "status", WebSocket.Open)
        for (const wish of ["please close", "please vanish", "please close"]) {
            client.log = []
            client.sendTextMessage(wish)
            tryVerify(() => attempts(client) === 1)
            tryCompare(client, "status", WebSocket.Open)
            client.sendTextMessage("again")
            tryVerify(() => has(client, "text 'again'"))
        }
    }

    // Cut at random moments: in the handshake, in a frame, and between frames.
    function test_cut_100_times() {
        const raw = make(rawComponent)
        const census = make(censusComponent)
        const client = socket({ url: "ws://127.0.0.1:" + raw.port, active: true, queueWhileReconnecting: true })
        census.add(client)
        let random = 20261125
        const chance = most => {
            random = (random * 1103515245 + 12345) % 2147483648
            return Math.floor(random / 65536) % most
        }
        const response = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        const frame = "\x81\x7e\x00\x80" + "x".repeat(128)
        const kinds = [0, 0, 0]
        for (let cut = 0; cut < 100; ++cut) {
            tryVerify(() => raw.connections === cut + 1)
            const kind = chance(3)
            ++kinds[kind]
            if (kind === 0) {
                if (chance(2) === 0) {
                    tryVerify(() => raw.request !== "")
                    raw.write(response.slice(0, chance(response.length)))
                }
            } else {
                tryVerify(() => raw.request !== "")
                raw.shakeHands()
                tryCompare(client, "status", WebSocket.Open)
                if (kind === 1)
                    raw.write(frame.slice(0, 1 + chance(frame.length - 1)))
                if (chance(2) === 0)
                    client.sendTextMessage("something")
            }
            client.log = []
            if (chance(2) === 0)
                raw.reset()
            else
                raw.end()
            tryVerify(() => attempts(client) === 1)
        }
        compare(kinds[0] + kinds[1] + kinds[2], 100)
        verify(Math.min(...kinds) > 20)
        tryVerify(() => raw.connections === 101 && raw.request !== "")
        raw.shakeHands()
        tryCompare(client, "status", WebSocket.Open)
        raw.write("\x81\x04well")
        tryVerify(() => has(client, "text 'well'"))
        tryCompare(client.reconnect, "attempt", 0)
        compare(census.alive(), 1)
        client.destroy()
        tryVerify(() => census.alive() === 0)
    }
}
