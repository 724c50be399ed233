// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A WebSocketServer that sends back what comes. It says its URL when it listens.

import QtQml
import Framewire

WebSocketServer {
    listen: true
    compression: Array.from(Qt.application.arguments).includes("--deflate")

    onClientConnected: webSocket => {
        webSocket.textMessageReceived.connect(message => webSocket.sendTextMessage(message))
        webSocket.binaryMessageReceived.connect(message => webSocket.sendBinaryMessage(message))
    }

    Component.onCompleted: {
        if (errorString === "") {
            console.log("listening on " + url)
        } else {
            console.log("cannot listen: " + errorString)
            Qt.exit(1)
        }
    }
}
