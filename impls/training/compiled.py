"""The compiled implementations' model and loops, for skip-gram and CBOW: one pass over the text, everything inside it.

Subsampling, windows, negatives and random numbers are drawn where they are used; a centre's negatives serve all of its
contexts; the rows that a centre will need are asked for two centres ahead (``impls/training/rows.py`` has the
arithmetic).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np

from ..case import Size
from ..compiled import ready
from ..interface import Array, Problem
from ..random import LOW, S32, draw, next_bits, state, whole_alias_table
from ..vectors import LINE, aligned
from ..words import Floats, Ints
from .contract import EVERY_PAIR, LONGEST, Settings, covers, initial, kept_share, pairs_in
from .rows import cbow_step, expect_row, skip_gram_step

AHEAD = 2
"""Centres whose negatives are drawn, and whose rows are asked for, before they are trained on."""
RING = 4
"""Places for those negatives: a power of two above AHEAD."""
OWN_ROWS = 64
"""Most frequent words whose rows each thread has copies of (at most a twentieth of all): shared, they would travel between cores at every use."""
CHUNK = 20_000
"""Words that threads train on together before their copies are brought together."""
SETTLING = 0.8
"""How far, in units of the rate, a use moves a row towards where it settles (found by trial: vectors of up to 16 threads
score like those of one)."""


IDLE, CBOW, SKIP_GRAM = 0, 1, 2
"""What a pass learns by: nothing, so that what it draws can be timed apart."""


def prepared(
    at: int, line: Ints, length: int, aims: Ints, state: Array, aliases: Array, tables: tuple[Array, ...], window: int,
    pairs: Any, lines: Any,
) -> None:  # fmt: skip
    """Draw a centre's negatives, none of them the centre itself, and ask for the rows that it will be the first to need."""
    W_in, W_out, _, own_out = tables
    own = len(own_out)
    aims[0] = line[at]
    if line[at] >= own:
        expect_row(W_out, line[at], lines)
    for k in range(1, len(pairs)):
        word = draw(state, aliases)
        while word == np.uint64(line[at]):
            word = draw(state, aliases)
        aims[k] = word
        if aims[k] >= own:
            expect_row(W_out, aims[k], lines)
    if at + window < length and line[at + window] >= own:
        expect_row(W_in, line[at + window], lines)


def kept_words(words: Ints, begin: int, end: int, kept: Array, state: Array, line: Ints) -> int:
    """Copy a line's words, leaving out each with its word's chance, and give how many are left."""
    length = 0
    for at in range(begin, end):
        line[length] = words[at]
        length += np.uint32(next_bits(state) & LOW) <= kept[words[at]]
    return length


def window_of(centre: int, length: int, least: int, window: int, state: Array) -> tuple[int, int]:
    """Where a centre's window begins and ends: it reaches as far as chance has it, from least to window words."""
    drawn: Any = np.int64(((next_bits(state) >> S32) * np.uint64(window - least + 1)) >> S32)
    reach = least + drawn
    return max(0, centre - reach), min(length, centre + reach + 1)


def one_pass(
    words: Ints, starts: Ints, begin: int, end: int, alpha: Any, mode: int, rules: tuple[Any, ...], mine: tuple[Any, ...]
) -> int:  # fmt: skip
    """Train on words begin to end: each context of a centre (skip-gram) or their mean (CBOW) learns to tell the centre from
    K drawn words. Give the number of pairs of a centre and a context.

    words (B,) int32; starts (S + 1,) int64; alpha float32; mode: what it learns by. rules: a ``CompiledModel``'s, and mine: a
    ``Thread``'s, plain tuples: machine code takes those of any copy of this package at the same cost.
    """
    kept, aliases, least, window, pairs, lines = rules
    tables, state, line, noise, scratch, slopes = mine
    W_in, W_out, own_in, own_out = tables
    learnt = 0
    for s in range(len(starts) - 1):
        ends = min(end, int(starts[s + 1]))
        for first in range(max(begin, int(starts[s])), ends, LONGEST):
            length = kept_words(words, first, min(first + LONGEST, ends), kept, state, line)
            for at in range(min(AHEAD, length)):
                prepared(at, line, length, noise[at % RING], state, aliases, tables, window, pairs, lines)
            for centre in range(length):
                ahead = centre + AHEAD
                if ahead < length:
                    prepared(ahead, line, length, noise[ahead % RING], state, aliases, tables, window, pairs, lines)
                low, high = window_of(centre, length, least, window, state)
                aims, count = noise[centre % RING], high - low - 1
                learnt += count
                if count > 0 and mode != IDLE:
                    line[centre] = line[high - 1]  # so that the contexts lie one after another
                    contexts = line[low:high]
                    if mode == SKIP_GRAM:
                        skip_gram_step(
                            W_in, own_in, W_out, own_out, contexts, count, aims, alpha, scratch, slopes, pairs, lines
                        )
                    else:
                        cbow_step(
                            W_in, own_in, W_out, own_out, contexts, count, aims, alpha, scratch, slopes, pairs, lines
                        )
                    line[centre] = aims[0]
    return learnt


