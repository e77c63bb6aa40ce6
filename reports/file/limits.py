"""The roofline limit of a case, and the share of it that the case reaches: pure functions.

- Memory: the limit is measured on the case's own stream of words. Compiled code that moves the rows which every
  implementation must move, in the same order, and computes nothing is timed beside the implementations
  (``Suite.limit_samples``). Of several ways to move the same rows the fastest counts; of several things to move, the slowest.
- Call: calling an empty function.
- Arithmetic: a matrix product of as many operations.

An implementation that moves more than its kernel must, such as a one-hot product, is compared with the machine's bandwidth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from w2vbench.reports.statistics.problems import Interval, ratio_of_logs
from w2vbench.reports.statistics.units import inverse

from .schema.result import Curve, Limits

if TYPE_CHECKING:
    from .schema.fields import Samples
    from .schema.result import Extra, Row, Suite

CALL, MEMORY, CACHE, ARITHMETIC, INTERPRETER = "call", "memory", "cache", "arithmetic", "interpreter"
MEANING = {
    MEMORY: "the memory bandwidth",
    CACHE: "the cache bandwidth",
    ARITHMETIC: "the rate of matrix products",
}
"""Limits that only another algorithm overcomes, in the words of a sentence."""

AT_LIMIT = 0.85
"""From this share up, a case is at its limit."""
EXCEEDED = 1.03
"""Above this share a limit does not apply, unless the interval includes 1."""
LEAST = 0.03
"""Below this share a limit does not explain the time of a case."""
FAST = 1.5
"""Rows that arrive this many times as fast as from memory come from a cache."""


@dataclass(frozen=True)
class RooflineLimit:
    """The limit of a case."""

    name: str  # one of CALL, MEMORY, CACHE, ARITHMETIC and INTERPRETER
    share: Interval  # the least time that the limit allows, over the case's time


def roofline_limit(row: Row, suite: Suite, wall: Interval) -> RooflineLimit | None:
    """Return the limit that allows a case the longest least time.

    The least time is that of one limit alone: at best, reading and computing overlap completely.

    Parameters
    ----------
    row
        The case.
    suite
        The result file's part with the limits of the machine and the samples of the problem's limits.
    wall
        The case's time in seconds.

    Returns
    -------
    RooflineLimit or None
        None if the file has no limits, or if no limit explains the case's time.
    """
    extra, limits = row.extra_info, suite.limits_on(row.extra_info.size.threads)
    every = [
        *timed_limits(row, suite.limit_samples.get(row.group or "", {}), limits),
        *(bandwidth_limits(extra, limits, wall) if extra.moves_more else ()),
        *arithmetic_limit(extra, limits, wall),
    ]
    best = max(every, key=lambda one: one.share.estimate, default=None)
    if best is None or best.share.estimate >= LEAST:
        return best
    own_loop = extra.loops and not extra.moves_more and not extra.grows_with  # else its time is that of what it calls
    return RooflineLimit(INTERPRETER, best.share) if own_loop else None


def timed_limits(row: Row, limit_samples: Mapping[str, Sequence[Samples]], limits: Limits) -> list[RooflineLimit]:
    """The limits timed beside a case: calling a function, and moving the rows that must be moved."""
    if not limit_samples:
        return []
    shares: dict[str, list[Interval]] = {}
    case = row.wall_logs
    for slug, processes in limit_samples.items():
        first = case[: len(processes)]  # they may have been timed in the first processes only
        share = ratio_of_logs([one.wall_logs for one in processes], first) if len(processes) == len(first) else None
        if share:
            shares.setdefault(slug.partition(".")[0], []).append(share)
    fastest = {what: min(ways, key=lambda share: share.estimate) for what, ways in shares.items()}
    return [
        RooflineLimit(CALL if what == CALL else memory_or_cache(row.extra_info, share, limits), share)
        for what, share in fastest.items()
    ]


def memory_or_cache(extra: Extra, share: Interval, limits: Limits) -> str:
    """Whether the rows came from memory or from a cache, by how fast they came."""
    least_s = share.estimate * float(np.median([process.wall_median_s for process in extra.processes]))
    every = moved(extra.least_read_bytes, extra.least_written_bytes, limits)
    fast = any(curve and size / least_s > FAST * curve[-1][1] for size, curve, _ in every)
    return CACHE if fast else MEMORY


def moved(read: float | None, written: float | None, limits: Limits) -> Sequence[tuple[float, Curve, int]]:
    """Return bytes that are read, written and copied, each with its bandwidths and in how many tables."""
    read, written = read or 0.0, written or 0.0
    return (read, limits.read, 1), (written, limits.write, 1), (2 * min(read, written), limits.copied, 2)


def bandwidth_limits(extra: Extra, limits: Limits, wall: Interval) -> list[RooflineLimit]:
    """The bytes that an implementation itself moves, at the bandwidth of its working set."""
    item = 8 if extra.size.dtype == "f64" else 4
    table = extra.size.V * extra.size.H * item
    reached = []
    for size, curve, tables in moved(extra.read_bytes, extra.written_bytes, limits):
        if size and curve:
            bandwidth = rate(curve, min(size, tables * table))
            name = CACHE if bandwidth > FAST * curve[-1][1] else MEMORY
            reached.append(RooflineLimit(name, share_of(size / bandwidth, wall)))
    return reached


def arithmetic_limit(extra: Extra, limits: Limits, wall: Interval) -> list[RooflineLimit]:
    flops = limits.matmul.get(extra.size.dtype)
    return [RooflineLimit(ARITHMETIC, share_of(extra.flops / flops, wall))] if extra.flops and flops else []


def share_of(least_s: float, wall: Interval) -> Interval:
    """A least time over a case's time."""
    return inverse(wall.map(lambda time: time / least_s))


def rate(curve: Sequence[tuple[float, float]], working_set: float) -> float:
    """Return bytes per second at a working set: interpolated by logarithms, and constant beyond the measured ones."""
    sizes, rates = np.array(sorted(curve)).T
    return float(np.exp(np.interp(np.log(max(working_set, 1.0)), np.log(sizes), np.log(rates))))


def exceeded(share: Interval) -> bool:
    """Whether a case is faster than its limit allows, beyond noise, so that the limit does not apply to it."""
    return share.estimate > EXCEEDED and not share.includes(1.0)
