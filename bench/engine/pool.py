"""Worker processes, seen from the main process: started ahead of need, watched, and ended with all that they started.

One worker and all workers are in one file, because what a worker has started can only be told from the other workers.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from . import cpus, protocol
from .process import adopt_orphans

SCRIPT = Path(__file__).with_name("worker.py")
THREAD_VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
STEADY_ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(64 << 20)}
"""glibc returns freed memory to the system above these thresholds, and getting it back costs page faults. The thresholds rise
as a program frees larger blocks. Set to their highest values from the start, they keep a call's time independent of earlier
calls: without them, a sampler with arrays of 800 kB took 31 ms in one place of the order and 18 ms in another."""
SHORT_SPINS = {"OPENBLAS_THREAD_TIMEOUT": "22", "GOMP_SPINCOUNT": "100000"}
"""After a call, OpenBLAS's threads spin for 0.1 s and OpenMP's for 10 ms in case that another follows, beside whatever runs
then: another variant, or another side's process. With these settings they stop within 3 ms."""
RUN_VARIABLE = "W2VBENCH_RUN"
"""The environment variable by which the processes of a run are known."""
MOST_SPARES = 4
"""Most processes that wait for their first job: each takes 0.2 GB."""
START_PATIENCE = 10
"""How many times the usual limit a process may take to start: on a busy machine, importing numba alone takes seconds."""


class WorkerFailure(Exception):
    """A worker that did not finish its job.

    Attributes
    ----------
    variant
        The variant at fault; None if there is none.
    status, reason
        How the worker failed.
    """

    def __init__(self, variant: str | None, status: str, reason: str) -> None:
        super().__init__(reason)
        self.variant, self.status, self.reason = variant, status, reason


@dataclass(frozen=True)
class LongestStep:
    """The step of a job that came nearest to its time limit."""

    name: str = ""
    seconds: float = 0.0
    limit_s: float = 1.0

    @property
    def share(self) -> float:
        return self.seconds / self.limit_s


