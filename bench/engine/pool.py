"""Worker processes from the outside: started ahead of need, watched, and ended with everything that they started."""

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
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from . import cpus, protocol

SCRIPT = Path(__file__).with_name("worker.py")
THREAD_VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
STEADY_ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(64 << 20)}
"""glibc gives memory back to the system, and pays page faults to get it again, above thresholds that rise to these values
as a program frees larger and larger blocks. From the start they make a call's time independent of which calls came
before: without them a sampler that needs some arrays of 800 kB took 31 ms in one place of the order and 18 in another."""
MARK = "W2VBENCH_RUN"
STARTING = 10
"""How many times the usual limit a process may take to start: on a busy machine numba alone takes seconds."""
LOOK_S = 1.0
"""How often it is looked whether a silent worker has ended."""


class Died(Exception):
    """A worker that did not reach its end: the variant at fault (None: nobody's), status and reason."""

    def __init__(self, variant: str | None, status: str, reason: str) -> None:
        super().__init__(reason)
        self.variant, self.status, self.reason = variant, status, reason


class Workers:
    """The workers of a run. As a context manager it leaves none behind, nor what they started.

    While one prepares its inputs the next ones start up beside it, and wait; nothing runs beside one that measures. One
    that may be used again, and has left nothing running, does the next piece of work too, until it is retired.

    off: CPUs that this process leaves to its workers, if it may use others: it wakes whenever one of them tells something.
    """

    def __init__(self, off: Collection[int] = ()) -> None:
        self.cpus = cpus.allowed()
        self.own_cpus = self.cpus - {*off} or self.cpus
        self.mark = uuid.uuid4().hex
        self.spares: list[Worker] = []
        self.kept: list[Worker] = []
        self.all: set[Worker] = set()
        self.closed = False
        self.lock = threading.Lock()  # contracts are checked in several threads

    def __enter__(self) -> Self:
        adopt_orphans()
        if self.own_cpus != self.cpus:
            cpus.move(self.own_cpus)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if self.own_cpus != self.cpus:
            cpus.move(self.cpus)

    def close(self) -> None:
        """End all workers; none starts from now on."""
        with self.lock:
            self.closed, self.spares, self.kept = True, [], []
        for worker in list(self.all):
            self.end(worker)

    def work(
        self, job: protocol.Jobs, threads: int, ahead: bool = False, again: bool = False
    ) -> Iterator[protocol.Events]:
        """Have a worker do a job, and give its events.

        ahead: have the next worker start meanwhile. again: a worker that did such a job may do it, and be kept for the next.
        Raises Died if it crashes, fails, or takes longer than the job's time limit over one step.
        """
        worker = self.start(threads, again)
        if ahead:
            self.begin(threads)
        clean = False
        try:
            for event in worker.events(job, self.settle):
                clean = isinstance(event, protocol.Done) and event.clean
                yield event
        finally:
            if again and clean and not self.closed:
                self.kept.append(worker)
            else:
                self.end(worker)

    def retire(self) -> None:
        """End the workers that were kept: from now on work is done by fresh ones."""
        kept, self.kept = self.kept, []
        for worker in kept:
            self.end(worker)

    def start(self, threads: int, again: bool = False) -> Worker:
        """A worker that was kept, or the one that has started already, if it has the right number of threads, or a new one."""
        with self.lock:
            kept = self.kept.pop() if self.kept else None
        if kept and again and kept.threads == threads:
            return kept
        if kept:
            self.end(kept)
        with self.lock:
            spare = next((spare for spare in self.spares if spare.threads == threads), None)
            if spare:
                self.spares.remove(spare)
        return spare or self.new(threads)

    def begin(self, threads: int, number: int = 1) -> None:
        """Start workers ahead of need, so that so many are starting or idle."""
        for spare in [spare for spare in self.spares if spare.threads != threads]:
            self.spares.remove(spare)
            self.end(spare)
        while len(self.spares) < number:
            self.spares.append(self.new(threads))

    def new(self, threads: int) -> Worker:
        """Start a worker. Raises Died once the run has ended."""
        with self.lock:
            if self.closed:
                raise Died(None, "error", "the run has ended")
            worker = Worker(threads, self.mark, self.cpus)
            self.all.add(worker)
            return worker

    def settle(self) -> None:
        """Wait until the next workers have started up and are idle."""
        for spare in self.spares:
            spare.started.wait(60)

    def end(self, worker: Worker) -> None:
        """End a worker, its process group, and what it started outside of it."""
        worker.kill()
        with self.lock:
            self.all.discard(worker)
            end_strays(self.mark, {other.process.pid for other in self.all})
        worker.close()


