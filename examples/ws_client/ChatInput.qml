// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What to learn here: a text input draws nothing around itself; the rectangle gives it a border.
// The component says what was entered and leaves it to its user what to do with it.

import QtQuick

Rectangle {
    id: box

    property alias text: input.text
    property string hint

    signal entered(string message)

    implicitHeight: input.implicitHeight + 20
    color: "#272a33"
    border.color: input.activeFocus ? "#7fb4ff" : "#4a5060"
    radius: 6

    TextInput {
        id: input

        anchors { fill: parent; leftMargin: 10; rightMargin: 10 }
        verticalAlignment: TextInput.AlignVCenter
        clip: true
        focus: true
        color: "white"
        selectionColor: "#3f6db3"
        selectByMouse: true
        font.pixelSize: 15
        onAccepted: box.entered(text)
    }

    Label {
        anchors { fill: input }
        verticalAlignment: Text.AlignVCenter
        visible: input.text === "" && input.preeditText === ""
        wrapMode: Text.NoWrap
        elide: Text.ElideRight
        opacity: 0.4
        text: box.hint
    }
}
