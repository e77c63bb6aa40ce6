"""What the threads of compiled training do beside training: copy and merge the rows of frequent words, and divide a text.

Threads write to shared rows without locks (Recht et al. 2011). A row that all of them write to would move between cores at
every use: of the most frequent words, each thread has copies of its own, which it merges from time to time.
"""

from __future__ import annotations

import numpy as np

from ..compiled import ready
from ..interface import Array
from ..vectors import aligned
from ..words import Floats
from .contract import Settings
from .pairs import keep_probability

OWN_ROWS = 128
"""How many of the most frequent words' rows each thread copies, at most a twentieth of all."""
CHUNK = 8_000
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
    shares
        The share of its change by which each row moves when copies are merged, (rows,) float32 of each table.
    progress
        How many words the thread has trained on since it merged its copies, and after how many it merges them, (2,) int64.
    """

    def __init__(self, shared: tuple[Array, Array], rows: int, between: int) -> None:
        width = shared[0].shape[1]
        self.shared = shared
        self.own, self.before = ((aligned(rows, width), aligned(rows, width)) for _ in range(2))
        self.shares = np.zeros(rows, np.float32), np.zeros(rows, np.float32)
        self.progress = on_own_lines(np.array([0, between]))
        self.arguments = (*self.before, *self.shares, self.progress)
        self.merge_now = ready(merge_copies, ((*shared, *self.own), self.arguments)) if rows else None

    def take(self) -> None:
        """Copy the rows of the shared tables."""
        for shared, own, before in zip(self.shared, self.own, self.before, strict=True):
            before[:] = shared[: len(own)]
            own[:] = before
        self.progress[0] = 0

    def merge(self) -> None:
        """Move each shared row by a share of how far its copy has moved, and copy it again."""
        if self.merge_now:
            self.merge_now((*self.shared, *self.own), self.arguments)


def merge_if_due(tables: tuple[Array, ...], copies: tuple[Array, ...], words: int) -> None:
    """Count words that a thread has just trained on, and merge its copies if it is time. For the others see ``merge_copies``."""
    progress = copies[-1]
    progress[0] += words
    if progress[0] >= progress[1]:
        merge_copies(tables, copies)


def merge_copies(tables: tuple[Array, ...], copies: tuple[Array, ...]) -> None:
    """Merge a thread's copies.

    Parameters
    ----------
    tables
        The shared ones and the thread's own: W_in, W_out, W_in, W_out.
    copies
        ``Copies.arguments``.
    """
    W_in, W_out, own_in, own_out = tables
    before_in, before_out, shares_in, shares_out, progress = copies
    merge_rows(W_in, own_in, before_in, shares_in)
    merge_rows(W_out, own_out, before_out, shares_out)
    progress[0] = 0


def merge_rows(shared: Array, own: Array, before: Array, shares: Array) -> None:
    for row in range(len(own)):
        for at in range(own.shape[1]):
            moved = shared[row, at] + shares[row] * (own[row, at] - before[row, at])
            shared[row, at] = own[row, at] = before[row, at] = moved


def on_own_lines(array: Array) -> Array:
    """Copy an array to cache lines that it shares with no other: they would move between cores at every write."""
    whole_lines = -(-array.nbytes // 64) * 64 // array.itemsize
    copy = aligned(1, whole_lines, array.dtype)[0, : array.size].reshape(array.shape)
    copy[...] = array
    return copy


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
    shortest = min(SHORTEST_PART, -(-words // threads))
    parts, begin = [], 0
    while begin < words:
        half_share = -(-(words - begin) // (2 * threads))
        end = min(words, begin + max(half_share, shortest))
        parts.append((begin, end))
        begin = end
    return parts
