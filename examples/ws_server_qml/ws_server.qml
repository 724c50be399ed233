// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A chat server in QML. What to learn here: a WebSocketServer hands out an open WebSocket for each
// client. This one says hello to it and sends back whatever comes.
//
// Run it with `qml ws_server.qml`; without a display, set QT_QPA_PLATFORM=offscreen.

import QtQuick
import Framewire

Window {
    id: window

    function say(message: string) {
        label.text = message
        console.log(message)
    }

    width: 420
    height: 80
    visible: true
    title: "Chat server"
    color: "#1b1d23"

    WebSocketServer {
        id: server

        port: 3000
        listen: true

        onClientConnected: webSocket => {
            webSocket.textMessageReceived.connect(message => webSocket.sendTextMessage(message))
            webSocket.binaryMessageReceived.connect(message => webSocket.sendBinaryMessage(message))
            webSocket.sendTextMessage("Welcome to Awesome Chat")
        }

        Component.onCompleted: {
            if (errorString === "") {
                window.say("The chat server listens at " + url)
            } else {
                window.say("Cannot listen on port " + port + ": " + errorString)
                Qt.exit(1)
            }
        }
    }

    Text {
        id: label

        anchors { fill: parent; margins: 12 }
        color: "white"
        verticalAlignment: Text.AlignVCenter
        wrapMode: Text.Wrap
        font.pixelSize: 15
    }
}
