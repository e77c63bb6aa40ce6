"""The journal of a run. Every finished process is written to disk at once, so that a killed run loses at most one process."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
from w2vbench.bench.engine import protocol
from w2vbench.impls.messages import UserError
from w2vbench.reports.file.files import write

from .keeping import put_aside
from .problems import CaseRun, ProblemRun
from .session import Session

NAME = "journal.jsonl"
CHECK = "crc32"
"""Field of a line with the checksum of its others. A line that is damaged counts as one that was never written."""
KNOWN = {"problem", "size", "cases", "implementation", "case"}
"""Fields of a problem and its cases that its plan gives; all others are measured."""


Entry = dict[str, Any]
"""A line, as JSON has it."""


class JournalError(UserError):
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

    def __init__(self, folder: Path, run: Entry) -> None:
        self.path, self.run = folder / NAME, run
        self.limits: list[protocol.MachineLimits] = []

    def begin(self) -> bool:
        """Start a new journal. Return whether an unfinished run's journal was there and was put aside."""
        earlier = put_aside(self.path)
        self.append(self.run)
        return earlier is not None

    def read(self, problems: Iterable[ProblemRun]) -> None:
        """Restore the figures and the limits of an earlier, unfinished run of the same command. Raises JournalError."""
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError as error:
            raise JournalError(f"{self.path}: no unfinished run to go on from; start one without --resume") from error
        except OSError as error:
            raise JournalError(f"{self.path}: {error.strerror or error}") from error
        if line_of(self.run).startswith(text):  # it was killed before its first line was whole: nothing was finished
            write(self.path, line_of(self.run))
            return
        lines = [line for line in text.split("\n") if parse_entry(line) is not None]
        run = parse_entry(lines[0]) if lines else None
        if run != self.run:
            other = run.get("command", "unknown") if run else "unreadable"
            raise JournalError(
                f"{self.path}: the unfinished run is another one ({other}); resume that one, or start a new run without --resume"
            )
        if not text.endswith("\n"):  # the last line was cut off when the run was killed
            write(self.path, "".join(f"{line}\n" for line in lines))
        by_name = {problem.problem: problem for problem in problems}
        try:
            for line in lines[1:]:  # one after another, since all of a large run's together would take much memory
                entry = parse_entry(line) or {}
                if "machine_limits" in entry:
                    self.limits.append(msgspec.convert(entry["machine_limits"], protocol.MachineLimits))
                else:
                    restore(by_name[entry["problem"]], entry)
        except (msgspec.ValidationError, KeyError, TypeError, ValueError) as error:
            raise JournalError(f"{self.path}: written by another version; start a new run without --resume") from error

    def add(self, problem: ProblemRun) -> None:
        """Write a problem after one of its processes. Its cases are stored by the implementations' keys."""
        self.append(entry_of(problem))

    def add_limits(self, limits: protocol.MachineLimits) -> None:
        """Write a measurement of the machine's limits."""
        self.append({"machine_limits": msgspec.to_builtins(limits)})

    def append(self, entry: Entry) -> None:
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line_of(entry))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise JournalError(
                f"{self.path}: {error.strerror or error}; earlier processes are kept there: make room, then run the same command with --resume"
            ) from error

    def close(self) -> None:
        """Delete the journal: the run is finished and its results are kept elsewhere."""
        self.path.unlink(missing_ok=True)


def line_of(entry: Entry) -> str:
    """Return an entry's line, with its checksum."""
    return json.dumps({**entry, CHECK: zlib.crc32(json.dumps(entry).encode())}) + "\n"


def parse_entry(line: str) -> Entry | None:
    """Return a line's entry, or None if the line was cut off or damaged."""
    try:
        entry = json.loads(line)
        found = entry.pop(CHECK)
    except (ValueError, RecursionError, AttributeError, TypeError, KeyError):
        return None
    return entry if found == zlib.crc32(json.dumps(entry).encode()) else None


def entry_of(problem: ProblemRun) -> Entry:
    """Return a problem's line, as JSON has it."""
    cases = {case.implementation.key: {"case": str(case.case), **figures_of(case)} for case in problem.cases}
    return {"problem": problem.problem, **figures_of(problem), "cases": cases}


def figures_of(run: CaseRun | ProblemRun) -> Entry:
    """Return the measurements of a problem, or of a case, as JSON has them."""
    return {name: msgspec.to_builtins(value) for name, value in vars(run).items() if name not in KNOWN}


def restore(problem: ProblemRun, entry: Entry) -> None:
    """Restore a problem's measurements from its line. Raises KeyError, TypeError, ValueError or ValidationError if another version wrote it."""
    cases = [(case, entry["cases"][case.implementation.key]) for case in problem.cases]
    for run, figures in ((problem, entry), *cases):
        for name, kind in get_type_hints(type(run)).items():
            if name not in KNOWN:
                setattr(run, name, msgspec.convert(figures[name], kind))


def identity_of(
    session: Session, problems: Sequence[ProblemRun], settings: protocol.MeasurementSettings, digest: str
) -> Entry:
    """Return what must be the same for a run to be resumed. digest: of the corpus and the code."""
    kept = asdict(settings)
    del kept["memory_limit_bytes"]  # what is free changes from hour to hour
    return {
        "command": session.command.replace(" --resume", ""),
        "problems": [problem.problem for problem in problems],
        "implementations": [case.implementation.key for problem in problems for case in problem.cases],
        "machine": session.fixed_facts(),
        "corpus_and_code": digest,
        "settings": kept,
    }
