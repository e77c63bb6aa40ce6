"""Bisection: the first of some ordered things that is no longer like the first one."""

from __future__ import annotations

import math
from collections.abc import Callable


def first_changed(number: int, changed: Callable[[int], bool | None]) -> tuple[int, int]:
    """Find where a change came in.

    Parameters
    ----------
    number
        How many things there are. The first is unchanged, and the last is changed.
    changed
        Whether one has the change; None if it cannot be told, and its neighbours are asked. Each is asked once at most.

    Returns
    -------
    tuple of int
        The last that is known to be unchanged, and the first known to be changed. Between them are only those of which
        it cannot be told.
    """
    last, first = 0, number - 1
    unknown: set[int] = set()
    while candidates := [at for at in range(last + 1, first) if at not in unknown]:
        middle = min(candidates, key=lambda at: abs(2 * at - last - first))
        match changed(middle):
            case None:
                unknown.add(middle)
            case True:
                first = middle
            case False:
                last = middle
    return last, first


def halfway(ratio: float) -> float:
    """Return the change that is half of another, so that what is in between is told by which end it is nearer to."""
    return math.exp(abs(math.log(ratio)) / 2) - 1
