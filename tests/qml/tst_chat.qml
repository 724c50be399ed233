// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The chat window of examples/ws_client, with a server of our own.

import QtQuick
import QtTest
import Framewire

TestCase {
    id: testCase

    name: "chat"
    when: windowShown

    property var chat: null

    WebSocketServer {
        id: server

        property var sockets: []

        listen: true
        onClientConnected: webSocket => {
            sockets.push(webSocket)
            webSocket.textMessageReceived.connect(message => webSocket.sendTextMessage(message))
            webSocket.sendTextMessage("Welcome to Awesome Chat")
        }
    }

    function lines() {
        const result = []
        for (let i = 0; i < chat.view.count; ++i)
            result.push(chat.view.model.get(i).prefix + " " + chat.view.model.get(i).message)
        return result
    }

    function newestIsInView() {
        const row = chat.view.itemAtIndex(chat.view.count - 1)
        if (!row)
            return false
        const bottom = row.mapToItem(chat.view, 0, row.height).y
        return bottom > 0 && bottom <= chat.view.height + 1
    }

    function init() {
        const component = Qt.createComponent("../../examples/ws_client/ws_client.qml")
        verify(component.status === Component.Ready, component.errorString())
        chat = component.createObject(testCase)
        // The old attempt, to port 3000, is dropped without a word.
        chat.socket.url = server.url
        tryVerify(() => lines().length === 2)
    }

    function cleanup() {
        chat.destroy()
        tryCompare(testCase, "chat", null)
        server.sockets = []
    }

    function test_conversation() {
        compare(lines(), ["# open", "< Welcome to Awesome Chat"])
        chat.input.text = "hello"
        chat.input.entered("hello")
        compare(chat.input.text, "")
        tryVerify(() => lines().length === 4)
        compare(lines().slice(2), ["> hello", "< hello"])
    }

    function test_typing() {
        chat.requestActivate()
        tryVerify(() => chat.active)
        keyClick(Qt.Key_H)
        keyClick(Qt.Key_I)
        compare(chat.input.text, "hi")
        keyClick(Qt.Key_Return)
        compare(chat.input.text, "")
        tryVerify(() => lines().includes("< hi"))
    }

    function test_status_lines() {
        server.sockets[0].active = false
        tryVerify(() => lines().includes("# closed"))
        // What was typed is not lost, and Return connects again.
        chat.input.text = "kept"
        chat.input.entered("kept")
        compare(chat.input.text, "kept")
        tryVerify(() => lines().length === 5)
        compare(lines().slice(2), ["# closed", "# open", "< Welcome to Awesome Chat"])
    }

    function test_refused() {
        chat.socket.url = "ws://127.0.0.1:1"
        tryVerify(() => lines().includes("# Connection refused"))
    }

    function test_markup_is_shown_as_it_is() {
        chat.send("<b>bold</b>")
        tryVerify(() => lines().includes("< <b>bold</b>"))
        tryVerify(() => chat.view.itemAtIndex(3) !== null)
        const row = chat.view.itemAtIndex(3)
        compare(row.children[1].text, "<b>bold</b>")
        compare(row.children[1].textFormat, Text.PlainText)
    }

    function test_columns_and_wrapping() {
        chat.send("word ".repeat(100))
        tryVerify(() => lines().length === 4 && newestIsInView())
        const shortRow = chat.view.itemAtIndex(0)
        const row = chat.view.itemAtIndex(2)
        fuzzyCompare(row.children[0].width, chat.view.width / 24, 0.01)
        fuzzyCompare(row.children[1].x, chat.view.width / 24, 0.01)
        fuzzyCompare(row.children[1].width, chat.view.width * 23 / 24, 0.01)
        verify(row.height > 3 * shortRow.height)
        verify(row.children[1].contentWidth <= row.children[1].width)
    }

    function test_newest_line_stays_in_view() {
        for (let i = 0; i < 60; ++i)
            chat.send("line " + i + " " + "long ".repeat(i))
        tryVerify(() => lines().length === 122)
        tryVerify(newestIsInView)
        for (const size of [[300, 200], [900, 700], [240, 160]]) {
            chat.width = size[0]
            chat.height = size[1]
            tryVerify(newestIsInView)
        }
    }
}
