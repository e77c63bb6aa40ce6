"""Verdicts of a comparison: pure functions from the log-ratios of its processes to a verdict on each case.

Each process gives, for each case, the log-ratio of HEAD to BASE, and of BASE's code to another load of it (the A/A
difference). Each look finds, from all processes so far, the cases that are the same, slower or faster beyond doubt. The others
are measured in further processes, until the last look (``w2vbench.reports.statistics.looks``).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeVar

from .holm import adjusted
from .log_ratios import LogRatios, Paired, PairedSetups, margin_of, setup_margin
from .looks import LOOKS, Look
from .problems import Interval
from .units import counted

BY_MEDIAN, BY_MEAN = 0.02, 0.005
"""Error probabilities of a comparison: by medians, in each direction; and by means, which can only make a case slower."""
FALSE_ALARMS = 2 * BY_MEDIAN + BY_MEAN
"""Family-wise error of a comparison: the probability that any case is wrongly called slower or faster, at any look."""
FALSE_SAME = 0.05
"""Probability that a case which differs by more than the margin is called the same, at any look."""
SETUPS, SAME_SETUP = 0.01, 0.025
"""Family-wise error of set-up times, which are a separate family; and the probability that a longer set-up is called the same."""
CANDIDATE = 0.02
"""A case goes on to the next look if the p-value of its mean or its set-up, against "at most the margin", is at most this."""
UNFINISHED = "not decided by the processes that were measured, and there were no more"

Case = TypeVar("Case", bound=Hashable)
Verdict = Literal["slower", "faster", "same", "inconclusive", "wrong", "broken", "failed"]
SetupVerdict = Literal["slower", "faster", "same", "inconclusive", "unknown"]


class Twice(StrEnum):
    """What was measured twice to find the A/A difference, in words for a reader who does not know the term."""

    CODE = "the same code"
    ENVIRONMENT = "the same environment"


@dataclass(frozen=True)
class Decision:
    """The verdict on a case."""

    verdict: Verdict  # ``slower``, ``faster``, ``same`` or ``inconclusive``
    processes: int  # how many processes it stands on
    ratio: Interval  # HEAD's median time over BASE's
    control: Interval  # the A/A difference, as a ratio
    mean: Interval  # HEAD's mean time over BASE's
    why: str = ""  # the reason for the verdict; may be empty
    setup: SetupVerdict = "unknown"  # the verdict on set-up time, or ``unknown``
    setup_ratio: Interval | None = None  # HEAD's set-up time over BASE's


def decision(verdict: Verdict, ratios: LogRatios, why: str, setup: SetupVerdict) -> Decision:
    """Return a verdict with the ratios that it stands on."""
    return Decision(
        verdict,
        ratios.processes,
        ratios.median.ratio.ratio(),
        ratios.median.control.ratio(),
        ratios.mean.ratio.ratio(),
        why,
        setup,
        ratios.setup.ratio.ratio() if ratios.setup else None,
    )


def decide(
    cases: Mapping[Case, LogRatios], threshold: float, twice: Twice = Twice.CODE, looks: Sequence[Look] = LOOKS
) -> dict[Case, Decision]:
    """Return the verdict on every case of a comparison.

    - Slower: the ratio of medians or of means is above 1 + threshold. Faster: the ratio of medians is below its inverse. The
      tests cover all cases of the comparison together (Holm), at each look. FALSE_ALARMS holds for all looks together.
    - Same: an equivalence test within the threshold. It needs no correction for the number of cases, since a comparison only
      passes if every case is the same.
    - If the A/A difference of a case exceeds the threshold, the far end of its interval becomes the threshold, and the case is not called the same.
    - Set-up times are a separate family.

    Parameters
    ----------
    cases
        The log-ratios of all processes that each case was measured in.
    threshold
        The share of time that counts as no change.
    twice
        What was measured twice, for reasons.
    looks
        When decisions were made.
    """
    found = decided(cases, threshold, twice, looks)
    return {case: found.get(case) or unfinished(ratios) for case, ratios in cases.items()}


def undecided(cases: Mapping[Case, LogRatios], threshold: float, looks: Sequence[Look] = LOOKS) -> list[Case]:
    """Return the cases that must be measured in further processes."""
    found = decided(cases, threshold, looks=looks)
    return [case for case in cases if case not in found]


def decided(
    cases: Mapping[Case, LogRatios], threshold: float, twice: Twice = Twice.CODE, looks: Sequence[Look] = LOOKS
) -> dict[Case, Decision]:
    """Return the verdicts that the looks give, each on the cases that those before it left undecided."""
    found: dict[Case, Decision] = {}
    for look in looks:
        seen = {
            case: ratios.first(look.processes)
            for case, ratios in cases.items()
            if case not in found and ratios.processes >= look.processes
        }
        found |= decided_at(look, seen, cases, threshold, twice)
    return found


def unfinished(ratios: LogRatios) -> Decision:
    return decision("inconclusive", ratios, UNFINISHED, "inconclusive" if ratios.setup else "unknown")


@dataclass(frozen=True)
class Tested:
    """The tests of a case at a look."""

    margin: float  # the log-ratio that counts as no change
    # adjusted p-values: that the median is above the margin, or as far below zero; and that the mean is above its own
    # margin
    slower: float
    faster: float
    in_mean: float


def tests_of(seen: Mapping[Case, LogRatios], family: int, limit: float) -> dict[Case, Tested]:
    """Test the cases that a look sees, as part of a family. limit: the log-ratio that counts as no change on a quiet machine."""
    margins = {case: margin_of(one.median, limit) for case, one in seen.items()}
    slower = adjusted({case: one.median.ratio.p_above(margins[case]) for case, one in seen.items()}, family)
    faster = adjusted({case: one.median.ratio.p_below(-margins[case]) for case, one in seen.items()}, family)
    in_mean = {case: one.mean.ratio.p_above(margin_of(one.mean, limit)) for case, one in seen.items()}
    in_mean = adjusted(in_mean, family)
    return {case: Tested(margins[case], slower[case], faster[case], in_mean[case]) for case in seen}


def decided_at(
    look: Look,
    seen: Mapping[Case, LogRatios],
    cases: Mapping[Case, LogRatios],
    threshold: float,
    twice: Twice = Twice.CODE,
) -> dict[Case, Decision]:
    """Return the verdicts that a look gives.

    Parameters
    ----------
    look
        What it may spend.
    seen
        The log-ratios of its processes, for each case that is undecided.
    cases
        All cases of the comparison.
    threshold, twice
        As for ``decide``.
    """
    tested = tests_of(seen, len(cases), math.log1p(threshold))
    long = {case: one.setup for case, one in seen.items() if one.setup}
    set_up = setups(look, long, sum(one.setup is not None for one in cases.values()), threshold)
    found = {}
    for case, ratios in seen.items():
        setup = set_up.get(case, "unknown")
        if verdict := verdict_at(look, ratios, tested[case], threshold, setup):
            found[case] = decision(verdict[0], ratios, verdict[1], setup)
        elif look.is_last:
            why = why_inconclusive(ratios, tested[case], threshold, twice, len(cases))
            found[case] = decision("inconclusive", ratios, why, setup)
    return found


def verdict_at(
    look: Look, ratios: LogRatios, tested: Tested, threshold: float, setup: SetupVerdict
) -> tuple[Verdict, str] | None:
    """Return the verdict on a case with its reason; None if it is not certain enough yet. setup: that on its set-up time."""
    most = look.changed * BY_MEDIAN
    noise = f"by more than the A/A difference of {math.expm1(tested.margin):.1%}"
    why = noise if tested.margin > math.log1p(threshold) else ""
    if tested.slower <= most:
        return "slower", why
    if tested.in_mean <= look.changed * BY_MEAN:
        value = math.expm1(ratios.mean.ratio.value) * 100
        return "slower", f"in the mean, by {value:.1f} %: some calls take much longer than the others"
    if not look.is_last and otherwise_slower(ratios, threshold, setup):
        return None
    if tested.faster <= most:
        return "faster", why
    return ("same", "") if same(ratios.median, threshold, look.same * FALSE_SAME) else None


def otherwise_slower(ratios: LogRatios, threshold: float, setup: SetupVerdict) -> bool:
    """Whether a case may be slower in the mean or to set up, and it is not known yet."""
    if ratios.mean.may_exceed(math.log1p(threshold), CANDIDATE):
        return True
    if not ratios.setup or setup == "slower":
        return False
    return ratios.setup.may_exceed(setup_margin(ratios.setup, threshold), CANDIDATE)


def same(pairs: Paired, threshold: float, error: float) -> bool:
    """Whether HEAD is as fast as BASE, within the threshold, and the A/A difference is within it too."""
    margin = math.log1p(threshold)
    return pairs.ratio.p_within(margin) <= error and abs(pairs.control.value) <= margin


def why_inconclusive(ratios: LogRatios, tested: Tested, threshold: float, twice: Twice, family: int) -> str:
    """Return why the last look leaves a case undecided."""
    if tested.margin > math.log1p(threshold):
        difference = abs(math.expm1(ratios.median.control.value)) * 100
        return f"{twice} measured twice differed by {difference:.1f} %: this machine is too noisy now"
    low, high = ratios.median.ratio.ends()
    if math.exp(low) <= 1 + threshold and math.exp(high) >= 1 / (1 + threshold):
        return "the interval includes the threshold"
    return f"not significant, when corrected for {counted(family, 'case')} and {counted(len(LOOKS), 'look')}"


def setups(look: Look, seen: Mapping[Case, PairedSetups], family: int, threshold: float) -> dict[Case, SetupVerdict]:
    """Return the verdicts of a look on set-up times. family: how many cases have one.

    Slower may decide that a case needs no further look, so each look has a share of its error. Faster and the same are judged
    once, when the case is decided.
    """
    margins = {case: setup_margin(pairs, threshold) for case, pairs in seen.items()}
    slower = adjusted({case: pairs.ratio.p_above(margins[case]) for case, pairs in seen.items()}, family)
    faster = adjusted({case: pairs.ratio.p_below(-margins[case]) for case, pairs in seen.items()}, family)
    verdicts: dict[Case, SetupVerdict] = {}
    for case, pairs in seen.items():
        if slower[case] <= look.changed * SETUPS / 2:
            verdicts[case] = "slower"
        elif faster[case] <= SETUPS / 2:
            verdicts[case] = "faster"
        else:
            verdicts[case] = "same" if pairs.ratio.p_within(margins[case]) <= SAME_SETUP else "inconclusive"
    return verdicts
