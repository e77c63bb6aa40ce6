"""Two revisions measured against each other: in which processes, and the verdicts."""

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
from bench.engine.experiment import Experiment, Outcome, Wanted, job_of, measure
from bench.engine.pool import Died
from bench.engine.protocol import Plan, Source, Variant
from impls.case import Size
from reports.results import ComparedRow
from reports.stages import BASE, CONTROL, HEAD, TRIPLE, Process, stage_of, with_verdicts
from reports.verdicts import undecided

from .differences import ComparedCase, Differences
from .presets import GATE
from .revisions import Tree

STAGES = (9, 18)
"""Processes of every case, and fresh ones of those that the first do not decide: fixed beforehand, whatever is seen."""
THRESHOLD = 0.02
"""A change below this counts as none, if nothing else is said."""
TIMEOUT = "timeout"
LIMITS = (TIMEOUT, OUT_OF_MEMORY)
"""What a case may fail by through no fault of its own."""
LEAST_ROUNDS = 5
OVER_BUDGET = "no time for them in --budget"


@dataclass(frozen=True)
class Side:
    """A variant of every case. source: whose code it runs. slowed: the share by which its samples are made longer."""

    name: str
    source: str
    slowed: float = 0.0


SIDES = tuple(Side(name, name) for name in (BASE, CONTROL, HEAD))
"""Each is loaded on its own: the control is BASE's code once more, and would share no fault of loading with it."""
CHECKED = (BASE, HEAD)
"""Those whose results are checked before they are timed."""


@dataclass
class CaseSamples:
    """What was measured of a case. stages: what each process of each stage timed, by side. plan: calls and rounds by side.
    memory: by side."""

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
class Compared:
    """A comparison that has been made."""

    differences: Differences
    samples: dict[ComparedCase, CaseSamples]
    seconds: float

    @property
    def waiting(self) -> float:
        """Share of their time that calls of one thread did not have its CPU: the median over cases."""
        shares = [mine.waiting for case, mine in self.samples.items() if case.size.threads == 1]
        return median(shares) if shares else 0.0

    def rows(self, root: Path, threshold: float) -> list[ComparedRow]:
        """Its cases as the result file has them, with their verdicts. root: the top folder of HEAD's files."""
        cases = dict.fromkeys([*self.differences.compared, *self.differences.excluded])
        return with_verdicts([self.row(case, root) for case in cases], threshold)

    def row(self, case: ComparedCase, root: Path) -> ComparedRow:
        """A case before its verdict."""
        samples = self.samples.get(case) or CaseSamples()
        verdict, why = self.differences.excluded.get(case, ("inconclusive", ""))
        memory, file = samples.memory, Path(case.facts.file)
        sizes = {f"{side}_bytes": memory[side].peak_bytes for side in memory if side in TRIPLE}
        resident = {f"{side}_resident_bytes": memory[side].resident_bytes for side in memory if side in CHECKED}
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
    """Where the sides are loaded from. files: of outside implementations, relative to the trees."""
    return {
        side.source: Source(tree=str(tree.folder), files=tuple(str(tree.folder / file) for file in files))
        for side, tree in zip(SIDES, (base, base, head), strict=True)
    }


Note = Callable[[str, int, int], None]


