"""Which implementation to use for each problem, how much slower the others are, and how far to trust that: pure functions.

The page, the terminal and the Markdown report all show these answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from w2vbench.reports.file.frame import example_s
from w2vbench.reports.file.schema.fields import Family
from w2vbench.reports.file.schema.result import ResultFile, Row, SizeRecord
from w2vbench.reports.statistics.problems import Interval
from w2vbench.reports.statistics.units import counted, share, slower, three, two

from .facts import speed_varied
from .ranking import AS_FAST, Ranking, hardly_known, rank, winner_speedup
from .rerun import rerun_command
from .sizes import nearest, size_to_show, types

FAMILIES: tuple[Family, ...] = ("textbook", "NumPy/SciPy", "compiled", "framework")
FEW = 2
"""Up to this many undecided cases are named in the command that decides them; more are the whole problem."""


class Mark(StrEnum):
    """What is said of the case to use: that others are as fast, or may be faster."""

    NONE = ""
    TIE = "tie"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Answer:
    """What was found for one problem."""

    problem: str  # its name
    rows: tuple[Row, ...]  # its measured cases, in the file's order: from the textbook's to the fastest
    ranking: Ranking  # which of them are fastest

    @property
    def kernel(self) -> str:
        return self.rows[0].extra_info.kernel

    @property
    def size(self) -> SizeRecord:
        return self.rows[0].extra_info.size

    @property
    def use(self) -> Row:
        """The case to use: the fastest, and of several that tie the simplest."""
        return self.ranking.recommended

    @cached_property
    def baseline(self) -> Row | None:
        return next((row for row in self.rows if row.extra_info.baseline), None)

    @cached_property
    def families(self) -> dict[str, Ranking]:
        """Which cases of each family are the fastest of it."""
        families: dict[str, list[Row]] = {}
        for row in self.rows:
            families.setdefault(row.extra_info.family, []).append(row)
        return {family: rank(rows) for family, rows in families.items()}

    def best(self, family: str) -> Row | None:
        """Return the case to use of one family."""
        ranking = self.families.get(family)
        return ranking.recommended if ranking else None

    @property
    def mark(self) -> Mark:
        """What to add to the name of the case to use."""
        if not self.ranking.conclusive:
            return Mark.UNDECIDED
        return Mark.TIE if self.ranking.tie else Mark.NONE

    def ties(self, row: Row) -> bool:
        """Whether a case is as fast as the one to use."""
        return row in self.ranking.fastest

    @property
    def decided(self) -> bool:
        """Whether it is known which case is fastest, and about how much slower each of the others is."""
        return self.ranking.conclusive and not any(
            hardly_known(self.slower(row)) for row in self.rows if row is not self.use
        )

    def slower(self, row: Row, than: Row | None = None) -> Interval:
        """Return a case's time over another's, by default over that of the case to use.

        The ratio is per example where calls cover different numbers. The intervals of all cases of the problem hold together
        (Bonferroni), since the data chose the case to use.
        """
        other = than or self.use
        return winner_speedup(other, row, self.rows) or Interval(example_s(row) / example_s(other))


def slower_text(ratio: Interval) -> str:
    """Return a ratio in words: ``28× slower``, ``6 % slower``; ``~4.1× slower`` where it is hardly known."""
    return f"{'~' * hardly_known(ratio)}{slower(ratio.estimate)}"


def as_fast(ratio: Interval) -> bool:
    """Whether a ratio is too near to one to matter."""
    return 1 / AS_FAST < ratio.estimate < AS_FAST


def compared(ratio: Interval, other: str = "") -> str:
    """Return how a case compares with another one: ``28× slower than gather``, ``as fast as gather``; unnamed, ``28× slower``."""
    if as_fast(ratio):
        return "as fast" + f" as {other}" * bool(other)
    return slower_text(ratio) + f" than {other}" * bool(other)


@lru_cache(maxsize=1)
def answers(result: ResultFile) -> dict[str, Answer]:
    """Return an answer for each problem with measured cases, in the file's order."""
    problems: dict[str, list[Row]] = {}
    for row in result.benchmarks:
        problems.setdefault(f"{row.extra_info.kernel}@{row.case.rpartition('@')[2]}", []).append(row)
    return {problem: Answer(problem, tuple(rows), rank(rows)) for problem, rows in problems.items()}


