"""Show the progress of long work on standard error: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

from reports.units import seconds

if TYPE_CHECKING:
    from rich.progress import Progress

    from bench.plans.problems import CaseRun, ProblemRun


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
    """The progress of a run: the implementation that is checked, then each problem and process that begins, and the time left."""

    def __init__(self, problems: Sequence[ProblemRun], processes: int, display: Display) -> None:
        self.problems, self.processes, self.display = problems, processes, display
        # a large vocabulary takes longer: its arrays are made, checked and passed over
        self.weights = [1 + problem.size.V / 150_000 for problem in problems]
        self.began: tuple[float, float] | None = None

    def checking(self, key: str) -> None:
        if self.display.bar:
            self.display.show(f"checking {key}")
        elif self.display.printed_at < 0:
            self.display.show("checking the implementations against their references")

    def measuring(self, problem: int, process: int) -> None:
        done = self.done(problem, process)
        of = f"[process {process + 1}/{self.processes}, problem {problem + 1}/{len(self.problems)}]"
        self.display.show(f"{of} {self.problems[problem].problem}", done, left=self.left(done), now=problem == 0)

    def first(self, problem: ProblemRun) -> None:
        """Show the first figures of a kernel: its fastest implementation and the textbook's, of one process."""
        times = {slug: median_s(case) for slug, case in problem.measured.items() if case.samples}
        if not times:
            return
        each = {slug: times[slug] / examples_of(problem.measured[slug]) for slug in times}
        fastest = min(each, key=lambda slug: each[slug])
        line = f"{problem.kernel}: {fastest} takes {seconds(times[fastest])}"
        book = next((slug for slug, case in problem.measured.items() if case.implementation.baseline), fastest)
        if book in times and book != fastest:
            line += f", the textbook's {book} {seconds(times[book])}"
        self.display.keep(f"{line} (V = {problem.size.V:,}, B = {problem.size.B:,}; so far)")

    def done(self, problem: int, process: int) -> float:
        """Return the share of the run that is done, by the weights of its problems."""
        within = sum(self.weights[:problem]) / sum(self.weights)
        finished = FIRST * within if process == 0 else FIRST + process - 1 + within
        return finished / (FIRST + self.processes - 1)

    def left(self, done: float) -> str:
        """Return the time left as text; empty until it can be estimated."""
        now = time.perf_counter()
        started, share = self.began = self.began or (now, done)
        elapsed, progress = now - started, done - share
        return f"about {duration(elapsed / progress * (1 - done))} left" if elapsed > 2 and progress > 0 else ""


def examples_of(case: CaseRun) -> float:
    """How many examples a call covers, by which implementations are ranked; 1 where they are not counted."""
    return next(iter(case.implementation.covered(case.case.size).values()), 0.0) or 1.0


def median_s(case: CaseRun) -> float:
    """Median wall time of a case's samples per call."""
    return statistics.median(wall for process in case.samples for wall in process.wall_s if wall is not None)


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
