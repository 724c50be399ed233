// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// What to learn here: a list view shows a list model; whoever uses the view only calls append().

import QtQuick

ListView {
    id: view

    // The width is cut into columns: one for the prefix, the others for the message.
    readonly property int columns: 24
    readonly property real columnWidth: width / columns

    function append(prefix: string, message: string) {
        lines.append({ prefix: prefix, message: message })
    }

    // The rows are laid out first; only then is it known where the end is.
    function showNewest() {
        Qt.callLater(positionViewAtEnd)
    }

    clip: true
    spacing: 4
    boundsBehavior: Flickable.StopAtBounds
    onCountChanged: showNewest()
    onWidthChanged: showNewest()
    onHeightChanged: showNewest()

    model: ListModel {
        id: lines
    }

    delegate: Row {
        id: row

        required property string prefix
        required property string message
        readonly property bool isStatus: prefix === "#"

        width: ListView.view.width

        Label {
            width: view.columnWidth
            text: row.prefix
            color: row.isStatus ? "#8a93a6" : row.prefix === ">" ? "#7fb4ff" : "#7fdca4"
            font.bold: true
            horizontalAlignment: Text.AlignHCenter
        }

        Label {
            width: view.columnWidth * (view.columns - 1)
            text: row.message
            opacity: row.isStatus ? 0.6 : 1
        }
    }
}
