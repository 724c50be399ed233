// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Servers and their clients that end at awkward times. What is wrong shows with AddressSanitizer.

import QtQuick
import QtTest
import Framewire
import FramewireTests

TestCase {
    id: testCase

    name: "lifetime of servers"

    Component {
        id: serverComponent

        WebSocketServer {
            maxBufferedAmount: 100
        }
    }

    Component {
        id: socketComponent

        WebSocket {
            property int texts: 0

            onTextMessageReceived: () => ++texts
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
        id: hostComponent

        EngineHost {}
    }

    EngineHost { id: host }

    readonly property string requestText: "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                          + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

    function make(component, properties) {
        return createTemporaryObject(component, testCase, properties ?? {})
    }

    function listening(properties) {
        // Not a temporary object, which the test case would destroy once more.
        const server = serverComponent.createObject(testCase, properties ?? {})
        server.listen = true
        compare(server.errorString, "")
        return server
    }

    function connectedTo(server) {
        const before = server.clientCount
        const client = make(socketComponent, { url: server.url, active: true })
        tryCompare(client, "status", WebSocket.Open)
        tryCompare(server, "clientCount", before + 1)
        return client
    }

    function test_finished_clients_are_deleted() {
        const census = make(censusComponent)
        const server = listening()
        let counted = true
        // Nobody refers to them but the handlers of their own signals.
        server.clientConnected.connect(webSocket => {
            if (counted)
                census.add(webSocket)
            webSocket.textMessageReceived.connect(message => {
                server.broadcastTextMessage(message, webSocket)
                webSocket.sendTextMessage(message)
            })
            webSocket.closed.connect(() => server.broadcastTextMessage("gone", webSocket))
        })
        server.upgradeRequested.connect(request => {
            if (counted)
                census.add(request)
            if (request.path === "/no")
                request.reject()
        })
        const stays = connectedTo(server)
        for (let i = 0; i <= 20; ++i) {
            counted = i < 20 // Qt 6.8 keeps what came last
            const client = connectedTo(server)
            client.sendTextMessage("hello")
            tryCompare(client, "texts", 1)
            client.active = false
            tryCompare(server, "clientCount", 1)
            const refused = make(socketComponent, { url: server.url + "/no", active: true })
            tryCompare(refused, "status", WebSocket.Error)
        }
        tryCompare(stays, "texts", 42)
        tryVerify(() => {
            gc()
            return census.alive() === 1
        })
        compare(server.clients.get(0).status, WebSocket.Open)
        server.destroy()
        tryVerify(() => census.alive() === 0)
    }

    function test_finished_client_stays_while_somebody_refers_to_it() {
        const census = make(censusComponent)
        const server = listening()
        const kept = { socket: null }
        server.clientConnected.connect(webSocket => {
            kept.socket = webSocket
            census.add(webSocket)
        })
        // In functions of their own, so that nothing of the socket is left in this one.
        const codeOf = () => kept.socket.closeCode
        const reasonOf = () => kept.socket.closeReason
        const client = connectedTo(server)
        client.close(4000, "done")
        tryVerify(() => codeOf() === 4000)
        wait(0)
        gc()
        gc()
        compare(reasonOf(), "done")
        server.destroy()
        wait(0)
        compare(census.alive(), 1)
        kept.socket = null
        tryVerify(() => {
            gc()
            return census.alive() === 0
        })
    }

    function test_server_destroyed_with_open_clients() {
        const server = listening()
        const clients = [connectedTo(server), connectedTo(server), connectedTo(server)]
        server.broadcastTextMessage("last words")
        host.destroyNow(server)
        for (const client of clients) {
            tryCompare(client, "closeCode", 1001)
            compare(client.texts, 1)
        }
    }

    function test_server_destroyed_in_its_handlers_data() {
        return [{ tag: "clientConnected", make: server => connecting(server) },
                { tag: "upgradeRequested", make: server => connecting(server) },
                { tag: "clientCountChanged", make: server => connecting(server) },
                { tag: "listenChanged", make: server => server.listen = false },
                { tag: "hostChanged", make: server => server.host = "::1" },
                { tag: "portChanged", make: server => server.port = 1 },
                { tag: "urlChanged", make: server => server.host = "localhost" },
                { tag: "secureChanged", make: server => server.secure = true },
                { tag: "urlChanged", make: server => server.secure = true },
                { tag: "errorStringChanged", make: server => server.secure = true },
                { tag: "listenChanged", make: server => server.secure = true },
                { tag: "acceptChanged", make: server => server.accept = false },
                { tag: "nameChanged", make: server => server.name = "x" },
                { tag: "compressionChanged", make: server => server.compression = true },
                { tag: "allowedOriginsChanged", make: server => server.allowedOrigins = ["*"] },
                { tag: "supportedSubprotocolsChanged", make: server => server.supportedSubprotocols = ["x"] },
                { tag: "maxConnectionsChanged", make: server => server.maxConnections = 1 },
                { tag: "slowReaderPolicyChanged", make: server => server.slowReaderPolicy = WebSocketServer.CloseConnection }]
    }

    function connecting(server) {
        return make(socketComponent, { url: server.url, active: true })
    }

    function test_server_destroyed_in_its_handlers(data) {
        for (const withClients of [false, true]) {
            const server = listening()
            if (withClients)
                connectedTo(server)
            let destroyed = 0
            server[data.tag].connect(() => {
                if (destroyed++ === 0)
                    host.destroyNow(server)
            })
            data.make(server)
            tryVerify(() => destroyed !== 0)
            wait(0)
        }
    }

    function test_server_destroyed_in_handlers_of_a_client_data() {
        return [{ tag: "textMessageReceived", act: (server, client) => client.sendTextMessage("x") },
                { tag: "statusChanged", act: (server, client) => client.active = false },
                { tag: "closed", act: (server, client) => client.active = false },
                { tag: "closed", act: (server, client) => client.destroy() },
                { tag: "bufferedAmountChanged", act: server => server.broadcastTextMessage("x") },
                { tag: "bufferFull", act: server => server.broadcastTextMessage("x".repeat(101)) }]
    }

    function test_server_destroyed_in_handlers_of_a_client(data) {
        for (const policy of [WebSocketServer.DropMessages, WebSocketServer.CloseConnection, WebSocketServer.DropConnection]) {
            const server = listening({ slowReaderPolicy: policy })
            const client = connectedTo(server)
            connectedTo(server)
            if (policy !== WebSocketServer.DropMessages && data.tag === "bufferFull")
                ignoreWarning(/slowReaderPolicy/)
            let destroyed = 0
            server.clients.get(0)[data.tag].connect(() => {
                if (destroyed++ === 0)
                    host.destroyNow(server)
            })
            data.act(server, client)
            tryVerify(() => destroyed !== 0)
            wait(0)
        }
    }

    function test_client_destroyed_while_it_is_told_of() {
        const server = listening()
        let destroyed = 0
        server.clientCountChanged.connect(() => {
            if (destroyed++ === 0)
                host.destroyNow(server.clients.get(0))
        })
        const client = connecting(server)
        tryCompare(client, "closeCode", 1001)
        compare(server.clientCount, 0)
        server.destroy()
    }

    function test_clients_destroyed_during_a_broadcast() {
        const server = listening()
        const clients = [connectedTo(server), connectedTo(server), connectedTo(server)]
        server.clients.get(0).bufferedAmountChanged.connect(() => {
            if (server.clientCount === 3) {
                host.destroyNow(server.clients.get(1))
                host.destroyNow(server.clients.get(0))
            }
        })
        compare(server.broadcastTextMessage("x"), 2)
        compare(server.clientCount, 1)
        tryCompare(clients[0], "closeCode", 1001)
        tryCompare(clients[1], "closeCode", 1001)
        tryCompare(clients[2], "texts", 1)
        server.destroy()
    }

    function test_handshakes_under_way_when_the_server_goes() {
        const server = listening()
        const raw = make(rawComponent)
        raw.call(server.port, requestText.slice(0, 60))
        wait(20)
        host.destroyNow(server)
        tryCompare(raw, "connected", false)
        compare(raw.frames, "")
    }

    function test_engine_is_shut_down_data() {
        return [{ tag: "objects first", objectsFirst: true }, { tag: "engine first", objectsFirst: false }]
    }

    function test_engine_is_shut_down(data) {
        const other = make(hostComponent)
        const server = other.make(`
            import Framewire
            WebSocketServer {
                property var sockets: []
                listen: true
                onUpgradeRequested: request => sockets.push(request)
                onClientConnected: webSocket => {
                    sockets.push(webSocket)
                    webSocket.textMessageReceived.connect(message => broadcastTextMessage(message))
                    webSocket.closed.connect(() => broadcastTextMessage("gone"))
                }
            }`)
        const url = String(server.url)
        const clients = []
        for (let i = 0; i < 4; ++i) {
            clients.push(make(socketComponent, { url: url, active: true }))
            tryCompare(clients[i], "status", WebSocket.Open)
        }
        clients[0].sendTextMessage("to all")
        tryCompare(clients[3], "texts", 1)
        const half = make(rawComponent)
        half.call(parseInt(url.split(":")[2]), requestText.slice(0, 60))
        tryCompare(half, "connected", true)
        clients[1].active = false // still closing when the engine goes
        clients[2].sendTextMessage("on its way")
        other.end(data.objectsFirst)
        wait(20)
        other.end()
        tryCompare(clients[0], "closeCode", 1001)
        tryCompare(clients[2], "closeCode", 1001)
        tryCompare(clients[3], "closeCode", 1001)
    }
}
