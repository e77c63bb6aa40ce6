"""The rules by which other tools call code slower, which a calibration applies to its own samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from w2vbench.reports.compare.stages import Process, Triple, wall_times
from w2vbench.reports.statistics.problems import Floats

Rule = Callable[[Floats, Floats], bool]


def mann_whitney(base: Floats, head: Floats) -> bool:
    from scipy.stats import mannwhitneyu

    return bool(mannwhitneyu(head, base, alternative="greater").pvalue < 0.002)


def t_test(base: Floats, head: Floats) -> bool:
    """Welch's t-test. False with fewer than two samples a side."""
    from scipy.stats import ttest_ind

    if min(len(base), len(head)) < 2:
        return False
    return bool(ttest_ind(np.exp(head), np.exp(base), equal_var=False, alternative="greater").pvalue < 0.05)


RULES: dict[str, Rule] = {
    "min + 2.5 %": lambda base, head: head.min() - base.min() > math.log(1.025),
    "median + 2.5 %": lambda base, head: float(np.median(head) - np.median(base)) > math.log(1.025),
    "Mann-Whitney, p < 0.002": mann_whitney,
    "t-test, p < 0.05": t_test,
}
"""Rules of other tools: whether HEAD is slower, given the logarithms of the samples of one process a side. The tests are one-sided."""


def apply_rules(processes: Sequence[Process], sides: Triple) -> dict[str, bool]:
    """Apply the rules of other tools to BASE in one process and HEAD in the next."""
    base, head = np.log(wall_times(processes[0][sides[0]])), np.log(wall_times(processes[1][sides[2]]))
    return {name: bool(rule(base, head)) for name, rule in RULES.items()}
