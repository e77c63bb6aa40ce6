"""What a client and its machines say to each other: typed messages and answers, as JSON (``engine.protocol``).

Machines with other versions of w2vbench read ``Join`` and ``Report`` too, so that they can be refused with what differs.
"""

from __future__ import annotations

from typing import Any

import msgspec
from w2vbench.bench.engine import protocol
from w2vbench.bench.plans.run.run import RunRequest
from w2vbench.reports.findings.steadiness import Checked


class Run(protocol.Struct, frozen=True, kw_only=True):
    """A client's run. number: tells it from others on the same machine."""

    number: str
    request: RunRequest


class Message(protocol.Struct, frozen=True, kw_only=True, tag=True):
    """Base of all messages."""


class Join(Message, frozen=True, kw_only=True):
    """Let one task of w2vbench run at a time."""


class Report(Message, frozen=True, kw_only=True):
    """Say what you are (``MachineReport``), and whether you have these files."""

    corpus: str | None
    files: tuple[str, ...]


class Check(Message, frozen=True, kw_only=True):
    """Check yourself. first: get ready for the run before, and measure the machine's limits."""

    run: Run
    first: bool = False


class Measure(Message, frozen=True, kw_only=True):
    """Measure a whole problem."""

    run: Run
    problem: str
    # what the journal has of it, and how many processes it is to have in all, to go on with what was measured here
    entry: dict[str, Any] | None = None
    processes: int = 0


class Leave(Message, frozen=True, kw_only=True):
    """Remove what you keep for a run. number: the run's."""

    number: str


Messages = Join | Report | Check | Measure | Leave


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What a machine has measured."""

    checks: tuple[Checked, ...]  # its checks of itself; of a problem, before and after
    limits: tuple[protocol.MachineLimits, ...] = ()  # its limits on each number of threads
    entry: dict[str, Any] = {}  # what the journal has of the problem
    counters: dict[str, int | None] = {}  # by how much counters rose meanwhile that should not rise
