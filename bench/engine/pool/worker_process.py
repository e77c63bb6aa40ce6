"""One worker process, seen from the main process: how it is started, what it is sent, and how it fails."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.machine import cpus
from w2vbench.bench.engine.protocol import Status

THREAD_VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "PJRT_NPROC",  # JAX's
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
START_PATIENCE = 10
"""How many times the usual limit a process may take to start, or to import a package: on a busy machine, numba takes seconds, and
torch more."""
PARTS = 10
"""A limit is waited for in so many parts, one after another. While everything is stopped, as in a container that is frozen, the
clock goes on, but no more than one part passes: what was stopped has the rest of its time."""


class WorkerFailure(Exception):
    """A worker that did not finish its job.

    Attributes
    ----------
    variant
        The variant at fault; None if there is none.
    status, reason
        How the worker failed.
    """

    def __init__(self, variant: str | None, status: Status, reason: str) -> None:
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


class Worker:
    """One worker process. It imports what it needs, waits for a job, and sends events, one JSON line each."""

    def __init__(
        self, threads: int, numba: bool, run_id: str, allowed: Collection[int], command: Sequence[str]
    ) -> None:
        self.threads, self.numba = threads, numba
        self.token = uuid.uuid4().hex[:8]
        self.started = threading.Event()
        self.lines: queue.Queue[bytes | None] = queue.Queue()
        self.longest, self.seconds = LongestStep(), defaultdict[str, float](float)
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
        step = protocol.StepBegins(name="start", patience=START_PATIENCE)
        self.longest, self.seconds = LongestStep(), defaultdict(float)
        self.send(protocol.line_of(job, self.token))
        began = time.monotonic()
        while True:
            limit_s = job.settings.time_limit_s * step.patience
            try:
                line = line_within(limit_s, self.lines)
                event = None if line is None else protocol.read_event(line, self.token)
            except queue.Empty:
                times = f"{step.patience} × --time-limit {job.settings.time_limit_s:g}"
                limit = times if step.patience > 1 else "--time-limit"
                reason = f"{step.name} took longer than {limit_s:g} s ({limit})"
                raise WorkerFailure(step.variant, Status.TIMEOUT, reason) from None
            except protocol.NotAnEvent:
                reason = f"something in its process wrote into the engine's own pipe during {step.name}"
                raise WorkerFailure(step.variant, Status.CRASHED, reason) from None
            match event:
                case None:
                    why = "; w2vbench list says why, if this program's own code cannot be loaded" * (
                        step.name == "start"
                    )
                    reason = f"the process ended during {step.name} with {exit_reason(self.process.wait())}{why}"
                    raise WorkerFailure(step.variant, Status.CRASHED, reason)
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
                    self.seconds[step.name.partition(" at ")[0]] += ended.seconds
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


def line_within(limit_s: float, lines: queue.Queue[bytes | None]) -> bytes | None:
    """Return the next line.

    Raises
    ------
    queue.Empty
        If none comes within the limit.
    """
    for _ in range(PARTS):
        with contextlib.suppress(queue.Empty):
            return lines.get(timeout=limit_s / PARTS)
    raise queue.Empty


def exit_reason(code: int) -> str:
    """Describe how a process ended: ``exit code 3`` or ``signal SIGSEGV``."""
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"signal {signal.Signals(-code).name}"
    return f"signal {-code}"
