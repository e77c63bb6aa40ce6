"""Which implementation to use at a size that was not measured: a pure function of times at sizes that were.

The model: between measured sizes, the logarithm of an implementation's time is linear in the logarithms of V, H, B and K
(a power law from one measured size to the next). Beyond them, its time is that at the edge. An implementation that was
not measured at a size counts as DROPPED times the fastest there: slower ones are not measured to the end. Of those that
are predicted within TIE of the fastest, the simplest is chosen. The page of a run uses the same model, in JavaScript.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Self

from ..interface.case import Size

TIE = 1.03
"""Implementations predicted within this factor of the fastest are as good: a smaller difference does not matter."""
DROPPED = 3.0
"""An implementation is at least this many times slower than the fastest where it was not measured."""
LOG_TIE = math.log(TIE)
AXES = ("V", "H", "B", "K")
ANY = "any types"

Place = tuple[int, ...]
"""Where a size lies on the axes."""

Times = Mapping[Size, Mapping[str, float]]
"""Seconds a call of each implementation, by slug, at each measured size of one kernel."""


class Model:
    """The times of a kernel, arranged so that one of many choices takes some microseconds.

    Parameters
    ----------
    times
        Seconds a call at the measured sizes.
    simplest_first
        The implementations to choose from, in the order in which ties are settled.
    """

    def __init__(self, times: Times, simplest_first: Sequence[str]) -> None:
        self.simplest_first = tuple(simplest_first)
        cells: dict[Any, dict[Place, Corner]] = {}
        for size, here in times.items():
            if any(slug in here for slug in simplest_first):
                for kind in (types(size), ANY):  # the first of several sizes at one place counts
                    cells.setdefault(kind, {}).setdefault(place(size), Corner.of(here, self.simplest_first))
        self.cells = cells
        self.axes = {
            kind: [sorted({at[axis] for at in its}) for axis in range(len(AXES))] for kind, its in cells.items()
        }

    def choose(self, size: Size) -> str | None:
        """Return the slug of the implementation to use at a size; None if none was measured.

        Sizes of the same dtype, index type, words and threads count; all, if none has these.
        """
        logs = self.predict_logs(size)
        most = min(logs.values(), default=0.0) + LOG_TIE
        return next((slug for slug, log in logs.items() if log <= most), None)

    def predict_logs(self, size: Size) -> dict[str, float]:
        """Return the predicted logarithm of each implementation's seconds a call, the simplest first."""
        near = self.corners(size)
        measured = {slug for corner, _ in near for slug in corner.measured}
        return {
            slug: sum(weight * corner.logs[at] for corner, weight in near)
            for at, slug in enumerate(self.simplest_first)
            if slug in measured
        }

    def corners(self, size: Size) -> list[tuple[Corner, float]]:
        """Return the measured sizes around a size, with their weights, which sum to 1.

        They are the corners of the cell of the grid in which the size lies. Where the grid has gaps, the corners that were
        measured share the weight; where none was, the nearest measured size has all of it.
        """
        kind = types(size) if types(size) in self.cells else ANY
        cells, at = self.cells.get(kind, {}), place(size)
        if not cells:
            return []
        sides = [neighbours(values, one) for values, one in zip(self.axes[kind], at, strict=True)]
        found = [
            (cells[corner], weight)
            for parts in product(*sides)
            if (corner := tuple(value for value, _ in parts)) in cells
            and (weight := math.prod(share for _, share in parts)) > 0
        ]
        total = sum(weight for _, weight in found)
        return [(one, weight / total) for one, weight in found] or [(cells[nearest(list(cells), at)], 1.0)]


@dataclass(frozen=True)
class Corner:
    """A measured size: the logarithm of each implementation's time, in order, and which of them were measured."""

    logs: tuple[float, ...]
    measured: frozenset[str]

    @classmethod
    def of(cls, here: Mapping[str, float], slugs: Sequence[str]) -> Self:
        fastest = min(here[slug] for slug in slugs if slug in here)
        logs = (math.log(here.get(slug, DROPPED * fastest)) for slug in slugs)
        return cls(tuple(logs), frozenset(here))


def neighbours(values: Sequence[int], at: int) -> list[tuple[int, float]]:
    """Return the values on both sides of a place on an axis, with their weights by logarithm; one value beyond the ends."""
    low = max((value for value in values if value <= at), default=values[0])
    high = min((value for value in values if value >= at), default=values[-1])
    if low >= high:
        return [(low, 1.0)]
    share = math.log(at / low) / math.log(high / low)
    return [(low, 1 - share), (high, share)]


def nearest(measured: Sequence[Place], at: Place) -> Place:
    """Return the place that is nearest by the logarithms of V, counted twice, H, B and K."""

    def distance(one: Place) -> tuple[float, ...]:
        apart = [abs(math.log(mine / its)) for mine, its in zip(one, at, strict=True)]
        return round(sum(apart) + apart[0], 9), -one[2], -one[1]

    return min(measured, key=distance)


def place(size: Size) -> Place:
    """Return where a size lies on the axes: its dimensions, with 1 for 0."""
    return tuple(max(1, getattr(size, axis)) for axis in AXES)


def types(size: Size) -> tuple[str, str, str, int]:
    return size.dtype, size.index, size.words, size.threads
