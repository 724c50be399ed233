# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

"""What the drivers of this folder share: programs that end with the test, and how a test ends.

A driver is started as `python3 DRIVER PROGRAMS WORDS`: PROGRAMS is a JSON file that the build
writes, the names and paths of what was built. It ends with 0, with 1, or with 77 when something is
not installed; where FRAMEWIRE_REQUIRE_PEERS is set, that is a failure too.
"""

import atexit
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.join(os.path.dirname(HERE), "peers")
ROOT = os.path.dirname(os.path.dirname(HERE))
NODE_MODULES = os.path.join(ROOT, "examples", "ws_server", "node_modules")

# Long enough for a busy machine with sanitizers; every test ends by itself before ctest's TIMEOUT.
PATIENCE = 60


class Skip(Exception):
    """Something that the test needs is not installed."""


def check(right, what):
    if not right:
        raise AssertionError(what)


class Program:
    """A program that runs until the test ends at the latest."""

    running = []

    def __init__(self, *command, inherit=(), environment=None, read_input=False):
        self.name = os.path.basename(command[0])
        print("$", *command, flush=True)
        # Where a group of processes is needed to end it, it is this program's own.
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if read_input else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=inherit,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        self.output = ""
        self.changed = threading.Condition()
        self.ended = False
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        Program.running.append(self)

    def _read(self):
        for line in self.process.stdout:
            text = line.decode(errors="replace")
            with self.changed:
                self.output += text
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait_for(self, pattern):
        """Waits for a regular expression in the output."""
        deadline = time.monotonic() + PATIENCE
        with self.changed:
            while True:
                found = re.search(pattern, self.output, re.MULTILINE)
                if found:
                    return found
                check(not self.ended, f"{self.name} ended without a word of {pattern!r}")
                rest = deadline - time.monotonic()
                check(rest > 0, f"{self.name} never said {pattern!r}")
                self.changed.wait(rest)

    def say(self, text):
        # One that has ended already is judged by what it said.
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(text.encode())
            self.process.stdin.flush()

    def end_input(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()

    def wait(self, patience=PATIENCE):
        """Waits for its end, and returns the exit code."""
        try:
            code = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end") from None
        self.reader.join(PATIENCE)
        return code

    def end(self):
        if self.process.stdin:
            self.end_input()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        # Helpers of a browser outlive it for a moment.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)


def expect_success(program, *words):
    code = program.wait()
    check(code == 0, f"{program.name} ended with {code}")
    for word in words:
        check(re.search(word, program.output), f"{program.name} did not say {word!r}")


class Programs:
    """What was built."""

    def __init__(self, file):
        with open(file, encoding="utf-8") as stream:
            self.paths = json.load(stream)

    def path(self, name):
        if name not in self.paths:
            raise Skip(f"{name} was not built: what it is made of is not installed")
        return self.paths[name]


def tool(name, package):
    """A program of the system, which may stand outside of a user's PATH."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if not found:
        raise Skip(f"{name} is not installed (Debian: {package})")
    return found


_folder = None


def folder():
    """A folder that ends with the test."""
    global _folder
    if _folder is None:
        _folder = tempfile.mkdtemp(prefix="framewire-")
        atexit.register(shutil.rmtree, _folder, ignore_errors=True)
    return _folder


_certificates = None


def certificate(name):
    """The path of a file that make_certificates.sh makes."""
    global _certificates
    if _certificates is None:
        tool("openssl", "openssl")
        made = os.path.join(folder(), "certificates")
        os.mkdir(made)
        subprocess.run([os.path.join(PEERS, "make_certificates.sh"), made], check=True)
        _certificates = made
    return os.path.join(_certificates, name)


def listening_socket():
    """A socket that a program can inherit: its port is free, and known before it starts."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=64)
    listening.set_inheritable(True)
    return listening


def http_request(port, head, host="127.0.0.1"):
    """Sends a head and returns the head of the answer."""
    with socket.create_connection((host, port), PATIENCE) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            block = connection.recv(65536)
            if not block:
                break
            answer += block
        return answer.split(b"\r\n\r\n")[0].decode()


def main(tests):
    """Runs the test that the command line names. `tests`: functions by name."""

    def interrupted(*_):
        raise SystemExit("interrupted")

    signal.signal(signal.SIGTERM, interrupted)
    words = sys.argv[1:]
    if len(words) < 2 or words[1] not in tests:
        sys.exit(f"usage: {sys.argv[0]} PROGRAMS {{{'|'.join(tests)}}} [WORDS]")
    code = 0
    try:
        tests[words[1]](Programs(words[0]), *words[2:])
    except Skip as why:
        code = 1 if os.environ.get("FRAMEWIRE_REQUIRE_PEERS") else 77
        print("SKIPPED:", why)
    except (AssertionError, OSError, subprocess.SubprocessError):
        code = 1
        traceback.print_exc()
    finally:
        for program in Program.running:
            program.end()
        for program in Program.running:
            program.reader.join(5)
            if program.output and code == 1:
                print(f"--- {program.name} said:")
                print(program.output.rstrip())
        sys.stdout.flush()
    sys.exit(code)
