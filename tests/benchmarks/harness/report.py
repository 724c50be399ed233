# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0
"""Figures as Markdown, and whether they reach the bars."""

import math
import statistics

SIZES = {16: "16 B", 1024: "1 KiB", 65536: "64 KiB"}
median = statistics.median


def figure(value):
    return (f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100
            else f"{value:.0f}")


def exact(value):
    """As it is compared with a bar."""
    return str(value) if isinstance(value, int) else f"{value:.2f}"


def spread(values):
    """The median, with the least and the most when there are more."""
    if len(values) == 1:
        return figure(values[0])
    return f"{figure(median(values))} ({figure(min(values))}-{figure(max(values))})"


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def fenced(lines):
    """What a program printed, as it stands."""
    return "\n".join(["```", *lines, "```"])


class Report:
    """Is written section by section, and printed meanwhile."""

    def __init__(self, echo=print):
        self.parts = []
        self.bars = []
        self.echo = echo

    def add(self, *texts):
        for text in texts:
            self.parts.append(text)
            self.echo(text + "\n")

    def at_most(self, what, value, bar):
        self.holds(f"{what}: {exact(value)}, at most {bar} wanted", round(value, 2) <= bar)

    def at_least(self, what, value, bar):
        self.holds(f"{what}: {exact(value)}, at least {bar} wanted", round(value, 2) >= bar)

    def holds(self, what, met):
        self.bars.append({"what": what, "met": bool(met)})

    def all_met(self):
        return all(bar["met"] for bar in self.bars)

    def add_bars(self):
        if not self.bars:
            return
        met = sum(bar["met"] for bar in self.bars)
        lines = [f"- {'met' if bar['met'] else '**MISSED**'}: {bar['what']}" for bar in self.bars]
        self.add("## The bars", f"{met} of {len(lines)} are met.", "\n".join(lines))

    def markdown(self):
        return "\n\n".join(self.parts) + "\n"


def introduction(machine):
    peers = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (f"# Benchmarks\n\n{machine['processor']}, {machine['cores']} cores, "
            f"{machine['system']}, {machine['compiler']}, -O2; {peers}. Framewire at "
            f"{machine['commit']}. Servers on core {machine['server_core']}, load on core "
            f"{machine['load_core']}; load average {machine['load_average']} at the start.\n\n"
            "Figures are medians, with the least and the most behind them. Compare ratios, not "
            "figures: those move with the machine.")
