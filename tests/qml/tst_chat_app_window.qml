// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The window of examples/chat_app: what is shown, and what keys do.

import QtQuick
import QtTest
import "../../examples/chat_app"

TestCase {
    id: testCase

    name: "chat_app_window"
    when: windowShown

    property var chat: null
    property Client other: null

    Component {
        id: windowComponent

        Main {}
    }

    Component {
        id: clientComponent

        Client {}
    }

    function init() {
        chat = windowComponent.createObject(testCase, { errand: { port: 0, name: "Ann", look: "light" } })
        chat.requestActivate()
        tryVerify(() => chat.active)
    }

    function cleanup() {
        if (other)
            other.destroy()
        other = null
        chat.destroy()
        tryCompare(testCase, "chat", null)
    }

    function host() {
        keyClick("o", Qt.ControlModifier)
        tryVerify(() => chat.client.present)
    }

    function invite(name: string) {
        other = clientComponent.createObject(testCase, { address: String(chat.room.url), name: name })
        other.connect()
        tryVerify(() => other.present)
    }

    function write(text: string) {
        for (const letter of text)
            keyClick(letter)
    }

    function last(): var {
        return chat.client.conversation.get(chat.client.conversation.count - 1)
    }

    // The first item, from that one downwards, that is wanted.
    function find(item: var, wanted: var): var {
        if (!item || wanted(item))
            return item
        for (let i = 0; i < item.children.length; ++i) {
            const found = testCase.find(item.children[i], wanted)
            if (found)
                return found
        }
        return null
    }

    // The text of a row as the view shows it.
    function label(row: int): var {
        return find(chat.view.itemAtIndex(row), item => item.objectName === "message")
    }

    function newestIsInView(): bool {
        const row = chat.view.itemAtIndex(chat.view.count - 1)
        if (!row)
            return false
        const bottom = row.mapToItem(chat.view, 0, row.height).y
        return bottom > 0 && bottom <= chat.view.height + 1
    }

    function focused(): string {
        const item = chat.activeFocusItem
        return item ? item.Accessible.name : "nothing"
    }

    function test_one_can_do_it_all_by_keys() {
        keyClick("n", Qt.ControlModifier)
        compare(focused(), "Your name")
        write("Bo")
        host()
        compare(chat.client.name, "Bo")
        compare(focused(), "Message")
        write("hi")
        keyClick(Qt.Key_Return, Qt.ShiftModifier)
        write("you")
        compare(chat.composer.text, "hi\nyou")
        keyClick(Qt.Key_Return)
        compare(chat.composer.text, "")
        tryVerify(() => last().message === "hi\nyou" && !last().waiting)
        keyClick("d", Qt.ControlModifier | Qt.ShiftModifier)
        tryVerify(() => !chat.client.active)
        compare(focused(), "Connect")
        keyClick(Qt.Key_Return)
        tryVerify(() => chat.client.present)
        keyClick("t", Qt.ControlModifier)
        compare(chat.look.choice, "dark")
        keyClick("h", Qt.ControlModifier)
        compare(focused(), last().message)
        keyClick("m", Qt.ControlModifier)
        compare(focused(), "Message")
    }

    function test_tab_goes_round_and_each_stop_has_a_name_and_can_be_seen() {
        for (const [prepare, stops] of [[() => {}, 5], [() => { host(); write("x") }, 7]]) {
            prepare()
            const seen = []
            for (let i = 0; i < stops; ++i) {
                keyClick(Qt.Key_Tab)
                verify(focused() !== "", "stop " + i + " behind " + seen)
                seen.push(focused())
            }
            compare(new Set(seen).size, stops, seen.join(", "))
            // Around, and back.
            keyClick(Qt.Key_Tab)
            compare(focused(), seen[0])
            keyClick(Qt.Key_Backtab)
            compare(focused(), seen[stops - 1])
        }
    }

    function test_markup_is_shown_as_it_is() {
        host()
        invite("&lt;%2&gt;")
        const markup = "<b>bold</b> <img src='http://127.0.0.1:1/x.png'> &amp; <a href='x'>x</a>"
        other.say(markup)
        tryVerify(() => last().message === markup)
        tryVerify(() => label(chat.view.count - 1) !== null)
        compare(label(chat.view.count - 1).text, markup)
        const said = chat.view.itemAtIndex(chat.view.count - 1)
        compare(said.Accessible.name, "&lt;%2&gt;, " + said.clock + ": " + markup)
        // Whatever shows a text in this window shows it as it is.
        const rich = testCase.find(chat.contentItem.parent, item => item.text !== undefined
            && item.textFormat !== undefined && item.textFormat !== Text.PlainText
            && !String(item).startsWith("QQuickPlaceholderText")) // which is ours
        compare(rich, null)
        verify(testCase.find(chat.contentItem.parent, item => item.text === "&lt;%2&gt;"
            && item.textFormat === Text.PlainText) !== null)
    }

    function test_nothing_is_wider_than_the_window() {
        host()
        invite("W".repeat(24))
        other.say("W".repeat(3000))
        other.say("word ".repeat(700))
        other.say("line\n".repeat(400))
        other.say("Z\u0301\u0302\u0303\u0304".repeat(100))
        tryVerify(() => chat.client.conversation.count === 6)
        for (const size of [[360, 480], [320, 360], [860, 620], [1600, 900]]) {
            chat.width = size[0]
            chat.height = size[1]
            tryVerify(() => chat.view.width > 0 && newestIsInView())
            for (let row = 0; row < chat.view.count; ++row) {
                chat.view.positionViewAtIndex(row, ListView.Center)
                tryVerify(() => chat.view.itemAtIndex(row) !== null)
                const item = chat.view.itemAtIndex(row)
                const outside = testCase.find(item, part => {
                    const at = part.mapToItem(chat.view, 0, 0)
                    return part.visible && part !== item && part.text !== undefined
                        && (at.x < 0 || at.x + part.width > chat.view.width + 1 || part.contentWidth > part.width + 1)
                })
                compare(outside, null, size + ", row " + row)
                // Also a long word goes on in the next line.
                if (label(row).text.length > 300)
                    verify(label(row).lineCount > 1, "row " + row)
                // A long text is cut until one wants to see it all.
                verify(item.height < 14 * 24 + 80, "row " + row + " is " + item.height + " high")
            }
            chat.view.showNewest()
        }
    }

    function test_a_long_text_can_be_seen_whole() {
        host()
        invite("Ben")
        other.say("line\n".repeat(50) + "end")
        tryVerify(() => last().message.endsWith("end"))
        tryVerify(newestIsInView)
        const row = chat.view.itemAtIndex(chat.view.count - 1)
        const cutHeight = row.height
        verify(label(row.index).truncated)
        keyClick("h", Qt.ControlModifier)
        keyClick(Qt.Key_Return)
        tryVerify(() => row.height > 2 * cutHeight)
        verify(!label(row.index).truncated)
        // Nor is it laid out before.
        other.say("x".repeat(3000))
        tryVerify(() => last().message.length === 3000)
        tryVerify(() => label(chat.view.count - 1) !== null)
        const wordy = chat.view.itemAtIndex(chat.view.count - 1)
        compare(label(wordy.index).text, "x".repeat(1500) + "…")
        verify(wordy.isLong)
        wordy.expanded = true
        compare(label(wordy.index).text, "x".repeat(3000))
    }

    function test_the_newest_is_in_view_unless_one_reads_what_was_before() {
        host()
        invite("Ben")
        for (let i = 0; i < 25; ++i)
            other.say("line " + i + " " + "long ".repeat(i))
        tryVerify(() => last().message.startsWith("line 19 "))
        tryVerify(newestIsInView)
        for (let i = 0; i < 4; ++i)
            keyClick(Qt.Key_PageUp)
        verify(!chat.view.following)
        verify(!newestIsInView())
        const row = chat.view.itemAt(100, chat.view.contentY + 100)
        const y = row.mapToItem(chat.view, 0, 0).y
        other.say("new")
        tryVerify(() => last().message === "new")
        compare(chat.view.unread, 1)
        wait(50)
        compare(row.mapToItem(chat.view, 0, 0).y, y)
        keyClick("j", Qt.ControlModifier)
        tryVerify(newestIsInView)
        compare(chat.view.unread, 0)
        other.say("newer")
        tryVerify(() => last().message === "newer")
        tryVerify(newestIsInView)
    }

    function test_what_was_said_before_stays_in_view_while_the_oldest_goes() {
        host()
        invite("Ben")
        chat.client.conversation.mostRows = 40
        for (let i = 0; i < 40; ++i)
            chat.client.conversation.add("message", "Ben", "line " + i + " " + "long ".repeat(i), i, "", false)
        tryVerify(newestIsInView)
        keyClick(Qt.Key_PageUp)
        const row = chat.view.itemAt(100, chat.view.contentY + 100)
        const y = row.mapToItem(chat.view, 0, 0).y
        for (let i = 0; i < 5; ++i)
            chat.client.conversation.add("message", "Ben", "more " + i, i, "", false)
        compare(chat.client.conversation.count, 40)
        wait(50)
        compare(row.mapToItem(chat.view, 0, 0).y, y)
    }

    function test_what_cannot_be_sent_stays_in_the_field() {
        host()
        const text = "x".repeat(4001)
        chat.composer.text = text
        keyClick(Qt.Key_Return)
        compare(chat.composer.text, text)
        keyClick(Qt.Key_Delete)
        keyClick(Qt.Key_Return)
        compare(chat.composer.text, "")
    }

    function test_what_waits_is_marked_and_comes_back_when_one_gives_up() {
        host()
        const url = String(chat.room.url)
        chat.client.socket.reconnect.minDelay = 100000
        chat.client.socket.reconnect.maxDelay = 100000
        chat.room.listen = false
        for (let i = 0; i < chat.room.clientCount; ++i)
            chat.room.clients.get(i).active = false
        tryVerify(() => !chat.client.present)
        tryVerify(() => chat.client.attempt === 1)
        const banner = testCase.find(chat.contentItem, item => item.objectName === "banner")
        verify(banner.visible)
        verify(/^Reconnecting in (100|99) s, attempt 1\. What you write is sent then\.$/.test(banner.text), banner.text)
        write("hi")
        keyClick(Qt.Key_Return)
        compare(chat.composer.text, "")
        verify(last().waiting)
        tryVerify(() => testCase.find(chat.view.contentItem, item => item.text === "Not sent yet" && item.visible) !== null)
        keyClick("d", Qt.ControlModifier | Qt.ShiftModifier)
        compare(chat.composer.text, "hi")
    }

    function test_a_room_stays_open_until_it_is_closed() {
        host()
        invite("Ben")
        keyClick("d", Qt.ControlModifier | Qt.ShiftModifier)
        tryVerify(() => !chat.client.active)
        tryCompare(other, "people", ["Ben"])
        compare(chat.connectPage.roomUrl, String(chat.room.url))
        keyClick("o", Qt.ControlModifier)
        tryVerify(() => !other.present)
        verify(!chat.room.listen)
        compare(chat.connectPage.roomUrl, "")
    }

    function test_a_port_in_use_is_said_with_what_to_do() {
        host()
        ignoreWarning(/No room can be opened on port/)
        const second = windowComponent.createObject(testCase, { errand: { port: chat.room.port, host: true } })
        verify(/^No room can be opened on port \d+: .+ Perhaps one is open there already: join it\.$/
            .test(second.connectPage.hostError), second.connectPage.hostError)
        second.destroy()
    }

    // WCAG 2: 4.5 for texts.
    function contrast(one: color, other: color): real {
        const linear = part => part <= 0.03928 ? part / 12.92 : Math.pow((part + 0.055) / 1.055, 2.4)
        const light = c => 0.2126 * linear(c.r) + 0.7152 * linear(c.g) + 0.0722 * linear(c.b)
        const [low, high] = [light(one), light(other)].sort((a, b) => a - b)
        return (high + 0.05) / (low + 0.05)
    }

    function test_texts_stand_out_in_both_looks() {
        for (const choice of ["light", "dark"]) {
            chat.look.choice = choice
            const palette = chat.palette
            for (const [text, ground] of [["windowText", "window"], ["windowText", "base"], ["windowText", "alternateBase"],
                    ["placeholderText", "window"], ["placeholderText", "base"], ["placeholderText", "button"],
                    ["buttonText", "button"], ["highlightedText", "highlight"], ["brightText", "base"]])
                verify(contrast(palette[text], palette[ground]) >= 4.5,
                    choice + ": " + text + " on " + ground + " " + contrast(palette[text], palette[ground]))
            // The ring of what is in focus: 3.
            for (const ground of ["window", "base"])
                verify(contrast(palette.link, palette[ground]) >= 3)
        }
    }

    function test_the_look_is_that_of_the_system_when_it_is_to_be() {
        chat.look.choice = "system"
        compare(chat.look.dark, chat.look.system.window.hslLightness < 0.5)
        const asSystem = String(chat.palette.window)
        chat.look.choice = chat.look.dark ? "light" : "dark"
        verify(String(chat.palette.window) !== asSystem)
    }
}
