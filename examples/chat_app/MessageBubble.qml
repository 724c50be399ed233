// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A row of the conversation. What to learn here: the format of whatever a peer has written is
// Text.PlainText, a long text is cut until somebody wants to see all of it, and marks that
// pile up above a letter end where the bubble does.

import QtQuick
import "protocol.js" as Protocol
import "tint.js" as Tint

Item {
    id: row

    required property int index
    required property string kind // "own", "message" or "notice"
    required property string name
    required property string message
    required property real time
    required property bool waiting
    required property bool follows

    property bool online: true
    property bool current: false
    property bool expanded: false

    readonly property bool own: kind === "own"
    readonly property bool isNotice: kind === "notice"
    readonly property bool dark: palette.window.hslLightness < 0.5
    readonly property bool roomy: width >= 440
    readonly property real gutter: own || isNotice || !roomy ? 0 : 42
    readonly property real widest: Math.min(560, (width - gutter) * (roomy ? 0.78 : 0.88))
    readonly property string clock: Qt.formatTime(new Date(time), "hh:mm")
    readonly property int mostLines: 14
    // More than that is laid out only when somebody wants to see it.
    readonly property int mostCharacters: 1500
    readonly property bool isLong: label.truncated || expanded || message.length > mostCharacters
    // A few emoji say more when they are seen.
    readonly property bool isEmoji: /^(?:[\ud83c-\ud83e][\udc00-\udfff]|[\u2600-\u27bf]|\u200d|\ufe0f){1,12}$/.test(message)
    // Whoever is quick need not be told that it takes a moment.
    readonly property bool late: waiting && (!online || slowly.waited)

    implicitHeight: isNotice ? notice.height + 16 : column.height + (follows ? 3 : 14)
    Accessible.role: Accessible.ListItem
    Accessible.name: isNotice ? message : (own ? qsTr("You") : name) + ", " + clock + ": " + message
        + (waiting ? " " + state.text : "")

    Timer {
        id: slowly

        property bool waited: false

        interval: 1000
        running: row.waiting
        onTriggered: waited = true
    }

    PlainLabel {
        id: notice

        visible: row.isNotice
        anchors { horizontalCenter: parent.horizontalCenter; top: parent.top; topMargin: 10 }
        width: Math.min(implicitWidth, parent.width)
        text: row.isNotice ? row.message + " · " + row.clock : ""
        color: row.palette.placeholderText
        font { pixelSize: 13 }
        elide: Text.ElideRight
        maximumLineCount: 1
    }

    Avatar {
        visible: row.gutter > 0 && !row.follows
        anchors { left: parent.left; bottom: column.top; bottomMargin: -height - 2 }
        name: row.name
    }

    Column {
        id: column

        visible: !row.isNotice
        x: row.own ? row.width - width : row.gutter
        anchors { bottom: parent.bottom }
        width: row.widest
        spacing: 4

        // Whose it is, and since when; once for what belongs together.
        Row {
            visible: !row.follows
            x: row.own ? column.width - width : 2
            spacing: 8

            PlainLabel {
                visible: !row.own
                width: Math.min(implicitWidth, column.width - clockLabel.width - 10)
                text: row.name
                color: Tint.of(row.name, row.dark)
                font { pixelSize: 13; weight: Font.DemiBold }
                elide: Text.ElideRight
                maximumLineCount: 1
            }
            PlainLabel {
                id: clockLabel

                text: row.clock
                color: row.palette.placeholderText
                font { pixelSize: 13 }
            }
        }

        Rectangle {
            id: bubble

            x: row.own ? column.width - width : 0
            width: Math.max(Math.ceil(label.contentWidth), more.visible ? more.width : 0) + 26
            height: Math.ceil(label.height) + (more.visible ? more.height + 6 : 0) + 18
            radius: 14
            color: row.late ? row.palette.button : row.own ? row.palette.highlight : row.palette.alternateBase
            border { width: row.late || !(row.own || row.dark) ? 1 : 0; color: row.palette.mid }
            clip: true

            PlainLabel {
                id: label

                objectName: "message"
                x: 13
                y: 9
                width: row.widest - 26
                text: row.isNotice ? "" : row.expanded || row.message.length <= row.mostCharacters ? row.message
                    : Protocol.cut(row.message, row.mostCharacters) + "…"
                color: row.own && !row.late ? row.palette.highlightedText : row.palette.windowText
                font { pixelSize: row.isEmoji ? 28 : 15 }
                lineHeight: 1.15
                wrapMode: Text.Wrap
                elide: Text.ElideRight
                maximumLineCount: row.expanded ? 10000 : row.mostLines
            }
            PlainLabel {
                id: more

                visible: row.isLong
                anchors { left: label.left; top: label.bottom; topMargin: 6 }
                text: row.expanded ? qsTr("Show less") : qsTr("Show all")
                color: label.color
                font { pixelSize: 13; underline: true }

                TapHandler {
                    onTapped: row.expanded = !row.expanded
                }
            }
        }

        PlainLabel {
            id: state

            visible: row.late
            anchors { right: parent.right; rightMargin: 2 }
            text: row.online ? qsTr("Sending …") : qsTr("Not sent yet")
            color: row.palette.placeholderText
            font { pixelSize: 12 }
        }
    }

    // Around the bubble, which cuts off what goes beyond it.
    Rectangle {
        readonly property Item target: row.isNotice ? notice : bubble

        visible: row.current
        x: (row.isNotice ? 0 : column.x) + target.x - 4
        y: (row.isNotice ? 0 : column.y) + target.y - 4
        width: target.width + 8
        height: target.height + 8
        radius: 17
        color: "transparent"
        border { width: 2; color: row.palette.link }
    }
}
