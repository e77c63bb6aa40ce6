"""Verdicts of a comparison: pure functions from what two stages of processes found to what is said of each case.

Of each case a process gives log-ratios of HEAD to BASE, and of BASE's code to another load of it (the A/A difference). The
first stage only finds out which cases are the same; the others are measured again in fresh processes, and only those
count. Numbers and sizes of the stages are fixed beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from .statistics import Estimate, Interval, trimmed_mean

BY_MEDIAN, BY_MEAN = 0.02, 0.005
"""What a comparison may err by: on medians in each direction, and on means, which can only make a case slower."""
FALSE_ALARMS = 2 * BY_MEDIAN + BY_MEAN
"""Family-wise error of a comparison: the probability that any case at all is wrongly called slower or faster."""
FALSE_SAME = 0.025
"""Probability, at each of the two stages, that a case which differs by more than the margin is called the same."""
SETUPS = 0.01
"""The same of set-up times, which are a family of their own: that any case's is wrongly called slower or faster."""
CANDIDATE = 0.02
"""A case is measured again if its mean or its set-up would be as far above the margin by chance this rarely."""
SETUP_THRESHOLD = 0.1
"""A change of set-up time below this counts as none: a process sets up once, so that there is one figure of each."""

Case = TypeVar("Case", bound=Hashable)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values (S. Holm, 1979): each at most alpha where the family-wise error is held at alpha."""
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, at in enumerate(sorted(range(len(p_values)), key=lambda at: p_values[at])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[at]))
        adjusted[at] = highest
    return adjusted


@dataclass(frozen=True)
class Paired:
    """Log-ratios of each process of a stage: HEAD's figure to BASE's, and of one load of BASE to the other."""

    ratios: list[float]
    controls: list[float]

    @property
    def ratio(self) -> Estimate:
        return trimmed_mean(self.ratios)

    @property
    def control(self) -> Estimate:
        return trimmed_mean(self.controls)


@dataclass(frozen=True)
class Stage:
    """What the processes of one stage found of a case.

    median: of the samples' times, which a few slow calls leave as it is. mean: of them, which these do not. setup: time to
    set up, None where there is none to speak of.
    """

    median: Paired
    mean: Paired
    setup: Paired | None = None


@dataclass(frozen=True)
class Decision:
    """What is said of a case.

    verdict: ``slower | faster | same | inconclusive``; why: in words, why not more than that, or what it rests on.
    ratio: HEAD's median time over BASE's. control: the A/A difference of that, as a ratio. mean: HEAD's mean time over BASE's.
    setup: the verdict on set-up time, or ``unknown``; setup_ratio: that ratio.
    """

    verdict: str
    ratio: Interval
    control: Interval
    mean: Interval
    why: str = ""
    setup: str = "unknown"
    setup_ratio: Interval | None = None


def undecided(first: Mapping[Case, Stage], threshold: float) -> list[Case]:
    """The cases that must be measured again: those that a first stage cannot call the same, and those that may be slower in
    the mean or to set up."""
    return [case for case, stage in first.items() if not settled(stage, threshold)]


def settled(stage: Stage, threshold: float) -> bool:
    mean = stage.mean.ratio.p_above(math.log1p(threshold)) > CANDIDATE
    setup = stage.setup is None or stage.setup.ratio.p_above(setup_margin(stage.setup, threshold)) > CANDIDATE
    return same(stage.median, threshold) and mean and setup


def decide(stages: Sequence[Mapping[Case, Stage]], threshold: float) -> dict[Case, Decision]:
    """The verdict on every case of a comparison, from a first stage and from the fresh processes of a second one, which has
    the cases that were undecided.

    Slower: the median or the mean ratio is above 1 + threshold; faster: the median's is below its inverse; each tested over
    all undecided cases together (Holm), so that FALSE_ALARMS holds for all of it. That the first stage chose them costs nothing, since its
    processes are not used again. Where the A/A difference exceeds the threshold, it is the threshold, and nothing is the
    same. "Same" needs no such correction: a comparison is only passed if every case is. Set-up times are a family of their own.
    """
    first, second = stages
    decided: dict[Case, Decision] = {
        case: Decision("same", stage.median.ratio.ratio(), stage.median.control.ratio(), stage.mean.ratio.ratio())
        for case, stage in first.items()
    }
    decided.update(judged(second, threshold))
    latest = {case: second.get(case, stage).setup for case, stage in first.items()}
    for case, (verdict, ratio) in setups({case: setup for case, setup in latest.items() if setup}, threshold).items():
        decided[case] = replace(decided[case], setup=verdict, setup_ratio=ratio)
    return decided


def judged(fresh: Mapping[Case, Stage], threshold: float) -> dict[Case, Decision]:
    """Verdicts on undecided cases, from fresh processes alone."""
    cases, limit = list(fresh), math.log1p(threshold)
    median, mean = ([widened(getattr(fresh[case], name), limit) for case in cases] for name in ("median", "mean"))
    slower = holm([fresh[case].median.ratio.p_above(margin) for case, margin in zip(cases, median, strict=True)])
    faster = holm([fresh[case].median.ratio.p_below(-margin) for case, margin in zip(cases, median, strict=True)])
    by_mean = holm([fresh[case].mean.ratio.p_above(margin) for case, margin in zip(cases, mean, strict=True)])
    found = {}
    for at, case in enumerate(cases):
        stage = fresh[case]
        ratio, control, margin = stage.median.ratio, stage.median.control, median[at]
        drifted, why = margin > limit, ""
        beyond = f"by more than the A/A difference of {math.expm1(margin):.1%}" if drifted else ""
        if slower[at] <= BY_MEDIAN:
            verdict, why = "slower", beyond
        elif by_mean[at] <= BY_MEAN:
            verdict = "slower"
            why = (
                f"in the mean, by {math.expm1(stage.mean.ratio.value):.1%}: some calls take much longer than the others"
            )
        elif faster[at] <= BY_MEDIAN:
            verdict, why = "faster", beyond
        elif same(stage.median, threshold):
            verdict = "same"
        else:
            low, high = ratio.interval()
            verdict, why = "inconclusive", f"not certain enough beside {len(cases) - 1} other undecided cases"
            if drifted:
                why = f"the A/A difference is {math.expm1(abs(control.value)):.1%}: this machine is too noisy now"
            elif math.exp(low) <= 1 + threshold and math.exp(high) >= 1 / (1 + threshold):
                why = "the interval reaches across the threshold"
        found[case] = Decision(verdict, ratio.ratio(), control.ratio(), stage.mean.ratio.ratio(), why)
    return found


def same(pairs: Paired, threshold: float) -> bool:
    """Whether HEAD is as fast as BASE, within the threshold, and the machine steady enough to say so."""
    margin = math.log1p(threshold)
    return pairs.ratio.p_within(margin) <= FALSE_SAME and abs(pairs.control.value) <= margin


def widened(pairs: Paired, limit: float) -> float:
    """The margin beyond which something is slower or faster: the limit, or as far as identical code may differ, where that is more."""
    return max(limit, max(map(abs, pairs.control.interval())) if abs(pairs.control.value) > limit else 0.0)


def setup_margin(pairs: Paired, threshold: float) -> float:
    """The margin for set-up times: a tenth, the threshold, or as far as identical code may differ."""
    return max(math.log1p(max(threshold, SETUP_THRESHOLD)), *map(abs, pairs.control.interval()))


def setups(latest: Mapping[Case, Paired], threshold: float) -> dict[Case, tuple[str, Interval]]:
    """Verdicts on set-up times, of a family of their own."""
    cases = list(latest)
    margins = [setup_margin(latest[case], threshold) for case in cases]
    slower = holm([latest[case].ratio.p_above(margin) for case, margin in zip(cases, margins, strict=True)])
    faster = holm([latest[case].ratio.p_below(-margin) for case, margin in zip(cases, margins, strict=True)])
    found = {}
    for at, case in enumerate(cases):
        ratio = latest[case].ratio
        verdict = "inconclusive"
        if min(slower[at], faster[at]) <= SETUPS / 2:
            verdict = "slower" if slower[at] <= SETUPS / 2 else "faster"
        elif ratio.p_within(margins[at]) <= FALSE_SAME:
            verdict = "same"
        found[case] = verdict, ratio.ratio()
    return found
