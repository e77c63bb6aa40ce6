"""What a comparison measures: the sides of a case, their samples by stage and process, and the rows that follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.engine import protocol
from bench.engine.experiment import Outcome
from bench.engine.protocol import SamplePlan
from reports.result_schema import ComparedRow
from reports.stages import BASE, CONTROL, HEAD, TRIPLE, Process, with_verdicts

from .differences import ComparedCase, Differences
from .waiting import waiting

STAGES = (9, 18)
"""Processes of every case, and fresh processes of the cases that remain undecided. Both are fixed in advance."""


@dataclass(frozen=True)
class Side:
    """A side of the comparison: one variant of every case.

    Attributes
    ----------
    source
        The source whose code it runs: ``base``, ``control`` or ``head``.
    slowed
        The share by which its samples are made longer.
    """

    name: str
    source: str
    slowed: float = 0.0


SIDES = tuple(Side(name, name) for name in (BASE, CONTROL, HEAD))
"""The control is BASE's code, loaded a second time on its own, so that a fault of loading does not hit both."""
CHECKED_SIDES = (BASE, HEAD)
"""Sides whose results are checked before they are timed."""


@dataclass
class CaseSamples:
    """The measurements of a case.

    Attributes
    ----------
    stages
        For each stage, the samples of each process by side.
    plan
        Calls a sample and rounds a process, by side.
    memory
        By side.
    missing_reason
        Why the process that measures memory had no figures.
    """

    stages: list[list[Process]] = field(default_factory=lambda: [[] for _ in STAGES])
    plan: dict[str, SamplePlan] = field(default_factory=dict)
    memory: dict[str, protocol.Memory] = field(default_factory=dict)
    missing_reason: str = ""


@dataclass
class ComparisonSamples:
    """The measurements of a finished comparison."""

    differences: Differences
    samples: dict[ComparedCase, CaseSamples]
    seconds: float

    @property
    def waiting(self) -> float:
        """Share of wall time that calls of BASE did not spend on a CPU."""
        return waiting(
            [process[BASE] for stage in mine.stages for process in stage]
            for case, mine in self.samples.items()
            if case.size.threads == 1
        )

    def rows(self, root: Path, threshold: float) -> list[ComparedRow]:
        """Return the result file's rows, with verdicts. root: the top folder of HEAD's files."""
        cases = dict.fromkeys([*self.differences.compared, *self.differences.excluded])
        return with_verdicts([self.row(case, root) for case in cases], threshold)

    def row(self, case: ComparedCase, root: Path) -> ComparedRow:
        """Return a case's row, without its verdict."""
        samples = self.samples.get(case) or CaseSamples()
        verdict, why = self.differences.excluded.get(case, ("inconclusive", ""))
        memory, file = samples.memory, Path(case.facts.file)
        missing = [f"{side.upper()}: {one.why_not}" for side, one in memory.items() if one.why_not]
        sizes = {f"{side}_bytes": memory[side].peak_bytes for side in memory if side in TRIPLE}
        resident = {f"{side}_resident_bytes": memory[side].resident_bytes for side in memory if side in CHECKED_SIDES}
        return ComparedRow.model_validate(
            {
                "case": case.name,
                "kernel": case.facts.kernel,
                "implementation": case.facts.slug,
                "title": case.facts.title,
                "verdict": verdict,
                "why": why,
                "excluded": case in self.differences.excluded,
                "stages": samples.stages,
                **sizes,
                **resident,
                "memory_missing": samples.missing_reason or next(iter(missing), ""),
                "needs": sorted({package for one in memory.values() for package in one.needs}),
                "file": str(file.relative_to(root)) if file.is_relative_to(root) else file.name,
                "line": case.facts.line,
            }
        )


def variant_name(case: ComparedCase, side: str) -> str:
    return f"{case.facts.slug}|{side}"


def add_process(outcome: Outcome, case: ComparedCase, sides: Sequence[str], samples: CaseSamples, stage: int) -> None:
    """Add the figures of one process to a case."""
    samples.stages[stage].append({side: outcome.samples(variant_name(case, side)) for side in sides})
    samples.missing_reason = samples.missing_reason or outcome.missing_reason
    for side in sides:
        timed = outcome.timed[variant_name(case, side)]
        samples.plan[side] = SamplePlan(calls=timed.calls, rounds=timed.rounds)
        if one := outcome.memory.get(variant_name(case, side)):
            samples.memory[side] = one
