# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

"""differential.py PROGRAMS client|echo|all PEER [--seed N] [--messages N] [--round N]

Random messages between our programs and those of other libraries.

    client  our client sends them to their server
    echo    their client sends them to echo_server
    all     both, with every peer (PEER is "all", too)

They come back fragmented and compressed in other ways, and have to be the same: see
tests/peers/random_stream.hpp. Each round of `--round` messages has a new connection, with or
without permessage-deflate and with random settings of it, through a relay that cuts the bytes
anew. The seed of a round is printed: `--seed` begins with it, and its messages are the same.

The long form, which takes about half an hour:

    python3 tests/interop/differential.py build/dev/tests/interop/RelWithDebInfo/programs.json \
        all all --messages 1000000 --round 1000
"""

import contextlib
import os
import random
import socket
import sys
import threading

from peers import server_port, start_echo_server
from support import NODE_MODULES, PEERS, Program, Skip, check, expect_success, main, tool

PEERS_OF_ALL = ["beast", "websocketpp", "ws"]
ROUND = 150
IN_CI = 12 * ROUND


class Relay:
    """Stands in front of a port, and passes on in pieces what comes in each direction."""

    def __init__(self, port, seed):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self._serve, args=(port, seed), daemon=True).start()

    def _serve(self, port, seed):
        with contextlib.suppress(OSError), self.listening:
            near, _ = self.listening.accept()
            far = socket.create_connection(("127.0.0.1", port))
            for end in near, far:
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for way in (near, far), (far, near):
                roll = random.Random(seed)
                threading.Thread(target=self._pass_on, args=(*way, roll), daemon=True).start()

    def _pass_on(self, source, target, roll):
        with contextlib.suppress(OSError):
            while block := source.recv(65536):
                # Smaller pieces than all would have to be would take long.
                longest = roll.choice((1, 2, 7, 64, 1500, 65536))
                at = 0
                for _ in range(roll.randrange(20)):
                    size = 1 + roll.randrange(longest)
                    target.sendall(block[at:at + size])
                    at += size
                    if at >= len(block):
                        break
                target.sendall(block[at:])
        # The end of one way; if it is a failure, the other one finds it, too.
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)


def peer(programs, name, *words):
    if name == "ws":
        if not os.path.exists(os.path.join(NODE_MODULES, "ws")):
            raise Skip("npm's ws is not installed (tests/run does)")
        command = [tool("node", "nodejs"), os.path.join(PEERS, "random_ws.js")]
    else:
        command = [programs.path(f"random_{name}")]
    return Program(*command, *words, environment={"NODE_PATH": NODE_MODULES})


def random_deflate(roll, most=()):
    """What one side wants, in the words of random_stream.hpp, or nothing.
    `most`: windows are not larger than in these words."""
    if roll.randrange(6) == 0:
        return []
    words = ["deflate"]
    for side in "server", "client":
        if roll.randrange(3) == 0:
            words.append(f"{side}_no_context_takeover")
        # zlib has no window of 8 bits.
        bits = roll.choice((9, 10, 12, 15))
        for word in most:
            if word.startswith(f"{side}_max_window_bits="):
                bits = min(bits, int(word.split("=")[1]))
        if roll.randrange(2) == 0:
            words.append(f"{side}_max_window_bits={bits}")
    words.append(f"level={roll.randint(1, 9)}")
    words.append(f"memory_level={roll.randint(1, 9)}")
    words.append(f"threshold={roll.choice((0, 64, 1024))}")
    return words


def one_round(programs, role, name, seed, messages):
    roll = random.Random(seed)
    client_wants = random_deflate(roll)
    if role == "client":
        # Where the two differ, ws refuses the connection.
        most = client_wants if name == "ws" else ()
        server_wants = random_deflate(roll, most)
        server = peer(programs, name, "server", str(roll.getrandbits(32)), *server_wants)
        port = server_port(server)
    else:
        server_wants = roll.choice(([], ["--deflate"], ["--deflate"], ["--no-context-takeover"]))
        server, port = start_echo_server(programs, "--no-greeting", *server_wants)
    relay = Relay(port, seed)
    words = ["client", f"ws://127.0.0.1:{relay.port}/", str(seed), str(messages), *client_wants]
    if role == "client":
        client = Program(programs.path("framewire_random_client"), *words)
    else:
        client = peer(programs, name, *words)

    agreed = "with" if client_wants and server_wants else "without"
    expect_success(client, rf"^{messages} messages are right, {agreed} permessage-deflate$")
    if role == "client":
        server.wait_for(r"^closed 4000 done$")
        expect_success(server)
    else:
        server.wait_for(r'closed, 4000 by the client, "done"$')
    for program in client, server:
        program.end()
        Program.running.remove(program)
    return messages


def rounds(programs, role, name, seed, messages, length):
    """Returns how many messages were compared."""
    right = 0
    while right < messages:
        print(f"{role} {name}: seed {seed}", flush=True)
        try:
            right += one_round(programs, role, name, seed, min(length, messages - right))
        except AssertionError:
            print(f"To repeat it: {role} {name} --seed {seed} --messages {length} --round {length}")
            raise
        seed += 1
    check(right == messages, "the number of messages that were compared")
    print(f"{role} {name}: {right} messages are right")
    return right


def options(words, messages):
    chosen = {"--seed": random.getrandbits(31), "--messages": messages, "--round": ROUND}
    for name, value in zip(words[::2], words[1::2]):
        check(name in chosen, f"the command line: {name}")
        chosen[name] = int(value)
    return chosen.values()


def run_client(programs, name, *words):
    rounds(programs, "client", name, *options(words, IN_CI))


def run_echo(programs, name, *words):
    rounds(programs, "echo", name, *options(words, IN_CI))


def run_all(programs, _, *words):
    pairs = [(role, name) for role in ("client", "echo") for name in PEERS_OF_ALL]
    seed, messages, length = options(words, len(pairs) * IN_CI)
    each = -(-messages // len(pairs))
    right = sum(rounds(programs, *pair, seed, each, length) for pair in pairs)
    check(right >= messages, "the number of messages that were compared")
    print(f"{right} messages are right")


if __name__ == "__main__":
    main({"client": run_client, "echo": run_echo, "all": run_all})
