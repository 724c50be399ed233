// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Says that the connection is lost, when it is tried again, and what becomes of what is written.

import QtQuick

Rectangle {
    id: banner

    required property Client client

    visible: client.active && !client.present
    implicitHeight: visible ? label.implicitHeight + 20 : 0
    color: palette.window.hslLightness < 0.5 ? "#3d3113" : "#fff0c9"

    PlainLabel {
        id: label

        objectName: "banner"
        anchors { left: parent.left; right: parent.right; verticalCenter: parent.verticalCenter; margins: 16 }
        text: banner.client.attempt === 0 ? banner.client.stateText
            : qsTr("%1. What you write is sent then.").arg(banner.client.stateText)
        color: banner.palette.window.hslLightness < 0.5 ? "#ffe2a1" : "#5c4100"
        font { pixelSize: 14 }
        wrapMode: Text.Wrap
        Accessible.role: Accessible.AlertMessage
        Accessible.name: text
    }
}
