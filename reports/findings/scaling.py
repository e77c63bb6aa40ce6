"""What more threads gain: speed-up over the fewest threads, and efficiency, of each implementation: pure functions.

Two numbers of threads are two problems, each with processes of its own. A speed-up is therefore the ratio of two typical
times, and its interval that of unpaired processes (``statistics.unpaired_ratio``). Nothing is ranked across numbers of
threads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from w2vbench.reports.file.frame import DIMENSIONS, wall_s, work_ratio
from w2vbench.reports.file.limits import rate
from w2vbench.reports.file.schema.result import ResultFile, Row, SizeRecord, Suite
from w2vbench.reports.statistics.problems import LEVEL, Interval, unpaired_ratio
from w2vbench.reports.statistics.units import inverse

from .answers import Answer, answers
from .facts import usable_cpus

MOVING = ("read", "copied")
"""What memory's bandwidth is compared for."""
GAIN = 1.1
"""A smaller speed-up is none; nor is one whose interval includes 1."""


@dataclass(frozen=True)
class OnThreads:
    """A case on a number of threads, beside the same implementation on its fewest."""

    row: Row  # the case
    speedup: Interval  # how many times faster it is, for equal work
    efficiency: Interval  # the speed-up over the ratio of the numbers of threads

    @property
    def threads(self) -> int:
        return self.row.extra_info.size.threads


@dataclass(frozen=True)
class Scaling:
    """An implementation at one size, on each number of threads, the fewest first."""

    points: tuple[OnThreads, ...]

    @property
    def slug(self) -> str:
        return self.points[0].row.slug

    @property
    def gains(self) -> bool:
        """Whether some number of threads makes it faster, beyond noise."""
        return any(beyond(point.speedup) for point in self.points)

    @property
    def loses(self) -> bool:
        """Whether some number of threads makes it slower, beyond noise."""
        return any(beyond(inverse(point.speedup)) for point in self.points)

    @property
    def changes(self) -> bool:
        """Whether its time depends on threads."""
        return self.gains or self.loses


def gain_order(one: Scaling) -> tuple[bool, bool, float]:
    """What gains most comes first, then what loses most, then the rest."""
    speedups = [point.speedup.estimate for point in one.points]
    return not one.gains, not one.loses, -max(speedups) if one.gains else min(speedups)


def beyond(speedup: Interval) -> bool:
    """Whether a speed-up is one, beyond noise."""
    return speedup.estimate >= GAIN and (speedup.low is None or speedup.low > 1)


@dataclass(frozen=True)
class ThreadedProblem:
    """A size that was measured on several numbers of threads."""

    answers: tuple[Answer, ...]  # what was found on each number of threads, the fewest first
    scalings: tuple[Scaling, ...]  # its implementations: those that gain most first
    # how many times the bandwidth of the fewest threads this machine reaches on each number of them, at the working set
    # of the size's table, by what is done with it; without what was not measured
    memory: dict[str, tuple[float, ...]]
    cpus: float | None  # how many CPUs the run could use; None where the file does not say

    @property
    def threads(self) -> list[int]:
        return [answer.size.threads for answer in self.answers]

    @property
    def kernel(self) -> str:
        return self.answers[0].kernel


@lru_cache(maxsize=1)
def threaded_problems(result: ResultFile) -> list[ThreadedProblem]:
    """Return the sizes that were measured on several numbers of threads, in the file's order."""
    series: dict[tuple[object, ...], list[Answer]] = {}
    for answer in answers(result).values():
        size = (getattr(answer.size, name) for name in DIMENSIONS if name != "threads")
        series.setdefault((answer.kernel, *size), []).append(answer)
    problems = []
    for its in series.values():
        its.sort(key=lambda answer: answer.size.threads)
        scalings = sorted(scalings_of(its), key=gain_order)
        if scalings:
            threads = [answer.size.threads for answer in its]
            memory = memory_gains(result.w2vbench, its[0].size, threads)
            problems.append(ThreadedProblem(tuple(its), tuple(scalings), memory, usable_cpus(result.w2vbench)))
    return problems


def scalings_of(its: Iterable[Answer]) -> Iterator[Scaling]:
    """The implementations of some problems that differ in nothing but threads, if they have several numbers of them.

    The intervals of all of them hold together (Bonferroni), since those that gain are shown and the others are not.
    """
    by_slug: dict[str, list[Row]] = {}
    for answer in its:
        for row in answer.rows:
            by_slug.setdefault(row.slug, []).append(row)
    several = [rows for rows in by_slug.values() if len(rows) > 1]
    level = 1 - (1 - LEVEL) / max(1, sum(len(rows) - 1 for rows in several))
    for rows in several:
        yield Scaling(tuple(on_threads(row, rows[0], level) for row in rows))


def on_threads(row: Row, fewest: Row, level: float) -> OnThreads:
    """Return a case beside the same on its fewest threads. level: of the interval."""
    if row is fewest:
        return OnThreads(row, Interval(1.0), Interval(1.0))
    if row.medians_s and fewest.medians_s:
        ratio = unpaired_ratio(fewest.medians_s, row.medians_s, level)
    else:
        ratio = Interval(wall_s(fewest) / wall_s(row))
    more_work, more_threads = work_ratio(row, fewest), row.extra_info.size.threads / fewest.extra_info.size.threads
    speedup = ratio.map(lambda times: times * more_work)
    return OnThreads(row, speedup, speedup.map(lambda times: times / more_threads))


def memory_gains(suite: Suite, size: SizeRecord, threads: Sequence[int]) -> dict[str, tuple[float, ...]]:
    """Return how many times the bandwidth of the fewest threads the machine reaches, at the working set of a size's table."""
    table = table_bytes(size)
    limits = [suite.limits_by_threads.get(number) for number in threads]
    gains = {}
    for name in MOVING:
        curves = [getattr(one, name) if one else [] for one in limits]
        if all(curves):
            rates = [rate(curve, table) for curve in curves]
            gains[name] = tuple(one / rates[0] for one in rates)
    return gains


def table_bytes(size: SizeRecord) -> int:
    """Return the bytes of a size's table, V × H."""
    return size.V * size.H * (8 if size.dtype == "f64" else 4)
