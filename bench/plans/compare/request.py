"""What is asked for of every comparison: which cases, on how many threads, and what counts as a change."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from w2vbench.bench.engine.protocol import MeasurementSettings
from w2vbench.bench.plans.run.request import MeasurementRequest, Request
from w2vbench.bench.plans.run.session import memory_limit

from .differences import CaseSelection

THRESHOLD = 0.02
"""The default threshold: a smaller change counts as none."""


@dataclass(frozen=True, kw_only=True)
class ComparisonRequest(Request):
    """How to compare, whatever it is."""

    command: str  # the command as it can be typed again
    everything: bool = False  # whether to measure cases that do not differ too
    threads: int = 1
    threshold: float | None = None  # a smaller change counts as none; None for the usual one
    time_limit_s: float = 30.0

    @property
    def margin(self) -> float:
        return THRESHOLD if self.threshold is None else self.threshold

    @property
    def selection(self) -> CaseSelection:
        return CaseSelection(self.kernels, self.globs, everything=self.everything, threads=self.threads)

    def settings(self) -> MeasurementSettings:
        """Return how cases are measured."""
        return MeasurementSettings(time_limit_s=self.time_limit_s, memory_limit_bytes=memory_limit())


@dataclass(frozen=True, kw_only=True)
class JudgedRequest(ComparisonRequest, MeasurementRequest):
    """What is asked for of a comparison with a verdict for each case."""

    budget_s: float | None = None  # time for all processes
    junit: Path | None = None  # where the verdicts go as JUnit XML, if anywhere
