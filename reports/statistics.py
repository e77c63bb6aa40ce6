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


NOISE_BYTES, NOISE_SHARE = 512, 1e-4
"""Python's own small objects: a difference of peak memory below either is none."""


def memory_verdict(before: int | None, after: int | None) -> str:
    """How a peak compares with another: ``more | less | same``, or unknown."""
    if before is None or after is None:
        return "unknown"
    if abs(after - before) <= max(NOISE_BYTES, NOISE_SHARE * before):
        return "same"
    return "more" if after > before else "less"


TRIM = 0.2
"""Share of launches left out at each end: now and then a whole launch is slowed, and a mean follows it."""


@dataclass(frozen=True)
class Located:
    """Where the middle of some values is: a trimmed mean, its standard error, and the error's degrees of freedom."""

    middle: float
    error: float
    degrees: int

    def p_above(self, bound: float) -> float:
        """One-sided p-value against "the true middle is at most bound"."""
        from scipy.special import stdtr

        if self.error == 0:
            return 0.0 if self.middle > bound else 1.0
        return float(stdtr(self.degrees, -(self.middle - bound) / self.error))

    def p_below(self, bound: float) -> float:
        """One-sided p-value against "the true middle is at least bound"."""
        return Located(-self.middle, self.error, self.degrees).p_above(-bound)

    def p_within(self, margin: float) -> float:
        """p-value against "the true middle is at least margin away from zero": two one-sided tests."""
        return max(self.p_above(-margin), self.p_below(margin))

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        half = t_quantile(self.degrees, level) * self.error
        return self.middle - half, self.middle + half


def located(values: Sequence[float] | Floats) -> Located:
    """The trimmed mean with the standard error that goes with it (K. K. Yuen, Biometrika 61, 1974). Raises ValueError
    for fewer than two values."""
    data = np.sort(np.asarray(values, np.float64))
    cut = int(TRIM * data.size)
    kept = data.size - 2 * cut
    if data.size < 2:
        raise ValueError("fewer than two values")
    pulled_in = np.clip(data, data[cut], data[data.size - 1 - cut])
    error = float(pulled_in.std(ddof=1)) * math.sqrt((data.size - 1) / (kept * (kept - 1)))
    return Located(float(data[cut : data.size - cut].mean()), error, kept - 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values (S. Holm, 1979): each at most alpha where the family-wise error is held at alpha."""
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, at in enumerate(sorted(range(len(p_values)), key=lambda at: p_values[at])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[at]))
        adjusted[at] = highest
    return adjusted


FALSE_ALARMS = 0.05
"""Family-wise error of a comparison: the probability that any case at all is wrongly called slower or faster."""
FALSE_SAME = 0.025
"""Probability, at each of the two looks, that a case which differs by more than the margin is called the same."""


@dataclass(frozen=True)
class Paired:
    """What two looks at a case gave, launch by launch: log-ratios of HEAD to BASE, and of one lane of BASE to another."""

    ratios: list[float]
    controls: list[float]


@dataclass(frozen=True)
class Call:
    """What is said of a case: ``slower | faster | same | inconclusive``, and in words why not more than that.

    ratio: HEAD's time over BASE's. control: the same of BASE against itself.
    """

    verdict: str
    ratio: Interval
    control: Interval
    why: str = ""


def same(look: Paired, threshold: float) -> bool:
    """Whether HEAD is as fast as BASE, within the threshold, and the machine steady enough to say so."""
    margin = math.log1p(threshold)
    return located(look.ratios).p_within(margin) <= FALSE_SAME and abs(located(look.controls).middle) <= margin


def call_same(look: Paired) -> Call:
    """The verdict on a case whose first look settled it."""
    return Call("same", as_ratio(located(look.ratios)), as_ratio(located(look.controls)))


def call_suspects(looks: Sequence[Paired], threshold: float) -> list[Call]:
    """Verdicts on the cases that a first look could not call the same, from fresh launches alone.

    Slower: the ratio is above 1 + threshold, faster: below its inverse, each tested at half of FALSE_ALARMS over all
    suspects together (Holm). That the first look chose them costs nothing, since its launches are not used again. Where
    identical code drifts beyond the margin, the margin is as wide as that drift, and nothing is called the same.
    "Same" needs no such correction: a comparison is only passed if every case is.
    """
    found = [(located(look.ratios), located(look.controls)) for look in looks]
    drifts = [max(map(abs, control.interval())) for _, control in found]
    margins = [
        max(math.log1p(threshold), drift if abs(control.middle) > math.log1p(threshold) else 0.0)
        for (_, control), drift in zip(found, drifts, strict=True)
    ]
    slower = holm([ratio.p_above(margin) for (ratio, _), margin in zip(found, margins, strict=True)])
    faster = holm([ratio.p_below(-margin) for (ratio, _), margin in zip(found, margins, strict=True)])
    calls = []
    for look, (ratio, control), margin, p_slower, p_faster in zip(looks, found, margins, slower, faster, strict=True):
        drifted = margin > math.log1p(threshold)
        why = ""
        if p_slower <= FALSE_ALARMS / 2 or p_faster <= FALSE_ALARMS / 2:
            verdict = "slower" if p_slower <= FALSE_ALARMS / 2 else "faster"
            why = f"by more than the {math.expm1(margin):.1%} that identical code drifted by" if drifted else ""
        elif same(look, threshold):
            verdict = "same"
        else:
            verdict = "inconclusive"
            why = (
                f"identical code drifted by {math.expm1(abs(control.middle)):.1%}: this machine is too noisy now"
                if drifted
                else "the interval reaches across the threshold"
                if math.exp(ratio.interval()[0]) <= 1 + threshold
                and math.exp(ratio.interval()[1]) >= 1 / (1 + threshold)
                else f"not certain enough beside {len(looks) - 1} other suspects"
            )
        calls.append(Call(verdict, as_ratio(ratio), as_ratio(control), why))
    return calls


def as_ratio(log: Located) -> Interval:
    """A located log-ratio as a ratio with its interval."""
    low, high = log.interval()
    return Interval(math.exp(log.middle), math.exp(low), math.exp(high))


def share_interval(successes: int, trials: int, level: float = LEVEL) -> Interval:
    """A share with its exact interval (C. J. Clopper and E. S. Pearson, 1934). Raises ValueError for no trials."""
    from scipy.special import betaincinv

    if not trials:
        raise ValueError("no trials")
    tail = (1 - level) / 2
    low = float(betaincinv(successes, trials - successes + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, trials - successes, 1 - tail)) if successes < trials else 1.0
    return Interval(successes / trials, low, high)
