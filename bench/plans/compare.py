"""Two revisions measured against each other: in which processes, and the verdicts."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from bench.engine import protocol
from bench.engine.context import RunContext
from bench.engine.contract import ERROR, OK, OUT_OF_MEMORY, WRONG, Verdict
from bench.engine.contracts import check_contracts
from bench.engine.experiment import Experiment, Outcome, Wanted, job_of, measure
from bench.engine.pool import Died
from bench.engine.protocol import Plan, Source, Variant
from impls.case import Size
from reports.memory import untraced
from reports.statistics import Floats, memory_verdict
from reports.verdicts import Decision, Paired, Stage, decide, undecided

from .differences import ComparedCase, Differences
from .presets import GATE
from .revisions import Tree

SETUP_S = 1e-3
"""Set-up that takes less than this on both sides is not compared."""
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


BASE, CONTROL, HEAD = "base", "control", "head"
SIDES = tuple(Side(name, name) for name in (BASE, CONTROL, HEAD))
"""Each is loaded on its own: the control is BASE's code once more, and would share no fault of loading with it."""
CHECKED = (BASE, HEAD)
"""Those whose results are checked before they are timed."""
Triple = tuple[str, str, str]
"""Sides that are compared: BASE, BASE again, HEAD."""
TRIPLE: Triple = (BASE, CONTROL, HEAD)


@dataclass
class CaseSamples:
    """What was measured of a case. wall_s, cpu_s: by stage and process, seconds a call of each side, by round; setup_s:
    seconds of set-up. plan: calls and rounds by side. memory: by side. needs: optional packages of either side."""

    wall_s: list[list[dict[str, Floats]]] = field(default_factory=lambda: [[] for _ in STAGES])
    cpu_s: list[list[dict[str, Floats]]] = field(default_factory=lambda: [[] for _ in STAGES])
    setup_s: list[list[dict[str, float]]] = field(default_factory=lambda: [[] for _ in STAGES])
    plan: dict[str, Plan] = field(default_factory=dict)
    memory: dict[str, protocol.Memory] = field(default_factory=dict)

    @property
    def needs(self) -> set[str]:
        return {package for one in self.memory.values() for package in one.needs}

    def peak_bytes(self, side: str) -> int | None:
        return self.memory[side].peak_bytes if side in self.memory else None

    def resident_bytes(self, side: str) -> int | None:
        return self.memory[side].resident_bytes if side in self.memory else None

    def stage(self, stage: int, sides: Triple = TRIPLE) -> Stage:
        """What the processes of a stage found: of medians, of means, and of set-up."""
        processes = [[np.log(process[side]) for side in sides] for process in self.wall_s[stage]]
        means = [[float(np.log(process[side].mean())) for side in sides] for process in self.wall_s[stage]]
        setups = [[math.log(max(process[side], 1e-9)) for side in sides] for process in self.setup_s[stage]]
        long = setups and max(np.median(setups, axis=0)) >= math.log(SETUP_S)
        return Stage(median_ratios(processes), ratios(means), ratios(setups) if long else None)

    def typical_s(self, stage: int, side: str) -> float | None:
        """Seconds a call: the median process's median."""
        logs = [float(np.median(np.log(process[side]))) for process in self.wall_s[stage]]
        return math.exp(median(logs)) if logs else None

    def typical_setup_s(self, stage: int, side: str) -> float | None:
        """Seconds of set-up: the median process's."""
        found = [process[side] for process in self.setup_s[stage]]
        return median(found) if found else None

    def typical_cpu_s(self, stage: int, side: str) -> float | None:
        """Seconds of CPU time a call, of all threads: the median process's mean, since the system's clock is coarse."""
        means = [float(process[side].mean()) for process in self.cpu_s[stage] if process[side].size]
        return median(means) if means else None

    @property
    def waiting(self) -> float:
        """Share of wall time that BASE did not spend on a CPU."""
        wall, cpu = (
            sum(float(process[BASE].sum()) for stage in samples for process in stage)
            for samples in (self.wall_s, self.cpu_s)
        )
        return max(0.0, 1 - cpu / wall) if wall else 0.0


def median_ratios(processes: Sequence[Sequence[Floats]]) -> Paired:
    """HEAD against each of BASE's two loads, round by round, and those against each other: a process's medians.

    Not against the mean of the two: times are skewed, and a mean of two is typically larger than one of them.
    """
    return Paired(
        [float(np.median(head - base) + np.median(head - control)) / 2 for base, control, head in processes],
        [float(np.median(control - base)) for base, control, _ in processes],
    )


