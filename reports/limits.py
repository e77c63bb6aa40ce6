"""The roofline limit of a case, and what share of it the case reaches: pure functions.

A limit is what cannot be passed. For memory it is measured on the case's own stream of words: compiled code that moves the
rows which every implementation must move, in the same order, and computes nothing, is timed beside the implementations
(``Suite.limit_samples``). Of the ways to move the same, the fastest counts; of what must be moved, the slowest. A call costs what
calling an empty function costs. Arithmetic takes the time of a matrix product of as many operations. An implementation
that itself must move more than its kernel needs, as a one-hot product does, is set against the machine's bandwidth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .samples import walls
from .statistics import Interval, paired_ratio

if TYPE_CHECKING:
    from .results import Extra, Limits, Row, Samples, Suite

CALL, MEMORY, CACHE, ARITHMETIC, INTERPRETER = "call", "memory", "cache", "arithmetic", "interpreter"
MEANING = {
    CALL: "what calling a function costs",
    MEMORY: "what the memory gives",
    CACHE: "what the caches give",
    ARITHMETIC: "the rate of matrix products",
    INTERPRETER: "of a limit next to nothing: Python's own loop takes the time",
}
"""The limits, in the words of a sentence."""

AT_LIMIT = 0.85
"""Share of a limit from which on a case counts as being at it."""
PASSED = 1.03
"""Share from which on a limit was passed, and so is none, unless the interval allows for less."""
LEAST = 0.03
"""Below this share a limit says nothing of the case."""
FAST = 1.5
"""Rows that come this many times as fast as from memory come from a cache."""


@dataclass(frozen=True)
class Bound:
    """The limit of a case: its name, and the least time that it allows over the time that the case takes, with its interval."""

    limit: str
    share: Interval


def bound(row: Row, suite: Suite, wall: Interval) -> Bound | None:
    """The limit that allows a case the longest least time; None where the file tells none, or the share says nothing.

    wall: the case's time in seconds. The least time is that of one limit alone: a case that reads and computes could at
    best do both at once.
    """
    extra = row.extra_info
    found = [
        *floors_of(row, suite.limit_samples.get(row.group or "", {}), suite.limits),
        *(moved(extra, suite.limits, wall) if suite.limits and extra.moves_more else ()),
        *(computed(extra, suite.limits, wall) if suite.limits else ()),
    ]
    if not found:
        return None
    best: Bound = max(found, key=lambda one: one.share.estimate)
    if best.share.estimate >= LEAST:
        return best
    return Bound(INTERPRETER, best.share) if extra.loops and not extra.moves_more else None


def floors_of(row: Row, floors: Mapping[str, Sequence[Samples]], limits: Limits | None) -> list[Bound]:
    """What calling a function costs, and what moving the rows takes that must be moved, each as a share of a case's time."""
    ways: dict[str, list[Interval]] = {}
    case = walls(row.extra_info.processes)
    for slug, processes in floors.items():
        share = paired_ratio(walls(processes), case) if len(processes) == len(case) else None
        if share:
            ways.setdefault(slug.partition(".")[0], []).append(share)
    return [
        Bound(CALL if what == CALL else level(row.extra_info, share, limits), share)
        for what, shares in ways.items()
        for share in [min(shares, key=lambda share: share.estimate)]
    ]


def level(extra: Extra, share: Interval, limits: Limits | None) -> str:
    """Whether what must be moved came from memory or from a cache, by how fast it came."""
    moved = min(extra.least_read_bytes or 0.0, extra.least_written_bytes or 0.0) * 2
    if not (limits and limits.copied and moved):
        return MEMORY
    typical = np.median([np.nanmedian(one) for one in walls(extra.processes)])
    return CACHE if moved / (share.estimate * float(typical)) > FAST * limits.copied[-1][1] else MEMORY


def moved(extra: Extra, limits: Limits, wall: Interval) -> list[Bound]:
    """What an implementation moves itself, at the bandwidth of its working set, as a share of its time."""
    item = 8 if extra.size.dtype == "f64" else 4
    table = extra.size.V * extra.size.H * item
    read, written = extra.read_bytes or 0.0, extra.written_bytes or 0.0
    both = 2 * min(read, written)
    found = []
    for size, curve, within in (
        (read, limits.read, min(read, table)),
        (written, limits.write, min(written, table)),
        (both, limits.copied, min(both, 2 * table)),
    ):
        if size and curve:
            bandwidth = rate(curve, within)
            name = CACHE if bandwidth > FAST * curve[-1][1] else MEMORY
            found.append(Bound(name, share_of(size / bandwidth, wall)))
    return found


def computed(extra: Extra, limits: Limits, wall: Interval) -> list[Bound]:
    flops = limits.matmul.get(extra.size.dtype)
    return [Bound(ARITHMETIC, share_of(extra.flops / flops, wall))] if extra.flops and flops else []


def share_of(least_s: float, wall: Interval) -> Interval:
    """A least time over a case's time."""
    low, high = (None if end is None else least_s / end for end in (wall.high, wall.low))
    return Interval(least_s / wall.estimate, low, high)


def rate(curve: Sequence[tuple[float, float]], working_set: float) -> float:
    """Bytes a second at a working set, between the measured ones by their logarithms, and as at the ends beyond them."""
    sizes, rates = np.array(sorted(curve)).T
    return float(np.exp(np.interp(np.log(max(working_set, 1.0)), np.log(sizes), np.log(rates))))


def passed(share: Interval) -> bool:
    """Whether a case is faster than its limit allows, beyond noise: then it is no limit."""
    return share.estimate > PASSED and not share.includes(1.0)
