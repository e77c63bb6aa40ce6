"""An experiment, seen from the main process: one problem and its variants, measured in a worker.

If a variant fails, the process is discarded and the others are measured again without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from impls.case import Size
from reports.results import Samples

from . import protocol
from .context import RunContext
from .contract import WRONG
from .limits import FLOOR
from .pool import WorkerFailure
from .protocol import Plan, Variant

SPARES = 4
"""Most processes that wait for their turn: each takes 0.2 GB."""

Case = tuple[Variant, ...]
"""The variants of a case: they get the same batches and the same number of rounds, and all are excluded if one fails."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A problem, and the cases that are measured together, interleaved.

    Attributes
    ----------
    kernel, size
        The problem.
    cases
        What is measured.
    inputs
        Name of the source that makes the inputs and checks the results.
    """

    kernel: str
    size: Size
    cases: tuple[Case, ...]
    inputs: str = ""


@dataclass(frozen=True)
class Exclusion:
    """A case that could not be measured.

    Attributes
    ----------
    case
        The case.
    variant
        The variant at fault; None if it is not known which one is.
    status, reason
        How it failed.
    """

    case: Case
    variant: str | None
    status: str
    reason: str


@dataclass(kw_only=True)
class Outcome:
    """The results of an experiment in one process.

    Attributes
    ----------
    problem
        Facts about the inputs.
    timed, memory, stages, profiles
        Results by variant.
    excluded
        Cases that could not be measured.
    missing_reason
        Why memory or profiles are missing, if the process ended before it had measured them.
    """

    problem: protocol.ProblemMade | None = None
    timed: dict[str, protocol.Timed] = field(default_factory=dict)
    memory: dict[str, protocol.Memory] = field(default_factory=dict)
    stages: dict[str, protocol.Stages] = field(default_factory=dict)
    profiles: dict[str, protocol.Profile] = field(default_factory=dict)
    excluded: list[Exclusion] = field(default_factory=list)
    missing_reason: str = ""

    def samples(self, variant: str) -> Samples:
        """Return the samples of a variant. Raises KeyError if there are none."""
        timed = self.timed[variant]
        return Samples(wall_s=timed.wall_s, cpu_s=timed.cpu_s, setup_s=timed.prepare_s, adapt_s=timed.adapt_s)

    @property
    def limits(self) -> dict[str, protocol.Timed]:
        """Samples of the functions that only move the data that must be moved, by name."""
        return {name.removeprefix(FLOOR): one for name, one in self.timed.items() if name.startswith(FLOOR)}

    def add(self, events: Sequence[protocol.Events]) -> None:
        """Add what the events report."""
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
class MeasureOptions:
    """What one process of an experiment measures.

    Attributes
    ----------
    process
        Number of the process in the experiment.
    plan
        Calls and rounds by variant, where they are known.
    least_rounds
        Fewest samples of a variant.
    limits
        Whether functions that only move the data that must be moved are timed too.
    memory, stages
        Whether these are measured too.
    profile
        Variants to profile.
    spares
        How many processes may start once the times are taken.
    reuse
        Whether the process may have done another job before.
    """

    process: int
    plan: Mapping[str, Plan] = field(default_factory=dict)
    least_rounds: int = 3
    limits: bool = False
    memory: bool = False
    stages: bool = False
    profile: Sequence[str] = ()
    spares: int = 0
    reuse: bool = False


def job_of(
    experiment: Experiment, options: MeasureOptions, context: RunContext, careful: bool = False
) -> protocol.Measure:
    """Return the job that a worker gets for an experiment.

    careful: whether it checks after every sample that shared inputs have not changed.
    """
    settings = context.settings
    names = {variant.name for case in experiment.cases for variant in case}
    return protocol.Measure(
        **context.job_fields(),
        kernel=experiment.kernel,
        size=str(experiment.size),
        cases=experiment.cases,
        inputs=experiment.inputs,
        process=options.process,
        rounds=settings.rounds,
        least_rounds=options.least_rounds,
        sample_s=settings.sample_s,
        variant_s=settings.variant_s,
        plan={name: plan for name, plan in options.plan.items() if name in names or name.startswith(FLOOR)},
        limits=options.limits,
        memory=options.memory,
        stages=options.stages,
        profile=tuple(name for name in options.profile if name in names),
        careful=careful,
    )


def measure(experiment: Experiment, options: MeasureOptions, context: RunContext) -> Outcome:
    """Measure an experiment in one process.

    If a variant fails, the process is discarded, and another process measures the experiment without its case.
    """
    workers, threads = context.workers, experiment.size.threads
    outcome, cases, careful = Outcome(), list(experiment.cases), False

    def exclude(failure: WorkerFailure) -> None:
        at_fault = [case for case in cases if failure.variant in {each.name for each in case}]
        known = failure.variant if at_fault else None
        for case in at_fault or list(cases):
            cases.remove(case)
            outcome.excluded.append(Exclusion(case, known, failure.status, failure.reason))

    while cases:
        job = job_of(replace(experiment, cases=tuple(cases)), options, context, careful)
        events: list[protocol.Events] = []
        try:
            for event in workers.work(job, threads, start_next=True, reuse=options.reuse):
                events.append(event)  # what came before a failure counts
                if (
                    isinstance(event, protocol.TimesTaken) and options.spares
                ):  # what is timed after this, stages and lines, is for seeing shares
                    workers.start_spares(threads, min(len(workers.spares) + 1, options.spares, SPARES))
        except WorkerFailure as failure:
            if not any(isinstance(event, protocol.TimesTaken) for event in events):
                if failure.variant and failure.variant.startswith(FLOOR):  # the engine's own, and no implementation's
                    options = replace(options, limits=False)
                elif failure.variant is None and failure.status == WRONG and not careful:
                    careful = True  # one of them changed the shared inputs: the next process checks after every sample
                else:
                    exclude(failure)
                continue
            outcome.missing_reason = f"{failure.status}: {failure.reason}"  # but the times are complete
        outcome.add(events)
        break
    return outcome