def ratios(processes: Sequence[Sequence[float]]) -> Paired:
    """The same of one logarithm a process and side."""
    return Paired(
        [head - (base + control) / 2 for base, control, head in processes],
        [control - base for base, control, _ in processes],
    )


@dataclass
class Compared:
    """A comparison that has been made. second: the cases that a first stage did not decide."""

    differences: Differences
    samples: dict[ComparedCase, CaseSamples]
    decisions: dict[ComparedCase, Decision]
    second: set[ComparedCase]
    seconds: float

    @property
    def waiting(self) -> float:
        """Share of their time that calls of one thread did not have its CPU: the median over cases."""
        shares = [mine.waiting for case, mine in self.samples.items() if case.size.threads == 1]
        return median(shares) if shares else 0.0


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
        """Check HEAD's code, measure what differs, measure again what is undecided, and decide."""
        self.check(list(self.differences.compared))
        self.measure_stage(0, lambda: self.differences.standing)
        first = {case: self.samples[case].stage(0) for case in self.differences.standing}
        again = undecided(first, self.threshold)
        self.measure_stage(1, lambda: [case for case in again if case not in self.differences.excluded])
        again = [case for case in again if case not in self.differences.excluded]
        second = {case: self.samples[case].stage(1) for case in again}
        known = {case: stage for case, stage in first.items() if case not in self.differences.excluded}
        decisions = decide((known, second), self.threshold)
        return Compared(self.differences, self.samples, decisions, set(again), time.monotonic() - self.started)

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
    found = {side: outcome.timed[variant_name(case, side)] for side in sides}
    samples.wall_s[stage].append({side: measured(one.wall_s) for side, one in found.items()})
    samples.cpu_s[stage].append({side: measured(one.cpu_s) for side, one in found.items()})
    samples.setup_s[stage].append({side: one.prepare_s for side, one in found.items()})
    samples.plan = {side: Plan(calls=one.calls, rounds=one.rounds) for side, one in found.items()}
    for side in sides:
        if one := outcome.memory.get(variant_name(case, side)):
            samples.memory[side] = one


def measured(figures: protocol.Figures) -> Floats:
    """The rounds that a variant took part in."""
    return np.array([figure for figure in figures if figure is not None], np.float64)


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


def memory_of(samples: CaseSamples, threshold: float) -> str:
    """How HEAD's peak allocation compares with BASE's; unknown unless BASE's two loads agree with each other."""
    if untraced(samples.needs):
        return "unknown"
    base, control, head = map(samples.peak_bytes, TRIPLE)
    steady = memory_verdict(base, control, threshold) == "same"
    return memory_verdict(base, head, threshold) if steady else "unknown"


def record(case: ComparedCase, compared: Compared, root: Path, threshold: float) -> dict[str, Any]:
    """A case as the result file has it. threshold: the share of peak memory that counts as no change."""
    samples = compared.samples.get(case) or CaseSamples()
    decision = compared.decisions.get(case)
    verdict, why = (decision.verdict, decision.why) if decision else compared.differences.excluded[case]
    last = 1 if case in compared.second else 0
    found = median_ratios([[np.log(process[side]) for side in TRIPLE] for process in samples.wall_s[last]]).ratios
    file = Path(case.facts.file)
    return {
        "case": case.name,
        "kernel": case.facts.kernel,
        "implementation": case.facts.slug,
        "title": case.facts.title,
        "verdict": verdict,
        "why": why,
        "ratio": decision and vars(decision.ratio),
        "control": decision and vars(decision.control),
        "mean": decision and vars(decision.mean),
        "setup": decision.setup if decision else "unknown",
        "setup_ratio": decision and decision.setup_ratio and vars(decision.setup_ratio),
        "base_setup_s": samples.typical_setup_s(last, BASE),
        "head_setup_s": samples.typical_setup_s(last, HEAD),
        "processes": len(found),
        "second_stage": case in compared.second,
        "base_s": samples.typical_s(last, BASE),
        "head_s": samples.typical_s(last, HEAD),
        "base_cpu_s": samples.typical_cpu_s(last, BASE),
        "head_cpu_s": samples.typical_cpu_s(last, HEAD),
        "memory": memory_of(samples, threshold),
        "base_bytes": samples.peak_bytes(BASE),
        "head_bytes": samples.peak_bytes(HEAD),
        "base_resident_bytes": samples.resident_bytes(BASE),
        "head_resident_bytes": samples.resident_bytes(HEAD),
        "untraced": untraced(samples.needs),
        "file": str(file.relative_to(root)) if file.is_relative_to(root) else file.name,
        "line": case.facts.line,
        "process_ratios": [math.exp(ratio) for ratio in found],
    }
