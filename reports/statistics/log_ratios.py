"""What the processes of a comparison say of a case: log-ratios, their trimmed means, and the margins that these must exceed."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, replace
from typing import Self

from .problems import TRIM, Estimate, trimmed_mean

SETUP_THRESHOLD = 0.1
"""A change of set-up time below this counts as none, since each process sets up only once."""
TRIMMED_FROM = 9
"""So many processes are averaged by a trimmed mean, since occasionally a whole process is slowed."""


@dataclass(frozen=True)
class Paired:
    """Log-ratios of a case in each process.

    Of few processes the plain mean is tested, since trimming would leave too few (TRIMMED_FROM). A slowed process then makes
    the error larger, and the case goes on to the next look."""

    ratios: list[float]  # HEAD's figure to BASE's
    controls: list[float]  # the figure of one load of BASE to that of the other

    @property
    def ratio(self) -> Estimate:
        return self.middle(self.ratios)

    @property
    def control(self) -> Estimate:
        return self.middle(self.controls)

    @property
    def is_trimmed(self) -> bool:
        return len(self.ratios) >= TRIMMED_FROM

    def middle(self, values: list[float]) -> Estimate:
        return trimmed_mean(values, TRIM if self.is_trimmed else 0.0)

    def may_exceed(self, margin: float, error: float) -> bool:
        """Whether the ratio may be above a margin.

        It may if its p-value is at most ``error``; and of few processes if most are above it, since one that was disturbed hides
        that from a plain mean.
        """
        most = not self.is_trimmed and statistics.median(self.ratios) > margin
        return most or self.ratio.p_above(margin) <= error

    def first(self, processes: int) -> Self:
        """Return those of the first processes only."""
        return replace(self, ratios=self.ratios[:processes], controls=self.controls[:processes])


@dataclass(frozen=True)
class PairedSetups(Paired):
    """Log-ratios of set-up times. The first process is left out: it may have compiled what the others load."""

    def middle(self, values: list[float]) -> Estimate:
        return super().middle(values[1:] if len(values) > 2 else values)


@dataclass(frozen=True)
class LogRatios:
    """The log-ratios of a case in the processes of a comparison."""

    median: Paired  # of median times, which a few slow calls do not change
    mean: Paired  # of mean times, which a few slow calls do change
    setup: PairedSetups | None = None  # of set-up times; None if set-up is too short to compare

    @property
    def processes(self) -> int:
        return len(self.median.ratios)

    def first(self, processes: int) -> LogRatios:
        """Return those of the first processes only."""
        return LogRatios(
            self.median.first(processes), self.mean.first(processes), self.setup and self.setup.first(processes)
        )


def margin_of(pairs: Paired, limit: float) -> float:
    """The margin beyond which a case is slower or faster: the limit, or the A/A difference's interval if that difference exceeds it."""
    return max(limit, max(map(abs, pairs.control.ends())) if abs(pairs.control.value) > limit else 0.0)


def setup_margin(pairs: PairedSetups, threshold: float) -> float:
    """The margin for set-up times: SETUP_THRESHOLD, the threshold, or the A/A difference's interval, whichever is largest."""
    return max(math.log1p(max(threshold, SETUP_THRESHOLD)), *map(abs, pairs.control.ends()))
