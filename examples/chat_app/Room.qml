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
    // Of how many that have left it is known how much they may say when they come back.
    property int mostAccounts: 256

    readonly property QtObject memory: QtObject {
        id: memory

        readonly property string id: Protocol.secret()
        property var seats: [] // { socket, name, key, address, allowance, since }
        readonly property var accounts: new Map() // { allowance, since } by key and by address
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

    // Who knows the key of somebody who is there takes their place.
    function enter(socket: WebSocket, name: string, key: string) {
        const lost = memory.seats.find(seat => seat.key === key)
        const before = lost ? vacate(lost.socket) : null
        if (before)
            before.socket.close(4000, "You have come in anew")
        const seat = { socket: socket, name: name, key: key, address: socket.peerAddress,
                       allowance: allowance(key, socket.peerAddress), since: Date.now() }
        // Whoever comes and goes all the time is heard by all.
        if (!mayTalk(seat)) {
            if (before)
                tell("left", before.name, socket)
            socket.close(1008, "Too much at once")
            return
        }
        if (before && before.name !== name)
            tell("left", before.name, socket)
        memory.seats.push(seat)
        socket.sendJson({ type: "welcome", room: memory.id, people: names(),
                          lines: memory.lines.map(line => room.told(line, key)) })
        if (!before || before.name !== name)
            tell("joined", name, socket)
    }

    // Whose seat that was, or null.
    function vacate(socket: WebSocket): var {
        const at = memory.seats.findIndex(seat => seat.socket === socket)
        if (at < 0)
            return null
        const seat = memory.seats.splice(at, 1)[0]
        remember("key " + seat.key, seat)
        remember("address " + seat.address, seat)
        return seat
    }

    function leave(socket: WebSocket) {
        const seat = vacate(socket)
        if (seat)
            tell("left", seat.name, socket)
    }

    // Tells the others that somebody has "joined" or "left".
    function tell(type: string, name: string, except: WebSocket) {
        broadcastTextMessage(JSON.stringify({ type: type, name: name, people: names() }), except)
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
        seat.allowance = grown(seat) - 1
        seat.since = Date.now()
        return seat.allowance >= 0
    }

    function grown(account: var): real {
        const seconds = Math.max(0, Date.now() - account.since) / 1000
        return Math.min(mostAtOnce, account.allowance + seconds * perSecond)
    }

    // What whoever comes may say at once. To go and to come back does not make it more: neither by
    // the same key, nor by another one from the same address.
    function allowance(key: string, address: string): real {
        const account = memory.accounts.get("key " + key) ?? memory.accounts.get("address " + address)
        return account ? grown(account) : mostAtOnce
    }

    // Of several from one address, the one who may say least. The oldest is forgotten first.
    function remember(whose: string, seat: var) {
        const known = memory.accounts.get(whose)
        const left = Math.min(grown(seat), known ? grown(known) : mostAtOnce)
        memory.accounts.delete(whose)
        memory.accounts.set(whose, { allowance: left, since: Date.now() })
        if (memory.accounts.size > mostAccounts)
            memory.accounts.delete(memory.accounts.keys().next().value)
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
        if (!mayTalk(seat)) {
            socket.close(1008, "Too much at once")
            return
        }
        const value = Protocol.parse(message)
        const id = Protocol.word(value?.id)
        const text = Protocol.cleanText(value?.text)
        if (value?.type !== "say" || id === "" || text === "")
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
        const who = Protocol.guest(request.query)
        if (!who)
            request.reject(400, "A name and a key are wanted: /?name=Ann&key=secret")
        else if (takenBy(who.name, who.key))
            request.reject(409, "That name is taken")
    }
    // Asked again, of what is let in: somebody else may have come in meanwhile.
    onClientConnected: socket => {
        const url = socket.url.toString()
        const who = Protocol.guest(url.slice(url.indexOf("?") + 1))
        if (!who || takenBy(who.name, who.key)) {
            socket.close(4009, "That name is taken")
            return
        }
        socket.textMessageReceived.connect(message => room.hear(socket, message))
        socket.binaryMessageReceived.connect(() => socket.close(1003, "Only texts can be said here"))
        socket.statusChanged.connect(status => {
            if (status !== WebSocket.Open)
                room.leave(socket)
        })
        enter(socket, who.name, who.key)
    }
}
