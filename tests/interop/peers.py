# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

"""peers.py PROGRAMS server|echo|client|chat PEER [tls]: our programs and those of other libraries.

    server  their client talks to our server
    echo    their client talks to echo_server, which closes no connection by request
    client  our client talks to their server
    chat    console_chat talks to their server

What both sides say stands in tests/peers; its programs are the peers of the Qt adapter too.
"""

import os
import re
import subprocess
import sys

from support import (NODE_MODULES, PEERS, Program, Skip, certificate, check, expect_success, main,
                     tool)


def python():
    # Debian's module belongs to Debian's interpreter, which need not be the first one in PATH.
    for candidate in "/usr/bin/python3", sys.executable:
        if os.path.exists(candidate) and not subprocess.call(
                [candidate, "-c", "import websockets"], stderr=subprocess.DEVNULL):
            return candidate
    raise Skip("Python has no websockets (Debian: python3-websockets)")


def peer(programs, name, role, *words):
    """A peer of tests/peers: its client, or its server."""
    if name == "ws":
        if not os.path.exists(os.path.join(NODE_MODULES, "ws")):
            raise Skip("npm's ws is not installed (tests/run does)")
        command = [tool("node", "nodejs"), os.path.join(PEERS, role + ".js")]
    elif name == "python":
        command = [python(), os.path.join(PEERS, role + ".py")]
    else:
        command = [programs.path(f"{name}_{role}")]
    return Program(*command, *words, environment={"NODE_PATH": NODE_MODULES})


def server_port(server):
    """The first line of what a server of tests/peers says."""
    return int(server.wait_for(r"\A(\d+)\n")[1])


def with_server_certificate(tls):
    return [certificate("good.pem"), certificate("good.key")] if tls else []


def client_words(tls, port):
    if tls:
        return [f"wss://localhost:{port}/path?query", certificate("ca.pem")]
    return [f"ws://localhost:{port}/path?query"]


def start_echo_server(programs, *words, tls=None):
    """Returns echo_server and its port."""
    more = ["--tls", *with_server_certificate(tls)] if tls else []
    server = Program(programs.path("echo_server"), "--port", "0", *more, *words)
    return server, int(server.wait_for(r"^listening on wss?://.*:(\d+)$")[1])


def console_chat(programs, *words, lines="", until="", ends=True):
    """console_chat with lines for its input, which ends when something that matches `until` has
    come; or does not, unless `ends`."""
    chat = Program(programs.path("console_chat"), *words, read_input=True)
    chat.say(lines)
    if ends:
        chat.wait_for(until)
        chat.end_input()
    return chat


def test_server(programs, name, tls=None):
    server = peer(programs, "framewire", "server", *with_server_certificate(tls))
    client = peer(programs, name, "client", *client_words(tls, server_port(server)))
    expect_success(client, "echoes are right")
    server.wait_for(r"^closed 4000 done")
    server.wait_for(r"^closed 4001")
    server.wait_for(r"^closed 1000|^closed 1005")
    check(not re.search("failed", server.output), "our server saw a connection fail")


def test_echo(programs, name, tls=None):
    server, port = start_echo_server(programs, "--no-greeting", "--subprotocol", "echo", tls=tls)
    client = peer(programs, name, "client", "--plain", *client_words(tls, port))
    expect_success(client, "echoes are right")
    server.wait_for(r'closed, 4000 by the client, "done"$')
    server.wait_for(r"closed, 100[05] by the client$")


def test_client(programs, name, tls=None):
    server = peer(programs, name, "server", *with_server_certificate(tls))
    words = client_words(tls, server_port(server))
    if name == "qt":
        # QtWebSockets 6.4 takes a fragment for wrong that ends within a character.
        words = ["--whole-characters", *words]
    expect_success(peer(programs, "framewire", "client", *words), "echoes are right")
    server.wait_for(r"^closed 4000 done")
    server.wait_for(r"^closed 1000|^closed 1005")
    if name != "libwebsockets":
        # It does not tell how its own Close was answered.
        server.wait_for(r"^closed 4001")


def test_chat(programs, name, tls=None):
    server = peer(programs, name, "server", *with_server_certificate(tls))
    url, *authority = client_words(tls, server_port(server))
    trust = ["--ca", *authority] if tls else []

    # Not all of them answer a Ping behind the messages that came before it.
    said = {"lines": "h\u00e9llo\n", "until": "^h\u00e9llo$"}
    expect_success(console_chat(programs, *trust, url, **said))
    server.wait_for(r"^closed 100[0-5]")
    chat = console_chat(programs, *trust, "--subprotocol", "echo", url, lines="please close\n",
                        ends=False)
    check(chat.wait() == 4, "it tells that the server closed with a code of its own")
    check("4001" in chat.output and "bye" in chat.output, "the code and the reason are told")
    chat = console_chat(programs, *trust, url, lines="please vanish\n", ends=False)
    check(chat.wait() == 1, "it tells that the server vanished")
    if tls:
        chat = console_chat(programs, url)
        check(chat.wait() == 1, "it does not trust an authority of the tests' own")
        check(re.search("certificate", chat.output), "it says why")
        expect_success(console_chat(programs, "--insecure", url, **said))


if __name__ == "__main__":
    main({"server": test_server, "echo": test_echo, "client": test_client,
          "chat": test_chat})