class Comparing:
    """A comparison under way. sides: the variants of each case."""

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

    def run(self) -> Compared:
        """Check HEAD's code, measure what differs, and measure again what is undecided."""
        self.check(list(self.differences.compared))
        self.measure_stage(0, lambda: self.differences.standing)
        first = {case: stage_of(self.samples[case].stages[0]) for case in self.differences.standing}
        again = undecided(first, self.threshold)
        self.measure_stage(1, lambda: [case for case in again if case not in self.differences.excluded])
        return Compared(self.differences, self.samples, time.monotonic() - self.started)

    def check(self, cases: Sequence[ComparedCase]) -> None:
        """Put HEAD's implementations through the contract: what fails is not measured."""
        keys = list(dict.fromkeys(case.facts.key for case in cases))
        verdicts = check_contracts(keys, self.context, lambda key: self.note(f"checking {key}", 0, 0), HEAD)
        excuses = {key: self.excuse_check(key, found) for key, found in verdicts.items() if found.status in LIMITS}
        for case in cases:
            found = verdicts[case.facts.key]
            if found.status != OK:
                self.exclude(case, HEAD, found.status, found.reason, excuses.get(case.facts.key, ""))

    def excuse_check(self, key: str, verdict: Verdict) -> str:
        """Whether BASE, under the same limit, fails too or only just gets through: then it is no fault of HEAD's."""
        self.note(f"checking BASE's {key} too", 0, 0)
        limit_s = self.context.settings.time_limit_s
        return excuse(lambda: self.context.check(key, source=BASE), limit_s, verdict.status)

    def measure_stage(self, stage: int, standing: Callable[[], list[ComparedCase]]) -> None:
        """Measure the cases that stand in the fresh processes of a stage."""
        for done in range(STAGES[stage]):
            if not standing():
                return
            self.note("first stage" if stage == 0 else "undecided cases again", done, STAGES[stage])
            began = time.monotonic()
            self.measure_process(stage, standing())
            if done == 0 and math.isfinite(self.ends):
                self.cut(standing(), time.monotonic() - began, STAGES[stage] - 1, stage)

    def cut(self, standing: Sequence[ComparedCase], took: float, processes: int, stage: int) -> None:
        """Leave the last cases out that are too many for the budget, judged by the process that has just ended."""
        room = self.ends - time.monotonic()
        fits = math.floor(room / max(took * processes, 1e-9) * len(standing))
        for case in standing[max(0, fits) :]:
            if stage == 0:
                self.differences.compared.remove(case)
                self.differences.skip(OVER_BUDGET, [case])
                self.differences.over_budget.append(case.name)
            else:
                why = "undecided, but --budget left no time to measure it again"
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
        """Measure the cases of one problem. One that fails is excluded, and the others are measured without it."""
        first = not any(self.samples.get(case) for case in cases)
        outcome = measure(self.experiment(cases, check=first), self.wanted(cases, memory=first), self.context)
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
                keep(
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
                        check=check and side.name in CHECKED,
                        slowed=side.slowed,
                    )
                    for side in sides or self.sides
                )
                for case in cases
            ),
        )

    def wanted(self, cases: Sequence[ComparedCase], memory: bool) -> Wanted:
        plan = {
            variant_name(case, side): one
            for case in cases
            for side, one in (self.samples[case].plan.items() if case in self.samples else ())
        }
        return Wanted(process=self.processes, plan=plan, least_rounds=LEAST_ROUNDS, memory=memory, again=True)

    def base_alone(self, case: ComparedCase) -> Iterator[protocol.Events]:
        """The events of a process that measures BASE's code alone. Raises Died."""
        experiment = self.experiment([case], check=True, sides=SIDES[:1])
        job = job_of(experiment, self.wanted([], memory=False), self.context)
        return self.context.workers.work(job, experiment.size.threads)

    def exclude(self, case: ComparedCase, side: str, status: str, reason: str, excused: str = "") -> None:
        """A case cannot be compared. excused: why what HEAD failed by is no fault of its own."""
        verdict = "failed" if side != HEAD else "wrong" if status in (WRONG, ERROR) else "broken"
        where = f"{side.upper()}: " if side else ""
        why = f"{where}{'' if status == WRONG else status + ': '}{reason}"
        self.differences.excluded[case] = ("inconclusive", f"{why}; but {excused}") if excused else (verdict, why)


def variant_name(case: ComparedCase, side: str) -> str:
    return f"{case.facts.slug}|{side}"


def keep(outcome: Outcome, case: ComparedCase, sides: Sequence[str], samples: CaseSamples, stage: int) -> None:
    """Take what a process found of a case."""
    samples.stages[stage].append({side: outcome.samples(variant_name(case, side)) for side in sides})
    for side in sides:
        timed = outcome.timed[variant_name(case, side)]
        samples.plan[side] = Plan(calls=timed.calls, rounds=timed.rounds)
        if one := outcome.memory.get(variant_name(case, side)):
            samples.memory[side] = one


BARELY = 0.5
"""BASE only just keeps a limit of time if one of its steps takes this share of it."""


def excuse(run: Callable[[], Iterator[protocol.Events]], limit_s: float, status: str) -> str:
    """Why a limit that HEAD did not keep is no fault of its own: BASE, run alone, does not keep it either, or only just."""
    longest, began = 0.0, time.monotonic()
    try:
        for event in run():
            longest, began = max(longest, time.monotonic() - began), time.monotonic()
            if isinstance(event, protocol.Verdict | protocol.Excluded) and event.status not in (OK, "skipped"):
                return f"BASE fails too ({event.status}: {event.reason})"
    except Died as death:
        return f"BASE fails too ({death.status}: {death.reason})"
    if status == TIMEOUT and longest > BARELY * limit_s:
        return f"a step of BASE takes {longest:.0f} s of the {limit_s:g} s too: allow more with --time-limit, or run it on a quieter machine"
    return ""
