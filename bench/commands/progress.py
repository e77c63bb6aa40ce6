"""Show the progress of long work on standard error: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console

if TYPE_CHECKING:
    from bench.plans.run import Problem


class RunProgress(Protocol):
    """Shows the progress of a run: the implementation that was checked, then each problem and process that begins."""

    def checking(self, key: str) -> None: ...
    def measuring(self, problem: int, process: int) -> None: ...


@contextmanager
def run_progress(problems: Sequence[Problem], processes: int) -> Iterator[RunProgress]:
    """Show what is being measured and the time left, as a bar on a terminal, as plain lines elsewhere."""
    # a large vocabulary takes longer: its arrays are made, checked and passed over
    weights = [1 + problem.size.V / 150_000 for problem in problems]
    if not sys.stderr.isatty():
        yield ProgressLines(problems, processes, weights)
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[left]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        refresh_per_second=2,  # a busy bar would take time from what is measured
    ) as bar:
        yield ProgressBar(bar, problems, processes, weights)


class TimeEstimate:
    """Estimate the share of a run that is done, by the weights of its problems, and the time left."""

    def __init__(self, problems: Sequence[Problem], processes: int, weights: Sequence[float]) -> None:
        self.problems, self.processes, self.weights = problems, processes, weights
        self.started: float | None = None

    FIRST = 3.0  # the first process also checks and measures memory: it takes about as long as three others

    def done(self, problem: int, process: int) -> float:
        within = sum(self.weights[:problem]) / sum(self.weights)
        finished = self.FIRST * within if process == 0 else self.FIRST + process - 1 + within
        return finished / (self.FIRST + self.processes - 1)

    def left(self, done: float) -> str:
        """Return the time left as text; empty until it can be estimated."""
        if self.started is None:
            self.started, self.began = time.perf_counter(), done
        elapsed, progress = time.perf_counter() - self.started, done - self.began
        if elapsed < 2 or progress <= 0:
            return ""
        rest = elapsed / progress * (1 - done)
        return f"about {rest / 60:.0f} min left" if rest > 90 else f"about {rest:.0f} s left"


class ProgressBar(TimeEstimate):
    """Progress as a bar."""

    def __init__(self, bar: Any, problems: Sequence[Problem], processes: int, weights: Sequence[float]) -> None:
        super().__init__(problems, processes, weights)
        self.bar = bar
        self.task = bar.add_task("", total=1.0, left="")

    def checking(self, key: str) -> None:
        self.bar.update(self.task, description=f"checked {key}")

    def measuring(self, problem: int, process: int) -> None:
        done = self.done(problem, process)
        self.bar.update(
            self.task,
            completed=done,
            description=f"process {process + 1} of {self.processes}: {self.problems[problem].name}",
            left=self.left(done),
        )


class ProgressLines(TimeEstimate):
    """Progress as plain lines: one a process, and one every few seconds."""

    EVERY_S = 5.0
    printed_at = 0.0
    checked = False

    def checking(self, key: str) -> None:
        if not self.checked:
            self.checked = True
            self.print("checking the implementations against their references")

    def measuring(self, problem: int, process: int) -> None:
        left = self.left(self.done(problem, process))
        if problem == 0 or self.printed_at == 0.0 or time.perf_counter() - self.printed_at > self.EVERY_S:
            name = self.problems[problem].name
            self.print(
                f"[process {process + 1}/{self.processes}, problem {problem + 1}/{len(self.problems)}] {name}{', ' + left if left else ''}"
            )

    def print(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)
        self.printed_at = time.perf_counter()


@contextmanager
def step_progress(unit: str = "process") -> Iterator[Callable[[str, int, int], None]]:
    """Show the progress of work in numbered steps: one line that is updated on a terminal, plain lines elsewhere.

    Yields
    ------
    Callable[[str, int, int], None]
        Shows what is done, the number of finished steps, and their total (0: unknown).
    """
    began = time.perf_counter()
    if sys.stderr.isatty():
        from rich.status import Status

        with Status("", console=Console(stderr=True), refresh_per_second=2) as status:

            def paint(what: str, done: int, of: int) -> None:
                status.update(
                    f"{what}{f', {unit} {done + 1} of {of}' if of else ''} ({time.perf_counter() - began:.0f} s)"
                )

            yield paint
        return
    printed: set[str] = set()

    def print_line(what: str, done: int, of: int) -> None:
        key = what.partition(" ")[0] if what.startswith("checking ") else what.partition(":")[0]
        if key not in printed or (of and done % 3 == 0 and ":" not in what):
            printed.add(key)
            print(f"{what}{f', {unit} {done + 1} of {of}' if of else ''}", file=sys.stderr, flush=True)

    yield print_line


@contextmanager
def training_progress(total: int) -> Iterator[Callable[[int, float, float], None]]:
    """Show the progress of one training run. Yields a function of words done, words a second, and seconds left."""
    from rich.progress import BarColumn, Progress, TextColumn

    if not sys.stderr.isatty():
        printed_at = 0.0

        def print_line(words: int, pace: float, left_s: float) -> None:
            nonlocal printed_at
            if time.perf_counter() - printed_at > ProgressLines.EVERY_S:
                printed_at = time.perf_counter()
                print(f"{words / total:.0%}, {pace:,.0f} words/s, {duration(left_s)} left", file=sys.stderr, flush=True)

        yield print_line
        return
    columns = (BarColumn(), TextColumn("{task.percentage:.0f} %, {task.fields[pace]:,.0f} words/s{task.fields[left]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=2) as bar:
        task = bar.add_task("", total=total, pace=0.0, left="")

        def paint(words: int, pace: float, left_s: float) -> None:
            bar.update(task, completed=words, pace=pace, left=f", {duration(left_s)} left")

        yield paint


def duration(seconds: float) -> str:
    """Format a duration: ``42 s``, ``5 min``, ``2 h``."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
