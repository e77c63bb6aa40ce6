"""Measure cases in the environments of several releases: a fresh process of each on the same CPU, then a second of each, and so on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.pool.experiment import measure
from w2vbench.bench.engine.protocol import SamplePlan
from w2vbench.bench.plans.compare.differences import ComparedCase
from w2vbench.bench.plans.compare.samples import Side, by_problem, gate_context, job_of, variant_name
from w2vbench.bench.plans.run.request import Note
from w2vbench.reports.compare.stages import HEAD
from w2vbench.reports.file.schema.releases import ReleasedCase

PROCESSES = 16
"""Processes of each release, fixed in advance: half of them locate changes, and the others test them."""
SIDE = Side(HEAD, HEAD)
"""All releases run the same code under the same name."""


@dataclass
class ReleasedSamples:
    """A case at a release."""

    times: list[float] = field(default_factory=list)  # the median seconds a call of each process
    failed: str = ""  # why it cannot be measured there
    plan: SamplePlan | None = None  # calls a sample and rounds, as the first process has set them


class ReleasesRun:
    """The measurement of some cases at several releases.

    Parameters
    ----------
    contexts
        The workers of each release, the oldest first.
    note
        Called with what is measured, the number of finished processes of each release, and their total.
    announce
        Called once it is known with how long the other processes take, in seconds.
    """

    def __init__(
        self,
        contexts: Mapping[str, RunContext],
        cases: Sequence[ComparedCase],
        note: Note,
        announce: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self.contexts = {name: gate_context(one) for name, one in contexts.items()}
        self.cases, self.note, self.announce = cases, note, announce
        self.samples = {(name, case): ReleasedSamples() for name in contexts for case in cases}

    def run(self, processes: int = PROCESSES) -> None:
        """Measure all cases at all releases. A case that fails at a release has no times there, but the reason."""
        for process in range(processes):
            self.note("measuring all releases", process, processes)
            began = time.monotonic()
            for name in np.random.default_rng([process, 4]).permutation(list(self.contexts)):
                self.measure_release(str(name), process)
            if process == 1:  # the first one also checks, and may compile
                self.announce((time.monotonic() - began) * (processes - 2))

    def found(self) -> list[ReleasedCase]:
        """Return what was measured, in the same number of processes of each release."""
        return [self.released(case) for case in self.cases]

    def measure_release(self, name: str, process: int) -> None:
        """Measure what a release can run, in one fresh process."""
        context = self.contexts[name]
        context.workers.compiles = any(case.compiles for case in self.cases)
        problems = by_problem([case for case in self.cases if not self.samples[name, case].failed])
        for at in np.random.default_rng([process, 5]).permutation(len(problems)):
            problem = problems[at]
            mine = {variant_name(case, SIDE.name): self.samples[name, case] for case in problem}
            plan = {variant: one.plan for variant, one in mine.items() if one.plan}
            place = (process, list(self.contexts).index(name))
            job = job_of(context, problem, [SIDE], process=process, check=process == 0, plan=plan, placement=place)
            outcome = measure(job, context.workers, start_next=False)
            for case, failure in outcome.excluded:
                mine[case[0].name].failed = f"{failure.status}: {failure.reason}"
            for variant, timed in outcome.timed.items():
                mine[variant].times.append(median(wall for wall in timed.wall_s if wall is not None))
                mine[variant].plan = SamplePlan(calls=timed.calls, rounds=timed.rounds)
        context.workers.dismiss()  # of many releases, only the one that is measured holds memory

    def released(self, case: ComparedCase) -> ReleasedCase:
        """Return what was measured of a case."""
        every = {name: self.samples[name, case] for name in self.contexts}
        processes = min((len(one.times) for one in every.values() if not one.failed), default=0)
        return ReleasedCase(
            case=case.name,
            kernel=case.facts.kernel,
            implementation=case.facts.slug,
            title=case.facts.title,
            times={name: one.times[:processes] for name, one in every.items() if processes and not one.failed},
            failed={name: one.failed for name, one in every.items() if one.failed},
        )
