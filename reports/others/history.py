"""Stored runs over time: each case's times as a series, and the change points of its level.

Change points are found by ruptures (exactly, by PELT, with a least-squares cost on logarithms). It needs only NumPy and
SciPy. The other maintained library, apache-otava, pins one version of NumPy and installs clients of three databases.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from w2vbench.reports.compare.acknowledged import Acknowledgement
from w2vbench.reports.file.files import ResultError
from w2vbench.reports.statistics.problems import Floats
from w2vbench.reports.statistics.units import counted

from .stored_runs import StoredRun, parse_time

INSTALL_RUPTURES = "pip install ruptures (from Python 3.14 on that needs a C compiler)"
"""What to do where it is missing: it has no wheels for 3.14, where it is thus no dependency."""
FEWEST_RUNS = 6
"""Steady runs that a series needs before change points are searched."""
SHORTEST = 3
"""Fewest runs on either side of a change point."""
NOISE = 0.02
"""Least noise of runs of the same code that is assumed, as a standard deviation of logarithms."""
PENALTY = 5.0
"""Cost of a change point, in variances times the logarithm of the number of runs. Noise alone gives one in about 0.1 % of series."""


@dataclass(frozen=True)
class Point:
    """One run of one case."""

    file: str  # the result file
    when: str  # its ISO time
    commit: str  # the commit's hash, with ``+`` behind it if files were changed; empty if unknown
    wall_s: float  # wall time per call
    peak_bytes: int | None  # peak of traced allocation in a call
    # Whether the machine kept its speed in that run. If not, the run is shown, but not used to find changes.
    steady: bool = True


@dataclass(frozen=True)
class Change:
    """A change of level."""

    ratio: float  # time after over time before
    # the runs on either side of the change
    before: Point
    after: Point
    undone: bool = False  # whether a later level is back at the one before
    acknowledged: str | None = None  # the reason of the acknowledgement, if there is one


@dataclass
class Series:
    """A case on one machine, run after run."""

    case: str  # the case's name
    points: list[Point] = field(default_factory=list)  # its runs, oldest first
    changes: list[Change] = field(default_factory=list)  # its changes of level
    covers: dict[str, float] = field(default_factory=dict)  # how many examples a call covers
    omitted_runs: int = 0  # number of earlier runs, left out because their calls covered other numbers of examples

    @property
    def steady(self) -> list[Point]:
        return [point for point in self.points if point.steady]

    @property
    def omission(self) -> str:
        """Which runs are left out; empty if there are none."""
        runs = counted(self.omitted_runs, "earlier run")
        return f"left out: {runs}, in which a call covered other work" if self.omitted_runs else ""


@dataclass
class Trend:
    """All series of one machine on one corpus."""

    machine: str  # the machine's description
    runs: int = 0  # number of runs
    series: dict[str, Series] = field(default_factory=dict)  # the series by case
    corpus: str = ""  # the corpus's name
    # Runs in which the machine's own speed varied: file and factor. They are not used to find changes.
    unsteady: list[tuple[str, float]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)  # other runs with warnings: file and first warning

    @property
    def unanswered(self) -> bool:
        """Whether changes cannot be found because too few runs were steady."""
        return bool(self.unsteady) and (
            self.runs - len(self.unsteady) < FEWEST_RUNS
            or any(len(one.points) >= FEWEST_RUNS > len(one.steady) for one in self.series.values())
        )


def trends(runs: Iterable[tuple[str, StoredRun]]) -> list[Trend]:
    """Return the series of every machine and corpus, without their changes (see ``find_all_changes``).

    A series begins anew where a call covers another number of examples.
    """
    by_machine: dict[Any, Trend] = {}
    for file, run in runs:
        trend = by_machine.setdefault((run.machine, run.corpus, run.tokens), Trend(run.machine_text, corpus=run.corpus))
        trend.runs += 1
        if run.unsteady is not None:
            trend.unsteady.append((file, run.unsteady))
        elif run.warning:
            trend.warnings.append((file, run.warning))
        for one in run.cases:
            series = trend.series.setdefault(one.case, Series(one.case, covers=one.covers))
            if series.covers != one.covers:
                earlier = series.omitted_runs + len(series.points)
                series = trend.series[one.case] = Series(one.case, covers=one.covers, omitted_runs=earlier)
            series.points.append(Point(file, run.when, run.commit, one.wall_s, one.peak_bytes, run.unsteady is None))
    return list(by_machine.values())


def find_all_changes(trend: Trend, threshold: float, acknowledgements: Sequence[Acknowledgement] = ()) -> None:
    """Find changes in all series of a machine.

    The noise between runs of the same code is estimated from all series together, since one short series is not enough.
    """
    long = [series for series in trend.series.values() if len(series.steady) >= FEWEST_RUNS]
    usual = float(np.median([own_noise(logs_of(series.steady)) for series in long])) if long else 0.0
    for series in long:
        find_changes(series, threshold, max(NOISE, usual), acknowledgements)


def logs_of(points: Sequence[Point]) -> Floats:
    return np.log([point.wall_s for point in points])


def own_noise(logs: Floats) -> float:
    """Return the standard deviation of a series about its level.

    It is estimated from the steps between neighbours, on which a change of level has little influence.
    """
    return 1.4826 * float(np.median(np.abs(np.diff(logs)))) / math.sqrt(2)


def find_changes(
    series: Series, threshold: float, noise: float = NOISE, acknowledgements: Sequence[Acknowledgement] = ()
) -> None:
    """Find a series' changes of level that exceed a threshold.

    Raises
    ------
    ResultError
        If ruptures is not installed.
    """
    points = series.steady
    logs = logs_of(points)
    starts = [0, *change_points(logs, max(noise, own_noise(logs))), len(logs)]
    levels = [float(np.median(logs[a:b])) for a, b in pairwise(starts)]
    margin, reference = math.log1p(threshold), levels[0]  # the level after the last change, so that small steps add up
    for number, at in enumerate(starts[1:-1], 1):
        shift = levels[number] - reference
        if abs(shift) > margin:
            undone = shift > margin and any(level - reference <= margin for level in levels[number + 1 :])
            reason = acknowledgement(series.case, points[at - 1].when, acknowledgements)
            series.changes.append(Change(math.exp(shift), points[at - 1], points[at], undone, reason))
            reference = levels[number]


def acknowledgement(case: str, since: str, acknowledgements: Sequence[Acknowledgement]) -> str | None:
    """The reason of the first acknowledgement of a case that was made after a time."""
    after = parse_time(since)
    return next(
        (one.why for one in acknowledgements if one.covers(case) and (after is None or one.when >= after)), None
    )


def change_points(logs: Floats, noise: float, shortest: int = SHORTEST) -> list[int]:
    """Return the indices at which a series of logarithms changes its level.

    Parameters
    ----------
    noise
        The series' standard deviation about its level.
    shortest
        Fewest figures of a level.
    """
    try:
        import ruptures
    except ImportError:
        raise ResultError(f"change points need ruptures, which is not installed: {INSTALL_RUPTURES}") from None
    search = ruptures.KernelCPD(kernel="linear", min_size=shortest).fit(logs.reshape(-1, 1))
    return [int(at) for at in search.predict(pen=PENALTY * noise**2 * math.log(len(logs)))[:-1]]


def failing(change: Change, threshold: float) -> bool:
    """Whether a change is a slowdown that was neither undone nor acknowledged."""
    return change.ratio > 1 + threshold and not change.undone and change.acknowledged is None
