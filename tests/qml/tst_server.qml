// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What WebSocketServer has beyond QtWebSockets: broadcasts, the list of clients, the decision on
// who may connect, and its limits.

import QtQuick
import QtTest
import Framewire
import FramewireTests

TestCase {
    id: testCase

    name: "server"

    Component {
        id: serverComponent

        WebSocketServer {
            property var sockets: []
            property var log: []

            listen: true
            onClientConnected: webSocket => {
                sockets.push(webSocket)
                log.push("connected " + clientCount)
                webSocket.closed.connect((code, reason, clean) => log.push("closed " + code + " " + reason))
            }
            onClientCountChanged: () => log.push("count " + clientCount)
        }
    }

    Component {
        id: plainServerComponent

        WebSocketServer {}
    }

    Component {
        id: socketComponent

        WebSocket {
            property var texts: []
            property var binaries: []

            onTextMessageReceived: message => texts.push(message)
            onBinaryMessageReceived: message => binaries.push(new Uint8Array(message).join(","))
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

    Component {
        id: viewComponent

        Column {
            id: column

            property WebSocketServer server

            Repeater {
                model: column.server.clients
                delegate: Text {
                    required property WebSocket webSocket

                    text: String(webSocket.url)
                }
            }
        }
    }

    readonly property string requestLines: "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                           + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"

    function make(component, properties) {
        return createTemporaryObject(component, testCase, properties ?? {})
    }

    function connectedTo(server, path) {
        const before = server.clientCount
        const client = make(socketComponent, { url: server.url + (path ?? ""), active: true })
        tryCompare(client, "status", WebSocket.Open)
        tryCompare(server, "clientCount", before + 1)
        return client
    }

    // A client in bytes; what it received behind the head of the answer.
    function rawConnectedTo(server) {
        const before = server.clientCount
        const raw = make(rawComponent)
        raw.call(server.port, "GET / HTTP/1.1\r\n" + requestLines + "\r\n")
        tryCompare(server, "clientCount", before + 1)
        return raw
    }

    function received(raw) {
        const end = raw.frames.indexOf("\r\n\r\n")
        return end < 0 ? "" : raw.frames.slice(end + 4)
    }

    function answerTo(server, target, lines) {
        const raw = make(rawComponent)
        raw.call(server.port, "GET " + target + " HTTP/1.1\r\n" + requestLines + (lines ?? "") + "\r\n")
        tryVerify(() => raw.frames.includes("\r\n\r\n"))
        return raw.frames
    }

    function test_defaults() {
        const server = make(plainServerComponent)
        compare(server.clientCount, 0)
        compare(server.clients.get(0), null)
        compare(server.secure, false)
        compare(server.maxConnections, 0)
        compare(server.handshakeTimeout, 10000)
        compare(server.keepAliveInterval, 0)
        compare(server.keepAliveTimeout, 20000)
        compare(server.maxMessageSize, 16 * 1024 * 1024)
        compare(server.maxBufferedAmount, 16 * 1024 * 1024)
        compare(server.slowReaderPolicy, WebSocketServer.DropMessages)
        compare(server.broadcastTextMessage("to nobody"), 0)
    }

    function test_broadcast_reaches_all_but_one() {
        const server = make(serverComponent)
        const raw = rawConnectedTo(server)
        const clients = [connectedTo(server), connectedTo(server)]
        compare(server.broadcastTextMessage("h\u00e9llo"), 3)
        compare(server.broadcastBinaryMessage(new Uint8Array([1, 2])), 3)
        compare(server.broadcastTextMessage("others", server.sockets[1]), 2)
        compare(server.broadcastBinaryMessage("end", null), 3)
        tryVerify(() => received(raw).endsWith("\x82\x03end"))
        compare(received(raw), "\x81\x06h\xc3\xa9llo\x82\x02\x01\x02\x81\x06others\x82\x03end")
        tryCompare(clients[0], "binaries", ["1,2", "101,110,100"])
        tryCompare(clients[1], "binaries", ["1,2", "101,110,100"])
        compare(clients[0].texts, ["h\u00e9llo"])
        compare(clients[1].texts, ["h\u00e9llo", "others"])
    }

    function test_broadcast_refuses_what_is_no_message() {
        const server = make(serverComponent)
        let thrown = ""
        try {
            server.broadcastBinaryMessage({ no: "bytes" })
        } catch (error) {
            thrown = error.name
        }
        compare(thrown, "TypeError")
    }

    function test_broadcast_reaches_others_data() {
        return [{ tag: "ws", program: "listeners.js", compression: false, extensions: "ready \n" },
                { tag: "ws, compressed", program: "listeners.js", compression: true, extensions: "ready permessage-deflate" },
                { tag: "websockets", program: "listeners.py", compression: false, extensions: "ready \n" },
                { tag: "websockets, compressed", program: "listeners.py", compression: true, extensions: "ready permessage-deflate" }]
    }

    function test_broadcast_reaches_others(data) {
        const server = make(serverComponent, { compression: data.compression })
        const program = make(programComponent)
        program.start(data.program, [server.url.toString(), "3"])
        tryVerify(() => program.output.includes("ready"), 10000)
        verify(program.output.includes(data.extensions), program.output)
        for (const text of ["short \u20ac", "a".repeat(70000), ""])
            compare(server.broadcastTextMessage(text), 3)
        compare(server.broadcastBinaryMessage(new Uint8Array([0, 255])), 3)
        for (const socket of server.sockets)
            socket.close(4000, "done")
        tryCompare(program, "exitCode", 0, 10000)
        for (let i = 0; i < 3; ++i) {
            const lines = program.output.split("\n").filter(line => line.startsWith(i + " "))
            compare(lines, [i + " text short \u20ac", i + " text 70000 long", i + " text ", i + " binary 00ff", i + " closed 4000 done"])
        }
    }

    function test_broadcast_survives_handlers_that_end_it() {
        const server = make(serverComponent)
        const clients = [connectedTo(server), connectedTo(server), connectedTo(server)]
        server.sockets[0].bufferedAmountChanged.connect(() => {
            server.sockets[1].active = false
            server.sockets[2].destroy()
        })
        const sent = server.broadcastTextMessage("x")
        verify(sent >= 1 && sent <= 2, sent)
        tryCompare(clients[0], "texts", ["x"])
        tryCompare(clients[1], "status", WebSocket.Closed)
        tryCompare(clients[2], "status", WebSocket.Closed)
        compare(server.clientCount, 1)

        const other = make(serverComponent)
        connectedTo(other)
        other.sockets[0].bufferedAmountChanged.connect(() => other.destroy())
        compare(other.broadcastTextMessage("x"), 1)
    }

    function test_clients_are_counted_while_they_are_open() {
        const server = make(serverComponent)
        const clients = [connectedTo(server), connectedTo(server)]
        compare(server.log, ["count 1", "connected 1", "count 2", "connected 2"])
        verify(server.clients.get(0) === server.sockets[0])
        verify(server.clients.get(1) === server.sockets[1])
        compare(server.clients.rowCount(), 2)

        server.log = []
        server.sockets[0].statusChanged.connect(status => server.log.push("status " + status))
        clients[0].active = false
        tryCompare(server, "log", ["count 1", "status 2", "status 3", "closed 1000 "])
        verify(server.clients.get(0) === server.sockets[1])

        server.log = []
        server.sockets[1].destroy()
        tryCompare(server, "clientCount", 0)
        compare(server.log, ["count 0"])
        compare(server.clients.get(0), null)
        tryCompare(clients[1], "closeCode", 1001)
    }

    function test_clients_stay_when_the_server_stops_to_listen() {
        const server = make(serverComponent)
        const client = connectedTo(server)
        server.listen = false
        compare(server.clientCount, 1)
        compare(server.broadcastTextMessage("still there"), 1)
        tryCompare(client, "texts", ["still there"])
    }

    function test_clients_are_shown_in_a_view() {
        const server = make(serverComponent)
        const view = make(viewComponent, { server: server })
        const texts = () => Array.from(view.children).filter(child => child.text !== undefined).map(child => child.text.split("/").pop())
        const clients = ["a", "b", "c"].map(path => connectedTo(server, "/" + path))
        compare(texts(), ["a", "b", "c"])
        clients[1].active = false
        tryVerify(() => texts().join() === "a,c")
        server.destroy()
        tryVerify(() => texts().length === 0)
    }

    function test_requests_are_accepted_when_nobody_rejects_them() {
        const server = make(serverComponent)
        const seen = []
        server.upgradeRequested.connect(request => seen.push(request))
        const answer = answerTo(server, "/chat/%E2%82%AC?room=1&x=%20", "X-Two: 1\r\nX-Two: 2\r\nAuthorization: Bearer t\r\n")
        verify(answer.startsWith("HTTP/1.1 101 "), answer)
        compare(seen.length, 1)
        compare(server.clientCount, 1)
        gc()
        compare(seen[0].path, "/chat/%E2%82%AC")
        compare(seen[0].query, "room=1&x=%20")
        compare(seen[0].headers["authorization"], "Bearer t")
        compare(seen[0].headers["x-two"], ["1", "2"])
        compare(seen[0].headers["host"], "x")
        compare(seen[0].origin, "")
        compare(seen[0].peerAddress, "127.0.0.1")

        let thrown = ""
        try {
            seen[0].reject(403)
        } catch (error) {
            thrown = error.message
        }
        compare(thrown, "The request has been answered already")
        compare(server.clientCount, 1)
    }

    function test_requests_are_rejected_data() {
        return [{ tag: "nothing said", reject: request => request.reject(), head: "HTTP/1.1 403 ", body: "403" },
                { tag: "status", reject: request => request.reject(404), head: "HTTP/1.1 404 ", body: "404" },
                { tag: "reason", reject: request => request.reject(401, "who are you, J\u00fcrgen?\r\nX: 1"), head: "HTTP/1.1 401 ",
                  body: "\r\n\r\nwho are you, J\xc3\xbcrgen?\r\nX: 1" },
                { tag: "the last word counts", reject: request => { request.reject(404); request.reject(429, "slowly") },
                  head: "HTTP/1.1 429 ", body: "\r\n\r\nslowly" }]
    }

    function test_requests_are_rejected(data) {
        const server = make(serverComponent)
        server.upgradeRequested.connect(data.reject)
        const answer = answerTo(server, "/", "")
        verify(answer.startsWith(data.head), answer)
        verify(answer.includes(data.body), answer)
        compare(server.log, [])
    }

    function test_requests_that_the_handler_fails_on_are_refused_data() {
        return [{ tag: "error", handler: () => { throw new Error("no database") }, message: /no database/ },
                { tag: "wrong status", handler: request => request.reject(200), message: /status of 400 to 599/ },
                { tag: "redirection", handler: request => request.reject(302), message: /status of 400 to 599/ }]
    }

    function test_requests_that_the_handler_fails_on_are_refused(data) {
        const server = make(serverComponent)
        server.upgradeRequested.connect(data.handler)
        ignoreWarning(data.message)
        const answer = answerTo(server, "/", "")
        verify(answer.startsWith("HTTP/1.1 500 "), answer)
        compare(server.log, [])
    }

    function test_origin_of_a_request() {
        const server = make(serverComponent, { allowedOrigins: ["*"] })
        const origins = []
        server.upgradeRequested.connect(request => {
            origins.push(request.origin)
            if (request.origin !== "https://example.org")
                request.reject(403, "not you")
        })
        verify(answerTo(server, "/", "Origin: https://example.org\r\n").startsWith("HTTP/1.1 101 "))
        verify(answerTo(server, "/", "Origin: https://example.com\r\n").startsWith("HTTP/1.1 403 "))
        compare(origins, ["https://example.org", "https://example.com"])
    }

    function test_server_may_be_destroyed_when_it_is_asked() {
        const server = make(serverComponent)
        server.upgradeRequested.connect(() => server.destroy())
        const raw = make(rawComponent)
        raw.call(server.port, "GET / HTTP/1.1\r\n" + requestLines + "\r\n")
        tryVerify(() => received(raw).startsWith("\x88\x13\x03\xe9")) // 1001
    }

    function test_maxConnections() {
        const server = make(serverComponent, { maxConnections: 2 })
        const clients = [connectedTo(server), connectedTo(server)]
        ignoreWarning(/Refused 127\.0\.0\.1: maxConnections is 2/)
        verify(answerTo(server, "/", "").startsWith("HTTP/1.1 503 "))
        verify(answerTo(server, "/", "").startsWith("HTTP/1.1 503 ")) // warned once
        compare(server.clientCount, 2)
        clients[0].active = false
        tryCompare(server, "clientCount", 1)
        // One that is closing counts.
        tryVerify(() => server.sockets.some(socket => socket.status === WebSocket.Closed))
        connectedTo(server)
        server.maxConnections = 3
        connectedTo(server)
        server.maxConnections = 0
        connectedTo(server)
        compare(server.clientCount, 4)
    }

    function test_maxConnections_counts_those_that_are_closing() {
        const server = make(serverComponent, { maxConnections: 1 })
        rawConnectedTo(server) // answers no Close frame
        server.sockets[0].active = false
        compare(server.clientCount, 0)
        ignoreWarning(/maxConnections is 1/)
        verify(answerTo(server, "/", "").startsWith("HTTP/1.1 503 "))
        server.sockets[0].destroy()
        wait(0)
        connectedTo(server)
    }

    function test_handshakeTimeout() {
        const server = make(serverComponent, { handshakeTimeout: 100 })
        const raw = make(rawComponent)
        raw.call(server.port, "GET / HTTP/1.1\r\nHost:")
        tryVerify(() => raw.frames.startsWith("HTTP/1.1 408 "))
    }

    function test_closeTimeout_data() {
        return [{ tag: "close", how: socket => socket.close() },
                { tag: "active", how: socket => socket.active = false }]
    }

    function test_closeTimeout(data) {
        const server = make(serverComponent)
        compare(server.closeTimeout, 5000)
        server.closeTimeout = 60
        const slow = make(serverComponent)
        const raw = rawConnectedTo(server) // answers no Close frame
        const other = rawConnectedTo(slow)
        data.how(slow.sockets[0])
        data.how(server.sockets[0])
        tryVerify(() => server.log.includes("closed 1006 "), 20000)
        verify(!slow.log.includes("closed 1006 "))
        verify(other.connected)
        verify(server.sockets[0].errorString.endsWith("(closeTimeout)"), server.sockets[0].errorString)
        tryCompare(raw, "connected", false)
    }

    function test_keepAlive() {
        const server = make(serverComponent, { keepAliveInterval: 50, keepAliveTimeout: 100 })
        const answers = connectedTo(server)
        tryVerify(() => server.sockets[0].latency >= 0)
        const raw = rawConnectedTo(server)
        compare(server.sockets[1].keepAliveInterval, 50)
        compare(server.sockets[1].keepAliveTimeout, 100)
        tryVerify(() => received(raw).startsWith("\x89"))
        tryVerify(() => server.log.includes("closed 1006 "))
        verify(server.sockets[1].errorString.endsWith("(keepAliveTimeout)"), server.sockets[1].errorString)
        compare(answers.status, WebSocket.Open)
    }

    function test_maxMessageSize() {
        const server = make(serverComponent, { maxMessageSize: 5 })
        const client = connectedTo(server)
        const texts = []
        server.sockets[0].textMessageReceived.connect(message => texts.push(message))
        client.sendTextMessage("12345")
        client.sendTextMessage("123456")
        tryCompare(client, "closeCode", 1009)
        compare(texts, ["12345"])
        verify(server.sockets[0].errorString.endsWith("(maxMessageSize)"), server.sockets[0].errorString)

        server.maxMessageSize = 0
        const next = connectedTo(server)
        next.maxBufferedAmount = 0
        let length = 0
        server.sockets[1].textMessageReceived.connect(message => length = message.length)
        next.sendTextMessage("x".repeat(17 * 1024 * 1024))
        tryVerify(() => length === 17 * 1024 * 1024, 10000)
    }

    function test_slow_reader_misses_messages() {
        const server = make(serverComponent, { maxBufferedAmount: 100 })
        const slow = connectedTo(server)
        const fast = connectedTo(server)
        server.sockets[1].maxBufferedAmount = 0
        let full = 0
        server.sockets[0].bufferFull.connect(() => ++full)
        compare(server.broadcastTextMessage("a".repeat(60)), 2)
        compare(server.broadcastTextMessage("b".repeat(60)), 1)
        compare(full, 1)
        tryCompare(fast, "texts", ["a".repeat(60), "b".repeat(60)])
        tryCompare(slow, "texts", ["a".repeat(60)])
        tryCompare(server.sockets[0], "bufferedAmount", 0)
        compare(server.broadcastTextMessage("c".repeat(60)), 2)
        tryCompare(slow, "texts", ["a".repeat(60), "c".repeat(60)])
    }

    function test_slow_reader_is_closed() {
        const server = make(serverComponent, { maxBufferedAmount: 100, slowReaderPolicy: WebSocketServer.CloseConnection })
        const slow = connectedTo(server)
        const fast = connectedTo(server)
        server.sockets[1].maxBufferedAmount = 0
        compare(server.broadcastTextMessage("a".repeat(60)), 2)
        ignoreWarning(/reads too slowly and goes \(slowReaderPolicy\): maxBufferedAmount is 100/)
        compare(server.broadcastTextMessage("b".repeat(60)), 1)
        compare(server.clientCount, 1)
        tryCompare(slow, "closeCode", 1013)
        compare(slow.closeReason, "reads too slowly")
        compare(slow.texts, ["a".repeat(60)]) // what waited comes first
        tryCompare(fast, "texts", ["a".repeat(60), "b".repeat(60)])
    }

    function test_slow_reader_policy_changes() {
        const server = make(serverComponent, { maxBufferedAmount: 100 })
        const client = connectedTo(server)
        server.slowReaderPolicy = WebSocketServer.CloseConnection
        server.slowReaderPolicy = WebSocketServer.DropMessages
        ignoreWarning(/A message was not sent: maxBufferedAmount is 100/)
        compare(server.broadcastTextMessage("x".repeat(101)), 0)
        compare(server.clientCount, 1)
        server.slowReaderPolicy = WebSocketServer.DropConnection
        ignoreWarning(/slowReaderPolicy/)
        compare(server.broadcastTextMessage("x".repeat(101)), 0)
        compare(server.clientCount, 0)
        compare(server.sockets[0].closeCode, 1006)
        tryCompare(client, "closeCode", 1006)
    }

    function test_slow_reader_of_another_library_holds_nobody_up() {
        const server = make(serverComponent, { maxBufferedAmount: 1 << 20, slowReaderPolicy: WebSocketServer.DropConnection })
        const program = make(programComponent)
        program.start("listeners.js", [server.url.toString(), "stalled"])
        tryVerify(() => program.output.includes("stalled"), 10000)
        const client = connectedTo(server)
        const text = "x".repeat(1 << 18)
        ignoreWarning(/slowReaderPolicy/)
        let sent = 0
        while (server.clientCount === 2 && sent < 1000) {
            server.broadcastTextMessage(text)
            ++sent
            tryVerify(() => client.texts.length === sent)
        }
        compare(server.clientCount, 1)
        verify(server.log.includes("closed 1006 "))
        compare(server.broadcastTextMessage("go on"), 1)
        tryVerify(() => client.texts[sent] === "go on")
    }
}
