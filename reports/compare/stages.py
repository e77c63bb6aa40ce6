"""A comparison's cases, from their samples to their verdicts.

Each process timed three variants of a case, interleaved: BASE, another load of BASE's code (the control), and HEAD. Where two
environments are compared, each variant has a process of its own, and three processes take turns round by round. A stage is the
processes from one look to the next. Nothing is measured here: ``with_verdicts`` always gives the same rows from the same samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, zip_longest
from operator import attrgetter
from statistics import median
from typing import Any

import numpy as np
from w2vbench.reports.file.memory import untraced
from w2vbench.reports.file.schema.comparison import ComparedRow, Comparison
from w2vbench.reports.file.schema.fields import Samples
from w2vbench.reports.statistics.log_ratios import LogRatios, Paired, PairedSetups
from w2vbench.reports.statistics.looks import LOOKS, Look, looks_after
from w2vbench.reports.statistics.problems import Floats, MemoryVerdict, memory_verdict
from w2vbench.reports.statistics.verdicts import Decision, Twice, decide

BASE, CONTROL, HEAD = "base", "control", "head"
Triple = tuple[str, str, str]
"""Names of the variants that are compared: BASE, the control, HEAD."""
TRIPLE: Triple = (BASE, CONTROL, HEAD)
SETUP_S = 1e-3
"""Set-up that takes less than this on every side is not compared."""

Process = Mapping[str, Samples]
"""The samples of a case in one process, by variant."""


def log_ratios(processes: Sequence[Process], sides: Triple = TRIPLE) -> LogRatios:
    """Return the log-ratios of processes: of medians, of means, and of set-up.

    Whether set-up is long enough follows from the first look's processes, so that later ones do not change what it decided.
    """
    times = [[wall_times(process[side]) for side in sides] for process in processes]
    setups = [[math.log(max(process[side].setup_s or 0.0, 1e-9)) for side in sides] for process in processes]
    long = setups and max(np.median(setups[: LOOKS[0].processes], axis=0)) >= math.log(SETUP_S)
    return LogRatios(
        median_ratios([[np.log(one) for one in process] for process in times]),
        ratios([[float(np.log(one.mean())) for one in process] for process in times]),
        PairedSetups(**vars(ratios(setups))) if long else None,
    )


def wall_times(samples: Samples) -> Floats:
    """Return the wall times of the rounds that a variant took part in, in seconds per call."""
    return samples.walls[np.isfinite(samples.walls)]


def median_ratios(processes: Sequence[Sequence[Floats]]) -> Paired:
    """The median log-ratios of each process, round by round: HEAD to BASE, and the control to BASE.

    HEAD is compared with each load of BASE, and not with the mean of both: times are skewed, so a mean of two is typically
    larger than either.
    """
    return Paired(
        [float(np.median(head - base) + np.median(head - control)) / 2 for base, control, head in processes],
        [float(np.median(control - base)) for base, control, _ in processes],
    )


def ratios(processes: Sequence[Sequence[float]]) -> Paired:
    """The same from one logarithm per process and variant."""
    return Paired(
        [head - (base + control) / 2 for base, control, head in processes],
        [control - base for base, control, _ in processes],
    )


def recomputed(comparison: Comparison, threshold: float | None = None) -> Comparison:
    """Return a comparison with verdicts computed from its samples, at its own threshold or another.

    A comparison of two result files has no common samples, so its verdicts stay as they are.
    """
    if not comparison.interleaved:
        return comparison
    threshold = comparison.threshold if threshold is None else threshold
    twice = Twice.ENVIRONMENT if comparison.environments else Twice.CODE
    cases = with_verdicts(comparison.cases, threshold, twice)
    return comparison.model_copy(update={"cases": cases, "threshold": threshold})


def with_verdicts(rows: Sequence[ComparedRow], threshold: float, twice: Twice = Twice.CODE) -> list[ComparedRow]:
    """Decide a comparison's cases together, from their samples.

    Parameters
    ----------
    rows
        The cases. Those that are ``excluded`` keep their verdict; those without samples are returned unchanged.
    threshold
        The share of time and of peak memory that counts as no change.
    twice
        What was measured twice to find the A/A difference.

    Returns
    -------
    list of ComparedRow
        The same cases, with verdicts, ratios and typical times.
    """
    compared = [row for row in rows if not row.excluded and any(row.stages)]
    cases = {row.case: log_ratios(list(chain(*row.stages))) for row in compared}
    decisions = decide(cases, threshold, twice, looks_of(compared))
    return [with_decision(row, decisions.get(row.case), threshold) for row in rows]


def looks_of(rows: Sequence[ComparedRow]) -> list[Look]:
    """Return the looks of a comparison, from the processes that its cases have in each stage."""
    stages = zip_longest(*(map(len, row.stages) for row in rows), fillvalue=0)
    return looks_after([size for size in map(max, stages) if size])


def with_decision(row: ComparedRow, decision: Decision | None, threshold: float) -> ComparedRow:
    """A case with all that follows from its samples, of the processes that it was decided by."""
    if not any(row.stages):
        return row
    processes = list(chain(*row.stages))[: decision.processes if decision else None]
    fields: dict[str, Any] = {
        "processes": len(processes),
        "memory": memory_of(row, threshold),
        "untraced": untraced(row.needs),
    }
    for side in (BASE, HEAD):
        for name, figure in (("s", wall_s), ("cpu_s", cpu_s), ("setup_s", attrgetter("setup_s"))):
            fields[f"{side}_{name}"] = typical(processes, side, figure)
    if decision:
        fields |= vars(decision)
    return row.model_copy(update=fields)


def typical(processes: Sequence[Process], side: str, figure: Callable[[Samples], float | None]) -> float | None:
    """Return the median over processes of one variant's figure; None where no process has it."""
    values = [value for process in processes if (value := figure(process[side])) is not None]
    return median(values) if values else None


def wall_s(samples: Samples) -> float:
    """Return a process's median wall time per call, in seconds."""
    return float(np.median(wall_times(samples)))


def cpu_s(samples: Samples) -> float:
    """Return a process's mean CPU time per call, of all threads, in seconds. CPU clocks are too coarse for a median."""
    return float(np.mean([figure for figure in samples.cpu_s if figure is not None]))


def memory_of(row: ComparedRow, threshold: float) -> MemoryVerdict:
    """Return how HEAD's peak allocation compares with BASE's; ``unknown`` unless BASE's two loads agree."""
    if untraced(row.needs):
        return "unknown"
    steady = memory_verdict(row.base_bytes, row.control_bytes, threshold) == "same"
    return memory_verdict(row.base_bytes, row.head_bytes, threshold) if steady else "unknown"
