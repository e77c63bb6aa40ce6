"""Rotating batches: successive calls take successive batches, and a batch gets new contents once it was timed.

The arrays of a batch are windows on longer streams. Renewing a batch copies another stretch of the streams into the same
memory: the array is the same, its words are not, and they are still running text. Whatever an implementation remembers
of a batch is therefore stale when that batch comes again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from math import gcd
from typing import Any, Protocol

import numpy as np

from ..interface import Array, Problem
from ..interface.case import Size

CHECK_BATCHES = 2
"""Further batches, for the check only. They are never timed."""
MIN_STARTS, MAX_STARTS = 4096, 1 << 18
"""Bounds for the number of positions in a stream at which the first batch may start."""
ROTATION_BYTES = 64 << 20
"""Bytes of rows that the rotating batches touch together, where the table has as many."""
ROTATION_INDEX_BYTES = 512 << 10
"""Bytes of word ids that the rotating batches may hold: they stay in cache."""
MAX_BATCHES = 4096

Batch = tuple[Array, ...]


class BatchSource(Protocol):
    """Supplies some arguments of successive calls: for timed batches, for the check, and their renewal."""

    @property
    def batches(self) -> list[Batch]: ...
    @property
    def check_batches(self) -> list[Batch]: ...
    def renew(self, first: int, count: int) -> None: ...


def rotating_problem(
    size: Size,
    inputs: dict[str, Any],
    arguments: Callable[..., tuple[Any, ...]],
    *sources: BatchSource,
    touched: float | None = None,
    **facts: Any,
) -> Problem:
    """Make the problem whose successive calls take successive batches of the sources.

    Parameters
    ----------
    size, inputs
        Fields of the problem.
    arguments
        Makes a call's arguments from the arrays of a batch, source by source.
    sources
        Where the arrays come from.
    touched
        Distinct rows per batch. The default counts distinct ids in the batches of the first source.
    facts
        Other fields of the problem.
    """
    batches, check_batches = (
        [tuple(array for batch in parts for array in batch) for parts in zip(*of_sources, strict=True)]
        for of_sources in ([source.batches for source in sources], [source.check_batches for source in sources])
    )

    def renew(first: int, count: int) -> None:
        for source in sources:
            source.renew(first, count)

    return Problem(
        size,
        inputs,
        [arguments(*batch) for batch in batches],
        mean_distinct([batch[0] for batch in batches]) if touched is None else touched,
        checked=[arguments(*batch) for batch in check_batches],
        renew=renew,
        **facts,
    )


def rotating_batch_count(size: Size, row_bytes: int, rows_per_batch: int) -> int:
    """Return how many batches rotate.

    They touch ROTATION_BYTES of rows together, or each row of the table sixteen times. There are more of them as long as
    their ids stay in cache: a sample uses no batch twice, so that samples of fast calls need many.

    Parameters
    ----------
    size
        The problem's size; with ``words="repeat"`` there is one batch.
    row_bytes
        Bytes of a row.
    rows_per_batch
        Rows that a batch touches.
    """
    if size.words == "repeat":
        return 1
    rows = max(1, rows_per_batch)
    touching = min(ROTATION_BYTES // (row_bytes * rows), 16 * size.V // rows)
    return int(np.clip(max(touching, ROTATION_INDEX_BYTES // (8 * rows)), 4, MAX_BATCHES))


def mean_distinct(batches: Sequence[Array]) -> float:
    """Return the mean number of distinct ids per batch, over the first batches."""
    return float(np.mean([len(np.unique(batch)) for batch in batches[:32]])) if len(batches) else 0.0


def distinct(batches: Array) -> list[Array]:
    """Return the distinct ids of each batch (number, B), sorted: as np.unique does of one, in a tenth of the time for many."""
    rows = np.sort(batches, axis=1)
    new = np.ones(rows.shape, bool)
    np.not_equal(rows[:, 1:], rows[:, :-1], out=new[:, 1:])
    return [row[mask] for row, mask in zip(rows, new, strict=True)]


def stream_length(number: int, width: int) -> int:
    """Return the rows that a stream needs for ``number`` batches of ``width`` rows, with all starts and check batches."""
    return (number + CHECK_BATCHES) * width + number_of_starts(number, width)


def number_of_starts(number: int, width: int) -> int:
    """Return the number of positions at which the first batch may start: a multiple of the batches' width."""
    width = max(1, width)
    return max(1, int(np.clip(number * width, MIN_STARTS, MAX_STARTS)) // width) * width


def coprime(near: int, width: int) -> int:
    """Return the first number from ``near`` on that has no factor in common with ``width``."""
    return next(number for number in count(max(1, near)) if gcd(number, width) == 1)


class RotatingBatches:
    """Batches from parallel streams: a batch takes the same ``width`` successive rows of every stream.

    Parameters
    ----------
    number
        How many batches rotate.
    width
        Rows per batch.
    streams
        Arrays (length, ...) of ``stream_length(number, width)`` rows each.
    rng
        Chooses the first start.

    Attributes
    ----------
    check_batches
        Batches from the end of the streams, which no timed batch reaches.
    """

    def __init__(self, number: int, width: int, streams: Batch, rng: np.random.Generator) -> None:
        self.width, self.streams = width, streams
        self.starts = number_of_starts(number, width)
        self.start = int(rng.spawn(1)[0].integers(self.starts))
        self.step = coprime(int(0.618 * self.starts), max(1, width))
        end = number * width + self.starts
        cuts = [slice(end + i * width, end + (i + 1) * width) for i in range(CHECK_BATCHES)]
        self.check_batches = [tuple(stream[cut].copy() for stream in streams) for cut in cuts]
        self.windows = tuple(np.empty((number, width, *stream.shape[1:]), stream.dtype) for stream in streams)
        self.renew(0, number)

    @property
    def batches(self) -> list[Batch]:
        return list(zip(*self.windows, strict=True))

    def renew(self, first: int, count: int) -> None:
        """Fill batches first to first + count from another position of the streams.

        The step between positions has no factor in common with the width. Successive renewals therefore cut the text at
        different words, and no new batch is the whole of an earlier one.
        """
        self.start = (self.start + self.step) % self.starts
        start = self.start + first * self.width
        for window, stream in zip(self.windows, self.streams, strict=True):
            part = window[first : first + count]
            part[...] = stream[start : start + count * self.width].reshape(part.shape)


class SlidingInput:
    """An input (rows, ...) whose numbers differ from call to call and from sample to sample, as a hidden layer's do.

    Each batch sees a window that lies one row further on than the previous batch's.

    Parameters
    ----------
    number
        How many batches rotate.
    rows
        Rows per batch.
    draw
        Draws a number of rows; the input is cut from them.
    rng
        Chooses what a renewal writes.
    """

    STEPS = 64
    MAX_RENEWAL_BYTES = 256 << 10
    """Bytes that a renewal writes. Of a larger input it renews a random stretch."""

    def __init__(self, number: int, rows: int, draw: Callable[[int], Array], rng: np.random.Generator) -> None:
        self.number, self.rows, self.rng = number, rows, rng.spawn(1)[0]
        self.pool = draw(2 * (rows + self.STEPS))
        self.window = self.pool[: rows + self.STEPS - 1].copy()
        starts = (len(self.pool) - rows - i for i in range(CHECK_BATCHES))
        self.check_batches: list[Batch] = [(self.pool[start:][:rows].copy(),) for start in starts]

    @property
    def batches(self) -> list[Batch]:
        return [(self.at(batch),) for batch in range(self.number)]

    def at(self, batch: int) -> Array:
        """Return the input of a batch, (rows, ...)."""
        return self.window[batch % self.STEPS :][: self.rows]

    def renew(self, first: int, count: int) -> None:
        """Write other numbers into the window, which all batches share."""
        rows = min(len(self.window), max(1, self.MAX_RENEWAL_BYTES // max(1, self.pool[:1].nbytes)))
        to, start = (int(self.rng.integers(len(part) - rows + 1)) for part in (self.window, self.pool))
        self.window[to : to + rows] = self.pool[start : start + rows]
