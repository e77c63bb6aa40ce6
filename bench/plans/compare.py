"""Measure two revisions side by side, in a fixed number of fresh processes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from bench.engine import protocol
from bench.engine.context import RunContext
from bench.engine.contract import ERROR, OK, OUT_OF_MEMORY, WRONG, Verdict
from bench.engine.contracts import check_contracts
from bench.engine.experiment import Experiment, MeasureOptions, Outcome, job_of, measure
from bench.engine.pool import WorkerFailure
from bench.engine.protocol import Plan, Source, Variant
from impls.case import Size
from reports.results import ComparedRow
from reports.stages import BASE, CONTROL, HEAD, TRIPLE, Process, stage_of, with_verdicts
from reports.verdicts import undecided

from .differences import ComparedCase, Differences
from .presets import GATE
from .revisions import Tree

STAGES = (9, 18)
"""Processes of every case, and fresh processes of the cases that remain undecided. Both are fixed in advance."""
THRESHOLD = 0.02
"""The default threshold: a smaller change counts as none."""
TIMEOUT = "timeout"
LIMITS = (TIMEOUT, OUT_OF_MEMORY)
"""Failures that may be the machine's fault, and not the code's."""
LEAST_ROUNDS = 5
OVER_BUDGET = "--budget left no time for them"


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
    """

    stages: list[list[Process]] = field(default_factory=lambda: [[] for _ in STAGES])
    plan: dict[str, Plan] = field(default_factory=dict)
    memory: dict[str, protocol.Memory] = field(default_factory=dict)

    @property
    def waiting(self) -> float:
        """Share of wall time that BASE did not spend on a CPU."""
        base = [process[BASE] for stage in self.stages for process in stage]
        wall = sum(figure for one in base for figure in one.wall_s if figure is not None)
        cpu = sum(figure for one in base for figure in one.cpu_s if figure is not None)
        return max(0.0, 1 - cpu / wall) if wall else 0.0


@dataclass
class ComparisonSamples:
    """The measurements of a finished comparison."""

    differences: Differences
    samples: dict[ComparedCase, CaseSamples]
    seconds: float

    @property
    def waiting(self) -> float:
        """Share of wall time that calls of one thread did not spend on a CPU: the median over cases."""
        shares = [mine.waiting for case, mine in self.samples.items() if case.size.threads == 1]
        return median(shares) if shares else 0.0

    def rows(self, root: Path, threshold: float) -> list[ComparedRow]:
        """Return the result file's rows, with verdicts. root: the top folder of HEAD's files."""
        cases = dict.fromkeys([*self.differences.compared, *self.differences.excluded])
        return with_verdicts([self.row(case, root) for case in cases], threshold)

    def row(self, case: ComparedCase, root: Path) -> ComparedRow:
        """Return a case's row, without its verdict."""
        samples = self.samples.get(case) or CaseSamples()
        verdict, why = self.differences.excluded.get(case, ("inconclusive", ""))
        memory, file = samples.memory, Path(case.facts.file)
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
                "needs": sorted({package for one in memory.values() for package in one.needs}),
                "file": str(file.relative_to(root)) if file.is_relative_to(root) else file.name,
                "line": case.facts.line,
            }
        )


def sources_of(base: Tree, head: Tree, files: Sequence[Path] = ()) -> dict[str, Source]:
    """Return where each side is loaded from. files: outside implementations, relative to the trees."""
    return {
        side.source: Source(tree=str(tree.folder), files=tuple(str(tree.folder / file) for file in files))
        for side, tree in zip(SIDES, (base, base, head), strict=True)
    }


Note = Callable[[str, int, int], None]


