"""Dask: a scheduler's address, or workers that are started here. The only file that imports it."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from dask import config
from distributed import Client, LocalCluster, get_worker
from distributed.comm import connect
from distributed.security import Security
from distributed.utils import sync

from .workers import CONNECT_S, RESOURCE, Workers


class NoScheduler(ValueError):
    """An address at which no scheduler answers. The message is one line."""


def one_at_a_time() -> None:
    """Give the worker that runs this one resource of ours, so that two clients do not measure on it at once."""
    worker = get_worker()
    sync(worker.loop, worker.set_resources, **{RESOURCE: 1})


@contextmanager
def connected(address: str, local_workers: int = 1) -> Iterator[Workers]:
    """Connect to a scheduler, or start workers here.

    Parameters
    ----------
    address
        Of a scheduler; ``local`` to start one here.
    local_workers
        How many workers are then started, each a process of its own.

    Raises
    ------
    NoScheduler
        If no scheduler answers there.
    """
    silence()
    with ExitStack() as close, config.set({"distributed.comm.timeouts.connect": CONNECT_S}):
        try:
            cluster: LocalCluster | None = None
            if address == "local":
                with interrupts_ignored():
                    cluster = LocalCluster(
                        n_workers=local_workers,
                        threads_per_worker=1,
                        processes=True,
                        dashboard_address=":0",  # some free port: another cluster may have the usual one
                        memory_limit=0,  # implementations have limits of their own
                        silence_logs=logging.CRITICAL,
                    )
                close.callback(closed, cluster)
            else:
                asyncio.run(asyncio.wait_for(greet(address), CONNECT_S))
            client = Client(cluster or address, timeout=CONNECT_S, set_as_default=False)
            close.callback(closed, client)
        except Exception as error:
            said = " ".join(str(error).split())[:200] or f"it says nothing for {CONNECT_S} s"
            said = "something else does" if isinstance(error, MemoryError) else said
            raise NoScheduler(f"--cluster {address}: no Dask scheduler answers there ({said})") from error
        yield Workers(client)


def closed(one: Client | LocalCluster) -> None:
    """Close a client or a cluster, as far as that goes."""
    with suppress(Exception):
        one.close(timeout=CONNECT_S)


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
