"""A problem of a run: the implementations that are measured there, and their figures so far."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.pool.experiment import Outcome, measure
from w2vbench.bench.engine.protocol import (
    FLOOR,
    LAYER,
    Measure,
    MeasurementSettings,
    MeasureOptions,
    SamplePlan,
    Status,
    Variant,
    Verdict,
)
from w2vbench.bench.engine.worker.profiling.memory import NO_ANSWER
from w2vbench.impls.interface import Implementation
from w2vbench.impls.interface.case import Case, Size
from w2vbench.impls.interface.facts import array_bytes
from w2vbench.reports.file.limits import CALL
from w2vbench.reports.file.schema.fields import Samples
from w2vbench.reports.statistics.units import size_bytes

LIMIT_PROCESSES = 3
"""In how many processes of a problem its limits are timed beside it."""
WORKER_BYTES = 450 << 20
"""Memory of a worker before it has any inputs: NumPy, and numba with its compiler."""


@dataclass(kw_only=True)
class CaseRun:
    """A case of a run, and its measurements so far."""

    implementation: Implementation
    case: Case
    # ``ok`` while the case is measured; otherwise why it is not
    status: str = Status.OK
    reason: str = ""
    samples: list[Samples] = field(default_factory=list)  # samples of each process
    plan: SamplePlan | None = None  # calls a sample and rounds a process
    memory: protocol.Memory = field(default_factory=lambda: protocol.Memory(variant=""))
    profile: protocol.LineProfile | None = None
    stages: dict[str, float] = field(default_factory=dict)  # seconds in each stage of a training step

    def exclude(self, status: str, reason: str) -> None:
        """Measure the case no longer."""
        self.status, self.reason = status, reason


class LayerRun(protocol.Struct, frozen=True, kw_only=True):
    """A method of a layer, in one process: its samples, and its memory and lines."""

    samples: Samples
    memory: protocol.Memory | None = None
    profile: protocol.LineProfile | None = None


@dataclass(kw_only=True)
class ProblemRun:
    """A problem of a run, its cases, and the measurements so far."""

    problem: str
    size: Size
    cases: list[CaseRun]
    processes: int = 0  # number of finished processes
    # samples of an empty function (``call``) and of the functions that only move the data, of each of the first
    # LIMIT_PROCESSES processes, or up to the first in which they failed
    limits: dict[str, list[Samples]] = field(default_factory=dict)
    limit_plans: dict[str, SamplePlan] = field(default_factory=dict)  # calls and rounds of those functions
    touched: float = 0.0  # distinct rows a batch, mean over processes
    # methods of layers that were measured on the problem's inputs, by name
    layers: dict[str, LayerRun] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)  # how long each process took
    # in a run on several machines: the one that has measured it, and why its figures are in doubt
    machine: str = ""
    doubt: str = ""

    @property
    def kernel(self) -> str:
        return self.problem.partition("@")[0]

    @property
    def measured(self) -> dict[str, CaseRun]:
        """The cases whose status is ok, by slug."""
        return {case.implementation.slug: case for case in self.cases if case.status == Status.OK}


def new_problem_run(implementations: Sequence[Implementation], size: Size) -> ProblemRun:
    """Return implementations of one kernel at one size, before the first process."""
    cases = [CaseRun(implementation=i, case=i.case(size)) for i in implementations]
    return ProblemRun(problem=cases[0].case.problem, size=size, cases=cases)


def unanswered(problems: Sequence[ProblemRun]) -> dict[str, str]:
    """Return what is said of implementations that have given no answer about their memory, by key."""
    cases = [case for problem in problems for case in problem.cases if case.memory.why_not.startswith(NO_ANSWER)]
    return {case.implementation.key: case.memory.why_not for case in cases}


def admit(problem: ProblemRun, settings: MeasurementSettings, verdicts: Mapping[str, Verdict]) -> None:
    """Exclude the cases of implementations that failed the contract, or that would not fit into memory, with the reason.

    verdicts: the contract's, by key. One that is missing counts as ok.
    """
    for case in problem.cases:
        admit_case(case, problem.size, settings, verdict=verdicts.get(case.implementation.key, Verdict(Status.OK)))
    make_room(problem.cases, problem.size, settings)


@dataclass(frozen=True, kw_only=True)
class Extras:
    """What a process does beside timing."""

    check: bool = False  # whether whole results are checked before they are timed
    # whether these are measured afterwards
    memory: bool = False
    stages: bool = False
    # by key, what is said of implementations that are not asked for their memory again
    unanswered: Mapping[str, str] = field(default_factory=dict)
    profiled: Sequence[str] = ()  # the slugs that are profiled line by line
    layers: Sequence[str] = ()  # methods of layers that are measured too


def measure_next(problem: ProblemRun, context: RunContext, extras: Extras, *, start_next: bool = True) -> None:
    """Measure a problem in its next process. start_next: whether the next worker starts meanwhile."""
    began = time.perf_counter()
    cases = tuple(
        (Variant(name=slug, key=case.implementation.key, check=extras.check),)
        for slug, case in problem.measured.items()
    )
    plans = {slug: case.plan for slug, case in problem.measured.items() if case.plan} | problem.limit_plans
    options = MeasureOptions(
        process=problem.processes,
        plan=plans,
        limits=problem.processes < LIMIT_PROCESSES and len(problem.limits.get(CALL, ())) == problem.processes,
        memory=extras.memory,
        stages=extras.stages,
        unanswered=dict(extras.unanswered),
        profile=tuple(extras.profiled),
        layers=tuple(extras.layers),
        reuse=context.only_own_code,
    )
    if cases:
        fields = context.job_fields()
        job = Measure(**fields, kernel=problem.kernel, size=str(problem.size), cases=cases, options=options)
        add_outcome(measure(job, context.workers, start_next=start_next), problem, options)
    problem.processes += 1
    problem.seconds.append(time.perf_counter() - began)


def add_outcome(outcome: Outcome, problem: ProblemRun, options: MeasureOptions) -> None:
    """Add the figures of one process to a problem."""
    for variants, failure in outcome.excluded:
        for variant in variants:
            problem.measured[variant.name].exclude(failure.status, failure.reason)
    if outcome.problem:  # the mean over processes: each has different inputs
        done = problem.processes
        problem.touched = (problem.touched * done + outcome.problem.touched) / (done + 1)
    for name, limit in outcome.limits.items():
        problem.limits.setdefault(name, []).append(outcome.samples(FLOOR + name))
        problem.limit_plans[FLOOR + name] = SamplePlan(calls=limit.calls, rounds=limit.rounds)
    for slug, case in problem.measured.items():
        if timed := outcome.timed.get(slug):  # missing if the process did not get that far
            case.samples.append(outcome.samples(slug))
            case.plan = SamplePlan(calls=timed.calls, rounds=timed.rounds)
        if options.memory:
            case.memory = outcome.memory.get(slug) or protocol.Memory(variant=slug, why_not=outcome.missing_reason)
        if slug in options.profile:
            case.profile = outcome.profiles.get(slug) or protocol.LineProfile(
                variant=slug, why_not=outcome.missing_reason
            )
        if slug in outcome.stages:
            case.stages = outcome.stages[slug].seconds
    for name in options.layers:
        if (layer := LAYER + name) in outcome.timed:  # missing if it failed
            problem.layers[name] = LayerRun(
                samples=outcome.samples(layer),
                memory=outcome.memory.get(layer),
                profile=outcome.profiles.get(layer),
            )


def admit_case(case: CaseRun, size: Size, settings: MeasurementSettings, verdict: Verdict) -> None:
    """Exclude a case that failed the contract or would not fit into memory, and note the reason."""
    implementation, limit = case.implementation, settings.memory_limit_bytes
    needed = inputs_bytes(implementation, size) + arrays_bytes(implementation, size)
    least = implementation.kernel.min_batch
    if verdict.status != Status.OK:
        case.exclude(verdict.status, verdict.reason)
    elif least > size.B:
        case.exclude(Status.SKIPPED, f"B = {size.B} is too small for this kernel: use --batch {least} or more")
    elif needed > limit:
        allowed = f"the limit is {size_bytes(limit)} (--memory-limit)"
        case.exclude(Status.SKIPPED, f"needs about {size_bytes(needed)} of memory, but {allowed}")


def inputs_bytes(implementation: Implementation, size: Size) -> int:
    """Return the memory of a worker with a kernel's inputs and the arrays of its check."""
    return (
        WORKER_BYTES + array_bytes(implementation.kernel.inputs, size) + array_bytes(implementation.kernel.checks, size)
    )


def arrays_bytes(implementation: Implementation, size: Size) -> int:
    """Return the memory of an implementation's large arrays, shared ones included."""
    return array_bytes(f"{implementation.temporaries}+{implementation.shares}", size)


def make_room(cases: Sequence[CaseRun], size: Size, settings: MeasurementSettings) -> None:
    """Skip the largest cases until all workspaces fit into memory together. Shared buffers count once."""
    held = [case for case in cases if case.status == Status.OK and case.implementation.prepare]
    while held:
        workspaces = sum(array_bytes(case.implementation.temporaries, size) for case in held)
        workspaces += max(array_bytes(case.implementation.shares, size) for case in held)
        needed = inputs_bytes(held[0].implementation, size) + workspaces
        if needed <= settings.memory_limit_bytes:
            return
        largest = max(held, key=lambda case: arrays_bytes(case.implementation, size))
        held.remove(largest)
        largest.exclude(
            Status.SKIPPED,
            f"beside the others' workspaces it needs about {size_bytes(needed)} of memory, but the limit is "
            f"{size_bytes(settings.memory_limit_bytes)} (raise --memory-limit, or measure it alone with --only)",
        )