def uses_of_rows(counts: Floats, settings: Settings, K: int, skip_gram: bool) -> tuple[Floats, Floats]:
    """How often a word of the text uses each row of W_in and of W_out, (V,) each; less where a mean of rows is what is used."""
    counts = np.maximum(counts, 1e-9)
    occurs = counts / counts.sum() * kept_share(counts, settings.sample)
    law = counts**settings.power
    aims = occurs + K * law / law.sum() * occurs.sum()
    window = settings.least_window + settings.window  # contexts of a centre, in the mean
    return (occurs * window, aims * window) if skip_gram else (occurs, aims / window)


class Thread:
    """What a thread has of its own: a generator, buffers, and copies of the most frequent words' rows, own_in and own_out.

    mine: all of it as a pass takes it, with both shared tables.
    """

    def __init__(self, seed: int, window: int, K: int, tables: tuple[Array, Array], own_rows: int) -> None:
        width = tables[0].shape[1]
        contexts, slot = 2 * window + 1, -(-(1 + K) // 8) * 8
        self.own = aligned(own_rows, width), aligned(own_rows, width)
        self.mine = (
            (*tables, *self.own),
            state(seed),
            np.empty(LONGEST + 1, np.int32),  # a line's words
            np.zeros((RING, 1 + K), np.int32),  # centres and their negatives
            aligned(contexts + 1, width),  # rows as they were
            aligned(1, contexts * slot + 2 * LINE)[0],  # slopes
        )


class CompiledModel:
    """Tables with padded rows, and one compiled loop over the text, on one thread or several."""

    def __init__(self, problem: Problem, skip_gram: bool) -> None:
        size, inputs = problem.size, problem.inputs
        self.settings: Settings = inputs["settings"]
        self.alpha, self.H, self.mode = self.settings.alpha, size.H, SKIP_GRAM if skip_gram else CBOW
        width = -(-size.H // LINE) * LINE
        self.shared = aligned(size.V, width), aligned(size.V, width)
        self.shared[0][:, : size.H] = initial(problem)
        kept = kept_share(inputs["counts"], self.settings.sample)
        self.rules = (
            np.minimum(kept * 2.0**32, 2.0**32 - 1).astype(np.uint32),  # chance of each word to be kept, times 2^32
            whole_alias_table(inputs["counts"] ** self.settings.power),
            self.settings.least_window,
            self.settings.window,
            (0,) * (1 + size.K),  # the lengths of these two are compiled in
            (0,) * (width // LINE),
        )
        own_rows = min(OWN_ROWS, size.V // 20) if size.threads > 1 else 0
        self.uses = [uses[:own_rows] for uses in uses_of_rows(inputs["counts"], self.settings, size.K, skip_gram)]
        self.threads = [
            Thread(inputs["seed"] + at, self.settings.window, size.K, self.shared, own_rows)
            for at in range(size.threads)
        ]
        self.pool = ThreadPoolExecutor(size.threads) if size.threads > 1 else None
        nothing = np.zeros(0, np.int32), np.zeros(1, np.int64), 0, 0
        self.one_pass = ready(one_pass, (*nothing, np.float32(0), self.mode, self.rules, self.threads[0].mine))

    @property
    def W_in(self) -> Array:
        return self.shared[0][:, : self.H]

    @property
    def W_out(self) -> Array:
        return self.shared[1][:, : self.H]

    def step(self, words: Ints, starts: Ints) -> CompiledModel:
        """Train on some lines. Threads take equal parts, and write to the shared rows as they come (Recht et al. 2011)."""
        words, starts = as_compiled(words, starts)
        if self.pool is None:
            self.train(self.threads[0], words, starts, 0, len(words))
            return self
        for first in range(0, len(words), CHUNK):
            last = min(first + CHUNK, len(words))
            cuts = cut(first, last, len(self.threads))
            self.hand_out()
            parts = zip(self.threads, cuts, cuts[1:], strict=False)
            list(self.pool.map(lambda part: self.train(part[0], words, starts, *part[1:]), parts))
            self.bring_together((last - first) / len(self.threads))
        return self

    def stages(self, words: Ints, starts: Ints) -> dict[str, float]:
        """Seconds that one thread takes to draw what a step needs (subsampling, windows, negatives, asking for rows), and for
        the rest, which is one."""
        words, starts = as_compiled(words, starts)
        self.hand_out()
        marks = [perf_counter()]
        for mode in (IDLE, self.mode):
            self.train(self.threads[0], words, starts, 0, len(words), mode)
            marks.append(perf_counter())
        drawing, all_of_it = np.diff(marks).tolist()
        return {"examples + sampling": drawing, "lookup to update": max(0.0, all_of_it - drawing)}

    def hand_out(self) -> None:
        """Give each thread copies of the most frequent words' rows."""
        for thread in self.threads:
            for shared, own in zip(self.shared, thread.own, strict=True):
                own[:] = shared[: len(own)]

    def bring_together(self, words: float) -> None:
        """Move the shared rows as far as the threads, of so many words each, would have moved them one after another.

        A thread brings a row the share 1 - exp(-x) of the way to where it would settle, so that T threads one after another
        bring it 1 - exp(-T x). Of rare uses that is the sum of what the threads did, of many their mean: the sum of these
        would go too far, and diverge with many threads; the mean of all loses analogies.
        """
        T = len(self.threads)
        for at, (shared, uses) in enumerate(zip(self.shared, self.uses, strict=True)):
            copies = [thread.own[at] for thread in self.threads]
            x = SETTLING * self.alpha * words * uses
            gain = np.expm1(-T * x) / np.expm1(-x)
            before = shared[: len(copies[0])]
            before += (gain / T).astype(np.float32)[:, None] * sum(copy - before for copy in copies)

    def train(self, thread: Thread, words: Ints, starts: Ints, begin: int, end: int, mode: int | None = None) -> int:
        """Train on a part of some lines, in one thread; give the number of pairs."""
        mode = self.mode if mode is None else mode
        pairs: int = self.one_pass(words, starts, begin, end, np.float32(self.alpha), mode, self.rules, thread.mine)
        return pairs


def cut(first: int, last: int, parts: int) -> list[int]:
    """Where equal parts of some words begin, and the last ends."""
    return [first + (last - first) * at // parts for at in range(parts + 1)]


def covered(size: Size) -> dict[str, float]:
    """What a call covers: where several threads part a line, its windows do not reach across."""
    if size.threads == 1:
        return covers(size)
    parts = (cut(first, min(first + CHUNK, size.B), size.threads) for first in range(0, size.B, CHUNK))
    marks = {*range(0, size.B, LONGEST), size.B}.union(*parts)
    lengths = (end - begin for begin, end in pairwise(sorted(marks)))
    return {**covers(size), "pairs": float(sum(pairs_in(length, EVERY_PAIR.window) for length in lengths))}


def as_compiled(words: Ints, starts: Ints) -> tuple[Ints, Ints]:
    """A text as the machine code takes it, which looks at no types: copied only where it is something else."""
    return np.ascontiguousarray(words, np.int32), np.ascontiguousarray(starts, np.int64)
