"""Statistics of problems: pure functions from samples to small structs.

A process holds, for each implementation, one figure a round (NaN where a slow one took no part). Two are compared by
the ratio of their figures of the same round, so that what slows the whole machine cancels out; a process gives one
median ratio; and the interval comes from the spread between processes, since each keeps whatever advantage its memory
layout gave it. ``python -m reports.coverage`` tells how often these intervals hold the truth.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEVEL = 0.95
FEW = 5
"""Common rounds below which a process's ratio is one of medians."""
LEAST = 3
"""Processes below which nothing is given an interval: that of two reaches 12.7 standard errors to each side."""
TRIM = 0.2
"""Share of processes left out at each end: now and then a whole process is slowed, and a mean follows it."""


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


@cache
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


@dataclass(frozen=True)
class Estimate:
    """An estimate, its standard error, and the error's degrees of freedom."""

    value: float
    error: float
    degrees: int

    def p_above(self, bound: float) -> float:
        """One-sided p-value against "the true value is at most bound"."""
        from scipy.special import stdtr

        if self.error == 0:
            return 0.0 if self.value > bound else 1.0
        return float(stdtr(self.degrees, -(self.value - bound) / self.error))

    def p_below(self, bound: float) -> float:
        """One-sided p-value against "the true value is at least bound"."""
        return Estimate(-self.value, self.error, self.degrees).p_above(-bound)

    def p_within(self, margin: float) -> float:
        """p-value against "the true value is at least margin away from zero": two one-sided tests."""
        return max(self.p_above(-margin), self.p_below(margin))

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        half = t_quantile(self.degrees, level) * self.error
        return self.value - half, self.value + half

    def ratio(self) -> Interval:
        """A log-ratio as a ratio with its interval."""
        low, high = self.interval()
        return Interval(math.exp(self.value), math.exp(low), math.exp(high))


def trimmed_mean(values: Sequence[float] | Floats) -> Estimate:
    """The trimmed mean with the standard error that goes with it (K. K. Yuen, Biometrika 61, 1974). Raises ValueError
    for fewer than two values."""
    data = np.sort(np.asarray(values, np.float64))
    cut = int(TRIM * data.size)
    kept = data.size - 2 * cut
    if data.size < 2:
        raise ValueError("fewer than two values")
    pulled_in = np.clip(data, data[cut], data[data.size - 1 - cut])
    error = float(pulled_in.std(ddof=1)) * math.sqrt((data.size - 1) / (kept * (kept - 1)))
    return Estimate(float(data[cut : data.size - cut].mean()), error, kept - 1)


def over_processes(values: Sequence[float] | Floats, level: float = LEVEL) -> Interval:
    """The mean of processes' figures with its t-interval, which fewer than LEAST have not. Raises ValueError for no values."""
    found = mean_interval(values, level)
    return found if len(values) >= LEAST else Interval(found.estimate)


def typical(values: Sequence[float] | Floats, level: float = LEVEL) -> Interval:
    """The trimmed mean of processes' figures with its own interval, which fewer than LEAST have not.

    For what a process that is slowed as a whole moves, as it moves a wall time and no paired ratio: the estimate is that
    of undisturbed processes, and so is what the interval holds. Raises ValueError for no values.
    """
    if len(values) < LEAST:
        return over_processes(values, level)
    found = trimmed_mean(values)
    return Interval(found.value, *found.interval(level))


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
    """The median of what is finite among some values, NaN if nothing is. For a process's few it is faster than NumPy's."""
    finite = values[np.isfinite(values)]
    return statistics.median(finite.tolist()) if finite.size else math.nan


def process_logs(numerator: Sequence[Floats], denominator: Sequence[Floats]) -> list[float]:
    """How many times larger numerator's figures are than denominator's, as one logarithm a process that has both.

    It is the median of the log-ratios of their common rounds. With fewer than FEW of those it is the log-ratio of the two
    medians instead: a single round's fast sample is noisier than the drift that pairing takes out.
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
    return logs


def paired_ratio(numerator: Sequence[Floats], denominator: Sequence[Floats], level: float = LEVEL) -> Interval | None:
    """How many times larger numerator's figures are than denominator's: the geometric mean over processes of each
    process's ratio (``process_logs``), with the t-interval of that mean. None if no process has figures of both.
    """
    logs = process_logs(numerator, denominator)
    return over_processes(logs, level).map(math.exp) if logs else None


def typical_figure(processes: Sequence[Floats], level: float = LEVEL) -> Interval:
    """An implementation's figure, above zero, in the samples' unit: each process's median, of which on a logarithmic scale
    the trimmed mean is taken (``typical``). Raises ValueError for no processes."""
    return typical([math.log(middle(process)) for process in processes], level).map(math.exp)


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


def exponent(sizes: Sequence[float], processes: Sequence[Sequence[float]], level: float = LEVEL) -> Interval | None:
    """How a figure grows: the trimmed mean over processes of each one's slope, with its interval; None if none has one.

    processes: for each process, its figure at each size. The interval tells how well the slope is known, not how straight
    the line is: caches bend it at the same place in every process.
    """
    slopes = [found for figures in processes if (found := slope(sizes, figures)) is not None]
    return typical(slopes, level) if slopes else None


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