class ComparisonRun:
    """Measure a comparison.

    Parameters
    ----------
    note
        Called with what is measured, the number of finished processes, and their total (0: unknown).
    budget_s
        Time for all processes. Cases that do not fit are left out.
    sides
        The variants of each case.
    """

    def __init__(
        self,
        context: RunContext,
        differences: Differences,
        note: Note,
        *,
        threshold: float = THRESHOLD,
        budget_s: float = math.inf,
        sides: Sequence[Side] = SIDES,
    ) -> None:
        self.differences, self.note, self.threshold, self.sides = differences, note, threshold, sides
        gate = GATE.settings
        settings = replace(context.settings, rounds=gate.rounds, sample_s=gate.sample_s, variant_s=gate.variant_s)
        self.context = replace(context, settings=settings)
        self.started = time.monotonic()
        self.ends = self.started + budget_s
        self.samples: dict[ComparedCase, CaseSamples] = {}
        self.processes = 0

    def run(self) -> ComparisonSamples:
        """Check HEAD's code, measure the cases that differ, then measure the undecided ones again."""
        self.check(list(self.differences.compared))
        self.measure_stage(0, lambda: self.differences.remaining)
        first = {case: stage_of(self.samples[case].stages[0]) for case in self.differences.remaining}
        open_cases = undecided(first, self.threshold)
        self.measure_stage(1, lambda: [case for case in open_cases if case not in self.differences.excluded])
        return ComparisonSamples(self.differences, self.samples, time.monotonic() - self.started)

    def check(self, cases: Sequence[ComparedCase]) -> None:
        """Check HEAD's implementations against their contract. Those that fail are not measured."""
        keys = list(dict.fromkeys(case.facts.key for case in cases))
        verdicts = check_contracts(keys, self.context, lambda key: self.note(f"checking {key}", 0, 0), HEAD)
        excuses = {key: self.check_base(key, verdict) for key, verdict in verdicts.items() if verdict.status in LIMITS}
        for case in cases:
            verdict = verdicts[case.facts.key]
            if verdict.status != OK:
                self.exclude(case, HEAD, verdict.status, verdict.reason, excuses.get(case.facts.key, ""))

    def check_base(self, key: str, verdict: Verdict) -> str:
        """Check BASE under the limit that HEAD exceeded. Return HEAD's excuse, or an empty string."""
        self.note(f"checking BASE's {key} too", 0, 0)
        limit_s = self.context.settings.time_limit_s
        return excuse(lambda: self.context.check(key, source=BASE), limit_s, verdict.status)

    def measure_stage(self, stage: int, remaining: Callable[[], list[ComparedCase]]) -> None:
        """Measure the remaining cases in the fresh processes of a stage."""
        for done in range(STAGES[stage]):
            if not remaining():
                return
            self.note("first stage" if stage == 0 else "undecided cases again", done, STAGES[stage])
            began = time.monotonic()
            self.measure_process(stage, remaining())
            if done == 0 and math.isfinite(self.ends):
                self.cut_to_budget(remaining(), time.monotonic() - began, STAGES[stage] - 1, stage)

    def cut_to_budget(self, remaining: Sequence[ComparedCase], took: float, processes: int, stage: int) -> None:
        """Leave out the last cases if the budget is too short for all, judging by the process that has just ended."""
        room = self.ends - time.monotonic()
        fits = math.floor(room / max(took * processes, 1e-9) * len(remaining))
        for case in remaining[max(0, fits) :]:
            if stage == 0:
                self.differences.compared.remove(case)
                self.differences.skip(OVER_BUDGET, [case])
                self.differences.over_budget.append(case.name)
            else:
                why = "undecided, and --budget left no time to measure it again"
                self.differences.excluded[case] = ("inconclusive", why)

    def measure_process(self, stage: int, cases: Sequence[ComparedCase]) -> None:
        """Measure all cases in one fresh process, problem after problem in a random order."""
        self.processes += 1
        self.context.workers.retire()
        problems: dict[tuple[str, Size], list[ComparedCase]] = {}
        for case in cases:
            problems.setdefault((case.facts.kernel, case.size), []).append(case)
        order = np.random.default_rng([self.context.settings.seed, self.processes]).permutation(len(problems))
        for at in order:
            self.measure_problem(stage, list(problems.values())[at])
        self.context.workers.retire()

    def measure_problem(self, stage: int, cases: Sequence[ComparedCase]) -> None:
        """Measure the cases of one problem. A case that fails is excluded, and the others are measured without it."""
        first = not any(self.samples.get(case) for case in cases)
        outcome = measure(self.experiment(cases, check=first), self.options(cases, memory=first), self.context)
        by_variant = {variant_name(case, side.name): case for case in cases for side in self.sides}
        for one in outcome.excluded:
            case, side = by_variant[one.case[0].name], one.variant.rpartition("|")[2] if one.variant else ""
            excused = ""
            if side == HEAD and one.status in LIMITS:
                self.note("measuring BASE alone under the same limit", 0, 0)
                excused = excuse(partial(self.base_alone, case), self.context.settings.time_limit_s, one.status)
            self.exclude(case, side, one.status, one.reason, excused)
        for case in cases:
            if case not in self.differences.excluded:
                add_process(
                    outcome,
                    case,
                    [side.name for side in self.sides],
                    self.samples.setdefault(case, CaseSamples()),
                    stage,
                )

    def experiment(self, cases: Sequence[ComparedCase], check: bool, sides: Sequence[Side] = ()) -> Experiment:
        return Experiment(
            kernel=cases[0].facts.kernel,
            size=cases[0].size,
            inputs=HEAD,
            cases=tuple(
                tuple(
                    Variant(
                        name=variant_name(case, side.name),
                        key=case.facts.key,
                        source=side.source,
                        check=check and side.name in CHECKED_SIDES,
                        slowed=side.slowed,
                    )
                    for side in sides or self.sides
                )
                for case in cases
            ),
        )

    def options(self, cases: Sequence[ComparedCase], memory: bool) -> MeasureOptions:
        plan = {
            variant_name(case, side): one
            for case in cases
            for side, one in (self.samples[case].plan.items() if case in self.samples else ())
        }
        return MeasureOptions(process=self.processes, plan=plan, least_rounds=LEAST_ROUNDS, memory=memory, reuse=True)

    def base_alone(self, case: ComparedCase) -> Iterator[protocol.Events]:
        """Yield the events of a process that measures BASE's code alone. Raises WorkerFailure."""
        experiment = self.experiment([case], check=True, sides=SIDES[:1])
        job = job_of(experiment, self.options([], memory=False), self.context)
        return self.context.workers.work(job, experiment.size.threads)

    def exclude(self, case: ComparedCase, side: str, status: str, reason: str, excused: str = "") -> None:
        """Exclude a case that failed. excused: why HEAD is not to blame."""
        verdict = "failed" if side != HEAD else "wrong" if status in (WRONG, ERROR) else "broken"
        where = f"{side.upper()}: " if side else ""
        why = f"{where}{'' if status == WRONG else status + ': '}{reason}"
        self.differences.excluded[case] = ("inconclusive", f"{why}; but {excused}") if excused else (verdict, why)