class Worker:
    """One process. It imports what it needs, waits for a specification, and tells what it does, a JSON line an event."""

    def __init__(self, threads: int, mark: str, everywhere: Collection[int]) -> None:
        self.threads = threads
        self.token = uuid.uuid4().hex[:8]
        self.started = threading.Event()
        self.lines: queue.Queue[bytes | None] = queue.Queue()
        with cpus.lifted(everywhere):
            self.process = subprocess.Popen(
                [sys.executable, str(SCRIPT)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **STEADY_ALLOCATOR, **dict.fromkeys(THREAD_VARIABLES, str(threads)), MARK: mark},
                start_new_session=True,
            )
        self.pumping = threading.Thread(target=self.pump, daemon=True)
        self.pumping.start()

    def pump(self) -> None:
        """Move lines into a queue, so that waiting for them costs the measuring machine nothing."""
        assert self.process.stdout is not None
        with contextlib.suppress(ValueError, OSError):
            while line := self.process.stdout.readline(protocol.LONGEST_LINE):
                self.started.set()
                self.lines.put(line)
        self.started.set()
        self.lines.put(None)

    def send(self, line: bytes) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(line)
            self.process.stdin.flush()

    def events(self, job: protocol.Jobs, settle: Callable[[], None]) -> Iterator[protocol.Events]:
        """Send a job and give its events until it is done. settle: called before measuring may begin."""
        stage = protocol.Stage(name="start", patience=STARTING)
        self.send(protocol.job_line(job, self.token))
        while True:
            limit_s = job.time_limit_s * stage.patience
            try:
                line = self.line(limit_s)
            except queue.Empty:
                times = f" {job.time_limit_s:g}, times {stage.patience}" if stage.patience > 1 else ""
                said = f"{stage.name} took longer than {limit_s:g} s (--time-limit{times})"
                raise Died(stage.variant, "timeout", said) from None
            if line is None:
                break
            try:
                event = protocol.read_event(line, self.token)
            except protocol.NotAnEvent:
                reason = f"something in its process wrote into the engine's own pipe during {stage.name}"
                raise Died(stage.variant, "crashed", reason) from None
            match event:
                case protocol.Started():
                    pass
                case protocol.Stage():
                    stage = event
                case protocol.Ready():
                    settle()
                    self.send(b"go\n")
                case protocol.Failed():
                    raise Died(stage.variant, event.status, event.reason)
                case protocol.Done() | protocol.Excluded():
                    yield event
                    return
                case _:
                    yield event
        try:
            code = self.process.wait(job.time_limit_s)
        except subprocess.TimeoutExpired:
            raise Died(stage.variant, "timeout", f"the process went silent during {stage.name}") from None
        raise Died(stage.variant, "crashed", f"the process ended during {stage.name} with {ending(code)}")

    def line(self, limit_s: float) -> bytes | None:
        """The next line; None once the process has ended, even if a child of its own still holds its pipe. Raises queue.Empty."""
        until = time.monotonic() + limit_s
        while True:
            try:
                return self.lines.get(timeout=max(0.0, min(LOOK_S, until - time.monotonic())))
            except queue.Empty:
                if self.process.poll() is not None:
                    self.pumping.join(LOOK_S)  # what it said last
                    return self.lines.get_nowait() if self.lines.qsize() else None
                if time.monotonic() >= until:
                    raise

    def kill(self) -> None:
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """Close the pipes, once nobody holds their other ends; one that somebody still holds is left to the system."""
        self.pumping.join(1.0)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe and (pipe is self.process.stdin or not self.pumping.is_alive()):
                with contextlib.suppress(OSError):
                    pipe.close()


def ending(code: int) -> str:
    """How a process ended, in words: ``exit code 3`` or ``signal SIGSEGV``."""
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"signal {signal.Signals(-code).name}"
    return f"signal {-code}"


def adopt_orphans() -> None:
    """Become the parent of processes whose own parent ends, so that none gets away (Linux only)."""
    if sys.platform == "linux":
        import ctypes

        PR_SET_CHILD_SUBREAPER = 36
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def end_strays(mark: str, keep: set[int]) -> None:
    """End adopted processes that carry a run's mark in their environment: a worker's children in sessions of their own."""
    import psutil

    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error, OSError):
            if child.pid not in keep and child.environ().get(MARK) == mark:
                for process in (*child.children(recursive=True), child):
                    with contextlib.suppress(psutil.Error):
                        process.kill()
                child.wait(5)
