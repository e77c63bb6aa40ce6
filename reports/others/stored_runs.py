"""Stored runs, as far as ``history`` needs them: each file is read once, and what was found is kept in an index beside them.

The index is only ever a shortcut. A file whose size or time of change is another is read again, and so are all files after
another version of this program wrote the index. Where the folder cannot be written, all files are read each time.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec
from w2vbench.reports.compare.files import corpus, machine, machine_text
from w2vbench.reports.file.files import ResultError, read, write
from w2vbench.reports.file.frame import wall_s
from w2vbench.reports.file.schema.result import SCHEMA, ResultFile
from w2vbench.reports.findings.facts import unsteady

INDEX = ".history-index"
INDEX_VERSION = 1
UNREADABLE = -1
"""Size and time of a file that could not be read: it may be readable the next time, and unchanged."""


class StoredCase(msgspec.Struct, frozen=True, array_like=True):
    """A case in a stored run: wall time per call in seconds, peak of a call in bytes, and how many examples it covers."""

    case: str
    wall_s: float
    peak_bytes: int | None
    covers: dict[str, float]


class StoredRun(msgspec.Struct, frozen=True, array_like=True):
    """A stored run."""

    when: str  # its ISO time
    commit: str  # the commit's hash, with ``+`` behind it if files were changed; empty if unknown
    # what identifies the machine, and its description
    machine: tuple[str | int | None, ...]
    machine_text: str
    # the corpus's name and length
    corpus: str
    tokens: int | None
    unsteady: float | None  # by which factor the machine's own speed varied, if by too much
    warning: str  # its first warning, or an empty string
    cases: tuple[StoredCase, ...]


class Indexed(msgspec.Struct, frozen=True, array_like=True):
    """A file: its size and time of change, and the run in it, or why it is left out."""

    size: int
    changed_ns: int
    found: StoredRun | str


class Index(msgspec.Struct, frozen=True):
    """The index: who wrote it, and the files by their path in the folder."""

    version: str
    files: dict[str, Indexed]


def this_version() -> str:
    return f"{INDEX_VERSION} {SCHEMA} {version('w2vbench')}"


def stored(folder: Path) -> tuple[list[tuple[str, StoredRun]], list[str]]:
    """Return the runs stored in a folder, oldest first, and a line for each file that was left out.

    Raises
    ------
    ResultError
        If there is no such folder.
    """
    if not folder.is_dir():
        raise ResultError(f"{folder}: no such folder; w2vbench run stores its results there")
    before = read_index(folder)
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.json"))}
    now = {name: indexed(path, before.get(name)) for name, path in files.items()}
    if now != before and any(isinstance(one.found, StoredRun) for one in now.values()):  # else it is no store
        write_index(folder, now)
    runs = [(str(files[name]), one.found) for name, one in now.items() if isinstance(one.found, StoredRun)]
    left_out = [f"{files[name]}: {one.found}" for name, one in now.items() if isinstance(one.found, str)]
    return sorted(runs, key=lambda run: (parse_time(run[1].when), run[0])), left_out


def indexed(path: Path, before: Indexed | None) -> Indexed:
    """Return what a file holds: as it was found before, if the file has not changed since."""
    size = changed_ns = UNREADABLE
    if os.access(path, os.R_OK):
        with suppress(OSError):
            facts = path.stat()
            size, changed_ns = facts.st_size, facts.st_mtime_ns
    if before and (before.size, before.changed_ns) == (size, changed_ns) != (UNREADABLE, UNREADABLE):
        return before
    try:
        found: StoredRun | str = run_of(read(path))
    except ResultError as error:
        found = str(error).removeprefix(f"{path}: ")
    return Indexed(size, changed_ns, found)


def run_of(result: ResultFile) -> StoredRun:
    """Return what history needs of a result file. Raises ResultError if it is no run, or its time is unknown."""
    if result.w2vbench.engine != "run":
        raise ResultError("not a file of w2vbench run, so its times are not comparable")
    if parse_time(result.datetime) is None:
        raise ResultError(f"its time is unknown ({result.datetime!r})")
    name, tokens = corpus(result)
    return StoredRun(
        when=result.datetime,
        commit=commit_of(result),
        machine=machine(result),
        machine_text=machine_text(result),
        corpus=name,
        tokens=tokens,
        unsteady=float(result.w2vbench.environment["clock_variation"]) if unsteady(result) else None,
        warning=next(iter(result.w2vbench.warnings), ""),
        cases=tuple(
            StoredCase(row.case, wall_s(row), row.extra_info.peak_bytes, row.extra_info.covers)
            for row in result.benchmarks
        ),
    )


def commit_of(result: ResultFile) -> str:
    commit = result.commit_info.id or ""
    return "" if commit in ("", "unversioned", "unknown") else commit[:9] + ("+" if result.commit_info.dirty else "")


def parse_time(text: str) -> datetime | None:
    """Parse an ISO time; without a time zone it is UTC. None if it is not an ISO time."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def read_index(folder: Path) -> dict[str, Indexed]:
    """Return the index of a folder; an empty one if there is none that this version can use."""
    try:
        index = msgspec.json.decode((folder / INDEX).read_bytes(), type=Index)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return index.files if index.version == this_version() else {}


def write_index(folder: Path, files: dict[str, Indexed]) -> None:
    """Write the index, if that is possible."""
    with suppress(ResultError, UnicodeEncodeError):
        write(folder / INDEX, msgspec.json.encode(Index(this_version(), files)).decode())
