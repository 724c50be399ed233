// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Where we are, how the connection does, and what can be done about it.

import QtQuick
import QtQuick.Layouts
import "protocol.js" as Protocol

Rectangle {
    id: bar

    required property Client client
    property bool hosting: false
    property string look: "system"
    readonly property string compressionText: client.compressed ? qsTr("compressed") : qsTr("not compressed")
    readonly property string latencyText: client.latency < 0 ? ""
        : qsTr("%1 ms").arg(client.latency < 10 ? Math.max(0.1, client.latency).toFixed(1) : Math.round(client.latency))
    readonly property string details: client.present
        ? compressionText + between(latencyText) + between(hosting ? qsTr("your room") : "") : ""

    signal lookWanted()
    signal peopleWanted()

    function between(text: string): string {
        return text === "" ? "" : " · " + text
    }

    implicitHeight: 60
    color: palette.base

    RowLayout {
        anchors { fill: parent; leftMargin: 16; rightMargin: 12 }
        spacing: 8

        Rectangle {
            Layout.alignment: Qt.AlignVCenter
            Layout.rightMargin: 4
            implicitWidth: 10
            implicitHeight: 10
            radius: 5
            color: bar.client.present ? "#2ea56b" : bar.client.active ? "#e09b2d" : bar.palette.mid
            Accessible.ignored: true
        }

        ColumnLayout {
            Layout.fillWidth: true
            spacing: 1

            PlainLabel {
                Layout.fillWidth: true
                text: !bar.client.active ? qsTr("Chat")
                    : Protocol.serverUrl(bar.client.address).replace(/^ws:\/\//, "")
                font { pixelSize: 16; weight: Font.DemiBold }
                elide: Text.ElideRight
            }
            PlainLabel {
                objectName: "state"
                Layout.fillWidth: true
                text: bar.width < 480 && bar.client.present ? bar.details
                    : bar.client.stateText + bar.between(bar.details)
                color: bar.palette.placeholderText
                font { pixelSize: 13 }
                elide: Text.ElideRight
                Accessible.role: Accessible.StatusBar
                Accessible.name: bar.client.stateText + bar.between(bar.details)
            }
        }

        ActionButton {
            visible: bar.client.present
            text: bar.width < 480 ? String(bar.client.people.length)
                : qsTr("%n here", "people in the room", bar.client.people.length)
            hint: qsTr("Who is in the room")
            keys: "Ctrl+P"
            Accessible.name: qsTr("%1 people in the room").arg(bar.client.people.length)
            onClicked: bar.peopleWanted()
        }

        ActionButton {
            implicitWidth: 38
            hint: bar.look === "system" ? qsTr("Look: as the system") : bar.look === "dark" ? qsTr("Look: dark") : qsTr("Look: light")
            keys: "Ctrl+T"
            onClicked: bar.lookWanted()

            contentItem: HalfDisc {}
        }

        ActionButton {
            visible: bar.client.active
            text: qsTr("Leave")
            hint: qsTr("Disconnect")
            keys: "Ctrl+Shift+D"
            onClicked: bar.client.disconnect()
        }
    }

    Rectangle {
        anchors { left: parent.left; right: parent.right; bottom: parent.bottom }
        height: 1
        color: bar.palette.mid
    }
}
