"""Show the progress of long work on standard error: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from rich.console import Console
from w2vbench.reports.drawing.columns import WIDTH

if TYPE_CHECKING:
    from rich.progress import Progress
    from w2vbench.bench.plans.run.problems import ProblemRun
    from w2vbench.reports.file.schema.result import ResultFile


EVERY_S = 5.0
"""Lines of progress are at least this far apart."""
FIRST = 3.0
"""The first process also checks and measures memory: it takes about as long as this many others."""


class Display:
    """What is being done now: the line beside a bar on a terminal, a printed line every few seconds elsewhere.

    Parameters
    ----------
    bar
        None for plain lines.
    """

    def __init__(self, bar: Progress | None) -> None:
        self.bar = bar
        self.task = bar.add_task("", total=None, left="") if bar else None
        self.printed_at = -EVERY_S

    @property
    def width(self) -> int:
        """Columns of a line that stays."""
        return self.bar.console.width if self.bar else WIDTH

    def show(self, line: str, share: float | None = None, *, left: str = "", now: bool = False) -> None:
        """Show what is being done, and if known which share of all is done and the time left. now: whether it must be printed."""
        if self.bar and self.task is not None:
            self.bar.update(
                self.task, description=line, completed=share, total=None if share is None else 1.0, left=left
            )
        elif now or time.perf_counter() - self.printed_at > EVERY_S:
            self.keep(f"{line}{', ' * bool(left)}{left}")

    def keep(self, line: str) -> None:
        """Print a line that stays."""
        if self.bar:
            self.bar.console.print(line, style="dim", markup=False, highlight=False)
        else:
            print(line, file=sys.stderr, flush=True)
        self.printed_at = time.perf_counter()


@contextmanager
def display() -> Iterator[Display]:
    """Show what is done while the block runs."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    if not sys.stderr.isatty():
        yield Display(None)
        return
    # what is being done comes last, and is cut where the terminal is too narrow for it
    left = TextColumn("{task.fields[left]}", markup=False, table_column=Column(no_wrap=True))
    line = TextColumn(
        "{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)
    )
    # a busy bar would take time from what is measured
    with Progress(
        BarColumn(16),
        TimeElapsedColumn(),
        left,
        line,
        console=Console(stderr=True),
        transient=True,
        expand=True,
        refresh_per_second=2,
    ) as bar:
        yield Display(bar)


class RunProgress:
    """The progress of a run: the implementation that is checked, then each problem that begins its next process, and the time left."""

    def __init__(self, problems: Sequence[ProblemRun], processes: int, display: Display) -> None:
        self.processes, self.display = processes, display
        # a large vocabulary takes longer: its arrays are made, checked and passed over
        self.weights = {problem.problem: 1 + problem.size.V / 150_000 for problem in problems}
        self.total = sum(self.weights.values()) * (FIRST + processes - 1)
        self.finished = sum(
            self.weights[problem.problem] * (FIRST + problem.processes - 1) for problem in problems if problem.processes
        )
        self.current = 0.0
        self.began: tuple[float, float] | None = None
        self.said_once = Lock()

    def checking(self, key: str) -> None:
        if self.display.bar:
            self.display.show(f"checking {key}")
        elif self.said_once.acquire(blocking=False):  # since several threads check
            self.display.show("checking the implementations against their references")

    def measuring(self, problem: ProblemRun, further: bool = False) -> None:
        """Show the problem that begins its next process. further: whether it has more of them than were planned."""
        self.finished += self.current
        self.current = 0.0 if further else self.weights[problem.problem] * (1.0 if problem.processes else FIRST)
        line = f"{problem.problem}, process {problem.processes + 1}"
        if further:
            self.display.show(f"{line}: undecided so far", 1.0)
        else:
            done = self.finished / self.total
            self.display.show(f"{line} of {self.processes}", done, left=self.left(done))

    def first(self, result: ResultFile) -> None:
        """Show what one process of each kernel says."""
        from w2vbench.reports.run.lines import provisional

        for line in provisional(result, self.display.width):
            self.display.keep(line)

    def left(self, done: float) -> str:
        """Return the time left as text; empty until it can be estimated."""
        now = time.perf_counter()
        started, share = self.began = self.began or (now, done)
        elapsed, progress = now - started, done - share
        return f"about {duration(elapsed / progress * (1 - done))} left" if elapsed > 2 and progress > 0 else ""


@contextmanager
def run_progress(problems: Sequence[ProblemRun], processes: int) -> Iterator[RunProgress]:
    """Show what is being measured and the time left."""
    with display() as shown:
        yield RunProgress(problems, processes, shown)


@contextmanager
def step_progress(unit: str = "process") -> Iterator[Callable[[str, int, int], None]]:
    """Show the progress of work in numbered steps. Where lines are printed, each kind of work is, and every third step of it.

    Yields
    ------
    Callable[[str, int, int], None]
        Shows what is done, the number of finished steps, and their total (0: unknown).
    """
    printed: set[str] = set()
    with display() as shown:

        def note(what: str, done: int, of: int) -> None:
            key = what.partition(" ")[0] if what.startswith("checking ") else what.partition(":")[0]
            if shown.bar or key not in printed or (of and done % 3 == 0 and ":" not in what):
                printed.add(key)
                shown.show(f"{what}{f', {unit} {done + 1} of {of}' if of else ''}", done / of if of else None, now=True)

        yield note


@contextmanager
def training_progress(total: int) -> Iterator[Callable[[int, float, float], None]]:
    """Show the progress of one training run. Yields a function of words done, words a second, and seconds left."""
    with display() as shown:
        yield lambda words, pace, left_s: shown.show(
            f"{words / total:.0%}, {pace:,.0f} words/s", words / total, left=f"{duration(left_s)} left"
        )


def duration(seconds: float) -> str:
    """Format a duration: ``42 s``, ``5 min``, ``2 h``."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
