"""Text in columns for a terminal: aligned rows, wrapped sentences, and names of cases without what all of them share."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

WIDTH, NARROW = 100, 80
"""Columns of the widest line of a summary; below WIDTH some columns are left out, so that NARROW is enough."""


class Line(NamedTuple):
    """A line of text, and how a terminal shows it: rich's name of a style, or empty."""

    text: str
    style: str = ""


def within(width: int) -> int:
    """Return the columns of a summary on a screen of that many."""
    return max(NARROW, min(width, WIDTH))


def aligned(rows: Sequence[Sequence[str]], left: Collection[int], gap: int = 1, left_gap: int = 2) -> list[str]:
    """Return rows as lines with aligned columns.

    Parameters
    ----------
    left
        The columns whose cells begin together; those of the others end together.
    gap, left_gap
        Spaces before the others, and before these.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]

    def line(row: Sequence[str]) -> str:
        cells = [
            f"{'':{left_gap}}{cell:<{wide}}" if at in left else f"{'':{gap}}{cell:>{wide}}"
            for at, (cell, wide) in enumerate(zip(row, widths, strict=True))
        ]
        return "".join(cells)[left_gap if 0 in left else gap :].rstrip()

    return list(map(line, rows))


def ruled(rows: Sequence[Sequence[str]], left: Collection[int], styles: Sequence[str] = ()) -> Iterator[Line]:
    """Yield a table's lines: the first row as its head, a rule, and the other rows in their styles."""
    head, *body = aligned(rows, left, gap=2)
    yield Line(head, "dim")
    yield Line("─" * max(map(len, (head, *body))), "dim")
    yield from map(Line, body, styles or [""] * len(body))


def without_empty(rows: Sequence[Sequence[str]], at: int) -> list[tuple[str, ...]]:
    """Return rows without a column, if all its cells below the head are empty."""
    return [tuple(row) if any(row[at] for row in rows[1:]) else (*row[:at], *row[at + 1 :]) for row in rows]


def wrapped(text: str, width: int, style: str = "", *, first: str = "", indent: str = "") -> list[Line]:
    """Return a sentence as lines that fit, broken between words only: ``first`` before it, ``indent`` before lines from the second on."""
    lines = textwrap.wrap(
        " ".join(text.split()),
        width,
        initial_indent=first,
        subsequent_indent=first + indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
    return [Line(line, style) for line in lines]


def command_lines(command: str, width: int, indent: str) -> list[str]:
    """Return a command on lines that fit and that a shell reads as one: broken between words, with a backslash behind."""
    lines = [indent]
    for word in map(shlex.quote, shlex.split(command)):
        if lines[-1] != indent and len(lines[-1]) + len(word) + 3 > width:
            lines[-1] += " \\"
            lines.append(indent)
        lines[-1] += word if lines[-1] == indent else f" {word}"
    return lines


def without_interval(cell: str) -> str:
    """Return a figure without the interval behind it: ``+5.1 %`` of ``+5.1 % (+3.2 to +7.0 %)``."""
    return cell.partition(" (")[0]


def short_names(cases: Sequence[str]) -> tuple[list[tuple[str, str]], str]:
    """Return each case's name and what is its own of its size, and what all sizes have in common.

    ``lookup/take@V=1e4,H=100,f32`` beside ``lookup/gather@V=1e5,H=100,f32`` is ``lookup/take`` and ``V=1e4``, and both have
    ``H=100, f32``.
    """
    if not cases:
        return [], ""
    parts = [case.partition("@")[2].split(",") for case in cases]
    common = [part for part in parts[0] if all(part in other for other in parts)] if len(parts) > 1 else []
    own = [" ".join(part for part in its if part not in common) for its in parts]
    return [(case.partition("@")[0], size) for case, size in zip(cases, own, strict=True)], ", ".join(common)
