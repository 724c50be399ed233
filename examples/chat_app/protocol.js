// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What room and clients say to each other: small JSON objects with a `type`. What to learn here:
// whatever comes from a peer is a stranger's, so it is measured and cleaned before anybody sees it,
// by the room and by the client.
//
// A client asks to come in by its URL, ws://host:port/?name=Ann&key=secret, and then says
//     {"type":"say","id":"1","text":"hello"}
// The room says to it, and to the others without what is not theirs,
//     {"type":"welcome","room":"x","people":["Ann"],"lines":[...]}   lines as in "said"
//     {"type":"said","number":1,"time":1700000000000,"name":"Ann","text":"hello","id":"1"}
//     {"type":"joined","name":"Ben","people":["Ann","Ben"]}, {"type":"left",...}
// A name that is taken is refused with status 409, or with close code 4009 when it was free at first.
// The key is what somebody comes back by whose connection was lost; only they are told the id.

.pragma library

const longestName = 24
const longestText = 4000
const longestWord = 64 // of ids, keys and names of rooms
const longestReason = 200
const mostPeople = 64

// What cannot be seen, or turns around what stands beside it: with it, two names can look the same.
// What is written with two code units stands behind the class.
const invisible = /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb]|\ud82f[\udca0-\udca3]|\ud834[\udd73-\udd7a]|[\udb40-\udb43][\udc00-\udfff]/g
// What tells a name from a text in a transcript, however wide it is.
const brackets = /[<>\ufe64\ufe65\uff1c\uff1e]/g
// In a text, lines are as welcome as the joints of emoji; what turns it around is not.
const unprintable = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g

// No more than so many characters, and no half of one.
function cut(text, length) {
    if (text.length <= length)
        return text
    const last = text.charCodeAt(length - 1)
    return text.slice(0, last >= 0xd800 && last < 0xdc00 ? length - 1 : length)
}

function cleanName(name) {
    if (typeof name !== "string")
        return ""
    const visible = cut(name, 16 * longestName).replace(invisible, " ").replace(brackets, " ")
        .replace(/\s+/g, " ")
    return cut(visible.trim(), longestName).trim()
}

// Names that differ only in capitals, in forms of the same letters, or in what cannot be seen. Others
// can look alike, too: those in letters of another script.
function sameName(one, other) {
    const plain = name => name.normalize("NFKC").replace(invisible, "").toLowerCase()
    return plain(one) === plain(other)
}

// A pattern such as /\s+$/ takes the square of the time when blanks stand elsewhere: what is looked
// for is bounded first, and begins where the text does.
function cleanText(text) {
    if (typeof text !== "string")
        return ""
    const lines = cut(text, 2 * longestText).replace(/\r\n?|[\u2028\u2029]/g, "\n").replace(unprintable, "")
    const shown = trimEnd(cut(lines.replace(/^\s*\n/, ""), longestText))
    return shown.replace(invisible, "").trim() === "" ? "" : shown
}

// Qt has String.trim() alone.
function trimEnd(text) {
    return ("." + text).trim().slice(1)
}

// Why something was refused, in one line.
function reason(text) {
    return cut(cleanText(text).replace(/\s+/g, " "), longestReason)
}

// %1 and so on, all at once: a value that says "%2" is not looked at again, as String.arg() does.
function fill(text, ...values) {
    return text.replace(/%([1-9])/g, (mark, number) => values[number - 1] ?? mark)
}

function word(value) {
    return typeof value === "string" && value.length <= longestWord ? value : ""
}

// An object that has a type, or null.
function parse(message) {
    try {
        const value = JSON.parse(message)
        return value && typeof value.type === "string" ? value : null
    } catch (error) {
        return null
    }
}

// A line of the conversation as it may be shown, or null.
function line(value) {
    const name = cleanName(value?.name)
    const text = cleanText(value?.text)
    if (name === "" || text === "" || !Number.isSafeInteger(value.number))
        return null
    const time = Number.isFinite(value.time) && Math.abs(value.time) < 8e15 ? value.time : Date.now()
    return { number: value.number, time: time, name: name, text: text, id: word(value.id) }
}

function people(value) {
    return Array.isArray(value) ? value.slice(0, mostPeople).map(cleanName).filter(name => name !== "") : []
}

// "localhost" becomes ws://localhost:3000; "" when it is no address.
function serverUrl(address) {
    const parts = /^\s*(?:(wss?):\/\/)?(\[[0-9a-f:.]+\]|[^\s\/:?#@\[\]]+)(?::(\d{1,5}))?\/?\s*$/i.exec(address)
    if (!parts || Number(parts[3]) > 65535 || parts[3] && Number(parts[3]) === 0)
        return ""
    const scheme = parts[1] ? parts[1].toLowerCase() : "ws"
    return scheme + "://" + parts[2] + (parts[3] ? ":" + parts[3] : parts[1] ? "" : ":3000")
}

function url(server, name, key) {
    return server + "/?name=" + encodeURIComponent(name) + "&key=" + encodeURIComponent(key)
}

// What stands behind the question mark of a URL. Throws an error when it is not well encoded.
function query(text) {
    const values = {}
    for (const part of text.split("&")) {
        const at = part.indexOf("=")
        if (at > 0)
            values[part.slice(0, at)] = decodeURIComponent(part.slice(at + 1))
    }
    return values
}

// Who asks to come in like that: { name, key }, or null when it is not as it has to be. What stands
// behind a second question mark is not skipped: others may understand it in another way.
function guest(text) {
    try {
        const values = text.includes("?") ? {} : query(text)
        const name = cleanName(values.name)
        const key = word(values.key)
        return name !== "" && key !== "" ? { name: name, key: key } : null
    } catch (error) {
        return null
    }
}

// Hard to guess for whoever has not been told it. It guards a name in a chat, nothing else.
function secret() {
    let text = ""
    while (text.length < 24)
        text += Math.floor(Math.random() * 0x100000000).toString(36)
    return text.slice(0, 24)
}
