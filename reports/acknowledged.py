"""Slowdowns that are intended: entries in a tracked file, ``w2vbench.toml`` in a repository's top folder.

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

from .results import ResultError, write

FILE = "w2vbench.toml"


@dataclass(frozen=True)
class Acknowledgement:
    """One entry: cases by name or glob, the reason, and when it was given."""

    case: str
    why: str
    when: datetime

    def covers(self, case: str) -> bool:
        """Whether it speaks for a case: by its name, by its implementation's, or by a glob of either."""
        return any(name == self.case or fnmatchcase(name, self.case) for name in (case, case.partition("@")[0]))

    def covers_any(self, cases: Iterable[str]) -> bool:
        return any(map(self.covers, cases))


def read(folder: Path) -> list[Acknowledgement]:
    """The entries of a folder's file, none if it has none. Raises ResultError with one line that says what is wrong."""
    path = folder / FILE
    if not path.exists():
        return []
    try:
        return entries(path.read_bytes().decode("utf-8-sig"), path)
    except OSError as error:
        raise ResultError(f"{path}: {error.strerror or error}") from error
    except ResultError:
        raise
    except (ValueError, RecursionError) as error:  # not UTF-8, or not TOML
        raise ResultError(f"{path}: {error}") from error


def entries(text: str, path: Path) -> list[Acknowledgement]:
    found = tomllib.loads(text.replace("\r\n", "\n")).get("acknowledged", [])
    return [parsed(entry, path) for entry in (found if isinstance(found, list) else [found])]


def parsed(entry: object, path: Path) -> Acknowledgement:
    fields = entry if isinstance(entry, dict) else {}
    case, why, when = fields.get("case"), fields.get("why"), fields.get("when")
    if not (isinstance(case, str) and isinstance(why, str) and why.strip() and isinstance(when, datetime)):
        raise ResultError(f'{path}: each [[acknowledged]] needs case = "…", why = "…" and when = a date and time')
    return Acknowledgement(case, why, when if when.tzinfo else when.replace(tzinfo=UTC))


def add(folder: Path, case: str, why: str) -> Path:
    """Add an entry to a folder's file, which is made if it is not there. Raises ResultError."""
    read(folder)  # a file that cannot be read is not added to
    path = folder / FILE
    before = path.read_bytes().decode() if path.exists() else ""
    line = "\r\n" if "\r\n" in before else "\n"
    gap = "" if not before else line if before.endswith("\n") else line * 2
    when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    entry = ("[[acknowledged]]", f"case = {toml_text(case)}", f"why = {toml_text(why)}", f"when = {when}", "")
    after = before + gap + line.join(entry)
    try:
        entries(after.removeprefix("\ufeff"), path)
    except ValueError as error:
        raise ResultError(
            f"{path}: cannot be added to: make its entries [[acknowledged]] tables first ({error})"
        ) from error
    write(path, after)
    return path


def toml_text(text: str) -> str:
    """A text in TOML's quotes, which are JSON's."""
    return json.dumps(" ".join(text.split()), ensure_ascii=False).replace("\x7f", "\\u007f")


def new_since(head: Sequence[Acknowledgement], base: Iterable[Acknowledgement]) -> list[Acknowledgement]:
    """The entries that a change adds: only they speak for it, so that one from long ago excuses nothing new."""
    known = set(base)
    return [entry for entry in head if entry not in known]
