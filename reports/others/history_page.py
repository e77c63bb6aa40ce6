"""Trends as a person reads them: sentences, sparklines, a page, JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from w2vbench.reports.drawing.templates import render
from w2vbench.reports.findings.facts import UNSTEADY
from w2vbench.reports.statistics.problems import Floats, Interval
from w2vbench.reports.statistics.units import LARGE, counted, faster, seconds

from .history import FEWEST_RUNS, Change, Point, Series, Trend, failing, logs_of

BARS = "▁▂▃▄▅▆▇█"


def notes(trend: Trend) -> Iterator[str]:
    """Yield which of a machine's runs are unusable or doubtful, and what to do."""
    steady = trend.runs - len(trend.unsteady)
    if trend.unsteady:
        file, factor = max(trend.unsteady, key=lambda one: one[1])
        yield (
            f"{len(trend.unsteady)} of {trend.runs} runs are shown, but not used to find changes: the machine's own speed varied by "
            f"more than {UNSTEADY:g}× during them (at most {factor:.1f}×, in {file})."
        )
    if trend.unanswered:
        left = f"at most {steady} {'is' if steady == 1 else 'are'} left" if steady else "none is left"
        yield (
            f"Too few steady runs to find slowdowns: {FEWEST_RUNS} are needed for each case, and {left}. "
            "Run again when the machine is quieter."
        )
    elif trend.runs < FEWEST_RUNS:
        yield f"Changes are searched from {FEWEST_RUNS} runs up."
    if trend.warnings:
        file, warning = trend.warnings[-1]
        yield f"{len(trend.warnings)} of the steady runs had warnings; the last, in {file}: {warning}"


def heading(trend: Trend, every: Sequence[Trend]) -> str:
    """Return a trend's machine, and its corpus if the machine has runs on several."""
    alone = sum(other.machine == trend.machine for other in every) == 1
    return trend.machine if alone else f"{trend.machine}, {trend.corpus}"


def sparkline(series: Series) -> str:
    """Return a series as a line of bars."""
    places = np.clip(heights(logs_of(series.points)) + 0.5, 0, 1) * (len(BARS) - 1)
    return "".join(BARS[round(float(place))] for place in places)


def heights(logs: Floats) -> Floats:
    """Logarithms on a scale from -0.5 to 0.5, which spans at least 10 %."""
    low, high = float(logs.min()), float(logs.max())
    return (logs - (low + high) / 2) / max(high - low, math.log(1.1))


def describe(change: Change) -> str:
    """Return a change in a few words."""
    before, after = (point.commit or minute(point) for point in (change.before, change.after))
    state = ", undone since" if change.undone else ""
    if change.acknowledged is not None:
        state = f", acknowledged ({change.acknowledged})"
    return f"{faster(Interval(1 / change.ratio), near=LARGE)} between {before} and {after}{state}"


def minute(point: Point) -> str:
    return point.when[:16].replace("T", " ")


def as_json(trends: Sequence[Trend]) -> str:
    """Return all trends as JSON."""
    return json.dumps(
        [
            {
                "machine": trend.machine,
                "corpus": trend.corpus,
                "runs": trend.runs,
                "unsteady": trend.unsteady,
                "notes": list(notes(trend)),
                "series": [
                    {
                        "case": series.case,
                        "left_out": series.omission,
                        "points": list(map(asdict, series.points)),
                        "changes": list(map(asdict, series.changes)),
                    }
                    for series in trend.series.values()
                ],
            }
            for trend in trends
        ],
        indent=1,
    )


def html(trends: Sequence[Trend], left_out: Sequence[str], threshold: float) -> str:
    """Return a self-contained page with a small plot of each case's series; those that changed come first."""
    return render(
        "history.html",
        trends=trends,
        left_out=left_out,
        ordered=ordered,
        drawing=drawing,
        describe=describe,
        seconds=seconds,
        counted=counted,
        failing=failing,
        heading=heading,
        notes=notes,
        threshold=threshold,
    )


def ordered(trend: Trend) -> list[Series]:
    """Return the series with the largest changes first."""
    return sorted(
        trend.series.values(), key=lambda one: -max((abs(math.log(c.ratio)) for c in one.changes), default=0.0)
    )


WIDE, HIGH = 240.0, 36.0
COLUMNS = 60
"""Columns of a line that has more runs than this: each shows its first, last, lowest and highest."""
DOTS = 16
"""How many of its latest runs then have points, beside those at changes."""


def drawing(series: Series) -> dict[str, Any]:
    """Return the coordinates of a series' line, points and changes, in a box of WIDE by HIGH."""
    logs = logs_of(series.points)
    xs = np.linspace(4, WIDE - 4, len(logs)) if len(logs) > 1 else np.array([WIDE / 2])
    ys = HIGH / 2 - heights(logs) * (HIGH - 8)
    places = [(round(float(x), 1), round(float(y), 1)) for x, y in zip(xs, ys, strict=True)]
    at = {point: number for number, point in enumerate(series.points)}
    changes = [(at[one.before], at[one.after]) for one in series.changes]
    return {
        "line": " ".join(f"{x},{y}" for x, y in (places[number] for number in drawn(logs))),
        "dots": [(places[number], series.points[number]) for number in dotted(len(logs), changes)],
        "changes": [(places[before][0] + places[after][0]) / 2 for before, after in changes],
    }


def drawn(logs: Floats) -> list[int]:
    """Return the numbers of the runs that a line goes through: it looks as if it went through all.

    References
    ----------
    Jugel and others, "M4: A Visualization-Oriented Time Series Data Aggregation", VLDB 2014.
    """
    if len(logs) <= COLUMNS:
        return list(range(len(logs)))
    found: list[int] = []
    for column in np.array_split(np.arange(len(logs)), COLUMNS):
        ends = column[0], column[-1], column[np.argmin(logs[column])], column[np.argmax(logs[column])]
        found += sorted({int(number) for number in ends})
    return found


def dotted(runs: int, changes: Sequence[tuple[int, int]]) -> list[int]:
    """Return the numbers of the runs that have points: all of a few; of many, the latest and those at changes."""
    if runs <= COLUMNS:
        return list(range(runs))
    return sorted({*range(runs - DOTS, runs), *(number for change in changes for number in change)})
