"""The table of a problem's cases, the same on the terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from w2vbench.reports.file.frame import float_of, interval, wall_s
from w2vbench.reports.file.limits import INTERPRETER, exceeded
from w2vbench.reports.file.memory import RESIDENT, Peak
from w2vbench.reports.file.schema.result import Row
from w2vbench.reports.findings.answers import Answer, span
from w2vbench.reports.findings.ranking import hardly_known
from w2vbench.reports.statistics.problems import Interval
from w2vbench.reports.statistics.units import NEAR, rate, seconds, slower, two
from w2vbench.reports.statistics.units import share as share_of

HEADER = (
    *("implementation", "what it is", "per call", "slower", "95 % interval", "memory + set-up", "grows", "limit"),
    "words a second",
)
OPTIONAL = ("95 % interval", "grows", "limit", "words a second")
"""Columns that stand there only if a case of the problem has a figure."""
MUCH_CPU = 1.25
"""CPU time is shown where it differs from wall time by this factor."""


def case_table(answer: Answer | None, cases: Sequence[Any]) -> list[tuple[str, ...]]:
    """Return HEADER and the cells of each measured case of a problem.

    Parameters
    ----------
    answer
        What was found for the problem; None where nothing was measured.
    cases
        Its cases, as named tuples of the data frame.
    """
    measured = {row.case: row for row in answer.rows} if answer else {}
    rows = [case_cells(case, measured[case.case], answer) for case in cases if answer and case.case in measured]
    shown = [
        at for at, name in enumerate(HEADER) if name not in OPTIONAL or any(row[at] not in ("", "–") for row in rows)
    ]
    return [tuple(row[at] for at in shown) for row in (HEADER, *rows)]


def not_measured(cases: Sequence[Any]) -> list[tuple[str, str, str]]:
    """Return slug and title of each case that was not measured, and why."""
    return [
        (str(case.implementation), str(case.title), " ".join(f"{case.status}: {case.reason}".split()))
        for case in cases
        if case.status != "ok"
    ]


def case_cells(case: Any, row: Row, answer: Answer) -> tuple[str, ...]:
    """A measured case's cells under HEADER."""
    ratio, ends = ("use this" if answer.ranking.tie or answer.ranking.undecided else "fastest"), ""
    if row is not answer.use:
        found = answer.slower(row)
        ratio = "tie" if answer.ties(row) else ratio_text(found)
        ends = "" if found.low is None or found.high is None else span(found)
    wall, cpu, kept = wall_s(row), float_of(case.cpu_s), float_of(case.held_bytes)
    differs = cpu is not None and wall > 0 and not 1 / MUCH_CPU < cpu / wall < MUCH_CPU
    return (
        row.slug,
        row.extra_info.title,
        f"{seconds(wall)} ({seconds(cpu)} CPU)" if differs else seconds(wall),
        ratio,
        ends,
        memory_text(case.memory_bytes, case.memory_kind) + (f" + {memory_text(kept, case.held_kind)}" if kept else ""),
        growth_text(case),
        limit_text(case),
        rate(float_of(case.words_per_s)),
    )


def memory_text(figure: Any, kind: Any) -> str:
    """Bytes, marked if they are growth of the resident set."""
    size = float_of(figure)
    return "–" if size is None else str(Peak(round(size), kind == RESIDENT))


def limit_text(case: Any) -> str:
    """The share of its roofline limit that a case reaches, and the limit's name."""
    share = interval(case, "limit_share")
    if share is None or case.limit == INTERPRETER:
        return "–" if share is None else INTERPRETER
    return f"{share_of(share.estimate)} {case.limit}{' (exceeded)' if exceeded(share) else ''}"


def ratio_text(ratio: Interval) -> str:
    """A ratio to the one to use: ``28×``, ``+6 %``, ``as fast``; ``~4.1×`` where it is hardly known.

    What is undecided may look faster: ``-2 %``, or ``~1.9× faster``.
    """
    percent = f"{(ratio.estimate - 1) * 100:+.0f} %"
    if ratio.estimate >= NEAR:
        amount = f"{two(ratio.estimate)}×"
    elif percent in ("+0 %", "-0 %"):
        amount = "0 %" if hardly_known(ratio) else "as fast"
    else:
        amount = percent if ratio.estimate > 1 / NEAR else slower(ratio.estimate)
    return f"{'~' * hardly_known(ratio)}{amount}"


def growth_text(case: Any) -> str:
    """How a case's time grows with V, or with B: ``flat``, ``V``, ``V^1.3``."""
    for name in ("V", "B"):
        power = float_of(getattr(case, f"growth_{name}"))
        if power is not None:
            return "flat" if abs(power) < 0.15 else name if abs(power - 1) < 0.15 else f"{name}^{power:.1f}"
    return "–"
