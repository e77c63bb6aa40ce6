"""Code on a page: a function's source in colours, and line by line with its time and memory."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent

from w2vbench.reports.file.schema.result import LineProfile, ProfiledLine
from w2vbench.reports.statistics.units import size_bytes

from . import lines


@dataclass(frozen=True)
class LineCells:
    """A source line for the page: its hits, share of the time, memory and text."""

    hits: int
    time_share: float
    memory: str
    text: str


def line_cells(profile: LineProfile) -> list[LineCells]:
    """Return a profile's lines without decorators, and without the indentation that all of them have, as a method's do."""
    total = lines.total_s(profile) or 1.0
    texts = dedent("\n".join(line.text for line in profile.lines)).split("\n")
    every = [
        LineCells(line.hits or 0, (line.time_s or 0) / total, peak_text(line), text)
        for line, text in zip(profile.lines, texts, strict=True)
    ]
    return every[lines.decorator_lines(texts) :]


def peak_text(line: ProfiledLine) -> str:
    """The most that a line of one call allocated; empty if it is tiny."""
    peak = lines.peak_bytes(line)
    return size_bytes(peak) if peak >= lines.LEAST_TRACED else ""


def from_def(source: str) -> str:
    """A function's source without its decorator."""
    every = source.splitlines()
    return "\n".join(every[lines.decorator_lines(every) :])


def highlighted(code: str) -> str:
    """Return Python source as HTML with classes for colours. The source itself is escaped."""
    from markupsafe import Markup
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return Markup(highlight(code, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True)).rstrip("\n"))
