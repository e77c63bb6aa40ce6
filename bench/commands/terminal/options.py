"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from .quantities import duration, memory_size, share, whole_number

MOST_THREADS, MOST_TIMES, LARGEST_SEED = 1024, 10_000, (1 << 63) - 1
"""Limits of what may be asked for: what is beyond is a slip of the finger, and numbers must fit into a result file."""


def option(name: str, metavar: str, description: str, **more: Any) -> Any:
    """Return an option, with more of what typer knows of one."""
    return typer.Option(name, metavar=metavar, help=description, **more)


AGAIN = "may be given several times."
Impl = Annotated[
    list[Path] | None,
    option("--impl", "FILE", f"A Python file with your own implementations (see README); {AGAIN}"),
]
ImplInGit = Annotated[
    list[Path] | None,
    option("--impl", "FILE", "Your own implementations' file, in any git repository, at each revision."),
]
Kernels = Annotated[
    list[str] | None,
    option(
        "--kernel", "K", f"A kernel, e.g. lookup or scatter.dense; a family (scatter) takes all its variants; {AGAIN}"
    ),
]
Only = Annotated[
    list[str] | None,
    option("--only", "GLOB", f"Cases whose name matches, e.g. add-at or 'scatter.*/add-at@*'; baselines stay; {AGAIN}"),
]
CorpusFile = Annotated[
    Path | None,
    option(
        "--corpus",
        "FILE",
        "Your own UTF-8 text, a sentence a line or all in one; else the State of the Union addresses.",
    ),
]
TimeLimit = Annotated[
    float,
    option(
        *("--time-limit", "TIME", "Longest that one step of an implementation may take, in seconds or e.g. 5m."),
        parser=duration,
    ),
]
TIME_LIMIT_S = 30.0
THREADS = option("--threads", "N", "BLAS and OpenMP threads (default 1, pinned to one CPU).", min=1, max=MOST_THREADS)
Threads = Annotated[int, THREADS]
Threshold = Annotated[
    float | None, option("--threshold", "P%", "A change of time below this is none. The default is 2%.", parser=share)
]
Epochs = Annotated[
    int, typer.Option("--epochs", "--iter", metavar="N", min=1, max=MOST_TIMES, help="Times through the text.")
]
MinCount = Annotated[int, typer.Option(metavar="N", min=1, max=1 << 40, help="Leave out words that occur less often.")]
FloatType = Literal["f32", "f64", "float32", "float64"]
IndexType = Literal["i32", "i64"]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on from the finished processes of the same command, if it was killed.")
]
OUT = Path("reports/out")
"""Where results go if --out does not say."""
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


def several_numbers(name: str, least: int, description: str, most: int | None = None, *, distinct: bool = False) -> Any:
    """Return an option that takes several whole numbers (``main.several``). distinct: whether each may be given only once."""
    callback = each_once if distinct else None
    return option(name, "N...", description, parser=whole_number(least, most), callback=callback)


def each_once(values: list[int] | None) -> list[int] | None:
    """Return an option's values. Raises BadParameter if one was given twice."""
    twice = next((value for value in values or () if (values or []).count(value) > 1), None)
    if twice is not None:
        raise typer.BadParameter(f"{twice} was given twice")
    return values


def one_number(metavar: str, description: str) -> Any:
    """Return an option that takes a whole number from 1 up."""
    return typer.Option(parser=whole_number(1), metavar=metavar, help=description)


def how_many(description: str, least: int = 1) -> Any:
    """Return an option for how many there are of something: processes, cases, comparisons."""
    return typer.Option(metavar="N", min=least, max=MOST_TIMES, help=description)


def random_seed(description: str) -> Any:
    """Return an option for a seed."""
    return typer.Option(metavar="N", min=0, max=LARGEST_SEED, help=description)


def worker_memory(description: str) -> Any:
    """Return an option for the most memory that a worker may hold."""
    return typer.Option(parser=memory_size, metavar="SIZE", help=description)
