// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Where one writes. What to learn here: what was written leaves the field only when somebody has
// taken it over, so nothing is lost that could not be sent.

import QtQuick
import QtQuick.Controls
import QtQuick.Layouts
import "protocol.js" as Protocol

Rectangle {
    id: composer

    required property Client client
    property alias text: area.text
    readonly property int room: Protocol.longestText - area.text.length
    readonly property bool ready: room >= 0 && area.text.trim() !== ""

    signal said()
    signal pageWanted(int direction)

    function focusOn() {
        area.forceActiveFocus(Qt.TabFocusReason)
    }

    function send() {
        if (ready && client.say(area.text)) {
            area.clear()
            said()
        }
        focusOn()
    }

    // What came back is put before what is there.
    function giveBack(text: string) {
        area.text = area.text === "" ? text : text + "\n" + area.text
        area.cursorPosition = area.text.length
    }

    implicitHeight: row.implicitHeight + 24
    color: palette.base

    Rectangle {
        anchors { left: parent.left; right: parent.right; top: parent.top }
        height: 1
        color: composer.palette.mid
    }

    RowLayout {
        id: row

        anchors { left: parent.left; right: parent.right; verticalCenter: parent.verticalCenter; margins: 12 }
        spacing: 8

        ScrollView {
            id: scroll

            Layout.fillWidth: true
            Layout.preferredHeight: Math.max(44, Math.min(area.implicitHeight, 140))
            ScrollBar.horizontal.policy: ScrollBar.AlwaysOff

            background: Rectangle {
                radius: 12
                color: composer.palette.window
                border.width: area.activeFocus ? 2 : 1
                border.color: area.activeFocus ? composer.palette.link : composer.palette.mid
            }

            TextArea {
                id: area

                leftPadding: 14
                rightPadding: 14
                topPadding: 11
                bottomPadding: 11
                textFormat: TextEdit.PlainText
                wrapMode: TextEdit.Wrap
                selectByMouse: true
                color: composer.palette.windowText
                placeholderText: qsTr("Write a message")
                placeholderTextColor: composer.palette.placeholderText
                font.pixelSize: 15
                background: null
                // Tab goes on, as in every other field.
                KeyNavigation.priority: KeyNavigation.BeforeItem
                KeyNavigation.tab: sendButton
                Accessible.name: qsTr("Message")
                Accessible.description: qsTr("Enter sends, Shift+Enter begins a new line")

                Keys.onPressed: event => {
                    const enter = event.key === Qt.Key_Return || event.key === Qt.Key_Enter
                    if (enter && !(event.modifiers & Qt.ShiftModifier)) {
                        composer.send()
                        event.accepted = true
                    } else if (event.key === Qt.Key_PageUp || event.key === Qt.Key_PageDown) {
                        composer.pageWanted(event.key === Qt.Key_PageUp ? -1 : 1)
                        event.accepted = true
                    }
                }
            }
        }

        ColumnLayout {
            Layout.alignment: Qt.AlignBottom
            spacing: 2

            PlainLabel {
                Layout.alignment: Qt.AlignHCenter
                visible: composer.room < 500
                text: composer.room < 0 ? qsTr("%1 too long").arg(-composer.room) : String(composer.room)
                color: composer.room < 0 ? composer.palette.brightText : composer.palette.placeholderText
                font { pixelSize: 12 }
                Accessible.name: composer.room < 0 ? qsTr("%1 characters too long").arg(-composer.room)
                    : qsTr("%1 characters left").arg(composer.room)
            }
            ActionButton {
                id: sendButton

                implicitHeight: 44
                primary: true
                enabled: composer.ready
                text: qsTr("Send")
                hint: qsTr("Send the message")
                keys: "Enter"
                onClicked: composer.send()
            }
        }
    }
}
