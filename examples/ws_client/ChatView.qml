// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What to learn here: a list view shows a list model; whoever uses the view only calls append().

import QtQuick

ListView {
    id: view

    function append(prefix: string, message: string) {
        lines.append({ prefix: prefix, message: message })
    }

    // Not while somebody reads what is above.
    property bool following: true

    // Once before and once after the rows that come into view have got their heights.
    function showNewest() {
        following = true
        positionViewAtEnd()
        forceLayout()
        positionViewAtEnd()
    }

    clip: true
    spacing: 4
    boundsBehavior: Flickable.StopAtBounds
    onCountChanged: showNewest()
    onWidthChanged: showNewest()
    onHeightChanged: showNewest()
    // Rows also get them later, when their texts are laid out.
    onContentHeightChanged: if (following) later.restart()
    onMovementStarted: following = false
    onMovementEnded: following = atYEnd

    Timer {
        id: later

        interval: 0
        onTriggered: view.positionViewAtEnd()
    }

    model: ListModel {
        id: lines
    }

    delegate: Item {
        id: row

        required property string prefix
        required property string message

        // The width is cut into columns: one for the prefix, the others for the message.
        readonly property int columns: 24
        readonly property real columnWidth: width / columns
        readonly property bool isStatus: prefix === "#"

        width: ListView.view ? ListView.view.width : 0
        height: messageLabel.height

        Label {
            width: row.columnWidth
            text: row.prefix
            color: row.isStatus ? "#8a93a6" : row.prefix === ">" ? "#7fb4ff" : "#7fdca4"
            font.bold: true
            horizontalAlignment: Text.AlignHCenter
        }

        Label {
            id: messageLabel

            x: row.columnWidth
            width: row.width - x
            text: row.message
            opacity: row.isStatus ? 0.6 : 1
        }
    }
}
