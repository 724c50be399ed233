# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0
"""What a message costs an echo server."""

from ..machine import say
from ..report import SIZES, geometric_mean, median, spread, table
from ..servers import FLOOR, SERVERS, Servers, measured

TITLE = "server CPU a message, over sizes, connections and messages in flight"

CELLS = [(connections, size, depth)
         for size in SIZES for connections in (1, 64, 1000) for depth in (1, 16)]
QUICK_CELLS = [(1, 16, 1), (64, 16, 16), (64, 1024, 16), (64, 65536, 1)]


def plan(run):
    return (QUICK_CELLS, 3, 0.12, 0.04) if run.quick else (CELLS, 7, 0.5, 0.1)


def seconds(run):
    cells, rounds, length, warm_up = plan(run)
    opening = sum(connections for connections, _, _ in cells) / len(cells) / 2000
    return len(cells) * len(run.names) * (rounds * (length + warm_up + 0.06 + opening) + 0.2)


def measure(run):
    cells, rounds, length, warm_up = plan(run)
    results = []
    for number, (connections, size, depth) in enumerate(cells, 1):
        say(f"cpu: cell {number} of {len(cells)}")
        times = {name: [] for name in run.names}
        with Servers(run.names, run.cores[0]) as servers:
            for turn in range(rounds):
                for server in servers.turn(turn):
                    line = measured(server, "load", "--connections", connections, "--size", size,
                                    "--depth", depth, "--seconds", length, "--warm-up", warm_up,
                                    "--core", run.cores[1])
                    times[server.name].append(line["server_us"])
        results.append({"connections": connections, "size": size, "depth": depth,
                        "server_us": times})
    return {"rounds": rounds, "cells": results}


def by_round(cell, name, other):
    """Round by round: what disturbed one disturbed both."""
    times = cell["server_us"]
    return [ours / theirs for ours, theirs in zip(times[name], times[other])]


def ratio(cell, name, other):
    return median(by_round(cell, name, other))


def ratios(figures, name, other):
    return [ratio(cell, name, other) for cell in figures["cells"]]


def name_of(cell):
    return f"{cell['connections']} x {SIZES[cell['size']]} x {cell['depth']}"


def names_in(figures):
    return list(figures["cells"][0]["server_us"])


def show(figures, report):
    names = names_in(figures)
    header = ["connections x size x in flight"] + [SERVERS[name] for name in names]
    report.add("## Echo servers: CPU a message",
               f"One thread each; medians of {figures['rounds']} rounds in which the servers take "
               "turns.")
    base = FLOOR if FLOOR in names else names[0]
    rows = [[name_of(cell)] + [f"{ratio(cell, name, base):.2f}" for name in names]
            for cell in figures["cells"]]
    rows.append(["**geometric mean**"] + [f"**{geometric_mean(ratios(figures, name, base)):.2f}**"
                                          for name in names])
    if base == FLOOR:
        report.add("### Over the floor",
                   "The floor is a server on epoll by hand that does nothing but what the protocol "
                   "asks for. *Bare* servers know no protocol at all: they send bytes back.")
    else:
        report.add(f"### Over {SERVERS[base]}")
    report.add(table(header, rows))
    rows = [[name_of(cell)] + [spread(cell["server_us"][name]) for name in names]
            for cell in figures["cells"]]
    report.add("### In microseconds", table(header, rows))
    add_bars(figures, report)


def add_bars(figures, report):
    names = names_in(figures)

    def there(*some):
        return set(some) <= set(names)

    if there("framewire", FLOOR):
        report.at_most("CPU of Framewire (Asio) over the floor, geometric mean",
                       geometric_mean(ratios(figures, "framewire", FLOOR)), 1.07)
    for ours in ("framewire", "coroutine"):
        for cell in figures["cells"]:
            # Of larger messages, one read holds less than one.
            if not there(ours, "beast") or cell["depth"] != 16 or cell["size"] > 1024:
                continue
            bar = 0.2
            what = f"CPU of {SERVERS[ours]} over Boost.Beast's at {name_of(cell)}"
            if there("asio"):  # nothing on Asio costs less than Asio itself
                bare = ratio(cell, "asio", "beast")
                if round(1.1 * bare, 2) > bar:
                    bar = round(1.1 * bare, 2)
                    what += f" (bare Asio's: {bare:.2f})"
            report.at_most(what, ratio(cell, ours, "beast"), bar)
    if there("qt", "qtcpsocket"):
        report.at_most("CPU of Framewire (Qt) over bare QTcpSocket's, geometric mean",
                       geometric_mean(ratios(figures, "qt", "qtcpsocket")), 1.25)
    if there("qt", "qwebsocketserver"):
        for cell in figures["cells"]:
            if cell["depth"] != 16 and cell["size"] != 65536:
                continue
            bar = {16: 0.75, 1024: 0.5, 65536: 0.35}[cell["size"]]
            what = f"CPU of Framewire (Qt) over QtWebSockets' at {name_of(cell)}"
            if there("qtcpsocket") and ratio(cell, "qtcpsocket", "qwebsocketserver") > bar:
                what += f" (bare QTcpSocket's: {ratio(cell, 'qtcpsocket', 'qwebsocketserver'):.2f})"
            report.at_most(what, ratio(cell, "qt", "qwebsocketserver"), bar)
