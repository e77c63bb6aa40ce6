"""The statistics of all cases of a file at once: for each case the same figures as ``statistics`` gives for it alone.

A file may have tens of thousands of cases, each of a few samples. NumPy goes through those together that have as many
processes and rounds. Their samples are an array (processes, cases, rounds), NaN where a case took no part in a round.

``problems`` stays beside it: for one case, NumPy's calls take ten times as long. And this stays beside ``problems``,
by which a file of 50,000 rows takes a third longer to load (``python -m tests.growth``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from w2vbench.reports.statistics.problems import FEW, LEAST, TRIM, Floats, Interval, t_quantile

from .schema.result import Row

log, exp = (np.vectorize(function, otypes=[np.float64]) for function in (math.log, math.exp))
"""Python's own, since the last digit of NumPy's depends on the processor."""


Processes = Sequence[Sequence[float | None]]
"""A case's figures: of each process, one a round."""


class Intervals(NamedTuple):
    """Estimates with their intervals, a figure for each case; NaN where there is none."""

    estimate: Floats
    low: Floats
    high: Floats

    @classmethod
    def unknown(cls, cases: int) -> Intervals:
        return cls(*np.full((3, cases), np.nan))

    def put(self, at: Sequence[int], some: Intervals) -> None:
        """Set those of some cases."""
        for mine, theirs in zip(self, some, strict=True):
            mine[at] = theirs

    def ratio(self) -> Intervals:
        """Return log-ratios as ratios."""
        return Intervals(*map(exp, self))

    def each(self) -> list[Interval]:
        return [
            Interval(estimate, None if math.isnan(low) else low, None if math.isnan(high) else high)
            for estimate, low, high in zip(*(part.tolist() for part in self), strict=True)
        ]


class Times(NamedTuple):
    """What the samples of all cases say; of those without processes, what pytest-benchmark says."""

    medians: list[list[float]]  # for each case, the median wall time of each process, seconds
    wall: Intervals  # wall time per call, seconds
    cpu: Floats  # CPU time per call, seconds
    rounds: Floats  # samples per process
    # the wall time of the problem's baseline over the case's, paired by round; unknown where there are no processes
    speedup: Intervals


def times(rows: Sequence[Row], baselines: Mapping[int, int]) -> Times:
    """Return the times of all cases.

    Parameters
    ----------
    baselines
        For each case whose problem has a baseline, where among the cases that stands.
    """
    stats, extras = [row.stats for row in rows], [row.extra_info for row in rows]
    found = Times(
        [[one.median] for one in stats],
        Intervals.unknown(len(rows)),
        np.array([extra.cpu_s for extra in extras], np.float64),
        np.array([one.rounds for one in stats], np.float64),
        Intervals.unknown(len(rows)),
    )
    found.wall.estimate[:] = [median for (median,) in found.medians]
    walls = [[process.wall_s for process in extra.processes] for extra in extras]
    cpus = [[process.cpu_s for process in extra.processes] for extra in extras]
    for rounds, at in alike([row.group for row in rows], walls):
        figures = samples([walls[one] for one in at], rounds)
        medians = median_round(figures)
        for one, its in zip(at, medians.T.tolist(), strict=True):
            found.medians[one] = its
        found.wall.put(at, mean_process(log(medians), TRIM).ratio())
        found.cpu[at] = mean_process(median_round(samples([cpus[one] for one in at], rounds)), TRIM).estimate
        found.rounds[at] = np.median(present(figures), axis=0)
        place = {one: here for here, one in enumerate(at)}
        compared, logs = [one for one in at if one in baselines], log(figures)
        own, theirs = logs[:, [place[one] for one in compared]], logs[:, [place[baselines[one]] for one in compared]]
        found.speedup.put(compared, mean_process(paired_logs(theirs, own)).ratio())
    return found


def alike(problems: Sequence[str | None], walls: Sequence[Processes]) -> Iterator[tuple[int, list[int]]]:
    """Yield a number of rounds, and which cases have samples of as many: whole problems with equally many processes."""
    members: dict[str | None, list[int]] = {}
    for at, (problem, processes) in enumerate(zip(problems, walls, strict=True)):
        if processes:
            members.setdefault(problem, []).append(at)
    groups: dict[tuple[int, int], list[int]] = {}
    for its in members.values():
        rounds = max([len(process) for at in its for process in walls[at]])
        groups.setdefault((len(walls[its[0]]), rounds), []).extend(its)
    for (_, rounds), its in groups.items():
        yield rounds, its


def samples(cases: Sequence[Processes], rounds: int) -> Floats:
    """Return the figures of cases that have the same number of processes as an array, filled up to a number of rounds."""
    figures = chain.from_iterable(cases)
    filled: list[Any] = [one if len(one) == rounds else [*one, *[None] * (rounds - len(one))] for one in figures]
    return np.array(filled, np.float64).reshape(len(cases), -1, rounds).swapaxes(0, 1)


def present(figures: Floats) -> NDArray[np.int64]:
    """Return how many rounds have a figure."""
    return np.asarray(np.isfinite(figures).sum(axis=-1))


def median_round(figures: Floats) -> Floats:
    """Return the median of the rounds that have a figure; NaN where none has."""
    ordered, last = np.sort(figures, axis=-1), np.maximum(present(figures) - 1, 0)[..., None]  # NaN comes last
    low, high = (np.take_along_axis(ordered, at, axis=-1)[..., 0] for at in (last // 2, (last + 1) // 2))
    return np.asarray((low + high) / 2)


def paired_logs(numerators: Floats, denominators: Floats) -> Floats:
    """Return ``process_logs``, from logarithms."""
    by_round = numerators - denominators
    of_medians = median_round(numerators) - median_round(denominators)
    return np.where(present(by_round) >= FEW, median_round(by_round), of_medians)


def mean_process(figures: Floats, trim: float = 0.0) -> Intervals:
    """Return the mean over processes of each case's figures: ``over_processes``, and ``typical`` where it is trimmed.

    Parameters
    ----------
    figures
        (processes, cases).
    trim
        Share of processes that is left out at each end.
    """
    number = len(figures)
    if number < LEAST:
        mean = figures.mean(axis=0)
        return Intervals.unknown(len(mean))._replace(estimate=mean)
    data, cut = np.sort(figures, axis=0), int(trim * number)
    lowest, highest, count = data[cut], data[number - cut - 1], number - 2 * cut
    winsorized = np.clip(data, lowest, highest)
    squares = sum((winsorized - sum(winsorized) / number) ** 2)
    steady = lowest == highest  # there is no spread, whatever rounding makes of the mean
    mean = np.where(steady, lowest, sum(data[cut : number - cut]) / count)
    half = t_quantile(count - 1) * np.where(steady, 0.0, np.sqrt(squares / (count * (count - 1))))
    return Intervals(mean, mean - half, mean + half)
