"""An experiment from the outside: one problem and its variants, measured in a fresh process, without those that bring it down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from impls.case import Size
from reports.results import Samples

from . import protocol
from .context import RunContext
from .contract import WRONG
from .limits import FLOOR
from .pool import Died
from .protocol import Plan, Variant

SPARES = 4
"""Processes that wait for their turn, at most: 0.2 GB each."""

Case = tuple[Variant, ...]
"""The variants of a case: they are given the same batches and the same number of rounds, and none is kept without the others."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A problem, and the cases that are measured together, interleaved. inputs: the source that makes the inputs."""

    kernel: str
    size: Size
    cases: tuple[Case, ...]
    inputs: str = ""


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """A case that cannot be measured. variant: the one at fault (None: it is not known which)."""

    case: Case
    variant: str | None
    status: str
    reason: str


@dataclass(kw_only=True)
class Outcome:
    """What one process found of an experiment.

    lost: why memory or profiles are missing, where the process ended before it could tell them.
    """

    problem: protocol.ProblemMade | None = None
    timed: dict[str, protocol.Timed] = field(default_factory=dict)
    memory: dict[str, protocol.Memory] = field(default_factory=dict)
    stages: dict[str, protocol.Stages] = field(default_factory=dict)
    profiles: dict[str, protocol.Profile] = field(default_factory=dict)
    excluded: list[Exclusion] = field(default_factory=list)
    lost: str = ""

    def samples(self, variant: str) -> Samples:
        """What the process timed of a variant. Raises KeyError if it did not get that far."""
        timed = self.timed[variant]
        return Samples(wall_s=timed.wall_s, cpu_s=timed.cpu_s, setup_s=timed.prepare_s, adapt_s=timed.adapt_s)

    @property
    def limits(self) -> dict[str, protocol.Timed]:
        """Samples of the functions that only move what must be moved, by what they are called."""
        return {name.removeprefix(FLOOR): one for name, one in self.timed.items() if name.startswith(FLOOR)}

    def keep(self, events: Sequence[protocol.Events]) -> None:
        for event in events:
            match event:
                case protocol.ProblemMade():
                    self.problem = event
                case protocol.Timed():
                    self.timed[event.variant] = event
                case protocol.Memory():
                    self.memory[event.variant] = event
                case protocol.Stages():
                    self.stages[event.variant] = event
                case protocol.Profile():
                    self.profiles[event.variant] = event


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is wanted of a process beside times.

    plan: calls and rounds by variant, where they are known. limits: the functions that only move what must be moved.
    profile: variants to profile. spares: processes that may start once the times are taken.
    """

    process: int
    plan: Mapping[str, Plan] = field(default_factory=dict)
    least_rounds: int = 3
    limits: bool = False
    memory: bool = False
    stages: bool = False
    profile: Sequence[str] = ()
    spares: int = 0
    again: bool = False


def job_of(experiment: Experiment, wanted: Wanted, context: RunContext, careful: bool = False) -> protocol.Measure:
    """An experiment as a worker is given it. careful: have it look after every sample whether shared inputs have changed."""
    settings = context.settings
    inside = {one.name for case in experiment.cases for one in case}
    return protocol.Measure(
        **context.common(),
        kernel=experiment.kernel,
        size=str(experiment.size),
        cases=experiment.cases,
        inputs=experiment.inputs,
        process=wanted.process,
        rounds=settings.rounds,
        least_rounds=wanted.least_rounds,
        sample_s=settings.sample_s,
        variant_s=settings.variant_s,
        plan={name: one for name, one in wanted.plan.items() if name in inside or name.startswith(FLOOR)},
        limits=wanted.limits,
        memory=wanted.memory,
        stages=wanted.stages,
        profile=tuple(name for name in wanted.profile if name in inside),
        careful=careful,
    )


def measure(experiment: Experiment, wanted: Wanted, context: RunContext) -> Outcome:
    """Measure an experiment in one process.

    If a variant fails, the process is discarded, and another one measures the experiment without its case.
    """
    workers, threads = context.workers, experiment.size.threads
    outcome, cases, careful = Outcome(), list(experiment.cases), False

    def exclude(variant: str | None, status: str, reason: str) -> None:
        at_fault = [case for case in cases if variant in {one.name for one in case}]
        known = variant if at_fault else None
        for case in at_fault or list(cases):
            cases.remove(case)
            outcome.excluded.append(Exclusion(case=case, variant=known, status=status, reason=reason))

    while cases:
        job = job_of(replace(experiment, cases=tuple(cases)), wanted, context, careful)
        events: list[protocol.Events] = []
        try:
            for event in workers.work(job, threads, ahead=True, again=wanted.again):
                events.append(event)  # what came before a death counts
                if isinstance(event, protocol.TimesTaken) and wanted.spares:  # what is left takes no times
                    workers.begin(threads, min(len(workers.spares) + 1, wanted.spares, SPARES))
        except Died as death:
            if any(isinstance(event, protocol.TimesTaken) for event in events):  # it died over memory: times are there
                outcome.keep(events)
                outcome.lost = f"{death.status}: {death.reason}"
                break
            exclude(death.variant, death.status, death.reason)
            continue
        last = events[-1]
        if isinstance(last, protocol.Excluded):
            if last.variant is None and last.status == WRONG and not careful:
                careful = True  # one of them changed what all work on: the next process looks after every sample
            else:
                exclude(last.variant, last.status, last.reason)
            continue
        outcome.keep(events)
        break
    return outcome
