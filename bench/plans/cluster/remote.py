"""What runs on a machine of a fleet: it reports about itself, and measures whole experiments through the same engine as a local run.

Each function takes and returns bytes, as a transport carries them. A client's reports come first; once the code is known to be
the same on both sides, requests travel as they are.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.machine import environment
from w2vbench.bench.plans.run.journal import entry_of, restore
from w2vbench.bench.plans.run.presets import PRESETS
from w2vbench.bench.plans.run.problems import measure_next, new_problem_run
from w2vbench.bench.plans.run.request import Request
from w2vbench.bench.plans.run.run import extras_of
from w2vbench.bench.plans.run.turns import profiled_problems, shown_problems
from w2vbench.impls.interface.case import Size

from .machine_report import report_of
from .self_check import SelfCheck
from .station import at_station, clear

HERE = "w2vbench.bench.plans.cluster.remote"
"""The name by which a transport finds this module."""


class Prepared(protocol.Struct, frozen=True, kw_only=True):
    """What a machine says once it is ready: its check of itself, and its limits on each number of threads."""

    check: SelfCheck | None
    limits: tuple[protocol.MachineLimits, ...]


class Measured(protocol.Struct, frozen=True, kw_only=True):
    """A whole experiment.

    Attributes
    ----------
    entry
        What the journal has of it.
    checks
        The machine's checks of itself, before and after.
    counters
        By how much counters rose that should not rise.
    """

    entry: dict[str, Any]
    checks: tuple[SelfCheck, ...]
    counters: dict[str, int | None]


@dataclass(frozen=True)
class Further:
    """What a machine needs to go on with a problem that it has measured.

    Attributes
    ----------
    entry
        What the journal has of it.
    processes
        How many processes it is to have in all.
    """

    entry: dict[str, Any]
    processes: int


def report(argument: bytes) -> bytes:
    """Return what this machine is. argument: the client's text and files, as paths."""
    asked = protocol.decode(argument, dict[str, list[str]])
    request = Request(
        corpus=Path(asked["corpus"][0]) if asked["corpus"] else None, files=[Path(file) for file in asked["files"]]
    )
    return protocol.encode(report_of(request))


def prepare(argument: bytes) -> bytes:
    """Make this machine ready for a run: read the text, check the machine itself, and measure its limits."""
    with at_station(pickle.loads(argument)) as station, station.measuring() as context:
        sizes: dict[int, list[Size]] = {}
        for problem in station.planned.values():
            sizes.setdefault(problem.size.threads, []).append(problem.size)
        station.start_passes(context)
        check = station.check(context)
        limits = [context.machine_limits(its) for its in sizes.values()]
    return protocol.encode(Prepared(check=check, limits=tuple(filter(None, limits))))


def check(argument: bytes) -> bytes:
    """Let this machine check itself again."""
    with at_station(pickle.loads(argument)) as station, station.measuring() as context:
        return msgspec.json.encode(station.check(context))


def measure(argument: bytes) -> bytes:
    """Measure one experiment, whole: its implementations are checked, and timed together in all processes; or its further ones."""
    run, name, further = pickle.loads(argument)
    preset = None if run.request.own_sizes else PRESETS[run.request.preset]
    first = bool(preset and preset.profile_first)
    before = environment.counters()
    with at_station(run) as station, station.measuring() as context:
        planned, every = station.planned[name], list(station.planned.values())
        shown, profiled_at = shown_problems(every)[planned.kernel], profiled_problems(every, first=first)
        problem = new_problem_run([case.implementation for case in planned.cases], planned.size)
        processes = context.settings.processes
        if further:
            restore(problem, further.entry)
            processes = further.processes
        else:
            station.verify(problem, context)
        checks = [station.check(context)]
        while problem.processes < processes:
            extras = extras_of(problem, shown, profiled_at, context, preset)
            measure_next(problem, station.on_pass(context, problem.processes), extras, start_next=False)
        checks.append(station.check(context))
    return protocol.encode(
        Measured(
            entry=entry_of(problem),
            checks=tuple(filter(None, checks)),
            counters=environment.counter_increases(before),
        )
    )


def leave(argument: bytes) -> bytes:
    """Remove what this machine keeps for a run."""
    clear(argument.decode())
    return b""
