"""Machines that are not there: a transport whose workers answer from stored samples, on a clock that nothing waits for."""

from __future__ import annotations

import heapq
import itertools
import pickle
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
from w2vbench.bench.engine.protocol import MachineLimits, SamplePlan
from w2vbench.bench.plans.cluster import run as fleet_run
from w2vbench.bench.plans.cluster.machines import MachineReport
from w2vbench.bench.plans.cluster.members import FleetRequest
from w2vbench.bench.plans.cluster.remote import Measured, Prepared
from w2vbench.bench.plans.cluster.run import FleetOutputs
from w2vbench.bench.plans.cluster.self_check import SelfCheck
from w2vbench.bench.plans.cluster.transport import Answered, Event, Failed, Joined, Left, SchedulerLost
from w2vbench.bench.plans.run.journal import entry_of
from w2vbench.bench.plans.run.keeping import Outputs
from w2vbench.bench.plans.run.problems import ProblemRun
from w2vbench.bench.plans.run.request import Note
from w2vbench.bench.plans.run.run import RunRequest
from w2vbench.reports.file.schema.fields import Samples
from w2vbench.reports.file.schema.result import ResultFile
from w2vbench.reports.others.machines import Column, column, side_by_side

from tests import saved

LIMITS = MachineLimits(threads=1, read=[(1e6, 1e10)], write=[(1e6, 1e10)], copy=[(1e6, 1e10)], matmul={"f32": 1e11})
PACE_S = 2e-5
"""Seconds of a call in a machine's check of itself."""
EXPERIMENT_S, READY_S = 5.0, 3.0
"""How long an experiment takes, and how long a machine takes to report and to get ready."""


@dataclass
class Simulated:
    """A machine.

    Attributes
    ----------
    address, kind, host
        Where it is, the name of its CPU, and its computer.
    slower
        How many times as long everything takes there.
    difference
        Its A/A difference.
    changed
        Facts of its report that differ from the client's.
    joins_s
        When it joins.
    leaves_at
        The number of the experiment in whose middle it is lost.
    hangs_at
        The number of the experiment that it finishes only ``late_s`` later; never if that is None.
    fails_at
        The number of the experiment that raises an error.
    """

    address: str
    kind: str = "CPU A"
    host: str = ""
    slower: float = 1.0
    difference: float = 0.005
    changed: Mapping[str, Any] = field(default_factory=dict)
    joins_s: float = 0.0
    leaves_at: int | None = None
    hangs_at: int | None = None
    late_s: float | None = None
    fails_at: int | None = None
    measured: list[str] = field(default_factory=list)

    def report(self, ours: MachineReport) -> MachineReport:
        environment = {**ours.environment, "cpu": self.kind}
        report = msgspec.structs.replace(
            ours, name=self.address, host=self.host or self.address, environment=environment
        )
        return msgspec.structs.replace(report, **self.changed)


class SimulatedFleet:
    """A transport to simulated machines, and the clock that they share.

    Attributes
    ----------
    time_s
        Seconds since the beginning.
    inside_s
        Real seconds that were spent here, and not in the client.
    ends_at
        When the scheduler is lost.
    interrupted_after
        After how many experiments the user presses Ctrl-C.
    planned
        How many processes a problem gets at first.
    went_on
        Which machine has gone on with which experiment, up to how many processes.
    """

    def __init__(
        self, machines: Sequence[Simulated], ours: MachineReport, problems: Sequence[ProblemRun], planned: int
    ) -> None:
        self.machines, self.planned = {one.address: one for one in machines}, planned
        self.went_on: list[tuple[str, str, int]] = []
        self.ours, self.time_s, self.inside_s = ours, 0.0, 0.0
        self.samples = {problem.problem: problem for problem in problems}
        self.numbers = itertools.count()
        self.coming: list[tuple[float, int, Event]] = []
        self.sent: Counter[str] = Counter()
        self.ends_at, self.interrupted_after, self.finished = float("inf"), 1 << 60, 0
        self.under_way: dict[str, str] = {}
        self.most_on: Counter[str] = Counter()
        self.random = random.Random(0)
        for one in machines:
            self.later(one.joins_s, Joined(one.address))

    def now(self) -> float:
        return self.time_s

    def later(self, seconds: float, event: Event) -> None:
        heapq.heappush(self.coming, (self.time_s + seconds, next(self.numbers), event))

    def send(self, address: str, task: str, function: str, argument: bytes, *, alone: bool = True) -> None:
        began = time.perf_counter()
        machine, what = self.machines[address], function.partition(":")[2]
        self.sent[what] += 1
        if what == "report":
            self.later(READY_S, Answered(address, task, msgspec.json.encode(machine.report(self.ours))))
        elif what == "prepare":
            prepared = Prepared(check=self.check(machine), limits=(LIMITS,))
            self.later(READY_S, Answered(address, task, msgspec.json.encode(prepared)))
        elif what == "check":
            self.later(READY_S, Answered(address, task, msgspec.json.encode(self.check(machine))))
        elif what == "leave":
            self.later(0, Answered(address, task, b""))
        else:
            _, experiment, further = pickle.loads(argument)
            if further:
                self.went_on.append((address, experiment, further.processes))
            self.measure(machine, task, experiment, further.processes if further else self.planned)
        self.inside_s += time.perf_counter() - began

    def measure(self, machine: Simulated, task: str, experiment: str, processes: int) -> None:
        number = len(machine.measured)
        machine.measured.append(experiment)
        on_host = machine.host or machine.address
        self.under_way[task] = on_host
        self.most_on[on_host] = max(self.most_on[on_host], list(self.under_way.values()).count(on_host))
        took = EXPERIMENT_S * machine.slower * self.random.uniform(0.8, 1.2)
        if number == machine.leaves_at:
            self.later(took / 2, Left(machine.address))
        elif number == machine.fails_at:
            self.later(took, Failed(machine.address, task, "OSError: no space left on device"))
        elif number != machine.hangs_at:
            self.later(took, Answered(machine.address, task, self.answer(machine, experiment, processes)))
        elif machine.late_s is not None:
            self.later(machine.late_s, Answered(machine.address, task, self.answer(machine, experiment, processes)))

    def answer(self, machine: Simulated, experiment: str, processes: int) -> bytes:
        entry = entry_of(first(self.samples[experiment], processes))
        return msgspec.json.encode(
            Measured(entry=entry, checks=(self.check(machine), self.check(machine)), counters={"throttled": 0})
        )

    def check(self, machine: Simulated) -> SelfCheck:
        pace = PACE_S * machine.slower * self.random.uniform(0.95, 1.05)
        return SelfCheck(difference=machine.difference, pace_s=pace, waiting=0.0)

    def events(self, timeout_s: float) -> Sequence[Event]:
        began = time.perf_counter()
        try:
            return self.due(timeout_s)
        finally:
            self.inside_s += time.perf_counter() - began

    def due(self, timeout_s: float) -> Sequence[Event]:
        if not self.coming or self.coming[0][0] > self.time_s + timeout_s:
            self.time_s += timeout_s
            found = []
        else:
            self.time_s, _, event = heapq.heappop(self.coming)
            found = [event]
        if self.time_s > self.ends_at:
            raise SchedulerLost("the scheduler at tcp://example is gone")
        for event in found:
            if isinstance(event, Left):
                self.coming = [one for one in self.coming if one[2].address != event.address]
                heapq.heapify(self.coming)
                self.under_way = {task: host for task, host in self.under_way.items() if host != event.address}
            elif isinstance(event, Answered | Failed):
                self.finished += self.under_way.pop(event.task, None) is not None
        if self.finished >= self.interrupted_after:
            self.interrupted_after = 1 << 60
            raise KeyboardInterrupt
        return found


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
        "vocabularies": vocabularies,
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


