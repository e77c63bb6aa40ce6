"""The model and the loops of the compiled implementations of skip-gram and CBOW: one pass over the text.

Subsampling, windows, negatives and random numbers are drawn where they are used. A step is one centre of a line, or, if
``centres_of_a_step`` says so, two that are half a line apart. All contexts of a step share its negatives. These are drawn and
their rows prefetched two steps ahead, while a step's slopes are computed. ``impls/compiling/intrinsics/training_steps.py`` has the arithmetic.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np

from ..compiling.functions import makes_no_arrays, ready
from ..compiling.intrinsics.rows import next_number
from ..compiling.intrinsics.training_rows import UNIT_FLOATS, floats_of_slopes, rows_together
from ..compiling.intrinsics.training_steps import (
    cbow_moves,
    cbow_slopes,
    prefetch_to_write,
    skip_gram_moves,
    skip_gram_slopes,
    word_address,
)
from ..compiling.intrinsics.vectors import LINE_FLOATS
from ..corpus.words import Floats, Ints
from ..interface import Array, Problem
from ..interface.arrays import aligned
from ..interface.case import Size
from ..parts.random import LOW, S32, draw, integer_alias_table, next_bits, state
from .contract import LONGEST, covers, initial
from .pairs import keep_probability, pairs_in
from .settings import EVERY_PAIR, Settings
from .threads import (
    OWN_ROWS,
    Copies,
    marks_of,
    merge_copies,
    merge_if_due,
    on_own_lines,
    part_of,
    take_copies,
    uses_of_rows,
)

AHEAD = 2
"""How many steps ahead negatives are drawn and rows prefetched."""
SLOTS = 4
"""Slots for the negatives of these steps: a power of two above AHEAD."""


def draw_targets(
    step: int, steps: int, line: Ints, state: Array, aliases: Array, tables: tuple[Array, ...], given: tuple[Any, ...]
) -> None:
    """Write the addresses of the output rows of a step's centres and its negatives, which are other words, to its slot, and
    prefetch these rows.

    The centres are at the places step, step + steps, … of the line. In the last step of an odd line, the first centre stands in
    for the second.
    """
    _, W_out, _, own_out = tables
    _, targets, _, _, _, _, centres, pairs, units = given
    slot, last = step % SLOTS, step + (len(centres) - 1) * steps
    first, other = line[step], line[last if last < len(line) else step]
    for k in range(len(centres) + len(pairs) - 1):
        word = np.uint64(first if k == 0 else other)
        if k >= len(centres):
            word = draw(state, aliases)
            while word == np.uint64(first) or word == np.uint64(other):
                word = draw(state, aliases)
        targets[slot, k] = word_address(W_out, own_out, word)
        prefetch_to_write(targets[slot, k], units)


def subsample(words: Ints, begin: int, end: int, keep: Array, state: Array, line: Ints) -> int:
    """Copy a line's words, each with its probability, and return how many remain."""
    length = 0
    for at in range(begin, end):
        line[length] = words[at]
        length += np.uint32(next_bits(state) & LOW) <= keep[words[at]]
    return length


def window_of(centre: int, length: int, least: int, window: int, state: Array) -> tuple[int, int]:
    """Return where a centre's window begins and ends. It reaches a random number of words, from least to window."""
    drawn: Any = np.int64(((next_bits(state) >> S32) * np.uint64(window - least + 1)) >> S32)
    reach = least + drawn
    return max(0, centre - reach), min(length, centre + reach + 1)


@makes_no_arrays
def one_pass(
    words: Ints, starts: Ints, next_part: Ints, threads: int, alpha: Any, trains: bool, rules: tuple[Any, ...], own: tuple[Any, ...]
) -> int:  # fmt: skip
    """Train on the parts of a text that no other thread has taken: each context of a centre (skip-gram) or their mean (CBOW)
    against the centre and K negatives.

    Parameters
    ----------
    words, starts
        The text, (B,) int32, and where its lines begin and the last ends, (S + 1,) int64.
    next_part, threads
        The number of the next part, (1,) int64, and how many threads there are: see ``part_of``.
    alpha
        The rate, float32.
    trains
        Whether to train. Otherwise it only draws, so that the time of drawing can be measured alone.
    rules, own
        ``CompiledModel.rules`` and ``Thread.arguments``. They are plain tuples: machine code then takes those of any copy of
        this package at the same cost.

    Returns
    -------
    int
        The number of pairs of a centre and a context.
    """
    tables, copies = own[0], own[1]
    learnt, s = 0, 0
    begin, end = part_of(next_number(next_part), len(words), threads)
    works = begin < end  # otherwise it must not write to shared rows
    if works:
        take_copies(tables, copies)
    while begin < end:
        while s + 1 < len(starts) and starts[s] < end:
            for first in range(max(begin, starts[s]), min(end, starts[s + 1]), LONGEST):
                last = min(first + LONGEST, end, starts[s + 1])
                learnt += one_line(words, first, last, alpha, trains, rules, own)
            s += 1
        s = max(0, s - 1)  # the next part may begin in the same line
        begin, end = part_of(next_number(next_part), len(words), threads)
    if works:
        merge_copies(tables, copies, alpha, len(tables[2]))
    return learnt


