"""Verdicts of a comparison: pure functions from the log-ratios of two stages to a verdict on each case.

Each process gives, for each case, the log-ratio of HEAD to BASE, and of BASE's code to another load of it (the A/A
difference). The first stage only finds the cases that are the same. The others are measured again in fresh processes, and
only those count. The number of stages and their sizes are fixed beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np

from .statistics import Estimate, Interval, trimmed_mean

BY_MEDIAN, BY_MEAN = 0.02, 0.005
"""Error probabilities of a comparison: by medians, in each direction; and by means, which can only make a case slower."""
FALSE_ALARMS = 2 * BY_MEDIAN + BY_MEAN
"""Family-wise error of a comparison: the probability that any case is wrongly called slower or faster."""
FALSE_SAME = 0.025
"""Probability, at each of the two stages, that a case which differs by more than the margin is called the same."""
SETUPS = 0.01
"""Family-wise error of set-up times, which are a separate family."""
CANDIDATE = 0.02
"""A case is measured again if the p-value of its mean or its set-up, against "at most the margin", is at most this."""
SETUP_THRESHOLD = 0.1
"""A change of set-up time below this counts as none, since each process sets up only once."""

Case = TypeVar("Case", bound=Hashable)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return adjusted p-values. Rejecting those up to alpha keeps the family-wise error at alpha.

    References
    ----------
    S. Holm, Scandinavian Journal of Statistics 6, 1979.
    """
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(np.minimum(1.0, p[order] * np.arange(len(p), 0, -1)))
    return [float(value) for value in adjusted]


def slower_and_faster(estimates: Sequence[Estimate], margins: Sequence[float]) -> list[tuple[float, float]]:
    """Return adjusted p-values of each log-ratio: that it is above its margin, and that it is as far below zero."""
    pairs = list(zip(estimates, margins, strict=True))
    slower = holm([one.p_above(margin) for one, margin in pairs])
    faster = holm([one.p_below(-margin) for one, margin in pairs])
    return list(zip(slower, faster, strict=True))


@dataclass(frozen=True)
class Paired:
    """Log-ratios of a case in each process of a stage.

    Attributes
    ----------
    ratios
        HEAD's figure to BASE's.
    controls
        The figure of one load of BASE to that of the other.
    """

    ratios: list[float]
    controls: list[float]

    @property
    def ratio(self) -> Estimate:
        return trimmed_mean(self.ratios)

    @property
    def control(self) -> Estimate:
        return trimmed_mean(self.controls)


@dataclass(frozen=True)
class LogRatios:
    """The log-ratios of a case in the processes of one stage.

    Attributes
    ----------
    median
        Of median times, which a few slow calls do not change.
    mean
        Of mean times, which a few slow calls do change.
    setup
        Of set-up times; None if set-up is too short to compare.
    """

    median: Paired
    mean: Paired
    setup: Paired | None = None


Verdict = Literal["slower", "faster", "same", "inconclusive", "wrong", "broken", "failed"]
SetupVerdict = Literal["slower", "faster", "same", "inconclusive", "unknown"]


@dataclass(frozen=True)
class Decision:
    """The verdict on a case.

    Attributes
    ----------
    verdict
        ``slower``, ``faster``, ``same`` or ``inconclusive``.
    ratio
        HEAD's median time over BASE's.
    control
        The A/A difference, as a ratio.
    mean
        HEAD's mean time over BASE's.
    why
        The reason for the verdict; may be empty.
    setup
        The verdict on set-up time, or ``unknown``.
    setup_ratio
        HEAD's set-up time over BASE's.
    """

    verdict: Verdict
    ratio: Interval
    control: Interval
    mean: Interval
    why: str = ""
    setup: SetupVerdict = "unknown"
    setup_ratio: Interval | None = None


def undecided(first: Mapping[Case, LogRatios], threshold: float) -> list[Case]:
    """Return the cases that must be measured again.

    These are the cases that the first stage cannot call the same, and those that may be slower in the mean or to set up.
    """
    return [case for case, stage in first.items() if not certainly_same(stage, threshold)]


def certainly_same(stage: LogRatios, threshold: float) -> bool:
    mean = stage.mean.ratio.p_above(math.log1p(threshold)) > CANDIDATE
    setup = stage.setup is None or stage.setup.ratio.p_above(setup_margin(stage.setup, threshold)) > CANDIDATE
    return same(stage.median, threshold) and mean and setup


