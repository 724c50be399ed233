// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Somebody in a room: the connection, and what is made of what it says. What to learn here: the
// WebSocket connects again by itself; a message counts as said when it has come back from the
// room, and until then it is kept and said again. Has nothing to do with windows.

import QtQuick
import Framewire
import "protocol.js" as Protocol

QtObject {
    id: client

    property string address: "localhost:3000"
    property string name: ""
    // How much may wait to be said.
    property int mostWaiting: 20

    readonly property Conversation conversation: Conversation {}
    readonly property alias socket: socket
    readonly property alias people: memory.people
    readonly property alias error: memory.error
    // Whether we want to be there, and whether we are.
    readonly property bool active: socket.active
    readonly property alias present: memory.present
    readonly property bool compressed: present && socket.negotiatedExtensions.includes("permessage-deflate")
    readonly property alias latency: memory.latency
    // Not since when the connection is lost, but what comes next.
    readonly property int attempt: socket.reconnect.attempt
    readonly property alias secondsLeft: memory.secondsLeft

    readonly property string stateText: present ? qsTr("Connected")
        : !active ? qsTr("Not connected")
        : attempt === 0 ? qsTr("Connecting …")
        : secondsLeft > 0 ? qsTr("Reconnecting in %1 s, attempt %2").arg(secondsLeft).arg(attempt)
        : qsTr("Reconnecting now, attempt %1").arg(attempt)

    // The connection was refused or lost for good. `field` is what has to be changed: "name",
    // "address" or "".
    signal failed(string field)
    // What was not said before the connection was given up: it may be meant for this room alone.
    signal unsaid(string text)

    function connect() {
        const wanted = Protocol.cleanName(name)
        const server = Protocol.serverUrl(address)
        socket.active = false
        memory.forget()
        if (server === "") {
            fail(qsTr("“%1” is not an address. Write one such as localhost:3000 or wss://chat.example.org.")
                .arg(Protocol.cut(address, 60)), "address")
        } else if (wanted === "") {
            fail(qsTr("Write the name that the others shall see."), "name")
        } else {
            // A key is a secret between us and one server.
            if (memory.server !== server)
                memory.key = Protocol.secret()
            memory.server = server
            name = wanted
            socket.url = Protocol.url(server, wanted, memory.key)
            socket.active = true
        }
    }

    function disconnect() {
        const wasPresent = present
        socket.close(1000)
        memory.forget()
        takeBack()
        if (wasPresent)
            conversation.notice(qsTr("You left"))
    }

    // Whether it is said, or will be. Otherwise whoever has it keeps it.
    function say(message: string): bool {
        const text = Protocol.cleanText(message)
        if (!active || message.length > Protocol.longestText || text === ""
                || conversation.waiting().length >= mostWaiting)
            return false
        const id = String(++memory.count)
        conversation.add("own", name, text, Date.now(), id, true)
        if (present)
            socket.sendJson({ type: "say", id: id, text: text })
        return true
    }

    function fail(text: string, field: string) {
        socket.active = false
        memory.forget()
        memory.error = text
        takeBack()
        failed(field)
    }

    function takeBack() {
        const texts = conversation.waiting()
        texts.forEach(one => conversation.confirm(one.id))
        if (texts.length > 0)
            unsaid(texts.map(one => one.text).join("\n"))
    }

    // What it means that the room does not let us in, or throws us out, and what to do about it.
    function explain() {
        const server = Protocol.serverUrl(address)
        const error = Protocol.reason(socket.errorString)
        if (socket.responseStatus === 409 || socket.closeCode === 4009)
            fail(qsTr("Somebody in the room is already called “%1”. Take another name.").arg(name), "name")
        else if (socket.responseStatus === 503)
            fail(qsTr("The room is full. Try again later."), "")
        else if (socket.responseStatus >= 300)
            fail(Protocol.fill(qsTr("%1 does not let you in: %2. Is it the address of a chat room?"), server,
                error === "" ? socket.responseStatus : error), "address")
        else if (socket.closeCode === 1008 || socket.closeCode === 4000)
            fail(qsTr("The room has closed the connection: %1.").arg(Protocol.reason(socket.closeReason)), "")
        else if (!memory.wasPresent) // perhaps somebody else has answered
            fail(Protocol.fill(qsTr("No chat room answers at %1: %2. Check the address, and whether the room is open."),
                server, error === "" ? qsTr("the connection was closed") : error), "address")
    }

    function hear(message: string) {
        const value = Protocol.parse(message)
        if (value === null)
            return
        if (value.type === "said") {
            told(value)
            return
        }
        const who = Protocol.cleanName(value.name)
        if (value.type === "welcome") {
            welcome(value)
        } else if (who !== "" && value.type === "joined") {
            memory.see(Protocol.people(value.people))
            conversation.notice(qsTr("%1 joined").arg(who))
        } else if (who !== "" && value.type === "left") {
            memory.see(Protocol.people(value.people))
            conversation.notice(qsTr("%1 left").arg(who))
        }
    }

    function welcome(value: var) {
        // The lines of the room that we have been in before are known.
        if (memory.room !== Protocol.word(value.room))
            memory.seen = 0
        memory.room = Protocol.word(value.room)
        memory.see(Protocol.people(value.people))
        if (Array.isArray(value.lines))
            value.lines.slice(-200).forEach(line => client.told(line))
        conversation.notice(memory.wasPresent ? qsTr("You are back") : qsTr("You joined as %1").arg(name))
        memory.present = true
        memory.wasPresent = true
        conversation.waiting().forEach(one => socket.sendJson({ type: "say", id: one.id, text: one.text }))
        socket.ping()
    }

    function told(value: var) {
        const line = Protocol.line(value)
        if (line === null)
            return
        const own = line.id !== ""
        if (own)
            conversation.confirm(line.id)
        if (line.number <= memory.seen)
            return
        memory.seen = line.number
        conversation.add(own ? "own" : "message", line.name, line.text, line.time, line.id, false)
    }

    readonly property QtObject memory: QtObject {
        id: memory

        property string server: "" // which knows the key
        property string key: ""
        property var people: []
        property var newestPeople: []
        property string error: ""
        property string room: ""
        property bool present: false
        property bool wasPresent: false
        property real latency: -1
        property real retryAt: 0
        property int secondsLeft: 0
        property int seen: 0 // the number of the last line
        property int count: 0

        // A server may tell of people as often as it likes: views are changed once a turn of the
        // event loop, since what they showed before goes at its end.
        function see(list: var) {
            newestPeople = list
            Qt.callLater(showPeople) // qmllint disable
        }

        function showPeople() {
            if (JSON.stringify(people) !== JSON.stringify(newestPeople))
                people = newestPeople
        }

        function forget() {
            see([])
            showPeople()
            error = ""
            present = false
            wasPresent = false
            latency = -1
            secondsLeft = 0
        }
    }

    readonly property Timer countdown: Timer {
        interval: 100
        repeat: true
        triggeredOnStart: true
        running: client.active && !client.present && client.attempt > 0
        onTriggered: memory.secondsLeft = Math.max(0, Math.ceil((memory.retryAt - Date.now()) / 1000))
    }

    readonly property WebSocket connection: WebSocket {
        id: socket

        compression: true
        // A room is bounded, and so is what it has to tell.
        maxMessageSize: 1024 * 1024
        maxBufferedAmount: 1024 * 1024
        keepAliveInterval: 5000
        reconnect.enabled: memory.wasPresent
        reconnect.maxDelay: 10000

        onTextMessageReceived: message => client.hear(message)
        onLatencyChanged: memory.latency = latency
        onReconnecting: (attempt, delay) => {
            memory.retryAt = Date.now() + delay
            memory.secondsLeft = Math.ceil(delay / 1000)
        }
        onClosed: (code, reason, clean) => {
            // That of a connection which we had left before this one was begun.
            if (status === WebSocket.Connecting || status === WebSocket.Open)
                return
            if (memory.present)
                client.conversation.notice(qsTr("The connection was lost"))
            memory.present = false
            memory.see([])
            memory.latency = -1
            if (active)
                client.explain()
        }
    }
}
