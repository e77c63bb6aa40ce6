"""The deck page's chart: times against the vocabulary on logarithmic axes, as SVG that needs no script."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import escape
from w2vbench.reports.drawing.templates import MARKS
from w2vbench.reports.statistics.units import seconds

HEIGHT, LEFT, TOP, BOTTOM = 300, 62, 22, 258
WIDE, NARROW = (580, 186), (380, 24)
"""Widths of the drawing, and of what stands right of its axes: labels in a wide one, which a narrow one has above its lines."""
LABEL = 17
"""Least distance between two labels."""


@dataclass(frozen=True)
class Line:
    """An implementation's times."""

    label: str  # its name, at its end
    kind: str  # the class of its family's marks
    points: tuple[tuple[int, float], ...]  # v and seconds a call


def chart(title: str, lines: Sequence[Line], *, narrow: bool = False) -> str:
    """Return the drawing, or one for a phone; empty if no line has two points."""
    lines = [line for line in lines if len(line.points) > 1]
    if not lines:
        return ""
    width, right = NARROW if narrow else WIDE
    vocabularies = sorted({V for line in lines for V, _ in line.points})
    times = [s for line in lines for _, s in line.points]
    low, high = math.floor(math.log10(min(times))), math.ceil(math.log10(max(times)))

    span = math.log(vocabularies[-1] / vocabularies[0])

    def x(V: int) -> float:
        return LEFT + 14 + (width - right - LEFT - 28) * math.log(V / vocabularies[0]) / span

    def y(s: float) -> float:
        return BOTTOM + (TOP - BOTTOM) * (math.log10(s) - low) / max(1, high - low)

    parts = []
    for power in range(low, high + 1):
        parts.append(f'<path class="grid" d="M{LEFT} {y(10.0**power):.1f}H{width - right}"/>')
        parts.append(text(LEFT - 8, y(10.0**power) + 4, re.sub(r"\.0+", "", seconds(10.0**power)), "axis", "end"))
    parts.append(f'<path class="base" d="M{LEFT} {BOTTOM}H{width - right}"/>')
    for V in vocabularies:
        parts += [f'<path class="base" d="M{x(V):.1f} {BOTTOM}v4"/>', text(x(V), BOTTOM + 18, f"{V:,}", "axis")]
    parts.append(text((LEFT + width - right) / 2, HEIGHT - 6, "vocabulary V", "axis"))
    parts.append(text(0, 10, "time per call", "axis", "start"))
    for line in lines:
        path = "L".join(f"{x(V):.1f} {y(s):.1f}" for V, s in line.points)
        parts.append(f'<path class="line strong {line.kind}" d="M{path}"/>')
        parts += [
            f'<g transform="translate({x(V) - 6:.1f} {y(s) - 6:.1f})">{MARKS[line.kind]}</g>' for V, s in line.points
        ]
    ends = apart([y(line.points[-1][1]) for line in lines])
    for line, at in zip(lines, ends, strict=True):
        last_V, last_s = line.points[-1]
        name = f'{escape(line.label)} <tspan class="value">{seconds(last_s)}</tspan>'
        if narrow:
            below = y(last_s) < BOTTOM - 30  # where a rising line leaves room
            parts.append(text(x(last_V) + 8, y(last_s) + (20 if below else -10), name, f"end {line.kind}", "end"))
            continue
        if abs(at - y(last_s)) > 3:
            parts.append(
                f'<path class="leader" d="M{x(last_V) + 8:.1f} {y(last_s):.1f}L{x(last_V) + 20:.1f} {at:.1f}"/>'
            )
        parts.append(text(x(last_V) + 23, at + 4, name, f"end {line.kind}", "start"))
    spoken = "; ".join(
        f"{line.label} {', '.join(f'{seconds(s)} at V = {V:,}' for V, s in line.points)}" for line in lines
    )
    return (
        f'<svg class="chart{" narrow" if narrow else ""}" viewBox="0 0 {width} {HEIGHT}" width="{width}" role="img" '
        f'aria-label="{escape(f"{title}: {spoken}")}">{"".join(parts)}</svg>'
    )


def apart(places: Sequence[float]) -> list[float]:
    """Move labels apart that would overlap, keeping their order; the lowest stays above the axis."""
    order = sorted(range(len(places)), key=places.__getitem__)
    moved = list(places)
    for before, at in pairwise(order):
        moved[at] = max(moved[at], moved[before] + LABEL)
    limit = float(BOTTOM)
    for at in reversed(order):
        moved[at] = min(moved[at], limit)
        limit = moved[at] - LABEL
    return moved


def text(x: float, y: float, content: str, kind: str, anchor: str = "middle") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{content}</text>'