def decide(stages: Sequence[Mapping[Case, LogRatios]], threshold: float) -> dict[Case, Decision]:
    """Return the verdict on every case of a comparison.

    - Slower: the ratio of medians or of means is above 1 + threshold. Faster: the ratio of medians is below its inverse. The
      tests cover all undecided cases together (Holm), so that FALSE_ALARMS holds for the whole comparison. Choosing the cases
      by the first stage costs no error, since its processes are not used again.
    - Same: an equivalence test within the threshold. It needs no such correction, since a comparison only passes if every
      case is the same.
    - If the A/A difference of a case exceeds the threshold, the far end of its interval becomes the threshold, and the case is not called the same.
    - Set-up times are a separate family.

    Parameters
    ----------
    stages
        The first stage, with all cases, and the second, with the undecided ones in fresh processes.
    threshold
        The share of time that counts as no change.
    """
    first, second = stages
    decisions: dict[Case, Decision] = {
        case: Decision("same", stage.median.ratio.ratio(), stage.median.control.ratio(), stage.mean.ratio.ratio())
        for case, stage in first.items()
    }
    decisions.update(second_stage_decisions(second, threshold))
    latest = {case: second.get(case, stage).setup for case, stage in first.items()}
    for case, (verdict, ratio) in setups({case: setup for case, setup in latest.items() if setup}, threshold).items():
        decisions[case] = replace(decisions[case], setup=verdict, setup_ratio=ratio)
    return decisions


def second_stage_decisions(fresh: Mapping[Case, LogRatios], threshold: float) -> dict[Case, Decision]:
    """Return verdicts on undecided cases, from fresh processes alone."""
    limit, stages = math.log1p(threshold), list(fresh.values())
    margins = [margin_of(stage.median, limit) for stage in stages]
    by_median = slower_and_faster([stage.median.ratio for stage in stages], margins)
    by_mean = holm([stage.mean.ratio.p_above(margin_of(stage.mean, limit)) for stage in stages])
    decisions = {}
    verdict: Verdict
    for (case, stage), margin, (slower, faster), in_mean in zip(
        fresh.items(), margins, by_median, by_mean, strict=True
    ):
        ratio, control = stage.median.ratio, stage.median.control
        noisy, why = margin > limit, ""
        beyond_noise = f"by more than the A/A difference of {math.expm1(margin):.1%}" if noisy else ""
        if slower <= BY_MEDIAN:
            verdict, why = "slower", beyond_noise
        elif in_mean <= BY_MEAN:
            verdict = "slower"
            why = f"in the mean, by {math.expm1(stage.mean.ratio.value) * 100:.1f} %: some calls take much longer than the others"
        elif faster <= BY_MEDIAN:
            verdict, why = "faster", beyond_noise
        elif same(stage.median, threshold):
            verdict = "same"
        else:
            low, high = ratio.ends()
            verdict, why = "inconclusive", f"not significant, when corrected for all {len(fresh)} undecided cases"
            if noisy:
                why = f"the A/A difference is {math.expm1(abs(control.value)):.1%}: this machine is too noisy now"
            elif math.exp(low) <= 1 + threshold and math.exp(high) >= 1 / (1 + threshold):
                why = "the interval includes the threshold"
        decisions[case] = Decision(verdict, ratio.ratio(), control.ratio(), stage.mean.ratio.ratio(), why)
    return decisions


def same(pairs: Paired, threshold: float) -> bool:
    """Whether HEAD is as fast as BASE, within the threshold, and the A/A difference is within it too."""
    margin = math.log1p(threshold)
    return pairs.ratio.p_within(margin) <= FALSE_SAME and abs(pairs.control.value) <= margin


def margin_of(pairs: Paired, limit: float) -> float:
    """The margin beyond which a case is slower or faster: the limit, or the A/A difference's interval if that difference exceeds it."""
    return max(limit, max(map(abs, pairs.control.ends())) if abs(pairs.control.value) > limit else 0.0)


def setup_margin(pairs: Paired, threshold: float) -> float:
    """The margin for set-up times: SETUP_THRESHOLD, the threshold, or the A/A difference's interval, whichever is largest."""
    return max(math.log1p(max(threshold, SETUP_THRESHOLD)), *map(abs, pairs.control.ends()))


def setups(latest: Mapping[Case, Paired], threshold: float) -> dict[Case, tuple[SetupVerdict, Interval]]:
    """Return the verdicts on set-up times, with their ratios."""
    margins = [setup_margin(pairs, threshold) for pairs in latest.values()]
    p_values = slower_and_faster([pairs.ratio for pairs in latest.values()], margins)
    verdicts = {}
    for (case, pairs), margin, (slower, faster) in zip(latest.items(), margins, p_values, strict=True):
        verdict: SetupVerdict = "inconclusive"
        if min(slower, faster) <= SETUPS / 2:
            verdict = "slower" if slower <= SETUPS / 2 else "faster"
        elif pairs.ratio.p_within(margin) <= FALSE_SAME:
            verdict = "same"
        verdicts[case] = verdict, pairs.ratio.ratio()
    return verdicts
