"""A cluster of Dask's inside this process, whose workers answer from stored samples in place of measuring."""

from __future__ import annotations

import asyncio
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
from w2vbench.bench.engine.protocol import MachineLimits, SamplePlan
from w2vbench.bench.plans.cluster import client, remote
from w2vbench.bench.plans.cluster import run as cluster_run
from w2vbench.bench.plans.cluster.machines import MachineReport
from w2vbench.bench.plans.cluster.messages import Check, Join, Leave, Measured, Messages, Report
from w2vbench.bench.plans.cluster.workers import Workers
from w2vbench.bench.plans.run.journal import entry_of
from w2vbench.bench.plans.run.keeping import Outputs
from w2vbench.bench.plans.run.problems import ProblemRun
from w2vbench.bench.plans.run.request import Note
from w2vbench.bench.plans.run.run import RunRequest
from w2vbench.reports.file.schema.fields import Samples
from w2vbench.reports.file.schema.result import ResultFile
from w2vbench.reports.findings.steadiness import Checked

LIMITS = MachineLimits(threads=1, read=[(1e6, 1e10)], write=[(1e6, 1e10)], copy=[(1e6, 1e10)], matmul={"f32": 1e11})
PACE_S = 2e-5
"""Seconds of a call in a machine's check of itself."""
PROBLEM_S = 0.03
"""How long a problem takes."""
SOON = {"POLL_S": 0.02, "JOIN_S": 0.6, "REFUSED_S": 0.3, "LEAVE_S": 0.5, "CHECK_AGAIN_S": 0.1}
"""What takes seconds or a minute elsewhere."""


ANSWER_TO = remote.answer_to


@dataclass
class Machine:
    """A machine.

    Attributes
    ----------
    name, kind, host
        What it is called, the name of its CPU, and its computer.
    slower
        How many times as long everything takes there.
    difference
        Its A/A difference.
    changed
        Facts of its report that differ from the client's.
    joins_s
        When it joins.
    leaves_at, fails_at
        The number of the problem in whose middle it is lost, or that raises an error.
    hangs_at, comes_back
        The number of the problem at which it hangs: until another machine has measured that if it ``comes_back``, else for ever.
    """

    name: str
    kind: str = "CPU A"
    host: str = ""
    slower: float = 1.0
    difference: float = 0.005
    changed: Mapping[str, Any] = field(default_factory=dict)
    joins_s: float = 0.0
    leaves_at: int | None = None
    hangs_at: int | None = None
    comes_back: bool = False
    fails_at: int | None = None
    measured: list[str] = field(default_factory=list)

    def report(self) -> MachineReport:
        ours = our_report()
        environment = {**ours.environment, "cpu": self.kind}
        report = msgspec.structs.replace(ours, name=self.name, host=self.host or self.name, environment=environment)
        return msgspec.structs.replace(report, **self.changed)

    def check(self) -> tuple[Checked]:
        pace = PACE_S * self.slower * random.uniform(0.95, 1.05)
        return (Checked(self.difference, pace),)


