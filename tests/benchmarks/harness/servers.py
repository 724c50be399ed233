# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0
"""The echo servers, and the programs that drive them."""

import json
import os
import select
import subprocess

from .machine import BIN, HERE, NPM, Failed

# `bare` sends bytes back without any protocol.
SERVERS = {
    "framewire": "Framewire (Asio)",
    "coroutine": "Framewire (coroutines)",
    "qt": "Framewire (Qt)",
    "core": "Framewire (core)",
    "beast": "Boost.Beast",
    "websocketpp": "websocketpp",
    "libwebsockets": "libwebsockets",
    "qwebsocketserver": "QtWebSockets",
    "ws": "npm ws",
    "epoll": "epoll by hand",
    "asio": "bare Asio",
    "qtcpsocket": "bare QTcpSocket",
}
OURS = ("framewire", "coroutine", "qt", "core")
BARE = ("asio", "qtcpsocket")
FLOOR = "epoll"

# With permessage-deflate: the program, and its name in the tables.
COMPRESSING = {
    "deflate": "Framewire",
    "beast": "Boost.Beast",
    "websocketpp_deflate": "websocketpp",
    "libwebsockets": "libwebsockets",
}


def command(name):
    if name == "ws":
        return ["node", HERE / "echo_ws.js", "0"]
    return [BIN / f"echo_{name}", "0"]


def is_there(name):
    if name == "ws":
        return (NPM / "node_modules" / "ws").exists()
    return (BIN / f"echo_{name}").exists()


class Server:
    """An echo server on a port of its own, on the first core."""

    def __init__(self, name, core, environment=None):
        self.name = name
        self.arguments = ["--raw"] if name in BARE else []
        self.process = subprocess.Popen(
            command(name), stdout=subprocess.PIPE, text=True,
            env={**os.environ, "NODE_PATH": str(NPM / "node_modules"), **(environment or {})})
        if core is not None:
            os.sched_setaffinity(self.process.pid, {core})
        ready, _, _ = select.select([self.process.stdout], [], [], 10)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            self.stop()
            raise Failed(f"echo_{name} did not say on which port it listens")
        self.port = line.split()[-1]

    def line_for(self, program, *arguments):
        """What drives this server: a command."""
        return [str(each) for each in (BIN / program, "--port", self.port, "--pid",
                                       self.process.pid, *self.arguments, *arguments)]

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Servers:
    """Several, that take turns."""

    def __init__(self, names, core):
        self.all = []
        try:
            for name in names:
                self.all.append(Server(name, core))
        except BaseException:
            self.stop()
            raise

    def turn(self, number):
        """Nobody is always first."""
        begin = number % len(self.all)
        return self.all[begin:] + self.all[:begin]

    def stop(self):
        for server in self.all:
            server.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def measured(server, program, *arguments, timeout=120):
    """What a program says about a server: its line of JSON."""
    try:
        done = subprocess.run(server.line_for(program, *arguments), timeout=timeout, text=True,
                              check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except subprocess.TimeoutExpired:
        raise Failed(f"{program} on echo_{server.name} did not end within {timeout} s") from None
    if not done.stdout:
        raise Failed(f"{program} on echo_{server.name}: {done.stderr.strip()}")
    return json.loads(done.stdout)
