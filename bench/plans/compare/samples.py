"""What a comparison measures of a case: its sides, the jobs that time them, their samples by stage and process, and the row that follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.pool.experiment import Outcome
from w2vbench.bench.engine.protocol import ImplementationSource, Measure, MeasureOptions, SamplePlan, Variant
from w2vbench.bench.plans.run.presets import GATE
from w2vbench.impls.interface.case import Size
from w2vbench.reports.compare.stages import BASE, CONTROL, HEAD, TRIPLE, Process
from w2vbench.reports.file.schema.comparison import ComparedRow
from w2vbench.reports.statistics.verdicts import Verdict

from .differences import ComparedCase
from .worktrees import Tree


@dataclass(frozen=True)
class Side:
    """A side of the comparison: one variant of every case."""

    name: str
    source: str  # the source whose code it runs: ``base``, ``control`` or ``head``
    slowed: float = 0.0  # the share by which its samples are made longer


SIDES = tuple(Side(name, name) for name in (BASE, CONTROL, HEAD))
"""The control is BASE's code, loaded a second time on its own, so that a fault of loading does not hit both."""
CHECKED_SIDES = (BASE, HEAD)
"""Sides whose results are checked before they are timed."""
LEAST_ROUNDS = 5


@dataclass
class CaseSamples:
    """The measurements of a case."""

    # the samples of each process by side, from each look to the next
    stages: list[list[Process]] = field(default_factory=list)
    plan: dict[str, SamplePlan] = field(default_factory=dict)  # calls a sample and rounds a process, by side
    memory: dict[str, protocol.Memory] = field(default_factory=dict)  # by side
    missing_reason: str = ""  # why the process that measures memory had no figures

    @property
    def processes(self) -> list[Process]:
        return list(chain(*self.stages))

    def add(self, outcome: Outcome, case: ComparedCase, sides: Sequence[str], stage: int) -> None:
        """Add the figures of one process."""
        self.stages += [[] for _ in range(stage + 1 - len(self.stages))]
        self.stages[stage].append({side: outcome.samples(variant_name(case, side)) for side in sides})
        self.missing_reason = self.missing_reason or outcome.missing_reason
        for side in sides:
            timed = outcome.timed[variant_name(case, side)]
            self.plan[side] = SamplePlan(calls=timed.calls, rounds=timed.rounds)
            if one := outcome.memory.get(variant_name(case, side)):
                self.memory[side] = one

    def row(self, case: ComparedCase, root: Path, excluded: tuple[Verdict, str] | None) -> ComparedRow:
        """Return the case's row of the result file, without its verdict.

        Parameters
        ----------
        root
            The top folder of HEAD's files.
        excluded
            Verdict and reason, if the case could not be compared.
        """
        verdict, why = excluded or ("inconclusive", "")
        memory, file = self.memory, Path(case.facts.file)
        missing = [f"{side.upper()}: {one.why_not}" for side, one in memory.items() if one.why_not]
        if any(side not in memory for side in TRIPLE):
            missing.insert(0, self.missing_reason)
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
                "excluded": excluded is not None,
                "stages": self.stages,
                **sizes,
                **resident,
                "memory_missing": next(iter(missing), ""),
                "needs": sorted({package for one in memory.values() for package in one.needs}),
                "file": str(file.relative_to(root)) if file.is_relative_to(root) else file.name,
                "line": case.facts.line,
            }
        )


def variant_name(case: ComparedCase, side: str) -> str:
    return f"{case.facts.slug}|{side}"


def sources_of(base: Tree, head: Tree, files: Sequence[Path] = ()) -> dict[str, ImplementationSource]:
    """Return where each side is loaded from. files: outside implementations, relative to the trees."""
    return {
        side.source: ImplementationSource(tree=str(tree.folder), files=tuple(str(tree.folder / file) for file in files))
        for side, tree in zip(SIDES, (base, base, head), strict=True)
    }


def job_of(
    context: RunContext,
    cases: Sequence[ComparedCase],
    sides: Sequence[Side],
    *,
    process: int,
    check: bool,
    **options: Any,
) -> Measure:
    """Return a job that measures some sides of the cases of one problem, with HEAD's inputs.

    Parameters
    ----------
    process
        Its number, which sets the inputs.
    check
        Whether results are checked before they are timed.
    options
        Others of ``MeasureOptions``.
    """
    return Measure(
        **context.job_fields(),
        kernel=cases[0].facts.kernel,
        size=str(cases[0].size),
        inputs=HEAD,
        options=MeasureOptions(process=process, least_rounds=LEAST_ROUNDS, reuse=True, **options),
        cases=tuple(
            tuple(
                Variant(
                    name=variant_name(case, side.name),
                    key=case.facts.key,
                    source=side.source,
                    check=check and side.name in CHECKED_SIDES,
                    slowed=side.slowed,
                )
                for side in sides
            )
            for case in cases
        ),
    )


def by_problem(cases: Sequence[ComparedCase]) -> list[list[ComparedCase]]:
    """Return cases problem by problem."""
    problems: dict[tuple[str, Size], list[ComparedCase]] = {}
    for case in cases:
        problems.setdefault((case.facts.kernel, case.size), []).append(case)
    return list(problems.values())


def gate_context(context: RunContext) -> RunContext:
    """Return a context whose samples are as a comparison takes them."""
    gate = GATE.settings
    settings = replace(context.settings, rounds=gate.rounds, sample_s=gate.sample_s, variant_s=gate.variant_s)
    return replace(context, settings=settings)
