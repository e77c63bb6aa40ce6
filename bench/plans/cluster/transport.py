"""How a client reaches its machines: what every way of doing so offers. Nothing here knows Dask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Joined:
    """A machine is connected. address: where tasks for it are sent."""

    address: str


@dataclass(frozen=True)
class Left:
    """A machine is no longer connected, and what it was doing is lost."""

    address: str


@dataclass(frozen=True)
class Answered:
    """A machine has done a task. answer: what the task returned."""

    address: str
    task: str
    answer: bytes


@dataclass(frozen=True)
class Failed:
    """A task raised an error. reason: the error in one line. missing: whether w2vbench cannot be imported there."""

    address: str
    task: str
    reason: str
    missing: bool = False


Event = Joined | Left | Answered | Failed


class SchedulerLost(Exception):
    """The connection to the scheduler is lost, and all tasks with it. The message is one line."""


class Transport(Protocol):
    """A way to reach machines."""

    def send(self, address: str, task: str, function: str, argument: bytes, *, alone: bool = True) -> None:
        """Let a machine call a function. What follows is an event.

        Parameters
        ----------
        task
            The task's name, by which its events are known. No two tasks that are under way may have the same name.
        function
            Module and name: ``w2vbench.bench.plans.cluster.remote:measure``.
        argument
            The function's argument.
        alone
            Whether nothing else of w2vbench may run on the machine meanwhile.
        """

    def events(self, timeout_s: float) -> Sequence[Event]:
        """Wait for events, at most this long. Raises SchedulerLost."""

    def now(self) -> float:
        """Return the time in seconds, on the clock by which events are waited for."""
