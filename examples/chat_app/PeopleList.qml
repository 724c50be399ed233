// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Who is in the room.

import QtQuick
import QtQuick.Controls

ListView {
    id: list

    required property Client client

    model: client.people
    clip: true
    spacing: 2
    topMargin: 12
    bottomMargin: 12
    boundsBehavior: Flickable.StopAtBounds
    activeFocusOnTab: true
    Accessible.role: Accessible.List
    Accessible.name: qsTr("People in the room")
    ScrollBar.vertical: ScrollBar {}

    Keys.onUpPressed: flick(0, 600)
    Keys.onDownPressed: flick(0, -600)

    header: PlainLabel {
        id: title

        leftPadding: 16
        bottomPadding: 8
        visible: ListView.view ? ListView.view.count > 0 : false
        text: qsTr("In the room")
        color: title.palette.placeholderText
        font { pixelSize: 13; weight: Font.Medium }
    }

    delegate: Item {
        id: row

        required property string modelData
        readonly property PeopleList list: ListView.view as PeopleList

        width: ListView.view ? ListView.view.width : 0
        height: 40
        Accessible.role: Accessible.ListItem
        Accessible.name: modelData

        Avatar {
            id: avatar

            x: 16
            anchors { verticalCenter: parent.verticalCenter }
            implicitWidth: 26
            implicitHeight: 26
            name: row.modelData
        }
        PlainLabel {
            anchors { left: avatar.right; right: parent.right; leftMargin: 10; rightMargin: 12; verticalCenter: parent.verticalCenter }
            text: row.modelData === row.list?.client.name ? qsTr("%1 (you)").arg(row.modelData) : row.modelData
            color: row.palette.windowText
            font { pixelSize: 14 }
            elide: Text.ElideRight
        }
    }

    Rectangle {
        z: 2
        anchors { fill: parent; margins: 2 }
        visible: list.activeFocus
        color: "transparent"
        radius: 6
        border { width: 2; color: list.palette.link }
    }
}
