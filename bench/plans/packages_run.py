"""Measure the same code in two environments: a fresh process for each side, one side after the other, on the same CPU.

Two environments cannot share a process, so rounds of both have nothing in common, and each process brings its own bias of
memory layout. So each side is one process; the three of BASE, of BASE again and of HEAD that follow one another are
compared as wholes, and the spread of these ratios is that between processes. More of them are needed than of processes that
hold both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from msgspec import structs

from bench.engine.context import RunContext
from bench.engine.experiment import Outcome, measure
from bench.engine.measuring import SIMILAR
from bench.engine.protocol import SamplePlan, Timed
from reports.stages import BASE, CONTROL, HEAD

from .comparison_run import ComparisonRun
from .comparison_samples import Side, variant_name
from .differences import ComparedCase, Differences
from .session import Note

PACKAGE_STAGES = (9, 18)
"""Turns of every case, and fresh ones of the cases that remain undecided. Both are fixed in advance."""
APART = tuple(Side(name, HEAD) for name in (BASE, CONTROL, HEAD))
"""The control is BASE's environment in another process. The code has the same name on every side: it is the same."""

ONE_CALL = SamplePlan(calls=1, rounds=1)


class PackagesRun(ComparisonRun):
    """Measure a comparison of two environments.

    Parameters
    ----------
    contexts
        The workers by process: BASE's, the control's and HEAD's.
    said
        Called in each stage, once it is known, with the stage's number and how long the rest of it takes, in seconds.
    sides
        The variants of each case.
    process_of
        In whose process a side is measured, where that is not its own.
    """

    stages = PACKAGE_STAGES
    apart = True

    def __init__(
        self,
        contexts: Mapping[str, RunContext],
        differences: Differences,
        note: Note,
        said: Callable[[int, float], None] = lambda stage, left_s: None,
        *,
        threshold: float,
        budget_s: float | None = None,
        sides: Sequence[Side] = APART,
        process_of: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(contexts[HEAD], differences, note, threshold=threshold, budget_s=budget_s, sides=sides)
        self.said, self.process_of = said, process_of or {}
        self.contexts = {name: replace(one, settings=self.context.settings) for name, one in contexts.items()}

    def context_of(self, side: str) -> RunContext:
        return self.contexts[self.process_of.get(side, side)]

    def announce(self, stage: int, left_s: float) -> None:
        self.said(stage, left_s)

    def measured(self, cases: Sequence[ComparedCase], *, first: bool, plan: dict[str, SamplePlan]) -> Outcome:
        """Measure one process after another, in a random order: only the first time BASE is first, which sets the calls."""
        names = list(self.contexts)
        if not first:
            np.random.default_rng([self.context.settings.seed, self.processes, 3]).shuffle(names)
        together = Outcome()
        for name in names:
            failed = {variant.name.rpartition("|")[0] for case, _ in together.excluded for variant in case}
            left = [case for case in cases if case.facts.slug not in failed]
            if not left:
                break
            mine = [side for side in self.sides if self.process_of.get(side.name, side.name) == name]
            outcome = measure(self.job(left, mine, check=first, plan=plan), self.contexts[name].workers)
            together.timed |= outcome.timed
            together.excluded += outcome.excluded
            if first:
                self.measure_memory(together, left, mine)
        for case in cases if first else ():
            self.align(together.timed, case)
        return together

    def measure_memory(self, together: Outcome, cases: Sequence[ComparedCase], sides: Sequence[Side]) -> None:
        """Measure the memory of a process's sides after one timed call of each.

        How many calls fill a sample depends on the clock, and with it which words the batches hold then. One call does not:
        all sides' peaks are of the same words.
        """
        plan = {variant_name(case, side.name): ONE_CALL for case in cases for side in sides}
        workers = self.context_of(sides[0].name).workers
        outcome = measure(self.job(cases, sides, check=False, memory=True, plan=plan), workers)
        together.memory |= outcome.memory
        failures = [f"{failure.status}: {failure.reason}" for _, failure in outcome.excluded]
        together.missing_reason = together.missing_reason or outcome.missing_reason or next(iter(failures), "")

    def align(self, timed: dict[str, Timed], case: ComparedCase) -> None:
        """Plan as many calls a sample for every side as BASE's, if its calls are about as fast."""
        base = timed.get(variant_name(case, BASE))
        for name in (variant_name(case, side.name) for side in self.sides):
            own = timed.get(name)
            if base and own and base.calls / SIMILAR <= own.calls <= base.calls * SIMILAR:
                timed[name] = structs.replace(own, calls=base.calls, rounds=base.rounds)
