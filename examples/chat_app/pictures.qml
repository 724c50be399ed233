// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Makes the pictures of the chat in the README, without a display: three people talk, over real
// connections, and the windows of two of them are saved.
//
//     QT_QPA_PLATFORM=offscreen QT_QUICK_BACKEND=software chat_app --pictures FOLDER
//
// Ends with 0, or with 1 when it could not.

import QtQuick

Window {
    id: driver

    property string folder: "."
    property var windows: []
    property int step: 0

    // Who says what, in turns. Each waits until all have heard the one before.
    readonly property var script: [
        ["Ben", "Good morning 🌞 Did the build go through?"],
        ["Ann", "It did, and the new test found something in the server, too:"],
        ["Ann", "A client that goes away in the middle of a broadcast 🐛"],
        ["Cleo", "👏👏"],
        ["Ben", "How did you find it? I have been looking at the same numbers since Monday, and all that I saw was some memory that came and went."],
        ["Ben", "Lunch at noon? 🍜"],
        ["Ann", "Gladly! Two things before:\n1. the notes of the release\n2. a picture for the README"]
    ]

    function open(name: string, wide: bool, look: string): var {
        const component = Qt.createComponent("Main.qml")
        if (component.status !== Component.Ready) {
            console.log(component.errorString())
            Qt.exit(1)
            return null
        }
        const errand = { name: name, look: look, port: 0 }
        if (windows.length === 0)
            errand.host = true
        else
            errand.join = String(windows[0].room.url)
        const made = component.createObject(null, { width: wide ? 860 : 360, height: wide ? 740 : 600, errand: errand })
        windows.push(made)
        return made
    }

    function linesAreIn(window: var): bool {
        let said = 0
        for (let row = 0; row < window.client.conversation.count; ++row) {
            if (window.client.conversation.get(row).kind !== "notice")
                ++said
        }
        return said === step
    }

    function advance() {
        if (windows.length === 0) {
            open("Ann", true, "light")
        } else if (windows.length < 3) {
            if (windows.every(window => window.client.present))
                open(windows.length === 1 ? "Ben" : "Cleo", false, "dark")
        } else if (windows.every(window => window.client.present && linesAreIn(window))) {
            if (step < script.length) {
                const next = script[step]
                ++step
                windows.find(window => window.client.name === next[0]).client.say(next[1])
            } else if (windows.every(window => window.client.latency >= 0)) {
                clock.stop()
                // The first ones have waited for a window to open.
                windows.forEach(window => window.client.socket.ping())
                rest.start()
            }
        }
    }

    // One after the other, since they are grabbed from windows that are shown.
    function save(pictures: var) {
        if (pictures.length === 0) {
            Qt.exit(0)
            return
        }
        const [window, look, file] = pictures[0]
        window.look.choice = look
        window.view.showNewest()
        window.contentItem.parent.grabToImage(result => {
            if (!result.saveToFile(driver.folder + "/" + file)) {
                console.log("cannot write " + driver.folder + "/" + file)
                Qt.exit(1)
            } else {
                driver.save(pictures.slice(1))
            }
        })
    }

    Timer {
        id: clock

        interval: 20
        repeat: true
        running: true
        onTriggered: driver.advance()
    }

    Timer {
        id: rest

        interval: 500
        onTriggered: driver.save([[driver.windows[0], "light", "light.png"], [driver.windows[0], "dark", "dark.png"],
                                  [driver.windows[1], "dark", "narrow.png"]])
    }

    Timer {
        interval: 60000
        running: true
        onTriggered: {
            console.log("waited in vain, at step " + driver.step)
            Qt.exit(1)
        }
    }
}
