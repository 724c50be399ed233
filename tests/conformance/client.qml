// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A WebSocket that goes through the cases of the Autobahn fuzzing server whose URL is the last
// argument. Nothing that goes wrong in a case ends the program: the server is the judge of it.

import QtQml
import Framewire

WebSocket {
    id: socket

    readonly property string server: Qt.application.arguments[Qt.application.arguments.length - 1]
    property int count: 0
    property int done: 0

    function next() {
        if (count === 0) {
            console.log("no cases: " + errorString)
            Qt.exit(1)
        } else if (done > count) {
            Qt.quit()
        } else if (done++ === count) {
            url = server + "/updateReports?agent=framewire"
        } else {
            url = server + "/runCase?case=" + done + "&agent=framewire"
        }
    }

    active: true
    compression: Array.from(Qt.application.arguments).includes("--deflate")
    url: server + "/getCaseCount"

    onTextMessageReceived: message => {
        if (count === 0) {
            count = parseInt(message)
        } else {
            sendTextMessage(message)
        }
    }
    onBinaryMessageReceived: message => sendBinaryMessage(message)
    onStatusChanged: status => {
        // Another URL opens another connection, but not before this handler has returned.
        if (status === WebSocket.Closed || status === WebSocket.Error) Qt.callLater(next)
    }
}
