// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// The window of the chat. What to learn here: Client and Room know nothing of windows; this file
// puts them together with what shows them, and says by which keys each thing is done.

import QtQuick
import QtQuick.Controls
import QtQuick.Layouts

ApplicationWindow {
    id: window

    property alias client: client
    property alias room: room
    property alias look: look
    property alias view: messages
    property alias composer: composer
    property alias connectPage: connectPage
    readonly property bool wide: width >= 640

    // What the command line asks for: see Errand.qml.
    property var errand: ({})

    // For the transcript.
    signal told(string name, string text, real time)

    function open() {
        if (client.name === "") {
            client.name = qsTr("Host")
        }
        room.host = errand.listen ?? room.host
        room.port = errand.port ?? room.port
        room.listen = true
        if (room.listen) {
            if (errand.host)
                console.info(qsTr("The room listens at %1").arg(room.url))
            client.address = String(room.url)
            client.connect()
        } else {
            connectPage.hostError = qsTr("No room can be opened on port %1: %2. Perhaps one is open there already: join it.")
                .arg(room.port).arg(room.errorString)
            if (errand.host)
                runner.miss(connectPage.hostError)
        }
    }

    function openOrShut() {
        if (room.listen)
            room.shut()
        else
            open()
    }

    function help() {
        keys.open()
    }

    function connectOrLeave() {
        if (client.active)
            client.disconnect()
        else
            client.connect()
    }

    onWideChanged: drawer.close()

    width: 860
    height: 620
    minimumWidth: 320
    minimumHeight: 360
    visible: true
    title: client.active ? qsTr("Chat – %1").arg(client.name) : qsTr("Chat")
    // Not the window's color alone: a picture shows items.
    background: Rectangle {
        color: look.window
    }

    palette {
        window: look.window
        windowText: look.windowText
        base: look.base
        alternateBase: look.bubble
        text: look.windowText
        placeholderText: look.muted
        button: look.button
        buttonText: look.windowText
        highlight: look.accent
        highlightedText: look.accentText
        mid: look.line
        dark: look.muted
        link: look.ring
        brightText: look.warning
        toolTipBase: look.windowText
        toolTipText: look.base
    }

    Look {
        id: look
    }

    Room {
        id: room
    }

    Client {
        id: client

        onFailed: field => connectPage.focusOn(field === "" ? "button" : field)
        onUnsaid: text => composer.giveBack(text)
        onPresentChanged: {
            if (present)
                composer.focusOn()
        }
        onActiveChanged: {
            connectPage.hostError = ""
            if (!active)
                connectPage.focusOn("button")
        }
    }

    Connections {
        target: client.conversation
        function onTold(name: string, text: string, time: real) { window.told(name, text, time) }
    }

    header: StatusBar {
        client: client
        hosting: room.listen && client.address === String(room.url)
        look: look.choice
        onLookWanted: look.next()
        onPeopleWanted: window.showPeople()
    }

    function showPeople() {
        if (wide)
            people.forceActiveFocus(Qt.TabFocusReason)
        else
            drawer.open()
    }

    ConnectPage {
        id: connectPage

        anchors { fill: parent }
        visible: !client.active
        client: client
        roomUrl: room.listen ? String(room.url) : ""
        onHostWanted: window.openOrShut()
    }

    ColumnLayout {
        anchors { fill: parent }
        visible: client.active
        spacing: 0

        Banner {
            Layout.fillWidth: true
            client: client
        }

        RowLayout {
            Layout.fillWidth: true
            Layout.fillHeight: true
            spacing: 0

            MessageList {
                id: messages

                Layout.fillWidth: true
                Layout.fillHeight: true
                client: client

                ActionButton {
                    parent: messages
                    anchors { horizontalCenter: parent.horizontalCenter; bottom: parent.bottom; bottomMargin: 12 }
                    visible: !messages.following
                    floating: true
                    primary: messages.unread > 0
                    text: messages.unread > 0 ? qsTr("%n new below", "messages", messages.unread) : qsTr("To the newest")
                    hint: qsTr("Show the newest message")
                    keys: "Ctrl+J"
                    onClicked: messages.showNewest()
                }
            }

            Rectangle {
                Layout.fillHeight: true
                visible: window.wide
                implicitWidth: 1
                color: window.palette.mid
            }
            PeopleList {
                id: people

                Layout.fillHeight: true
                Layout.preferredWidth: 190
                visible: window.wide
                client: client
            }
        }

        Composer {
            id: composer

            Layout.fillWidth: true
            client: client
            onSaid: messages.showNewest()
            onPageWanted: direction => messages.scrollBy(direction * messages.height * 0.8)
        }
    }

    Drawer {
        id: drawer

        edge: Qt.RightEdge
        width: Math.min(260, window.width * 0.8)
        height: window.height
        background: Rectangle {
            color: window.palette.base
        }
        onOpened: drawerPeople.forceActiveFocus(Qt.TabFocusReason)
        onClosed: composer.focusOn()

        PeopleList {
            id: drawerPeople

            anchors { fill: parent }
            client: client
        }
    }

    KeysHelp {
        id: keys

        words: [
            "Enter", qsTr("Send the message"),
            "Shift+Enter", qsTr("Begin a new line"),
            "Page Up/Down", qsTr("Scroll the conversation"),
            "Ctrl+J", qsTr("Show the newest message"),
            "Ctrl+M", qsTr("Go to the message field"),
            "Ctrl+H", qsTr("Go to the conversation"),
            "Up, Down", qsTr("Choose a message there"),
            "Ctrl+C, Enter", qsTr("Copy it, show all of it"),
            "Ctrl+P", qsTr("Who is in the room"),
            "Ctrl+Shift+D", qsTr("Connect, or disconnect"),
            "Ctrl+O", qsTr("Open a room here, or close it"),
            "Ctrl+L, Ctrl+N", qsTr("Go to the address, to the name"),
            "Ctrl+T", qsTr("Look: as the system, light, dark"),
            "Ctrl+Q", qsTr("Quit"),
            "F1", qsTr("These keys")
        ]
    }

    Shortcut { sequence: "Ctrl+J"; enabled: client.active; onActivated: messages.showNewest() }
    Shortcut { sequence: "Ctrl+M"; enabled: client.active; onActivated: composer.focusOn() }
    Shortcut { sequence: "Ctrl+H"; enabled: client.active; onActivated: messages.forceActiveFocus(Qt.TabFocusReason) }
    Shortcut { sequence: "Ctrl+P"; enabled: client.present; onActivated: window.showPeople() }
    Shortcut { sequence: "Ctrl+Shift+D"; onActivated: window.connectOrLeave() }
    Shortcut { sequence: "Ctrl+O"; enabled: !client.active; onActivated: window.openOrShut() }
    Shortcut { sequence: "Ctrl+L"; enabled: !client.active; onActivated: connectPage.focusOn("address") }
    Shortcut { sequence: "Ctrl+N"; enabled: !client.active; onActivated: connectPage.focusOn("name") }
    Shortcut { sequence: "Ctrl+T"; onActivated: look.next() }
    Shortcut { sequence: "Ctrl+Q"; onActivated: window.close() }
    Shortcut { sequence: "F1"; onActivated: window.help() }

    Errand {
        id: runner

        client: client
        page: window.contentItem.parent
        onHostWanted: window.open()
    }

    Component.onCompleted: {
        look.choice = errand.look ?? look.choice
        connectPage.focusOn(client.name === "" ? "name" : "address")
        runner.run(errand)
    }
}
