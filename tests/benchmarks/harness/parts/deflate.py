# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0
"""permessage-deflate: what it costs, and what it saves."""

from ..machine import Failed, say
from ..report import median, spread, table
from ..servers import COMPRESSING, Server, Servers, is_there, measured

TITLE = "permessage-deflate: server CPU and octets a message, and memory of an idle connection"

MODES = {"no takeover": ["--no-takeover"], "takeover": []}


def plan(run):
    return (3, 0.2, 100) if run.quick else (9, 1, 1000)


def seconds(run):
    rounds, length, _ = plan(run)
    return 8 * rounds * (length + 0.2) + (10 if run.quick else 40)


def measure(run):
    names = [name for name in COMPRESSING if is_there(name)]
    rounds, length, connections = plan(run)
    results = {}
    for mode, options in MODES.items():
        cpu = {name: [] for name in names}
        octets = {name: [] for name in names}
        with Servers(names, run.cores[0]) as servers:
            for turn in range(rounds):
                say(f"deflate: {mode}, {turn + 1} of {rounds}")
                for server in servers.turn(turn):
                    line = measured(server, "compressed_load", "--seconds", length,
                                    "--core", run.cores[1], *options)
                    if line["compressed"] != line["messages"]:
                        raise Failed(f"echo_{server.name} did not compress")
                    cpu[server.name].append(line["server_us"])
                    octets[server.name].append(line["octets"])
        results[mode] = {"cpu": cpu, "octets": octets}
    idle = {}
    for name in names:
        say(f"deflate: memory of {COMPRESSING[name]}")
        for mode, options in {"none": ["--plain"], **MODES}.items():
            with Server(name, run.cores[0]) as server:
                line = measured(server, "compressed_load", "--memory", "--connections",
                                connections, *options)
            idle.setdefault(name, {})[mode] = line["idle"]
    return {"modes": results, "connections": connections, "idle": idle}


def show(figures, report):
    rows = []
    for mode, of in figures["modes"].items():
        cpu, octets = of["cpu"], of["octets"]
        for name in cpu:
            ratio = median(ours / theirs for ours, theirs in zip(cpu["deflate"], cpu[name]))
            rows.append([mode, COMPRESSING[name], spread(cpu[name]),
                         f"{median(octets[name]):.0f}", f"{ratio:.2f}"])
            if name == "websocketpp_deflate":
                report.at_most(f"CPU over websocketpp's, {mode}", ratio, 0.8)
                report.at_most(f"octets over websocketpp's, {mode}",
                               median(octets["deflate"]) / median(octets[name]), 1)
    report.add("## permessage-deflate: server CPU and octets a message",
               "1 KiB of JSON, 16 connections, 4 messages in flight on each. Everybody's default "
               "level and window, so it is not equal work: look at both columns.",
               table(["", "", "CPU, us", "octets", "Framewire's CPU over its"], rows))
    idle = figures["idle"]
    report.add("## permessage-deflate: memory of an idle connection, in bytes",
               f"RSS of the server with {figures['connections']} connections, a message of 1 KiB "
               "on each, less what it was with 8.",
               table(["", "not agreed on", *MODES],
                     [[COMPRESSING[name], *map(str, of.values())] for name, of in idle.items()]))
    report.at_most("bytes that no takeover adds to an idle connection",
                   idle["deflate"]["no takeover"] - idle["deflate"]["none"], 64)
