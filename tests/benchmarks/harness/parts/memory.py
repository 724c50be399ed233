# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0
"""What an idle connection costs an echo server in memory."""

import concurrent.futures

from ..machine import say
from ..report import table
from ..servers import SERVERS, Server, measured

TITLE = "memory of an idle connection"


# Nothing is timed here, and most of it is waiting.
AT_ONCE = 4


def plan(run):
    return 1000 if run.quick else 2000


def seconds(run):
    return 2 * len(run.names) * 4 / AT_ONCE


def measure(run):
    connections = plan(run)

    def one(name, size):
        count = connections if size == 16 else connections // 4
        with Server(name, None) as server:
            return measured(server, "hold", "--connections", count, "--seconds", 0, "--size", size,
                            "--rounds", 1, "--json")

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        wanted = {(name, size): pool.submit(one, name, size)
                  for name in run.names for size in (16, 65536)}
        results = {}
        for (name, size), line in wanted.items():
            results.setdefault(name, {})[str(size)] = line.result()
            say(f"memory: {SERVERS[name]}, {size} B")
    return {"connections": connections, "results": results}


def show(figures, report):
    connections, results = figures["connections"], figures["results"]
    rows = [[SERVERS[name], str(of["16"]["opened"]), str(of["16"]["idle"]),
             str(of["65536"]["idle"])] for name, of in results.items()]
    report.add("## Memory of an idle connection, in bytes",
               f"RSS of the server with {connections} connections open ({connections // 4} for "
               "64 KiB), less what it was with 8, for each of them; without what the kernel holds "
               "for it.",
               table(["", "once open", "after a message of 16 B", "after one of 64 KiB"], rows))
    if "framewire" in results:
        report.at_most("bytes of an idle connection", results["framewire"]["16"]["idle"], 1024)
    if {"qt", "qwebsocketserver"} <= results.keys():
        report.at_most("bytes of an idle connection on Qt, over QtWebSockets'",
                       results["qt"]["16"]["idle"] / results["qwebsocketserver"]["16"]["idle"], 0.6)
