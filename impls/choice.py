"""Which implementation to use at a size that was not measured: a pure function of times at sizes that were.

The model: between measured sizes, the logarithm of an implementation's time is linear in the logarithms of V, H, B and K
(a power law from one measured size to the next). Beyond them, its time is that at the edge. An implementation that was
not measured at a size counts as DROPPED times the fastest there: slower ones are not measured to the end. Of those that
are predicted within TIE of the fastest, the simplest is chosen. The page of a run uses the same model, in JavaScript.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product

from .case import Size

TIE = 1.03
"""Implementations predicted within this factor of the fastest are as good: a smaller difference does not matter."""
DROPPED = 3.0
"""An implementation is at least this many times slower than the fastest where it was not measured."""
AXES = ("V", "H", "B", "K")

Times = Mapping[Size, Mapping[str, float]]
"""Seconds a call of each implementation, by slug, at each measured size of one kernel."""


def choose(times: Times, simplest_first: Sequence[str], size: Size) -> str | None:
    """Return the slug of the implementation to use at a size.

    Parameters
    ----------
    times
        Seconds a call at the measured sizes.
    simplest_first
        The implementations to choose from, in the order in which ties are settled.
    size
        The size. Sizes of the same dtype, index type, words and threads count; all, if none has these.

    Returns
    -------
    str | None
        A slug that was measured; None if none of these was.
    """
    predicted = predict(times, simplest_first, size)
    fastest = min(predicted.values(), default=0.0)
    return next((slug for slug in simplest_first if predicted.get(slug, math.inf) <= TIE * fastest), None)


def predict(times: Times, slugs: Sequence[str], size: Size) -> dict[str, float]:
    """Predict the seconds a call of implementations at a size. Those that were not measured near it are left out."""
    near = corners(times, slugs, size)
    logs: dict[str, float] = {}
    for slug in slugs:
        if any(slug in times[measured] for measured, _ in near):
            parts = [
                weight * math.log(times[measured].get(slug, DROPPED * fastest_of(times[measured], slugs)))
                for measured, weight in near
            ]
            logs[slug] = sum(parts)
    return {slug: math.exp(log) for slug, log in logs.items()}


def fastest_of(here: Mapping[str, float], slugs: Sequence[str]) -> float:
    return min(here[slug] for slug in slugs if slug in here)


def corners(times: Times, slugs: Sequence[str], size: Size) -> list[tuple[Size, float]]:
    """Return the measured sizes around a size, with their weights, which sum to 1.

    They are the corners of the cell of the grid in which the size lies. Where the grid has gaps, the corners that were
    measured share the weight; where none was, the nearest measured size has all of it.
    """
    measured = [one for one, here in times.items() if any(slug in here for slug in slugs)]
    measured = [one for one in measured if types(one) == types(size)] or measured
    if not measured:
        return []
    by_place = {place(one): one for one in reversed(measured)}  # the first of several at one place counts
    at = place(size)
    sides = [neighbours(sorted({one[axis] for one in by_place}), at[axis]) for axis in range(len(AXES))]
    found = [
        (by_place[corner], weight)
        for parts in product(*sides)
        if (corner := tuple(value for value, _ in parts)) in by_place
        and (weight := math.prod(share for _, share in parts)) > 0
    ]
    total = sum(weight for _, weight in found)
    if not found:
        return [(nearest(list(by_place.values()), size), 1.0)]
    return [(one, weight / total) for one, weight in found]


def neighbours(values: Sequence[int], at: int) -> list[tuple[int, float]]:
    """Return the values on both sides of a place on an axis, with their weights by logarithm; one value beyond the ends."""
    low = max((value for value in values if value <= at), default=values[0])
    high = min((value for value in values if value >= at), default=values[-1])
    if low >= high:
        return [(low, 1.0)]
    share = math.log(at / low) / math.log(high / low)
    return [(low, 1 - share), (high, share)]


def nearest(measured: Sequence[Size], size: Size) -> Size:
    """Return the size that is nearest by the logarithms of V, counted twice, H, B and K."""
    at = place(size)

    def distance(one: Size) -> tuple[float, ...]:
        apart = [abs(math.log(mine / its)) for mine, its in zip(place(one), at, strict=True)]
        return round(sum(apart) + apart[0], 9), -one.B, -one.H

    return min(measured, key=distance)


def place(size: Size) -> tuple[int, ...]:
    """Return where a size lies on the axes: its dimensions, with 1 for 0."""
    return tuple(max(1, getattr(size, axis)) for axis in AXES)


def types(size: Size) -> tuple[str, str, str, int]:
    return size.dtype, size.index, size.words, size.threads
