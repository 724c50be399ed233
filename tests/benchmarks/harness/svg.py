# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0
"""Bars as SVG: panels of them, each with an axis of its own that begins at zero."""

import dataclasses
import math
import textwrap
from xml.sax.saxutils import escape

from .machine import LICENCE

WIDTH = 920
MARGIN = 24
GAP = 32
VALUE = 112    # for the figure behind a bar
ROW = 21
BAR = 13

# Of a bar, of its frame, and what the legend says.
KINDS = {
    "ours": ("#1f6feb", "#1f6feb", "Framewire"),
    "peer": ("#9aa4af", "#9aa4af", "other libraries"),
    "limit": ("#ffffff", "#57606a", "what the machine allows"),
}
INK, FAINT, GRID, CARD = "#1f2328", "#57606a", "#e4e8ec", "#d0d7de"


@dataclasses.dataclass
class Bar:
    who: str
    kind: str
    value: float
    text: str
    least: float = None  # the spread, when it is known
    most: float = None


@dataclasses.dataclass
class Panel:
    title: str
    unit: str
    bars: list


def ticks(most, room):
    """A few round numbers from zero on, the last not below the greatest value, and no more than
    there is room for."""
    exponent = math.floor(math.log10(most / 4))
    for step in (factor * 10.0 ** (exponent + more) for more in range(3) for factor in (1, 2, 5)):
        count = math.ceil(most / step - 1e-9)
        if count <= 5 and count * (text_width(number(count * step), 10) + 8) <= room:
            break
    return [step * i for i in range(count + 1)]


def text_width(what, size):
    """About, and rather more: fonts differ."""
    return 0.62 * size * len(what)


def number(value):
    return f"{value:g}" if value < 10000 else f"{value:,.0f}"


def text(x, y, what, size=12, anchor="start", fill=INK, weight=None):
    extra = f' font-weight="{weight}"' if weight else ""
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
            f'fill="{fill}"{extra}>{escape(what)}</text>')


def height_of(panel):
    return 28 + ROW * len(panel.bars) + 40


def draw_panel(panel, x, y, width, label):
    """`label` is the room for who it is."""
    left = x + label
    room = width - label - VALUE
    marks = ticks(max(bar.value for bar in panel.bars), room)
    scale = room / marks[-1]
    top, bottom = y + 28, y + 28 + ROW * len(panel.bars)
    out = [text(x, y + 14, panel.title, 13, weight="600")]
    for mark in marks:
        at = left + mark * scale
        out.append(f'<line x1="{at:.1f}" y1="{top}" x2="{at:.1f}" y2="{bottom + 4}" '
                   f'stroke="{GRID if mark else FAINT}"/>')
        out.append(text(at, bottom + 17, number(mark), 10, "middle", FAINT))
    out.append(text(left + room / 2, bottom + 31, panel.unit, 10, "middle", FAINT))
    for i, bar in enumerate(panel.bars):
        middle = top + ROW * i + ROW / 2
        fill, frame, _ = KINDS[bar.kind]
        length = max(bar.value * scale, 1.5)
        weight = "600" if bar.kind == "ours" else None
        out.append(text(left - 8, middle + 4, bar.who, 12, "end",
                        FAINT if bar.kind == "limit" else INK, weight))
        out.append(f'<rect x="{left:.1f}" y="{middle - BAR / 2:.1f}" width="{length:.1f}" '
                   f'height="{BAR}" fill="{fill}" stroke="{frame}"/>')
        end = left + length
        if bar.least is not None and bar.most > bar.least:
            low = left + bar.least * scale
            high = left + min(bar.most * scale, room)  # what was disturbed once may be far away
            out.append(f'<line x1="{low:.1f}" y1="{middle:.1f}" x2="{high:.1f}" '
                       f'y2="{middle:.1f}" stroke="{INK}" stroke-width="1.2"/>')
            end = max(end, high)
        out.append(text(end + 6, middle + 4, bar.text, 11, fill=INK, weight=weight))
    return out


def draw(title, subtitle, panels, columns=2):
    width = (WIDTH - 2 * MARGIN - GAP * (columns - 1)) / columns
    label = 10 + max(text_width(bar.who, 12) for panel in panels for bar in panel.bars)
    y = MARGIN + 18
    body = [text(MARGIN, y, title, 17, weight="600")]
    for line in textwrap.wrap(subtitle, int((WIDTH - 2 * MARGIN) / text_width("x", 12))):
        y += 18
        body.append(text(MARGIN, y, line, 12, fill=FAINT))
    y += 26
    x = MARGIN
    used = {bar.kind for panel in panels for bar in panel.bars}
    for kind, (fill, frame, name) in KINDS.items():
        if kind in used:
            body.append(f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{fill}" '
                        f'stroke="{frame}"/>')
            body.append(text(x + 18, y, name, 12))
            x += 40 + 7 * len(name)
    if any(bar.least is not None for panel in panels for bar in panel.bars):
        body.append(f'<line x1="{x}" y1="{y - 4}" x2="{x + 18}" y2="{y - 4}" stroke="{INK}" '
                    f'stroke-width="1.2"/>')
        body.append(text(x + 24, y, "from the least to the most", 12))
    y += 24
    for begin in range(0, len(panels), columns):
        line = panels[begin:begin + columns]
        for column, panel in enumerate(line):
            body += draw_panel(panel, MARGIN + column * (width + GAP), y, width, label)
        y += max(map(height_of, line)) + 10
    height = y + MARGIN - 18
    return "\n".join([
        f"<!-- {LICENCE[0]} -->",
        f"<!-- {LICENCE[1]} -->",
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'width="{WIDTH}" height="{height:.0f}" role="img" '
        'font-family="system-ui, -apple-system, \'Segoe UI\', \'DejaVu Sans\', sans-serif">',
        f"<title>{escape(title)}</title>",
        # A light card, also where the page is dark.
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1:.0f}" rx="8" '
        f'fill="#ffffff" stroke="{CARD}"/>',
        *body, "</svg>", ""])
