"""Print to the terminal: answers on standard output, errors on standard error."""

from __future__ import annotations

import json
import os
import shlex
import string
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console, RenderableType
from w2vbench.bench.engine.protocol import Status, Verdict
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.interface import Implementation

from .streams import say

if TYPE_CHECKING:
    from rich.table import Table
    from w2vbench.bench.plans.compare.bisect import Bisected
    from w2vbench.bench.plans.packages.environments import PythonEnvironment

UNLIMITED_WIDTH = 1000
WIDE = 100


def console() -> Console:
    """Return a console on standard output, which prints text as it is. A file or pipe gets unfolded lines, so that a case's name can be searched."""
    width = None if sys.stdout.isatty() else UNLIMITED_WIDTH
    return Console(width=width, highlight=False, markup=False, emoji=False)


def note(line: str) -> None:
    """Print a line on standard error."""
    say(line)


def error(message: str) -> None:
    note(f"w2vbench: {message}")


@contextmanager
def keeping_nothing() -> Iterator[None]:
    """Do what stands in the block; if the user ends it, say that nothing is kept, and exit with 130."""
    try:
        yield
    except KeyboardInterrupt:
        error("interrupted: nothing is kept")
        raise typer.Exit(130) from None


def kept_of(path: Path, exit_code: int) -> None:
    """Say where what is finished is kept, if the user ended the command."""
    if exit_code == 130:
        error(f"interrupted: what was finished is kept in {path}")


def whole_path(file: Path) -> Path:
    """Return the path of a file from the root, without links. One that leads to itself is as it was: it is no file."""
    return Path(os.path.realpath(file))


def command_line(arguments: Sequence[str]) -> str:
    """Return the command as it can be typed again, as valid UTF-8."""
    return " ".join(map(shell_quoted, ["w2vbench", *arguments[1:]]))


def shell_quoted(argument: str) -> str:
    r"""Quote an argument for a shell. One that is not UTF-8 is written as bytes, ``$'caf\xe9.txt'``."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        safe = {*map(ord, string.ascii_letters + string.digits + "-_./=,:@ ")}
        return "$'" + "".join(chr(byte) if byte in safe else rf"\x{byte:02x}" for byte in os.fsencode(argument)) + "'"
    return shlex.quote(argument)


def plain_table(
    header: Sequence[str],
    rows: Iterable[Sequence[RenderableType]],
    left: int | None = None,
    *,
    fold: bool = False,
    no_wrap: Collection[int] = (),
    title: str | None = None,
) -> Table:
    """Return a table without lines.

    Parameters
    ----------
    left
        How many of the first columns are aligned left; None for all. The others are aligned right.
    fold
        Whether long words are folded instead of cut off.
    no_wrap
        The columns that stay on one line.
    """
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim", title=title, title_justify="left")
    for at, name in enumerate(header):
        table.add_column(
            name,
            justify="left" if left is None or at < left else "right",
            overflow="fold" if fold else "ellipsis",
            no_wrap=at in no_wrap,
        )
    for row in rows:
        table.add_row(*row)
    return table


def list_outputs(paths: Sequence[Path]) -> None:
    """Print where the outputs are, one line a folder."""
    for folder, its in groupby(paths, lambda path: path.parent):
        first, *others = its
        more = f" (also {', '.join(path.name for path in others)})" if others else ""
        console().print(f"wrote {folder / first.name}{more}", soft_wrap=True)


def implementations(every: Sequence[Implementation], as_json: bool) -> None:
    """Print all implementations by kernel, from the textbook's to the fastest."""
    if as_json:
        records = [
            {
                "kernel": i.kernel.name,
                "implementation": i.slug,
                **{fact: getattr(i, fact) for fact in ("title", "slide", "baseline", "wrong", "grows_with")},
                "source": catalogue.source(i),
                "missing": catalogue.missing(i),
            }
            for i in every
        ]
        print(json.dumps(records, indent=1))
        return
    from rich.text import Text

    screen = console()
    slides = screen.width >= WIDE
    rows: list[Sequence[RenderableType]] = []
    for kernel, mine in groupby(every, lambda one: one.kernel):
        rows.append((Text(kernel.name, style="bold"), kernel.title))
        rows += [(f"  {i.slug}", i.title, *([str(i.slide or "")] if slides else []), availability(i)) for i in mine]
    header = ("implementation", "what it is", *(["slide"] if slides else []), "here")
    screen.print(plain_table(header, rows, no_wrap=(0, *range(2, len(header)))))


def availability(one: Implementation) -> str:
    """Return an implementation's family if it can run here, and else what to install."""
    absent = catalogue.missing(one)
    if absent:
        return f"no: pip install {' '.join(absent)}"
    return "wrong on purpose" if one.wrong else one.family


def bisected(found: Bisected) -> None:
    """Print the commits that were judged, and the one that changed the case."""
    screen = console()
    rows = [(step.commit[:9], step.verdict, step.why, step.subject) for step in found.steps]
    screen.print(plain_table(("commit", "", "against GOOD", "subject"), rows, fold=True))
    first = found.first
    screen.print(
        f"\n{found.case}: {first.verdict} since {first.commit[:9]} {first.subject}", style="bold", soft_wrap=True
    )
    if found.between:
        between = ", ".join(commit[:9] for commit in found.between)
        screen.print(f"or since one of these, which could not be told: {between}", soft_wrap=True)
    screen.print(f"It changed {', '.join(found.files)}: git show {first.commit[:9]}", soft_wrap=True)


def environments(every: Sequence[PythonEnvironment], folder: str) -> None:
    """Print the kept environments, the last used first."""
    from datetime import datetime

    from w2vbench.reports.statistics.units import size_bytes

    shown = ("numpy", "scipy", "numba")
    rows = [
        (
            one.name,
            one.python_version,
            *(one.packages.get(name, "–") for name in shown),
            ", ".join(f"{name} {version}" for name, version in one.packages.items() if name not in (*shown, *OWN)),
            size_bytes(one.size_bytes),
            datetime.fromtimestamp(one.used).strftime("%Y-%m-%d"),
        )
        for one in every
    ]
    screen = console()
    if rows:
        screen.print(plain_table(("name", "Python", *shown, "others", "size", "last used"), rows, no_wrap=(0,)))
    total = sum(one.size_bytes for one in every)
    screen.print(f"{len(rows)} kept in {folder}{f', {size_bytes(total)} in all' if rows else ''}", soft_wrap=True)


OWN = ("llvmlite", "msgspec", "psutil", "threadpoolctl")
"""Packages that every environment has, and nobody asks for."""


def verdicts(every: Sequence[Implementation], by_key: dict[str, Verdict], as_json: bool) -> None:
    """Print the contract's verdicts."""
    if as_json:
        records = [{"case": i.key, **vars(by_key[i.key]), "marked_wrong": bool(i.wrong)} for i in every]
        print(json.dumps(records, indent=1))
        return
    from rich.text import Text

    out, counts = console(), Counter[str]()
    for i in every:
        status, reason = by_key[i.key].status, by_key[i.key].reason
        as_marked = bool(i.wrong) and status == Status.WRONG
        style = "green" if status == Status.OK else "yellow" if as_marked or status == Status.SKIPPED else "bold red"
        verdict = f"{status + ' (as marked)' * as_marked:<18}"
        out.print(Text.assemble((verdict, style), f"{i.key}{': ' + reason if reason else ''}"))
        counts[status + " as marked" * as_marked] += 1
    out.print(", ".join(f"{count} {status}" for status, count in counts.items()))
