# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

"""What the suite sends, as it is on the wire, and what it sends by autobahn_cases.tsv."""

import re
import socket
import struct
import threading


class Recorder:
    """Stands between the suite and a server, and keeps what the suite sends on each connection."""

    def __init__(self, server):
        self.server = server
        self.connections = []
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"ws://127.0.0.1:{self.listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self.listening.accept()
            server = socket.create_connection(self.server)
            for each in client, server:
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            there = Stream(client, server)
            Stream(server, client)
            self.connections.append(there)

    def frames(self):
        """The frames of each connection, in the order in which these were made."""
        return [connection.frames() for connection in self.connections]


class Stream:
    """One direction of a connection."""

    def __init__(self, source, sink):
        self.source = source
        self.sink = sink
        self.bytes = bytearray()
        self.thread = threading.Thread(target=self._pump, daemon=True)
        self.thread.start()

    def _pump(self):
        try:
            while block := self.source.recv(65536):
                self.bytes += block
                self.sink.sendall(block)
        except OSError:
            pass # it was reset; the other direction ends by the same
        try:
            self.sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def frames(self):
        self.thread.join(10)
        return parse_frames(bytes(self.bytes).split(b"\r\n\r\n", 1)[1])


def parse_frames(data):
    """Tuples of opcode, FIN, RSV and payload (RFC 6455 5.2); all frames have to be masked."""
    frames = []
    while data:
        size, head = data[1] & 127, 2
        if size == 126:
            size, head = struct.unpack_from("!H", data, 2)[0], 4
        elif size == 127:
            size, head = struct.unpack_from("!Q", data, 2)[0], 10
        assert data[1] & 128, "a client sent a frame that is not masked"
        key, payload = data[head:head + 4], data[head + 4:head + 4 + size]
        keys = key * (len(payload) // 4 + 1)
        frames.append((data[0] & 15, data[0] >> 7, data[0] >> 4 & 7,
                       bytes(a ^ b for a, b in zip(payload, keys))))
        data = data[head + 4 + size:]
    return frames


def read_table(file):
    """The frames that each case sends, in the same form, by its name."""
    with open(file, encoding="utf-8") as lines:
        rows = [line.split("\t")[:2] for line in lines if not line.startswith("#")]
    return {case: frames_of(case, actions) for case, actions in rows}


def frames_of(case, actions):
    frames = []
    for name, words in re.findall(r"([A-Za-z]+)\(([^)]*)\)", actions):
        values = dict(re.findall(r"(\w+)=(\S+)", words))
        rest = [word for word in words.split() if "=" not in word and word != "sync"]
        if name == "F":
            frames.append((int(values["op"]), int(values["fin"]), int(values.get("rsv", 0)),
                           payload_of(rest, int(values["len"]))))
        elif name == "MSG":
            payload = payload_of(rest[1:], int(values["len"]))
            # The suite is told by other means to cut this one.
            size = 1300 if case == "10.1.1" else int(values.get("frag", len(payload)))
            cuts = range(0, len(payload), size)
            frames += [((1 if rest[0] == "txt" else 2) if cut == 0 else 0, int(cut == cuts[-1]), 0,
                        payload[cut:cut + size]) for cut in cuts]
        elif name in ("CLOSE", "CLOSEFRAME"):
            code = values.get("code") or rest[0]
            reason = values.get("reason", "-")
            frames.append((8, 1, 0, (b"" if code == "None" else struct.pack("!H", int(code)))
                           + (b"" if reason == "-" else payload_of([reason]))))
        elif name == "beginFrame":
            frames.append((1, 1, 0, b""))
        elif name == "data":
            frames[-1] = (1, 1, 0, frames[-1][3] + bytes.fromhex(words))
    return frames


def payload_of(words, size=None):
    """Bytes in hexadecimal, which may be the beginning of a payload that goes on like that."""
    text = "".join(words).strip('"')
    if "*.." in text:
        text, size = text.split("*..")
        size = int(size.strip("[]"))
    start = bytes.fromhex(text)
    return start if size is None or not start else (start * (size // len(start) + 1))[:size]
