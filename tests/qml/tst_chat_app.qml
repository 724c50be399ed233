// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The room and the clients of examples/chat_app, without windows, over real connections.

import QtQuick
import QtTest
import Framewire
import FramewireTests
import "../../examples/chat_app"
import "../../examples/chat_app/protocol.js" as Protocol

TestCase {
    id: testCase

    name: "chat_app"

    Component {
        id: roomComponent

        Room {
            port: 0
            listen: true
        }
    }

    Component {
        id: clientComponent

        Client {
            property list<string> unsaidTexts
            property string failedField: "-"
            property var states: []
            property int peopleChanges: 0

            onPeopleChanged: ++peopleChanges
            onStateTextChanged: states.push(stateText)

            onUnsaid: text => unsaidTexts.push(text)
            onFailed: field => failedField = field
        }
    }

    // A peer that says whatever it likes.
    Component {
        id: strangerComponent

        WebSocket {
            property var heard: []

            active: true
            onTextMessageReceived: message => heard.push(JSON.parse(message))
        }
    }

    // A server that says whatever it likes.
    Component {
        id: impostorComponent

        WebSocketServer {
            property var guest: null
            property var heard: []

            listen: true
            onClientConnected: webSocket => {
                guest = webSocket
                webSocket.textMessageReceived.connect(message => heard.push(message))
            }
        }
    }

    // A server that is none of WebSocket.
    Component {
        id: rawComponent

        RawPeer {}
    }

    function make(component, properties) {
        return createTemporaryObject(component, testCase, properties ?? {})
    }

    function newClient(room, name, properties) {
        return make(clientComponent, Object.assign({ address: String(room.url), name: name }, properties ?? {}))
    }

    function join(room, name, properties) {
        const client = newClient(room, name, properties)
        client.socket.reconnect.minDelay = 1
        client.connect()
        tryVerify(() => client.present)
        return client
    }

    function stranger(room, query) {
        return make(strangerComponent, { url: room.url + "/?" + query })
    }

    // As a person sees it: "own hello", "Ann: hello", "# Ann joined", "? hello" while it waits.
    function rows(client) {
        const seen = []
        for (let i = 0; i < client.conversation.count; ++i) {
            const row = client.conversation.get(i)
            seen.push(row.waiting ? "? " + row.message : row.kind === "notice" ? "# " + row.message
                : row.kind === "own" ? "own " + row.message : row.name + ": " + row.message)
        }
        return seen
    }

    function sees(client, line) {
        tryVerify(() => rows(client).includes(line), 5000, line + " is not in " + rows(client))
    }

    function test_two_people_talk() {
        const room = make(roomComponent)
        const ann = join(room, "Ann")
        const ben = join(room, "Ben")
        sees(ann, "# Ben joined")
        verify(ann.say("hello"))
        sees(ben, "Ann: hello")
        verify(ben.say("hello to you\nand to everybody 😀"))
        sees(ann, "Ben: hello to you\nand to everybody 😀")
        sees(ben, "own hello to you\nand to everybody 😀")
        compare(rows(ann), ["# You joined as Ann", "# Ben joined", "own hello",
                            "Ben: hello to you\nand to everybody 😀"])
        compare(rows(ben), ["# You joined as Ben", "Ann: hello", "own hello to you\nand to everybody 😀"])
    }

    function test_everybody_knows_who_is_there() {
        const room = make(roomComponent)
        const ann = join(room, "Ann")
        const ben = join(room, "Ben")
        tryCompare(ann, "people", ["Ann", "Ben"])
        compare(ben.people, ["Ann", "Ben"])
        ben.disconnect()
        sees(ann, "# Ben left")
        tryCompare(ann, "people", ["Ann"])
        compare(ben.people, [])
        compare(room.names(), ["Ann"])
    }

    function test_one_can_leave_and_come_back_at_once() {
        const room = make(roomComponent)
        const ann = join(room, "Ann")
        ann.disconnect()
        ann.connect()
        tryVerify(() => ann.present)
        ann.disconnect()
        tryCompare(room, "clientCount", 0)
        ann.connect()
        ann.connect()
        tryVerify(() => ann.present)
        compare(room.names(), ["Ann"])
        // What the room has told before is not told again.
        ann.say("hello")
        sees(ann, "own hello")
        ann.disconnect()
        ann.connect()
        tryVerify(() => ann.present)
        compare(rows(ann).filter(row => row === "own hello").length, 1)
    }

    function test_whoever_comes_later_is_told_what_was_said() {
        const room = make(roomComponent)
        const ann = join(room, "Ann")
        ann.say("early")
        sees(ann, "own early")
        const ben = join(room, "Ben")
        compare(rows(ben), ["Ann: early", "# You joined as Ben"])
    }

    function test_compression_and_latency_are_known() {
        const room = make(roomComponent)
        const ann = join(room, "Ann")
        verify(ann.compressed)
        tryVerify(() => ann.latency >= 0)
        const plain = make(roomComponent, { compression: false })
        verify(!join(plain, "Ann").compressed)
    }

    function test_a_name_is_taken_once_data() {
        return [
            { tag: "the same", name: "Ann" },
            { tag: "in other letters", name: "aNN" },
            { tag: "in letters that look the same", name: "Ａｎｎ" },
            { tag: "with something invisible", name: "\u200bAnn\u202e" },
            { tag: "with blanks around", name: "  Ann  " },
            { tag: "with a variation selector", name: "Ann\ufe0f" },
            { tag: "with a blank of Braille", name: "\u2800Ann" },
            { tag: "with a mark of music", name: "Ann\ud834\udd73" },
            { tag: "with a mark of shorthand", name: "\ud82f\udca0Ann" },
            { tag: "with a tag", name: "Ann\udb40\udc41" },
            { tag: "in brackets", name: "<Ann＞" }
        ]
    }

    function test_a_name_is_taken_once(data) {
        const room = make(roomComponent)
        const ann = join(room, "Ann")
        const other = newClient(room, data.name)
        other.connect()
        tryCompare(other, "failedField", "name")
        verify(!other.active)
        verify(other.error.includes("already called"), other.error)
        verify(ann.present)
        compare(room.names(), ["Ann"])
        // Under another name it is let in.
        other.name = "Ben"
        other.connect()
        tryVerify(() => other.present)
        compare(other.error, "")
    }

    function test_an_address_or_name_that_cannot_be_used_is_refused_at_once_data() {
        return [
            { tag: "no address", address: " ", name: "Ann", field: "address" },
            { tag: "a web page", address: "http://localhost", name: "Ann", field: "address" },
            { tag: "a port that is none", address: "localhost:70000", name: "Ann", field: "address" },
            { tag: "with a name in it", address: "ws://a@b/", name: "Ann", field: "address" },
            { tag: "no name", address: "localhost", name: " \u200b ", field: "name" }
        ]
    }

    function test_an_address_or_name_that_cannot_be_used_is_refused_at_once(data) {
        const client = make(clientComponent, { address: data.address, name: data.name })
        client.connect()
        compare(client.failedField, data.field)
        verify(client.error !== "")
        verify(!client.active)
    }

    function test_addresses_data() {
        return [
            { tag: "localhost", url: "ws://localhost:3000" },
            { tag: "localhost:80", url: "ws://localhost:80" },
            { tag: "WSS://chat.example.org/", url: "wss://chat.example.org" },
            { tag: "[::1]:3000", url: "ws://[::1]:3000" },
            { tag: " 192.0.2.1 ", url: "ws://192.0.2.1:3000" },
            { tag: "localhost:0", url: "" },
            { tag: "a b", url: "" },
            { tag: "host?name=x", url: "" }
        ]
    }

    function test_addresses(data) {
        compare(Protocol.serverUrl(data.tag), data.url)
    }

    function test_nobody_there_is_said_with_what_to_do() {
        const room = make(roomComponent)
        const url = String(room.url)
        room.listen = false
        const ann = make(clientComponent, { address: url, name: "Ann" })
        ann.connect()
        tryCompare(ann, "failedField", "address")
        compare(ann.error, "No chat room answers at " + url + ": Connection refused. Check the address, and whether the room is open.")
        verify(!ann.active)
    }

    function test_a_server_that_is_no_room_is_not_called_nobody_data() {
        return [
            { tag: "a web page", answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi" },
            { tag: "garbage", answer: "220 mail.example.org ESMTP\r\n\r\n" }
        ]
    }

    function test_a_server_that_is_no_room_is_not_called_nobody(data) {
        const peer = make(rawComponent)
        const ann = make(clientComponent, { address: "ws://127.0.0.1:" + peer.port, name: "Ann" })
        ann.connect()
        tryVerify(() => peer.request !== "")
        peer.write(data.answer)
        peer.end()
        tryCompare(ann, "failedField", "address")
        verify(ann.error.startsWith("No chat room answers at ws://127.0.0.1:" + peer.port + ": "), ann.error)
    }

    function test_what_a_server_gives_as_its_reason_is_cleaned() {
        const impostor = make(impostorComponent)
        const ann = newClient(impostor, "Ann")
        ann.connect()
        tryVerify(() => impostor.guest !== null)
        impostor.guest.close(1008, "no\u001b[31m\n\u202e%1 room")
        tryVerify(() => ann.error !== "")
        compare(ann.error, "The room has closed the connection: no[31m %1 room.")
        compare(Protocol.reason("x".repeat(3000)).length, Protocol.longestReason)

        const peer = make(rawComponent)
        const ben = make(clientComponent, { address: "ws://127.0.0.1:" + peer.port, name: "Ben" })
        ben.connect()
        tryVerify(() => peer.request !== "")
        peer.write("HTTP/1.1 403 " + "x".repeat(1000) + "\r\nContent-Length: 0\r\n\r\n")
        tryCompare(ben, "failedField", "address")
        verify(ben.error.length < 300, ben.error)
    }

    function test_values_are_put_in_all_at_once() {
        compare(Protocol.fill("%1 says %2", "%2", "%1"), "%2 says %1")
        compare(Protocol.fill("%1 %2", "$&"), "$& %2")
    }

    function test_a_full_room_says_so() {
        const room = make(roomComponent, { maxConnections: 1 })
        ignoreWarning(/maxConnections/)
        join(room, "Ann")
        const ben = newClient(room, "Ben")
        ben.connect()
        tryVerify(() => ben.error !== "")
        verify(ben.error.includes("full"), ben.error)
    }

    function test_a_lost_connection_comes_back_and_what_was_written_is_said() {
        const room = make(roomComponent)
        const port = room.port
        const ann = join(room, "Ann")
        ann.say("before")
        sees(ann, "own before")
        ann.socket.reconnect.minDelay = 3000
        ann.socket.reconnect.maxDelay = 3000
        room.destroy()
        tryVerify(() => !ann.present)
        verify(ann.active)
        tryVerify(() => ann.states.includes("Reconnecting in 3 s, attempt 1"))
        tryVerify(() => ann.states.some(text => /^Reconnecting in [12] s, attempt 1$/.test(text)))
        ann.socket.reconnect.minDelay = 1
        ann.socket.reconnect.maxDelay = 1000
        verify(ann.say("while away"))
        compare(rows(ann).pop(), "? while away")
        // It goes on counting while nobody answers.
        tryVerify(() => ann.attempt > 1, 20000)

        const next = make(roomComponent, { port: port })
        tryVerify(() => ann.present, 20000)
        compare(ann.stateText, "Connected")
        sees(ann, "own while away")
        verify(!rows(ann).includes("? while away"))
        sees(join(next, "Ben"), "Ann: while away")
    }

    function test_what_the_room_has_heard_is_not_said_twice() {
        const impostor = make(impostorComponent)
        const ann = newClient(impostor, "Ann")
        ann.socket.reconnect.minDelay = 1
        ann.connect()
        tryVerify(() => impostor.guest !== null)
        const welcome = lines => impostor.guest.sendJson({ type: "welcome", room: "r", people: ["Ann"], lines: lines })
        welcome([])
        tryVerify(() => ann.present)
        ann.say("once")
        tryVerify(() => impostor.heard.length === 1)
        // The connection is lost before the answer; the room tells it among what was said.
        const first = impostor.guest
        first.active = false
        tryVerify(() => impostor.guest !== first)
        const id = JSON.parse(impostor.heard[0]).id
        welcome([{ number: 1, time: 0, name: "Ann", text: "once", id: id }])
        tryVerify(() => ann.present)
        compare(rows(ann).filter(row => row.includes("once")), ["own once"])
        compare(impostor.heard.length, 1)
    }

    function test_a_room_that_is_told_twice_tells_once() {
        const room = make(roomComponent)
        const ben = join(room, "Ben")
        const ann = stranger(room, "name=Ann&key=k")
        tryCompare(ann, "status", WebSocket.Open)
        ann.sendJson({ type: "say", id: "1", text: "once" })
        ann.sendJson({ type: "say", id: "1", text: "once" })
        ann.sendJson({ type: "say", id: "2", text: "end" })
        sees(ben, "Ann: end")
        compare(rows(ben).filter(row => row === "Ann: once").length, 1)
        tryVerify(() => ann.heard.filter(value => value.type === "said").length === 3)
    }

    function test_who_comes_back_takes_the_place_of_who_was_lost() {
        const room = make(roomComponent)
        const ben = join(room, "Ben")
        const lost = stranger(room, "name=Ann&key=k")
        tryCompare(lost, "status", WebSocket.Open)
        const back = stranger(room, "name=Ann&key=k")
        tryCompare(back, "status", WebSocket.Open)
        tryCompare(lost, "status", WebSocket.Closed)
        compare(lost.closeCode, 4000)
        compare(room.names(), ["Ben", "Ann"])
        verify(!rows(ben).includes("# Ann left"))
        // Somebody else is not let in under that name.
        const other = stranger(room, "name=Ann&key=other")
        tryCompare(other, "responseStatus", 409)
    }

    function test_who_comes_back_by_another_name_is_told_of() {
        const room = make(roomComponent)
        const ben = join(room, "Ben")
        const lost = stranger(room, "name=Ann&key=k")
        tryCompare(lost, "status", WebSocket.Open)
        const back = stranger(room, "name=Bea&key=k")
        sees(ben, "# Bea joined")
        compare(rows(ben), ["# You joined as Ben", "# Ann joined", "# Ann left", "# Bea joined"])
        tryCompare(ben, "people", ["Ben", "Bea"])
        tryVerify(() => back.heard.length > 0)
        compare(back.heard.map(value => value.type), ["welcome"])
    }

    function test_a_taken_name_is_not_had_by_a_second_question_mark() {
        const room = make(roomComponent)
        join(room, "Ann")
        for (const query of ["name=Ann?x&key=k", "name=Ann&key=k?", "?name=Ann&key=k"])
            tryCompare(stranger(room, query), "responseStatus", 400)
        compare(room.names(), ["Ann"])
        const asked = stranger(room, "name=" + encodeURIComponent("Ann?") + "&key=" + encodeURIComponent("?"))
        tryCompare(asked, "status", WebSocket.Open)
        compare(room.names(), ["Ann", "Ann?"])
    }

    function test_names_and_keys_are_looked_at_again_when_somebody_has_come_in_data() {
        return [
            { tag: "a taken name", query: "name=ann&key=other" },
            { tag: "no key", query: "name=Ben" },
            { tag: "no query", query: "" }
        ]
    }

    function test_names_and_keys_are_looked_at_again_when_somebody_has_come_in(data) {
        const room = make(roomComponent)
        join(room, "Ann")
        // Somebody whom onUpgradeRequested has let in.
        const other = stranger(make(impostorComponent), data.query)
        tryCompare(other, "status", WebSocket.Open)
        room.clientConnected(other)
        compare(room.names(), ["Ann"])
        tryCompare(other, "closeCode", 4009)
    }

    function test_a_name_that_was_taken_meanwhile_is_to_be_changed() {
        const impostor = make(impostorComponent)
        const ann = newClient(impostor, "Ann")
        ann.connect()
        tryVerify(() => impostor.guest !== null)
        impostor.guest.close(4009, "x")
        tryCompare(ann, "failedField", "name")
        verify(ann.error.includes("already called"), ann.error)
    }

    function test_each_server_is_told_a_key_of_its_own() {
        const one = make(impostorComponent)
        const other = make(impostorComponent)
        const ann = newClient(one, "Ann")
        const keyFor = server => {
            ann.address = String(server.url)
            server.guest = null
            ann.connect()
            tryVerify(() => server.guest !== null)
            return String(server.guest.url).split("key=")[1]
        }
        const first = keyFor(one)
        verify(first.length > 20)
        compare(keyFor(one), first)
        const second = keyFor(other)
        verify(second.length > 20)
        verify(second !== first)
        const third = keyFor(one)
        verify(third !== first && third !== second)
    }

    function test_people_are_shown_once_a_turn() {
        const impostor = make(impostorComponent)
        const ann = newClient(impostor, "Ann")
        ann.connect()
        tryVerify(() => impostor.guest !== null)
        for (let i = 0; i < 300; ++i)
            impostor.guest.sendJson({ type: "joined", name: "Ben", people: i % 2 ? ["Ann", "Ben"] : ["Cleo"] })
        tryCompare(ann.conversation, "count", 300)
        tryCompare(ann, "people", ["Ann", "Ben"])
        verify(ann.peopleChanges < 100, ann.peopleChanges)
        // Nothing changes when they are the same.
        const changes = ann.peopleChanges
        impostor.guest.sendJson({ type: "left", name: "Eve", people: ["Ann", "Ben"] })
        sees(ann, "# Eve left")
        wait(20)
        compare(ann.peopleChanges, changes)
    }

    function test_who_comes_anew_may_not_say_more() {
        const room = make(roomComponent, { mostAtOnce: 5, perSecond: 0 })
        const first = stranger(room, "name=Eve&key=k") // the first of five
        tryCompare(first, "status", WebSocket.Open)
        first.sendJson({ type: "say", id: "1", text: "x" })
        first.sendJson({ type: "say", id: "2", text: "x" })
        tryVerify(() => first.heard.length === 3)
        const second = stranger(room, "name=Eve&key=k")
        tryVerify(() => second.heard.length > 0)
        second.active = false
        tryCompare(room, "clientCount", 0)
        // By the same key, and by another one from the same address.
        const third = stranger(room, "name=Mal&key=other")
        tryVerify(() => third.heard.length > 0)
        third.sendJson({ type: "say", id: "1", text: "x" })
        tryCompare(third, "closeCode", 1008)
        compare(third.closeReason, "Too much at once")
        tryCompare(room, "clientCount", 0)
        const fourth = stranger(room, "name=Mal&key=another")
        tryCompare(fourth, "closeCode", 1008)
        compare(fourth.heard, [])
    }

    function test_only_so_many_who_have_left_are_remembered() {
        const room = make(roomComponent, { mostAccounts: 4 })
        for (let i = 0; i < 8; ++i) {
            const guest = stranger(room, "name=Eve&key=k" + i)
            tryVerify(() => guest.heard.length > 0)
            guest.active = false
            tryCompare(room, "clientCount", 0)
        }
        compare(room.memory.accounts.size, 4)
        verify(room.memory.accounts.has("key k7"))
        verify(!room.memory.accounts.has("key k0"))
    }

    function test_what_was_not_said_comes_back_when_one_leaves() {
        const impostor = make(impostorComponent)
        const ann = newClient(impostor, "Ann")
        ann.connect()
        tryVerify(() => impostor.guest !== null)
        verify(ann.say("one"))
        verify(ann.say("two"))
        ann.disconnect()
        compare(ann.unsaidTexts, ["one\ntwo"])
        compare(rows(ann), [])
        // Who is nowhere keeps it.
        verify(!ann.say("three"))
    }

    function test_only_so_much_waits() {
        const impostor = make(impostorComponent)
        const ann = newClient(impostor, "Ann", { mostWaiting: 3 })
        ann.connect()
        for (let i = 0; i < 3; ++i)
            verify(ann.say("text " + i))
        verify(!ann.say("too much"))
        compare(rows(ann), ["? text 0", "? text 1", "? text 2"])
    }

    function test_a_text_that_is_too_long_is_not_taken() {
        const room = make(roomComponent)
        const ann = join(room, "Ann")
        const ben = join(room, "Ben")
        const longest = "€".repeat(Protocol.longestText)
        verify(!ann.say(longest + "€"))
        verify(ann.say(longest))
        sees(ben, "Ann: " + longest)
    }

    function test_a_peer_that_sends_too_much_is_thrown_out() {
        const room = make(roomComponent)
        const ann = join(room, "Ann")
        const large = stranger(room, "name=Large&key=k")
        tryCompare(large, "status", WebSocket.Open)
        large.sendJson({ type: "say", id: "1", text: "x".repeat(40000) })
        tryVerify(() => large.closeCode === 1009)
        // What is within the bound of messages but not of texts is cut.
        const wordy = stranger(room, "name=Long&key=k")
        tryCompare(wordy, "status", WebSocket.Open)
        wordy.sendJson({ type: "say", id: "1", text: "y".repeat(20000) })
        sees(ann, "Long: " + "y".repeat(Protocol.longestText))
        const quick = stranger(room, "name=Quick&key=k")
        tryCompare(quick, "status", WebSocket.Open)
        for (let i = 0; i < 200; ++i)
            quick.sendJson({ type: "say", id: String(i), text: "z" })
        tryVerify(() => quick.closeCode === 1008)
        compare(quick.closeReason, "Too much at once")
        verify(ann.present)
    }

    function test_a_peer_that_says_something_else_is_thrown_out_data() {
        return [
            { tag: "no JSON", message: "hello", code: 1008 },
            { tag: "no object", message: "null", code: 1008 },
            { tag: "another type", message: '{"type":"welcome","people":[]}', code: 1008 },
            { tag: "no text", message: '{"type":"say","id":"1","text":{"a":1}}', code: 1008 },
            { tag: "no id", message: '{"type":"say","text":"x"}', code: 1008 },
            { tag: "deep", message: '{"type":"say","text":' + "[".repeat(3000), code: 1008 },
            { tag: "binary", message: null, code: 1003 }
        ]
    }

    function test_a_peer_that_says_something_else_is_thrown_out(data) {
        const room = make(roomComponent)
        const ann = join(room, "Ann")
        const peer = stranger(room, "name=Eve&key=k")
        tryCompare(peer, "status", WebSocket.Open)
        if (data.message === null)
            peer.sendBinaryMessage("x")
        else
            peer.sendTextMessage(data.message)
        tryVerify(() => peer.closeCode === data.code, 5000, "closed with " + peer.closeCode)
        sees(ann, "# Eve left")
    }

    function test_a_peer_without_a_name_is_not_let_in_data() {
        return [
            { tag: "nothing", query: "" },
            { tag: "an empty name", query: "name=&key=k" },
            { tag: "an invisible name", query: "name=%E2%80%8B%E2%80%AE&key=k" },
            { tag: "no key", query: "name=Eve" },
            { tag: "a key that is too long", query: "name=Eve&key=" + "k".repeat(100) },
            { tag: "badly encoded", query: "name=%FF&key=k" }
        ]
    }

    function test_a_peer_without_a_name_is_not_let_in(data) {
        const room = make(roomComponent)
        const peer = stranger(room, data.query)
        tryCompare(peer, "responseStatus", 400)
        compare(room.names(), [])
    }

    function test_names_are_bounded_and_visible() {
        compare(Protocol.cleanName("  A\n\tB\u202e\u200bC  "), "A B C")
        compare(Protocol.cleanName("x".repeat(1000)).length, Protocol.longestName)
        // No half of an emoji.
        compare(Protocol.cleanName("x".repeat(Protocol.longestName - 1) + "😀"), "x".repeat(Protocol.longestName - 1))
        compare(Protocol.cleanName({}), "")
        const room = make(roomComponent)
        const peer = stranger(room, "key=k&name=" + encodeURIComponent("<h1>" + "x".repeat(1000)))
        tryCompare(peer, "status", WebSocket.Open)
        compare(room.names(), ["h1 " + "x".repeat(Protocol.longestName - 3)])
        verify(Protocol.sameName("Ann", "A\ufe0fn\ud834\udd7an"))
        verify(!Protocol.sameName("Ann", "Anne"))
    }

    function test_texts_are_cleaned() {
        compare(Protocol.cleanText("\n\n a\r\nb\u0007\u202ec \n "), " a\nbc")
        compare(Protocol.cleanText("👩‍👩‍👧"), "👩‍👩‍👧")
        compare(Protocol.cleanText(" \n "), "")
        compare(Protocol.cleanText(7), "")
        // Something has to be seen.
        compare(Protocol.cleanText("\u200b\u3164\n\udb40\udc41\ufe0f"), "")
        // What is in an emoji stays there.
        compare(Protocol.cleanText("\u2764\ufe0f"), "\u2764\ufe0f")
        // Whatever is longer is not looked at: the square of this would take hours.
        compare(Protocol.cleanText(" ".repeat(3000000) + "x"), "")
        compare(Protocol.cleanText("x" + " ".repeat(3000000) + "x"), "x")
    }

    function test_the_history_of_a_room_is_bounded() {
        const room = make(roomComponent, { mostLines: 5, mostCharacters: 1000, mostAtOnce: 1000 })
        const ann = join(room, "Ann", { mostWaiting: 1000 })
        for (let i = 0; i < 20; ++i)
            verify(ann.say("line " + i))
        sees(ann, "own line 19")
        compare(rows(join(room, "Ben")).slice(0, -1),
                [15, 16, 17, 18, 19].map(i => "Ann: line " + i))
        verify(ann.say("x".repeat(990)))
        sees(ann, "own " + "x".repeat(990))
        compare(rows(join(room, "Cleo")).length, 1 + 2)
    }

    function test_a_conversation_is_bounded() {
        const room = make(roomComponent)
        const ann = newClient(room, "Ann")
        ann.conversation.mostRows = 10
        for (let i = 0; i < 100; ++i)
            ann.conversation.notice("notice " + i)
        compare(ann.conversation.count, 10)
        compare(rows(ann)[0], "# notice 90")
        ann.conversation.mostCharacters = 100
        ann.conversation.add("message", "Ben", "x".repeat(90), 0, "", false)
        verify(ann.conversation.count <= 2)
        verify(ann.conversation.characters <= 100)
    }

    function test_lines_that_belong_together_are_grouped() {
        const conversation = newClient(make(roomComponent), "Ann").conversation
        const minute = 60000
        conversation.add("message", "Ben", "a", 0, "", false)
        conversation.add("message", "Ben", "b", minute, "", false)
        conversation.add("message", "Cleo", "c", minute, "", false)
        conversation.add("message", "Cleo", "d", 20 * minute, "", false)
        const follows = () => [0, 1, 2, 3].map(row => conversation.get(row).follows)
        compare(follows(), [false, true, false, false])
        // What waits stays behind what comes in between.
        conversation.add("own", "Ann", "o", 20 * minute, "0", false)
        conversation.add("own", "Ann", "w", 20 * minute, "1", true)
        verify(conversation.get(5).follows)
        conversation.add("message", "Cleo", "e", 20 * minute, "", false)
        compare(conversation.get(5).message, "e")
        compare(conversation.get(6).message, "w")
        verify(!conversation.get(6).follows)
    }

    function test_an_impostor_shows_nothing_that_it_should_not_data() {
        return [
            { tag: "no JSON", message: "}{" },
            { tag: "a line without a number", message: '{"type":"said","name":"x","text":"x"}' },
            { tag: "a line without a name", message: '{"type":"said","number":1,"name":"\u200b","text":"x"}' },
            { tag: "a line that is no text", message: '{"type":"said","number":1,"name":"x","text":{"toString":1}}' },
            { tag: "a notice without a name", message: '{"type":"joined","people":{"length":1e9}}' },
            { tag: "something unknown", message: '{"type":"alert","text":"x"}' },
            { tag: "lines that are none", message: '{"type":"welcome","lines":{"length":3},"people":7}' }
        ]
    }

    function test_an_impostor_shows_nothing_that_it_should_not(data) {
        const impostor = make(impostorComponent)
        const ann = newClient(impostor, "Ann")
        ann.connect()
        tryVerify(() => impostor.guest !== null)
        impostor.guest.sendTextMessage(data.message)
        impostor.guest.sendJson({ type: "said", number: 2, name: "Ben", text: "end" })
        sees(ann, "Ben: end")
        compare(rows(ann).filter(row => !row.startsWith("# You joined")), ["Ben: end"])
        verify(Array.isArray(ann.people) && ann.people.length === 0)
    }
}
