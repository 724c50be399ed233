// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What the command line asks for: to open a room or to join one, and perhaps to say something
// there, have a picture taken, and go.

import QtQuick
import "protocol.js" as Protocol

QtObject {
    id: errand

    required property Client client
    required property Item page
    property string saying: ""
    property string picture: ""
    property string waitingFor: ""

    signal hostWanted()

    function run(wanted: var) {
        saying = wanted.say ?? ""
        picture = wanted.picture ?? ""
        if (wanted.join)
            client.address = wanted.join
        if (wanted.name)
            client.name = wanted.name
        if (saying !== "") {
            saying = Protocol.cleanText(saying)
            if (saying === "" || wanted.say.length > Protocol.longestText) {
                end(qsTr("What is to be said is empty or too long"))
                return
            }
            waitingFor = qsTr("the room")
            patience.start()
        }
        if (wanted.host)
            hostWanted()
        else if (wanted.join)
            client.connect()
    }

    // What was to be done first could not be: whoever only wanted to say something has nowhere to.
    function miss(reason: string) {
        if (saying === "")
            console.warn(reason)
        else
            end(reason)
    }

    function end(reason: string) {
        waitingFor = ""
        patience.stop()
        if (reason !== "")
            console.warn(reason)
        Qt.exit(reason === "" ? 0 : 1)
    }

    function save() {
        waitingFor = qsTr("the picture")
        const grabbing = page.grabToImage(result => {
            errand.end(result.saveToFile(errand.picture) ? "" : qsTr("cannot write %1").arg(errand.picture))
        })
        if (!grabbing)
            end(qsTr("cannot take a picture"))
    }

    readonly property Timer patience: Timer {
        id: patience

        interval: 30000
        onTriggered: errand.end(qsTr("waited in vain for %1").arg(errand.waitingFor))
    }

    // A picture is taken when what it shows has come to rest.
    readonly property Timer rest: Timer {
        id: rest

        interval: 300
        onTriggered: errand.picture === "" ? errand.end("") : errand.save()
    }

    readonly property Connections watch: Connections {
        target: errand.client
        enabled: errand.waitingFor !== ""

        function onPresentChanged() {
            if (errand.client.present && errand.client.say(errand.saying))
                errand.waitingFor = qsTr("what was said to be heard")
        }
        function onFailed() { errand.end(errand.client.error) }
    }

    readonly property Connections listen: Connections {
        target: errand.client.conversation
        enabled: errand.waitingFor !== ""

        function onTold(name: string, text: string) {
            if (name === errand.client.name && text === errand.saying)
                rest.start()
        }
    }
}
