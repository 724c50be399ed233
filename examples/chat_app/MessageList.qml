// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The conversation. What to learn here: a view follows what is new only while its end is in sight,
// so that whoever reads what was said before is left where they are.

import QtQuick
import QtQuick.Controls

ListView {
    id: view

    required property Client client
    property bool following: true
    property int unread: 0

    function isAtEnd(): bool {
        return contentY + height >= originY + contentHeight - 40
    }

    // Once before and once after the rows that come into view have got their heights.
    function showNewest() {
        following = true
        unread = 0
        positionViewAtEnd()
        forceLayout()
        positionViewAtEnd()
    }

    function keepUp() {
        if (following && count > 0)
            showNewest()
    }

    function scrollBy(distance: real) {
        const lowest = Math.max(originY, originY + contentHeight - height)
        contentY = Math.max(originY, Math.min(lowest, contentY + distance))
        following = isAtEnd()
    }

    function copyCurrent() {
        if (currentIndex < 0)
            return
        clipboard.text = client.conversation.get(currentIndex).message
        clipboard.selectAll()
        clipboard.copy()
        clipboard.text = ""
    }

    model: client.conversation
    clip: true
    leftMargin: 16
    rightMargin: 16
    // Not margins, which are no part of what the end is.
    header: Item { implicitHeight: 8 }
    footer: Item { implicitHeight: 16 }
    currentIndex: -1
    highlightFollowsCurrentItem: false
    boundsBehavior: Flickable.StopAtBounds
    activeFocusOnTab: true
    Accessible.role: Accessible.List
    Accessible.name: qsTr("Conversation")

    onCountChanged: soon.restart()
    onContentHeightChanged: soon.restart()
    onWidthChanged: soon.restart()
    onHeightChanged: soon.restart()
    onContentYChanged: {
        if (moving || scrollBar.pressed)
            following = isAtEnd()
    }
    onFollowingChanged: {
        if (following)
            unread = 0
    }
    onActiveFocusChanged: currentIndex = activeFocus ? count - 1 : -1
    onCurrentIndexChanged: {
        if (currentIndex >= 0) {
            positionViewAtIndex(currentIndex, ListView.Contain)
            following = isAtEnd()
        }
    }

    Keys.onPressed: event => {
        if (event.matches(StandardKey.Copy)) {
            copyCurrent()
            event.accepted = true
        } else if (event.key === Qt.Key_Return || event.key === Qt.Key_Enter || event.key === Qt.Key_Space) {
            const row = currentItem as MessageBubble
            if (row && row.isLong)
                row.expanded = !row.expanded
            event.accepted = true
        }
    }

    Timer {
        id: soon

        interval: 0
        onTriggered: view.keepUp()
    }

    Connections {
        target: view.client.conversation

        function onTold(name: string) {
            if (!view.following && name !== "")
                ++view.unread
        }
    }

    ScrollBar.vertical: ScrollBar {
        id: scrollBar
    }

    delegate: MessageBubble {
        width: ListView.view ? ListView.view.width - 32 : 0
        online: view.client.present // qmllint disable unqualified
        current: ListView.isCurrentItem
    }

    TextEdit {
        id: clipboard

        visible: false
        textFormat: TextEdit.PlainText
    }

    PlainLabel {
        anchors { centerIn: parent }
        visible: view.client.conversation.messages === 0
        width: parent.width - 64
        text: qsTr("Nobody has said anything yet")
        color: view.palette.placeholderText
        font { pixelSize: 15 }
        horizontalAlignment: Text.AlignHCenter
        wrapMode: Text.Wrap
    }
}
