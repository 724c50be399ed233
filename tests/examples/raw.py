# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

"""Both ends of a WebSocket connection, by hand: for what a well-behaved peer does not do."""

import base64
import hashlib
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))

from support import PATIENCE, check  # noqa: E402

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def close_payload(code, reason=""):
    return struct.pack(">H", code) + reason.encode()


class Peer:
    """One end of a connection. Its socket may be a plain one or one with TLS."""

    def __init__(self, connection, masks):
        self.socket = connection
        self.socket.settimeout(PATIENCE)
        self.masks = masks
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def read_exactly(self, size):
        while len(self.rest) < size:
            block = self.socket.recv(1 << 20)
            if not block:
                raise EOFError
            self.rest += block
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken

    def read_head(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.read_exactly(1)
        return head.decode()

    def send(self, opcode, payload=b"", final=True):
        if isinstance(payload, str):
            payload = payload.encode()
        size = len(payload)
        short = size if size < 126 else 126 if size < 65536 else 127
        frame = struct.pack("BB", opcode | final << 7, short | self.masks << 7)
        frame += {126: struct.pack(">H", size & 0xFFFF), 127: struct.pack(">Q", size)}.get(short, b"")
        # A key of zeros leaves the payload as it is.
        self.socket.sendall(frame + (bytes(4) if self.masks else b"") + payload)

    def receive(self):
        """The next frame: opcode and payload."""
        first, second = self.read_exactly(2)
        size = second & 0x7F
        if size == 126:
            size, = struct.unpack(">H", self.read_exactly(2))
        elif size == 127:
            size, = struct.unpack(">Q", self.read_exactly(8))
        key = self.read_exactly(4) if second & 0x80 else bytes(4)
        payload = self.read_exactly(size)
        if any(key):
            payload = bytes(b ^ key[i % 4] for i, b in enumerate(payload))
        return first & 0x0F, payload

    def expect(self, opcode, payload):
        if isinstance(payload, str):
            payload = payload.encode()
        got = self.receive()
        check(got == (opcode, payload),
              f"expected {opcode} {payload[:80]}, got {got[0]} {got[1][:80]}")

    def end(self):
        """RFC 6455 7.1.1: a server ends the connection first."""
        self.socket.shutdown(socket.SHUT_WR)

    def expect_end(self):
        try:
            rest = self.rest + self.socket.recv(1)
        except ConnectionError:
            return
        check(rest == b"", f"expected the end, got {rest}")

    def close(self, code=1000, reason=""):
        """The closing handshake, begun here."""
        self.send(CLOSE, close_payload(code, reason))
        self.expect(CLOSE, close_payload(code))
        self.expect_end()
        self.socket.close()


class Client(Peer):
    """Connected, and the request sent. `head` is what the server answered, once it is read."""

    def __init__(self, connection, path, fields):
        super().__init__(connection, True)
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Upgrade: websocket",
                 "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", *fields]
        self.socket.sendall("".join(line + "\r\n" for line in [*lines, ""]).encode())

    def read_answer(self):
        self.head = self.read_head()
        check(self.head.startswith("HTTP/1.1 101 "), f"not opened: {self.head}")


def begin(port, path="/", fields=(), host="127.0.0.1", wrap=None):
    connection = socket.create_connection((host, port), PATIENCE)
    return Client(wrap(connection) if wrap else connection, path, fields)


def connect(*words, **more):
    """A client past its opening handshake."""
    client = begin(*words, **more)
    client.read_answer()
    return client


class Listener:
    """A server's listening socket at 127.0.0.1."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(PATIENCE)
        self.port = self.socket.getsockname()[1]

    def accept(self):
        """A server that has read the request, which is in `head`, and not answered it."""
        server = Peer(self.socket.accept()[0], False)
        server.head = server.read_head()
        return server

    def open(self, *fields):
        """A server past the opening handshake."""
        server = self.accept()
        key, = [line.split(": ")[1] for line in server.head.split("\r\n")
                if line.lower().startswith("sec-websocket-key:")]
        digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}", *fields]
        server.socket.sendall("".join(line + "\r\n" for line in [*lines, ""]).encode())
        return server
