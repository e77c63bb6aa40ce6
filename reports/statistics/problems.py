"""Statistics of problems: pure functions from samples to small structs.

Each process has one figure per round for each implementation (NaN where a slow one took no part). Two implementations are
compared by the ratio of their figures in the same round, so that what slows the whole machine cancels out. Each process
gives one median ratio. Intervals come from the spread between processes, since an implementation keeps the advantage or
disadvantage of its memory layout for a whole process. ``python -m w2vbench.reports.others.coverage`` simulates how often the intervals
include the true value.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Logs = Sequence[float | None]
"""Logarithms of the figures of a process's rounds; None where there is no figure."""
LEVEL = 0.95
FEW = 5
"""With fewer common rounds, a process's ratio is the ratio of two medians."""
LEAST = 3
"""With fewer processes there is no interval: that of two reaches 12.7 standard errors to each side."""
TRIM = 0.2
"""Share of processes that a trimmed mean leaves out at each end, since occasionally a whole process is slowed."""


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval; ``low`` and ``high`` are None where the data give no interval."""

    estimate: float
    low: float | None = None
    high: float | None = None

    def includes(self, value: float) -> bool:
        """Whether a value lies in the interval; an unknown interval includes everything."""
        return self.low is None or self.high is None or self.low <= value <= self.high

    def map(self, function: Callable[[float], float]) -> Interval:
        """Return the interval of an increasing function of the estimate."""
        ends = (None if end is None else function(end) for end in (self.low, self.high))
        return Interval(function(self.estimate), *ends)


@cache
def t_quantile(degrees: float, level: float = LEVEL) -> float:
    """Return a two-sided quantile of Student's t: the half-width of an interval in standard errors."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.5 + level / 2))


