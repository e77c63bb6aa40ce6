"""The journal of a run: every finished process is on disk at once, so that a run that is killed loses at most the one in hand."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Any, TextIO

import msgspec

from bench.engine import protocol
from impls.case import Case
from impls.interface import Implementation
from reports.results import Samples, write

from .problems import CaseRun, ProblemRun

NAME = "journal.jsonl"


class CaseEntry(protocol.Struct, frozen=True, kw_only=True):
    """A case as the journal has it: all of a ``CaseRun`` but its implementation."""

    case: str
    status: str
    reason: str
    samples: list[Samples]
    plan: protocol.Plan | None
    memory: protocol.Memory
    profile: protocol.Profile | None
    stages: dict[str, float]


class ProblemEntry(protocol.Struct, frozen=True, kw_only=True):
    """A problem as the journal has it. cases: by the implementations' keys."""

    problem: str
    processes: int
    limits: dict[str, list[Samples]]
    limit_plans: dict[str, protocol.Plan]
    touched: float
    batches: int
    cases: dict[str, CaseEntry]


OF_CASE = tuple(name for name in CaseEntry.__struct_fields__ if name != "case")
OF_PROBLEM = tuple(name for name in ProblemEntry.__struct_fields__ if name != "cases")


class JournalError(ValueError):
    """A journal that a run cannot go on from; the message is one line and says what to do."""


class Journal:
    """Problems of a run as they stood after each process, one JSON line each, after a first line that says which run it is."""

    def __init__(self, folder: Path, run: dict[str, Any]) -> None:
        self.path, self.run = folder / NAME, run
        self.limits: list[protocol.MachineLimits] = []

    def begin(self) -> bool:
        """Start a new journal; an unfinished run's is put aside. Gives whether there was one."""
        left = put_aside(self.path)
        self.append(self.run)
        return left is not None

    def finished(self, implementations: Iterable[Implementation]) -> dict[str, ProblemRun]:
        """Problems as far as an earlier, unfinished run of the same command came, by problem. Raises JournalError."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise JournalError(
                f"{self.path}: no unfinished run to go on from (leave --resume out to start one)"
            ) from error
        entries = [entry for line in text.splitlines() if (entry := parsed(line)) is not None]
        if not entries or entries[0] != self.run:
            other = entries[0].get("command", "unknown") if entries else "unreadable"
            raise JournalError(
                f"{self.path}: the unfinished run is another one ({other}): run it, or leave --resume out"
            )
        by_key = {i.key: i for i in implementations}
        if not text.endswith("\n"):  # the line that was being written when the run was killed
            write(self.path, "".join(f"{json.dumps(entry)}\n" for entry in entries))
        try:
            self.limits = [
                msgspec.convert(entry["machine_limits"], protocol.MachineLimits)
                for entry in entries
                if "machine_limits" in entry
            ]
            return {entry["problem"]: read_problem(entry, by_key) for entry in entries[1:] if "problem" in entry}
        except (msgspec.ValidationError, KeyError) as error:
            raise JournalError(f"{self.path}: not a journal of this version: leave --resume out") from error

    def add(self, problem: ProblemRun) -> None:
        """Put a problem on disk as it stands after a process."""
        cases = {
            case.implementation.key: CaseEntry(case=str(case.case), **{name: getattr(case, name) for name in OF_CASE})
            for case in problem.cases
        }
        self.append(
            msgspec.to_builtins(ProblemEntry(cases=cases, **{name: getattr(problem, name) for name in OF_PROBLEM}))
        )

    def add_limits(self, found: protocol.MachineLimits) -> None:
        """Put on disk what the machine can do."""
        self.append({"machine_limits": msgspec.to_builtins(found)})

    def append(self, entry: dict[str, Any]) -> None:
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise JournalError(
                f"{self.path}: {error.strerror or error}; what was measured before is kept there: make room, and go on with --resume"
            ) from error

    def close(self) -> None:
        """The run is finished and kept elsewhere: nothing to go on from."""
        self.path.unlink(missing_ok=True)


def put_aside(path: Path) -> Path | None:
    """Give a file of an earlier run another name, so that it is not written over; None if there is none."""
    if not path.exists():
        return None
    names = (path.with_suffix(f".previous-{number}{path.suffix}") for number in count(1))
    return path.replace(next(name for name in names if not name.exists()))


HELD: list[TextIO] = []
"""Locks, kept open."""


def hold(folder: Path) -> None:
    """Keep other runs out of a folder for as long as this process lives. Raises JournalError if one is in it."""
    try:
        import fcntl
    except ImportError:  # not on this system
        return
    HELD.append((folder / ".running").open("w"))
    try:
        fcntl.flock(HELD[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise JournalError(f"{folder}: another run is writing there; give this one another --out") from error


def parsed(line: str) -> dict[str, Any] | None:
    """A line's entry; None for one that was cut off."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def read_problem(line: dict[str, Any], implementations: dict[str, Implementation]) -> ProblemRun:
    """A problem as the journal has it."""
    entry = msgspec.convert(line, ProblemEntry)
    cases = [
        CaseRun(
            implementation=implementations[key],
            case=Case.parse(one.case),
            **{name: getattr(one, name) for name in OF_CASE},
        )
        for key, one in entry.cases.items()
    ]
    return ProblemRun(size=cases[0].case.size, cases=cases, **{name: getattr(entry, name) for name in OF_PROBLEM})
