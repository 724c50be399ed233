// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A colour for a name, the same wherever it stands.

.pragma library

const hues = [0.00, 0.07, 0.30, 0.42, 0.53, 0.66, 0.77, 0.88]

function of(name, dark) {
    let hash = 7
    for (let i = 0; i < name.length; ++i)
        hash = (Math.imul(hash, 33) ^ name.charCodeAt(i)) >>> 0
    return Qt.hsla(hues[(hash ^ hash >>> 9) % hues.length], dark ? 0.62 : 0.68, dark ? 0.74 : 0.32, 1)
}

// The first character, which may be more than one code unit.
function initial(name) {
    return name === "" ? "" : String.fromCodePoint(name.codePointAt(0)).toUpperCase()
}
