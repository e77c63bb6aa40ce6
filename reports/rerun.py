"""The command that measures a case again, in more processes."""

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
"""Options of ``w2vbench run`` by the part of a size that they set, but for V and B."""

USUAL = {"H": 100, "K": 5, "dtype": "f32", "index": "i64", "words": "zipf", "threads": 1}
"""What ``w2vbench run`` takes where no option says otherwise."""


def more_processes(rows: Sequence[Row], of: Row) -> str:
    """The command that measures some cases of one's problem in PROCESSES; all of its cases, if none are given."""
    size = of.extra_info.size
    changed = [name for name, usual in USUAL.items() if getattr(size, name) not in (usual, 0)]
    return " ".join(
        [
            f"w2vbench run --kernel {of.extra_info.kernel} --vocab {size.V} --batch {size.B}",
            *(f"{OPTIONS[name]} {getattr(size, name)}" for name in changed),
            *(f"--only {row.extra_info.implementation}" for row in rows),
            f"--processes {PROCESSES}",
        ]
    )
