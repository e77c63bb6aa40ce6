"""What the threads of compiled training do beside training: copy and merge the rows of frequent words, and divide a text.

Threads write to shared rows without locks (Recht et al. 2011). A row that all of them write to would move between cores at
every use: of the most frequent words, each thread has copies of its own, which it merges from time to time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..corpus.words import Floats
from ..interface import Array
from ..interface.arrays import aligned
from .pairs import keep_probability
from .settings import Settings

OWN_ROWS = 256
"""How many of the most frequent words' rows each thread copies, at most a twentieth of all."""
FREQUENT_ROWS = 64
"""How many rows are merged each time. Twice as many are merged every second time, four times as many every fourth, and so on. A word
of half the rank is about twice as frequent (Zipf), so all rows are used about equally often between two of their merges."""
CHUNK = 4_000
"""Centres that all threads together train on between two times at which a thread merges copies. With fewer merges, fewer analogies are found."""
SHORTEST_PART = 250
"""Fewest words that a thread takes at a time, except at the end of a text and in a short one."""
CONVERGENCE = 0.2
"""How far, in units of the rate, one use moves a row towards its limit. Chosen by experiment: the vectors of 2 to 64 threads score
nearly like those of one. Four times as much moves rows too little."""


def uses_of_rows(counts: Floats, settings: Settings, K: int, skip_gram: bool) -> tuple[Array, Array]:
    """Return the effective number of uses of each row of W_in and W_out per centre that is trained on, (V,) float32 each.

    CBOW uses a mean of rows, which counts less than each row alone.
    """
    counts = np.maximum(counts, 1e-9)
    occurs, law = counts * keep_probability(counts, settings.sample), counts**settings.power
    as_centre, as_negative = occurs / occurs.sum(), K * law / law.sum()
    window = settings.least_window + settings.window  # mean number of contexts of a centre
    as_target = as_centre + as_negative
    uses = (as_centre * window, as_target * window) if skip_gram else (as_centre, as_target / window)
    return uses[0].astype(np.float32), uses[1].astype(np.float32)


