"""What a machine of a cluster does: it answers messages, and measures whole problems with the same engine as a local run.

For a run, it keeps the text, the plan, checks and workers from the run's first message to the next run's.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.machine import environment
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.pool.contracts import check_contracts
from w2vbench.bench.engine.pool.pool import Workers
from w2vbench.bench.engine.protocol import Verdict
from w2vbench.bench.plans.run.journal import entry_of, restore
from w2vbench.bench.plans.run.presets import PRESETS
from w2vbench.bench.plans.run.problems import ProblemRun, admit, measure_next, new_problem_run
from w2vbench.bench.plans.run.request import Request
from w2vbench.bench.plans.run.run import extras_of
from w2vbench.bench.plans.run.session import Session, temporary_folder
from w2vbench.bench.plans.run.turns import profiled_problems, shown_problems
from w2vbench.impls.interface.case import Size
from w2vbench.reports.findings.steadiness import Checked

from .machines import MachineReport, report_of
from .messages import Check, Join, Leave, Measure, Measured, Messages, Report, Run
from .self_check import self_check

IDLE_S = 900.0
"""How long a machine keeps what it has for a run of which no message comes: its client may have been killed."""


def answer(message: bytes) -> bytes:
    """Do what a message asks for, and return the answer."""
    return protocol.encode(answer_to(protocol.decode(message, Messages)))  # type: ignore[arg-type]


def answer_to(message: Messages) -> MachineReport | Measured | None:
    match message:
        case Join():
            from .connection import one_at_a_time

            one_at_a_time()
            return None
        case Report():
            corpus = Path(message.corpus) if message.corpus else None
            return report_of(Request(corpus=corpus, files=[*map(Path, message.files)]))
        case Leave():
            clear(message.number)
            return None
    with at_station(message.run) as station, station.measuring() as context:
        return station.measure(message, context) if isinstance(message, Measure) else station.ready(message, context)


class Station:
    """What a machine keeps for a run.

    Attributes
    ----------
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
        Removes the station if nothing follows.
    """

    def __init__(self, run: Run) -> None:
        self.request, self.session = run.request, Session(run.request.command, lambda line: None)
        self.verdicts: dict[str, Verdict] = {}
        self.passes: list[Workers] = []
        self.cpu: int | None = None
        self.checks = 0
        self.idle = threading.Timer(IDLE_S, clear, [run.number])
        with contextlib.ExitStack() as close:
            self.folder = close.enter_context(temporary_folder())
            self.request.text().save(self.folder)
            self.planned = {problem.problem: problem for problem in self.request.problems()}
            self.close = close.pop_all()

    @contextmanager
    def measuring(self) -> Iterator[RunContext]:
        """Start workers, on a computer where nothing else of w2vbench measures."""
        request = self.request
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

    def check(self, context: RunContext) -> list[Checked]:
        """Let the machine check itself, on other inputs than before."""
        self.checks += 1
        return self_check(self.on_pass(context, 0), self.checks)

    def ready(self, asked: Check, context: RunContext) -> Measured:
        """Let the machine check itself; at first, start the workers of all processes side by side before, and measure its limits."""
        if not asked.first:
            return Measured(checks=(*self.check(context),))
        numbers = range(context.settings.processes if context.only_own_code else 1)
        pools = [self.on_pass(context, number).workers for number in numbers]
        for workers in pools:
            workers.start_spares(min(self.request.threads, default=1), numba=True)
        for workers in pools:
            workers.wait_for_spares()
        sizes: dict[int, list[Size]] = {}
        for problem in self.planned.values():
            sizes.setdefault(problem.size.threads, []).append(problem.size)
        checks = self.check(context)
        limits = [context.machine_limits(its) for its in sizes.values()]
        return Measured(checks=(*checks,), limits=(*filter(None, limits),))

    def measure(self, asked: Measure, context: RunContext) -> Measured:
        """Measure one problem, whole: its implementations are checked, and timed together in all processes; or its further ones."""
        before, every, planned = environment.counters(), list(self.planned.values()), self.planned[asked.problem]
        preset = None if self.request.own_sizes else PRESETS[self.request.preset]
        first = bool(preset and preset.profile_first)
        shown, profiled_at = shown_problems(every)[planned.kernel], profiled_problems(every, first=first)
        problem = new_problem_run([case.implementation for case in planned.cases], planned.size)
        if asked.entry:
            restore(problem, asked.entry)
        else:
            self.verify(problem, context)
        checks = self.check(context)
        while problem.processes < (asked.processes or context.settings.processes):
            extras = extras_of(problem, shown, profiled_at, context, preset)
            measure_next(problem, self.on_pass(context, problem.processes), extras, start_next=False)
        checks += self.check(context)
        return Measured(entry=entry_of(problem), checks=(*checks,), counters=environment.counter_increases(before))

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
def at_station(run: Run) -> Iterator[Station]:
    """Do something for a run. Another run's station is removed before, and this one if nothing follows for IDLE_S."""
    if run.number not in STATIONS:
        for other in list(STATIONS):
            clear(other)
        STATIONS[run.number] = Station(run)
    station = STATIONS[run.number]
    station.idle.cancel()
    try:
        yield station
    finally:
        station.idle = threading.Timer(IDLE_S, clear, [run.number])
        station.idle.daemon = True
        station.idle.start()


def clear(number: str) -> None:
    """Remove what this machine keeps for a run."""
    if station := STATIONS.pop(number, None):
        station.idle.cancel()
        station.close.close()


@contextmanager
def alone_on_this_computer() -> Iterator[None]:
    """Wait until nothing else of this user's clusters measures on this computer, and keep it so."""
    path = Path(tempfile.gettempdir()) / f"w2vbench-computer-of-{os.getuid()}.lock"
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
