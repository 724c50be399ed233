// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A chat client. What to learn here: a WebSocket is declared like any other object. It connects
// when it is active and has a url; signals tell of messages and of each change of its status.
//
// Run it with `qml ws_client.qml`, with one of the servers beside it: echo_server, ws_server or
// ws_server_qml.

import QtQuick
import Framewire

Window {
    id: window

    property alias socket: socket
    property alias view: view
    property alias input: input

    function send(message: string) {
        if (socket.status === WebSocket.Open) {
            socket.sendTextMessage(message)
            view.append(">", message)
            input.text = ""
        } else if (socket.status !== WebSocket.Connecting) {
            // `active` stays true when a connection ends by itself: to connect again, switch it
            // off and on. What was typed stays in the input.
            socket.active = false
            socket.active = true
        }
    }

    width: 640
    height: 480
    minimumWidth: 240
    minimumHeight: 160
    visible: true
    title: "Awesome Chat"

    WebSocket {
        id: socket

        url: "ws://localhost:3000"
        active: true

        onTextMessageReceived: message => view.append("<", message)
        onBinaryMessageReceived: message => view.append("<", "(" + message.byteLength + " bytes)")
        onStatusChanged: status => {
            if (status === WebSocket.Open)
                view.append("#", "open")
            else if (status === WebSocket.Closed)
                view.append("#", "closed")
            else if (status === WebSocket.Error)
                view.append("#", errorString)
        }
    }

    Rectangle {
        anchors { fill: parent }
        color: "#1b1d23"

        ChatView {
            id: view

            anchors { left: parent.left; right: parent.right; top: parent.top; bottom: input.top; margins: 12 }
        }

        ChatInput {
            id: input

            anchors { left: parent.left; right: parent.right; bottom: parent.bottom; margins: 12 }
            hint: socket.status === WebSocket.Open ? "Say something"
                : socket.status === WebSocket.Connecting ? "Connecting to " + socket.url
                : "Not connected. Return tries again."
            onEntered: message => window.send(message)
        }
    }
}
