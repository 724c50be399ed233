# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0
"""Many connections, held on Framewire's server."""

import resource

from ..machine import say
from ..report import fenced
from ..servers import SERVERS, Server, is_there, measured
from .. import stream

TITLE = "10,000 connections on Framewire's server, held for 60 s"

# Each allocation is mapped by itself, and unmapped when it is freed.
PAGES_EACH = {"MALLOC_MMAP_THRESHOLD_": "1", "MALLOC_MMAP_MAX_": "1000000"}


def seconds(run):
    return len(run.alone) * (30 if run.quick else 110)


def allocations(name):
    """Of a connection: while it is idle, and those that are kept when it has closed."""
    page = resource.getpagesize()
    with Server(name, None, PAGES_EACH) as server:
        line = measured(server, "hold", "--connections", 4000, "--seconds", 0, "--json")
    return line["idle"] / page, line["kept"] / page


def measure(run):
    results = {}
    for name in run.alone:
        say(f"hold: {SERVERS[name]}")
        options = ["--connections", 1000, "--seconds", 10, "--interval", 2] if run.quick else []
        if name == "framewire":
            options += ["--max-idle", 1024]
        with Server(name, None) as server:
            ok, lines = stream.run(server.line_for("hold", *options), 600)
        # An allocator cannot give back a page while anything lives on it. So each allocation gets
        # pages of its own here; what is still there in the end is what was not freed.
        say("hold: what is freed")
        idle, kept = allocations(name)
        results[name] = {"ok": ok, "lines": lines, "idle": idle, "kept": kept,
                         "floor": allocations("asio")[1] if is_there("asio") else 0}
    return {"connections": "1,000" if run.quick else "10,000", "results": results}


def show(figures, report):
    for name, of in figures["results"].items():
        report.add(f"## {figures['connections']} connections on {SERVERS[name]}",
                   fenced(of["lines"]),
                   f"An idle connection is {of['idle']:.1f} pieces of memory, of which "
                   f"{of['kept']:.2f} were not freed when 4,000 had closed (bare Asio: "
                   f"{of['floor']:.2f}; it keeps its state of a descriptor).")
        report.holds(f"hold on {SERVERS[name]}", of["ok"])
        report.holds(f"{SERVERS[name]} frees what its connections held",
                     of["kept"] <= of["floor"] + 0.1)
