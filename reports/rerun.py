"""The command that measures cases again in more processes."""

from __future__ import annotations

from collections.abc import Sequence

from .results import Row

PROCESSES = 20
"""Processes in which an undecided case is measured again."""

OPTIONS = {
    "H": "--hidden",
    "K": "--negatives",
    "dtype": "--dtype",
    "index": "--index",
    "words": "--words",
    "threads": "--threads",
}
"""Options of ``w2vbench run`` by the part of a size that they set, except V and B."""

DEFAULTS = {"H": 100, "K": 5, "dtype": "f32", "index": "i64", "words": "zipf", "threads": 1}
"""What ``w2vbench run`` takes without an option."""


def rerun_command(rows: Sequence[Row], problem: Row) -> str:
    """Return the command that measures some cases of a problem in PROCESSES.

    Parameters
    ----------
    rows
        The cases; empty for all cases of the problem.
    problem
        Any case of the problem.
    """
    size = problem.extra_info.size
    changed = [name for name, default in DEFAULTS.items() if getattr(size, name) not in (default, 0)]
    return " ".join(
        [
            f"w2vbench run --kernel {problem.extra_info.kernel} --vocab {size.V} --batch {size.B}",
            *(f"{OPTIONS[name]} {getattr(size, name)}" for name in changed),
            *(f"--only {row.extra_info.implementation}" for row in rows),
            f"--processes {PROCESSES}",
        ]
    )
