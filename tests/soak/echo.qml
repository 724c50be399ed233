// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The QML server of the soak: sends back whatever comes.

import QtQuick
import Framewire

// A window that is never shown: the qml tool of Qt 6.4 wants something visual at the root.
Window {
    WebSocketServer {
        listen: true
        compression: true
        keepAliveInterval: 20000
        maxMessageSize: 1 << 20
        maxBufferedAmount: 3 << 20

        onClientConnected: webSocket => {
            webSocket.textMessageReceived.connect(message => webSocket.sendTextMessage(message))
            webSocket.binaryMessageReceived.connect(message => webSocket.sendBinaryMessage(message))
        }

        Component.onCompleted: {
            if (errorString !== "") {
                console.log(errorString)
                Qt.exit(1)
            } else {
                console.log("listening on " + url)
            }
        }
    }

    // Otherwise what is in memory depends on when JavaScript last looked for what nobody needs.
    Timer {
        interval: 1000
        repeat: true
        running: true
        onTriggered: gc()
    }
}
