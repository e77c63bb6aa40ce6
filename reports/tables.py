"""Tables of a result file, with the same rounded figures on the terminal, in Markdown and on the page."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from .frame import GROWTH_FROM, SERIES_COLUMNS
from .limits import ARITHMETIC, AT_LIMIT, INTERPRETER, MEANING, exceeded
from .memory import EXPLANATION, RESIDENT, Peak
from .result_schema import ResultFile, Row
from .statistics import Interval
from .units import faster, power, rate, seconds, times

if TYPE_CHECKING:
    import pandas as pd

FLAT_MEMORY = 0.15
"""A power of V below this is not shown beside a memory figure."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True)
class Table:
    """One problem as text.

    Attributes
    ----------
    problem
        Its name.
    header
        The columns: the slug, the title, then those of SORTED_BY.
    rows
        The cells of each implementation, from the textbook's to the fastest.
    statuses
        What became of each implementation.
    note
        Sentences to show below the table; may be empty.
    stages
        Where a training step's time goes, one line per implementation.
    """

    problem: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    statuses: tuple[str, ...]
    note: str
    stages: tuple[str, ...] = ()


def tables(cases: pd.DataFrame, result: ResultFile) -> list[Table]:
    """Return a table for each problem, in the file's order."""
    fitted = cases[(cases.status == "ok") & (cases.V >= GROWTH_FROM)].sort_values("V")
    series = {key: one[["V", "wall_s"]].to_numpy() for key, one in fitted.groupby(SERIES_COLUMNS)}
    problems = cases.groupby("problem", sort=False)
    return [table(str(problem), list(rows.itertuples()), series, result) for problem, rows in problems]


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
"""A table's columns from the third on, and the column of the data frame that sorts each."""
OPTIONAL = ("limit reached", "pairs a second", "words a second")
"""Columns that appear only if a case of the problem has a figure."""


def table(problem: str, cases: Sequence[Any], series: dict[Any, Any], result: ResultFile) -> Table:
    """Return one problem's table.

    Parameters
    ----------
    problem
        Its name.
    cases
        Its cases, as named tuples of the data frame.
    series
        Vocabularies and times of cases that differ only in V, by their values in SERIES_COLUMNS.
    result
        The whole file.
    """
    measured = [case for case in cases if case.status == "ok"]
    columns = [
        name
        for name, figure in SORTED_BY.items()
        if name not in OPTIONAL or any(float_of(getattr(case, figure)) is not None for case in cases)
    ]
    header = ("implementation", "what it is", *columns)
    rows = tuple((str(case.implementation), str(case.title), *figure_cells(case, columns)) for case in cases)
    note = notes_of(problem, cases, result, series)
    statuses = tuple(str(case.status) for case in cases)
    stages = tuple(stage_shares(measured, result))
    return Table(problem, header, rows, statuses, note, stages)


def notes_of(problem: str, cases: Sequence[Any], result: ResultFile, series: dict[Any, Any] | None = None) -> str:
    """Return the sentences below a problem's table: what its ratios contain beside speed, and which limits are reached."""
    measured = [case for case in cases if case.status == "ok"]
    touched = next((count for case in measured if (count := float_of(case.touched_rows)) is not None), None)
    notes = [
        f"A batch touches {touched:,.0f} distinct row{'s'[: round(touched) != 1]}." if touched is not None else "",
        unequal_work([row for row in result.benchmarks if row.group == problem]),
        *(
            growth_change(case, series[key])
            for case in measured
            if series and (key := tuple(getattr(case, c) for c in SERIES_COLUMNS)) in series
        ),
        EXPLANATION if series and any(RESIDENT in (case.memory_kind, case.held_kind) for case in measured) else "",
        *(
            f"Times of {case.implementation} leave out the conversion of its input, {seconds(adapt_s)} a batch."
            for case in measured
            if (adapt_s := float_of(case.adapt_s)) is not None
        ),
        few_rounds(measured),
        *at_limit(measured),
        above_limit(measured),
    ]
    return " ".join(filter(None, notes))


