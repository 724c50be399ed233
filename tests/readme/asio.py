# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

"""asio.py SERVER CLIENT: has the examples with Asio in README.md talk to each other."""

import os
import socket
import subprocess
import sys

PATIENCE = 60

with socket.create_server(("127.0.0.1", 0)) as found:
    port = found.getsockname()[1]
environment = {**os.environ, "README_PORT": str(port)}
server = subprocess.Popen([sys.argv[1]], env=environment, stdout=subprocess.PIPE, text=True)
try:
    while server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), PATIENCE).close()
            break
        except ConnectionRefusedError:
            pass
    for _ in range(2):
        client = subprocess.run([sys.argv[2]], env=environment, timeout=PATIENCE, text=True,
                                stdout=subprocess.PIPE, check=True)
        print(client.stdout, end="")
        assert client.stdout == "hello\nclosed\n"
    assert server.poll() is None, "the server has gone"
finally:
    server.kill()
    server.communicate()
client = subprocess.run([sys.argv[2]], env=environment, timeout=PATIENCE, text=True,
                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
assert str(port) in client.stderr, f"the client says {client.stderr!r} when nobody listens"
