"""The dispatch table: seconds a call of each implementation at the sizes that ``w2vbench tune`` has measured on a machine.

A table is a small TOML file. Each kernel has its implementations from the simplest up, and a line for each size:

    [kernels."scatter.dense"]
    simplest_first = ["loop", "add-at", "numba"]
    [kernels."scatter.dense".times_s]
    "V=1e3,H=100,B=100,f32,i64,zipf,t1" = { "add-at" = 1.92e-05, "numba" = 1.31e-05 }
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ..compiling.cache import cache_home
from ..interface.case import NAME, BadName, Size
from ..messages import UserError
from .choice import Model
from .fingerprint import differences, fingerprint

FORMAT = 1
"""Version of the file's format."""
LARGEST_BYTES = 8 << 20
"""Largest file that is read. The default grid of all kernels takes 100 kB."""
ENVIRONMENT = "W2VBENCH_TABLE"
"""Variable with the path of the table to use where none is named."""


class TableError(UserError):
    """A dispatch table that is missing, cannot be read, or holds for something else. The message is one line, with what to do."""

    __module__ = "w2vbench"  # where users find it: a traceback names the class so


@dataclass(frozen=True)
class KernelTimes:
    """The times of one kernel."""

    # slugs of the implementations to choose from, in the order in which ties are settled
    simplest_first: tuple[str, ...]
    # Seconds a call by size and slug. An implementation is missing where it was dropped for being slow.
    times_s: Mapping[Size, Mapping[str, float]]

    @cached_property
    def model(self) -> Model:
        """What chooses among all of them."""
        return Model(self.times_s, self.simplest_first)


@dataclass(frozen=True)
class DispatchTable:
    """Times of kernels on a machine."""

    kernels: Mapping[str, KernelTimes]  # times by kernel
    machine: Mapping[str, str] = field(default_factory=fingerprint)  # what they hold for, see ``fingerprint``
    made: str = ""  # how and when it was made, for people

    def times(self, kernel: str) -> KernelTimes:
        """Return a kernel's times. Raises TableError if there are none."""
        if kernel not in self.kernels:
            known = ", ".join(self.kernels) or "nothing"
            raise TableError(
                f"the dispatch table has no times of {kernel!r} (only of {known}): run w2vbench tune --kernel {kernel}"
            )
        return self.kernels[kernel]

    def choose(self, kernel: str, size: Size) -> str:
        """Return the slug of the implementation to use. Raises TableError if the kernel was not measured."""
        slug = self.times(kernel).model.choose(size)
        if slug is None:
            raise TableError(f"the dispatch table has no times of {kernel!r}: run w2vbench tune --kernel {kernel}")
        return slug


def default_path() -> Path:
    """Return where ``w2vbench tune`` keeps its table: $W2VBENCH_TABLE, or a file in the user's cache folder.

    Raises TableError for a user without a home folder. No shared folder takes its place: others could write a table there.
    """
    if named := os.environ.get(ENVIRONMENT):
        return Path(named)
    try:
        return cache_home() / "w2vbench" / "dispatch.toml"
    except RuntimeError:
        raise TableError(
            f"no folder for the dispatch table, since this user has no home: name a file in ${ENVIRONMENT}, --out or table=…"
        ) from None


def load(path: str | os.PathLike[str] | None = None, *, anyway: bool = False) -> DispatchTable:
    """Read a table and make sure that it holds here.

    Parameters
    ----------
    path
        The file; None for ``default_path``.
    anyway
        Whether a table from another machine, or of other versions, is used too.

    Raises
    ------
    TableError
        If there is no table, it cannot be read, or it holds for something else.
    """
    file = default_path() if path is None else Path(path)
    table = read(file)
    differing = [] if anyway else differences(table.machine, fingerprint())
    if differing:
        raise TableError(
            f"{file}: the dispatch table was measured elsewhere: here {'; '.join(differing)}: "
            "run w2vbench tune again, or use it anyway (--anyway, anyway=True)"
        )
    return table