def variant_name(case: ComparedCase, side: str) -> str:
    return f"{case.facts.slug}|{side}"


def add_process(outcome: Outcome, case: ComparedCase, sides: Sequence[str], samples: CaseSamples, stage: int) -> None:
    """Add the figures of one process to a case."""
    samples.stages[stage].append({side: outcome.samples(variant_name(case, side)) for side in sides})
    for side in sides:
        timed = outcome.timed[variant_name(case, side)]
        samples.plan[side] = Plan(calls=timed.calls, rounds=timed.rounds)
        if one := outcome.memory.get(variant_name(case, side)):
            samples.memory[side] = one


NEAR_LIMIT = 0.5
"""If a step of BASE takes more than this share of the time limit, HEAD's timeout is excused."""


def excuse(run: Callable[[], Iterator[protocol.Events]], limit_s: float, status: str) -> str:
    """Return why HEAD is not to blame for exceeding a limit, or an empty string.

    BASE runs alone under the same limit. HEAD is excused if BASE fails too, or nearly reaches the time limit.
    """
    longest, began = 0.0, time.monotonic()
    try:
        for event in run():
            longest, began = max(longest, time.monotonic() - began), time.monotonic()
            if isinstance(event, protocol.Verdict | protocol.Excluded) and event.status not in (OK, "skipped"):
                return f"BASE fails too ({event.status}: {event.reason})"
    except WorkerFailure as failure:
        return f"BASE fails too ({failure.status}: {failure.reason})"
    if status == TIMEOUT and longest > NEAR_LIMIT * limit_s:
        return f"a step of BASE takes {longest:.0f} s of the {limit_s:g} s too: raise --time-limit, or run it on a quieter machine"
    return ""