def by_kernel(found: Mapping[str, Answer]) -> dict[str, list[Answer]]:
    kernels: dict[str, list[Answer]] = {}
    for answer in found.values():
        kernels.setdefault(answer.kernel, []).append(answer)
    return kernels


def sizes(found: Mapping[str, Answer]) -> list[tuple[str, SizeRecord]]:
    """Return kernel and size of each answer."""
    return [(answer.kernel, answer.size) for answer in found.values()]


def at_one_size(result: ResultFile) -> list[Answer]:
    """Return one answer for each kernel, at the size that is nearest to the one to show first."""
    found = answers(result)
    size = size_to_show(sizes(found))
    if size is None:
        return []
    return [
        nearest(its, lambda answer: answer.size, size.V, size.B, size.H, types(size))
        for its in by_kernel(found).values()
    ]


def at(size: SizeRecord) -> str:
    return f"V = {size.V:,}" + (f", B = {size.B:,}" if size.B > 1 else "")


class Undecided(NamedTuple):
    """What is not known about a problem, and the command that may settle it; empty where all is known, or no command helps."""

    text: str = ""
    command: str = ""


def undecided(answer: Answer, result: ResultFile) -> Undecided:
    """Return what is not known about a problem."""
    ranking = answer.ranking
    if ranking.conclusive:
        return Undecided()
    if not ranking.processes:
        return Undecided("No separate processes: no intervals, and no test of which is fastest.")
    if not ranking.tested:
        many = "1 process is" if ranking.processes == 1 else f"{ranking.processes} processes are"
        return Undecided(f"{many} too few for intervals. Measure in more:", rerun_command((), ranking.leader, result))
    row, ratio = closest_question(answer)
    ends = "" if ratio.low is None or ratio.high is None else f" (95 % interval {span(ratio)})"
    others = len(ranking.undecided) - 1
    more = f" {counted(others, 'other')} {'is' if others == 1 else 'are'} undecided too." if others else ""
    leader = () if ranking.leader is answer.use else (ranking.leader,)
    few = (answer.use, *leader, *ranking.undecided) if len(ranking.undecided) <= FEW else ()
    return Undecided(
        f"`{row.slug}` looks {compared(ratio, f'`{answer.use.slug}`')}, but these processes do not settle it{ends}.{more} "
        "More processes may settle it:",
        rerun_command(few, ranking.leader, result),
    )


def closest_question(answer: Answer) -> tuple[Row, Interval]:
    """Return an undecided case, and its time over that of the case to use: one whose interval shows that it is undecided, if there
    is one, since the test compares with the leader, with which the case to use ties."""
    every = [(row, answer.slower(row)) for row in answer.ranking.undecided]
    return min(every, key=lambda one: not one[1].includes(1.0))


def span(ratio: Interval) -> str:
    """Return an interval of ratios, with as many digits as tell its ends apart: ``1.8–2.0×``, ``1.15–1.24×``."""
    low, high = ratio.low or 0.0, ratio.high or 0.0
    digits = three if two(low) == two(high) else two
    return f"{digits(low)}–{digits(high)}×"


def trust(result: ResultFile) -> str:
    """Return how precise the ratios of a file are, in one or two sentences."""
    widths = [
        max(ratio.high / ratio.estimate, ratio.estimate / max(ratio.low, 1e-12)) - 1
        for answer in answers(result).values()
        for row in answer.rows
        if row is not answer.use
        for ratio in [answer.slower(row)]
        if ratio.low is not None and ratio.high is not None
    ]
    if not widths:
        several = any(len(answer.rows) > 1 for answer in answers(result).values())
        known = (
            "Ratios have no intervals: there are too few processes."
            if several
            else "No kernel has two implementations here, so there are no ratios."
        )
    else:
        typical, most = np.percentile(widths, (50, 90))
        known = (
            f"A ratio is known {precision(typical)} typically, and nine of ten {precision(most)}."
            if len(widths) > 1
            else f"The ratio is known {precision(typical)}."
        )
    return " ".join(filter(None, (known, speed_varied(result))))


def precision(width: float) -> str:
    """Return how far off a ratio may be, as text: ``to ±8 %``, or ``within a factor of 2.1``."""
    return f"to ±{share(width)}" if width < 1 else f"within a factor of {two(1 + width)}"
