"""A comparison's cases, from their samples to their verdicts.

Each process of a stage timed three variants of a case, interleaved: BASE, another load of BASE's code (the control), and
HEAD. Nothing here measures: ``with_verdicts`` gives the same rows from the same samples, whenever it is called.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

from .memory import untraced
from .results import ComparedRow, Comparison, Ratio, Samples
from .samples import figures
from .statistics import Floats, Interval, memory_verdict
from .verdicts import Decision, Paired, Stage, decide, undecided

BASE, CONTROL, HEAD = "base", "control", "head"
Triple = tuple[str, str, str]
"""Variants that are compared: BASE, BASE again, HEAD."""
TRIPLE: Triple = (BASE, CONTROL, HEAD)
SETUP_S = 1e-3
"""Set-up that takes less than this on every side is not compared."""
ONCE = "it needs a second stage at this threshold, and has none"

Process = Mapping[str, Samples]
"""What a process timed of a case, by variant."""


def stage_of(processes: Sequence[Process], sides: Triple = TRIPLE) -> Stage:
    """Return what the processes of a stage found: of medians, of means, and of set-up."""
    times = [[wall_times(process[side]) for side in sides] for process in processes]
    setups = [[math.log(max(process[side].setup_s or 0.0, 1e-9)) for side in sides] for process in processes]
    long = setups and max(np.median(setups, axis=0)) >= math.log(SETUP_S)
    return Stage(
        median_ratios([[np.log(one) for one in process] for process in times]),
        ratios([[float(np.log(one.mean())) for one in process] for process in times]),
        ratios(setups) if long else None,
    )


def wall_times(samples: Samples) -> Floats:
    """Wall times of the rounds that a variant took part in, in seconds a call."""
    times = figures(samples.wall_s)
    return times[np.isfinite(times)]


def median_ratios(processes: Sequence[Sequence[Floats]]) -> Paired:
    """HEAD against each of BASE's two loads, round by round, and those against each other: a process's medians.

    Not against the mean of the two: times are skewed, and a mean of two is typically larger than one of them.
    """
    return Paired(
        [float(np.median(head - base) + np.median(head - control)) / 2 for base, control, head in processes],
        [float(np.median(control - base)) for base, control, _ in processes],
    )


def ratios(processes: Sequence[Sequence[float]]) -> Paired:
    """The same of one logarithm a process and side."""
    return Paired(
        [head - (base + control) / 2 for base, control, head in processes],
        [control - base for base, control, _ in processes],
    )


def decided_again(comparison: Comparison, threshold: float | None = None) -> Comparison:
    """Return a comparison with the verdicts that its samples give, at its own threshold or another.

    Two result files that were compared have no samples in common: their verdicts stay as they are.
    """
    if not comparison.interleaved:
        return comparison
    threshold = comparison.threshold if threshold is None else threshold
    cases = with_verdicts(comparison.cases, threshold)
    return comparison.model_copy(update={"cases": cases, "threshold": threshold})


def with_verdicts(rows: Sequence[ComparedRow], threshold: float) -> list[ComparedRow]:
    """Decide a comparison's cases together, from their samples.

    Parameters
    ----------
    rows
        The cases; those that are ``excluded`` keep the verdict that they have, and those without samples all of it.
    threshold
        The share of time and of peak memory that counts as no change.

    Returns
    -------
    list of ComparedRow
        The same cases, with verdicts, ratios and typical times.
    """
    stages = {row.case: [stage_of(stage) for stage in row.stages if stage] for row in rows if not row.excluded}
    stages = {case: found for case, found in stages.items() if found}
    first = {case: found[0] for case, found in stages.items()}
    second = {case: stages[case][1] for case in undecided(first, threshold) if len(stages[case]) > 1}
    decisions = decide((first, second), threshold)
    for case in undecided(first, threshold):
        if case not in second:
            decisions[case] = unmeasured(decisions[case])
    return [decided(row, decisions.get(row.case), row.case in second, threshold) for row in rows]


def unmeasured(decision: Decision) -> Decision:
    """What is said of a case that a first stage leaves open and no second one measured."""
    return Decision("inconclusive", decision.ratio, decision.control, decision.mean, ONCE)


def decided(row: ComparedRow, decision: Decision | None, second: bool, threshold: float) -> ComparedRow:
    """A case with all that follows from its samples. second: whether the second stage decided it."""
    if not any(row.stages):
        return row
    processes = row.stages[1 if second else 0]
    known: dict[str, Any] = {
        "processes": len(processes),
        "second_stage": second,
        "memory": memory_of(row, threshold),
        "untraced": untraced(row.needs),
    }
    for side in (BASE, HEAD):
        for name, figure in (("s", wall_s), ("cpu_s", cpu_s), ("setup_s", setup_s)):
            known[f"{side}_{name}"] = typical(processes, side, figure)
    if decision:
        known |= {
            "verdict": decision.verdict,
            "why": decision.why,
            "ratio": ratio(decision.ratio),
            "control": ratio(decision.control),
            "mean": ratio(decision.mean),
            "setup": decision.setup,
            "setup_ratio": decision.setup_ratio and ratio(decision.setup_ratio),
        }
    return row.model_copy(update=known)


def ratio(interval: Interval) -> Ratio:
    return Ratio(estimate=interval.estimate, low=interval.low, high=interval.high)


def typical(processes: Sequence[Process], side: str, figure: Callable[[Samples], float | None]) -> float | None:
    """The median over processes of a figure of one side; None where no process has it."""
    found = [value for process in processes if side in process and (value := figure(process[side])) is not None]
    return median(found) if found else None


def wall_s(samples: Samples) -> float:
    """A process's median wall time a call, in seconds."""
    return float(np.median(wall_times(samples)))


def cpu_s(samples: Samples) -> float:
    """A process's mean CPU time a call, of all threads, in seconds: the system's clock is too coarse for a median."""
    return float(np.mean([figure for figure in samples.cpu_s if figure is not None]))


def setup_s(samples: Samples) -> float | None:
    return samples.setup_s


def memory_of(row: ComparedRow, threshold: float) -> str:
    """How HEAD's peak allocation compares with BASE's; unknown unless BASE's two loads agree with each other."""
    if untraced(row.needs):
        return "unknown"
    steady = memory_verdict(row.base_bytes, row.control_bytes, threshold) == "same"
    return memory_verdict(row.base_bytes, row.head_bytes, threshold) if steady else "unknown"
