# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

"""console_chat.py PROGRAMS TEST: examples/console_chat as its users and its servers see it."""

import contextlib
import os
import pty
import re
import select
import signal
import subprocess

from echo_server import WELCOME, start
from raw import (BINARY, CLOSE, PING, PONG, TEXT, Listener, close_payload)
from support import PATIENCE, certificate, check, folder, main


class Chat:
    """The program with pipes to it."""

    def __init__(self, programs, *words, **more):
        self.process = subprocess.Popen(
            [programs.path("console_chat"), *words],
            **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
               **more})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def say(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def expect_line(self, line):
        got = self.process.stdout.readline()
        check(got == line.encode() + b"\n", f"expected {line}, got {got}")

    def expect_end(self, code, output=None, status=None, lines=""):
        """Its last input, and its end. Returns what it said on the standard output and error."""
        out, err = (text.decode() for text in self.process.communicate(
            lines.encode() if self.process.stdin else None, PATIENCE))
        told = f"ended with {self.process.returncode}\n{out}\n{err}"
        check(self.process.returncode == code and "Sanitizer" not in err, told)
        check(output is None or out == output, told)
        check(status is None or re.search(status, err), told)
        return out, err


def run(programs, *words, **expected):
    with Chat(programs, *words) as chat:
        return chat.expect_end(**expected)


def url(port, path="/"):
    return f"ws://127.0.0.1:{port}{path}"


def test_pipe(programs):
    server, port = start(programs)
    run(programs, f"ws://localhost:{port}", lines="hi\n", code=0, output=WELCOME + "\nhi\n",
        status=r"^# open\n# closed, 1000\n\Z")
    server.wait_for(": closed, 1000 by the client")
    # The last line may lack its end, and a line may be empty.
    run(programs, url(port), lines="one\n\nh\u00e9llo", code=0,
        output=WELCOME + "\none\n\nh\u00e9llo\n")
    run(programs, url(port), code=0, output=WELCOME + "\n")

    numbers = "".join(f"{i}\n" for i in range(100_000))
    run(programs, url(port), lines=numbers, code=0, output=WELCOME + "\n" + numbers)
    name = os.path.join(folder(), "numbers")
    with open(name, "w", encoding="ascii") as file:
        file.write(numbers + "x" * 3_000_000)
    for stdin, output in (open(name, "rb"), numbers + "x" * 3_000_000 + "\n"), \
            (open(os.devnull, "rb"), ""):
        with stdin, Chat(programs, url(port), stdin=stdin) as chat:
            chat.expect_end(0, WELCOME + "\n" + output)
    # Without any input: nothing else of the program's may be taken for it.
    with Chat(programs, url(port), stdin=None, preexec_fn=lambda: os.close(0)) as chat:
        chat.expect_end(0, WELCOME + "\n")


def test_commands(programs):
    _, port = start(programs, "--no-greeting")
    name = os.path.join(folder(), "file with spaces")
    with open(name, "wb") as file:
        file.write(bytes(range(250, 256)) * 3)
    run(programs, url(port), code=0, lines=f"//slash\n/binary {name}\n",
        output="/slash\n(18 bytes: fa fb fc fd fe ff fa fb fc fd fe ff fa fb fc fd ...)\n")
    with Chat(programs, url(port)) as chat:
        chat.say("/ping\n/help\n/nothing\n/binary /nowhere\n/binary /\n/binary\n/close x\n/close 1006\n"
                 "/close 99999 hm\n")
        chat.process.stdin.write(b"\xff is not UTF-8\n")
        chat.say("after that\n")
        _, told = chat.expect_end(1, "after that\n")
        for pattern in (r"^# answered in \d+\.\d+ ms$", r"^# .*/nothing.*/help", r"/binary FILE",
                        r"cannot read /nowhere", r"cannot read /$", r"cannot read $", r"/close \[CODE.*\n(.*\n)+# .*/close \[CODE",
                        r"^# not closed: ", r"^# not sent: .*UTF-8"):
            check(re.search(pattern, told, re.MULTILINE), f"{pattern} is not in\n{told}")

    for line in b"\xff\n", b"/binary /nowhere\n", b"/nothing\n", b"/close 65536\n":
        with Chat(programs, url(port)) as chat:
            chat.process.stdin.write(line)
            chat.expect_end(1, "", "\n# not ", lines="")

    server = Listener()
    with Chat(programs, url(server.port)) as chat, server.open() as peer:
        chat.say("/close 4000 so long\n")
        peer.expect(CLOSE, close_payload(4000, "so long"))
        peer.send(CLOSE, close_payload(4000))
        peer.end()
        chat.expect_end(4, "")
    for command, code in ("/close", 1000), ("/close 1001", 1001):
        with Chat(programs, url(server.port)) as chat, server.open() as peer:
            chat.say(command + "\n")
            peer.expect(CLOSE, close_payload(code))
            peer.send(CLOSE, close_payload(code))
            peer.end()
            chat.expect_end(0, "")


def test_options(programs):
    usage = r"^console_chat: .*\nusage: console_chat "
    for words in ([], ["--wrong"], ["ws://localhost", "ws://localhost"], ["http://localhost"],
                  ["--header", "x", "ws://localhost"], ["--header"], ["ws://localhost/#x"],
                  ["--proxy", "localhost:80", "ws://localhost"], ["--wait", "-1", "ws://localhost"]):
        run(programs, *words, code=2, output="", status=usage)
    for word in "--help", "-h":
        check("--insecure" in run(programs, word, code=0)[0], word)

    server = Listener()
    with Chat(programs, "--header", "X-One: 1: 2", "--header", "x-two:3", "--origin",
              "https://example.org", "--subprotocol", "a", "--subprotocol", "b",
              url(server.port, "/path?query")) as chat, \
            server.open("Sec-WebSocket-Protocol: b") as peer:
        check(peer.head.startswith("GET /path?query HTTP/1.1\r\n"), peer.head)
        for line in ("X-One: 1: 2", "x-two: 3", "Origin: https://example.org",
                     "Sec-WebSocket-Protocol: a, b"):
            check(f"\r\n{line}\r\n" in peer.head, peer.head)
        peer.send(CLOSE, close_payload(1000))
        peer.end()
        chat.expect_end(0, "", "subprotocol b")
    # What cannot be sent is no reason to connect.
    run(programs, "--subprotocol", "a b", url(server.port), code=1, output="", status="subprotocol")


def test_exit_codes(programs):
    server = Listener()
    for payload, code, told in ((close_payload(1000, "bye"), 0, '1000 by the server, "bye"'),
                                (close_payload(1001), 0, "1001 by the server"),
                                (b"", 0, "1005 by the server"),
                                (close_payload(4001, "no\x1bmore"), 4,
                                 r'4001 by the server, "no\\x1bmore"'),
                                (close_payload(1011), 4, "1011 by the server")):
        with Chat(programs, url(server.port)) as chat, server.open() as peer:
            peer.send(TEXT, "last words")
            peer.send(CLOSE, payload)
            peer.expect(CLOSE, payload[:2])
            peer.end()
            chat.expect_end(code, "last words\n", told)
    with Chat(programs, url(server.port)) as chat, server.open() as peer:
        peer.socket.close()
        chat.expect_end(1, "", "closed, 1006, ")
    with Chat(programs, url(server.port)) as chat, server.open() as peer:
        peer.masks = True
        peer.send(TEXT, "hello")
        peer.end()
        chat.expect_end(1, "", "closed, 1002, .*mask")

    with Chat(programs, url(server.port)) as chat, server.accept() as peer:
        peer.socket.sendall(b"HTTP/1.1 401 Go away\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"
                            b"X-Other: 1\r\nContent-Length: 14\r\n\r\nwho are\n\x1b you?")
        _, told = chat.expect_end(3, "", "^# refused: 401 Go away\n")
        check('WWW-Authenticate: Basic realm="x"\n' in told and "X-Other" not in told, told)
        check("who are\n\\x1b you?\n" in told, told)
    with Chat(programs, url(server.port)) as chat, server.accept() as peer:
        peer.socket.sendall(b"SSH-2.0-hello\r\n")
        peer.socket.close()
        chat.expect_end(1, "", "^# ")
    server.socket.close()
    run(programs, url(server.port), code=1, output="", status="refused")


def test_end_of_input(programs):
    server = Listener()
    with Chat(programs, "--wait", "3600", url(server.port)) as chat, server.open() as peer:
        chat.process.stdin.close()
        chat.process.stdin = None
        opcode, payload = peer.receive()
        check(opcode == PING, f"{opcode} {payload}")
        peer.send(TEXT, "before the Pong")
        peer.send(PONG, payload)
        peer.send(TEXT, "behind it")
        peer.send(CLOSE, close_payload(1000))
        peer.expect(CLOSE, close_payload(1000))
        peer.end()
        chat.expect_end(0, "before the Pong\nbehind it\n")
    with Chat(programs, "--wait", "1", url(server.port)) as chat, server.open() as peer:
        chat.process.stdin.close()
        chat.process.stdin = None
        opcode, payload = peer.receive()
        peer.send(PONG, payload)
        peer.expect(CLOSE, close_payload(1000))
        peer.send(CLOSE, b"")  # as good as 1000
        peer.end()
        chat.expect_end(0, "")
    # Neither Pong nor Close comes.
    with Chat(programs, url(server.port)) as chat, server.open() as peer:
        chat.process.stdin.close()
        chat.process.stdin = None
        check(peer.receive()[0] == PING, "a Ping")
        peer.expect(CLOSE, close_payload(1000))
        chat.expect_end(1, "", "closing handshake")
    # What was not answered is told, even when the connection ends as it should.
    with Chat(programs, url(server.port)) as chat, server.open() as peer:
        chat.process.stdin.close()
        chat.process.stdin = None
        check(peer.receive()[0] == PING, "a Ping")
        peer.expect(CLOSE, close_payload(1000))
        peer.send(CLOSE, close_payload(1000))
        peer.end()
        chat.expect_end(1, "", "gave up")
    # The Pong for an earlier Ping does not stand for later answers.
    with Chat(programs, url(server.port)) as chat, server.open() as peer:
        chat.say("/ping\nhello\n")
        chat.process.stdin.close()
        chat.process.stdin = None
        opcode, payload = peer.receive()
        check(opcode == PING, f"{opcode} {payload}")
        peer.expect(TEXT, "hello")
        peer.send(PONG, payload)
        opcode, payload = peer.receive()
        check(opcode == PING, f"{opcode} {payload}")
        peer.send(TEXT, "answer")
        while opcode == PING:  # it may ask once more
            peer.send(PONG, payload)
            opcode, payload = peer.receive()
        check((opcode, payload) == (CLOSE, close_payload(1000)), f"{opcode} {payload}")
        peer.send(CLOSE, close_payload(1000))
        peer.end()
        chat.expect_end(0, "answer\n")
    # A slow server is waited for as long as something comes.
    with Chat(programs, url(server.port)) as chat, server.open() as peer:
        chat.process.stdin.close()
        chat.process.stdin = None
        opcode, payload = peer.receive()
        for _ in range(3):
            check(not select.select([peer.socket], [], [], 2.5)[0], "it waits")
            peer.send(TEXT, "slowly")
        peer.send(PONG, payload)
        peer.expect(CLOSE, close_payload(1000))
        peer.send(CLOSE, close_payload(1000))
        peer.end()
        chat.expect_end(0, "slowly\n" * 3)


def test_silent_input(programs):
    server = Listener()
    with Chat(programs, url(server.port)) as chat, server.open() as peer:
        for i in range(3):
            peer.send(TEXT, f"message {i}")
            chat.expect_line(f"message {i}")
            peer.send(PING, f"{i}")
            peer.expect(PONG, f"{i}")
        chat.say("hello\n")
        peer.expect(TEXT, "hello")
        peer.send(BINARY, b"")
        chat.expect_line("(0 bytes:)")
        chat.process.send_signal(signal.SIGINT)
        peer.expect(CLOSE, close_payload(1001))
        peer.send(CLOSE, close_payload(1001))
        peer.end()
        chat.expect_end(0, "")


def test_bad_input(programs):
    _, port = start(programs, "--no-greeting")
    directory = os.open(folder(), os.O_RDONLY)
    with Chat(programs, url(port), stdin=directory) as chat:
        chat.expect_end(1, "", "\n# the input ends here: .*directory")
    os.close(directory)
    # A file, which would be read as a whole.
    name = os.path.join(folder(), "one line")
    with open(name, "wb") as file:
        file.write(b"first\n" + b"x" * (17 << 20))
    with open(name, "rb") as file, Chat(programs, url(port), stdin=file) as chat:
        chat.expect_end(1, "first\n", "\n# the input ends here: .*16 MiB")


def test_unread_output(programs):
    server = Listener()
    with Chat(programs, url(server.port)) as chat, server.open() as peer:
        # More than a pipe holds.
        peer.send(TEXT, "x" * 1_000_000)
        chat.process.stdout.read(1)
        chat.process.send_signal(signal.SIGINT)
        peer.expect(CLOSE, close_payload(1001))
        peer.send(CLOSE, close_payload(1001))
        peer.end()
        check(chat.process.wait(PATIENCE) == 0, f"ended with {chat.process.returncode}")
    # Who reads late gets it all, and the end of the input waits for it.
    with Chat(programs, url(server.port)) as chat, server.open() as peer:
        peer.send(TEXT, "x" * 1_000_000)
        peer.send(TEXT, "behind it")
        chat.process.stdin.close()
        chat.process.stdin = None
        opcode, payload = peer.receive()
        check(opcode == PING, f"{opcode} {payload}")
        peer.send(PONG, payload)
        check(not select.select([peer.socket], [], [], 6)[0], "it waits for its reader")
        read = chat.process.stdout.read(1_000_011)
        check(read == b"x" * 1_000_000 + b"\nbehind it\n", f"{len(read)} bytes")
        peer.expect(CLOSE, close_payload(1000))
        peer.send(CLOSE, close_payload(1000))
        peer.end()
        chat.expect_end(0, "")


def test_slow_server(programs):
    server = Listener()
    with Chat(programs, url(server.port)) as chat, server.open() as peer:
        os.set_blocking(chat.process.stdin.fileno(), False)
        line = b"x" * 65535 + b"\n"
        written = 0
        while written < 256 << 20:
            if not select.select([], [chat.process.stdin], [], 3)[1]:
                break
            with contextlib.suppress(BlockingIOError):
                written += os.write(chat.process.stdin.fileno(), line[written % len(line):])
        check(written < 256 << 20, "it reads its input although the server reads nothing")
        chat.process.stdin.close()
        chat.process.stdin = None
        for _ in range(written // len(line)):
            peer.expect(TEXT, line[:-1])
        if written % len(line):
            peer.expect(TEXT, line[:written % len(line)])
        opcode, payload = peer.receive()
        check(opcode == PING, f"{opcode} {payload}")
        peer.send(PONG, payload)
        peer.expect(CLOSE, close_payload(1000))
        peer.send(CLOSE, close_payload(1000))
        peer.end()
        chat.expect_end(0, "")


def test_terminal(programs):
    server = Listener()
    hostile = "\x1b]0;title\x07\u009b2Jtwo\tlines\nhere"
    # In a pipe it is as it was.
    with Chat(programs, url(server.port)) as chat, server.open() as peer:
        peer.send(TEXT, hostile)
        peer.send(CLOSE, close_payload(1000))
        peer.end()
        chat.expect_end(0, hostile + "\n")
    for no_colour, pattern in (("", r"\x1b\[36m{}\x1b\[m\r\n"), ("1", r"(?<!m){}\r\n")):
        ours, its = pty.openpty()
        environment = {**os.environ, "TERM": "xterm", "NO_COLOR": no_colour}
        with Chat(programs, url(server.port), stdin=its, stdout=its, stderr=its,
                  env=environment) as chat, server.open() as peer:
            peer.send(TEXT, hostile)
            os.write(ours, b"typed\n")
            peer.expect(TEXT, "typed")
            os.write(ours, b"\x04")  # the end of the input
            opcode, payload = peer.receive()
            check(opcode == PING, f"{opcode}")
            peer.send(PONG, payload)
            peer.expect(CLOSE, close_payload(1000))
            peer.send(CLOSE, close_payload(1000))
            peer.end()
            check(chat.process.wait(PATIENCE) == 0, f"ended with {chat.process.returncode}")
        check(os.get_blocking(its), "the terminal is left non-blocking")
        shown = b""
        while select.select([ours], [], [], 0)[0]:
            shown += os.read(ours, 65536)
        shown = shown.decode()
        text = re.escape("\\x1b]0;title\\x07\\x9b2Jtwo\tlines\r\nhere")
        # A terminal may turn tabulators into spaces.
        text = text.replace("\\\t", r"\s+")
        check(re.search(pattern.format(text), shown), f"{shown!r}")
        os.close(ours)
        os.close(its)


def test_tls(programs):
    for name, words, code, told in (
            ("good", ["--ca", "ca.pem"], 0, "closed, 1000"),
            ("good", [], 1, "certificate"),
            ("wrong_name", ["--ca", "ca.pem"], 1, "example.org"),
            ("expired", ["--ca", "ca.pem"], 1, "expired"),
            ("wrong_name", ["--insecure"], 0, "nobody has checked(.*\n)+.*closed, 1000"),
            ("self_signed", ["--insecure"], 0, "closed, 1000"),
            ("self_signed", [], 1, "certificate"),
            ("good", ["--ca", "nowhere.pem"], 1, "nowhere.pem")):
        server, port = start(programs, "--host", "127.0.0.1", "--tls", certificate(name + ".pem"),
                             certificate(name + ".key"))
        words = [certificate(word) if word.endswith(".pem") else word for word in words]
        run(programs, *words, f"wss://localhost:{port}/", lines="secret\n", code=code,
            output=WELCOME + "\nsecret\n" if code == 0 else "", status=told)
        server.end()


if __name__ == "__main__":
    main({name[5:]: test for name, test in list(globals().items()) if name.startswith("test_")})