def figure_cells(case: Any, columns: Sequence[str]) -> list[str]:
    """A case's cells under some of SORTED_BY; why it has none, if it was not measured."""
    if case.status != "ok":
        return [f"{case.status}: {case.reason}", *[""] * (len(columns) - 1)]
    cells = {
        "wall": seconds(float_of(case.wall_s)),
        "speed-up": "baseline" if case.baseline else times(interval(case, "speedup")),
        "CPU": cpu(case),
        "peak memory": memory(case),
        "grows as": growth(case),
        "limit reached": limit_reached(case),
        "pairs a second": rate(float_of(case.pairs_per_s)),
        "words a second": rate(float_of(case.words_per_s)),
    }
    return [cells[name] for name in columns]


def unequal_work(problem: Sequence[Row]) -> str:
    """How many examples a call covers, and what else cases do differently, so that a ratio is not of speed alone."""
    covered: dict[str, list[str]] = {}
    differences: dict[str, list[str]] = {}
    for row in problem:
        extra = row.extra_info
        covers = " of ".join(f"{number:,.0f} {unit}" for unit, number in extra.covers.items())
        covered.setdefault(covers, []).append(extra.implementation)
        differences.setdefault(extra.differs, []).append(extra.implementation)
    notes = []
    if len(covered) > 1:
        each = "; ".join(f"{what or 'no examples'} ({', '.join(slugs)})" for what, slugs in covered.items())
        notes.append(f"A call covers {each}. Speed-ups therefore compare the time per example.")
    elif covers := next(iter(covered), ""):
        notes.append(f"A call of each implementation covers {covers}.")
    elif len(problem) > 1 and problem[0].extra_info.kernel.startswith("training."):
        notes.append(
            "This file is of an earlier version, in which calls covered different numbers of pairs: its speed-ups do not "
            "compare equal work."
        )
    if len(differences) > 1:
        each = "; ".join(f"{what} ({', '.join(slugs)})" for what, slugs in differences.items() if what)
        notes.append(f"Implementations differ in more than speed: {each}.")
    return " ".join(notes)


def growth_change(case: Any, points: Sequence[Sequence[float]]) -> str:
    """Where a growing case's power of V changes between vocabularies, for example because a table outgrows a cache."""
    overall = float_of(case.growth_V)
    if overall is None or overall < 0.5 or len(points) < 3:
        return ""
    slopes = [(V, W, math.log(t / s) / math.log(W / V)) for (V, s), (W, t) in pairwise(points) if V < W]
    if max(abs(slope - overall) for _, _, slope in slopes) < 0.2:
        return ""
    each = ", ".join(f"{power(Interval(slope))} from {V:,.0f} to {W:,.0f}" for V, W, slope in slopes)
    return f"The growth of {case.implementation} changes with V: {each}."


def few_rounds(problem: Sequence[Any]) -> str:
    """Which slow cases were timed in far fewer rounds than the others of their problem."""
    most = max((case.rounds for case in problem), default=0)
    slow = ", ".join(f"{case.rounds:.0f} for {case.implementation}" for case in problem if case.rounds < most / 2)
    return f"Slow implementations were timed in fewer rounds than {most:.0f} a process: {slow}." if slow else ""


def growth(case: Any) -> str:
    """The powers of V and of B that a case's time grows with, where the file has enough sizes."""
    powers = [(interval(case, f"growth_{dimension}"), dimension) for dimension in ("V", "B")]
    return ", ".join(power(growth, of) for growth, of in powers if growth) or "–"


def cpu(case: Any) -> str:
    """CPU time; with several threads, also how many cores were busy."""
    wall, cpu_s = float_of(case.wall_s), float_of(case.cpu_s)
    if case.threads == 1 or not wall or cpu_s is None:
        return seconds(cpu_s)
    return f"{seconds(cpu_s)} ({cpu_s / wall:.1f} cores)"


def memory(case: Any) -> str:
    """Peak memory of a call, its power of V where it grows, and what set-up keeps."""
    growth_V = float_of(case.memory_growth_V)
    power_of_V = f" (V^{growth_V:.2f})" if growth_V is not None and growth_V >= FLAT_MEMORY else ""
    setup = f" + {memory_text(case.held_bytes, case.held_kind)} set-up" if float_of(case.held_bytes) else ""
    return f"{memory_text(case.memory_bytes, case.memory_kind)}{power_of_V}{setup}"


def memory_text(figure: Any, kind: Any) -> str:
    """Bytes, marked if they are growth of the resident set."""
    size = float_of(figure)
    return "–" if size is None else str(Peak(round(size), kind == RESIDENT))


