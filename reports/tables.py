"""Tables of a result file: the same figures, rounded alike, for the terminal, Markdown and the page."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from .frame import ALIKE, GROWTH_FROM
from .limits import ARITHMETIC, AT_LIMIT, CALL, INTERPRETER, MEANING, passed
from .memory import EXPLAINED, MARK, Peak
from .results import ResultFile, Row
from .statistics import Interval
from .units import power, rate, seconds, three, times

if TYPE_CHECKING:
    import pandas as pd

FLAT_MEMORY = 0.15
"""A power of V below this is not shown beside a memory figure."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True)
class Table:
    """One problem as text: a row an implementation, from the textbook's upward. stages: where a step's time goes, a line each."""

    problem: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    statuses: tuple[str, ...]
    note: str
    stages: tuple[str, ...] = ()


def tables(cases: pd.DataFrame, result: ResultFile) -> list[Table]:
    """A table for each problem, in the file's order."""
    grown = cases[(cases.status == "ok") & (cases.V >= GROWTH_FROM)].sort_values("V")
    series = {key: alike[["V", "wall_s"]].to_numpy() for key, alike in grown.groupby(ALIKE)}
    problems = cases.groupby("problem", sort=False)
    return [table(str(problem), list(mine.itertuples()), series, result) for problem, mine in problems]


SORTED_BY = {
    "wall": "wall_s",
    "speed-up": "speedup",
    "CPU": "cpu_s",
    "peak memory": "memory_bytes",
    "grows as": "growth_V",
    "limit reached": "limit_share",
    "pairs a second": "pairs_per_s",
    "words a second": "words_per_s",
}
"""A table's columns from the third on, and the figures that each is sorted by."""
OPTIONAL = ("limit reached", "pairs a second", "words a second")
"""Columns that are there only if a case of the problem has a figure."""


def table(problem: str, cases: Sequence[Any], series: dict[Any, Any], result: ResultFile) -> Table:
    """One problem's table.

    cases: its cases, as tuples with a frame's columns. series: vocabularies and times of cases that differ in V alone, by
    their values in ALIKE.
    """
    measured = [case for case in cases if case.status == "ok"]
    columns = [
        name
        for name, figure in SORTED_BY.items()
        if name not in OPTIONAL or any(float_of(getattr(case, figure)) is not None for case in cases)
    ]
    header = ("implementation", "what it is", *columns)
    rows = []
    for case in cases:
        if case.status != "ok":
            rows.append(
                (str(case.implementation), str(case.title), f"{case.status}: {case.reason}", *[""] * (len(header) - 3))
            )
            continue
        cells = {
            "wall": seconds(float_of(case.wall_s)),
            "speed-up": "baseline" if case.baseline else times(interval(case, "speedup")),
            "CPU": cpu(case),
            "peak memory": memory(case),
            "grows as": grows(case),
            "limit reached": reached(case),
            "pairs a second": rate(float_of(case.pairs_per_s)),
            "words a second": rate(float_of(case.words_per_s)),
        }
        rows.append((str(case.implementation), str(case.title), *(cells[name] for name in columns)))
    touched = next((found for case in measured if (found := float_of(case.touched_rows)) is not None), None)
    notes = [
        f"a batch touches {touched:,.0f} distinct row{'s'[: round(touched) != 1]}" if touched is not None else "",
        unlike([row for row in result.benchmarks if row.group == problem]),
        *(bends(case, series.get(tuple(getattr(case, name) for name in ALIKE), ())) for case in measured),
        EXPLAINED if any(MARK in (case.memory_kind, case.held_kind) for case in measured) else "",
        *(
            f"{case.implementation}: converting its input takes {seconds(taken)} a batch, not counted"
            for case in measured
            if (taken := float_of(case.adapt_s)) is not None
        ),
        few_rounds(measured),
        tuned_out(measured),
        beyond(measured),
    ]
    statuses = tuple(str(case.status) for case in cases)
    return Table(problem, header, tuple(rows), statuses, "; ".join(filter(None, notes)), tuple(spent(measured, result)))


