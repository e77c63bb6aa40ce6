"""An experiment, seen from the main process: one problem and its variants, measured in a worker.

If a variant fails, the process is discarded and the others are measured again without it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec import structs
from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.protocol import FLOOR, LAYER, Case, Status
from w2vbench.impls.interface.case import Size
from w2vbench.reports.file.schema.fields import Samples

from .pool import Workers
from .worker_process import WorkerFailure


@dataclass(kw_only=True)
class Outcome:
    """The results of an experiment in one process."""

    problem: protocol.ProblemMade | None = None  # facts about the inputs
    # results by variant
    timed: dict[str, protocol.Timed] = field(default_factory=dict)
    memory: dict[str, protocol.Memory] = field(default_factory=dict)
    stages: dict[str, protocol.StageTimes] = field(default_factory=dict)
    profiles: dict[str, protocol.LineProfile] = field(default_factory=dict)
    # Cases that could not be measured, each with the failure. It names a variant if it is known which one is at fault.
    excluded: list[tuple[Case, WorkerFailure]] = field(default_factory=list)
    times_taken: bool = False  # whether the process has sent all samples
    # whether the inputs were checked after every sample, since a process before it had found them changed
    careful: bool = False
    missing_reason: str = ""  # why memory or profiles are missing, if the process ended before it had measured them

    def samples(self, variant: str) -> Samples:
        """Return the samples of a variant. Raises KeyError if there are none."""
        timed = self.timed[variant]
        return Samples(wall_s=timed.wall_s, cpu_s=timed.cpu_s, setup_s=timed.prepare_s, adapt_s=timed.adapt_s)

    @property
    def limits(self) -> dict[str, protocol.Timed]:
        """Samples of the functions that only move the data that must be moved, by name."""
        return {name.removeprefix(FLOOR): one for name, one in self.timed.items() if name.startswith(FLOOR)}

    def add(self, event: protocol.Events) -> None:
        """Add what an event reports."""
        match event:
            case protocol.ProblemMade():
                self.problem = event
            case protocol.Timed():
                self.timed[event.variant] = event
            case protocol.TimesTaken():
                self.times_taken = True
            case protocol.Memory():
                self.memory[event.variant] = event
            case protocol.StageTimes():
                self.stages[event.variant] = event
            case protocol.LineProfile():
                self.profiles[event.variant] = event


Paced = Generator[None, None, Outcome]
"""An experiment that stops before each round, and ends with its outcome."""


def measure(job: protocol.Measure, workers: Workers, *, start_next: bool = True) -> Outcome:
    """Measure an experiment in one process.

    If a variant fails, the process is discarded, and another process measures the experiment without its case.
    start_next: whether the next worker starts meanwhile.
    """
    return measure_in_turns({"": paced(job, workers, start_next)}, lambda names: names)[""]


def measure_in_turns(
    experiments: Mapping[str, Paced], order: Callable[[list[str]], Sequence[str]]
) -> dict[str, Outcome]:
    """Measure experiments of several processes, round by round: only one process runs at a time.

    Parameters
    ----------
    experiments
        What ``paced`` returns, by name.
    order
        Returns the names in the order of a round.

    Returns
    -------
    dict
        The outcomes, in the order of ``experiments``.
    """
    left, outcomes = dict(experiments), dict[str, Outcome]()
    try:
        while left:
            for name in order(list(left)):
                try:
                    next(left[name])
                except StopIteration as end:
                    outcomes[name] = end.value
                    del left[name]
    finally:
        for one in left.values():  # whose processes wait for their next round
            one.close()
    return {name: outcomes[name] for name in experiments}


def paced(job: protocol.Measure, workers: Workers, start_next: bool = True) -> Paced:
    """Measure an experiment in one process, and yield before each round where the job is paced. Return its outcome."""
    excluded: list[tuple[Case, WorkerFailure]] = []
    while job.cases:
        outcome = Outcome(excluded=excluded, careful=job.careful)
        try:
            for event in workers.work(
                job, Size.parse(job.size).threads, start_next=start_next, reuse=job.options.reuse
            ):
                if isinstance(event, protocol.RoundBegins):
                    yield
                else:
                    outcome.add(event)
        except WorkerFailure as failure:
            if not outcome.times_taken:
                job = job_after(failure, job, excluded)
                continue
            outcome.missing_reason = f"{failure.status}: {failure.reason}"  # but the times are complete
        return outcome
    return Outcome(excluded=excluded)


def job_after(
    failure: WorkerFailure, job: protocol.Measure, excluded: list[tuple[Case, WorkerFailure]]
) -> protocol.Measure:
    """Return the job for another process after a failure. Cases at fault are taken out of it, and added to ``excluded``."""
    if failure.variant and failure.variant.startswith(FLOOR):  # the engine's own, and no implementation's
        return structs.replace(job, options=structs.replace(job.options, limits=False))
    if failure.variant and failure.variant.startswith(LAYER):
        return structs.replace(job, options=structs.replace(job.options, layers=()))
    if failure.variant is None and failure.status == Status.WRONG and not job.careful:
        # one of them changed the shared inputs: the next process checks after every sample
        return structs.replace(job, careful=True)
    at_fault = [case for case in job.cases if failure.variant in {each.name for each in case}] or job.cases
    excluded += [(case, failure) for case in at_fault]
    return structs.replace(job, cases=tuple(case for case in job.cases if case not in at_fault))
