# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

"""echo_server.py PROGRAMS TEST: examples/echo_server as its users and their clients see it."""

import contextlib
import re
import select
import signal
import socket
import ssl
import subprocess

import raw
from raw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload, connect
from support import PATIENCE, Program, certificate, check, main

WELCOME = "Welcome to Awesome Chat"


def start(programs, *words, prefix=()):
    """The server, and the port that it got."""
    server = Program(*prefix, programs.path("echo_server"), "--port", "0", *words)
    return server, int(server.wait_for(r"^listening on wss?://.*:(\d+)$")[1])


def expect_run(programs, *words, code, output="", error=""):
    done = subprocess.run([programs.path("echo_server"), *words], timeout=PATIENCE, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, check=False)
    told = f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    check(done.returncode == code, told)
    for pattern, text in (output, done.stdout), (error, done.stderr):
        check(re.fullmatch(pattern, text, re.DOTALL), told)


def stop(server, by=signal.SIGTERM):
    server.process.send_signal(by)
    check(server.wait() == 0, f"it ended with {server.process.returncode}")


def test_echo(programs):
    server, port = start(programs)
    with connect(port, "/chat?room=1") as client:
        where = f"127.0.0.1:{client.socket.getsockname()[1]}"
        server.wait_for(f"^{re.escape(where)}: open, /chat\\?room=1$")
        client.expect(TEXT, WELCOME)
        for opcode, payload in ((TEXT, "hello"), (BINARY, b"\0\xff"), (TEXT, ""), (BINARY, b""),
                                (TEXT, "h\u00e9llo" * 20), (BINARY, bytes(range(256)) * 2000)):
            client.send(opcode, payload)
            client.expect(opcode, payload)
        client.send(TEXT, "in ", final=False)
        client.send(PING, "still there?")
        client.send(CONTINUATION, "pieces")
        client.expect(PONG, "still there?")
        client.expect(TEXT, "in pieces")
        client.close(4000, "done\x1b[31m\u0085")
        # What others say is shown, and not obeyed.
        server.wait_for(f"^{re.escape(where)}: closed, 4000 by the client, "
                        r'"done\\x1b\[31m\\x85"$')
    with connect(port) as client:
        client.expect(TEXT, WELCOME)
    server.wait_for(r": closed, 1006, \S")
    with connect(port) as client:
        client.expect(TEXT, WELCOME)
        client.socket.sendall(b"\x81\x05hello")  # RFC 6455 5.1: not masked
        opcode, payload = client.receive()
        check(opcode == CLOSE and payload[:2] == close_payload(1002), f"{payload}")
    server.wait_for(r": closed, 1002 by the server, .*mask")
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        check(client.recv(4096).startswith(b"HTTP/1.1 400 "), "what is no WebSocket is refused")
        server.wait_for(r": refused, .*Upgrade")
    stop(server)


def test_options(programs):
    usage = r"usage: echo_server .*"
    expect_run(programs, "--help", code=0, output=usage + "--no-greeting.*")
    for words, complaint in ((["--wrong"], "--wrong"), (["here"], "here"), ([""], ""),
                             (["--port"], "--port"), (["--port", "65536"], "65535.*65536"),
                             (["--port", "-1"], "-1"), (["--port", "80x"], "80x"),
                             (["--threads", "0"], "--threads"), (["--tls", "cert"], "--tls"),
                             (["--max-message", "0"], "--max-message"),
                             (["--greeting", b"\xff"], "UTF-8"), (["--ping", "x"], "--ping")):
        expect_run(programs, *words, code=2, error=f"echo_server: [^\n]*{complaint}[^\n]*\n{usage}")
    expect_run(programs, "--tls", "/nowhere.pem", "/nowhere.key", code=1,
               error=r"echo_server: [^\n]*/nowhere.pem[^\n]*\n")
    expect_run(programs, "--host", "192.0.2.1", code=1,
               error=r"echo_server: cannot listen on 192.0.2.1:3000: [^\n]*\n")

    server, port = start(programs, "--greeting", "h\u00e9llo", "--quiet", "--host", "127.0.0.1",
                         "--subprotocol", "b")
    with connect(port, fields=["Sec-WebSocket-Protocol: a, b"]) as client:
        check("\r\nSec-WebSocket-Protocol: b\r\n" in client.head, client.head)
        client.expect(TEXT, "h\u00e9llo")
        client.close()
    with connect(port, fields=["Sec-WebSocket-Protocol: a", "Origin: https://any.example"]) as client:
        check("Sec-WebSocket-Protocol" not in client.head, client.head)
    stop(server, by=signal.SIGINT)
    check(server.output.count("\n") == 1, "a quiet server has one line to say")

    server, port = start(programs, "--no-greeting", "--max-message", "10", "--ping", "0")
    with connect(port) as client:
        client.send(TEXT, "0123456789")
        client.expect(TEXT, "0123456789")
        client.send(TEXT, "0123456789a")
        opcode, payload = client.receive()
        check(opcode == CLOSE and payload[:2] == close_payload(1009), f"{payload}")
    stop(server)


