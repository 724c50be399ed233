# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

"""chat_app.py PROGRAM options|display: the chat with windows, as its users see it.

options: what its command line says, without a display. display: two processes on a display of their
own (Xvfb), and somebody who types (xdotool). What both windows show is compared by the transcripts
that the program writes for its users, and by pictures of the screen."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

program, what = sys.argv[1:3]
PATIENCE = 60
folder = pathlib.Path(tempfile.mkdtemp(prefix="chat_app."))
running = []


def environment(**more):
    kept = {name: value for name, value in os.environ.items()
            if name not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    return {**kept, "QT_QUICK_BACKEND": "software", "XDG_RUNTIME_DIR": str(folder),
            # What Qt, D-Bus and fontconfig leave behind is theirs; the tests in QML look for leaks.
            "QT_MESSAGE_PATTERN": "%{message}", "ASAN_OPTIONS": "detect_leaks=0", **more}


def start(*words, **more):
    log = open(folder / f"log{len(running)}", "w+b")
    running.append(subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    env=environment(**more)))
    running[-1].log = log.name
    return running[-1]


def until(condition, why):
    """What the condition gives once it gives something."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        for one in running:
            assert one.poll() in (None, 0), f"{one.args} ended: {open(one.log).read()}"
        time.sleep(0.05)
    raise AssertionError(f"waited in vain for {why}")