def read(file: Path) -> DispatchTable:
    """Read a table, wherever it was measured. Raises TableError."""
    try:
        if file.stat().st_size > LARGEST_BYTES:
            raise TableError(f"{file}: too large for a dispatch table ({file.stat().st_size:,} bytes)")
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TableError(missing(file)) from None
    except OSError as error:
        raise TableError(f"{file}: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, TableError):
            raise
        reason = " ".join(str(error).split())[:200] or "nested too deeply"
        raise TableError(f"{file}: not a dispatch table: {reason}") from None
    try:
        return parse(content)
    except (BadName, KeyError, TypeError, ValueError) as error:
        raise TableError(f"{file}: not a dispatch table: {' '.join(str(error).split())[:200]}") from None


def missing(file: Path, options: str = "") -> str:
    """Say that there is no table. options: those of the ``w2vbench tune`` that makes it."""
    return f"no dispatch table: run w2vbench tune{options} (or pass table=…); {file} does not exist"


def parse(content: Mapping[str, Any]) -> DispatchTable:
    """Return the table that a file's content describes. Raises ValueError for anything else."""
    if content.get("format") != FORMAT:
        raise ValueError(f"its format is {content.get('format')!r}, not {FORMAT}: run w2vbench tune again")
    machine = table_in(content, "machine")
    if not all(isinstance(value, str) for value in machine.values()):
        raise ValueError("[machine] must hold texts")
    kernels = {name: kernel_times(name, part) for name, part in table_in(content, "kernels").items()}
    return DispatchTable(kernels, dict(machine), str(content.get("made", "")))


def table_in(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    part = content.get(name)
    if not isinstance(part, dict):
        raise ValueError(f"it has no [{name}]")
    return part


def kernel_times(name: str, part: Any) -> KernelTimes:
    """Return the times that a file has of a kernel. Raises ValueError."""
    order = part.get("simplest_first") if isinstance(part, dict) else None
    if not (
        isinstance(order, list) and order and all(isinstance(slug, str) and NAME.fullmatch(slug) for slug in order)
    ):
        raise ValueError(f"simplest_first of {name} must list implementations")
    times: dict[Size, dict[str, float]] = {}
    for size, seconds in table_in(part, "times_s").items():
        if not (isinstance(seconds, dict) and seconds):
            raise ValueError(f"{name} at {size} has no times")
        for slug, value in seconds.items():
            if type(value) is not float or not 0 < value < math.inf:
                raise ValueError(f"the time of {name}/{slug} at {size} is not a number of seconds")
            if slug not in order:
                raise ValueError(f"{name}/{slug} is not among simplest_first")
        times[Size.parse(size)] = seconds
    return KernelTimes(tuple(order), times)


def text_of(table: DispatchTable) -> str:
    """Return a table as its file has it."""
    lines = [
        "# Seconds a call, measured by w2vbench tune, from which w2vbench.best() and dispatch() choose.",
        f"format = {FORMAT}",
        f"made = {basic_string(table.made)}",
        "",
        "[machine]",
        *(f"{basic_string(name)} = {basic_string(value)}" for name, value in table.machine.items()),
        "",
        "[kernels]",
    ]
    for name, its in table.kernels.items():
        lines += ["", f"[kernels.{basic_string(name)}]"]
        lines.append(f"simplest_first = [{', '.join(map(basic_string, its.simplest_first))}]")
        lines.append(f"[kernels.{basic_string(name)}.times_s]")
        for size, seconds in its.times_s.items():
            entries = ", ".join(
                f"{basic_string(slug)} = {seconds[slug]:.3e}" for slug in its.simplest_first if slug in seconds
            )
            lines.append(f"{basic_string(str(size))} = {{ {entries} }}")
    return "\n".join(lines) + "\n"


def basic_string(text: str) -> str:
    """Write a text as a string of TOML."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")  # escapes are JSON's, but for that of DEL


def write(table: DispatchTable, file: Path) -> None:
    """Write a table, all of it or nothing. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="utf-8") as part:
        part.write(text_of(table))
        part.flush()
        os.fsync(part.fileno())
    if sys.platform != "win32":
        Path(part.name).chmod(0o644)
    Path(part.name).replace(file)
