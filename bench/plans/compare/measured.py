"""Measure two revisions side by side, in fresh processes, until each case is decided."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.pool.contracts import check_contracts
from w2vbench.bench.engine.pool.experiment import Outcome, measure
from w2vbench.bench.engine.pool.pool import Workers
from w2vbench.bench.engine.pool.worker_process import WorkerFailure
from w2vbench.bench.engine.protocol import Measure, SamplePlan, Status
from w2vbench.bench.plans.run.request import Note
from w2vbench.bench.plans.run.rows import waiting
from w2vbench.impls.interface.case import Size
from w2vbench.reports.compare.stages import BASE, HEAD, log_ratios, with_verdicts
from w2vbench.reports.file.schema.comparison import ComparedRow, Comparison
from w2vbench.reports.statistics.looks import STAGES, looks_after
from w2vbench.reports.statistics.units import counted
from w2vbench.reports.statistics.verdicts import Twice, Verdict, undecided

from .differences import ComparedCase, Differences, Listed, list_sides
from .request import THRESHOLD
from .samples import SIDES, CaseSamples, Side, by_problem, gate_context, job_of, variant_name

LIMITS = (Status.TIMEOUT, Status.OUT_OF_MEMORY)
"""Failures that may be the machine's fault, and not the code's."""
OVER_BUDGET = "--budget left no time for them"

Announce = Callable[[float, float], None]
"""Called with the seconds until the first look, and with the most that what it leaves undecided takes."""


def silent(first_s: float, further_s: float) -> None:
    """Announce nothing."""


class ComparisonRun:
    """Measure a comparison of revisions, all sides in one process. Another kind of comparison is a subclass.

    Parameters
    ----------
    contexts
        The workers of each side that has its own; the other sides are measured by HEAD's.
    note
        Called with what is measured, the number of finished processes, and their total (0: unknown).
    announce
        Called once it is known how long the measurement takes.
    budget_s
        Time for all processes; None for as much as they take. Cases that do not fit are left out.
    slowed
        Further sides: the same code, slowed."""

    sides: Sequence[Side] = SIDES  # the variants of each case
    # Processes from each look to the next, fixed beforehand. Where each side has processes of its own, these are a
    # side's.
    stages: Sequence[int] = STAGES
    twice = Twice.CODE

    def __init__(
        self,
        contexts: Mapping[str, RunContext],
        differences: Differences,
        note: Note,
        announce: Announce = silent,
        *,
        threshold: float = THRESHOLD,
        budget_s: float | None = None,
        slowed: Sequence[Side] = (),
    ) -> None:
        self.differences, self.note, self.announce = differences, note, announce
        self.threshold, self.sides = threshold, (*self.sides, *slowed)
        self.contexts = {name: gate_context(one) for name, one in contexts.items()}
        self.context = self.contexts[HEAD]
        self.started, self.seconds = time.monotonic(), 0.0
        self.ends = math.inf if budget_s is None else self.started + budget_s
        self.samples: dict[ComparedCase, CaseSamples] = {}
        self.processes = 0

    @staticmethod
    def listed(contexts: Mapping[str, RunContext], differing: Sequence[str] = ()) -> tuple[Listed, Listed]:
        """Return the implementations of BASE and of HEAD, by key. Raises RevisionError, NotComparable.

        differing: files that differ between the trees.
        """
        return list_sides(contexts[HEAD], differing)

    def run(self) -> None:
        """Check HEAD's code, and measure the cases that differ, from look to look those that are undecided."""
        self.check(list(self.differences.compared))
        for stage in range(len(self.stages)):
            self.measure_stage(stage, self.undecided())
        self.seconds = time.monotonic() - self.started

    def undecided(self) -> list[ComparedCase]:
        """Return the cases that the looks so far leave undecided; before the first one, all."""
        cases = {
            case: log_ratios(self.samples[case].processes if case in self.samples else [])
            for case in self.differences.remaining
        }
        return undecided(cases, self.threshold, looks_after(self.stages))

    @property
    def waiting(self) -> float:
        """Share of wall time that calls of BASE did not spend on a CPU."""
        return waiting(
            [process[BASE] for process in mine.processes]
            for case, mine in self.samples.items()
            if case.size.threads == 1
        )

    def rows(self, root: Path) -> list[ComparedRow]:
        """Return the result file's rows, with verdicts. root: the top folder of HEAD's files."""
        excluded = self.differences.excluded
        cases = dict.fromkeys([*self.differences.compared, *excluded])
        rows = [(self.samples.get(case) or CaseSamples()).row(case, root, excluded.get(case)) for case in cases]
        return with_verdicts(rows, self.threshold, self.twice)

    def comparison(self, root: Path, **known: Any) -> Comparison:
        """Return what was found as the result file has it. known: what the sides are, and other fields of it."""
        plan = self.differences
        return Comparison(
            threshold=self.threshold,
            cases=self.rows(root),
            added=plan.added,
            removed=plan.removed,
            renamed=plan.renamed,
            skipped=plan.skipped,
            over_budget=plan.over_budget,
            seconds=self.seconds,
            waiting=self.waiting,
            **known,
        )

    def check(self, cases: Sequence[ComparedCase]) -> None:
        """Check HEAD's implementations against their contract, as they will be measured. Those that fail are not."""
        sizes: dict[str, list[Size]] = {}
        for case in cases:
            sizes.setdefault(case.facts.key, []).append(case.size)
        verdicts = check_contracts(
            sizes, self.context, lambda key: self.note(f"checking {key}", 0, 0), source=HEAD, sizes=sizes
        )
        excuses = {
            key: self.check_base(key, sizes[key], verdict)
            for key, verdict in verdicts.items()
            if verdict.status in LIMITS
        }
        for case in cases:
            verdict = verdicts[case.facts.key]
            if verdict.status != Status.OK:
                self.exclude(case, HEAD, verdict.status, reason=verdict.reason, excused=excuses.get(case.facts.key, ""))

    def check_base(self, key: str, sizes: Sequence[Size], verdict: protocol.Verdict) -> str:
        """Check BASE under the limit that HEAD exceeded. Return HEAD's excuse, or an empty string."""
        self.note(f"checking BASE's {key} too", 0, 0)
        events = self.context_of(BASE).check(key, self.side(BASE).source, sizes, reuse=False)
        return excuse(events, self.context_of(BASE).workers, verdict.status)

    def side(self, name: str) -> Side:
        return next(side for side in self.sides if side.name == name)

    def context_of(self, side: str) -> RunContext:
        """Return the workers and sources that measure a side."""
        return self.contexts.get(side, self.context)

    def measure_stage(self, stage: int, cases: Sequence[ComparedCase]) -> None:
        """Measure cases in fresh processes until the next look, without those that fail meanwhile."""
        before, further = sum(self.stages[:stage]), sum(self.stages[stage + 1 :])
        for done in range(self.stages[stage]):
            cases = [case for case in cases if case in self.differences.remaining]
            if not cases:
                return
            what = counted(len(cases), "undecided case") if stage else "all cases"
            self.note(what, before + done, before + self.stages[stage])
            began = time.monotonic()
            self.measure_process(stage, cases)
            took = time.monotonic() - began
            if done == (0 if stage else 1):  # the very first one also checks, and may compile
                left = self.stages[stage] - done - 1
                left_over = [case for case in cases if case in self.differences.remaining]
                self.cut_to_budget(left_over, took, processes=left, stage=stage)
                if stage == 0:
                    self.announce(took * left, took * further)

    def cut_to_budget(self, remaining: Sequence[ComparedCase], took: float, processes: int, stage: int) -> None:
        """Leave out the last cases if the budget is too short for all, judging by the process that has just ended."""
        if math.isinf(self.ends):
            return
        room = self.ends - time.monotonic()
        fits = math.floor(room / max(took * processes, 1e-9) * len(remaining))
        for case in remaining[max(0, fits) :]:
            if stage == 0:
                self.differences.compared.remove(case)
                self.differences.skip(OVER_BUDGET, [case])
                self.differences.over_budget.append(case.name)
            else:
                why = "undecided, and --budget left no time for further processes"
                self.differences.excluded[case] = ("inconclusive", why)

    def measure_process(self, stage: int, cases: Sequence[ComparedCase]) -> None:
        """Measure all cases in one fresh process, problem after problem in a random order."""
        self.processes += 1
        for side in self.sides:
            workers = self.context_of(side.name).workers
            workers.compiles = any(case.compiles for case in self.differences.compared)
            workers.retire()
        problems = by_problem(cases)
        for at in np.random.default_rng([self.context.settings.seed, self.processes]).permutation(len(problems)):
            self.measure_problem(stage, problems[at])

    def measure_problem(self, stage: int, cases: Sequence[ComparedCase]) -> None:
        """Measure the cases of one problem. A case that fails is excluded, and the others are measured without it."""
        before = {case: self.samples[case] for case in cases if case in self.samples}
        plan = {variant_name(case, side): one for case, mine in before.items() for side, one in mine.plan.items()}
        outcome = self.measured(cases, first=not before, plan=plan)
        by_variant = {variant_name(case, side.name): case for case in cases for side in self.sides}
        for variants, failure in outcome.excluded:
            case = by_variant[variants[0].name]
            if case in self.differences.excluded:  # another side's process failed too, and BASE's comes first
                continue
            at_fault = failure.variant or (variants[0].name if len(variants) == 1 else "")
            side, excused = at_fault.rpartition("|")[2], ""
            if side == HEAD and failure.status in LIMITS:
                self.note("measuring BASE alone under the same limit", 0, 0)
                workers = self.context_of(BASE).workers
                alone = workers.work(self.job([case], [self.side(BASE)], check=True), case.size.threads)
                excused = excuse(alone, workers, failure.status)
            self.exclude(case, side, failure.status, reason=failure.reason, excused=excused)
        for case in cases:
            if case not in self.differences.excluded:
                names = [side.name for side in self.sides]
                self.samples.setdefault(case, CaseSamples()).add(outcome, case, sides=names, stage=stage)

    def measured(self, cases: Sequence[ComparedCase], *, first: bool, plan: dict[str, SamplePlan]) -> Outcome:
        """Measure all sides of some cases of one problem.

        Parameters
        ----------
        first
            Whether results are checked, and memory is measured.
        plan
            Calls a sample and rounds, by variant, where earlier processes have set them.
        """
        return measure(self.job(cases, self.sides, check=first, memory=first, plan=plan), self.context.workers)

    def job(self, cases: Sequence[ComparedCase], sides: Sequence[Side], *, check: bool, **options: Any) -> Measure:
        """Return a job that measures some sides of the cases of one problem. options: those of ``MeasureOptions``."""
        return job_of(self.context_of(sides[0].name), cases, sides, process=self.processes, check=check, **options)

    def exclude(self, case: ComparedCase, side: str, status: str, reason: str, excused: str = "") -> None:
        """Exclude a case that failed. excused: why HEAD is not to blame."""
        heads: Verdict = "wrong" if status == Status.WRONG else "broken"
        where = f"{side.upper()}: " if side else ""
        why = f"{where}{'' if status == Status.WRONG else status + ': '}{reason}"
        if excused:
            self.differences.excluded[case] = "inconclusive", f"{why}; but {excused}"
        else:
            self.differences.excluded[case] = heads if side == HEAD else "failed", why


NEAR_LIMIT = 0.5
"""If a stage of BASE takes more than this share of its time limit, HEAD's timeout is excused."""


def excuse(events: Iterator[protocol.Events], workers: Workers, status: str) -> str:
    """Return why HEAD is not to blame for exceeding a limit, or an empty string.

    Parameters
    ----------
    events
        Those of BASE's code, alone under the same limits. HEAD is excused if BASE fails too, or nearly reaches a time limit.
    workers
        They know how near BASE came.
    status
        How HEAD failed.
    """
    try:
        for event in events:
            if isinstance(event, protocol.ContractChecked) and event.status not in (Status.OK, Status.SKIPPED):
                return f"BASE fails too ({event.status}: {event.reason})"
    except WorkerFailure as failure:
        return f"BASE fails too ({failure.status}: {failure.reason})"
    longest = workers.longest
    if status == Status.TIMEOUT and longest.share > NEAR_LIMIT:
        return (
            f"{longest.name} of BASE takes {longest.seconds:.0f} s of the {longest.limit_s:g} s too: "
            "raise --time-limit, or run it on a quieter machine"
        )
    return ""
