"""The workers of a cluster, as a client of Dask's reaches them. Nothing here imports Dask."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError
from typing import Any, TypeVar
from uuid import uuid4

import msgspec
from w2vbench.bench.engine import protocol

from .messages import Join, Messages

T = TypeVar("T")

RESOURCE = "w2vbench"
"""A worker has one of it, and so does one task of w2vbench at a time."""
ANSWER = f"__import__('{__package__}.remote', fromlist=['answer']).answer(message)"
"""What a worker evaluates. It is text, so that neither a scheduler without w2vbench nor another version of Python fails to read it."""
CONNECT_S = 10.0
"""Longest that a scheduler may take to answer."""


class SchedulerLost(Exception):
    """The connection to the scheduler is lost, and all tasks with it. The message is one line."""


class TaskFailed(Exception):
    """A task raised an error on its machine, or a machine gets no more tasks. The message is one line."""


class Workers:
    """The workers that a client of Dask's reaches. All but ``sync`` happens in its event loop."""

    def __init__(self, dask: Any) -> None:
        self.dask, self.scheduler, self.run = dask, dask.scheduler.address, uuid4().hex
        self.numbers = itertools.count()

    def sync(self, function: Callable[[], Awaitable[None]]) -> None:
        """Wait for a function's end. It is cancelled if the user ends the program, which raises KeyboardInterrupt."""
        self.dask.sync(function)

    @property
    def connected(self) -> bool:
        """Whether the scheduler is connected."""
        return bool(self.dask.status == "running")

    async def addresses(self) -> set[str]:
        """Return the addresses of all workers. Raises SchedulerLost."""
        if not self.connected:
            raise SchedulerLost(f"the scheduler at {self.scheduler} is gone")
        try:
            async with asyncio.timeout(CONNECT_S):
                return {*await self.dask.scheduler.ncores()}
        except Exception as error:
            raise SchedulerLost(f"the scheduler at {self.scheduler} does not answer any more") from error

    async def ask(self, address: str, message: Messages, kind: type[T]) -> T:
        """Let a worker, and no other, answer a message: one at a time. Raises TaskFailed, SchedulerLost."""
        future = self.dask.submit(
            eval,
            ANSWER,
            {"message": protocol.encode(message)},
            key=f"w2vbench {type(message).__name__} {next(self.numbers)} {self.run}",
            workers=[address],
            allow_other_workers=False,
            resources=None if isinstance(message, Join) else {RESOURCE: 1},
            pure=False,
            retries=0,
        )
        try:
            return protocol.decode(await future, kind)
        except msgspec.MsgspecError as error:
            raise TaskFailed("its answer cannot be read") from error
        except CancelledError as error:
            raise SchedulerLost(f"the scheduler at {self.scheduler} is gone") from error
        except Exception as error:
            raise TaskFailed(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}") from error
        finally:
            future.release()
