// SPDX-FileCopyrightText: The Framewire authors
// SPDX-License-Identifier: BSL-1.0

// A web page in a headless Chromium as the client of a WebSocketServer: who says which Origin, and
// whom a server lets in.

import QtQuick
import QtTest
import Framewire
import FramewireTests

TestCase {
    id: testCase

    name: "browser"

    Component {
        id: serverComponent

        WebSocketServer {
            id: server

            property var requests: []

            listen: true
            onUpgradeRequested: request => {
                requests.push(request)
                if (request.path === "/no")
                    request.reject(403, "not here")
            }
            onClientConnected: webSocket => {
                webSocket.textMessageReceived.connect(message => {
                    server.broadcastTextMessage(message + " " + webSocket.origin)
                    webSocket.close(4001, "g\u00fcle g\u00fcle")
                })
            }
        }
    }

    Component {
        id: programComponent

        PeerProgram {}
    }

    function make(component, properties) {
        return createTemporaryObject(component, testCase, properties ?? {})
    }

    function test_a_page() {
        const strict = make(serverComponent)
        const open = make(serverComponent, { allowedOrigins: ["*"] })
        // Its page's origin is known only when that is there.
        const listing = make(serverComponent, { accept: false, compression: true })
        const elsewhere = make(serverComponent, { allowedOrigins: ["http://elsewhere.example"] })
        const program = make(programComponent)
        program.start("page.py", [strict.url + "/", open.url + "/a?b=c", open.url + "/no",
                                  listing.url + "/", elsewhere.url + "/"])
        tryVerify(() => program.output.includes("\n") || program.exitCode >= 0, 30000)
        if (program.output.startsWith("skipped")) {
            tryCompare(program, "exitCode", 0)
            skip(program.output)
        }
        const origin = program.output.split("\n")[0].slice(7)
        verify(origin.startsWith("http://127.0.0.1:"), program.output)
        listing.allowedOrigins = [origin]
        listing.accept = true
        ignoreWarning(/Not in allowedOrigins: .*http:\/\/127\.0\.0\.1:/)
        ignoreWarning(/Not in allowedOrigins: .*http:\/\/127\.0\.0\.1:/)
        tryVerify(() => program.exitCode >= 0, 100000)
        const echo = "open \"hello " + origin + "\" closed 4001 g\u00fcle g\u00fcle"
        const told = program.output.split("\n").filter(line => /^\d /.test(line)).map(line => line.trim())
        compare(told, ["0 closed 1006", "1 " + echo, "2 closed 1006", "3 " + echo, "4 closed 1006"])
        compare(program.exitCode, 0)
        compare(strict.requests.length, 0)
        compare(elsewhere.requests.length, 0)
        compare(open.requests.map(request => [request.path, request.query, request.origin]),
                [["/a", "b=c", origin], ["/no", "", origin]])
        verify(open.requests[0].headers["user-agent"].includes("Chrome"))
    }
}
