"""Machines reached through Dask: a scheduler's address, or workers that are started here. The only file that imports it.

A worker is asked for nothing but to call functions of w2vbench by their names, so that neither a scheduler nor a worker without
w2vbench fails to read what it is sent. Each task is sent to one worker and to no other: who measures what is ours to decide.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import signal
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from dask import config
from distributed import Client, Future, LocalCluster, get_worker
from distributed.comm import connect
from distributed.security import Security
from distributed.utils import sync

from .transport import Answered, Event, Failed, Joined, Left, SchedulerLost

RESOURCE = "w2vbench"
"""A worker has one of it, and so does one experiment at a time."""
CONNECT_S = 10.0
"""Longest that a scheduler may take to answer."""
FETCH_S = 60.0
"""Longest that a worker may take to hand over what a task has returned; it may be busy."""
POLL_S = 1.0
"""How often the scheduler is asked which workers there are."""
CALL = "__import__('pkgutil').resolve_name(function)(argument)"
"""What a worker evaluates. It is text, and so the same for every version of Python."""
SET_UP = "one at a time"


class NoScheduler(ValueError):
    """An address at which no scheduler answers. The message is one line."""


def one_at_a_time(argument: bytes) -> bytes:
    """Give the worker that runs this one resource of ours, so that two clients do not measure on it at once."""
    worker = get_worker()
    sync(worker.loop, worker.set_resources, **{RESOURCE: 1})
    return argument


class DaskTransport:
    """A transport through a Dask client."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.scheduler = client.scheduler.address if client.scheduler else "the scheduler"
        self.happened: queue.Queue[tuple[Future, Answered | Failed]] = queue.Queue()
        self.futures: dict[str, dict[str, Future]] = {}
        self.joined: set[str] = set()
        self.polled = -POLL_S

    def send(self, address: str, task: str, function: str, argument: bytes, *, alone: bool = True) -> None:
        """Let a worker call a function (``Transport.send``)."""
        future = self.client.submit(
            eval,
            CALL,
            {"function": function, "argument": argument},
            key=f"w2vbench {task} {address}",
            workers=[address],
            allow_other_workers=False,
            resources={RESOURCE: 1} if alone else None,
            pure=False,
            retries=0,
        )
        self.futures.setdefault(address, {})[task] = future
        future.add_done_callback(lambda done: self.happened.put((done, outcome(done, address, task))))

    def events(self, timeout_s: float) -> Sequence[Event]:
        """Wait for events, at most this long. Raises SchedulerLost."""
        found = list(self.changes())
        with suppress(queue.Empty):
            while True:
                done, event = self.happened.get(timeout=0 if found else min(timeout_s, POLL_S))
                found += self.of_future(done, event)
        self.check_connection()
        return found

    def now(self) -> float:
        """Return the time in seconds (``Transport.now``)."""
        return time.monotonic()

    def of_future(self, done: Future, event: Answered | Failed) -> Iterator[Event]:
        """Yield what a task that has ended means."""
        held = self.futures.get(event.address, {}).pop(event.task, None)
        if held is None:  # its worker has left
            return
        if done.status == "cancelled":
            self.check_connection()
        elif event.task != SET_UP:
            yield event
        else:
            yield Joined(event.address)
            if isinstance(event, Failed):
                yield event

    def changes(self) -> Iterator[Event]:
        """Yield which workers have left, and prepare those that have joined."""
        if time.monotonic() < self.polled + POLL_S:
            return
        self.polled = time.monotonic()
        now = self.workers()
        for address in self.joined - now:
            self.joined.discard(address)
            for future in self.futures.pop(address, {}).values():
                future.cancel()
            yield Left(address)
        for address in now - self.joined:
            self.joined.add(address)
            self.send(address, SET_UP, f"{__name__}:{one_at_a_time.__name__}", b"", alone=False)

    def workers(self) -> set[str]:
        """Return the addresses of all workers. Raises SchedulerLost."""
        self.check_connection()
        try:
            return {*self.client.sync(self.client.scheduler.ncores, callback_timeout=CONNECT_S)}
        except Exception as error:
            raise SchedulerLost(f"the scheduler at {self.scheduler} does not answer any more") from error

    def check_connection(self) -> None:
        """Raise SchedulerLost unless the client is connected."""
        if self.client.status != "running":
            raise SchedulerLost(f"the scheduler at {self.scheduler} is gone")


def outcome(done: Future, address: str, task: str) -> Answered | Failed:
    """Return what a task has returned or raised. It runs in a thread of Dask's, since it may have to fetch that."""
    try:
        if done.status == "finished":  # its value may still be on the worker
            answer = done.result(timeout=FETCH_S)
            if isinstance(answer, bytes):
                return Answered(address, task, answer)
            return Failed(address, task, f"it answered {type(answer).__name__}, not bytes")
        error = done.exception(timeout=FETCH_S) if done.status == "error" else None
    except Exception as problem:
        error = problem
    text = " ".join(str(error).split())[:300]
    return Failed(address, task, f"{type(error).__name__}: {text}", missing=isinstance(error, ImportError))


@contextmanager
def connected(address: str, local_workers: int = 1) -> Iterator[DaskTransport]:
    """Connect to a scheduler, or start workers here.

    Parameters
    ----------
    address
        Of a scheduler; ``local`` to start one here.
    local_workers
        How many workers are then started.

    Raises
    ------
    NoScheduler
        If no scheduler answers there.
    """
    silence()
    with config.set({"distributed.comm.timeouts.connect": CONNECT_S}):
        cluster, client = None, None
        try:
            if address == "local":
                with interrupts_ignored():
                    cluster = LocalCluster(**local(local_workers))
            else:
                asyncio.run(asyncio.wait_for(greet(address), CONNECT_S))
            client = Client(cluster or address, timeout=CONNECT_S, set_as_default=False)
        except Exception as error:
            if cluster is not None:
                cluster.close()
            said = " ".join(str(error).split())[:200] or f"it says nothing for {CONNECT_S} s"
            said = "something else does" if isinstance(error, MemoryError) else said
            raise NoScheduler(f"--cluster {address}: no Dask scheduler answers there ({said})") from error
        try:
            yield DaskTransport(client)
        finally:
            with suppress(Exception):
                client.close(timeout=CONNECT_S)
            if cluster is not None:
                with suppress(Exception):
                    cluster.close(timeout=CONNECT_S)


async def greet(address: str) -> None:
    """Raise an error unless a scheduler answers: a client that cannot connect waits and complains when it is thrown away.

    The length of a message comes first, so what is no scheduler seems to send exabytes: a MemoryError.
    """
    comm = await connect(address, timeout=CONNECT_S, **Security().get_connection_args("client"))
    await comm.close()


@contextmanager
def interrupts_ignored() -> Iterator[None]:
    """Let the processes that are started in the block ignore Ctrl-C, which a terminal sends to all: the client ends them itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def silence() -> None:
    """Let Dask print nothing: what concerns the user is said in our own words, also which versions differ."""
    warnings.filterwarnings("ignore", module=r"distributed\.")
    for name in [*logging.root.manager.loggerDict, "tornado", "asyncio"]:
        if name.partition(".")[0] in ("distributed", "tornado", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def local(workers: int) -> dict[str, Any]:
    """Return the options of a cluster on this computer: each worker is a process of its own."""
    return {
        "n_workers": workers,
        "threads_per_worker": 1,
        "processes": True,
        "dashboard_address": ":0",  # some free port: another cluster may have the usual one
        "memory_limit": 0,  # implementations have limits of their own
        "silence_logs": logging.CRITICAL,
    }
