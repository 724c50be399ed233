// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// sendJson() and jsonReceived().

import QtQuick
import QtTest
import Framewire

TestCase {
    id: testCase

    name: "json"

    property var peers: []

    Component {
        id: socketComponent

        WebSocket {
            property var log: []

            onTextMessageReceived: message => log.push(message)
            onJsonReceived: value => log.push(value)
        }
    }

    Component {
        id: plainComponent

        WebSocket {}
    }

    Component {
        id: serverComponent

        WebSocketServer {
            listen: true
            onClientConnected: webSocket => testCase.peers.push(webSocket)
        }
    }

    function connected() {
        const server = createTemporaryObject(serverComponent, testCase)
        const client = createTemporaryObject(socketComponent, testCase, { url: server.url, active: true })
        tryCompare(client, "status", WebSocket.Open)
        return client
    }

    function init() {
        peers = []
    }

    function test_values_data() {
        return [{ tag: "object", value: { a: [1, 2.5, null], b: { c: "\u2713" } }, text: '{"a":[1,2.5,null],"b":{"c":"\u2713"}}' },
                { tag: "array", value: [], text: "[]" }, { tag: "string", value: "text", text: '"text"' },
                { tag: "number", value: 42, text: "42" }, { tag: "null", value: null, text: "null" },
                { tag: "boolean", value: false, text: "false" }]
    }

    function test_values(data) {
        const client = connected()
        compare(peers[0].sendJson(data.value), unescape(encodeURIComponent(data.text)).length)
        tryVerify(() => client.log.length === 2)
        compare(client.log[0], data.text)
        compare(client.log[1], data.value)
    }

    function test_what_is_no_json_is_only_text() {
        const client = connected()
        for (const text of ["", "{", "text", "{'a': 1}", "1 2"])
            peers[0].sendTextMessage(text)
        peers[0].sendJson("end")
        tryVerify(() => client.log.length === 7)
        compare(client.log, ["", "{", "text", "{'a': 1}", "1 2", '"end"', "end"])
    }

    function test_connected_by_a_handler_of_the_text() {
        const server = createTemporaryObject(serverComponent, testCase)
        const client = createTemporaryObject(plainComponent, testCase, { url: server.url, active: true })
        tryCompare(client, "status", WebSocket.Open)
        const values = []
        function take(value) {
            values.push(value.number)
        }
        client.textMessageReceived.connect(text => {
            if (text.includes("1"))
                client.jsonReceived.connect(take)
            if (text.includes("3"))
                client.jsonReceived.disconnect(take)
            if (text === '"end"')
                values.push("end")
        })
        for (let number = 0; number < 5; ++number)
            peers[0].sendJson({ number })
        peers[0].sendJson("end")
        tryVerify(() => values.includes("end"))
        compare(values, [1, 2, "end"])
    }

    function test_what_json_has_no_words_for_data() {
        const circle = {}
        circle.self = circle
        return [{ tag: "undefined", value: undefined }, { tag: "function", value: () => {} }, { tag: "circle", value: circle }]
    }

    function test_what_json_has_no_words_for(data) {
        const client = connected()
        let thrown = null
        try {
            client.sendJson(data.value)
        } catch (error) {
            thrown = error
        }
        verify(thrown instanceof TypeError)
        compare(client.status, WebSocket.Open)
    }

    function test_destroyed_between_the_two() {
        const client = connected()
        let told = 0
        client.textMessageReceived.connect(() => client.destroy())
        client.jsonReceived.connect(() => ++told)
        peers[0].sendJson({})
        tryVerify(() => peers[0].status === WebSocket.Closed)
        verify(told <= 1)
    }
}
