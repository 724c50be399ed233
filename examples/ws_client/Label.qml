// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What to learn here: a component of one's own is a file. Plain text, because what a stranger sends
// must never be taken for markup.

import QtQuick

Text {
    color: "white"
    font.pixelSize: 15
    textFormat: Text.PlainText
    wrapMode: Text.Wrap
}