class Machines:
    """Machines that answer with figures for a request's problems.

    Attributes
    ----------
    ends_after, interrupted_after
        After how many problems the scheduler ends, or the user presses Ctrl-C.
    sent
        How many messages of each type were answered; of checks, those after the first of a machine.
    went_on
        Which machine has gone on with which problem, up to how many processes.
    most_on
        How many problems were measured at once on each computer.
    """

    def __init__(
        self, machines: Sequence[Machine], request: RunRequest, slower: Mapping[int, Sequence[float]] | None = None
    ) -> None:
        self.machines, self.planned = {one.name: one for one in machines}, request.settings().processes
        problems = [
            timed(one, max([self.planned, *request.looks]), slower=(slower or {}).get(one.size.V, (2.0,)))
            for one in request.problems()
        ]
        self.samples = {problem.problem: problem for problem in problems}
        self.ends_after, self.interrupted_after, self.finished = 1 << 60, 1 << 60, 0
        self.sent: Counter[str] = Counter()
        self.went_on: list[tuple[str, str, int]] = []
        self.reported: set[str] = set()
        self.answered: set[str] = set()
        self.under_way: list[str] = []
        self.most_on: Counter[str] = Counter()
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.end: Callable[[], None] = self.over.set

    def answer_to(self, message: Messages) -> MachineReport | Measured | None:
        """Stands for what a machine does (``remote.answer_to``)."""
        from distributed import get_worker

        worker = get_worker()
        machine = self.machines[worker.name]
        with self.lock:
            self.sent[type(message).__name__] += not (isinstance(message, Check) and message.first)
        match message:
            case Join():
                return ANSWER_TO(message)
            case Report():  # those that are there from the start report in their order
                there = [one.name for one in self.machines.values() if not one.joins_s]
                while not self.reported.issuperset(there[: there.index(machine.name) if machine.name in there else 0]):
                    time.sleep(0.01)
                self.reported.add(machine.name)
                return machine.report()
            case Check():
                if not self.ends_after:
                    self.end()
                return Measured(checks=machine.check(), limits=(LIMITS,) * message.first)
            case Leave():
                return None
        if message.entry:
            self.went_on.append((machine.name, message.problem, message.processes))
        on = machine.host or machine.name
        with self.lock:
            self.under_way.append(on)
            self.most_on[on] = max(self.most_on[on], self.under_way.count(on))
        try:
            return self.measure(machine, worker, message.problem, message.processes or self.planned)
        finally:
            with self.lock:
                self.under_way.remove(on)

    def measure(self, machine: Machine, worker: Any, problem: str, processes: int) -> Measured:
        number = len(machine.measured)
        machine.measured.append(problem)
        time.sleep(PROBLEM_S * machine.slower * random.uniform(0.8, 1.2))
        if number == machine.leaves_at:
            worker.loop.add_callback(partial(worker.close, executor_wait=False))
            self.over.wait(1.0)
        elif number == machine.fails_at:
            raise OSError("no space left on device")
        elif number == machine.hangs_at:
            while not (self.over.wait(0.01) or (machine.comes_back and problem in self.answered)):
                pass
        self.finished += 1
        if self.finished == self.interrupted_after:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            self.over.wait(1.0)
        if self.finished == self.ends_after:
            self.end()
            self.over.wait(1.0)
        self.answered.add(problem)
        entry = entry_of(first(self.samples[problem], processes))
        return Measured(entry=entry, checks=machine.check() + machine.check(), counters={"throttled": 0})

    @contextmanager
    def connected(self) -> Iterator[Workers]:
        """Start a scheduler and a worker for each machine."""
        from distributed import Client, LocalCluster, Worker
        from w2vbench.bench.plans.cluster.connection import silence

        silence()
        workers: list[Worker] = []

        async def join(machine: Machine) -> None:
            await asyncio.sleep(machine.joins_s)
            workers.append(await Worker(cluster.scheduler.address, nthreads=1, name=machine.name))

        async def begin() -> list[asyncio.Task[None]]:
            await asyncio.gather(*[join(one) for one in self.machines.values() if not one.joins_s])
            return [asyncio.create_task(join(one)) for one in self.machines.values() if one.joins_s]

        async def close() -> None:
            for task in later:
                task.cancel()
            await asyncio.gather(*[one.close(executor_wait=False) for one in workers], return_exceptions=True)

        with (
            LocalCluster(n_workers=0, processes=False, dashboard_address=None) as cluster,
            Client(cluster, set_as_default=False, timeout=5) as dask,
        ):
            self.end = lambda: drop(dask)
            later = dask.sync(begin)
            try:
                yield Workers(dask)
            finally:
                self.over.set()
                with suppress(Exception):
                    dask.sync(close)


def drop(dask: Any) -> None:
    """Let a client of Dask's lose its scheduler."""
    dask.loop.add_callback(dask.scheduler_comm.comm.abort)


