"""What a machine of a fleet keeps for a run, from its first task to the next run's: the text, the plan, checks and workers."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from w2vbench.bench.engine.machine import environment
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.pool.contracts import check_contracts
from w2vbench.bench.engine.pool.pool import Workers
from w2vbench.bench.engine.protocol import Verdict
from w2vbench.bench.plans.run.problems import ProblemRun, admit
from w2vbench.bench.plans.run.run import RunRequest
from w2vbench.bench.plans.run.session import Session, temporary_folder
from w2vbench.impls.interface.case import Size

from .self_check import SelfCheck, self_check

IDLE_S = 900.0
"""How long a machine keeps what it has for a run of which no task comes."""


@dataclass(frozen=True)
class RemoteRun:
    """A client's run. number: tells it from others on the same machine."""

    number: str
    request: RunRequest


@dataclass
class Station:
    """What a machine keeps for a run, from its first task to the next run's.

    Attributes
    ----------
    run, session
        The client's run, as if it ran here.
    folder
        Where the text is saved.
    planned
        All problems of the run, by name.
    close
        Removes what is kept.
    verdicts
        Of the implementations that were checked, by key.
    passes
        The workers of each process of a problem. A worker measures one problem after another, as in a local run: a problem's
        processes are fresh to it, and starting each anew would take longer than measuring.
    cpu
        The CPU that they stay on.
    checks
        How often the machine has checked itself.
    idle
        Removes it if no task follows.
    """

    run: RemoteRun
    session: Session
    folder: Path
    planned: Mapping[str, ProblemRun]
    close: contextlib.ExitStack
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    passes: list[Workers] = field(default_factory=list)
    cpu: int | None = None
    checks: int = 0
    idle: threading.Timer = field(default_factory=lambda: threading.Timer(IDLE_S, lambda: None))

    @contextmanager
    def measuring(self) -> Iterator[RunContext]:
        """Start workers, on a computer where nothing else of w2vbench measures."""
        request = self.run.request
        with alone_on_this_computer():
            self.session.busy = environment.busy_cpus()
            with self.session.measuring(request.settings(), request.threads or [1], request.files) as context:
                if context.cpu != self.cpu or not context.only_own_code:  # a process stays on its CPU
                    for workers in self.passes:
                        workers.retire()
                self.cpu = context.cpu
                yield replace(context, corpus=self.folder)

    def on_pass(self, context: RunContext, number: int) -> RunContext:
        """Return a context with the workers that measure the process of this number."""
        while len(self.passes) <= number:
            self.passes.append(self.close.enter_context(closing(context.workers.like(context.workers.command))))
        return replace(context, workers=self.passes[number])

    def start_passes(self, context: RunContext) -> None:
        """Start the workers of all processes side by side, and wait until they are idle."""
        numbers = range(context.settings.processes if context.only_own_code else 1)
        pools = [self.on_pass(context, number).workers for number in numbers]
        for workers in pools:
            workers.start_spares(min(self.run.request.threads, default=1), numba=True)
        for workers in pools:
            workers.wait_for_spares()

    def check(self, context: RunContext) -> SelfCheck | None:
        """Let the machine check itself, on other inputs than before."""
        self.checks += 1
        return self_check(self.on_pass(context, 0), self.checks)

    def verify(self, problem: ProblemRun, context: RunContext) -> None:
        """Check the implementations of a problem that were not checked before, and exclude the cases that cannot be measured."""
        new = [one.implementation.key for one in problem.cases if one.implementation.key not in self.verdicts]
        sizes: dict[str, list[Size]] = {key: [] for key in new}
        for case in (case for one in self.planned.values() for case in one.cases):
            if case.implementation.key in sizes:
                sizes[case.implementation.key].append(case.case.size)
        self.verdicts |= check_contracts(new, context, sizes=sizes)
        admit(problem, context.settings, self.verdicts)


STATIONS: dict[str, Station] = {}
"""This process's station, by its run's number; at most one."""


@contextmanager
def at_station(run: RemoteRun) -> Iterator[Station]:
    """Do a task of a run. If none follows for IDLE_S, what is kept for the run is removed: its client may have been killed."""
    station = station_of(run)
    station.idle.cancel()
    try:
        yield station
    finally:
        station.idle = threading.Timer(IDLE_S, clear, [run.number])
        station.idle.daemon = True
        station.idle.start()


def station_of(run: RemoteRun) -> Station:
    """Return this machine's station for a run; another run's is removed, whose client may have been killed."""
    if run.number not in STATIONS:
        for other in list(STATIONS):
            clear(other)
        STATIONS[run.number] = new_station(run)
    return STATIONS[run.number]


def clear(number: str) -> None:
    """Remove what this machine keeps for a run."""
    if station := STATIONS.pop(number, None):
        station.idle.cancel()
        station.close.close()


def new_station(run: RemoteRun) -> Station:
    """Read the text into a temporary folder, and plan the run."""
    with contextlib.ExitStack() as close:
        folder = close.enter_context(temporary_folder())
        run.request.text().save(folder)
        planned = {problem.problem: problem for problem in run.request.problems()}
        session = Session(run.request.command, lambda line: None)
        return Station(run, session, folder, planned, close.pop_all())


@contextmanager
def alone_on_this_computer() -> Iterator[None]:
    """Wait until nothing else of this user's fleets measures on this computer, and keep it so."""
    path = Path(tempfile.gettempdir()) / f"w2vbench-computer-of-{os.getuid()}.lock"
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
