"""The journal of a run: every finished launch is on disk at once, so that a run that is killed loses at most the one in hand."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Any, TextIO

from bench.engine.race import LaneResult, RaceResult
from impls.interface import Implementation
from reports.results import write

NAME = "journal.jsonl"
LANE = ("status", "reason", "wall_s", "cpu_s", "prepare_s", "adapt_s", "plan", "memory", "profile", "stages")
RACE = ("problem", "launches", "floors", "plans", "touched", "batches")


class JournalError(ValueError):
    """A journal that a run cannot go on from; the message is one line and says what to do."""


class Journal:
    """Races of a run as they stood after each launch, one JSON line each, after a first line that says which run it is."""

    def __init__(self, folder: Path, run: dict[str, Any]) -> None:
        self.path, self.run = folder / NAME, run
        self.limits: list[dict[str, Any]] = []

    def begin(self) -> bool:
        """Start a new journal; an unfinished run's is put aside. Gives whether there was one."""
        left = put_aside(self.path)
        self.append(self.run)
        return left is not None

    def finished(self, implementations: Iterable[Implementation]) -> dict[str, RaceResult]:
        """Races as far as an earlier, unfinished run of the same command came, by problem. Raises JournalError."""
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
        self.limits = [entry["limits"] for entry in entries if "limits" in entry]
        return {entry["problem"]: read_race(entry, by_key) for entry in entries[1:] if "problem" in entry}

    def add(self, race: RaceResult) -> None:
        """Put a race on disk as it stands after a launch."""
        lanes = {
            lane.implementation.key: {name: getattr(lane, name) for name in LANE} | {"case": str(lane.case)}
            for lane in race.lanes
        }
        self.append({name: getattr(race, name) for name in RACE} | {"lanes": lanes})

    def append(self, entry: dict[str, Any]) -> None:
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise JournalError(
                f"{self.path}: {error.strerror or error}; the launches finished before are kept there: make room, and go on with --resume"
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


def read_race(entry: dict[str, Any], implementations: dict[str, Implementation]) -> RaceResult:
    """A race as the journal has it."""
    from impls.case import Case

    lanes = []
    for key, facts in entry["lanes"].items():
        lane = LaneResult(implementations[key], Case.parse(facts["case"]))
        for name in LANE:
            setattr(lane, name, facts[name])
        lanes.append(lane)
    race = RaceResult(entry["problem"], lanes[0].case.size, lanes)
    for name in RACE:
        setattr(race, name, entry[name])
    return race