@dataclass(frozen=True)
class Estimate:
    """An estimate, its standard error, and the error's degrees of freedom."""

    value: float
    error: float
    degrees: float

    def p_above(self, bound: float) -> float:
        """Return the one-sided p-value against "the true value is at most ``bound``"."""
        from scipy.special import stdtr

        if self.error == 0:
            return 0.0 if self.value > bound else 1.0
        return float(stdtr(self.degrees, -(self.value - bound) / self.error))

    def p_below(self, bound: float) -> float:
        """Return the one-sided p-value against "the true value is at least ``bound``"."""
        return Estimate(-self.value, self.error, self.degrees).p_above(-bound)

    def p_within(self, margin: float) -> float:
        """Return the p-value against "the true value is at least ``margin`` away from zero" (two one-sided tests)."""
        return max(self.p_above(-margin), self.p_below(margin))

    def ends(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the ends of the t-interval."""
        half = t_quantile(self.degrees, level) * self.error
        return self.value - half, self.value + half

    def interval(self, level: float = LEVEL) -> Interval:
        """Return the estimate with its t-interval."""
        return Interval(self.value, *self.ends(level))

    def ratio(self) -> Interval:
        """Return a log-ratio as a ratio with its interval."""
        return self.interval().map(math.exp)


def trimmed_mean(values: Sequence[float] | Floats, trim: float = TRIM) -> Estimate:
    """Return the trimmed mean and its standard error; without trimming, the mean and the usual one.

    Raises
    ------
    ValueError
        If there are fewer than two values.

    References
    ----------
    K. K. Yuen, Biometrika 61, 1974.
    """
    data = in_order(values)
    cut = int(trim * len(data))
    count = len(data) - 2 * cut
    if len(data) < 2:
        raise ValueError("fewer than two values")
    kept = data[cut : len(data) - cut]
    if kept[0] == kept[-1]:  # there is no spread, whatever rounding makes of the mean
        return Estimate(kept[0], 0.0, count - 1)
    winsorized = [kept[0]] * cut + kept + [kept[-1]] * cut
    center = sum(winsorized) / len(data)
    squares = sum((value - center) ** 2 for value in winsorized)
    return Estimate(sum(kept) / count, math.sqrt(squares / (count * (count - 1))), count - 1)


def in_order(values: Sequence[float] | Floats) -> list[float]:
    """Return values in rising order, NaN last. For the few values that there are, lists are ten times as fast as arrays."""
    numbers = values.tolist() if isinstance(values, np.ndarray) else [float(value) for value in values]
    return sorted(numbers, key=lambda value: (value != value, value)) if math.isnan(sum(numbers)) else sorted(numbers)


def welch(first: Sequence[float] | Floats, second: Sequence[float] | Floats, trim: float = 0.0) -> Estimate:
    """Return the difference of two means, trimmed if asked, with Welch's standard error and degrees of freedom.

    References
    ----------
    B. L. Welch, Biometrika 34, 1947. K. K. Yuen, Biometrika 61, 1974 (trimmed).
    """
    one, other = trimmed_mean(first, trim), trimmed_mean(second, trim)
    variance = one.error**2 + other.error**2
    degrees = variance**2 / (one.error**4 / one.degrees + other.error**4 / other.degrees) if variance else 1.0
    return Estimate(one.value - other.value, math.sqrt(variance), degrees)


def mean_interval(
    values: Sequence[float] | Floats, level: float = LEVEL, *, trim: float = 0.0, least: int = 2
) -> Interval:
    """Return the mean of some values, trimmed if asked, with its t-interval from ``least`` values up.

    Raises
    ------
    ValueError
        If there are no values.
    """
    if len(values) == 0:
        raise ValueError("no values")
    if len(values) < least:
        return Interval(float(np.mean(values)))
    return trimmed_mean(values, trim).interval(level)


over_processes = partial(mean_interval, least=LEAST)
"""The mean of processes' figures, with its t-interval from LEAST processes up."""
typical = partial(mean_interval, trim=TRIM, least=LEAST)
"""The trimmed mean of processes' figures, for those that a slowed process changes, such as wall times (paired ratios do not
change). Estimate and interval are then of undisturbed processes."""


def difference_interval(first: Sequence[float], second: Sequence[float], level: float = LEVEL) -> Interval:
    """Return the difference of two means with Welch's t-interval, which needs two values on each side.

    Raises
    ------
    ValueError
        If a side has no values.
    """
    if not first or not second:
        raise ValueError("no values")
    if min(len(first), len(second)) < 2:
        return Interval(float(np.mean(first) - np.mean(second)))
    return welch(first, second).interval(level)


def finite_median(values: Floats) -> float:
    """Return the median of the finite values, NaN if there are none. It is faster than NumPy's for few values."""
    finite = [value for value in values.tolist() if math.isfinite(value)]
    return statistics.median(finite) if finite else math.nan


def process_logs(numerator: Sequence[Logs], denominator: Sequence[Logs]) -> list[float]:
    """Return the log-ratio of two implementations' figures in each process that has both, from their logarithms.

    It is the median of the log-ratios of common rounds. With fewer than FEW common rounds it is the log-ratio of the two
    medians, since single samples are then noisier than the drift that pairing removes.
    """
    logs = []
    for tops, bottoms in zip(numerator, denominator, strict=True):
        ratios = [
            one - other for one, other in zip(tops, bottoms, strict=False) if one is not None and other is not None
        ]
        if len(ratios) >= FEW:
            logs.append(statistics.median(ratios))
        elif any_of(tops) and any_of(bottoms):
            logs.append(statistics.median(any_of(tops)) - statistics.median(any_of(bottoms)))
    return logs


def logarithms(figures: Iterable[float | None]) -> Logs:
    """Return logarithms, None where there is no figure above 0."""
    return [math.log(figure) if figure is not None and 0 < figure < math.inf else None for figure in figures]


def any_of(logs: Logs) -> list[float]:
    """Return those that are there."""
    return [log for log in logs if log is not None]


def paired_ratio(numerator: Sequence[Floats], denominator: Sequence[Floats], level: float = LEVEL) -> Interval | None:
    """Return the ratio of two implementations' figures, with its interval.

    Parameters
    ----------
    numerator, denominator
        For each process, the figures of its rounds.
    level
        Confidence level of the interval.

    Returns
    -------
    Interval or None
        The geometric mean over processes of each process's ratio (``process_logs``) with the t-interval of that mean; None
        if no process has figures of both.
    """
    tops, bottoms = ([logarithms(process.tolist()) for process in side] for side in (numerator, denominator))
    return ratio_of_logs(tops, bottoms, level)


def ratio_of_logs(numerator: Sequence[Logs], denominator: Sequence[Logs], level: float = LEVEL) -> Interval | None:
    """Return ``paired_ratio`` from the logarithms of the figures."""
    logs = process_logs(numerator, denominator)
    return over_processes(logs, level).map(math.exp) if logs else None


def typical_figure(processes: Sequence[Floats]) -> Interval:
    """Return the trimmed geometric mean over processes of each process's median (``typical``), in the samples' unit.

    Raises
    ------
    ValueError
        If there are no processes.
    """
    return typical_median([finite_median(process) for process in processes])


def typical_median(medians: Sequence[float]) -> Interval:
    """Return the trimmed geometric mean of the medians of processes. Raises ValueError if there are none."""
    return typical([math.log(median) for median in medians]).map(math.exp)


def unpaired_ratio(numerator: Sequence[float], denominator: Sequence[float], level: float = LEVEL) -> Interval:
    """Return the ratio of two typical figures (``typical_median``) whose processes are different ones, with its interval.

    What slows one process does not slow another, so that nothing cancels out: the interval is that of a difference of two
    trimmed means (``welch``), from LEAST processes on each side up.

    Parameters
    ----------
    numerator, denominator
        The medians of processes.
    level
        Confidence level of the interval.

    Raises
    ------
    ValueError
        If a side has no processes.
    """
    top, bottom = ([math.log(median) for median in medians] for medians in (numerator, denominator))
    if min(len(top), len(bottom)) < LEAST:
        return Interval(math.exp(typical(top).estimate - typical(bottom).estimate))
    return welch(top, bottom, TRIM).interval(level).map(math.exp)


def slope(sizes: Sequence[float], figures: Sequence[float]) -> float | None:
    """Fit the power b of ``figure = a * size ** b`` by least squares on logarithms.

    Zero and missing figures are left out. None with fewer than two different sizes.
    """
    if len(sizes) != len(figures):
        raise ValueError(f"{len(sizes)} sizes, but {len(figures)} figures")
    points = np.array([sizes, figures], np.float64)
    x, y = np.log(points[:, ((points > 0) & np.isfinite(points)).all(axis=0)])
    if len(np.unique(x)) < 2:
        return None
    x, y = x - x.mean(), y - y.mean()
    return float(x @ y / (x @ x))


def exponent(sizes: Sequence[float], processes: Sequence[Sequence[float]]) -> Interval | None:
    """Return the power that figures grow with: the trimmed mean over processes of each process's ``slope``.

    The interval shows how precisely the slope is known, and not how straight the line is: caches bend it at the same place
    in every process.

    Parameters
    ----------
    sizes
        The sizes.
    processes
        For each process, its figure at each size.

    Returns
    -------
    Interval or None
        None if no process has a slope.
    """
    slopes = [power for figures in processes if (power := slope(sizes, figures)) is not None]
    return typical(slopes) if slopes else None


MemoryVerdict = Literal["more", "less", "same", "unknown"]
LEAST_BYTES = 4096
"""A smaller difference of peak memory counts as none at any threshold: Python's own small objects take as much."""


def memory_verdict(before: int | None, after: int | None, threshold: float) -> MemoryVerdict:
    """Compare two peaks of memory: ``more``, ``less``, ``same`` or ``unknown``.

    A difference up to ``threshold`` times the first, or up to LEAST_BYTES, counts as none.
    """
    if before is None or after is None:
        return "unknown"
    if abs(after - before) <= max(LEAST_BYTES, threshold * before):
        return "same"
    return "more" if after > before else "less"


def share_interval(successes: int, trials: int) -> Interval:
    """Return a share with its exact interval.

    Raises
    ------
    ValueError
        If there are no trials.

    References
    ----------
    C. J. Clopper and E. S. Pearson, Biometrika 26, 1934.
    """
    from scipy.special import betaincinv  # binomtest searches for the same ends a hundred times as long

    if not trials:
        raise ValueError("no trials")
    tail = (1 - LEVEL) / 2
    low = float(betaincinv(successes, trials - successes + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, trials - successes, 1 - tail)) if successes < trials else 1.0
    return Interval(successes / trials, low, high)
