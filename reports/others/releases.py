"""Cases over the releases of a package: their levels, and the releases at which a level changed.

The first process of every release is measured, in a random order, then the second of every release, and so on. Changes are
located in every other process, and tested in those between, so that the figures which suggest a change do not also confirm it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np
from w2vbench.reports.file.schema.releases import ReleasedCase, Releases
from w2vbench.reports.statistics.holm import slower_and_faster
from w2vbench.reports.statistics.problems import Estimate, Floats, Interval, mean_interval, trimmed_mean

from .history import change_points

ERROR = 0.025
"""Family-wise error, in each direction, of the changes of all cases."""
LEAST_NOISE = 0.001
"""Least noise of a release's mean that is assumed, as a standard deviation of logarithms."""


@dataclass(frozen=True)
class ReleaseChange:
    """A change of a case's level."""

    case: str  # the case
    # the last release of the old level, and the first of the new one
    before: str
    after: str
    ratio: Interval  # time after over time before, with its 95 % interval


def logs_by_process(case: ReleasedCase) -> Floats:
    """Return logarithms of seconds, a row a process and a column a release, without what processes of the same number share."""
    logs: Floats = np.log(np.array(list(case.times.values()), np.float64)).T
    centred: Floats = logs - logs.mean(axis=1, keepdims=True) + logs.mean()
    return centred


def candidates(logs: Floats) -> list[int]:
    """Return the releases at which a level may begin, by their index."""
    processes, releases = logs.shape
    if releases < 2 or processes < 2:
        return []
    noise = float(np.sqrt(np.mean(np.var(logs, axis=0, ddof=1)) / processes))
    return change_points(logs.mean(axis=0), max(noise, LEAST_NOISE), shortest=1)


def changes(releases: Releases) -> list[ReleaseChange]:
    """Return the changes of all cases that are larger than the threshold.

    Raises
    ------
    ResultError
        If ruptures is not installed.
    """
    found: list[tuple[ReleaseChange, Estimate]] = []
    for case in releases.cases:
        if len(case.times) < 2 or len(next(iter(case.times.values()))) < 4:
            continue
        logs, names = logs_by_process(case), list(case.times)
        starts = [0, *candidates(logs[::2]), len(names)]
        levels = [logs[1::2, a:b].mean(axis=1) for a, b in pairwise(starts)]
        for at, (before, after) in zip(starts[1:-1], pairwise(levels), strict=True):
            shift = trimmed_mean(after - before)
            found.append((ReleaseChange(case.case, names[at - 1], names[at], shift.ratio()), shift))
    margin = math.log1p(releases.threshold)
    adjusted = slower_and_faster([shift for _, shift in found], [margin] * len(found))
    return [one for (one, _), p_values in zip(found, adjusted, strict=True) if min(p_values) <= ERROR]


@dataclass(frozen=True)
class Level:
    """A case at a release."""

    release: str
    # At the oldest release, the median over processes of a call's time; at others, that times the ratio. Their own
    # medians would also have what the machine did in the meantime.
    seconds: float
    # time over that at the oldest release, process by process, with its 95 % interval; None at the oldest
    ratio: Interval | None


def levels(case: ReleasedCase) -> Iterator[Level]:
    """Yield a case at each release that has times, the oldest first."""
    oldest = next(iter(case.times.values()), [])
    for number, (release, times) in enumerate(case.times.items()):
        logs = np.log(times) - np.log(oldest)
        ratio = mean_interval(logs, trim=0.2).map(math.exp) if number and times else None
        yield Level(release, median(oldest) * (ratio.estimate if ratio else 1.0), ratio)


def largest_possible(releases: Releases) -> float:
    """Return the largest change that some interval of a release over the oldest one leaves possible, as a share of time.

    A release that is faster counts by how much longer the oldest one takes.
    """
    ratios = [level.ratio for case in releases.cases for level in levels(case) if level.ratio]
    ends = [(one.low or one.estimate, one.high or one.estimate) for one in ratios]
    return max((max(high, 1 / low) - 1 for low, high in ends), default=0.0)


def changes_of(case: ReleasedCase, every: Sequence[ReleaseChange]) -> list[ReleaseChange]:
    return [one for one in every if one.case == case.case]
