# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0
"""What it costs to compile an echo server."""

import os
import subprocess
import tempfile

from ..build import compile_commands
from ..machine import BIN, Failed, say
from ..report import median, spread, table
from ..servers import SERVERS, is_there

TITLE = "what it costs to compile each server"

NAMES = {**SERVERS, "core_alone": "Framewire (core) without I/O"}


def plan(run):
    names = [name for name in (*run.names, "core_alone") if name in compile_commands()]
    if run.quick:  # what the bars are about
        names = [name for name in names if name in ("framewire", "coroutine", "core_alone", "asio")]
        return names, 1, ("-O2",)
    return names, 3, ("-O2", "-O0")


def seconds(run):
    return 20 if run.quick else 260


def measure(run):
    names, rounds, levels = plan(run)
    commands = compile_commands()
    results = {name: {**{level: [] for level in levels}, "MiB": []} for name in names}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(rounds):
            for name in names:
                say(f"compile: {NAMES[name]}, {turn + 1} of {rounds}")
                for level in levels:
                    compile_once(commands[name], level, folder, results[name])
        for name in filter(is_there, names):
            stripped = os.path.join(folder, name)
            subprocess.run(["strip", "-o", stripped, BIN / f"echo_{name}"], check=True)
            results[name]["KiB"] = os.path.getsize(stripped) / 1024
    return results


def compile_once(entry, level, folder, result):
    words = entry["command"].split()
    words[words.index("-o") + 1] = os.path.join(folder, "out.o")
    words[words.index("-O2")] = level
    child = subprocess.Popen(words, cwd=entry["directory"])
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise Failed(f"{entry['file']} does not compile with {level}")
    result[level].append(usage.ru_utime + usage.ru_stime)
    if level == "-O2":
        result["MiB"].append(usage.ru_maxrss / 1024)


def show(figures, report):
    def ratio(name, other, what):
        return median(figures[name][what]) / median(figures[other][what])

    what = [each for each in ("-O2", "-O0", "MiB") if each in next(iter(figures.values()))]
    others = [other for other in ("asio", "beast") if other in figures]
    rows = []
    for name, of in figures.items():
        row = [NAMES[name], *(spread(of[each]) for each in what),
               f"{of['KiB']:.0f}" if "KiB" in of else ""]
        row += [" / ".join(f"{ratio(name, other, each):.2f}" for each in what) for other in others]
        rows.append(row)
    names = {"-O2": "-O2, s", "-O0": "-O0, s", "MiB": "MiB"}
    report.add("## What it costs to compile an echo server",
               "CPU seconds of one translation unit, the compiler's peak memory at -O2, and the "
               "size of the stripped program. Ratios are of the same, up to the memory.",
               table(["", *(names[each] for each in what), "KiB",
                      *(f"over {SERVERS[other]}" for other in others)], rows))
    if "core_alone" in figures:
        report.at_most("seconds to compile the core without I/O at -O2",
                       median(figures["core_alone"]["-O2"]), 0.8)
    for name, bar in (("framewire", 1.35), ("coroutine", 1.6)):
        if name in figures and "asio" in figures:
            report.at_most(f"seconds to compile {SERVERS[name]} at -O2 over bare Asio's",
                           ratio(name, "asio", "-O2"), bar)
