// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A server that echoes and a client, in one process. The program qml_pair runs it, with the line
// that imports Framewire as it is and with QtWebSockets in its place.

import QtQml
import Framewire

QtObject {
    id: root

    signal ready
    signal finished

    // Read as they are: a property of type string would become a new one each time, which the
    // garbage collector then counts.
    property var text
    property var bytes
    property int size: 0
    property int toSend: 0
    property int toReceive: 0
    property int toBroadcast: 0
    // What broadcasts go to, apart from the client below: these clients, and their other ends.
    property var members: []
    property var ends: []
    property var first

    property WebSocketServer server: WebSocketServer {
        listen: true
        onClientConnected: webSocket => {
            if (root.first)
                root.ends.push(webSocket)
            else
                root.first = webSocket
            webSocket.textMessageReceived.connect(message => webSocket.sendTextMessage(message))
            webSocket.binaryMessageReceived.connect(
                message => webSocket.sendBinaryMessage(message))
        }
    }

    property WebSocket client: WebSocket {
        active: true
        url: root.server.url
        onStatusChanged: status => {
            if (status === WebSocket.Open)
                root.ready()
        }
        onTextMessageReceived: message => {
            root.received(message.length)
            if (root.toSend > 0) {
                --root.toSend
                sendTextMessage(root.text)
            }
        }
        onBinaryMessageReceived: message => {
            root.received(message.byteLength)
            if (root.toSend > 0) {
                --root.toSend
                sendBinaryMessage(root.bytes)
            }
        }
    }

    property Component memberComponent: Component {
        WebSocket {
            active: true
            url: root.server.url
            onStatusChanged: status => {
                if (status === WebSocket.Open && --root.toReceive === 0)
                    root.finished()
            }
            onTextMessageReceived: message => root.heard(message.length)
        }
    }

    function received(length) {
        if (length !== size)
            console.error("an echo is not as long as its message")
        if (--toReceive === 0)
            finished()
    }

    /// Sends `count` messages and no more than `depth` before the answers come.
    function echoText(length, count, depth) {
        size = length
        text = "x".repeat(length)
        toReceive = count
        toSend = count - depth
        for (let i = 0; i < depth; ++i)
            client.sendTextMessage(text)
    }

    /// Connects so many clients.
    function join(count) {
        toReceive = count
        for (let i = 0; i < count; ++i)
            members.push(memberComponent.createObject(root))
    }

    /// Sends `count` messages to all of them, each when the one before has come to all.
    function broadcast(length, count) {
        size = length
        text = "x".repeat(length)
        toBroadcast = count
        sendToAll()
    }

    function sendToAll() {
        toReceive = members.length
        if (server.broadcastTextMessage) {
            server.broadcastTextMessage(text, first)
            return
        }
        for (const webSocket of ends)
            webSocket.sendTextMessage(text)
    }

    function heard(length) {
        if (length !== size)
            console.error("a broadcast is not as long as its message")
        if (--toReceive > 0)
            return
        if (--toBroadcast === 0)
            finished()
        else
            sendToAll()
    }

    function echoBinary(length, count, depth) {
        size = length
        bytes = new ArrayBuffer(length)
        toReceive = count
        toSend = count - depth
        for (let i = 0; i < depth; ++i)
            client.sendBinaryMessage(bytes)
    }
}
