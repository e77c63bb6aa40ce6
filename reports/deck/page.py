"""The source deck as a page of its own, slide by slide: claim, code, figures and what one should have learnt."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from w2vbench.reports.drawing.code_lines import LineCells, from_def, highlighted, line_cells
from w2vbench.reports.drawing.diagrams import diagram
from w2vbench.reports.drawing.templates import KINDS, render
from w2vbench.reports.file.frame import wall_s
from w2vbench.reports.findings.facts import date, speed_varied
from w2vbench.reports.statistics.units import counted, seconds, share, three

from .chart import Line, chart
from .facts import facts
from .missing import absent, coverage, missing_findings, names, processes, why_not
from .printed import HEADER, MISSING, NOTE, deck_table, figure_rows, measured_call
from .screens import CHAPTERS, CHARTS, Screen, Side
from .story import SCREENS

if TYPE_CHECKING:
    from pathlib import Path

    from w2vbench.reports.file.schema.result import ResultFile

NAME = "deck.html"
MARK = b'<body class="document deck-page">'
"""Stands in every such page, and in nothing else."""
LAYERS = "impls/layers.py"
NOT_PROFILED, NO_CODE = "Not profiled.", " The result file does not have its code."


@dataclass(frozen=True)
class SideView:
    """One side's code as the page shows it."""

    title: str
    kind: str  # the class of its family; empty where the file does not tell it
    where: str  # file and line; the implementation's name where the file does not have its code
    # its line profile, or else its source
    lines: list[LineCells]
    source: str
    remark: str = ""  # why its code is not here, or was not profiled or measured, if it should have been


@dataclass(frozen=True)
class ScreenView:
    """A screen and all that stands on it."""

    screen: Screen
    sides: list[SideView]
    code_size: str  # the class for the size of its code
    # the figures below the code, and of what they are
    what: str
    table: list[tuple[str, ...]]
    # sentences; and how many more have figures that were not measured, and of what
    found: list[str]
    unknown: str
    # the chart or diagram; and why there is no chart
    drawing: str
    absent: str


def is_deck(result: ResultFile) -> bool:
    """Whether a result file is of a run of the deck. pytest-benchmark's has its sizes, and none of the lines and examples."""
    return (result.w2vbench.preset, result.w2vbench.engine) == ("deck", "run")


def remove(folder: Path) -> None:
    """Remove the page of an earlier run from a folder; a file of its name that is no such page stays."""
    with suppress(OSError):
        if MARK in (folder / NAME).read_bytes():
            (folder / NAME).unlink()


def html(result: ResultFile) -> str:
    """Return the page, which fetches nothing and is made of the file alone."""
    suite = result.w2vbench
    return render(
        "deck.html",
        suite=suite,
        varied=speed_varied(result),
        machine=suite.environment.get("cpu") or "an unknown CPU",
        when=date(result),
        views=[view(screen, result) for screen in SCREENS],
        headlines=headlines(result),
        examples=suite.deck,
        figures=deck_table(result),
        figures_header=HEADER,
        figures_note=NOTE,
        steps=steps(result),
        families=KINDS,
        highlighted=highlighted,
        number="{:g}".format,
        loss=partial(round, ndigits=4),
        share=share,
        three=three,
        counted=counted,
        missing=MISSING,
        coverage=coverage(result),
        processes=processes(result),
        absent=partial(absent, result=result),
    )


def view(screen: Screen, result: ResultFile) -> ScreenView:
    """Return a screen with what the run measured for it."""
    known = facts(result)
    found = [sentence.format_map(known) for sentence in screen.found if names(sentence) <= known.keys()]
    sides = [side_view(side, result) for side in screen.sides]
    return ScreenView(
        screen,
        sides,
        code_size(sides),
        measured_call(screen, result),
        figure_rows(screen.sides, result) if screen.figures else [],
        found,
        missing_findings(screen, known),
        drawing(screen, result),
        absent(CHARTS[screen.chart][1][0][1].partition("/")[0], result) if screen.chart else "",
    )


MANY_LINES, FEW_LINES, SHORT_LINE = 11, 7, 52
"""From so many lines code is set smaller; with few short lines it is set larger."""