def fleet_of(
    machines: Sequence[Simulated], request: RunRequest, slower: Mapping[int, Sequence[float]] | None = None
) -> SimulatedFleet:
    """Return machines that answer with figures for a request's problems. slower: of ``timed``, by V."""
    planned = request.settings().processes
    problems = [
        timed(problem, max([planned, *request.looks]), slower=(slower or {}).get(problem.size.V, (2.0,)))
        for problem in request.problems()
    ]
    return SimulatedFleet(machines, our_report(), problems, planned)


@dataclass(frozen=True)
class Ran:
    """What a run has left, read again; and the pages of several machines."""

    kinds: Sequence[Outputs]
    exit_code: int
    pages: Sequence[Path]


def run_on(
    fleet: SimulatedFleet, request: RunRequest, *, share_hosts: bool = False, heard: list[str] | None = None
) -> tuple[Ran, list[str]]:
    """Run on machines. Returns what is left and what was said; heard: where that goes too, should the run fail."""
    outputs, said = left_by(fleet, request, share_hosts=share_hosts, heard=heard)
    return Ran([kind.outputs() for kind in outputs.kinds], outputs.exit_code, outputs.pages), said


def left_by(
    fleet: SimulatedFleet, request: RunRequest, *, share_hosts: bool = False, heard: list[str] | None = None
) -> tuple[FleetOutputs, list[str]]:
    """Run on machines. Returns what is on disk and what was said; heard: where that goes too, should the run fail."""
    said = [] if heard is None else heard
    with (
        patch.object(fleet_run, "report_of", lambda request: our_report()),
        patch.object(fleet_run, "stop_on_signals"),  # what ends pytest must not look like a user who ends the run
    ):
        return fleet_run.run_fleet(FleetRequest(request, share_hosts), fleet, said.append, no_progress), said


def three(**options: Any) -> list[Simulated]:
    """Three machines of a kind; options: of the first."""
    return [Simulated("a:1", **options), Simulated("b:1"), Simulated("c:1")]


def suite(outputs: Outputs) -> Any:
    return outputs.result.w2vbench


def measured(result: ResultFile) -> dict[int, set[str]]:
    """On which machines each vocabulary was measured."""
    found: dict[int, set[str]] = {}
    for row in result.benchmarks:
        found.setdefault(row.extra_info.size.V, set()).add(row.extra_info.machine)
    return found


def many_machines(number: int) -> list[Column]:
    """The columns of machines with as many problems as a default run has: 80, of four implementations."""
    kernels = [f"kernel-{at}" for at in range(8)]
    read = [
        column(
            saved.result(
                *[
                    saved.row(slug, wall * (1 + at / 100), V=V, kernel=kernel, baseline=slug == "a")
                    for kernel in kernels
                    for V in range(1_000, 11_000, 1_000)
                    for slug, wall in (("a", 1e-3), ("b", 1e-4), ("c", 1e-5), ("d", 2e-5))
                ],
                environment={"cpu": f"CPU {at}"},
            ),
            f"{at}.json",
        )
        for at in range(8)
    ]
    return side_by_side([replace(read[at % 8], name=f"machine {at}") for at in range(number)])
