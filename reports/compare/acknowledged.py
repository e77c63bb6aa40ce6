"""Acknowledged slowdowns: entries in a tracked file, ``w2vbench.toml`` in a repository's top folder.

```toml
[[acknowledged]]
case = "lookup/gather@*"
why = "checks its indices from now on"
when = 2026-11-24T18:00:00Z
```
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

from w2vbench.reports.file.files import ResultError, write

FILE = "w2vbench.toml"


@dataclass(frozen=True)
class Acknowledgement:
    """One entry of the file."""

    case: str  # a case's name, an implementation's, or a glob of either
    why: str  # the reason for the slowdown
    when: datetime  # when the entry was made

    def covers(self, case: str) -> bool:
        """Whether the entry applies to a case: by its name, by its implementation's, or by a glob of either."""
        return any(name == self.case or fnmatchcase(name, self.case) for name in (case, case.partition("@")[0]))

    def covers_any(self, cases: Iterable[str]) -> bool:
        return any(map(self.covers, cases))


def read(folder: Path) -> list[Acknowledgement]:
    """Return the entries of a folder's file; none if the folder has no such file.

    Raises
    ------
    ResultError
        If the file cannot be read; the message is one line.
    """
    path = folder / FILE
    if not path.exists():
        return []
    try:
        return entries(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ResultError(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML, or not our entries
        raise ResultError(f"{path}: {error}") from error


def entries(text: str) -> list[Acknowledgement]:
    tables = tomllib.loads(text.replace("\r\n", "\n")).get("acknowledged", [])
    return [parse(entry) for entry in (tables if isinstance(tables, list) else [tables])]


def parse(entry: object) -> Acknowledgement:
    fields = entry if isinstance(entry, dict) else {}
    case, why, when = fields.get("case"), fields.get("why"), fields.get("when")
    if not (isinstance(case, str) and isinstance(why, str) and why.strip() and isinstance(when, datetime)):
        raise ValueError('each [[acknowledged]] needs case = "…", why = "…" and when = a date and time')
    return Acknowledgement(case, why, when if when.tzinfo else when.replace(tzinfo=UTC))


def add(folder: Path, case: str, why: str) -> Path:
    """Add an entry to a folder's file, which is made if needed.

    Raises
    ------
    ResultError
        If the file cannot be read, extended or written.
    """
    read(folder)  # raises ResultError before anything is written
    path = folder / FILE
    before = path.read_bytes().decode() if path.exists() else ""
    line = "\r\n" if "\r\n" in before else "\n"
    gap = "" if not before else line if before.endswith("\n") else line * 2
    when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    entry = ("[[acknowledged]]", f"case = {toml_text(case)}", f"why = {toml_text(why)}", f"when = {when}", "")
    after = before + gap + line.join(entry)
    try:
        entries(after.removeprefix("\ufeff"))
    except ValueError as error:
        raise ResultError(
            f"{path}: no entry can be added ({error}); write its entries as [[acknowledged]] tables first"
        ) from error
    write(path, after)
    return path


def toml_text(text: str) -> str:
    """Text in TOML's quotes, which are JSON's."""
    return json.dumps(" ".join(text.split()), ensure_ascii=False).replace("\x7f", "\\u007f")


def new_since(head: Sequence[Acknowledgement], base: Iterable[Acknowledgement]) -> list[Acknowledgement]:
    """Return the entries that a change adds. Only these apply to it, so that an old entry does not excuse a new slowdown."""
    old = set(base)
    return [entry for entry in head if entry not in old]
