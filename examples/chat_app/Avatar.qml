// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The first letter of a name, in its colour.

import QtQuick
import "tint.js" as Tint

Rectangle {
    id: avatar

    property string name: ""
    readonly property bool dark: palette.window.hslLightness < 0.5

    implicitWidth: 32
    implicitHeight: 32
    radius: width / 2
    color: Tint.of(name, dark)
    Accessible.ignored: true

    PlainLabel {
        anchors { centerIn: parent }
        text: Tint.initial(avatar.name)
        color: avatar.dark ? "#14161b" : "#ffffff"
        font { pixelSize: Math.round(avatar.width * 0.45); bold: true }
    }
}
