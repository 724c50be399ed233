# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

"""qt_echo.py SERVER CLIENT PEERS [--behind]: the example with Qt, by itself and with a client of
another library."""

import re
import socket
import subprocess
import sys
import urllib.request

server_program, client_program, peers = sys.argv[1:4]
behind = sys.argv[4:]


def run(*words):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


server = subprocess.Popen([server_program, *behind], stdout=subprocess.PIPE)
try:
    url = server.stdout.readline().decode().strip()
    port = re.fullmatch(r"ws://127\.0\.0\.1:(\d+)/echo", url)[1]

    texts = ["hello", "", "h\u00e9llo \u20ac \U0001f600", "x" * 100000]
    assert run(client_program, url, *texts) == (0, "".join(text + "\n" for text in texts), "")
    # Large messages, which have to wait, both ways of closing, and pings.
    python = "/usr/bin/python3"
    assert run(python, peers + "/client.py", "--plain", url) == (0, "echoes are right\n", "")

    # Somebody who says nothing, and somebody who goes away in the middle, disturb nobody.
    silent = socket.create_connection(("127.0.0.1", int(port)))
    with socket.create_connection(("127.0.0.1", int(port))) as half:
        half.sendall(b"GET /echo HTTP/1.1\r\nHost: x\r\nUpgr")
    assert run(client_program, url, "still there")[:2] == (0, "still there\n")
    silent.close()

    if behind:
        page = urllib.request.urlopen(f"http://127.0.0.1:{port}/")
        assert page.read() == b"a page\n"
        assert run(client_program, url.replace("/echo", "/other"), "x")[0] == 1
    assert run(server_program, port)[0] == 1  # in use
    assert server.poll() is None
finally:
    server.terminate()
    server.wait()

code, out, err = run(client_program, url, "nobody there")
assert (code, out) == (1, "") and "refused" in err, err
for program, words in ((client_program, []), (server_program, ["port"]), (server_program, ["99999"])):
    code, out, err = run(program, *words)
    assert (code, out) == (2, "") and err.startswith("usage: qt_echo_"), (code, err)
