// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Which keys do what.

import QtQuick
import QtQuick.Controls
import QtQuick.Layouts

Dialog {
    id: help

    // Keys and what they do, in turns.
    property list<string> words

    anchors { centerIn: parent }
    modal: true
    focus: true
    width: Math.min(parent ? parent.width - 24 : 0, 400)
    height: Math.min(parent ? parent.height - 24 : 0, grid.implicitHeight + 2 * padding)
    padding: 20
    closePolicy: Popup.CloseOnEscape | Popup.CloseOnPressOutside

    background: Rectangle {
        radius: 14
        color: help.palette.base
        border { width: 1; color: help.palette.mid }
    }

    Flickable {
        anchors { fill: parent }
        contentHeight: grid.implicitHeight
        clip: true
        focus: true
        boundsBehavior: Flickable.StopAtBounds
        ScrollBar.vertical: ScrollBar {}
        Keys.onUpPressed: flick(0, 600)
        Keys.onDownPressed: flick(0, -600)

        GridLayout {
            id: grid

            width: parent.width
            columns: 2
            columnSpacing: 16
            rowSpacing: 8

            Repeater {
                model: help.words
                delegate: PlainLabel {
                    id: part

                    required property string modelData
                    required property int index

                    Layout.fillWidth: index % 2 === 1
                    Layout.alignment: Qt.AlignTop
                    text: modelData
                    color: index % 2 ? part.palette.windowText : part.palette.placeholderText
                    font { pixelSize: 14; weight: index % 2 ? Font.Normal : Font.Medium }
                    wrapMode: index % 2 ? Text.Wrap : Text.NoWrap
                }
            }
        }
    }
}
