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
    from rich.progress import Progress, ProgressColumn

    from bench.plans.problems import CaseRun, ProblemRun
    from bench.plans.run import PlannedProblem


EVERY_S = 5.0
"""Lines of progress are at least this far apart."""
FIRST = 3.0
"""The first process also checks and measures memory: it takes about as long as this many others."""


class RunProgress:
    """The progress of a run: the implementation that was checked, then each problem and process that begins, and the time left.

    Parameters
    ----------
    bar
        Where it is shown; None for plain lines, one a process and one every few seconds.
    """

    def __init__(self, problems: Sequence[PlannedProblem], processes: int, bar: Progress | None) -> None:
        self.problems, self.processes, self.bar = problems, processes, bar
        # a large vocabulary takes longer: its arrays are made, checked and passed over
        self.weights = [1 + problem.size.V / 150_000 for problem in problems]
        self.started: float | None = None
        self.printed_at = 0.0
        if bar:
            bar.add_task("", total=1.0, left="")

    def checking(self, key: str) -> None:
        if self.bar:
            self.bar.update(self.bar.task_ids[0], description=f"checking {key}")
        elif not self.printed_at:
            self.print("checking the implementations against their references")

    def measuring(self, problem: int, process: int) -> None:
        done, name = self.done(problem, process), self.problems[problem].name
        left = self.left(done)
        if self.bar:
            what = f"process {process + 1} of {self.processes}: {name}"
            self.bar.update(self.bar.task_ids[0], completed=done, description=what, left=left)
        elif problem == 0 or time.perf_counter() - self.printed_at > EVERY_S:
            of = f"[process {process + 1}/{self.processes}, problem {problem + 1}/{len(self.problems)}]"
            self.print(f"{of} {name}{', ' + left if left else ''}")

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
        line += f" (V = {problem.size.V:,}, B = {problem.size.B:,}; so far)"
        if self.bar:
            self.bar.console.print(line, style="dim", markup=False, highlight=False)
        else:
            self.print(line)

    def print(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)
        self.printed_at = time.perf_counter()

    def done(self, problem: int, process: int) -> float:
        """Return the share of the run that is done, by the weights of its problems."""
        within = sum(self.weights[:problem]) / sum(self.weights)
        finished = FIRST * within if process == 0 else FIRST + process - 1 + within
        return finished / (FIRST + self.processes - 1)

    def left(self, done: float) -> str:
        """Return the time left as text; empty until it can be estimated."""
        if self.started is None:
            self.started, self.began = time.perf_counter(), done
        elapsed, progress = time.perf_counter() - self.started, done - self.began
        if elapsed < 2 or progress <= 0:
            return ""
        rest = elapsed / progress * (1 - done)
        return f"about {rest / 60:.0f} min left" if rest > 90 else f"about {rest:.0f} s left"


def examples_of(case: CaseRun) -> float:
    """How many examples a call covers, by which implementations are ranked; 1 where they are not counted."""
    return next(iter(case.implementation.covered(case.case.size).values()), 0.0) or 1.0


def median_s(case: CaseRun) -> float:
    """Median wall time of a case's samples per call."""
    walls = [wall for process in case.samples for wall in process.wall_s if wall is not None]
    return statistics.median(walls)


@contextmanager
def run_progress(problems: Sequence[PlannedProblem], processes: int) -> Iterator[RunProgress]:
    """Show what is being measured and the time left, as a bar on a terminal, as plain lines elsewhere."""
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

    left = TextColumn("{task.fields[left]}")
    with bar_on_a_terminal(TextColumn("{task.description}"), BarColumn(24), left, TimeElapsedColumn()) as bar:
        yield RunProgress(problems, processes, bar)


@contextmanager
def bar_on_a_terminal(*columns: ProgressColumn) -> Iterator[Progress | None]:
    """Show a bar; None where standard error is no terminal."""
    from rich.progress import Progress

    if not sys.stderr.isatty():
        yield None
        return
    # a busy bar would take time from what is measured
    with Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=2) as bar:
        yield bar


@contextmanager
def step_progress(unit: str = "process") -> Iterator[Callable[[str, int, int], None]]:
    """Show the progress of work in numbered steps: one line that is updated on a terminal, plain lines elsewhere.

    Yields
    ------
    Callable[[str, int, int], None]
        Shows what is done, the number of finished steps, and their total (0: unknown).
    """
    began = time.perf_counter()
    printed: set[str] = set()

    def step(done: int, of: int) -> str:
        return f", {unit} {done + 1} of {of}" if of else ""

    def print_line(what: str, done: int, of: int) -> None:
        key = what.partition(" ")[0] if what.startswith("checking ") else what.partition(":")[0]
        if key not in printed or (of and done % 3 == 0 and ":" not in what):
            printed.add(key)
            print(f"{what}{step(done, of)}", file=sys.stderr, flush=True)

    if not sys.stderr.isatty():
        yield print_line
        return
    from rich.status import Status

    with Status("", console=Console(stderr=True), refresh_per_second=2) as status:
        yield lambda what, done, of: status.update(f"{what}{step(done, of)} ({time.perf_counter() - began:.0f} s)")


@contextmanager
def training_progress(total: int) -> Iterator[Callable[[int, float, float], None]]:
    """Show the progress of one training run. Yields a function of words done, words a second, and seconds left."""
    from rich.progress import BarColumn, TextColumn

    printed_at = 0.0
    figures = TextColumn("{task.percentage:.0f} %, {task.fields[pace]:,.0f} words/s{task.fields[left]}")
    with bar_on_a_terminal(BarColumn(), figures) as bar:
        task = bar.add_task("", total=total, pace=0.0, left="") if bar else None

        def show(words: int, pace: float, left_s: float) -> None:
            nonlocal printed_at
            left = f", {duration(left_s)} left"
            if bar and task is not None:
                bar.update(task, completed=words, pace=pace, left=left)
            elif time.perf_counter() - printed_at > EVERY_S:
                printed_at = time.perf_counter()
                print(f"{words / total:.0%}, {pace:,.0f} words/s{left}", file=sys.stderr, flush=True)

        yield show


def duration(seconds: float) -> str:
    """Format a duration: ``42 s``, ``5 min``, ``2 h``."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
