// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A sign for light and dark, drawn: fonts do not agree on it.

import QtQuick

Item {
    id: sign

    implicitWidth: 16
    implicitHeight: 16

    Rectangle {
        id: disc

        anchors { centerIn: parent }
        width: 16
        height: 16
        radius: 8
        color: "transparent"
        border { width: 2; color: sign.palette.buttonText }
    }

    Item {
        anchors { left: disc.left; top: disc.top }
        width: 8
        height: 16
        clip: true

        Rectangle {
            width: 16
            height: 16
            radius: 8
            color: sign.palette.buttonText
        }
    }
}
