// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// Loaded by the qml tool with nothing set but the import path: ends with 0 when both types are there.

import QtQuick
import Framewire

Window {
    WebSocket { id: socket }
    WebSocketServer { id: server }

    Component.onCompleted: Qt.exit(socket.status === WebSocket.Closed && server.port === 0 ? 0 : 1)
}
