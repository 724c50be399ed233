// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A line to write in, with a frame that shows where the focus is.

import QtQuick
import QtQuick.Controls

TextField {
    id: field

    implicitHeight: 42
    leftPadding: 12
    rightPadding: 12
    selectByMouse: true
    color: palette.text
    placeholderTextColor: palette.placeholderText
    verticalAlignment: TextInput.AlignVCenter
    Accessible.role: Accessible.EditableText

    background: Rectangle {
        radius: 8
        color: field.palette.base
        border.width: field.activeFocus ? 2 : 1
        border.color: field.activeFocus ? field.palette.link : field.palette.mid
    }
}
