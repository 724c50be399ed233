// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What is shown of a conversation. What to learn here: a model that grows by what others say has a
// bound, and what its rows look like beside each other is decided once, when they come.

import QtQuick

ListModel {
    id: conversation

    property int mostRows: 400
    property int mostCharacters: 400000
    property int characters: 0
    // Messages among the rows: the others are notices.
    property int messages: 0
    // Lines that belong together have the same author and so many milliseconds at most in between.
    property int pause: 5 * 60 * 1000

    // For whoever writes it down: what was said, by whom ("" for a notice) and when.
    signal told(string name, string text, real time)

    function isNext(row: int): bool {
        const one = get(row - 1)
        const next = get(row)
        return row > 0 && row < count && one.kind === next.kind && one.name === next.name && next.time - one.time <= pause
    }

    // Messages that wait stay behind what has been said.
    function firstWaiting(): int {
        let row = count
        while (row > 0 && get(row - 1).waiting)
            --row
        return row
    }

    function add(kind: string, name: string, text: string, time: real, id: string, waiting: bool) {
        const row = waiting ? count : firstWaiting()
        insert(row, { kind: kind, name: name, message: text, time: time, messageId: id, waiting: waiting, follows: false })
        characters += text.length
        messages += kind === "notice" ? 0 : 1
        group(row)
        group(row + 1)
        while (count > 1 && (count > mostRows || characters > mostCharacters)) {
            drop(0)
        }
        if (!waiting)
            told(kind === "notice" ? "" : name, text, time)
    }

    function drop(row: int) {
        characters -= get(row).message.length
        messages -= get(row).kind === "notice" ? 0 : 1
        remove(row)
        group(row)
    }

    function group(row: int) {
        if (row < count && get(row).follows !== isNext(row))
            setProperty(row, "follows", isNext(row))
    }

    function notice(text: string) {
        add("notice", "", text, Date.now(), "", false)
    }

    // A message of our own that has come back from the room: it waits no longer.
    function confirm(id: string): bool {
        for (let row = count - 1; row >= 0; --row) {
            if (get(row).waiting && get(row).messageId === id) {
                drop(row)
                return true
            }
        }
        return false
    }

    function waiting(): var {
        const found = []
        for (let row = firstWaiting(); row < count; ++row)
            found.push({ id: get(row).messageId, text: get(row).message })
        return found
    }
}