def unlike(problem: Sequence[Row]) -> str:
    """How many examples a call covers, and what else cases do otherwise, so that a ratio is not of speed alone."""
    covered: dict[str, list[str]] = {}
    differ: dict[str, list[str]] = {}
    for row in problem:
        extra = row.extra_info
        covers = " of ".join(f"{number:,.0f} {unit}" for unit, number in extra.covers.items())
        covered.setdefault(covers, []).append(extra.implementation)
        differ.setdefault(extra.differs, []).append(extra.implementation)
    notes = []
    if len(covered) > 1:
        listed = "; ".join(f"{what or 'no examples'} ({', '.join(slugs)})" for what, slugs in covered.items())
        notes.append(f"a call covers {listed}: speed-ups are by time an example")
    elif covers := next(iter(covered), ""):
        notes.append(f"a call covers {covers}, the same for all")
    elif len(problem) > 1 and problem[0].extra_info.kernel.startswith("training."):
        notes.append(
            "an earlier version's file: calls covered unlike numbers of pairs, so speed-ups are not of equal work"
        )
    if len(differ) > 1:
        listed = "; ".join(f"{', '.join(slugs)}: {what}" for what, slugs in differ.items() if what)
        notes.append(f"they differ in more than speed: {listed}")
    return "; ".join(notes)


def bends(case: Any, points: Sequence[Sequence[float]]) -> str:
    """Where a growing case's power of V changes from one vocabulary to the next, as where a table outgrows a cache."""
    overall = float_of(case.growth_V)
    if overall is None or overall < 0.5 or len(points) < 3:
        return ""
    slopes = [(V, W, math.log(t / s) / math.log(W / V)) for (V, s), (W, t) in pairwise(points) if V < W]
    if max(abs(slope - overall) for _, _, slope in slopes) < 0.2:
        return ""
    return f"{case.implementation} bends: " + ", ".join(
        f"{power(Interval(slope))} from {V:,.0f} to {W:,.0f}" for V, W, slope in slopes
    )


def few_rounds(problem: Sequence[Any]) -> str:
    """Which cases were timed in much fewer rounds than the others of their problem, being slow."""
    most = max((case.rounds for case in problem), default=0)
    listed = ", ".join(f"{case.implementation} {case.rounds:.0f}" for case in problem if case.rounds < most / 2)
    return f"rounds a process: {most:.0f}, but {listed}, being slow" if listed else ""


def grows(case: Any) -> str:
    """The powers of V and of B that a case's time grows as, where the file has sizes to tell."""
    powers = [(interval(case, f"growth_{dimension}"), dimension) for dimension in ("V", "B")]
    return ", ".join(power(growth, of) for growth, of in powers if growth) or "–"


def cpu(case: Any) -> str:
    """CPU time; where there may be more than one thread, with how many cores it kept busy."""
    wall, spent = float_of(case.wall_s), float_of(case.cpu_s)
    if case.threads == 1 or not wall or spent is None:
        return seconds(spent)
    return f"{seconds(spent)} ({spent / wall:.1f} cores)"


def memory(case: Any) -> str:
    """Peak memory of a call, its power of V where it grows, and what set-up holds beside it."""
    grown = float_of(case.memory_growth_V)
    power_of_V = f" (V^{grown:.2f})" if grown is not None and grown >= FLAT_MEMORY else ""
    held = f" + {marked(case.held_bytes, case.held_kind)} held" if float_of(case.held_bytes) else ""
    return f"{marked(case.memory_bytes, case.memory_kind)}{power_of_V}{held}"


def marked(figure: Any, kind: Any) -> str:
    """Bytes, marked where they are growth of the resident set."""
    found = float_of(figure)
    return "–" if found is None else str(Peak(round(found), kind == MARK))