def one_line(
    words: Ints, first: int, last: int, alpha: Any, trains: bool, rules: tuple[Any, ...], own: tuple[Any, ...]
) -> int:
    """Train on words[first:last], a line or a part of it. The other parameters, and what it returns, are as in ``one_pass``."""
    keep, aliases, least, window, skip_gram, centres, pairs, units = rules
    tables, copies, state, line, rows, targets, slopes, addresses, means = own
    given = (rows, targets, alpha, slopes, addresses, means, centres, pairs, units)
    length, learnt = subsample(words, first, last, keep, state, line), 0
    line = line[:length]
    for at in range(length):
        rows[at] = word_address(tables[0], tables[2], line[at])
    learns, steps = trains and length > 1, (length + len(centres) - 1) // len(centres)
    for step in range(min(AHEAD, steps)):
        draw_targets(step, steps, line, state, aliases, tables, given)
    for step in range(steps):
        low, high = window_of(step, length, least, window, state)
        learnt += high - low - 1
        its = (low, step, high)
        two, other = len(centres) == 2 and step + steps < length, (step, step, step + 1)
        if two:
            low, high = window_of(step + steps, length, least, window, state)
            learnt += high - low - 1
            other = (low, step + steps, high)
        if learns and len(skip_gram):
            skip_gram_slopes(given, (its, other))
        elif learns and two:
            cbow_slopes(given, (its, other))
        elif learns:
            cbow_slopes(given, (its,))
        if step + AHEAD < steps:  # while the processor waits for slopes
            draw_targets(step + AHEAD, steps, line, state, aliases, tables, given)
            for at in range(step + AHEAD, length, steps):
                if at + window < length:
                    prefetch_to_write(rows[at + window], units)
        if learns and len(skip_gram):
            skip_gram_moves(given, (its, other))
        elif learns and two:
            cbow_moves(given, (its, other))
        elif learns:
            cbow_moves(given, (its,))
        merge_if_due(tables, copies, alpha, 2 if two else 1)
    return learnt


class Thread:
    """A thread's own generator and buffers, and its copies of the most frequent words' rows.

    Attributes
    ----------
    copies
        The copies.
    arguments
        What a pass needs: the tables, shared and own, and everything else of the thread.
    """

    def __init__(self, seed: int, window: int, K: int, centres: int, copies: Copies) -> None:
        width = copies.shared[0].shape[1]
        contexts = 4 * window  # of two centres
        self.copies = copies
        self.arguments = (
            (*copies.shared, *copies.own),
            copies.arguments,
            on_own_lines(state(seed)),
            on_own_lines(np.zeros(LONGEST + 1, np.int32)),  # a line's words
            on_own_lines(np.zeros(LONGEST + 1, np.int64)),  # addresses of their input rows
            on_own_lines(np.zeros((SLOTS, centres + K), np.int64)),  # of the output rows of centres and negatives
            aligned(1, floats_of_slopes(contexts, 1 + K))[0],
            on_own_lines(np.zeros(contexts, np.int64)),  # those of a step's contexts, one after another
            aligned(4, width),  # CBOW's means and changes
        )


def centres_of_a_step(law: Floats, K: int, skip_gram: bool) -> int:
    """Return how many centres are taken at a time, by the law of negatives (V,): two, for CBOW if registers suffice.

    A step's negatives are other words than its centres, which takes long to draw if two words are nearly all of the text.
    """
    two_words_dominate = np.sort(law)[-2:].sum() > 0.9 * law.sum()
    return 1 if two_words_dominate else 2 if skip_gram else min(2, rows_together(1 + K))