class Workers:
    """The workers of a run. As a context manager, it ends all of them and all that they started.

    While a worker prepares its inputs, the next one starts and then waits. Nothing else runs while a worker measures. A
    reusable worker that has left nothing running also does the next job, until it is retired.

    Parameters
    ----------
    worker_cpus
        CPUs that this process leaves to its workers, if it may use others: it wakes at each event that they send.
    command
        What starts a worker: an interpreter, its options, and the worker's script.

    Attributes
    ----------
    compiles
        Whether numba may compile what is timed. A worker then loads numba, half of its start, before it is measured: set-up
        times must not contain that. To be set to False only where all code that will be timed is known to do without.
    """

    def __init__(
        self, worker_cpus: Collection[int] = (), command: Sequence[str] = (sys.executable, str(SCRIPT))
    ) -> None:
        self.command, self.compiles = tuple(command), True
        self.cpus = cpus.allowed()
        self.own_cpus = self.cpus - {*worker_cpus} or self.cpus
        self.longest = LongestStep()
        self.run_id = uuid.uuid4().hex
        self.spares: list[Worker] = []
        self.idle: list[Worker] = []
        self.all: set[Worker] = set()
        self.closed = False
        self.lock = threading.Lock()  # contracts are checked in several threads

    def like(self, command: Sequence[str]) -> Workers:
        """Return workers on the same CPUs that another command starts, such as another interpreter's."""
        others = Workers(command=command)
        others.cpus, others.own_cpus = self.cpus, self.own_cpus
        return others

    def __enter__(self) -> Self:
        adopt_orphans()
        if self.own_cpus != self.cpus:
            cpus.set_affinity(self.own_cpus)
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
        if self.own_cpus != self.cpus:
            cpus.set_affinity(self.cpus)

    def close(self) -> None:
        """End all workers. No worker can start after this."""
        with self.lock:
            self.closed, self.spares, self.idle = True, [], []
        for worker in list(self.all):
            self.end(worker)

    def work(
        self, job: protocol.Jobs, threads: int, start_next: bool = False, reuse: bool = False
    ) -> Iterator[protocol.Events]:
        """Give a job to a worker and yield its events.

        Parameters
        ----------
        job
            What the worker does.
        threads
            Its threads.
        start_next
            Whether the next worker starts meanwhile.
        reuse
            Whether a worker may take the job that has done another, and is kept for the next.

        Raises
        ------
        WorkerFailure
            If the worker crashes, fails, or spends longer than the job's time limit on one step.
        """
        numba = job.timed and self.compiles
        worker = self.acquire(threads, numba=numba, reuse=reuse)
        if start_next:
            self.start_spares(threads, numba=numba)
        clean = False
        try:
            for event in worker.events(job, self.wait_for_spares):
                clean = isinstance(event, protocol.Done) and event.clean
                yield event
        finally:
            self.longest = worker.longest
            if reuse and clean and not self.closed:
                self.idle.append(worker)
            else:
                self.end(worker)

    def retire(self) -> None:
        """End the idle workers, so that the next job gets a fresh process."""
        while self.idle:
            self.end(self.idle.pop())

    def dismiss(self) -> None:
        """End the idle workers and the spares, which nobody needs for a while."""
        self.retire()
        while self.spares:
            self.end(self.spares.pop())

    def acquire(self, threads: int, *, numba: bool, reuse: bool = False) -> Worker:
        """Return an idle worker if it may be reused, or a spare, or a new one, with this number of threads.

        numba: whether it must load numba at its start.
        """
        if not reuse:
            self.retire()
        with self.lock:
            for waiting in (self.idle, self.spares):
                for worker in sorted(waiting, key=lambda one: one.numba):  # who has numba is left for what needs it
                    if worker.suits(threads, numba):
                        waiting.remove(worker)
                        return worker
        return self.spawn(threads, numba)

    def start_spares(self, threads: int, number: int = 1, *, numba: bool) -> None:
        """Start workers ahead of need, until this number of spares, or MOST_SPARES, is starting or waiting.

        numba: whether they must load numba at their start.
        """
        for spare in [spare for spare in self.spares if not spare.suits(threads, numba)]:
            self.spares.remove(spare)
            self.end(spare)
        while len(self.spares) < min(number, MOST_SPARES):
            self.spares.append(self.spawn(threads, numba))

    def spawn(self, threads: int, numba: bool) -> Worker:
        """Start a worker. Raises WorkerFailure if the run has ended."""
        with self.lock:
            if self.closed:
                raise WorkerFailure(None, "error", "the run has ended")
            worker = Worker(threads, numba, self.run_id, self.cpus, self.command)
            self.all.add(worker)
            return worker

    def wait_for_spares(self) -> None:
        """Wait until the spares have started, so that they are idle."""
        for spare in self.spares:
            spare.started.wait(60)

    def end(self, worker: Worker) -> None:
        """End a worker, its process group, and all that it started outside the group."""
        worker.kill()
        with self.lock:
            self.all.discard(worker)
            end_strays(self.run_id, {other.process.pid for other in self.all})
        worker.reader.join(1.0)