def reached(case: Any) -> str:
    """The share of its roofline limit that a case reaches, and that limit's name."""
    share = interval(case, "limit_share")
    if share is None or case.limit == INTERPRETER:
        return "–" if share is None else INTERPRETER
    return f"{share.estimate:.0%} {case.limit}{' !' if passed(share) else ''}"


def beyond(problem: Sequence[Any]) -> str:
    """Which cases are above 100 % of their limit, with their intervals; one whose interval is above it has none."""
    found = []
    for case in problem:
        share = interval(case, "limit_share")
        if share and share.estimate > 1.005 and case.limit != INTERPRETER:
            ends = "" if share.low is None or share.high is None else f" ({share.low:.0%}–{share.high:.0%})"
            wrong = ": a limit that is passed is none" if passed(share) else ""
            found.append(f"{case.implementation} {share.estimate:.0%}{ends}{wrong}")
    return f"above 100 % of their limit: {', '.join(found)}" if found else ""


def tuned_out(problem: Sequence[Any]) -> str:
    """Which growing cases are at a limit of the machine, so that only another algorithm helps."""
    at_limit: dict[str, list[str]] = {}
    for case in problem:
        if case.growth_V > 0.5 and case.limit not in (CALL, INTERPRETER) and case.limit_share >= AT_LIMIT:
            cure = "computing less" if case.limit == ARITHMETIC else "moving fewer bytes"
            is_at = f"{case.implementation} is at {case.limit_share:.0%} of {MEANING[str(case.limit)]}"
            at_limit.setdefault(cure, []).append(is_at)
    return "; ".join(
        f"{', '.join(cases)}: only {cure} would help {'it' if len(cases) == 1 else 'them'}"
        for cure, cases in at_limit.items()
    )


def spent(problem: Sequence[Any], result: ResultFile) -> Iterator[str]:
    """Where a training step's time goes, for cases of which that is known."""
    for case in problem:
        stages = result.w2vbench.stages.get(str(case.case), {})
        total = sum(stages.values())
        if total > 0:
            most = sorted(stages.items(), key=lambda stage: -stage[1])
            shares = ", ".join(f"{name} {time / total:.0%}" for name, time in most if time / total >= 0.005)
            name, least = most[0][0], 1 - most[0][1] / total
            # of two parts, as of a compiled loop, each stands for several kernels, of which none can be had for nothing
            gain = (
                f" ({three(1 / least)} times as fast if {name} cost nothing)"
                if len(stages) > 2 and least > 0.005
                else ""
            )
            yield f"{case.implementation}: {shares}{gain}"


def interval(case: Any, column: str) -> Interval | None:
    """An estimate and its ends from three columns; None where there is none."""
    estimate, low, high = (float_of(getattr(case, name)) for name in (column, f"{column}_low", f"{column}_high"))
    return None if estimate is None else Interval(estimate, low, high)


def float_of(value: Any) -> float | None:
    """A float, or None for a missing figure."""
    return None if value is None or value != value else float(value)


def markdown(one: Table) -> str:
    """A table as GitHub's Markdown."""

    aligned = "| --- | --- | " + " | ".join("---:" for _ in one.header[2:]) + " |"
    return "\n".join([cells(one.header), aligned, *map(cells, one.rows)])


def cells(row: Sequence[str]) -> str:
    """A row of a Markdown table."""
    return "| " + " | ".join(plain(cell) for cell in row) + " |"


def plain(text: str) -> str:
    """Text in one line that Markdown takes neither for HTML nor for the end of a table's cell."""
    return re.sub(r"([\\|])", r"\\\1", " ".join(text.split())).replace("<", "&lt;")


def csv(cases: pd.DataFrame) -> str:
    """All cases as CSV; text that a spreadsheet would take for a formula gets a quote before it."""
    safe = cases.copy()
    for column in safe.columns:
        if safe[column].map(lambda value: isinstance(value, str)).any():
            safe[column] = safe[column].map(
                lambda value: f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
            )
    return str(safe.to_csv(index=False, lineterminator="\n", float_format="%.15g"))
