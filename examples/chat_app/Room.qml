// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A room in which several people talk. What to learn here: who comes is asked for a name before
// they are let in, so that everybody in `clients` has one and broadcastTextMessage() reaches
// nobody else; and everything that a client can make the room hold has a bound.

import QtQuick
import Framewire
import "protocol.js" as Protocol

WebSocketServer {
    id: room

    // How much of what was said is told to those who come later.
    property int mostLines: 100
    property int mostCharacters: 50000
    // How much one may say at once, and how fast that comes back.
    property int mostAtOnce: 30
    property real perSecond: 3

    readonly property QtObject memory: QtObject {
        id: memory

        readonly property string id: Protocol.secret()
        property var seats: [] // { socket, name, key, allowance, since }
        property var lines: []
        property int characters: 0
        property int count: 0
    }

    function names(): var {
        return memory.seats.map(seat => seat.name)
    }

    // The same person may come back before it was noticed that they had gone.
    function takenBy(name: string, key: string): bool {
        return memory.seats.some(seat => Protocol.sameName(seat.name, name) && seat.key !== key)
    }

    function enter(socket: WebSocket, name: string, key: string) {
        const old = memory.seats.find(seat => seat.key === key)
        if (old) {
            leave(old.socket, false)
            old.socket.close(4000, "You have come in anew")
        }
        memory.seats.push({ socket: socket, name: name, key: key, allowance: mostAtOnce, since: Date.now() })
        socket.sendJson({ type: "welcome", room: memory.id, people: names(),
                          lines: memory.lines.map(line => room.told(line, key)) })
        if (!old)
            broadcastTextMessage(JSON.stringify({ type: "joined", name: name, people: names() }), socket)
    }

    function leave(socket: WebSocket, audibly: bool) {
        const at = memory.seats.findIndex(seat => seat.socket === socket)
        if (at < 0)
            return
        const name = memory.seats.splice(at, 1)[0].name
        if (audibly)
            broadcastTextMessage(JSON.stringify({ type: "left", name: name, people: names() }), socket)
    }

    // A line as one is told it: with its id if it is theirs.
    function told(line: var, key: string): var {
        return { type: "said", number: line.number, time: line.time, name: line.name, text: line.text,
                 id: line.key === key ? line.id : undefined }
    }

    function say(seat: var, id: string, text: string) {
        const known = memory.lines.find(line => line.id === id && line.key === seat.key)
        if (known) { // their connection was lost before they heard of it
            seat.socket.sendJson(told(known, seat.key))
            return
        }
        const line = { number: ++memory.count, time: Date.now(), name: seat.name, text: text, id: id, key: seat.key }
        memory.lines.push(line)
        memory.characters += text.length
        while (memory.lines.length > mostLines || memory.characters > mostCharacters)
            memory.characters -= memory.lines.shift().text.length
        seat.socket.sendJson(told(line, seat.key))
        broadcastTextMessage(JSON.stringify(told(line, "")), seat.socket)
    }

    // Whether it was not too much at once.
    function mayTalk(seat: var): bool {
        const now = Date.now()
        seat.allowance = Math.min(mostAtOnce, seat.allowance + Math.max(0, now - seat.since) / 1000 * perSecond)
        seat.since = now
        seat.allowance -= 1
        return seat.allowance >= 0
    }

    // Says goodbye to everybody.
    function shut() {
        listen = false
        memory.seats.slice().forEach(seat => seat.socket.close(1001, "The room is closed"))
    }

    function hear(socket: WebSocket, message: string) {
        const seat = memory.seats.find(one => one.socket === socket)
        if (!seat)
            return
        const value = Protocol.parse(message)
        const id = Protocol.word(value?.id)
        const text = Protocol.cleanText(value?.text)
        if (!mayTalk(seat))
            socket.close(1008, "Too much at once")
        else if (value?.type !== "say" || id === "" || text === "")
            socket.close(1008, "Only texts can be said here")
        else
            say(seat, id, text)
    }

    port: 3000
    compression: true
    maxConnections: Protocol.mostPeople
    maxMessageSize: 32 * 1024
    maxBufferedAmount: 4 * 1024 * 1024
    slowReaderPolicy: WebSocketServer.CloseConnection
    keepAliveInterval: 20000

    onUpgradeRequested: request => {
        let who = {}
        try {
            who = Protocol.query(request.query)
        } catch (error) {
            // as if there were no name
        }
        if (Protocol.cleanName(who.name) === "" || !Protocol.word(who.key))
            request.reject(400, "A name and a key are wanted: /?name=Ann&key=secret")
        else if (takenBy(Protocol.cleanName(who.name), who.key))
            request.reject(409, "That name is taken")
    }
    onClientConnected: socket => {
        const who = Protocol.query(socket.url.toString().split("?")[1])
        socket.textMessageReceived.connect(message => room.hear(socket, message))
        socket.binaryMessageReceived.connect(() => socket.close(1003, "Only texts can be said here"))
        socket.statusChanged.connect(status => {
            if (status !== WebSocket.Open)
                room.leave(socket, true)
        })
        enter(socket, Protocol.cleanName(who.name), who.key)
    }
}
