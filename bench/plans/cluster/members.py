"""The members of a fleet as the client sees them, and how long it waits for what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from w2vbench.bench.plans.run.run import RunRequest

from .machines import Kind, MachineReport, differences

REPORT_S = 120.0
"""Longest that a machine may take to report."""
JOIN_S = 30.0
"""How long a client waits for a first machine, and for another one where none is left that may measure what is left."""
REFUSED_S = 5.0
"""How long it waits for one once all that have joined are refused."""
LEAVE_S = 5.0
"""How long machines may take to remove what they keep for a run."""
CHECK_AGAIN_S = 30.0
"""How often a machine checks itself again that gets no work, since its figures were in doubt."""
STEPS = 20
"""A machine is given up if an experiment takes as many times the time limit of a step, and one more for each case: all of them may
reach that limit once."""
MOST_FAILURES = 2
"""A machine on which so many tasks fail in a row gets no more: it would be lost with every experiment that is left."""
MARKED = "it is the only one of its kind, so what it measures is marked"
WAIT_S = 1.0
"""How long to wait for events before clocks are looked at."""


@dataclass(frozen=True)
class FleetRequest:
    """What to run, and where.

    Attributes
    ----------
    run
        What to run.
    share_hosts
        Whether several workers on one computer may measure, one at a time.
    """

    run: RunRequest
    share_hosts: bool = False


@dataclass
class Member:
    """A worker that has joined.

    Attributes
    ----------
    task
        What it is doing: its name, and when it must be done.
    report, kind
        What it has reported; None until it has.
    refused
        Whether it gets no work.
    hung
        Whether it has not answered in time.
    doubted
        When its figures were last found in doubt; None if they are not.
    failures
        How many of its experiments in a row have failed there.
    """

    address: str
    task: str = ""
    due: float = 0.0
    report: MachineReport | None = None
    name: str = ""
    refused: bool = False
    hung: bool = False
    doubted: float | None = None
    failures: int = 0

    @property
    def kind(self) -> Kind:
        assert self.report is not None
        return self.report.kind


def why_not(report: MachineReport, ours: MachineReport, others: Sequence[Member]) -> str:
    """Return why a machine that has reported gets no work; empty if it may. others: those that must not be on its computer."""
    if differing := differences(report, ours):
        return "; ".join(differing)
    for one in others:
        if one.report and one.report.host == report.host and not one.refused:
            return (
                f"{one.name} is a worker on the same computer, and two would disturb each other "
                "(--share-hosts lets them measure in turn)"
            )
    return ""
