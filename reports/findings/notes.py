"""The sentences below a problem's table: what its ratios contain beside speed, and which limits are reached."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from w2vbench.reports.file.frame import GROWTH_FROM, SERIES_COLUMNS, float_of, interval
from w2vbench.reports.file.limits import ARITHMETIC, AT_LIMIT, INTERPRETER, MEANING, exceeded
from w2vbench.reports.file.schema.result import ResultFile, Row
from w2vbench.reports.statistics.problems import Interval
from w2vbench.reports.statistics.units import faster, power, seconds
from w2vbench.reports.statistics.units import share as share_of

from .answers import Answer
from .facts import too_few_cpus, usable_cpus

if TYPE_CHECKING:
    import pandas as pd


Series = dict[Any, Sequence[Sequence[float]]]
"""Vocabularies and times of cases that differ only in V, by their values in SERIES_COLUMNS."""


def series_of_frame(cases: pd.DataFrame) -> Series:
    """Return the series of a data frame, without vocabularies that are too small for a fit."""
    fitted = cases[(cases.status == "ok") & (cases.V >= GROWTH_FROM)].sort_values("V")
    return {key: one[["V", "wall_s"]].to_numpy().tolist() for key, one in fitted.groupby(SERIES_COLUMNS)}


def notes_of(cases: Sequence[Any], answer: Answer | None, result: ResultFile, series: Series | None = None) -> str:
    """Return the sentences below a problem's table.

    Parameters
    ----------
    cases
        The problem's cases, as named tuples of the data frame.
    answer
        What was found for the problem; None where nothing was measured.
    result
        The whole file.
    series
        Where given, a growth that changes with V is among the notes; the page has charts for it.
    """
    measured = [case for case in cases if case.status == "ok"]
    touched = next((count for case in measured if (count := float_of(case.touched_rows)) is not None), None)
    crowded = too_few_cpus(int(cases[0].threads), usable_cpus(result.w2vbench)) if measured else ""
    notes = [
        where_measured(answer),
        f"{crowded}." if crowded else "",
        f"A batch touches {touched:,.0f} distinct row{'s'[: round(touched) != 1]}." if touched is not None else "",
        unequal_work(answer.rows if answer else ()),
        *(
            growth_change(case, series[key])
            for case in measured
            if series and (key := tuple(getattr(case, c) for c in SERIES_COLUMNS)) in series
        ),
        *(
            f"Times of {case.implementation} leave out the conversion of its input, {seconds(adapt_s)} a batch."
            for case in measured
            if (adapt_s := float_of(case.adapt_s)) is not None
        ),
        few_rounds(measured, result),
        *at_limit(measured),
        above_limit(measured),
    ]
    return " ".join(filter(None, notes))


def where_measured(answer: Answer | None) -> str:
    """Return on which machine of several a problem was measured, and why its figures are in doubt."""
    extra = answer.rows[0].extra_info if answer else None
    if extra is None or not extra.machine:
        return ""
    doubt = f", which {extra.doubt}: these figures are in doubt" if extra.doubt else ""
    return f"Measured on {extra.machine}{doubt}."


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
        notes.append(f"A call covers {each}. Ratios therefore compare the time per example.")
    elif covers := next(iter(covered), ""):
        notes.append(f"A call of each implementation covers {covers}.")
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


def few_rounds(problem: Sequence[Any], result: ResultFile) -> str:
    """Which slow cases were timed in far fewer rounds than the run allows, or than the others of their problem."""
    allowed = result.w2vbench.settings.get("rounds")
    most = max((*(case.rounds for case in problem), allowed if isinstance(allowed, int) else 0), default=0)
    slow = ", ".join(f"{case.rounds:.0f} for {case.implementation}" for case in problem if case.rounds < most / 2)
    return f"Slow implementations were timed in fewer rounds than {most:.0f} a process: {slow}." if slow else ""


def above_limit(problem: Sequence[Any]) -> str:
    """Which cases are above 100 % of their limit, with intervals, and to which of them the limit does not apply."""
    shares, free = [], []
    for case in problem:
        share = interval(case, "limit_share")
        if share and share.estimate > 1.005 and case.limit != INTERPRETER:
            ends = "" if share.low is None or share.high is None else f" ({share_of(share.low)}–{share_of(share.high)})"
            shares.append(f"{case.implementation} {share_of(share.estimate)}{ends}")
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
            shares.setdefault(str(case.limit), []).append(f"{case.implementation} {share_of(share.estimate)}")
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
            shares = ", ".join(f"{name} {share_of(time / total)}" for name, time in most if time / total >= 0.005)
            name, rest = most[0][0], 1 - most[0][1] / total
            # each of two stages, as of a compiled loop, stands for several kernels, of which none can cost nothing
            gain = f" ({faster(Interval(1 / rest))} if {name} cost nothing)" if len(stages) > 2 and rest > 0.005 else ""
            yield f"{case.implementation}: {shares}{gain}"
