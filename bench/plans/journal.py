"""The journal of a run. Every finished process is written to disk at once, so that a killed run loses at most one process."""

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
from reports.files import write
from reports.results import Samples

from .problems import CaseRun, ProblemRun

NAME = "journal.jsonl"


class CaseEntry(protocol.Struct, frozen=True, kw_only=True):
    """A case in the journal: a ``CaseRun`` without its implementation."""

    case: str
    status: str
    reason: str
    samples: list[Samples]
    plan: protocol.SamplePlan | None
    memory: protocol.Memory
    profile: protocol.LineProfile | None
    stages: dict[str, float]


class ProblemEntry(protocol.Struct, frozen=True, kw_only=True):
    """A problem in the journal. Its cases are stored by the implementations' keys."""

    problem: str
    processes: int
    limits: dict[str, list[Samples]]
    limit_plans: dict[str, protocol.SamplePlan]
    touched: float
    batches: int
    cases: dict[str, CaseEntry]


CASE_FIELDS = tuple(name for name in CaseEntry.__struct_fields__ if name != "case")
PROBLEM_FIELDS = tuple(name for name in ProblemEntry.__struct_fields__ if name != "cases")


class JournalError(ValueError):
    """A journal that cannot be resumed or written. The message is one line and says what to do."""


class Journal:
    """A file of JSON lines: the run's identity, then each problem after each of its processes.

    Parameters
    ----------
    folder
        The run's output folder.
    run
        The run's identity. Only a run with the same identity can be resumed.
    """

    def __init__(self, folder: Path, run: dict[str, Any]) -> None:
        self.path, self.run = folder / NAME, run
        self.limits: list[protocol.MachineLimits] = []

    def begin(self) -> bool:
        """Start a new journal. Return whether an unfinished run's journal was there and was put aside."""
        earlier = put_aside(self.path)
        self.append(self.run)
        return earlier is not None

    def read_problems(self, implementations: Iterable[Implementation]) -> dict[str, ProblemRun]:
        """Return the problems of an earlier, unfinished run of the same command, by name. Raises JournalError."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise JournalError(f"{self.path}: no unfinished run to go on from; start one without --resume") from error
        entries = [entry for line in text.splitlines() if (entry := parse_entry(line)) is not None]
        if not entries or entries[0] != self.run:
            other = entries[0].get("command", "unknown") if entries else "unreadable"
            raise JournalError(
                f"{self.path}: the unfinished run is another one ({other}); resume that one, or start a new run without --resume"
            )
        by_key = {i.key: i for i in implementations}
        if not text.endswith("\n"):  # the last line was cut off when the run was killed
            write(self.path, "".join(f"{json.dumps(entry)}\n" for entry in entries))
        try:
            self.limits = [
                msgspec.convert(entry["machine_limits"], protocol.MachineLimits)
                for entry in entries
                if "machine_limits" in entry
            ]
            return {entry["problem"]: read_problem(entry, by_key) for entry in entries[1:] if "problem" in entry}
        except (msgspec.ValidationError, KeyError) as error:
            raise JournalError(f"{self.path}: written by another version; start a new run without --resume") from error

    def add(self, problem: ProblemRun) -> None:
        """Write a problem after one of its processes."""
        cases = {
            case.implementation.key: CaseEntry(
                case=str(case.case), **{name: getattr(case, name) for name in CASE_FIELDS}
            )
            for case in problem.cases
        }
        self.append(
            msgspec.to_builtins(ProblemEntry(cases=cases, **{name: getattr(problem, name) for name in PROBLEM_FIELDS}))
        )

    def add_limits(self, limits: protocol.MachineLimits) -> None:
        """Write a measurement of the machine's limits."""
        self.append({"machine_limits": msgspec.to_builtins(limits)})

    def append(self, entry: dict[str, Any]) -> None:
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise JournalError(
                f"{self.path}: {error.strerror or error}; earlier processes are kept there: make room, then run the same command with --resume"
            ) from error

    def close(self) -> None:
        """Delete the journal: the run is finished and its results are kept elsewhere."""
        self.path.unlink(missing_ok=True)


def put_aside(path: Path) -> Path | None:
    """Rename the file of an earlier run, so that it is not overwritten. Return its new path, or None if there is no file."""
    if not path.exists():
        return None
    names = (path.with_suffix(f".previous-{number}{path.suffix}") for number in count(1))
    return path.replace(next(name for name in names if not name.exists()))


LOCKS: list[TextIO] = []
"""Lock files, kept open while the process lives."""


def lock_folder(folder: Path) -> None:
    """Lock a folder for this process. Raises JournalError if another run has locked it."""
    try:
        import fcntl
    except ImportError:  # not available on this system
        return
    LOCKS.append((folder / ".running").open("w"))
    try:
        fcntl.flock(LOCKS[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise JournalError(f"{folder}: another run is writing there: give this one another --out") from error


def parse_entry(line: str) -> dict[str, Any] | None:
    """Return a line's entry, or None if the line was cut off."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def read_problem(line: dict[str, Any], implementations: dict[str, Implementation]) -> ProblemRun:
    """Restore a problem from its line."""
    entry = msgspec.convert(line, ProblemEntry)
    cases = [
        CaseRun(
            implementation=implementations[key],
            case=Case.parse(one.case),
            **{name: getattr(one, name) for name in CASE_FIELDS},
        )
        for key, one in entry.cases.items()
    ]
    return ProblemRun(size=cases[0].case.size, cases=cases, **{name: getattr(entry, name) for name in PROBLEM_FIELDS})
