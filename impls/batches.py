"""Batches whose contents move on, so that what an implementation remembers of a batch is stale when the batch comes again.

A ring's arrays are windows onto longer streams. Renewing a batch copies another stretch of the streams into the same
memory: the array is the one that was there, its words are others, and they still are running text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from math import gcd
from typing import Any, Protocol

import numpy as np

from .case import Size
from .interface import Array, Problem

CHECKED = 2
"""Batches beside a ring's own: for the check, and never timed."""
LEAST_SPARE, MOST_SPARE = 4096, 1 << 18
"""Places in its streams that a ring may be taken from."""

Batch = tuple[Array, ...]


class Source(Protocol):
    """Where some of the arguments of successive calls come from: the timed batches', the checked ones', and their renewal."""

    @property
    def batches(self) -> list[Batch]: ...
    @property
    def checked(self) -> list[Batch]: ...
    def renew(self, first: int, count: int) -> None: ...


def rotating(
    size: Size,
    inputs: dict[str, Any],
    arguments: Callable[..., tuple[Any, ...]],
    *sources: Source,
    touched: float | None = None,
    **facts: Any,
) -> Problem:
    """The problem whose successive calls take the successive batches of some sources.

    arguments: makes a call's arguments of a batch's arrays, source by source. touched: if not given, distinct ids in a
    batch of the first source.
    """
    batches, checked = (
        [tuple(array for batch in parts for array in batch) for parts in zip(*of, strict=True)]
        for of in ([source.batches for source in sources], [source.checked for source in sources])
    )

    def renew(first: int, count: int) -> None:
        for source in sources:
            source.renew(first, count)

    return Problem(
        size,
        inputs,
        [arguments(*batch) for batch in batches],
        distinct([batch[0] for batch in batches]) if touched is None else touched,
        checked=[arguments(*batch) for batch in checked],
        renew=renew,
        **facts,
    )


def distinct(batches: Sequence[Array]) -> float:
    """Mean number of distinct ids in a batch."""
    return float(np.mean([len(np.unique(batch)) for batch in batches[:32]])) if len(batches) else 0.0


def stream_length(number: int, width: int) -> int:
    """Rows of a stream that serves so many batches of so many rows, the checked ones, and a ring taken from elsewhere."""
    return (number + CHECKED) * width + spare(number, width)


def spare(number: int, width: int) -> int:
    """Places that a ring may be taken from: a multiple of its batches' width."""
    width = max(1, width)
    return max(1, int(np.clip(number * width, LEAST_SPARE, MOST_SPARE)) // width) * width


def coprime(near: int, width: int) -> int:
    """A number that has no factor in common with a width."""
    return next(number for number in count(max(1, near)) if gcd(number, width) == 1)


class Ring:
    """So many batches of streams that run side by side: a batch takes ``width`` successive rows of every one.

    streams: arrays of ``stream_length(number, width)`` rows, (length, ...). checked: batches of the streams' ends, which
    the ring never comes to.
    """

    def __init__(self, number: int, width: int, streams: Batch, rng: np.random.Generator) -> None:
        self.width, self.streams = width, streams
        self.spare = spare(number, width)
        self.start = int(rng.spawn(1)[0].integers(self.spare))
        self.step = coprime(int(0.618 * self.spare), max(1, width))
        ends = number * width + self.spare
        cuts = [slice(ends + i * width, ends + (i + 1) * width) for i in range(CHECKED)]
        self.checked = [tuple(stream[cut].copy() for stream in streams) for cut in cuts]
        self.windows = tuple(np.empty((number, width, *stream.shape[1:]), stream.dtype) for stream in streams)
        self.renew(0, number)

    @property
    def batches(self) -> list[Batch]:
        return list(zip(*self.windows, strict=True))

    def renew(self, first: int, count: int) -> None:
        """Give batches first to first + count other contents: those of another place of the streams.

        Places go round so that batches begin at another word of a width's each time: none is a whole one that was there.
        """
        self.start = (self.start + self.step) % self.spare
        start = self.start + first * self.width
        for window, stream in zip(self.windows, self.streams, strict=True):
            part = window[first : first + count]
            part[...] = stream[start : start + count * self.width].reshape(part.shape)


class Moving:
    """An input (rows, ...) that is other numbers in every sample, as a hidden layer's output is.

    Successive batches take it a row further on, so that no two of some calls are given quite the same.
    """

    STEPS = 64
    MOST_BYTES = 256 << 10
    """Bytes that a renewal writes: of larger inputs a random stretch is renewed."""

    def __init__(self, number: int, rows: int, draw: Callable[[int], Array], rng: np.random.Generator) -> None:
        """draw: makes so many rows to take it from."""
        self.number, self.rows, self.rng = number, rows, rng.spawn(1)[0]
        self.pool = draw(2 * (rows + self.STEPS))
        self.window = self.pool[: rows + self.STEPS - 1].copy()
        self.checked: list[Batch] = [(self.pool[len(self.pool) - rows - i :][:rows].copy(),) for i in range(CHECKED)]

    @property
    def batches(self) -> list[Batch]:
        return [(self.at(batch),) for batch in range(self.number)]

    def at(self, batch: int) -> Array:
        """What a batch is given, (rows, ...)."""
        return self.window[batch % self.STEPS :][: self.rows]

    def renew(self, first: int, count: int) -> None:
        """Give all batches other numbers."""
        rows = min(len(self.window), max(1, self.MOST_BYTES // max(1, self.pool[:1].nbytes)))
        to, start = (int(self.rng.integers(len(part) - rows + 1)) for part in (self.window, self.pool))
        self.window[to : to + rows] = self.pool[start : start + rows]
