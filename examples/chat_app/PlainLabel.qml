// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Every text that is shown is one of these: never taken for markup, whoever has written it, and in
// the font of the window.

import QtQuick
import QtQuick.Controls

Label {
    textFormat: Text.PlainText
    color: palette.windowText
}
