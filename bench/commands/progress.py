"""How far long work is, on standard error: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console

if TYPE_CHECKING:
    from bench.plans.run import Problem


class Bar(Protocol):
    """What a run tells of its progress."""

    def checking(self, key: str) -> None: ...
    def measuring(self, problem: int, process: int) -> None: ...


@contextmanager
def progress(problems: Sequence[Problem], processes: int) -> Iterator[Bar]:
    """A bar on a terminal, plain lines elsewhere; both say what is being measured and how long is left."""
    # a large vocabulary takes longer: its arrays must be made, checked and gone through
    weights = [1 + problem.size.V / 150_000 for problem in problems]
    if not sys.stderr.isatty():
        yield Lines(problems, processes, weights)
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
        yield Painted(bar, problems, processes, weights)


class Clock:
    """How much of a run is done, by weight, and how long the rest will take."""

    def __init__(self, problems: Sequence[Problem], processes: int, weights: Sequence[float]) -> None:
        self.problems, self.processes, self.weights = problems, processes, weights
        self.started: float | None = None

    FIRST = 3.0  # the first process checks and measures memory too, so it takes about as long as three others

    def done(self, problem: int, process: int) -> float:
        within = sum(self.weights[:problem]) / sum(self.weights)
        behind = self.FIRST * within if process == 0 else self.FIRST + process - 1 + within
        return behind / (self.FIRST + self.processes - 1)

    def left(self, done: float) -> str:
        """Time left in words, once there is something to go by."""
        if self.started is None:
            self.started, self.began = time.perf_counter(), done
        elapsed, progress = time.perf_counter() - self.started, done - self.began
        if elapsed < 2 or progress <= 0:
            return ""
        rest = elapsed / progress * (1 - done)
        return f"about {rest / 60:.0f} min left" if rest > 90 else f"about {rest:.0f} s left"


class Painted(Clock):
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


class Lines(Clock):
    """Progress as plain lines: one a process, and one every few seconds."""

    EVERY_S = 5.0
    said = 0.0
    checked = False

    def checking(self, key: str) -> None:
        if not self.checked:
            self.checked = True
            self.say("checking the implementations against their references")

    def measuring(self, problem: int, process: int) -> None:
        left = self.left(self.done(problem, process))
        if problem == 0 or self.said == 0.0 or time.perf_counter() - self.said > self.EVERY_S:
            name = self.problems[problem].name
            self.say(
                f"[process {process + 1}/{self.processes}, problem {problem + 1}/{len(self.problems)}] {name}{', ' + left if left else ''}"
            )

    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)
        self.said = time.perf_counter()


@contextmanager
def steps(unit: str = "process") -> Iterator[Callable[[str, int, int], None]]:
    """Progress of work in steps of so many each: a line that is painted over on a terminal, plain lines elsewhere."""
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
    said: set[str] = set()

    def say(what: str, done: int, of: int) -> None:
        key = what.partition(" ")[0] if what.startswith("checking ") else what.partition(":")[0]
        if key not in said or (of and done % 3 == 0 and ":" not in what):
            said.add(key)
            print(f"{what}{f', {unit} {done + 1} of {of}' if of else ''}", file=sys.stderr, flush=True)

    yield say


@contextmanager
def trainings(total: int) -> Iterator[Callable[[int, float, float], None]]:
    """Progress of one training run: words done, words a second, seconds left."""
    from rich.progress import BarColumn, Progress, TextColumn

    if not sys.stderr.isatty():
        said = 0.0

        def say(words: int, pace: float, left_s: float) -> None:
            nonlocal said
            if time.perf_counter() - said > Lines.EVERY_S:
                said = time.perf_counter()
                print(f"{words / total:.0%}, {pace:,.0f} words/s, {duration(left_s)} left", file=sys.stderr, flush=True)

        yield say
        return
    columns = (BarColumn(), TextColumn("{task.percentage:.0f} %, {task.fields[pace]:,.0f} words/s{task.fields[left]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=2) as bar:
        task = bar.add_task("", total=total, pace=0.0, left="")

        def paint(words: int, pace: float, left_s: float) -> None:
            bar.update(task, completed=words, pace=pace, left=f", {duration(left_s)} left")

        yield paint


def duration(seconds: float) -> str:
    """``42 s``, ``5 min``, ``2 h``."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
