# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0
"""Clients that come and go at random."""

from ..machine import say
from ..report import fenced
from ..servers import BARE, FLOOR, SERVERS, Server
from .. import stream

TITLE = "10 minutes of clients that come and go at random, well behaved or not"

# glibc keeps much of what is freed in large blocks, which would hide a leak.
EAGER_ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "16384", "MALLOC_TRIM_THRESHOLD_": "65536"}


def names(run):
    """Without those that have no protocol to break, or trust their clients."""
    return [name for name in run.alone if name not in (*BARE, FLOOR)]


def length(run):
    return run.seconds or (40 if run.quick else 600)


def seconds(run):
    return len(names(run)) * length(run)


def measure(run):
    results = {}
    options = ["--cycle", 4, "--clients", 100] if run.quick else []
    for name in names(run):
        say(f"soak: {SERVERS[name]}")
        with Server(name, None, EAGER_ALLOCATOR) as server:
            ok, lines = stream.run(
                server.line_for("soak", "--seconds", length(run), *options), length(run) * 2 + 60)
        results[name] = {"ok": ok, "lines": lines}
    return results


def show(figures, report):
    for name, of in figures.items():
        report.add(f"## Soak of {SERVERS[name]}", fenced(of["lines"]))
        report.holds(f"soak of {SERVERS[name]}", of["ok"])
