// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Drives the chat without a display or a person: waits for the server's welcome, says hello, prints
// the lines of the chat view once the echo has come, saves a picture. What to learn here: a QML
// file that was not written for it can be loaded, operated and looked at by another one.
//
//     QT_QPA_PLATFORM=offscreen QT_MESSAGE_PATTERN='%{message}' qml headless.qml -- chat.png 2>&1
//
// The path of the picture comes after `--`; without one, none is saved. Qt prints to the standard
// error stream, which the example joins to the standard output, and puts "qml: " before each line
// unless it is told the pattern. Ends with 0, or with 1 and a line that says what did not happen.

import QtQuick

// A window that is never shown: the qml tool of Qt 6.4 wants something visual at the root.
Window {
    id: driver

    readonly property string welcome: "Welcome to Awesome Chat"
    readonly property string greeting: "hello"
    readonly property string picture: {
        const arguments = Qt.application.arguments
        const start = arguments.indexOf("--")
        return start >= 0 && start + 1 < arguments.length ? arguments[start + 1] : ""
    }
    property string waitingFor: "the chat to load"
    property bool ended: false
    property var chat: null

    function lines() {
        const result = []
        for (let i = 0; i < chat.view.count; ++i) {
            const line = chat.view.model.get(i)
            result.push(line.prefix + " " + line.message)
        }
        return result
    }

    function end(reason: string) {
        if (ended)
            return
        ended = true
        if (chat)
            lines().forEach(line => console.log(line))
        if (reason !== "")
            console.log("headless chat: " + reason)
        Qt.exit(reason === "" ? 0 : 1)
    }

    function look() {
        const seen = lines()
        const failure = seen.find(line => line === "# closed" || line.startsWith("# ") && line !== "# open")
        if (failure !== undefined) {
            end("the connection did not last, while waiting for " + waitingFor)
        } else if (seen.includes("< " + greeting)) {
            save()
        } else if (seen.includes("< " + welcome) && !seen.includes("> " + greeting)) {
            waitingFor = "the echo of '" + greeting + "'"
            chat.send(greeting)
        }
    }

    function save() {
        if (picture === "") {
            end("")
            return
        }
        waitingFor = "the picture"
        // A grab renders the items anew, after the view has moved to its end.
        const grabbing = chat.contentItem.children[0].grabToImage(result => {
            end(result.saveToFile(picture) ? "" : "cannot write the picture " + picture)
        })
        if (!grabbing)
            end("cannot take a picture")
    }

    Timer {
        interval: 15000
        running: true
        onTriggered: driver.end("waited in vain for " + driver.waitingFor)
    }

    Timer {
        id: soon

        interval: 0
        onTriggered: driver.look()
    }

    Connections {
        target: driver.chat ? driver.chat.view : null
        function onCountChanged() { soon.restart() }
    }

    Component.onCompleted: {
        const component = Qt.createComponent("ws_client.qml")
        if (component.status !== Component.Ready) {
            end(component.errorString())
            return
        }
        waitingFor = "the server's '" + welcome + "'"
        chat = component.createObject(null)
        look()
    }
}
