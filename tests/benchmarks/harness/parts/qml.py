# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0
"""Server and client in one process in QML."""

import json
import subprocess

from ..machine import BIN, Failed, say
from ..report import median, spread, table

TITLE = "messages a second in QML, beside QtWebSockets"

# What the program prints, what it is, and how many times QtWebSockets' it has to be, if at all.
RATES = {
    "text_16": ("round trips of 16 B a second", 1.3),
    "text_65536": ("round trips of 64 KiB a second", 3),
    "pipelined_16": ("messages of 16 B a second, 20,000 in flight", 3),
    "binary_mib": ("MiB a second each way, messages of 1 MiB", 3),
    "broadcast_16": ("messages of 16 B a second, to 100 clients each", None),
    "broadcast_65536": ("messages of 64 KiB a second, to 100 clients each", None),
}


def plan(run):
    return (2, 0.2) if run.quick else (5, 1)


def seconds(run):
    rounds, length = plan(run)
    return rounds * 2 * (6 * length + 0.9)


def measure(run):
    program = BIN / "qml_pair"
    if not program.exists():
        raise Failed("qml: the QML module was not built: it needs Qt")
    rounds, length = plan(run)
    results = {}
    for turn in range(rounds):
        say(f"qml: {turn + 1} of {rounds}")
        for options in [[], ["--stock"]] if turn % 2 == 0 else [["--stock"], []]:
            done = subprocess.run([program, "--seconds", str(length), *options], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                                  timeout=120)
            if done.returncode != 0:
                raise Failed(f"qml_pair: {done.stderr.strip()}")
            line = json.loads(done.stdout)
            for key in RATES:
                results.setdefault(line["module"], {}).setdefault(key, []).append(line[key])
    return results


def show(figures, report):
    ours, theirs = figures["Framewire"], figures["QtWebSockets"]
    rows = []
    for key, (what, bar) in RATES.items():
        if key not in ours:  # in figures of before there were these
            continue
        ratio = median(a / b for a, b in zip(ours[key], theirs[key]))
        rows.append([what, spread(ours[key]), spread(theirs[key]), f"{ratio:.2f}"])
        if bar is not None:
            report.at_least(f"QML: {what}, over QtWebSockets'", ratio, bar)
    report.add("## In QML", "Server and client in one process.",
               table(["", "Framewire", "QtWebSockets", "ratio"], rows))
