// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What is said with the request and read from the answer: requestHeaders, origin, responseStatus,
// responseHeaders, peerAddress and peerPort.

import QtQuick
import QtTest
import Framewire
import FramewireTests

TestCase {
    id: testCase

    name: "handshake"

    property var peers: []

    Component {
        id: socketComponent

        WebSocket {
            property var log: []

            onStatusChanged: status => log.push("status " + status)
            onRequestHeadersChanged: () => log.push("request headers")
            onOriginChanged: () => log.push("origin")
            onResponseStatusChanged: () => log.push("response status " + responseStatus)
            onResponseHeadersChanged: () => log.push("response headers " + Object.keys(responseHeaders).length)
            onPeerAddressChanged: () => log.push("peer address " + peerAddress)
            onPeerPortChanged: () => log.push("peer port")
            onSubprotocolChanged: () => log.push("subprotocol " + subprotocol)
        }
    }

    Component {
        id: declaredComponent

        WebSocket {
            property int port

            url: "ws://127.0.0.1:" + port
            active: true
            requestHeaders: ({ "Authorization": "Bearer token", "X-Port": port })
            origin: "https://example.org"
        }
    }

    Component {
        id: serverComponent

        WebSocketServer {
            listen: true
            onClientConnected: webSocket => testCase.peers.push(webSocket)
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

    function requesting(properties) {
        const raw = make(rawComponent)
        const client = make(socketComponent, Object.assign({ url: "ws://127.0.0.1:" + raw.port, active: true }, properties ?? {}))
        tryVerify(() => raw.request !== "")
        client.log = []
        return { raw: raw, client: client }
    }

    function fieldsOf(request, name) {
        return request.split("\r\n").slice(1).filter(line => line.toLowerCase().startsWith(name.toLowerCase() + ":"))
    }

    function init() {
        peers = []
    }

    function test_defaults() {
        const client = make(socketComponent)
        compare(Object.keys(client.requestHeaders), [])
        compare(client.origin, "")
        compare(client.responseStatus, 0)
        compare(Object.keys(client.responseHeaders), [])
        compare(client.peerAddress, "")
        compare(client.peerPort, 0)
        const { raw } = requesting()
        compare(raw.request.split("\r\n").length, 8)
    }

    function test_what_is_sent() {
        const { raw } = requesting({
            requestHeaders: { "Authorization": "Bearer abc", "X-List": ["one", "two; three"], "x-number": 42, "X-None": [],
                              "X-Text": "caf\u00e9 \u2713" },
            origin: "https://example.org"
        })
        compare(fieldsOf(raw.request, "Authorization"), ["Authorization: Bearer abc"])
        compare(fieldsOf(raw.request, "X-List"), ["X-List: one", "X-List: two; three"])
        compare(fieldsOf(raw.request, "x-number"), ["x-number: 42"])
        compare(fieldsOf(raw.request, "X-None"), [])
        compare(fieldsOf(raw.request, "X-Text"), ["X-Text: caf\u00c3\u00a9 \u00e2\u009c\u0093"])
        compare(fieldsOf(raw.request, "Origin"), ["Origin: https://example.org"])
    }

    function test_declared() {
        const raw = make(rawComponent)
        make(declaredComponent, { port: raw.port })
        tryVerify(() => raw.request !== "")
        compare(fieldsOf(raw.request, "Authorization"), ["Authorization: Bearer token"])
        compare(fieldsOf(raw.request, "X-Port"), ["X-Port: " + raw.port])
        compare(fieldsOf(raw.request, "Origin"), ["Origin: https://example.org"])
    }

    function test_name_and_password_of_the_url_give_way() {
        const raw = make(rawComponent)
        make(socketComponent, { url: "ws://name:password@127.0.0.1:" + raw.port, active: true,
                                requestHeaders: { "authorization": "Bearer abc" } })
        tryVerify(() => raw.request !== "")
        compare(fieldsOf(raw.request, "Authorization"), ["authorization: Bearer abc"])
    }

    function test_what_may_not_be_sent_data() {
        const character = /^requestHeaders: ".*": a header field has a name or value that is not allowed$/
        const reserved = /^requestHeaders: ".*": a header field belongs to the handshake itself$/
        const kind = /^requestHeaders: ".*": the value is neither a string nor a list of strings$/
        const rows = [
            { tag: "CR LF in a value", headers: { "X": "a\r\nEvil: yes" }, error: character },
            { tag: "LF in a value", headers: { "X": "a\nEvil: yes" }, error: character },
            { tag: "CR in a value", headers: { "X": "a\rb" }, error: character },
            { tag: "NUL in a value", headers: { "X": "a\0b" }, error: character },
            { tag: "in a list", headers: { "X": ["a", "b\r\n\r\n"] }, error: character },
            { tag: "CR LF in a name", headers: { "X: a\r\nEvil": "yes" }, error: character },
            { tag: "colon in a name", headers: { "X:": "a" }, error: character },
            { tag: "space in a name", headers: { "X Y": "a" }, error: character },
            { tag: "no name", headers: { "": "a" }, error: character },
            { tag: "not ASCII in a name", headers: { "Caf\u00e9": "a" }, error: character },
            { tag: "no value", headers: { "X": "" }, error: character },
            { tag: "undefined", headers: { "X": undefined }, error: kind },
            { tag: "null", headers: { "X": null }, error: kind },
            { tag: "object", headers: { "X": { a: "b" } }, error: kind },
            { tag: "list of lists", headers: { "X": [["a"]] }, error: kind },
            { tag: "boolean", headers: { "X": true }, error: kind },
            { tag: "CR LF in the origin", origin: "https://a\r\nEvil: yes", error: /^origin: a header field has .* not allowed$/ },
            { tag: "NUL in the origin", origin: "https://a\0", error: /^origin: a header field has .* not allowed$/ },
        ]
        for (const name of ["Host", "upgrade", "Connection", "Origin", "Content-Length", "Transfer-Encoding",
                            "Sec-WebSocket-Key", "sec-websocket-protocol", "Sec-WebSocket-Extensions"])
            rows.push({ tag: name, headers: { [name]: "a" }, error: reserved })
        return rows
    }

    function test_what_may_not_be_sent(data) {
        const raw = make(rawComponent)
        const client = make(socketComponent, { url: "ws://127.0.0.1:" + raw.port,
                                               requestHeaders: data.headers ?? {}, origin: data.origin ?? "" })
        client.log = []
        client.active = true
        compare(client.log, ["status 4"])
        verify(data.error.test(client.errorString), client.errorString)
        verify(!/[\r\n\0]/.test(client.errorString))
        // Mended, it connects.
        client.active = false
        client.requestHeaders = { "X": "a" }
        client.origin = ""
        client.active = true
        tryVerify(() => raw.request !== "")
        compare(raw.connections, 1)
    }

    function test_used_by_the_next_connection() {
        const { raw, client } = requesting({ requestHeaders: { "X": "first" } })
        raw.shakeHands()
        tryCompare(client, "status", WebSocket.Open)
        client.log = []
        client.requestHeaders = { "X": "second" }
        client.requestHeaders = { "X": "second" }
        client.origin = "null"
        compare(client.log, ["request headers", "origin"])
        compare(client.status, WebSocket.Open)
        client.active = false
        client.active = true
        tryVerify(() => fieldsOf(raw.request, "X")[0] === "X: second")
        compare(fieldsOf(raw.request, "Origin"), ["Origin: null"])
    }

    function test_answer() {
        const { raw, client } = requesting()
        raw.shakeHands("Set-Cookie: a=b\r\nX-Mixed-Case:  Some Value \r\nset-cookie: c=d\r\nSET-COOKIE: e=f\r\n")
        tryCompare(client, "status", WebSocket.Open)
        compare(client.responseStatus, 101)
        compare(client.responseHeaders["upgrade"], "websocket")
        compare(client.responseHeaders["x-mixed-case"], "Some Value")
        compare(client.responseHeaders["set-cookie"], ["a=b", "c=d", "e=f"])
        compare(client.responseHeaders["X-Mixed-Case"], undefined)
        compare(client.log, ["response status 101", "response headers 5", "peer address 127.0.0.1", "peer port", "status 1"])
        // Kept until the next connection is begun.
        client.active = false
        compare(client.responseStatus, 101)
        compare(client.peerAddress, "127.0.0.1")
        client.log = []
        client.active = true
        compare(client.log, ["response status 0", "response headers 0", "peer address ", "peer port", "status 0"])
    }

    function test_refusals_data() {
        return [
            { tag: "401", says: "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Length: 2\r\n\r\nno",
                status: 401, name: "www-authenticate", value: "Bearer" },
            { tag: "302", says: "HTTP/1.1 302 Found\r\nLocation: wss://elsewhere.example/\r\nContent-Length: 0\r\n\r\n",
                status: 302, name: "location", value: "wss://elsewhere.example/" },
            { tag: "503, cut", says: "HTTP/1.1 503 Later\r\nRetry-After: 5\r\nContent-Length: 100\r\n\r\nlat", end: true,
                status: 503, name: "retry-after", value: "5" },
            { tag: "101 that is wrong", says: "HTTP/1.1 101 Switching Protocols\r\nServer: odd\r\n\r\n", status: 101, name: "server", value: "odd" },
            { tag: "no answer", says: "HTTP/1.1 40", end: true, status: 0, name: "server", value: undefined },
        ]
    }

    function test_refusals(data) {
        const { raw, client } = requesting()
        let seen = -1
        client.statusChanged.connect(() => seen = client.responseStatus)
        raw.write(data.says)
        if (data.end)
            raw.end()
        tryVerify(() => client.status > WebSocket.Closing)
        compare(client.responseStatus, data.status)
        compare(seen, data.status)
        compare(client.responseHeaders[data.name], data.value)
    }

    function test_server_side() {
        const server = make(serverComponent, { supportedSubprotocols: ["chat"], allowedOrigins: ["*"] })
        const client = make(socketComponent, { url: server.url + "/path", active: true, requestedSubprotocols: ["chat"],
                                               requestHeaders: { "X-Name": "somebody", "Cookie": ["a=b", "c=d"] }, origin: "https://a.example" })
        tryCompare(client, "status", WebSocket.Open)
        const peer = peers[0]
        compare(peer.requestHeaders["x-name"], "somebody")
        compare(peer.requestHeaders["cookie"], ["a=b", "c=d"])
        compare(peer.requestHeaders["host"], "127.0.0.1:" + server.port)
        compare(peer.origin, "https://a.example")
        compare(peer.peerAddress, "127.0.0.1")
        verify(peer.peerPort > 0 && peer.peerPort !== server.port)
        compare(client.peerAddress, "127.0.0.1")
        compare(client.peerPort, server.port)
        compare(client.subprotocol, "chat")
        compare(peer.subprotocol, "chat")
        verify(client.log.includes("subprotocol chat"))
    }

    function test_other_things_done_in_handlers_data() {
        const rows = []
        for (const signal of ["responseStatusChanged", "responseHeadersChanged", "peerAddressChanged", "peerPortChanged"]) {
            rows.push({ tag: "destroy in " + signal, signal: signal, how: client => client.destroy() })
            rows.push({ tag: "give up in " + signal, signal: signal, how: client => client.active = false })
            rows.push({ tag: "open anew in " + signal, signal: signal, how: client => { client.active = false; client.active = true } })
        }
        return rows
    }

    function test_other_things_done_in_handlers(data) {
        const server = make(serverComponent)
        // When the connection opens.
        const client = make(socketComponent, { url: server.url, active: true })
        let count = 0
        const once = () => { if (++count === 1) data.how(client) }
        client[data.signal].connect(once)
        tryVerify(() => count > 0)
        // When the next one begins.
        const second = make(socketComponent, { url: server.url, active: true })
        tryCompare(second, "status", WebSocket.Open)
        second.active = false
        let again = 0
        second[data.signal].connect(() => { if (++again === 1) data.how(second) })
        second.active = true
        verify(again > 0)
        // When it is refused.
        const raw = make(rawComponent)
        const third = make(socketComponent, { url: "ws://127.0.0.1:" + raw.port, active: true })
        tryVerify(() => raw.request !== "")
        let last = 0
        third[data.signal].connect(() => { if (++last === 1) data.how(third) })
        raw.write("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        tryVerify(() => last > 0 || raw.connected === false)
    }

    function test_server_in_another_language() {
        const program = make(programComponent)
        program.start("server.py")
        tryVerify(() => program.output.includes("\n"), 30000)
        const client = make(socketComponent, { url: "ws://localhost:" + parseInt(program.output), active: true })
        tryCompare(client, "status", WebSocket.Open)
        compare(client.responseStatus, 101)
        verify(/Python/.test(client.responseHeaders["server"]))
    }
}
