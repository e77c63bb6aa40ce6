"""A problem of a run: which implementations are measured there, and what has been found of each so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.engine import protocol
from bench.engine.context import RunContext, Settings
from bench.engine.contract import OK, Verdict
from bench.engine.experiment import Experiment, Outcome, Wanted, measure
from bench.engine.limits import FLOOR
from bench.engine.protocol import Plan, Variant
from impls.case import Case, Size
from impls.interface import Implementation, array_bytes
from reports.results import Samples
from reports.units import size_bytes

BASE_BYTES = 450 << 20
"""What a worker takes before it holds anything: NumPy, and numba with its compiler."""


@dataclass(kw_only=True)
class CaseRun:
    """All that was measured of one case so far. samples: of each process. plan: calls a sample, rounds a process."""

    implementation: Implementation
    case: Case
    status: str = OK
    reason: str = ""
    samples: list[Samples] = field(default_factory=list)
    plan: Plan | None = None
    memory: protocol.Memory = field(default_factory=lambda: protocol.Memory(variant=""))
    profile: protocol.Profile | None = None
    stages: dict[str, float] = field(default_factory=dict)


@dataclass(kw_only=True)
class ProblemRun:
    """What was measured of a problem so far.

    processes: how many are finished. limits: samples of each process, of a function that does nothing (``call``) and of those
    that only move what must be moved; limit_plans: their calls and rounds. touched: distinct rows a batch, mean over
    processes. batches: how many rotate.
    """

    problem: str
    size: Size
    cases: list[CaseRun]
    processes: int = 0
    limits: dict[str, list[Samples]] = field(default_factory=dict)
    limit_plans: dict[str, Plan] = field(default_factory=dict)
    touched: float = 0.0
    batches: int = 0

    @property
    def kernel(self) -> str:
        return self.problem.partition("@")[0]

    @property
    def measured(self) -> dict[str, CaseRun]:
        """The cases that are still measured, by slug."""
        return {case.implementation.slug: case for case in self.cases if case.status == OK}


def enter(
    implementations: Sequence[Implementation],
    size: Size,
    settings: Settings,
    verdicts: Mapping[str, Verdict] | None = None,
) -> ProblemRun:
    """Implementations of one kernel at one size, before the first process.

    verdicts: what the contract said, by key. Those that are not ok stay out, with its reason, as do those that would not fit
    into memory.
    """
    cases = [CaseRun(implementation=i, case=i.case(size)) for i in implementations]
    for case in cases:
        admit(case, size, settings, (verdicts or {}).get(case.implementation.key, Verdict(OK)))
    make_room(cases, size, settings)
    return ProblemRun(problem=cases[0].case.problem, size=size, cases=cases)


def measure_next(problem: ProblemRun, context: RunContext, profiled: Sequence[str] = ()) -> None:
    """Measure a problem in its next process. The first one checks the implementations and measures their memory too, and
    profiles those whose slugs are given."""
    first = problem.processes == 0
    experiment = Experiment(
        kernel=problem.kernel,
        size=problem.size,
        cases=tuple(
            (Variant(name=slug, key=case.implementation.key, check=first),) for slug, case in problem.measured.items()
        ),
    )
    plans = {slug: case.plan for slug, case in problem.measured.items() if case.plan} | problem.limit_plans
    wanted = Wanted(
        process=problem.processes,
        plan=plans,
        limits=True,
        memory=first,
        stages=first,
        profile=profiled if first else (),
        spares=context.settings.processes - 1 if first else 0,
        again=context.own,
    )
    if experiment.cases:
        keep(measure(experiment, wanted, context), problem, wanted)
    problem.processes += 1


def keep(outcome: Outcome, problem: ProblemRun, wanted: Wanted) -> None:
    """Take what a process found into a problem's figures."""
    for one in outcome.excluded:
        for variant in one.case:
            case = problem.measured[variant.name]
            case.status, case.reason = one.status, one.reason
    if outcome.problem:  # the mean over processes, each of which has inputs of its own
        done = problem.processes
        problem.touched = (problem.touched * done + outcome.problem.touched) / (done + 1)
        problem.batches = outcome.problem.batches
    for name, timed in outcome.limits.items():
        problem.limits.setdefault(name, []).append(outcome.samples(FLOOR + name))
        problem.limit_plans[FLOOR + name] = Plan(calls=timed.calls, rounds=timed.rounds)
    for slug, case in problem.measured.items():
        if found := outcome.timed.get(slug):  # none where the process could not be made at all
            case.samples.append(outcome.samples(slug))
            case.plan = Plan(calls=found.calls, rounds=found.rounds)
        if wanted.memory:
            case.memory = outcome.memory.get(slug) or protocol.Memory(variant=slug, why_not=outcome.lost)
        if slug in wanted.profile:
            case.profile = outcome.profiles.get(slug) or protocol.Profile(variant=slug, why_not=outcome.lost)
        if slug in outcome.stages:
            case.stages = outcome.stages[slug].seconds


def measure_problem(
    implementations: Sequence[Implementation],
    size: Size,
    context: RunContext,
    verdicts: Mapping[str, Verdict] | None = None,
) -> ProblemRun:
    """All processes of one problem, one after another."""
    problem = enter(implementations, size, context.settings, verdicts)
    while problem.processes < context.settings.processes:
        measure_next(problem, context)
    return problem


def admit(case: CaseRun, size: Size, settings: Settings, verdict: Verdict) -> None:
    """Keep out what failed the contract, and what would not fit into memory: each with its reason."""
    implementation = case.implementation
    needed = inputs_bytes(implementation, size) + arrays_bytes(implementation, size)
    if verdict.status != OK:
        case.status, case.reason = verdict.status, verdict.reason
    elif implementation.kernel.min_batch > size.B:
        case.status = "skipped"
        case.reason = f"B = {size.B} is too little to work on: --batch {implementation.kernel.min_batch} or more"
    elif needed > settings.memory_limit_bytes:
        allowed = size_bytes(settings.memory_limit_bytes)
        case.status = "skipped"
        case.reason = f"needs about {size_bytes(needed)} of memory, of {allowed} allowed (--memory-limit)"


def inputs_bytes(implementation: Implementation, size: Size) -> int:
    """What a worker holds of a kernel's problem: its inputs, and what its check makes beside them."""
    return (
        BASE_BYTES + array_bytes(implementation.kernel.inputs, size) + array_bytes(implementation.kernel.checks, size)
    )


def arrays_bytes(implementation: Implementation, size: Size) -> int:
    """What an implementation's large arrays take, shared ones included."""
    return array_bytes(f"{implementation.temporaries}+{implementation.shares}", size)


def make_room(cases: Sequence[CaseRun], size: Size, settings: Settings) -> None:
    """Keep out the largest where workspaces, which are held all at once, do not fit together with one copy of what is shared."""
    held = [case for case in cases if case.status == OK and case.implementation.prepare]
    while held:
        workspaces = sum(array_bytes(case.implementation.temporaries, size) for case in held)
        workspaces += max(array_bytes(case.implementation.shares, size) for case in held)
        needed = inputs_bytes(held[0].implementation, size) + workspaces
        if needed <= settings.memory_limit_bytes:
            return
        largest = max(held, key=lambda case: arrays_bytes(case.implementation, size))
        held.remove(largest)
        largest.status = "skipped"
        largest.reason = (
            f"beside the others' workspaces this needs about {size_bytes(needed)} of memory, "
            f"of {size_bytes(settings.memory_limit_bytes)} allowed (--memory-limit; or measure it alone with --only)"
        )
