"""Statistics of races: pure functions from samples to small structs.

A launch holds, for each lane, one figure a round (NaN where a slow lane sat a round out). Two lanes are compared by
the ratio of their figures of the same round, so that what slows the whole machine cancels out; a launch gives one
median ratio; and the interval comes from the spread between launches, since a process keeps whatever advantage its
memory layout gave it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEVEL = 0.95
FEW = 5


@dataclass(frozen=True)
class Interval:
    """An estimate with a confidence interval; low and high are None where the data cannot give one."""

    estimate: float
    low: float | None = None
    high: float | None = None

    def includes(self, value: float) -> bool:
        """Whether value lies in the interval; an unknown interval includes everything."""
        return self.low is None or self.high is None or self.low <= value <= self.high

    def map(self, function: Any) -> Interval:
        """The interval of an increasing function of the estimate."""
        return Interval(
            function(self.estimate), *(None if end is None else function(end) for end in (self.low, self.high))
        )


def t_quantile(degrees: float, level: float = LEVEL) -> float:
    """Two-sided quantile of Student's t: the half-width of an interval in standard errors."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.5 + level / 2))


def mean_interval(values: Sequence[float] | Floats, level: float = LEVEL) -> Interval:
    """The mean of some values with its t-interval; one value has none. Raises ValueError for no values."""
    data = np.asarray(values, np.float64)
    if data.size == 0:
        raise ValueError("no values")
    mean = float(data.mean())
    if data.size == 1:
        return Interval(mean)
    half = t_quantile(data.size - 1, level) * float(data.std(ddof=1)) / math.sqrt(data.size)
    return Interval(mean, mean - half, mean + half)


def median_interval(values: Sequence[float], level: float = LEVEL) -> Interval:
    """The median of some launches' figures with the mean's t-interval, which is widened to hold it. Raises ValueError for no values.

    Now and then a whole launch is slowed, and must not drag the estimate along.
    """
    around, estimate = mean_interval(values, level), statistics.median(values)
    if around.low is None or around.high is None:
        return Interval(estimate)
    return Interval(estimate, min(around.low, estimate), max(around.high, estimate))


def difference_interval(first: Sequence[float], second: Sequence[float], level: float = LEVEL) -> Interval:
    """The difference of two means with Welch's t-interval; none where either has one value. Raises ValueError for no values."""
    if not first or not second:
        raise ValueError("no values")
    difference = float(np.mean(first) - np.mean(second))
    if len(first) < 2 or len(second) < 2:
        return Interval(difference)
    parts = [float(np.var(values, ddof=1)) / len(values) for values in (first, second)]
    error = math.sqrt(sum(parts))
    if error == 0:
        return Interval(difference, difference, difference)
    degrees = error**4 / sum(part**2 / (len(values) - 1) for part, values in zip(parts, (first, second), strict=True))
    half = t_quantile(degrees, level) * error
    return Interval(difference, difference - half, difference + half)


def middle(values: Floats) -> float:
    """The median of what is finite among some values, NaN if nothing is. For a launch's few it is faster than NumPy's."""
    finite = values[np.isfinite(values)]
    return statistics.median(finite.tolist()) if finite.size else math.nan


def median(launches: Sequence[Floats]) -> float:
    """The median over launches of each launch's median: a lane's typical figure, in the samples' unit."""
    return middle(np.array([middle(launch) for launch in launches]))


def paired_ratio(numerator: Sequence[Floats], denominator: Sequence[Floats], level: float = LEVEL) -> Interval | None:
    """How many times larger numerator's figures are than denominator's, launch by launch.

    Each launch gives the median of the log-ratios of its common rounds; the estimate is the median launch, and the
    interval a t-interval over launches.
    With fewer than FEW common rounds it gives the ratio of the two medians instead: a single round's fast sample is
    noisier than the drift that pairing takes out. None if no launch has figures of both.
    """
    logs = []
    for top, bottom in zip(numerator, denominator, strict=True):
        with np.errstate(divide="ignore", invalid="ignore"):
            tops, bottoms = np.log(top), np.log(bottom)
        rounds = min(len(tops), len(bottoms))
        ratios = tops[:rounds] - bottoms[:rounds]
        paired = np.count_nonzero(np.isfinite(ratios)) >= FEW
        log = middle(ratios) if paired else middle(tops) - middle(bottoms)
        if not math.isnan(log):  # of both
            logs.append(log)
    if not logs:
        return None
    return median_interval(logs, level).map(math.exp)


def slope(sizes: Sequence[float], figures: Sequence[float]) -> float | None:
    """The power b of ``figure = a * size ** b``: least squares on logarithms; None with fewer than two different sizes.

    Figures that are zero or missing are left out.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        x, y = np.log(np.asarray(sizes, np.float64)), np.log(np.asarray(figures, np.float64))
    usable = np.isfinite(x) & np.isfinite(y)
    x, y = x[usable], y[usable]
    if len(np.unique(x)) < 2:
        return None
    x = x - x.mean()
    return float((x * (y - y.mean())).sum() / (x**2).sum())


def exponent(sizes: Sequence[float], launches: Sequence[Sequence[float]], level: float = LEVEL) -> Interval | None:
    """How a figure grows: the mean over launches of each launch's slope, with its t-interval; None if none has one.

    launches: for each, its figure at each size. The interval tells how well the mean slope is known, not how straight
    the line is: caches bend it at the same place in every launch.
    """
    slopes = [found for figures in launches if (found := slope(sizes, figures)) is not None]
    return mean_interval(slopes, level) if slopes else None


LEAST_BYTES = 4096
"""A difference of peak memory up to this counts as none, whatever the threshold: Python's own small objects take as much."""


def memory_verdict(before: int | None, after: int | None, threshold: float) -> str:
    """How a peak compares with another: ``more | less | same``, or unknown. threshold: the share of it that counts as none."""
    if before is None or after is None:
        return "unknown"
    if abs(after - before) <= max(LEAST_BYTES, threshold * before):
        return "same"
    return "more" if after > before else "less"


def share_interval(successes: int, trials: int, level: float = LEVEL) -> Interval:
    """A share with its exact interval (C. J. Clopper and E. S. Pearson, 1934). Raises ValueError for no trials."""
    from scipy.special import betaincinv

    if not trials:
        raise ValueError("no trials")
    tail = (1 - level) / 2
    low = float(betaincinv(successes, trials - successes + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, trials - successes, 1 - tail)) if successes < trials else 1.0
    return Interval(successes / trials, low, high)
