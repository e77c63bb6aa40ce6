"""The figures of a regret, from the samples at each size: ratios to the fastest, fixed choices, and what dispatch adds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from w2vbench.bench.plans.run.problems import ProblemRun
from w2vbench.impls.choosing.choice import DROPPED
from w2vbench.impls.choosing.dispatch_table import DispatchTable
from w2vbench.impls.choosing.offered import candidates
from w2vbench.impls.interface.case import Size

from .callables import BEST, DIRECT, DISPATCHED
from .tune import medians

OVERHEAD_SLUGS = ("gather", "numba-prefetch")
"""Implementations of short lookups, which show what dispatch adds: one returns a new array, and one writes into a buffer."""


@dataclass(frozen=True)
class SizeRegret:
    """What was found at one size.

    Attributes
    ----------
    chosen, fastest
        The implementation that the table chooses, and the fastest one.
    regret
        Time of the dispatched call over that of the fastest implementation's.
    over_bare
        Time of the dispatched call over the fastest bare one: its arguments unchecked, its result overwritten by the next.
    times
        Seconds a call of each implementation over the fastest's.
    """

    kernel: str
    size: Size
    chosen: str
    fastest: str
    regret: float
    over_bare: float
    times: Mapping[str, float]


@dataclass(frozen=True)
class Overhead:
    """What a dispatched call takes beside a direct one of the same implementation.

    Attributes
    ----------
    direct_s, over_s
        Seconds of a direct call whose result the caller may keep, and how much longer a dispatched one takes.
    over_reusing_s
        How much longer it takes than a direct call into a buffer that all calls reuse.
    """

    slug: str
    direct_s: float
    over_s: float
    over_reusing_s: float


@dataclass(frozen=True)
class Regret:
    """The regret of a table.

    Attributes
    ----------
    sizes
        What was found at each size.
    spreads
        Median, 95th percentile and largest ratio to the fastest: of what was chosen, and of fixed choices.
    overheads
        What dispatch adds to short calls.
    """

    sizes: Sequence[SizeRegret]
    spreads: Mapping[str, tuple[float, float, float]]
    overheads: Sequence[Overhead]
    exit_code: int

    def as_json(self) -> dict[str, object]:
        return {
            "spreads": {
                name: dict(zip(("median", "p95", "worst"), each, strict=True)) for name, each in self.spreads.items()
            },
            "overheads": [vars(one) for one in self.overheads],
            "sizes": [{**vars(one), "size": str(one.size), "times": dict(one.times)} for one in self.sizes],
        }


def size_regret(problem: ProblemRun, table: DispatchTable) -> SizeRegret | None:
    """Return what was found at a size; None if the dispatched call could not be timed."""
    found = medians(problem)
    whole = {slug: its for slug, its in found.items() if len(its) == problem.processes}
    if DISPATCHED not in whole:
        return None
    functions = [slug for slug in whole if slug.startswith(BEST)]
    bare = [slug for slug in whole if slug != DISPATCHED and not slug.startswith(BEST)]
    fastest = fastest_of(whole, functions)
    return SizeRegret(
        kernel=problem.kernel,
        size=problem.size,
        chosen=table.choose(problem.kernel, problem.size),
        fastest=fastest.removeprefix(BEST),
        regret=ratio(whole[DISPATCHED], whole[fastest]),
        over_bare=ratio(whole[DISPATCHED], whole[fastest_of(whole, bare)]) if bare else math.nan,
        times={
            slug.removeprefix(BEST): ratio(its, whole[fastest]) for slug, its in found.items() if slug.startswith(BEST)
        },
    )


def fastest_of(times: Mapping[str, Sequence[float]], slugs: Sequence[str]) -> str:
    """Return the fastest in the processes that find it: the first, the third and so on."""
    return min(slugs, key=lambda slug: statistics.median(times[slug][::2]))


def ratio(one: Sequence[float], other: Sequence[float]) -> float:
    """Return how much longer one takes than the other: the median ratio in the processes that time, or in the first alone."""
    pairs = list(zip(one, other, strict=False))
    return statistics.median(a / b for a, b in pairs[1::2] or pairs)


def spreads(found: Sequence[SizeRegret]) -> dict[str, tuple[float, float, float]]:
    """Return how what was chosen compares with the fastest, and how fixed choices do."""
    fixed = {
        name: [always(one, found, compiled) for one in found] for name, compiled in (("numba", True), ("NumPy", False))
    }
    ratios = {"dispatch": [one.regret for one in found], **{f"always {name}": its for name, its in fixed.items()}}
    ratios["dispatch, over a bare call"] = [one.over_bare for one in found if not math.isnan(one.over_bare)]
    return {name: spread(its) for name, its in ratios.items() if its}


def always(here: SizeRegret, found: Sequence[SizeRegret], compiled: bool) -> float:
    """Return the ratio of a fixed choice at a size: the implementation that is best over all sizes of the kernel.

    It is the compiled one, or the one that needs only NumPy and SciPy, with the least geometric mean of ratios: what somebody
    would use who has measured all these sizes, and wants one implementation. Where a kernel has no compiled implementation,
    both choices are the NumPy one.
    """
    its = candidates(here.kernel)
    slugs = [slug for slug, one in its.items() if bool(one.requires) == compiled] or list(its)
    sizes = [one for one in found if one.kernel == here.kernel]
    best = min(slugs, key=lambda slug: sum(math.log(one.times.get(slug, 10 * DROPPED)) for one in sizes))
    return here.times.get(best, 10 * DROPPED)


def spread(ratios: Sequence[float]) -> tuple[float, float, float]:
    """Return the median, the 95th percentile and the largest of ratios."""
    return float(np.median(ratios)), float(np.quantile(ratios, 0.95)), max(ratios)


def overheads(problem: ProblemRun) -> list[Overhead]:
    """Return what a dispatched call takes beside a direct one, of each implementation that was timed both ways."""
    found, lines = medians(problem), []
    for slug in OVERHEAD_SLUGS:
        if slug in found and BEST + slug in found:
            direct, dispatched = found.get(DIRECT + slug, found[slug]), found[BEST + slug]
            lines.append(
                Overhead(
                    slug=slug,
                    direct_s=statistics.median(direct),
                    over_s=more(dispatched, direct),
                    over_reusing_s=more(dispatched, found[slug]),
                )
            )
    return lines


def more(one: Sequence[float], other: Sequence[float]) -> float:
    """Return how many seconds more one takes than the other: the median over processes."""
    return statistics.median(a - b for a, b in zip(one, other, strict=False))
