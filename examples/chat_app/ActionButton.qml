// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A button that says what it does, and by which keys it is done without it.

import QtQuick
import QtQuick.Controls

Button {
    id: button

    property bool primary: false
    // Lies above something else.
    property bool floating: false
    property string hint: ""
    property string keys: ""

    implicitHeight: 38
    leftPadding: 14
    rightPadding: 14
    focusPolicy: Qt.StrongFocus
    hoverEnabled: true
    Accessible.name: text !== "" ? text : hint
    Accessible.description: hint

    ToolTip.text: keys === "" ? hint : hint + " (" + keys + ")"
    ToolTip.visible: hint !== "" && (hovered || visualFocus)
    ToolTip.delay: 700

    Keys.onReturnPressed: clicked()
    Keys.onEnterPressed: clicked()

    contentItem: PlainLabel {
        text: button.text
        font: button.font
        color: !button.enabled ? button.palette.placeholderText
            : button.primary ? button.palette.highlightedText : button.palette.buttonText
        horizontalAlignment: Text.AlignHCenter
        verticalAlignment: Text.AlignVCenter
        elide: Text.ElideRight
    }

    background: Rectangle {
        radius: button.floating ? height / 2 : 8
        border { width: button.floating ? 2 : 0; color: button.palette.window }
        color: button.primary && button.enabled ? button.palette.highlight : button.palette.button
        opacity: button.down ? 0.8 : button.hovered ? 0.9 : 1

        // The ring stands outside, so that it is seen on every colour.
        Rectangle {
            anchors { fill: parent; margins: -3 }
            visible: button.visualFocus
            radius: 11
            color: "transparent"
            border { width: 2; color: button.palette.link }
        }
    }
}
