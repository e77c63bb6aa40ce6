"""The worker processes of a run: started ahead of need, used again where that is allowed, and ended with all that they started.

What a worker has started in another session becomes a child of this process, as the workers are. Only who knows all workers can
tell it from them.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import psutil
from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.machine import cpus
from w2vbench.bench.engine.machine.process import adopt_orphans

from .worker_process import RUN_VARIABLE, LongestStep, Worker, WorkerFailure

SCRIPT = Path(__file__).resolve().parents[2] / "worker.py"
MOST_SPARES = 4
"""Most processes that wait for their first job: each takes 0.2 GB."""


class Workers:
    """The workers of a run. As a context manager, it ends all of them and all that they started.

    While a worker prepares its inputs, the next one starts and then waits. Nothing else runs while a worker measures. A
    reusable worker that has left nothing running also does the next job, until it is retired.

    Parameters
    ----------
    worker_cpus
        CPUs that this process leaves to its workers, if it may use others: it wakes at each event that they send. If those are
        all, it leaves the first, on which workers of one thread stay.
    command
        What starts a worker: an interpreter, its options, and the worker's script.

    Attributes
    ----------
    compiles
        Whether numba may compile what is timed. A worker then loads numba, half of its start, before it is measured: set-up
        times must not contain that. To be set to False only where all code that will be timed is known to do without.
    longest, seconds
        The step of the last job that came nearest to its time limit, and the seconds in all steps of a name, of all jobs.
    """

    def __init__(self, worker_cpus: Sequence[int] = (), command: Sequence[str] = (sys.executable, str(SCRIPT))) -> None:
        self.command, self.compiles = tuple(command), True
        self.cpus = cpus.allowed()
        self.own_cpus = self.cpus - {*worker_cpus} or self.cpus - {*worker_cpus[:1]} or self.cpus
        self.longest, self.seconds = LongestStep(), defaultdict[str, float](float)
        self.run_id = uuid.uuid4().hex
        self.spares: list[Worker] = []
        self.idle: list[Worker] = []
        self.all: set[Worker] = set()
        self.closed = False
        self.lock = threading.Lock()  # contracts are checked in several threads
        # a worker ends with the thread that started it (prctl(2), PR_SET_PDEATHSIG): this one stays until all are to end
        self.starter = ThreadPoolExecutor(1, "starts workers")

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
        self.starter.shutdown()

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
            with self.lock:
                for step, seconds in worker.seconds.items():
                    self.seconds[step] += seconds
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
        """Start workers ahead of need, until this number of spares with these threads, or MOST_SPARES in all, are starting or waiting.

        Those without numba end where it must be loaded; those with other numbers of threads have their turn later.

        Parameters
        ----------
        threads, number
            Their threads, and how many there shall be.
        numba
            Whether they must load numba at their start.
        """
        for spare in [spare for spare in self.spares if numba and not spare.numba]:
            self.spares.remove(spare)
            self.end(spare)
        while sum(spare.threads == threads for spare in self.spares) < number and len(self.spares) < MOST_SPARES:
            self.spares.append(self.spawn(threads, numba))

    def spawn(self, threads: int, numba: bool) -> Worker:
        """Start a worker. Raises WorkerFailure if the run has ended."""
        with self.lock:
            if self.closed:
                raise WorkerFailure(None, protocol.Status.ERROR, "the run has ended")
            worker = self.starter.submit(Worker, threads, numba, self.run_id, self.cpus, self.command).result()
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