class Worker:
    """One worker process. It imports what it needs, waits for a job, and sends events, one JSON line each."""

    def __init__(
        self, threads: int, numba: bool, run_id: str, allowed: Collection[int], command: Sequence[str]
    ) -> None:
        self.threads, self.numba = threads, numba
        self.token = uuid.uuid4().hex[:8]
        self.started = threading.Event()
        self.lines: queue.Queue[bytes | None] = queue.Queue()
        self.longest = LongestStep()
        with cpus.spawning_on(allowed):
            self.process = subprocess.Popen(
                [*command, *([] if numba else [protocol.WITHOUT_NUMBA])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={
                    **os.environ,
                    **STEADY_ALLOCATOR,
                    **SHORT_SPINS,
                    **dict.fromkeys(THREAD_VARIABLES, str(threads)),
                    RUN_VARIABLE: run_id,
                },
                start_new_session=True,
            )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        self.reader = threading.Thread(target=self.read_lines, daemon=True)
        self.reader.start()
        threading.Thread(target=self.wait, daemon=True).start()

    def suits(self, threads: int, numba: bool) -> bool:
        """Whether it has this number of threads, and numba where that is needed."""
        return self.threads == threads and self.numba >= numba

    def read_lines(self) -> None:
        """Move lines into a queue, so that waiting for them takes no CPU time. Close the pipe once nothing can write into it."""
        with contextlib.suppress(ValueError, OSError), self.stdout:
            while line := self.stdout.readline(protocol.LONGEST_LINE):
                self.started.set()
                self.lines.put(line)
        self.started.set()

    def wait(self) -> None:
        """Put None behind the last line once the process has ended, even if a child of it still holds the pipe."""
        self.process.wait()
        self.reader.join(1.0)  # the last lines may still be in the pipe
        self.lines.put(None)

    def send(self, line: bytes) -> None:
        with contextlib.suppress(BrokenPipeError):
            self.stdin.write(line)
            self.stdin.flush()

    def events(self, job: protocol.Jobs, before_measuring: Callable[[], None]) -> Iterator[protocol.Events]:
        """Send a job and yield its events until it is done. before_measuring is called before the worker may measure."""
        step, self.longest = protocol.StepBegins(name="start", patience=START_PATIENCE), LongestStep()
        self.send(protocol.line_of(job, self.token))
        began = time.monotonic()
        while True:
            limit_s = job.settings.time_limit_s * step.patience
            try:
                line = self.lines.get(timeout=limit_s)
                event = None if line is None else protocol.read_event(line, self.token)
            except queue.Empty:
                times = f"{step.patience} × --time-limit {job.settings.time_limit_s:g}"
                limit = times if step.patience > 1 else "--time-limit"
                reason = f"{step.name} took longer than {limit_s:g} s ({limit})"
                raise WorkerFailure(step.variant, "timeout", reason) from None
            except protocol.NotAnEvent:
                reason = f"something in its process wrote into the engine's own pipe during {step.name}"
                raise WorkerFailure(step.variant, "crashed", reason) from None
            match event:
                case None:
                    reason = f"the process ended during {step.name} with {exit_reason(self.process.wait())}"
                    raise WorkerFailure(step.variant, "crashed", reason)
                case protocol.Started():
                    pass
                case protocol.Ready():
                    before_measuring()
                    self.send(b"go\n")
                case protocol.RoundBegins():
                    yield event
                    self.send(b"go\n")
                    began = time.monotonic()  # others may have run meanwhile
                case protocol.Failed():
                    raise WorkerFailure(step.variant, event.status, event.reason)
                case protocol.StepBegins() | protocol.Done():
                    ended = LongestStep(step.name, time.monotonic() - began, limit_s)
                    self.longest = max(self.longest, ended, key=lambda one: one.share)
                    if isinstance(event, protocol.Done):
                        yield event
                        return
                    step, began = event, time.monotonic()
                case _:
                    yield event

    def kill(self) -> None:
        """End the process and its group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        with contextlib.suppress(OSError):
            self.stdin.close()


def exit_reason(code: int) -> str:
    """Describe how a process ended: ``exit code 3`` or ``signal SIGSEGV``."""
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"signal {signal.Signals(-code).name}"
    return f"signal {-code}"


def end_strays(run_id: str, workers: set[int]) -> None:
    """End a run's adopted processes, which workers have started in other sessions.

    They have the run's id in their environment. workers: process numbers of the running workers.
    """
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error, OSError):
            if child.pid not in workers and child.environ().get(RUN_VARIABLE) == run_id:
                for process in (*child.children(recursive=True), child):
                    with contextlib.suppress(psutil.Error):
                        process.kill()
                child.wait(5)
