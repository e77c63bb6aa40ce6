"""Measure the same code in two environments: a process for each side, and their rounds in turn, on the same CPU.

Two environments cannot share a process. What differs between processes then must not be taken for a difference of the
environments:

- The machine's speed drifts within tenths of a second. So the processes of BASE, of BASE again and of HEAD take turns round by
  round: only one runs at a time, and rounds of the same number are compared.
- Where arrays lie in memory changes a call's time by several per cent. So the rounds of a process are taken with the arrays at
  several random places.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import structs
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.pool.experiment import Outcome, measure, measure_in_turns, paced
from w2vbench.bench.engine.protocol import SamplePlan, Timed
from w2vbench.bench.engine.worker.measuring import SIMILAR
from w2vbench.bench.plans.compare.differences import ComparedCase, Listed
from w2vbench.bench.plans.compare.measured import ComparisonRun
from w2vbench.bench.plans.compare.samples import Side, variant_name
from w2vbench.reports.compare.stages import BASE, CONTROL, HEAD
from w2vbench.reports.statistics.verdicts import Twice

from .environment_workers import facts_in

PLACES = 3
"""Places in memory at which a process times its calls. The rounds of a process are divided among them."""
ONE_CALL = SamplePlan(calls=1, rounds=1)


class PackagesRun(ComparisonRun):
    """Measure a comparison of two environments, each side by workers of its own.

    The control is BASE's environment in another process. The code has the same name on every side: it is the same.
    """

    sides = tuple(Side(name, HEAD) for name in (BASE, CONTROL, HEAD))
    twice = Twice.ENVIRONMENT

    @staticmethod
    def listed(contexts: Mapping[str, RunContext], differing: Sequence[str] = ()) -> tuple[Listed, Listed]:
        return facts_in(contexts[BASE], BASE), facts_in(contexts[HEAD], HEAD)

    def measured(self, cases: Sequence[ComparedCase], *, first: bool, plan: dict[str, SamplePlan]) -> Outcome:
        """Measure all processes, which take turns round by round, at several places in memory."""
        combined = Outcome()
        if first:
            plan = self.tried(combined, cases)
        for place in range(PLACES):
            self.time_at(place, combined, cases, plan=plan)
        return combined

    def tried(self, combined: Outcome, cases: Sequence[ComparedCase]) -> dict[str, SamplePlan]:
        """Check each side, compile it and measure its memory. Return calls a sample and rounds at a place, for all sides alike."""
        timed = dict[str, Timed]()
        for side in self.sides:
            if left := remaining(cases, combined):
                outcome = measure(self.job(left, [side], check=True), self.context_of(side.name).workers)
                timed |= outcome.timed
                combined.excluded += outcome.excluded
                if left := remaining(left, outcome):
                    self.measure_memory(combined, left, side)
        return {
            variant: one
            for case in remaining(cases, combined)
            for variant, one in planned(
                {side.name: timed[variant_name(case, side.name)] for side in self.sides}
            ).items()
        }

    def time_at(
        self,
        place: int,
        combined: Outcome,
        cases: Sequence[ComparedCase],
        plan: dict[str, SamplePlan],
        careful: bool = False,
    ) -> None:
        """Time all sides, with their arrays at a random place.

        If a case fails, or a process had to be measured again (``Outcome.careful``), all sides are timed again: rounds of the
        same number must have been taken together.
        """
        left, seed = remaining(cases, combined), (self.context.settings.seed, self.processes, place)
        if not left:
            return
        experiments = {}
        for number, side in enumerate(self.sides):
            job = self.job(left, [side], check=False, plan=plan, paced=True, placement=(*seed, number))
            experiments[side.name] = paced(structs.replace(job, careful=careful), self.context_of(side.name).workers)
        rng = np.random.default_rng([*seed, 3])
        outcomes = measure_in_turns(experiments, lambda names: [str(name) for name in rng.permutation(names)]).values()
        failed = [one for outcome in outcomes for one in outcome.excluded]
        combined.excluded += failed
        carefully = any(outcome.careful for outcome in outcomes)
        if failed or carefully is not careful:
            self.time_at(place, combined, cases, plan=plan, careful=carefully)
            return
        for variant, timed in (each for outcome in outcomes for each in outcome.timed.items()):
            before = combined.timed.get(variant)
            combined.timed[variant] = joined(before, timed) if before else timed

    def measure_memory(self, combined: Outcome, cases: Sequence[ComparedCase], side: Side) -> None:
        """Measure the memory of a side after one timed call of each case.

        How many calls fill a sample depends on the clock, and with it which words the batches hold then. One call does not:
        all sides' peaks are of the same words.
        """
        plan = {variant_name(case, side.name): ONE_CALL for case in cases}
        outcome = measure(
            self.job(cases, [side], check=False, memory=True, plan=plan), self.context_of(side.name).workers
        )
        combined.memory |= outcome.memory
        failures = [outcome.missing_reason, *(f"{one.status}: {one.reason}" for _, one in outcome.excluded)]
        if why := next(filter(None, failures), ""):
            combined.missing_reason = combined.missing_reason or f"{side.name.upper()}: {why}"


def remaining(cases: Sequence[ComparedCase], outcome: Outcome) -> list[ComparedCase]:
    """Return the cases that have not failed."""
    failed = {variant.name.rpartition("|")[0] for case, _ in outcome.excluded for variant in case}
    return [case for case in cases if case.facts.slug not in failed]


def planned(timed: Mapping[str, Timed]) -> dict[str, SamplePlan]:
    """Return as many calls a sample for every side of a case as for BASE, if its calls are about as fast; and the same rounds."""
    base = timed[BASE]
    rounds = math.ceil(min(one.rounds for one in timed.values()) / PLACES)
    return {
        one.variant: SamplePlan(
            calls=base.calls if base.calls / SIMILAR <= one.calls <= base.calls * SIMILAR else one.calls, rounds=rounds
        )
        for one in timed.values()
    }


def joined(before: Timed, after: Timed) -> Timed:
    """Return the samples of both, with the set-up of the first."""
    return structs.replace(before, wall_s=[*before.wall_s, *after.wall_s], cpu_s=[*before.cpu_s, *after.cpu_s])
