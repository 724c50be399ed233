// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Where Framewire behaves better than QtWebSockets, and what it has on top of Qt 6.4: none of this
// would pass with QtWebSockets 6.4.

import QtQuick
import QtTest
import Framewire
import FramewireTests

TestCase {
    id: testCase

    name: "mended"

    property var peers: []
    property var log: []

    Component {
        id: socketComponent

        WebSocket {
            property var log: []

            onStatusChanged: status => log.push("status " + status)
            onErrorStringChanged: errorString => log.push("error '" + errorString + "'")
            onActiveChanged: isActive => log.push("active " + isActive)
            onTextMessageReceived: message => log.push("text '" + message + "'")
            onBinaryMessageReceived: message => log.push("binary " + new Uint8Array(message).join(","))
            onPong: (elapsedTime, payload) => log.push("pong " + new Uint8Array(payload).join(","))
        }
    }

    Component {
        id: serverComponent

        WebSocketServer {
            property var log: []

            onPortChanged: port => log.push("port " + port)
            onHostChanged: host => log.push("host " + host)
            onErrorStringChanged: errorString => log.push("error '" + errorString + "'")
            onListenChanged: listen => log.push("listen " + listen)
            onClientConnected: webSocket => {
                testCase.peers.push(webSocket)
                webSocket.binaryMessageReceived.connect(message => testCase.log.push(new Uint8Array(message).join(",")))
                webSocket.textMessageReceived.connect(message => testCase.log.push(message))
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

    function make(component, properties) {
        return createTemporaryObject(component, testCase, properties ?? {})
    }

    function listening(properties) {
        const server = make(serverComponent, Object.assign({ listen: true }, properties ?? {}))
        verify(server.listen, server.errorString)
        return server
    }

    function connected(server, properties) {
        const before = peers.length
        const client = make(socketComponent, Object.assign({ url: server.url, active: true }, properties ?? {}))
        tryCompare(client, "status", WebSocket.Open)
        compare(peers.length, before + 1)
        client.log = []
        return client
    }

    function clientOf(server) {
        return make(socketComponent, { url: server.url, active: true })
    }

    // A client of a RawPeer that has sent its request.
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

    // The code and the reason of the Close frame that a RawPeer got.
    function closeFrame(raw) {
        let offset = 0
        for (;;) {
            const frame = raw.frameAt(offset)
            if (frame.length === 0)
                return null
            if (frame[0] === 8)
                return frame[1].length < 2 ? [1005, ""]
                    : [frame[1].charCodeAt(0) * 256 + frame[1].charCodeAt(1), frame[1].slice(2)]
            offset = frame[2]
        }
    }

    // Something else has connected and talked: enough turns of the event loop have passed.
    function letOthersTalk() {
        const server = listening()
        const client = connected(server)
        client.sendTextMessage("ping")
        tryVerify(() => log.includes("ping"))
        peers[peers.length - 1].sendTextMessage("pong")
        tryVerify(() => client.log.includes("text 'pong'"))
        client.active = false
    }

    function freePort() {
        const server = listening()
        const port = server.port
        server.listen = false
        return port
    }

    function init() {
        peers = []
        log = []
    }

    // ---- Imports ----

    function test_import_versions_data() {
        const rows = []
        for (const version of ["", "1.0", "1.1", "1.4", "1.5", "1.15", "1.100", "1.254"])
            rows.push({ tag: version || "none", version: version })
        return rows
    }

    function test_import_versions(data) {
        const text = "import QtQml; import Framewire " + data.version
            + "\nQtObject { property WebSocket socket: WebSocket { requestedSubprotocols: ['a'] }"
            + " property WebSocketServer server: WebSocketServer {} }"
        const object = createTemporaryQmlObject(text, testCase)
        compare(object.socket.status, WebSocket.Closed)
        verify(object.socket.ping !== undefined)
        compare(object.server.listen, false)
    }

    // ---- The server listens where it is told to ----

    function test_port_0_at_run_time_keeps_listening() {
        const server = make(serverComponent)
        server.listen = true
        verify(server.port > 0)
        compare(server.log, ["listen true", "port " + server.port])
        letOthersTalk()
        compare(server.listen, true)
        connected(server)
    }

    function test_port_changed_while_listening() {
        const server = listening()
        const before = connected(server)
        const port = freePort()
        server.port = port
        compare(server.port, port)
        letOthersTalk()
        compare(server.listen, true)
        connected(server)
        peers[0].sendTextMessage("still there")
        tryVerify(() => before.log.includes("text 'still there'"))
    }

    function test_host_changed_while_listening() {
        const server = listening()
        server.host = "0.0.0.0"
        letOthersTalk()
        compare(server.listen, true)
        compare(server.host, "0.0.0.0")
        connected(server, { url: "ws://127.0.0.1:" + server.port })
    }

    function test_localhost_is_the_loopback_address_only() {
        const server = listening({ host: "localhost" })
        compare(server.host, "localhost")
        compare(server.url.toString(), "ws://localhost:" + server.port)
        connected(server)
        // Another address of this machine, which 0.0.0.0 would serve too.
        const other = make(socketComponent, { url: "ws://127.0.0.2:" + server.port, active: true })
        tryCompare(other, "status", WebSocket.Error)
        compare(other.errorString, "Connection refused")
    }

    function test_host_that_is_no_address() {
        const server = make(serverComponent, { host: "no.address.example", listen: true })
        compare(server.listen, false)
        compare(server.errorString, "Not an address to listen on: no.address.example")
        server.host = "127.0.0.1"
        server.listen = true
        compare(server.listen, true)
        compare(server.errorString, "")
        connected(server)
    }

    function test_taken_port_is_visible_and_can_be_tried_again() {
        const first = listening()
        const server = make(serverComponent, { port: first.port })
        server.listen = true
        const error = "The bound address is already in use"
        compare(server.log.slice(-3), ["listen true", "error '" + error + "'", "listen false"])
        compare(server.listen, false)
        compare(server.errorString, error)
        first.listen = false
        server.listen = true
        compare(server.listen, true)
        compare(server.errorString, "")
        connected(server)
    }

    function test_accept_false_declared() {
        const server = listening({ accept: false })
        const client = make(socketComponent, { url: server.url, active: true })
        letOthersTalk()
        compare(client.status, WebSocket.Connecting)
        server.accept = true
        tryCompare(client, "status", WebSocket.Open)
    }

    function test_accept_switched_without_listening() {
        const server = make(serverComponent)
        server.accept = false
        server.accept = true
        server.name = "name"
        server.accept = false
        server.listen = true
        const client = make(socketComponent, { url: server.url, active: true })
        letOthersTalk()
        compare(client.status, WebSocket.Connecting)
        server.accept = true
        tryCompare(client, "status", WebSocket.Open)
    }

    function test_new_name_leaves_connections_open() {
        const server = listening()
        const client = connected(server)
        server.name = "Other"
        server.supportedSubprotocols = ["x"]
        letOthersTalk()
        compare(client.status, WebSocket.Open)
        peers[0].sendTextMessage("hello")
        tryVerify(() => client.log.includes("text 'hello'"))
    }

    function test_web_pages_data() {
        return [{ tag: "none listed", allowed: [], origin: "https://evil.example", status: 403 },
                { tag: "other listed", allowed: ["https://example.org"], origin: "https://example.org.evil.example", status: 403 },
                { tag: "null", allowed: ["https://example.org"], origin: "null", status: 403 },
                { tag: "listed", allowed: ["https://example.org"], origin: "https://example.org", status: 101 },
                { tag: "all", allowed: ["*"], origin: "https://evil.example", status: 101 }]
    }

    function test_web_pages(data) {
        const server = listening({ allowedOrigins: data.allowed })
        const page = make(rawComponent)
        if (data.status === 403)
            ignoreWarning(/Not in allowedOrigins: .*web pages of this origin may not connect/)
        page.call(server.port, "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: " + data.origin + "\r\n\r\n")
        tryVerify(() => page.frames.includes("\r\n\r\n"))
        compare(page.frames.slice(0, 12), "HTTP/1.1 " + data.status)
        compare(peers.length, data.status === 101 ? 1 : 0)
        page.end()
        letOthersTalk()
    }

    // ---- Errors that can be read ----

    function test_cut_connection_keeps_its_error_and_the_order() {
        const raw = make(rawComponent)
        const client = shaken(raw)
        raw.end()
        tryCompare(client, "status", WebSocket.Closed)
        const error = "The remote host closed the connection"
        compare(client.log, ["error '" + error + "'", "status 4", "status 2", "status 3"])
        compare(client.errorString, error)
        client.active = false
        compare(client.errorString, error)
        client.log = []
        client.active = true
        compare(client.log, ["active true", "error ''", "status 0"])
    }

    function test_reset_connection() {
        const raw = make(rawComponent)
        const client = shaken(raw)
        raw.reset()
        tryCompare(client, "status", WebSocket.Closed)
        verify(client.log.includes("status 4"))
        verify(client.errorString !== "")
    }

    function test_connection_given_up_is_no_error() {
        const raw = make(rawComponent)
        const client = requesting(raw)
        client.active = false
        compare(client.log, ["active false", "status 3"])
        compare(client.errorString, "")
        tryCompare(raw, "connected", false)
        client.active = true
        tryCompare(raw, "connections", 2)
    }

    function test_url_made_empty_while_connecting_gives_up() {
        const raw = make(rawComponent)
        const client = requesting(raw)
        client.url = ""
        compare(client.log, ["status 3"])
        tryCompare(raw, "connected", false)
    }

    readonly property string longLine: "X-Long: " + "x".repeat(100000)

    function test_wrong_answers_data() {
        const head = "HTTP/1.1 101 Switching Protocols\r\n"
        return [
            { tag: "200", says: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", error: /200/ },
            { tag: "401", says: "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", error: /401/ },
            { tag: "302", says: "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", error: /302/ },
            { tag: "503", says: "HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n", error: /503/ },
            { tag: "garbage", says: "SSH-2.0-OpenSSH_9.2\r\n", error: /HTTP/ },
            { tag: "binary garbage", says: "\x16\x03\x01\x02\x00\xff", error: /HTTP/ },
            { tag: "no upgrade", says: head + "Connection: Upgrade\r\n\r\n", error: /upgrade/i },
            { tag: "bad key", says: head + "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n", error: /accept/i },
            { tag: "long head", says: head + longLine + "\r\n\r\n", error: /(long|large|big)/ },
        ]
    }

    function test_wrong_answers(data) {
        const raw = make(rawComponent)
        const client = requesting(raw)
        raw.write(data.says)
        tryCompare(client, "status", WebSocket.Error)
        compare(client.log, ["error '" + client.errorString + "'", "status 4"])
        verify(data.error.test(client.errorString), client.errorString)
        tryCompare(raw, "connected", false)
        compare(client.status, WebSocket.Error)
        verify(!seenErrors.includes(client.errorString), client.errorString)
        seenErrors.push(client.errorString)
        print(data.tag + ": " + client.errorString)
    }
    property var seenErrors: []

    function test_wrong_subprotocol_or_extension_data() {
        return [{ tag: "subprotocol", lines: "Sec-WebSocket-Protocol: other\r\n", error: /subprotocol/ },
                { tag: "extension", lines: "Sec-WebSocket-Extensions: permessage-foo\r\n", error: /extension/ }]
    }

    function test_wrong_subprotocol_or_extension(data) {
        const raw = make(rawComponent)
        const client = requesting(raw)
        raw.shakeHands(data.lines)
        tryCompare(client, "status", WebSocket.Error)
        verify(data.error.test(client.errorString), client.errorString)
        print(data.tag + ": " + client.errorString)
    }

    function test_cut_while_shaking_hands() {
        const raw = make(rawComponent)
        const client = requesting(raw)
        raw.write("HTTP/1.1 101 Switch")
        raw.end()
        tryCompare(client, "status", WebSocket.Closed)
        compare(client.log, ["error 'The remote host closed the connection'", "status 4", "status 3"])
    }

    function test_certificates_data() {
        return [{ tag: "self_signed", error: /self-signed/ }, { tag: "wrong_name", error: /(host|name)/ },
                { tag: "expired", error: /expired/ }]
    }

    function test_certificates(data) {
        const raw = make(rawComponent)
        raw.trustAuthority()
        raw.secure(data.tag)
        const client = make(socketComponent, { url: "wss://localhost:" + raw.port, active: true })
        client.log = []
        tryCompare(client, "status", WebSocket.Closed)
        compare(client.log, ["error '" + client.errorString + "'", "status 4", "status 3"])
        verify(data.error.test(client.errorString), client.errorString)
        print(data.tag + ": " + client.errorString)
    }

    function test_wss() {
        const raw = make(rawComponent)
        raw.trustAuthority()
        raw.secure("good")
        const client = make(socketComponent, { url: "wss://localhost:" + raw.port, active: true })
        tryVerify(() => raw.request !== "")
        raw.shakeHands()
        raw.write("\x81\x06secret")
        tryVerify(() => client.log.includes("text 'secret'"))
        compare(client.status, WebSocket.Open)
        client.active = false
    }

    function test_wss_with_a_server_that_speaks_no_tls() {
        const raw = make(rawComponent)
        const client = make(socketComponent, { url: "wss://127.0.0.1:" + raw.port, active: true })
        tryCompare(raw, "connected", true)
        raw.write("HTTP/1.1 400 Bad Request\r\n\r\n")
        tryCompare(client, "status", WebSocket.Closed)
        compare(client.log.slice(-3), ["error '" + client.errorString + "'", "status 4", "status 3"])
        print("no TLS: " + client.errorString)
    }

    function test_broken_frames_data() {
        return [
            { tag: "reserved bits", says: "\xc1\x00", code: 1002, error: /reserved/ },
            { tag: "masked", says: "\x81\x80abcd", code: 1002, error: /mask/ },
            { tag: "not UTF-8", says: "\x81\x01\xff", code: 1007, error: /UTF-8/ },
            { tag: "too long", says: "\x82\x7f\x00\x00\x01\x00\x00\x00\x00\x00", code: 1009, error: /(long|large|big)/ },
            { tag: "orphan", says: "\x80\x00", code: 1002, error: /continu/ },
        ]
    }

    function test_broken_frames(data) {
        const raw = make(rawComponent)
        const client = shaken(raw)
        raw.write(data.says)
        tryVerify(() => closeFrame(raw) !== null)
        compare(closeFrame(raw)[0], data.code)
        raw.end()
        tryCompare(client, "status", WebSocket.Closed)
        compare(client.log, ["error '" + client.errorString + "'", "status 4", "status 2", "status 3"])
        verify(data.error.test(client.errorString), client.errorString)
        print(data.tag + ": " + client.errorString)
    }

    function test_unusable_urls_data() {
        return [{ tag: "scheme", url: "ftp://localhost/" }, { tag: "no host", url: "ws:///path" },
                { tag: "fragment", url: "ws://localhost:1/#part" }]
    }

    function test_unusable_urls(data) {
        const client = make(socketComponent, { url: data.url, active: true })
        tryCompare(client, "status", WebSocket.Error)
        verify(client.errorString !== "")
        verify(!seenErrors.includes(client.errorString), client.errorString)
        seenErrors.push(client.errorString)
        print(data.url + ": " + client.errorString)
    }

    function test_unusable_subprotocols() {
        const client = make(socketComponent, { url: "ws://localhost:1/", requestedSubprotocols: ["a b"], active: true })
        tryCompare(client, "status", WebSocket.Error)
        verify(/subprotocol/.test(client.errorString), client.errorString)
    }

    function test_unknown_host() {
        const client = make(socketComponent, { url: "ws://no-such-host.invalid/", active: true })
        tryCompare(client, "status", WebSocket.Error, 15000)
        compare(client.errorString, "Host not found")
    }

    // As long as a handshake may take by default.
    function test_silent_server_is_given_up() {
        const raw = make(rawComponent)
        const client = requesting(raw)
        tryCompare(client, "status", WebSocket.Error, 20000)
        verify(client.errorString !== "")
        print("silent: " + client.errorString)
        tryCompare(raw, "connected", false)
    }

    // ---- Closing ----

    function test_close_codes_that_the_peer_sees() {
        const raw = make(rawComponent)
        const client = shaken(raw)
        client.sendTextMessage("last words")
        client.active = false
        compare(client.status, WebSocket.Closed)
        tryVerify(() => closeFrame(raw) !== null)
        compare(raw.frameAt(0).slice(0, 2), [1, "last words"])
        compare(closeFrame(raw), [1000, ""])
    }

    function test_silent_peer_does_not_hold_up_a_close() {
        const raw = make(rawComponent)
        const client = shaken(raw)
        client.active = false
        compare(client.log, ["active false", "status 2", "status 3"])
        client.active = true
        tryCompare(raw, "connections", 2)
        tryVerify(() => raw.request !== "")
        raw.shakeHands()
        tryCompare(client, "status", WebSocket.Open)
    }

    // ---- destroy() at any time ----

    function test_destroy_while_open_says_goodbye() {
        const raw = make(rawComponent)
        const client = socketComponent.createObject(testCase, { url: "ws://127.0.0.1:" + raw.port, active: true })
        tryVerify(() => raw.request !== "")
        raw.shakeHands()
        tryCompare(client, "status", WebSocket.Open)
        client.destroy()
        tryVerify(() => closeFrame(raw) !== null)
        compare(closeFrame(raw), [1001, "Connection closed"])
    }

    function test_destroy_many_open_clients() {
        const server = listening()
        const census = make(censusComponent)
        const clients = []
        for (let i = 0; i < 50; ++i) {
            clients.push(socketComponent.createObject(testCase, { url: server.url, active: true }))
            census.add(clients[i])
        }
        tryVerify(() => peers.length === 50 && clients.every(client => client.status === WebSocket.Open))
        clients.forEach(client => client.destroy())
        tryVerify(() => census.alive() === 0)
        tryVerify(() => peers.every(peer => peer.status === WebSocket.Closed))
        compare(peers.filter(peer => peer.errorString !== "").length, 0)
    }

    function test_destroy_while_connecting() {
        const raw = make(rawComponent)
        const client = socketComponent.createObject(testCase, { url: "ws://127.0.0.1:" + raw.port, active: true })
        tryVerify(() => raw.request !== "")
        client.destroy()
        tryCompare(raw, "connected", false)
    }

    function test_destroy_in_own_handlers_data() {
        return [{ tag: "connecting", status: WebSocket.Connecting }, { tag: "open", status: WebSocket.Open },
                { tag: "closing", status: WebSocket.Closing }, { tag: "closed", status: WebSocket.Closed },
                { tag: "error", status: WebSocket.Error }, { tag: "text" }, { tag: "binary" }, { tag: "pong" },
                { tag: "active" }, { tag: "error string" }, { tag: "url" }]
    }

    function test_destroy_in_own_handlers(data) {
        const server = listening()
        const census = make(censusComponent)
        const client = socketComponent.createObject(testCase, { url: server.url })
        census.add(client)
        const destroy = () => client.destroy()
        if (data.status !== undefined)
            client.statusChanged.connect(status => { if (status === data.status) client.destroy() })
        client.textMessageReceived.connect(() => { if (data.tag === "text") client.destroy() })
        client.binaryMessageReceived.connect(() => { if (data.tag === "binary") client.destroy() })
        client.pong.connect(() => { if (data.tag === "pong") client.destroy() })
        client.activeChanged.connect(isActive => { if (data.tag === "active" && !isActive) client.destroy() })
        client.errorStringChanged.connect(text => { if (data.tag === "error string" && text !== "") client.destroy() })
        client.urlChanged.connect(() => { if (data.tag === "url") client.destroy() })
        client.active = true
        if (data.tag !== "connecting") {
            tryVerify(() => peers.length === 1)
            peers[0].sendTextMessage("t")
            peers[0].sendBinaryMessage("b")
            if (data.tag === "pong") {
                tryCompare(client, "status", WebSocket.Open)
                client.ping()
            } else if (data.tag === "active" || data.tag === "closing" || data.tag === "closed") {
                tryCompare(client, "status", WebSocket.Open)
                client.active = false
            } else if (data.tag === "url") {
                client.url = "ws://127.0.0.1:1"
            } else if (data.tag === "error" || data.tag === "error string") {
                client.active = false
                client.sendTextMessage("x")
            }
        }
        tryVerify(() => census.alive() === 0)
    }

    function test_destroy_server_sockets_in_their_handlers() {
        const server = listening()
        const census = make(censusComponent)
        const client = connected(server)
        census.add(peers[0])
        peers[0].textMessageReceived.connect(() => peers[0].destroy())
        client.sendTextMessage("go away")
        tryVerify(() => census.alive() === 0)
        tryCompare(client, "status", WebSocket.Closed)
        compare(client.errorString, "")
    }

    WebSocketServer {
        id: rejecting

        listen: true
        onClientConnected: webSocket => webSocket.destroy()
    }

    function test_destroy_in_clientConnected() {
        const client = make(socketComponent, { url: rejecting.url, active: true })
        tryVerify(() => client.log.includes("status 3"))
        compare(client.log.slice(-3), ["status 1", "status 2", "status 3"])
    }

    function test_destroy_server_with_open_connections() {
        const server = serverComponent.createObject(testCase, { listen: true })
        const client = connected(server)
        server.destroy()
        tryCompare(client, "status", WebSocket.Closed)
        compare(client.errorString, "")
    }

    Component {
        id: selfDestroying

        WebSocketServer {
            listen: true
            onClientConnected: destroy()
        }
    }

    function test_destroy_server_in_clientConnected() {
        const client = clientOf(selfDestroying.createObject(testCase))
        tryVerify(() => client.log.includes("status 3"))
    }

    // ---- Sockets that a server hands out ----

    // A function of its own: the registers of a running function count as references.
    function connectAndClose(server, census) {
        const client = connected(server)
        census.add(peers[0])
        client.active = false
        tryCompare(peers[0], "status", WebSocket.Closed)
    }

    function test_finished_connections_are_released() {
        const server = listening()
        const census = make(censusComponent)
        for (let i = 0; i < 20; ++i) {
            connectAndClose(server, census)
            peers = []
        }
        verify(census.alive() > 0)
        letOthersTalk() // Qt 6.8 would keep the last one
        tryVerify(() => { gc(); return census.alive() === 0 })
    }

    function checkFirstPeer(server) {
        compare(peers[0].url.toString(), server.url + "/")
        compare(peers[0].status, WebSocket.Closed)
    }

    function test_finished_socket_stays_while_somebody_refers_to_it() {
        const server = listening()
        const census = make(censusComponent)
        connectAndClose(server, census)
        letOthersTalk()
        gc()
        letOthersTalk()
        compare(census.alive(), 1)
        checkFirstPeer(server)
        peers = []
        tryVerify(() => { gc(); return census.alive() === 0 })
    }

    function test_server_socket_never_connects() {
        const server = listening()
        const client = connected(server)
        const peer = peers[0]
        peer.active = false
        tryCompare(client, "status", WebSocket.Closed)
        peer.active = true
        compare(peer.active, false)
        compare(peer.status, WebSocket.Error)
        compare(peer.errorString, "A socket of a server does not connect to its client.")
        peer.url = server.url + "/other"
        letOthersTalk()
        compare(peers.length, 2) // the one of letOthersTalk()'s own server
        compare(peer.status, WebSocket.Error)
    }

    function test_new_url_closes_a_server_socket() {
        const server = listening()
        const client = connected(server)
        peers[0].url = "ws://127.0.0.1:1"
        compare(peers[0].status, WebSocket.Closed)
        tryCompare(client, "status", WebSocket.Closed)
    }

    // ---- Messages ----

    function test_views_are_sent() {
        const server = listening()
        const client = connected(server)
        const buffer = new Uint8Array([0, 1, 2, 3, 4, 5, 6, 7]).buffer
        compare(client.sendBinaryMessage(new Uint8Array(buffer)), 8)
        compare(client.sendBinaryMessage(new Uint8Array(buffer, 2, 3)), 3)
        compare(client.sendBinaryMessage(new DataView(buffer, 6)), 2)
        compare(client.sendBinaryMessage(new Uint16Array([258])), 2)
        compare(client.sendBinaryMessage(new Float64Array(1)), 8)
        compare(client.sendBinaryMessage(new Uint8ClampedArray([300])), 1)
        compare(client.sendBinaryMessage(new ArrayBuffer(0)), 0)
        compare(client.sendBinaryMessage(new Uint8Array(0)), 0)
        compare(client.sendBinaryMessage(new Uint8Array(buffer, 8)), 0)
        tryVerify(() => log.length === 9)
        compare(log, ["0,1,2,3,4,5,6,7", "2,3,4", "6,7", "2,1", "0,0,0,0,0,0,0,0", "255", "", "", ""])
        compare(client.status, WebSocket.Open)
    }

    function test_what_is_no_binary_message_throws() {
        const server = listening()
        const client = connected(server)
        for (const value of [{}, { byteLength: 1 }, { byteLength: 4, buffer: "abcd", byteOffset: 0 }, new Date(0), () => 1]) {
            for (const call of ["sendBinaryMessage", "ping"]) {
                let thrown = null
                try { client[call](value) } catch (error) { thrown = error }
                verify(thrown instanceof TypeError, call + " " + value)
            }
        }
        compare(client.status, WebSocket.Open)
    }

    function test_byte_order_mark_is_kept() {
        const server = listening()
        const client = connected(server)
        client.sendTextMessage("\ufefftext")
        client.sendTextMessage("\ufeff")
        tryVerify(() => log.length === 2)
        compare(log, ["\ufefftext", "\ufeff"])
    }

    function test_code_point_split_over_two_frames() {
        const raw = make(rawComponent)
        const client = shaken(raw)
        raw.write("\x01\x01\xe2" + "\x80\x02\x82\xac")
        tryVerify(() => client.log.length > 0)
        compare(client.log, ["text '\u20ac'"])
    }

    function test_messages_right_behind_the_handshake() {
        const raw = make(rawComponent)
        const client = requesting(raw)
        raw.shakeHands()
        raw.write("\x81\x05hello" + "\x88\x02\x03\xe8")
        tryCompare(client, "status", WebSocket.Closed)
        compare(client.log, ["status 1", "text 'hello'", "status 2", "status 3"])
    }

    // ---- Ping and pong ----

    function test_ping_and_pong() {
        const server = listening()
        const client = connected(server)
        const times = []
        client.pong.connect(elapsedTime => times.push(elapsedTime))
        client.ping()
        client.ping(new Uint8Array([1, 2]).buffer)
        client.ping(new Uint8Array([3]))
        client.ping("abc")
        tryVerify(() => client.log.length === 4)
        compare(client.log, ["pong ", "pong 1,2", "pong 3", "pong 97,98,99"])
        verify(times.every(time => Number.isInteger(time) && time >= 0 && time < 60000))
        let answered = false
        peers[0].pong.connect(() => answered = true)
        peers[0].ping()
        tryVerify(() => answered)
    }

    function test_ping_is_cut_off_at_125_bytes() {
        const raw = make(rawComponent)
        const client = shaken(raw)
        client.ping("x".repeat(200))
        tryVerify(() => raw.frameAt(0).length > 0)
        compare(raw.frameAt(0).slice(0, 2), [9, "x".repeat(125)])
    }

    function test_pong_that_nobody_asked_for() {
        const raw = make(rawComponent)
        const client = shaken(raw)
        let elapsed = -1
        client.pong.connect(elapsedTime => elapsed = elapsedTime)
        raw.write("\x8a\x01a")
        tryVerify(() => elapsed >= 0)
        compare(elapsed, 0)
        compare(client.log, ["pong 97"])
    }

    function test_ping_when_closed_is_an_error() {
        const client = make(socketComponent)
        client.log = []
        client.ping()
        compare(client.log, ["error 'Messages can only be sent when the socket is open.'", "status 4"])
    }

    WebSocket {
        id: injected

        property var log: []

        // qmllint disable unqualified
        onPong: log.push([elapsedTime, payload.byteLength])
        // qmllint enable unqualified
    }

    function test_names_of_pongs_parameters() {
        const server = listening()
        injected.url = server.url
        injected.active = true
        tryCompare(injected, "status", WebSocket.Open)
        injected.ping("abcd")
        tryVerify(() => injected.log.length === 1)
        compare(injected.log[0][1], 4)
        injected.active = false
    }

    // ---- Handlers that do something else with the socket ----

    function test_reopen_inside_any_status_data() {
        return [{ tag: "closing", status: WebSocket.Closing }, { tag: "closed", status: WebSocket.Closed }]
    }

    function test_reopen_inside_any_status(data) {
        const server = listening()
        const client = connected(server)
        let done = false
        client.statusChanged.connect(status => {
            if (status === data.status && !done) {
                done = true
                client.active = false
                client.active = true
            }
        })
        client.active = false
        tryCompare(client, "status", WebSocket.Open)
        compare(client.active, true)
        tryVerify(() => peers.length === 2)
        tryCompare(peers[0], "status", WebSocket.Closed)
        compare(peers[1].status, WebSocket.Open)
    }

    function test_deactivate_inside_connecting() {
        const server = listening()
        const client = make(socketComponent, { url: server.url })
        client.statusChanged.connect(status => { if (status === WebSocket.Connecting) client.active = false })
        client.log = []
        client.active = true
        compare(client.active, false)
        compare(client.status, WebSocket.Closed)
        letOthersTalk()
        compare(client.status, WebSocket.Closed)
    }
}
