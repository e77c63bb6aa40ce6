"""The command that measures cases again in more processes."""

from __future__ import annotations

from collections.abc import Sequence

from .result_schema import Row

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
    return " ".join(
        [
            f"w2vbench run --kernel {problem.extra_info.kernel} --vocab {size.V} --batch {size.B}",
            *(
                f"{option} {value}"
                for name, (option, default) in OPTIONS.items()
                if (value := getattr(size, name)) not in (default, 0)
            ),
            *(f"--only {row.slug}" for row in rows),
            f"--processes {PROCESSES}",
        ]
    )