def code_size(sides: Sequence[SideView]) -> str:
    """Return the class for the size of code, so that a screen's code fits a projected window."""
    texts = [[line.text for line in side.lines] or side.source.splitlines() for side in sides]
    if len(sides) > 1 and max(map(len, texts)) > MANY_LINES:
        return "long"
    few = all(len(lines) <= FEW_LINES and max(map(len, lines), default=0) <= SHORT_LINE for lines in texts)
    return "short" if few and len(sides) < 3 else ""


def drawing(screen: Screen, result: ResultFile) -> str:
    """A screen's chart, or else its diagram, as SVG."""
    from markupsafe import Markup

    if not screen.chart:
        return Markup(diagram(screen.diagram)) if screen.diagram else ""
    title, series = CHARTS[screen.chart]
    lines = []
    for label, key in series:
        its = [row for row in result.benchmarks if row.case.partition("@")[0] == key]
        points = sorted((row.extra_info.size.V, wall_s(row)) for row in its)
        if points:
            lines.append(Line(label, KINDS[its[0].extra_info.family], tuple(points)))
    return Markup(chart(title, lines) + chart(title, lines, narrow=True))


def side_view(side: Side, result: ResultFile) -> SideView:
    """Return a side's code from the result file, with its line profile where there is one."""
    suite = result.w2vbench
    if side.is_layer:
        layer = suite.layers.get(side.key)
        kind, profile = "textbook", layer.profile if layer else None
        code = suite.deck.layers.get(side.key, "") if suite.deck else ""
        where = f"{LAYERS}:{profile.lines[0].number}" if profile else LAYERS
        why = (layer.not_profiled or NOT_PROFILED) if layer else absent("the kernel whose inputs it takes", result)
        lacks_code = not code
    else:
        source, profile = suite.sources.get(side.key), suite.profiles.get(side.case)
        measured = any(row.case == side.case for row in result.benchmarks)
        kind, code = kind_of(side, result), from_def(source.code) if source else ""
        where = f"{source.file}:{source.line}" if source else side.key
        why = suite.not_profiled.get(side.case, NOT_PROFILED) if measured else why_not(side, result)
        lacks_code = measured and not source
    lines = line_cells(profile) if profile else []
    return SideView(side.title, kind, where, lines, code, "" if profile else why + NO_CODE * lacks_code)


def kind_of(side: Side, result: ResultFile) -> str:
    """Return the class of a side's family; empty where the file does not tell it."""
    every = [row.extra_info for row in result.benchmarks] + list(result.w2vbench.not_measured)
    return next((KINDS[one.family] for one in every if f"{one.kernel}/{one.implementation}" == side.key), "")


def headlines(result: ResultFile) -> list[tuple[str, str, str, str]]:
    """The deck's steps, and the one that it did not take: what, its time before and after, and by which code."""
    known = facts(result)
    steps = (
        ("One word’s row of a million", "one_hot", "gather", "one-hot × W → W[idx]"),
        ("10,000 gradients added up", "loop", "add_at", "Python loop → np.add.at"),
        (
            "One example’s loss and gradients",
            "softmax",
            "book",
            "softmax → the book’s negative sampling, whose gradients are whole tables",
        ),
        ("The same, beyond the deck", "book", "ns_rows", "whole tables → only the rows that change, and their values"),
    )
    return [(what, known[slow], known[fast], how) for what, slow, fast, how in steps if {slow, fast} <= known.keys()]


def steps(result: ResultFile) -> list[tuple[str, str, list[tuple[str, str, float]]]]:
    """Whole steps of training: name, time, and each stage with its time and share."""
    found = []
    for name, key in CHAPTERS:
        row = next((row for row in result.benchmarks if row.case.partition("@")[0] == key), None)
        stages = result.w2vbench.stages.get(row.case, {}) if row else {}
        total = sum(stages.values())
        if row and total > 0:
            cells = [(stage, seconds(wall_s(row) * spent / total), spent / total) for stage, spent in stages.items()]
            found.append((name, seconds(wall_s(row)), cells))
    return found