def timed(problem: ProblemRun, processes: int, rounds: int = 12, *, slower: Sequence[float] = (2.0,)) -> ProblemRun:
    """Give a problem figures: the first case takes a millisecond a call.

    slower: how many times as long a case takes as the next one, process by process, over and over.
    """
    noise = random.Random(problem.problem)
    for at, case in enumerate(problem.cases):
        usual_s = [1e-3 / slower[process % len(slower)] ** at for process in range(processes)]
        case.samples = [
            Samples(
                wall_s=[one_s * noise.uniform(0.98, 1.02) for _ in range(rounds)],
                cpu_s=[one_s] * rounds,
                setup_s=0.0,
            )
            for one_s in usual_s
        ]
        case.plan = SamplePlan(calls=1, rounds=rounds)
    problem.processes, problem.seconds = processes, [1.0] * processes
    return problem


def first(problem: ProblemRun, processes: int) -> ProblemRun:
    """Return a problem as it is after its first processes."""
    cases = [replace(case, samples=case.samples[:processes]) for case in problem.cases]
    return replace(problem, cases=cases, processes=processes, seconds=problem.seconds[:processes])


@cache
def our_report() -> MachineReport:
    """What the client itself is, without looking."""
    environment = {
        "cpu": "CPU A",
        "cpus_allowed": 4,
        "memory_bytes": 16 << 30,
        "python": "3.11.0",
        "packages": {"numpy": "2.4.0", "numba": "0.68.0"},
        "blas": {"internal_api": "openblas", "version": "0.3.31", "architecture": "Zen"},
    }
    digests = {"code of w2vbench": "0a1b2c", "text": "3d4e5f"}
    information = {"node": "example", "machine": "x86_64", "cpu": {"brand_raw": "CPU A", "count": 4}}
    return MachineReport(
        name="client", host="client", environment=environment, machine_info=information, digests=digests
    )


def request_of(out: Path, vocabularies: Sequence[int] = (500, 600, 700, 800), **options: Any) -> RunRequest:
    """A small run: two implementations of lookup."""
    fields: dict[str, Any] = {
        "command": "w2vbench run --cluster tcp://example",
        "out": out,
        "kernels": ["lookup"],
        "globs": ["*gather@*"],
        "preset": "quick",
        "vocabularies": [*vocabularies],
        "batches": [10],
        "threads": [],
        "changed": {"H": 8},
        "processes": 3,
        "time_limit_s": 1.0,
        "memory_limit_bytes": 1 << 30,
        "seed": 0,
        "resume": False,
    }
    return RunRequest(**fields | options)


@contextmanager
def no_progress() -> Iterator[Note]:
    """Shows nothing."""
    yield lambda what, done, of: None


@dataclass(frozen=True)
class Ran:
    """What a run has left."""

    kinds: Sequence[Outputs]
    exit_code: int
    pages: Sequence[Path]


def run_on(
    machines: Machines, request: RunRequest, *, share_hosts: bool = False, heard: list[str] | None = None
) -> tuple[Ran, list[str]]:
    """Run on machines. Returns what is left and what was said; heard: where that goes too, should the run fail."""
    said = [] if heard is None else heard
    with (
        patch.object(remote, "answer_to", machines.answer_to),
        patch.multiple(client, **dict[str, Any](SOON)),
        patch.object(cluster_run, "report_of", lambda request: our_report()),
        patch.object(cluster_run, "stop_on_signals"),  # what ends pytest must not look like a user who ends the run
        machines.connected() as dask,
    ):
        kinds: list[Outputs] = []
        code, pages = cluster_run.run_on_machines(
            request, share_hosts, dask, said.append, no_progress, lambda kind, several: kinds.append(kind)
        )
        return Ran(kinds, code, pages), said


def three(**options: Any) -> list[Machine]:
    """Three machines of a kind; options: of the first."""
    return [Machine("a:1", **options), Machine("b:1"), Machine("c:1")]


def suite(outputs: Outputs) -> Any:
    return outputs.result.w2vbench


def measured(result: ResultFile) -> dict[int, set[str]]:
    """On which machines each vocabulary was measured."""
    found: dict[int, set[str]] = {}
    for row in result.benchmarks:
        found.setdefault(row.extra_info.size.V, set()).add(row.extra_info.machine)
    return found
