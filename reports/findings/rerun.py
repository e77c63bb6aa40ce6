"""The command that measures cases again in more processes."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from itertools import pairwise

from w2vbench.reports.file.schema.result import ResultFile, Row

from .sizes import AnySize

PROCESSES = 20
"""Processes in which an undecided case is measured again."""

OPTIONS: dict[str, tuple[str, object]] = {
    "H": ("--hidden", 100),
    "K": ("--negatives", 5),
    "dtype": ("--dtype", "f32"),
    "index": ("--index", "i64"),
    "words": ("--words", "zipf"),
    "threads": ("--threads", 1),
}
"""Options of ``w2vbench run`` and their defaults, by the part of a size that they set, except V and B."""


def own_files(command: str) -> list[str]:
    """Return the options of a command that name the user's own files: ``--impl mine.py``, ``--corpus my.txt``."""
    try:
        words = shlex.split(command)
    except ValueError:  # a command in a file need not be one
        return []
    return [f"{option} {shlex.quote(value)}" for option, value in pairwise(words) if option in ("--impl", "--corpus")]


def unusual(size: AnySize, names: Collection[str]) -> list[str]:
    """Return the options that set some parts of a size, where they are not the default."""
    return [
        f"{option} {value}"
        for name, (option, default) in OPTIONS.items()
        if name in names and (value := getattr(size, name)) not in (default, 0)
    ]


def rerun_command(rows: Sequence[Row], problem: Row, result: ResultFile) -> str:
    """Return the command that measures some cases of a problem in PROCESSES.

    Parameters
    ----------
    rows
        The cases; empty for all cases of the problem.
    problem
        Any case of the problem.
    result
        Its file, whose command may name files of the user's own.
    """
    size = problem.extra_info.size
    return " ".join(
        [
            f"w2vbench run --kernel {problem.extra_info.kernel} --vocab {size.V} --batch {size.B}",
            *unusual(size, list(OPTIONS)),
            *(f"--only {row.slug}" for row in rows),
            *own_files(result.w2vbench.command),
            f"--processes {PROCESSES}",
        ]
    )