class Copies:
    """A thread's copies of the first rows of both tables.

    Attributes
    ----------
    shared
        The tables, (V, width) each.
    own, before
        The copies, (rows, width) each, and these rows as they were when they were copied.
    progress
        How many centres the thread has trained on in this step, how many it will have at the next merge, from one merge to the
        next, and the number of threads, (4,) int64.
    merged_at
        How many centres it had trained on when it merged each row, (rows,) int64.
    arguments
        What machine code needs besides the tables.
    """

    def __init__(self, shared: tuple[Array, Array], uses: tuple[Array, Array], threads: int) -> None:
        width, rows = shared[0].shape[1], len(uses[0])
        self.shared = shared
        self.own, self.before = ((aligned(rows, width), aligned(rows, width)) for _ in range(2))
        self.progress = on_own_lines(np.array([0, 0, CHUNK // threads, threads]))
        self.merged_at = on_own_lines(np.zeros(rows, np.int64))
        self.arguments = (*self.before, *uses, self.merged_at, self.progress)


def take_copies(tables: tuple[Array, ...], copies: tuple[Array, ...]) -> None:
    """Copy the rows of the shared tables. The parameters are those of ``merge_copies``."""
    W_in, W_out, own_in, own_out = tables
    before_in, before_out, _, _, merged_at, progress = copies
    progress[0], progress[1] = 0, progress[2]
    for row in range(len(own_in)):
        merged_at[row] = 0
        for at in range(own_in.shape[1]):
            own_in[row, at] = before_in[row, at] = W_in[row, at]
            own_out[row, at] = before_out[row, at] = W_out[row, at]


def merge_if_due(tables: tuple[Array, ...], copies: tuple[Array, ...], alpha: Any, centres: int) -> None:
    """Count the centres that a thread has just trained on, and merge the copies for which it is time.

    The other parameters are those of ``merge_copies``.
    """
    progress = copies[-1]
    progress[0] += centres
    if progress[0] >= progress[1]:
        merge_copies(tables, copies, alpha, rows_due(progress[1] // progress[2], len(tables[2])))
        progress[1] += progress[2]


def rows_due(time: int, rows: int) -> int:
    """Return how many of a thread's rows are merged at which time, counted from 1: see FREQUENT_ROWS."""
    due = FREQUENT_ROWS
    while due < rows and time % 2 == 0:
        due, time = 2 * due, time // 2
    return min(due, rows)


def merge_copies(tables: tuple[Array, ...], copies: tuple[Array, ...], alpha: Any, rows: int) -> None:
    """Merge the first of a thread's copies.

    Parameters
    ----------
    tables
        The shared ones and the thread's own: W_in, W_out, own_in, own_out.
    copies
        ``Copies.arguments``.
    alpha
        The rate, float32.
    rows
        How many.
    """
    W_in, W_out, own_in, own_out = tables
    before_in, before_out, uses_in, uses_out, merged_at, progress = copies
    for row in range(rows):
        rate = np.float32(CONVERGENCE) * alpha * np.float32(progress[0] - merged_at[row])
        merge_row(W_in, own_in, before_in, row, share_of_move(rate * uses_in[row], progress[3]))
        merge_row(W_out, own_out, before_out, row, share_of_move(rate * uses_out[row], progress[3]))
        merged_at[row] = progress[0]


def merge_row(shared: Array, own: Array, before: Array, row: int, share: Any) -> None:
    """Move a shared row by a share of how far its copy has moved, and copy it again."""
    for at in range(own.shape[1]):
        moved = shared[row, at] + share * (own[row, at] - before[row, at])
        shared[row, at] = own[row, at] = before[row, at] = moved


def share_of_move(move: Any, threads: int) -> Any:
    """Return the share of a thread's change by which it moves a shared row, so that all threads together move it as if they had
    taken turns.

    Of the way to its limit that is left, a thread leaves a row the share exp(-x). So one that follows i others moves it by
    exp(-i x) of what it would have moved it alone, and a thread's share is the mean of that over all turns. For a rarely used
    row all together move it by the sum of the threads' changes; for an often used row by their mean, since the sum would
    overshoot, and diverge with many threads. The mean for all rows would cost analogies.

    Parameters
    ----------
    move
        x: the uses by one thread, times the rate, times CONVERGENCE.
    """
    left, total = np.exp(-move), np.float32(0)
    for _ in range(threads):
        total = total * left + np.float32(1)
    return total / np.float32(threads)


def on_own_lines(array: Array) -> Array:
    """Copy an array to cache lines that it shares with no other: they would move between cores at every write."""
    whole_lines = -(-array.nbytes // 64) * 64 // array.itemsize
    copy = aligned(1, whole_lines, array.dtype)[0, : array.size].reshape(array.shape)
    copy[...] = array
    return copy


def part_of(number: int, words: int, threads: int) -> tuple[int, int]:
    """Return where part ``number`` of a text begins and ends. It is empty if the text has fewer parts.

    Parts are long at first and become shorter, so that all threads end at about the same time. A part is half of a thread's share
    of what is left (guided self-scheduling, Polychronopoulos and Kuck 1987). One thread takes all.
    """
    shortest = min(SHORTEST_PART, (words + threads - 1) // threads) if threads > 1 else words
    begin = end = 0
    for _ in range(number + 1):
        begin = end
        half_share = (words - begin + 2 * threads - 1) // (2 * threads)
        end = min(words, begin + max(half_share, shortest))
    return begin, end


def marks_of(words: int, threads: int) -> list[int]:
    """Return where the parts of a text begin, and where the last ends."""
    marks = [0]
    while marks[-1] < words:
        marks.append(part_of(len(marks) - 1, words, threads)[1])
    return marks