def test_ping(programs):
    _, port = start(programs, "--no-greeting", "--ping", "1")
    with connect(port) as client:
        client.expect(PING, "")
        client.send(PONG)
        client.expect(PING, "")


def test_localhost(programs):
    server, port = start(programs)
    server.wait_for(rf"\Alistening on ws://127\.0\.0\.1:{port}\n")
    with contextlib.suppress(OSError):  # a machine without IPv6
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        server.wait_for(rf"^listening on ws://\[::1\]:{port}\n")
        with connect(port, host="::1") as client:
            client.expect(TEXT, WELCOME)
            server.wait_for(r"^\[::1\]:\d+: open, /$")
    with connect(port) as client:
        client.expect(TEXT, WELCOME)


def test_port_in_use(programs):
    for threads in "1", "2":
        for others in "1", "2":
            other, port = start(programs, "--threads", others)
            expect_run(programs, "--port", str(port), "--threads", threads, code=1,
                       error=rf"echo_server: cannot listen on 127\.0\.0\.1:{port}: [^\n]*in use[^\n]*\n")
            stop(other)
    with contextlib.suppress(OSError):
        taken = socket.create_server(("::1", 0), family=socket.AF_INET6)
        port = taken.getsockname()[1]
        # The other address may happen to be in use as well.
        where = rf"(127\.0\.0\.1|\[::1\]):{port}"
        expect_run(programs, "--port", str(port), code=1,
                   error=rf"echo_server: cannot listen on {where}: [^\n]*in use[^\n]*\n")


def test_goodbye(programs):
    for threads, by in ("1", signal.SIGTERM), ("2", signal.SIGINT):
        server, port = start(programs, "--threads", threads)
        clients = [connect(port) for _ in range(8)]
        for client in clients:
            client.expect(TEXT, WELCOME)
        silent = socket.create_connection(("127.0.0.1", port), PATIENCE)  # sends no request
        server.process.send_signal(by)
        for client in clients:
            client.expect(CLOSE, close_payload(1001, "the server is shutting down"))
            client.send(CLOSE, close_payload(1001))
            client.expect_end()
            client.socket.close()
        check(server.wait() == 0, f"it ended with {server.process.returncode}")
        silent.close()
        closed = re.findall(r": closed, 1001 by the server\n", server.output)
        check(len(closed) == len(clients), f"{len(closed)} ends were told")


def fill(client):
    """Sends messages and reads none, for as long as the server takes them."""
    client.socket.setblocking(False)
    message = b"\x82\xfe\xff\xff\0\0\0\0" + bytes(65535)
    sent = 0
    while sent < 256 << 20:
        if not select.select([], [client.socket], [], 3)[1]:
            break
        with contextlib.suppress(BlockingIOError):
            at = sent % len(message)
            sent += client.socket.send(message[at:])
    client.socket.setblocking(True)
    client.socket.settimeout(PATIENCE)
    return sent, message


