# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0
"""Instructions a message, counted by callgrind: repeatable, whatever else the machine does."""

import pathlib
import re
import shutil
import subprocess
import tempfile

from ..machine import BIN, Failed, say
from ..report import table
from .codec import everybody

TITLE = "the codec's instructions a message, which do not depend on what else the machine does"

# callgrind counts each of memcpy's bytes for an instruction.
WANTED = "^(parse|encode), .*/text, .*/(?!memcpy)|^handshake/"


def seconds(run):
    return 8


def measure(run):
    program = BIN / "codec" / "codec"
    if not program.exists() or shutil.which("valgrind") is None:
        raise Failed("instructions: needs the benchmark of the codec, and valgrind")
    say("instructions")
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--collect-atstart=no", "--callgrind-out-file=out",
             program, "--instructions", WANTED],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"instructions: {done.stderr.strip()}")
        # callgrind numbers its files as the program prints its lines.
        for number, line in enumerate(done.stdout.splitlines(), 1):
            messages, name = line.split("\t")
            text = pathlib.Path(folder, f"out.{number}").read_text(errors="replace")
            total = int(re.search(r"^summary: (\d+)", text, re.MULTILINE)[1])
            operation, of, who = name.split("/")
            results.setdefault(f"{operation}: {of}", {})[who] = total / int(messages)
    return results


def show(figures, report):
    who = everybody(figures)
    rows = [[of] + [f"{entries[name]:.0f}" if name in entries else "" for name in who]
            for of, entries in figures.items()]
    report.add("## Instructions a message",
               "Counted by callgrind, which has no AVX-512.", table(["", *who], rows))
