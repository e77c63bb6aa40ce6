"""Verdicts of a comparison: pure functions from the log-ratios of two stages to a verdict on each case.

Each process gives, for each case, the log-ratio of HEAD to BASE, and of BASE's code to another load of it (the A/A
difference). The first stage finds the cases that are the same, and those that are slower or faster beyond doubt. The others
are measured again in fresh processes, and for them only those count. The number of stages, their sizes, and how much of the
error probability each may spend are fixed beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np

from .statistics import Estimate, Floats, Interval, trimmed_mean

BY_MEDIAN, BY_MEAN = 0.02, 0.005
"""Error probabilities of a comparison: by medians, in each direction; and by means, which can only make a case slower."""
EARLY = 0.2
"""Share of BY_MEDIAN that the first stage spends: what is many times slower in nine processes needs no eighteen more."""
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
SAME_CODE, SAME_ENVIRONMENT = "the same code", "the same environment"
"""What was measured twice to find the A/A difference, in words for a reader who does not know the term."""

Case = TypeVar("Case", bound=Hashable)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return adjusted p-values. Rejecting those up to alpha keeps the family-wise error at alpha.

    References
    ----------
    S. Holm, Scandinavian Journal of Statistics 6, 1979.
    """
    p: Floats = np.asarray(p_values)
    order = np.argsort(p)
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

    These are the cases that the first stage can call neither the same, nor slower or faster beyond doubt, and those that may
    be slower in the mean or to set up.
    """
    decided = beyond_doubt(first, threshold)
    return [case for case, stage in first.items() if case not in decided and not certainly_same(stage, threshold)]


def beyond_doubt(first: Mapping[Case, LogRatios], threshold: float) -> dict[Case, Decision]:
    """Return the cases that the first stage shows to be slower or faster, at its share of the error."""
    found: dict[Case, Decision] = {}
    for case, (slower, faster, noise) in by_median(first, threshold).items():
        stage = first[case]
        if slower <= EARLY * BY_MEDIAN:
            found[case] = decision("slower", stage, noise)
        elif faster <= EARLY * BY_MEDIAN and not otherwise_slower(stage, threshold):
            found[case] = decision("faster", stage, noise)
    return found


def by_median(stage: Mapping[Case, LogRatios], threshold: float) -> dict[Case, tuple[float, float, str]]:
    """Test the medians of all cases of a stage together.

    Returns
    -------
    dict
        By case, the adjusted p-values that it is slower, and that it is faster, by more than its margin; and what such a verdict
        says where the margin is the A/A difference, else an empty string.
    """
    limit = math.log1p(threshold)
    margins = [margin_of(one.median, limit) for one in stage.values()]
    p_values = slower_and_faster([one.median.ratio for one in stage.values()], margins)
    return {
        case: (slower, faster, f"by more than the A/A difference of {math.expm1(margin):.1%}" if margin > limit else "")
        for case, margin, (slower, faster) in zip(stage, margins, p_values, strict=True)
    }


def decision(verdict: Verdict, stage: LogRatios, why: str = "") -> Decision:
    """Return a verdict with the ratios of a stage."""
    return Decision(verdict, stage.median.ratio.ratio(), stage.median.control.ratio(), stage.mean.ratio.ratio(), why)


def certainly_same(stage: LogRatios, threshold: float) -> bool:
    return same(stage.median, threshold) and not otherwise_slower(stage, threshold)


def otherwise_slower(stage: LogRatios, threshold: float) -> bool:
    """Whether a case may be slower in the mean or to set up."""
    mean = stage.mean.ratio.p_above(math.log1p(threshold))
    setup = 1.0 if stage.setup is None else stage.setup.ratio.p_above(setup_margin(stage.setup, threshold))
    return min(mean, setup) <= CANDIDATE


def decide(
    stages: Sequence[Mapping[Case, LogRatios]], threshold: float, twice: str = SAME_CODE
) -> dict[Case, Decision]:
    """Return the verdict on every case of a comparison.

    - Slower: the ratio of medians or of means is above 1 + threshold. Faster: the ratio of medians is below its inverse. The
      tests cover all cases of a stage together (Holm). The first stage spends EARLY of the error of medians, the second the
      rest, so that FALSE_ALARMS holds for the whole comparison. Choosing the second stage's cases by the first costs no
      error, since its processes are not used again.
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
    twice
        What was measured twice, for reasons.
    """
    first, second = stages
    decisions = {case: decision("same", stage) for case, stage in first.items()} | beyond_doubt(first, threshold)
    decisions.update(second_stage_decisions(second, threshold, twice))
    latest = {case: second.get(case, stage).setup for case, stage in first.items()}
    for case, (verdict, ratio) in setups({case: setup for case, setup in latest.items() if setup}, threshold).items():
        decisions[case] = replace(decisions[case], setup=verdict, setup_ratio=ratio)
    return decisions


def second_stage_decisions(
    fresh: Mapping[Case, LogRatios], threshold: float, twice: str = SAME_CODE
) -> dict[Case, Decision]:
    """Return verdicts on undecided cases, from fresh processes alone."""
    limit, tested = math.log1p(threshold), by_median(fresh, threshold)
    by_mean = holm([stage.mean.ratio.p_above(margin_of(stage.mean, limit)) for stage in fresh.values()])
    decisions = {}
    verdict: Verdict
    for (case, stage), in_mean in zip(fresh.items(), by_mean, strict=True):
        slower, faster, noise = tested[case]
        ratio, control = stage.median.ratio, stage.median.control
        why, most = "", (1 - EARLY) * BY_MEDIAN
        if slower <= most:
            verdict, why = "slower", noise
        elif in_mean <= BY_MEAN:
            verdict = "slower"
            why = f"in the mean, by {math.expm1(stage.mean.ratio.value) * 100:.1f} %: some calls take much longer than the others"
        elif faster <= most:
            verdict, why = "faster", noise
        elif same(stage.median, threshold):
            verdict = "same"
        else:
            low, high = ratio.ends()
            verdict, why = "inconclusive", f"not significant, when corrected for all {len(fresh)} undecided cases"
            if noise:
                why = f"{twice} measured twice differed by {abs(math.expm1(control.value)) * 100:.1f} %: this machine is too noisy now"
            elif math.exp(low) <= 1 + threshold and math.exp(high) >= 1 / (1 + threshold):
                why = "the interval includes the threshold"
        decisions[case] = decision(verdict, stage, why)
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
            verdict = "slower" if slower < faster else "faster"
        elif pairs.ratio.p_within(margin) <= FALSE_SAME:
            verdict = "same"
        verdicts[case] = verdict, pairs.ratio.ratio()
    return verdicts