def test_goodbye_to_the_deaf(programs):
    server, port = start(programs)
    deaf = connect(port)
    fill(deaf)
    server.process.send_signal(signal.SIGTERM)
    check(server.wait() == 0, f"it ended with {server.process.returncode}")
    check(": closed, 1006, " in server.output, "the end was told")

    server, port = start(programs)
    deaf = connect(port)
    fill(deaf)
    server.process.send_signal(signal.SIGTERM)
    # The listening sockets are gone once the first signal has been taken notice of.
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), PATIENCE).close()
        except OSError:
            break
    server.process.send_signal(signal.SIGTERM)
    check(server.wait() == -signal.SIGTERM, f"it ended with {server.process.returncode}")


def memory_of(server):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"^VmRSS:\s*(\d+) kB", status.read(), re.MULTILINE)[1])


def test_slow_reader(programs):
    server, port = start(programs, "--no-greeting")
    before = memory_of(server)
    with connect(port) as client:
        sent, message = fill(client)
        check(sent < 256 << 20, "the server takes everything from who reads nothing")
        held = memory_of(server) - before
        check(held < 64 << 10, f"{held} KiB for one slow reader")
        for _ in range(sent // len(message)):
            client.expect(BINARY, message[8:])
        with connect(port) as other:
            other.send(TEXT, "and others?")
            other.expect(TEXT, "and others?")


def test_no_descriptors(programs):
    server, port = start(programs, prefix=("sh", "-c", 'ulimit -n 24 && exec "$@"', "sh"))
    # Connections are taken in the order in which they came.
    served = [connect(port) for _ in range(8)]
    clients = [raw.begin(port) for _ in range(32)]
    for client in served:
        client.expect(TEXT, WELCOME)
        client.send(TEXT, "hello")
        client.expect(TEXT, "hello")
    opened = server.output.count(": open, ")
    check(opened < 24, f"{opened} connections by 24 descriptors")
    for client in [*served, *clients[:24]]:
        client.socket.close()
    # Who had to wait is served.
    for client in clients[24:]:
        client.read_answer()
        client.expect(TEXT, WELCOME)
        client.close()
    stop(server)
    check(server.output.count(": open, ") == 40, "not everybody was served")
    # Told at most once between two that were let in, however often it was tried.
    waits = server.output.count("clients have to wait: Too many open files\n")
    check(0 < waits <= 41, f"told {waits} times that clients have to wait")


def test_threads(programs):
    server, port = start(programs, "--threads", "2", "--quiet")
    with open("/proc/net/tcp", encoding="ascii") as table:
        listening = sum(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
                        for line in table)
    check(listening == 2, f"{listening} sockets listen on 127.0.0.1:{port}")
    clients = [connect(port) for _ in range(64)]
    for i, client in enumerate(clients):
        client.expect(TEXT, WELCOME)
        client.send(TEXT, f"hello {i}")
    for i, client in enumerate(clients):
        client.expect(TEXT, f"hello {i}")
        client.close()
    stop(server)


def test_tls(programs):
    server, port = start(programs, "--tls", certificate("good.pem"), certificate("good.key"))
    check(f"listening on wss://127.0.0.1:{port}\n" in server.output, "wss")
    trust = ssl.create_default_context(cafile=certificate("ca.pem"))

    def wrap(connection):
        return trust.wrap_socket(connection, server_hostname="localhost")

    with connect(port, "/secret", wrap=wrap) as client:
        server.wait_for(r": open, /secret$")
        client.expect(TEXT, WELCOME)
        large = b"x" * 300_000
        client.send(BINARY, large)
        client.expect(BINARY, large)
        client.close()
        server.wait_for(r": closed, 1000 by the client$")
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        server.wait_for(r": refused, \S")
    # Neither who is silent nor who is served keeps it from ending.
    silent = socket.create_connection(("127.0.0.1", port), PATIENCE)
    with connect(port, wrap=wrap) as client:
        client.expect(TEXT, WELCOME)
        server.process.send_signal(signal.SIGTERM)
        client.expect(CLOSE, close_payload(1001, "the server is shutting down"))
        client.send(CLOSE, close_payload(1001))
        client.expect_end()
    check(server.wait() == 0, f"it ended with {server.process.returncode}")
    silent.close()


if __name__ == "__main__":
    main({name[5:]: test for name, test in list(globals().items()) if name.startswith("test_")})
