# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0
"""Which figures are drawn."""

from . import svg
from .parts import codec, cpu
from .report import figure, geometric_mean, median
from .servers import BARE, FLOOR, OURS, SERVERS


def in_order(bars):
    """Ours, the others with the best first, then the limits."""
    kinds = list(svg.KINDS)
    return sorted(bars, key=lambda bar: (kinds.index(bar.kind), bar.value))


def time(nanoseconds):
    for limit, unit in ((1e3, "ns"), (1e6, "us"), (1e9, "ms")):
        if nanoseconds < limit:
            break
    value = nanoseconds / limit * 1e3
    return f"{value:.2g} {unit}" if value < 10 else f"{value:.0f} {unit}"


def codec_panel(figures, operation, of, throughput=False):
    entries = figures["results"].get(operation, {}).get(of, {})
    bars = []
    for who, entry in entries.items():
        if who.startswith("Framewire,"):
            continue  # its parts are in the table
        kind = ("ours" if who == "Framewire" else "limit" if who in codec.LIMITS else "peer")
        values = codec.in_unit(entry, "GB/s" if throughput else "ns")
        value = median(values)
        label = f"{figure(value)} GB/s" if throughput else time(value)
        if who != "Framewire" and "Framewire" in entries:
            own = median(codec.in_unit(entries["Framewire"], "GB/s" if throughput else "ns"))
            label += f" ({figure(value / own)}x)"
        bars.append(svg.Bar(who, kind, value, label, min(values), max(values)))
    bars = in_order(bars)
    if throughput:
        bars = ([bar for bar in bars if bar.kind == "ours"]
                + [bar for bar in reversed(bars) if bar.kind == "peer"]
                + [bar for bar in bars if bar.kind == "limit"])
    unit = "GB/s" if throughput else "nanoseconds a message"
    return svg.Panel(f"{operation[0].upper()}{operation[1:]}: {of}", unit, bars) if bars else None


def draw_codec(figures):
    panels = []
    for of in ("text, 16 B", "text, 125 B", "binary, 1 KiB", "binary, 64 KiB"):
        panels += [codec_panel(figures, "parse, server", of),
                   codec_panel(figures, "encode, client", of)]
    return svg.draw(
        "Messages in memory: nanoseconds a message",
        "Parse: masked frames to messages, as a server does; encode: messages to masked frames, as "
        "a client does. The reference is a few dozen lines by hand that trust their input. Shorter "
        "is better; in brackets: times Framewire's.", list(filter(None, panels)))


def draw_throughput(figures):
    panels = []
    for left, right in (("16 B", "ASCII, 16 B"), ("125 B", "ASCII, 1 KiB"),
                        ("1 KiB", "CJK, 125 B"), ("64 KiB", "CJK, 16 KiB"),
                        ("1 MiB", "mixed, 16 KiB")):
        panels += [codec_panel(figures, "mask", left, True),
                   codec_panel(figures, "UTF-8", right, True)]
    return svg.draw("Masking in place, and validating UTF-8: GB/s",
                    "Longer is better; in brackets: times Framewire's.",
                    list(filter(None, panels)))


def draw_cpu(figures):
    names = cpu.names_in(figures)
    if FLOOR not in names:
        return None

    def panel(title, value_of, label_of, values_of=lambda name: None):
        bars = []
        for name in names:
            if name == FLOOR:
                continue
            kind = "ours" if name in OURS else "limit" if name in BARE else "peer"
            values = values_of(name) or [None]
            bars.append(svg.Bar(SERVERS[name], kind, value_of(name), label_of(name),
                                min(values), max(values)))
        return svg.Panel(title, "times the CPU of the floor", in_order(bars))

    def cell_panel(cell):
        title = (f"{cell['connections']} connection{'s' if cell['connections'] > 1 else ''}, "
                 f"{cpu.SIZES[cell['size']]}, {cell['depth']} in flight")
        return panel(title, lambda name: cpu.ratio(cell, name, FLOOR),
                     lambda name: f"{figure(cpu.ratio(cell, name, FLOOR))} "
                                  f"({figure(median(cell['server_us'][name]))} us)",
                     lambda name: cpu.by_round(cell, name, FLOOR))

    def mean(name):
        return geometric_mean(cpu.ratios(figures, name, FLOOR))

    panels = [panel(f"Geometric mean of all {len(figures['cells'])} cells", mean,
                    lambda name: figure(mean(name)))]
    wanted = [(64, 16, 16), (64, 1024, 16), (64, 65536, 1)]
    panels += [cell_panel(cell) for cell in figures["cells"]
               if (cell["connections"], cell["size"], cell["depth"]) in wanted]
    return svg.draw(
        "Echo servers: CPU a message, over a server by hand",
        "The floor, 1, is a server on epoll by hand that does nothing but what the protocol asks "
        "for. "
        "What the machine allows: bytes sent back without any protocol. One thread each; medians "
        f"of {figures['rounds']} rounds in which all take turns. "
        "Shorter is better; in brackets: microseconds.", panels)


def draw_memory(figures):
    def panel(title, size):
        bars = []
        for name, of in figures["results"].items():
            kind = ("ours" if name in OURS else "limit" if name in (*BARE, FLOOR) else "peer")
            value = max(of[size]["idle"], 0)
            bars.append(svg.Bar(SERVERS[name], kind, value, f"{value:,.0f}"))
        return svg.Panel(title, "bytes a connection", in_order(bars))

    return svg.draw("Memory of an idle connection",
                    "Resident memory of the server, without the kernel's. Shorter is better.",
                    [panel("After a message of 16 B", "16"),
                     panel("After a message of 64 KiB", "65536")])


# The part, the picture's name, what it shows.
PICTURES = {
    "codec": ("codec", draw_codec, "What a message costs in memory"),
    "throughput": ("codec", draw_throughput, "Masking and UTF-8"),
    "echo": ("cpu", draw_cpu, "Server CPU a message, over the floor"),
    "memory": ("memory", draw_memory, "Memory of an idle connection"),
}


def draw_all(figures):
    """Name and text of what can be drawn."""
    drawn = {name: draw(figures[part]) for name, (part, draw, _) in PICTURES.items()
             if part in figures}
    return {name: picture for name, picture in drawn.items() if picture}