def limit_reached(case: Any) -> str:
    """The share of its roofline limit that a case reaches, and the limit's name."""
    share = interval(case, "limit_share")
    if share is None or case.limit == INTERPRETER:
        return "–" if share is None else INTERPRETER
    return f"{share.estimate:.0%} {case.limit}{' (exceeded)' if exceeded(share) else ''}"


def above_limit(problem: Sequence[Any]) -> str:
    """Which cases are above 100 % of their limit, with intervals, and to which of them the limit does not apply."""
    shares, free = [], []
    for case in problem:
        share = interval(case, "limit_share")
        if share and share.estimate > 1.005 and case.limit != INTERPRETER:
            ends = "" if share.low is None or share.high is None else f" ({share.low:.0%}–{share.high:.0%})"
            shares.append(f"{case.implementation} {share.estimate:.0%}{ends}")
            free += [case.implementation] * exceeded(share)
    note = f"Above 100 % of the roofline limit: {', '.join(shares)}." if shares else ""
    return note + (f" The limit does not apply to {' and '.join(free)}: the whole interval exceeds it." if free else "")


def at_limit(problem: Sequence[Any]) -> Iterator[str]:
    """Which growing cases are at a limit of the machine, so that only another algorithm would help."""
    shares: dict[str, list[str]] = {}
    for case in problem:
        share = interval(case, "limit_share")
        reached = share and share.estimate >= AT_LIMIT and not exceeded(share)
        if share and reached and case.growth_V > 0.5 and case.limit in MEANING:
            shares.setdefault(str(case.limit), []).append(f"{case.implementation} {share.estimate:.0%}")
    for limit, cases in shares.items():
        remedy = "computing less" if limit == ARITHMETIC else "moving fewer bytes"
        yield f"At {MEANING[limit]}, so that only {remedy} would help: {', '.join(cases)}."


def stage_shares(problem: Sequence[Any], result: ResultFile) -> Iterator[str]:
    """Where a training step's time goes, for cases whose stages were timed."""
    for case in problem:
        stages = result.w2vbench.stages.get(str(case.case), {})
        total = sum(stages.values())
        if total > 0:
            most = sorted(stages.items(), key=lambda stage: -stage[1])
            shares = ", ".join(f"{name} {time / total:.0%}" for name, time in most if time / total >= 0.005)
            name, rest = most[0][0], 1 - most[0][1] / total
            # each of two stages, as of a compiled loop, stands for several kernels, of which none can cost nothing
            gain = f" ({faster(Interval(1 / rest))} if {name} cost nothing)" if len(stages) > 2 and rest > 0.005 else ""
            yield f"{case.implementation}: {shares}{gain}"


def interval(case: Any, column: str) -> Interval | None:
    """An estimate and its ends from three columns; None where there is none."""
    estimate, low, high = (float_of(getattr(case, name)) for name in (column, f"{column}_low", f"{column}_high"))
    return None if estimate is None else Interval(estimate, low, high)


def float_of(value: Any) -> float | None:
    """A float, or None for a missing figure."""
    return None if value is None or value != value else float(value)


def markdown(one: Table) -> str:
    """Return a table as GitHub's Markdown."""
    return "\n".join(markdown_table(one.header, one.rows, left=2))


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]], left: int | None = None) -> list[str]:
    """Return a Markdown table's lines. Columns are aligned to the right after the first ``left`` ones, if given."""
    rules = ["---" if left is None or at < left else "---:" for at in range(len(header))]
    return [cells(header), cells(rules), *map(cells, rows)]


def cells(row: Sequence[str]) -> str:
    """Return a row of a Markdown table."""
    return "| " + " | ".join(plain(cell) for cell in row) + " |"


def plain(text: str) -> str:
    """Return text in one line that Markdown takes neither for HTML nor for the end of a table's cell."""
    return re.sub(r"([\\|])", r"\\\1", " ".join(text.split())).replace("<", "&lt;")


def csv(cases: pd.DataFrame) -> str:
    """Return all cases as CSV. Text that a spreadsheet would take for a formula gets a quote before it."""

    def safe(value: Any) -> Any:
        return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value

    texts = cases.select_dtypes(exclude="number").columns
    checked = cases.assign(**{column: cases[column].map(safe) for column in texts})
    return str(checked.to_csv(index=False, lineterminator="\n", float_format="%.15g"))
