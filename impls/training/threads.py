"""What the threads of compiled training do beside training: copy and merge the rows of frequent words, and divide a text.

Threads write to shared rows without locks (Recht et al. 2011). A row that all of them write to would move between cores at
every use: of the most frequent words, each thread has copies of its own, which it merges from time to time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..compiled import ready
from ..interface import Array
from ..vectors import aligned
from ..words import Floats
from .contract import Settings
from .pairs import keep_probability

OWN_ROWS = 64
"""How many of the most frequent words' rows each thread copies, at most a twentieth of all."""
CHUNK = 20_000
"""Words that all threads together train on between two times at which a thread merges its copies. Rarer merges cost analogies."""
SHORTEST_PART = 1_000
"""Fewest words that a thread takes at a time, if it can have as many."""
CONVERGENCE = 0.8
"""How far, in units of the rate, one use moves a row towards its limit. Chosen by experiment: vectors of up to 16 threads
score like those of one."""


def uses_of_rows(counts: Floats, settings: Settings, K: int, skip_gram: bool) -> tuple[Floats, Floats]:
    """Return the effective number of uses of each row of W_in and W_out per word of the text, (V,) each.

    CBOW uses a mean of rows, which counts less than each row alone.
    """
    counts = np.maximum(counts, 1e-9)
    occurs = counts / counts.sum() * keep_probability(counts, settings.sample)
    law = counts**settings.power
    as_target = occurs + K * law / law.sum() * occurs.sum()
    window = settings.least_window + settings.window  # mean number of contexts of a centre
    return (occurs * window, as_target * window) if skip_gram else (occurs, as_target / window)


class Copies:
    """A thread's copies of the first rows of both tables.

    Attributes
    ----------
    shared
        The tables, (V, width) each.
    own, before
        The copies, (rows, width) each, and these rows as they were when they were copied.
    """

    def __init__(self, shared: tuple[Array, Array], rows: int) -> None:
        width = shared[0].shape[1]
        self.shared = shared
        self.own, self.before = ((aligned(rows, width), aligned(rows, width)) for _ in range(2))
        nothing = np.zeros(rows, np.float32)
        self.merge_rows = (
            ready(merge_rows, (*(tables[0] for tables in (shared, self.own, self.before)), nothing)) if rows else None
        )

    def take(self) -> None:
        """Copy the rows of the shared tables."""
        for shared, own, before in zip(self.shared, self.own, self.before, strict=True):
            before[:] = shared[: len(own)]
            own[:] = before

    def merge(self, shares: Sequence[Array]) -> None:
        """Move each shared row by a share of how far its copy has moved, and copy it again. shares: (rows,) float32 of each table."""
        if self.merge_rows:
            for shared, own, before, share in zip(self.shared, self.own, self.before, shares, strict=True):
                self.merge_rows(shared, own, before, share)


def merge_rows(shared: Array, own: Array, before: Array, shares: Array) -> None:
    for row in range(len(own)):
        for at in range(own.shape[1]):
            moved = shared[row, at] + shares[row] * (own[row, at] - before[row, at])
            shared[row, at] = own[row, at] = before[row, at] = moved


def shares_of_moves(moves: Floats, threads: int) -> Array:
    """Return the share of a thread's change by which it moves shared rows, so that all threads together move them as if they had taken turns.

    Alone, a thread moves a row the share 1 - exp(-x) of the way to its limit, so that T threads one after another move it
    1 - exp(-T x). For a rarely used row that is the sum of the threads' changes; for an often used row it is their mean,
    since the sum would overshoot, and diverge with many threads. The mean for all rows would cost analogies.

    Parameters
    ----------
    moves
        x of each row: the uses by one thread, times the rate, times CONVERGENCE. Above 0.
    """
    return np.asarray(np.expm1(-threads * moves) / np.expm1(-moves) / threads, np.float32)


def parts_of(words: int, threads: int) -> list[tuple[int, int]]:
    """Return where the parts of a text begin and end that threads take: long ones first, and shorter ones then, so that all end at about the same time.

    A part is half of a thread's share of what is left (guided self-scheduling, Polychronopoulos and Kuck 1987).
    """
    shortest, longest = min(SHORTEST_PART, -(-words // threads)), CHUNK // threads
    parts, begin = [], 0
    while begin < words:
        half_share = -(-(words - begin) // (2 * threads))
        end = min(words, begin + min(max(half_share, shortest), longest))
        parts.append((begin, end))
        begin = end
    return parts