class CompiledModel:
    """A model with padded rows, trained by one compiled loop over the text, on one thread or several."""

    def __init__(self, problem: Problem, skip_gram: bool) -> None:
        size, inputs = problem.size, problem.inputs
        self.settings: Settings = inputs["settings"]
        self.alpha, self.H = self.settings.alpha, size.H
        width = -(-size.H // LINE_FLOATS) * LINE_FLOATS
        self.shared = aligned(size.V, width), aligned(size.V, width)
        self.shared[0][:, : size.H] = initial(problem)
        keep = keep_probability(inputs["counts"], self.settings.sample)
        law = inputs["counts"] ** self.settings.power
        centres = centres_of_a_step(law, size.K, skip_gram)
        self.rules = (
            np.minimum(keep * 2.0**32, 2.0**32 - 1).astype(np.uint32),
            integer_alias_table(law),
            self.settings.least_window,
            self.settings.window,
            # the lengths of these tuples are compiled in; skip-gram is faster if compiled without CBOW
            (0,) * skip_gram,
            (0,) * centres,
            (0,) * (1 + size.K),
            (0,) * -(-size.H // UNIT_FLOATS),
        )
        own_rows = min(OWN_ROWS, size.V // 20) if size.threads > 1 else 0
        uses_in, uses_out = uses_of_rows(inputs["counts"], self.settings, size.K, skip_gram)
        self.threads = [
            Thread(
                inputs["seed"] + at,
                self.settings.window,
                size.K,
                centres,
                Copies(self.shared, (uses_in[:own_rows], uses_out[:own_rows]), size.threads),
            )
            for at in range(size.threads)
        ]
        self.pool = ThreadPoolExecutor(max(1, size.threads - 1))  # which starts a thread when it gets work
        self.next_part = on_own_lines(np.zeros(1, np.int64))
        nothing = np.zeros(0, np.int32), np.zeros(1, np.int64)
        its = self.next_part, size.threads, np.float32(0), True, self.rules, self.threads[0].arguments
        self.one_pass = ready(one_pass, (*nothing, *its))

    @property
    def W_in(self) -> Array:
        return self.shared[0][:, : self.H]

    @property
    def W_out(self) -> Array:
        return self.shared[1][:, : self.H]

    def step(self, words: Ints, starts: Ints) -> CompiledModel:
        """Train on some lines. Threads take parts of them, and write to shared rows without locks."""
        text, (first, *others) = with_compiled_types(words, starts), self.threads
        self.next_part[0] = 0
        running = [self.pool.submit(self.train, thread, len(self.threads), text) for thread in others]
        self.train(first, len(self.threads), text)
        for one in running:
            one.result()
        return self

    def stages(self, words: Ints, starts: Ints) -> dict[str, float]:
        """Return the seconds that one thread takes to draw (subsampling, windows, negatives, prefetching, and merging copies if
        there are several threads), and for the rest of the steps.
        """
        text = with_compiled_types(words, starts)
        marks = [perf_counter()]
        for trains in (False, True):
            self.next_part[0] = 0
            self.train(self.threads[0], 1, text, trains)
            marks.append(perf_counter())
        drawing, whole_step = np.diff(marks).tolist()
        return {"examples + sampling": drawing, "lookup to update": max(0.0, whole_step - drawing)}

    def train(self, thread: Thread, threads: int, text: tuple[Ints, Ints], trains: bool = True) -> int:
        """Train in one thread on parts of a text until none is left, and return the number of pairs. No thread waits for another.

        threads: how many share the text.
        """
        rest = np.float32(self.alpha), trains, self.rules, thread.arguments
        pairs: int = self.one_pass(*text, self.next_part, threads, *rest)
        return pairs


def covers_in_threads(size: Size) -> dict[str, float]:
    """Return what a call covers. Where threads divide a line, windows do not reach across."""
    if size.threads == 1:
        return covers(size)
    marks = {*range(0, size.B, LONGEST), *marks_of(size.B, size.threads)}
    lengths = (end - begin for begin, end in pairwise(sorted(marks)))
    return {**covers(size), "pairs": float(sum(pairs_in(length, EVERY_PAIR.window) for length in lengths))}


def with_compiled_types(words: Ints, starts: Ints) -> tuple[Ints, Ints]:
    """Return a text with the dtypes of the machine code, which checks none. It is copied only if they differ."""
    return np.ascontiguousarray(words, np.int32), np.ascontiguousarray(starts, np.int64)
