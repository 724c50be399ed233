# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

"""page.py URL...: a page in a headless Chromium that opens a WebSocket to each URL, one after the
other, and says hello.

Says its origin first, "origin http://127.0.0.1:1234", and then how each went, in one line: `0 open
"text" closed 1000 reason`. Says "skipped" and why when there is no Chromium.
"""

import http.server
import json
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))
from browser import start_chromium  # noqa: E402
from support import PATIENCE, Skip, tool  # noqa: E402

PAGE = """<!DOCTYPE html><script>
function talk(url) {
    return new Promise(resolve => {
        const socket = new WebSocket(url)
        let told = ""
        socket.onopen = () => { told += "open "; socket.send("hello") }
        socket.onmessage = event => { told += JSON.stringify(event.data) + " " }
        socket.onclose = event => resolve(told + "closed " + event.code + " " + event.reason)
    })
}
async function main() {
    const told = []
    for (const url of URLS)
        told.push(await talk(url))
    fetch("/report", { method: "POST", body: JSON.stringify(told) })
}
main()
</script>"""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        page = PAGE.replace("URLS", json.dumps(sys.argv[1:])).encode() if self.path == "/" else b""
        self.send_response(200 if page else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def do_POST(self):
        self.server.report = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()
        self.server.reported.set()

    def log_message(self, *_):
        pass


def main():
    tool("chromium", "chromium")
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web.reported = threading.Event()
    threading.Thread(target=web.serve_forever, daemon=True).start()
    origin = f"http://127.0.0.1:{web.server_address[1]}"
    print("origin", origin, flush=True)
    browser = start_chromium(origin + "/")
    reported = web.reported.wait(3 * PATIENCE)
    browser.end()
    if not reported:
        sys.exit("the browser reported nothing")
    for number, told in enumerate(web.report):
        print(number, told, flush=True)


try:
    main()
except Skip as why:
    print("skipped", why)
    sys.exit(1 if os.environ.get("FRAMEWIRE_REQUIRE_PEERS") else 0)
