# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

"""browser.py PROGRAMS chromium: a headless browser as the client of our servers.

It loads browser.html from here, and posts what it found.
"""

import http.server
import json
import os
import threading
import urllib.parse

from peers import peer, server_port, start_echo_server
from support import HERE, PATIENCE, Program, check, folder, http_request, main, tool

# An empty page must not pass.
CHECKS = 14

UPGRADE = """GET / HTTP/1.1
Host: 127.0.0.1
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Version: 13
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Origin: {origin}

"""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if urllib.parse.urlsplit(self.path).path != "/":
            self.send_error(404)
            return
        with open(os.path.join(HERE, "browser.html"), "rb") as file:
            self.answer(200, file.read())

    def do_POST(self):
        self.server.report = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(204)
        self.server.reported.set()

    def log_message(self, *_):
        pass

    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def start_web_server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.reported = threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def start_chromium(url):
    home = os.path.join(folder(), "chromium")
    return Program(
        tool("chromium", "chromium"),
        "--headless",
        "--no-sandbox",  # it cannot make one for root, or in a container
        "--disable-gpu",
        "--disable-dev-shm-usage",
        f"--user-data-dir={home}",
        "--no-first-run",
        "--no-proxy-server",
        "--password-store=basic",
        # Nothing outside of this machine.
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        url,
        environment={"HOME": folder(), "XDG_CONFIG_HOME": folder(), "XDG_CACHE_HOME": folder()},
    )


def test_chromium(programs):
    web = start_web_server()
    origin = f"http://127.0.0.1:{web.server_address[1]}"
    elsewhere = "http://elsewhere.example"
    echo, echo_port = start_echo_server(programs, "--no-greeting", "--max-message", str(16 << 20))
    obedient = peer(programs, "framewire", "server", "--origin", origin)
    refusing = peer(programs, "framewire", "server", "--origin", elsewhere)
    servers = {"echo": echo_port, "obedient": server_port(obedient),
               "refusing": server_port(refusing)}

    query = urllib.parse.urlencode({k: f"ws://127.0.0.1:{v}/" for k, v in servers.items()})
    browser = start_chromium(f"{origin}/?{query}")
    check(web.reported.wait(3 * PATIENCE), "the browser reported nothing")
    browser.end()
    report = web.report
    for name in report["passed"]:
        print("passed:", name)
    check(not report["failed"], "\n  ".join(["the browser saw:", *report["failed"]]))
    check(len(report["passed"]) == CHECKS, f"{len(report['passed'])} checks, not {CHECKS}")
    check(report["origin"] == origin, f"its origin is {report['origin']}")

    obedient.wait_for(r"^closed 4000 g\u00fcle g\u00fcle")
    obedient.wait_for(r"^closed 4001")
    obedient.wait_for(r"^pong from the client")

    # A page is not told the status: ask again in its words.
    for name, sent, status in [("refusing", origin, "403"), ("refusing", elsewhere, "101"),
                               ("obedient", origin, "101"), ("obedient", elsewhere, "403")]:
        answer = http_request(servers[name], UPGRADE.format(origin=sent))
        check(answer.startswith(f"HTTP/1.1 {status} "), f"{name}, {sent}: {answer}")


if __name__ == "__main__":
    main({"chromium": test_chromium})
