// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A client that connects, exchanges a message, closes the connection, and begins anew.

import QtQml
import Framewire

QtObject {
    id: root

    signal finished

    property int connects: 0
    property int wanted: 0

    property WebSocketServer server: WebSocketServer {
        listen: true
        onClientConnected: webSocket => webSocket.textMessageReceived.connect(
                               message => webSocket.sendTextMessage(message))
    }

    property WebSocket client: WebSocket {
        url: root.server.url
        onStatusChanged: status => {
            if (status === WebSocket.Open)
                sendTextMessage("connection " + root.connects)
        }
        onTextMessageReceived: message => {
            if (message !== "connection " + root.connects)
                console.error("not what was sent: " + message)
            close()
        }
        onClosed: (code, reason, clean) => {
            if (!clean)
                console.error("closed with " + code + ": " + errorString)
            if (++root.connects === root.wanted)
                root.finished()
            else
                active = true
        }
    }

    /// Until there were so many in all.
    function connectUntil(count) {
        wanted = count
        client.active = true
    }
}