def heard(path):
    """What stands in a transcript, without the times."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return re.findall(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (.*(?:\n    .*)*)", text, re.MULTILINE)


def port_of(process):
    found = re.search(r"listens at ws://127\.0\.0\.1:(\d+)", open(process.log).read())
    return found and found[1]


def missing(*packages):
    print("SKIPPED: missing (Debian):", *packages)
    return 1 if os.environ.get("FRAMEWIRE_REQUIRE_PEERS") else 77


def test_options():
    def run(*words):
        done = subprocess.run([program, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=PATIENCE, env=environment(QT_QPA_PLATFORM="offscreen"))
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    if "is not installed" in run("--pictures", str(folder))[2]:
        return missing("qml6-module-qtquick-controls", "qml6-module-qtquick-templates",
                       "qml6-module-qtquick-layouts")
    for picture in "light", "dark", "narrow":
        assert (folder / f"{picture}.png").stat().st_size > 20000
    assert run("--help")[0] == 0 and "--host" in run("--help")[1]
    for words, complaint in (
            (["--host", "--join", "x"], "one of them"), (["--port", "70000"], "no port"),
            (["--port", ""], "no port"), (["--listen", "localhost"], "no IP address"),
            (["--size", "10x10"], "no size"), (["--look", "red"], "neither light nor dark"),
            (["--picture", "x.png"], "goes with --say"), (["--say", "x"], "needs --host or --join"),
            (["extra"], "what is"), (["--transcript", str(folder / "none" / "x")], "cannot write")):
        code, _, error = run(*words)
        assert code == 2 and complaint in error, (words, code, error)
    assert run("--unknown")[0] == 1

    host = start(program, "--host", "--port", "0", "--as", "Ann", "--transcript",
                 str(folder / "ann.txt"), QT_QPA_PLATFORM="offscreen")
    port = until(lambda: port_of(host), "the room")
    for text in " ", "x" * 4001:
        code, _, error = run("--join", f"localhost:{port}", "--as", "Ben", "--say", text)
        assert code == 1 and "empty or too long" in error, error
    code, _, error = run("--host", "--port", port, "--say", "x")
    assert code == 1 and f"No room can be opened on port {port}" in error, error
    code, _, error = run("--join", f"localhost:{port}", "--as", "ANN", "--say", "x")
    assert code == 1 and "Take another name" in error, error
    for size in "320x360", "1200x800":
        picture = folder / f"{size}.png"
        code, _, error = run("--join", f"localhost:{port}", "--as", "Ben", "--size", size,
                             "--say", "a line\n* Ann left", "--picture", str(picture))
        assert code == 0, error
        width, height = (int(part) for part in size.split("x"))
        head = picture.read_bytes()[:24]
        assert head[16:24] == width.to_bytes(4, "big") + height.to_bytes(4, "big"), head
    code, _, error = run("--join", f"localhost:{port}", "--as", "Ann> hi <Ben", "--say", "x")
    assert code == 0, error
    # Nobody can pass for somebody else by a line of their own, or by a name.
    until(lambda: "* Ann hi Ben left" in heard(folder / "ann.txt"), "Ben to leave")
    lines = heard(folder / "ann.txt")
    assert lines.count("* Ben left") == 2 and "<Ann hi Ben> x" in lines, lines
    assert lines[:4] == ["* You joined as Ann", "* Ben joined", "<Ben> a line\n    * Ann left",
                         "* Ben left"], lines
    host.terminate()
    host.wait(PATIENCE)
    code, _, error = run("--join", f"localhost:{port}", "--as", "Ben", "--say", "x")
    assert code == 1 and "No chat room answers" in error, error
    return 0


class Screen:
    """A display, with hands at the keyboard."""

    def __init__(self):
        reading, writing = os.pipe()
        self.server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1600x700x24", "-nolisten", "tcp"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            pass_fds=[writing])
        os.close(writing)
        with os.fdopen(reading) as number:
            self.name = ":" + number.readline().strip()
        assert self.name != ":", "Xvfb did not start"

    def hands(self, *words):
        return subprocess.run(["xdotool", *words], check=True, timeout=PATIENCE, text=True,
                              stdout=subprocess.PIPE, env=environment(DISPLAY=self.name)).stdout

    def window_of(self, process):
        def look():
            done = subprocess.run(
                ["xdotool", "search", "--all", "--onlyvisible", "--pid", str(process.pid),
                 "--name", "Chat"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=PATIENCE,
                env=environment(DISPLAY=self.name))
            return done.stdout.split()
        return until(look, "a window")[0]

    def focus(self, window):
        # There is no window manager that would do it.
        self.hands("windowfocus", "--sync", window)

    def picture(self, window):
        """The colours in a window, each with how many pixels have it."""
        done = subprocess.run(["xwd", "-silent", "-id", window], check=True, timeout=PATIENCE,
                              stdout=subprocess.PIPE, env=environment(DISPLAY=self.name))
        data = done.stdout
        head = int.from_bytes(data[:4], "big")
        colours = int.from_bytes(data[76:80], "big")
        step = int.from_bytes(data[44:48], "big") // 8
        pixels = data[head + 12 * colours:]
        counts = {}
        for at in range(0, len(pixels) - step + 1, step):
            pixel = pixels[at:at + 3]
            counts[pixel] = counts.get(pixel, 0) + 1
        return counts


def test_display():
    if not all(shutil.which(needed) for needed in ("Xvfb", "xdotool", "xwd")):
        return missing("xvfb", "xdotool", "x11-apps")
    screen = Screen()
    try:
        display = {"DISPLAY": screen.name, "QT_QPA_PLATFORM": "xcb"}
        ann_said, ben_said = folder / "ann.txt", folder / "ben.txt"
        ann = start(program, "--host", "--port", "0", "--as", "Ann", "--look", "light",
                    "--transcript", str(ann_said), **display)
        port = until(lambda: port_of(ann), "the room")
        ben = start(program, "--look", "dark", "--transcript", str(ben_said), **display)
        ann_window, ben_window = screen.window_of(ann), screen.window_of(ben)
        screen.hands("windowmove", ben_window, "800", "0")

        # Ben writes where to go and who he is, and is there.
        screen.focus(ben_window)
        screen.hands("key", "ctrl+l")
        screen.hands("type", f"localhost:{port}")
        screen.hands("key", "Tab")
        screen.hands("type", "Ben")
        screen.hands("key", "Return")
        until(lambda: heard(ann_said) == ["* You joined as Ann", "* Ben joined"], "Ben")
        until(lambda: heard(ben_said) == ["* You joined as Ben"], "Ben himself")
        before = [screen.picture(ann_window), screen.picture(ben_window)]

        # They talk.
        screen.hands("type", "Hello Ann")
        screen.hands("key", "shift+Return")
        screen.hands("type", "<b>two</b> lines")
        screen.hands("key", "Return")
        lines = ["<Ben> Hello Ann\n    <b>two</b> lines"]
        until(lambda: heard(ann_said)[2:] == lines, "Ben's line")
        screen.focus(ann_window)
        screen.hands("key", "ctrl+m")
        screen.hands("type", "Hello yourself!")
        screen.hands("key", "Return")
        lines.append("<Ann> Hello yourself!")
        until(lambda: heard(ben_said)[1:] == lines, "Ann's line with Ben")
        until(lambda: heard(ann_said)[2:] == lines, "Ann's line with Ann")

        # Both windows show it: each has more of the colour that only bubbles of its own have.
        accents = [bytes.fromhex("d35924"), bytes.fromhex("d66635")]  # blue, green, red
        for window, earlier, accent in zip((ann_window, ben_window), before, accents):
            until(lambda: screen.picture(window).get(accent, 0) > earlier.get(accent, 0) + 500,
                  "a bubble")
            assert len(screen.picture(window)) > 50, "a window is blank"

        # The look changes by a key.
        grounds = [bytes.fromhex("f8f5f3"), bytes.fromhex("1b1614")]
        assert screen.picture(ann_window).get(grounds[0], 0) > 50000
        screen.hands("key", "ctrl+t")
        until(lambda: screen.picture(ann_window).get(grounds[1], 0) > 50000, "the dark look")

        # Ann's window closes, and the room with it: Ben is told, and what he writes is kept.
        screen.hands("key", "ctrl+q")
        until(lambda: ann.poll() == 0, "Ann's window to close")
        until(lambda: heard(ben_said)[3:] == ["* The connection was lost"], "the end")
        screen.focus(ben_window)
        screen.hands("type", "Are you there?")
        screen.hands("key", "Return")
        ann = start(program, "--host", "--port", port, "--as", "Ann", "--transcript",
                    str(folder / "again.txt"), **display)
        until(lambda: "<Ben> Are you there?" in heard(folder / "again.txt"), "what was kept")
        until(lambda: heard(ben_said)[-1] == "<Ben> Are you there?", "what was kept, with Ben")
        screen.focus(ben_window)
        screen.hands("key", "ctrl+q")
        until(lambda: ben.poll() == 0, "Ben's window to close")
        until(lambda: heard(folder / "again.txt")[-1] == "* Ben left", "Ben to leave")
    finally:
        end()
        screen.server.terminate()
        screen.server.wait()
    return 0


def end():
    for one in running:
        if one.poll() is None:
            one.terminate()
            one.wait()


try:
    sys.exit({"options": test_options, "display": test_display}[what]())
finally:
    end()
    for one in running:
        text = open(one.log).read()
        if text:
            print(f"--- {one.args[1:]}\n{text}")
    shutil.rmtree(folder)
