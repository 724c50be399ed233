// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What is seen by somebody who is in no room: where to go, and under which name.

import QtQuick
import QtQuick.Layouts

Flickable {
    id: page

    required property Client client
    property string hostError: ""
    // Of the room that is open here, if one is.
    property string roomUrl: ""

    signal hostWanted()

    function focusOn(field: string) {
        if (field === "name") {
            nameField.forceActiveFocus(Qt.TabFocusReason)
            nameField.selectAll()
        } else if (field === "address") {
            addressField.forceActiveFocus(Qt.TabFocusReason)
            addressField.selectAll()
        } else {
            connectButton.forceActiveFocus(Qt.TabFocusReason)
        }
    }

    // In a small window, what is in focus is scrolled to.
    function show(item: Item) {
        const top = item.mapToItem(contentItem, 0, 0).y
        contentY = Math.max(0, Math.min(Math.max(contentY, top + item.height + 16 - height), top - 40))
    }

    contentHeight: Math.max(height, card.height + 32)
    clip: true
    boundsBehavior: Flickable.StopAtBounds

    Rectangle {
        id: card

        anchors { centerIn: parent }
        width: Math.min(parent.width - 32, 420)
        height: form.height + 48
        radius: 14
        color: palette.base
        border { width: 1; color: palette.mid }

        ColumnLayout {
            id: form

            anchors { left: parent.left; right: parent.right; top: parent.top; margins: 24 }
            spacing: 6

            PlainLabel {
                Layout.fillWidth: true
                text: qsTr("Join a room")
                font { pixelSize: 24; weight: Font.DemiBold }
            }
            PlainLabel {
                Layout.fillWidth: true
                Layout.bottomMargin: 10
                visible: page.height >= 440
                text: qsTr("Talk to everybody who is in it.")
                color: form.palette.placeholderText
                font { pixelSize: 14 }
                wrapMode: Text.Wrap
            }

            PlainLabel {
                text: qsTr("Server address")
                font { pixelSize: 13; weight: Font.Medium }
            }
            Field {
                id: addressField

                Layout.fillWidth: true
                Layout.bottomMargin: 8
                text: page.client.address
                placeholderText: "localhost:3000"
                maximumLength: 200
                inputMethodHints: Qt.ImhUrlCharactersOnly | Qt.ImhNoPredictiveText
                Accessible.name: qsTr("Server address")
                onTextEdited: page.client.address = text
                onAccepted: page.client.connect()
                onActiveFocusChanged: if (activeFocus) page.show(this)
            }

            PlainLabel {
                text: qsTr("Your name")
                font { pixelSize: 13; weight: Font.Medium }
            }
            Field {
                id: nameField

                Layout.fillWidth: true
                Layout.bottomMargin: 8
                text: page.client.name
                placeholderText: qsTr("As the others shall see it")
                maximumLength: 24
                Accessible.name: qsTr("Your name")
                onTextEdited: page.client.name = text
                onAccepted: page.client.connect()
                onActiveFocusChanged: if (activeFocus) page.show(this)
            }

            PlainLabel {
                Layout.fillWidth: true
                Layout.bottomMargin: 8
                visible: text !== ""
                text: page.hostError !== "" ? page.hostError : page.client.error
                color: form.palette.brightText
                font { pixelSize: 14 }
                wrapMode: Text.Wrap
                maximumLineCount: 8
                elide: Text.ElideRight
                Accessible.role: Accessible.AlertMessage
                Accessible.name: text
            }

            PlainLabel {
                Layout.fillWidth: true
                Layout.bottomMargin: 8
                visible: page.roomUrl !== ""
                text: qsTr("Your room is open at %1.").arg(page.roomUrl)
                color: palette.placeholderText
                font { pixelSize: 14 }
                wrapMode: Text.Wrap
            }

            ActionButton {
                id: connectButton

                Layout.fillWidth: true
                Layout.topMargin: 4
                primary: true
                text: qsTr("Connect")
                hint: qsTr("Join the room at that address")
                keys: "Ctrl+Shift+D"
                onClicked: page.client.connect()
                onActiveFocusChanged: if (activeFocus) page.show(this)
            }
            ActionButton {
                Layout.fillWidth: true
                Layout.topMargin: 4
                text: page.roomUrl === "" ? qsTr("Open a room here") : qsTr("Close your room")
                hint: page.roomUrl === "" ? qsTr("Others can join it then") : qsTr("All who are in it have to leave")
                keys: "Ctrl+O"
                onClicked: page.hostWanted()
                onActiveFocusChanged: if (activeFocus) page.show(this)
            }
            PlainLabel {
                Layout.alignment: Qt.AlignHCenter
                Layout.topMargin: 10
                visible: page.height >= 440
                text: qsTr("F1 shows what keys can do")
                color: palette.placeholderText
                font { pixelSize: 13 }
            }
        }
    }
}
