"""One training run: an implementation, piece by piece through a text, epoch after epoch, at a rate that falls."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impls.case import Size
from impls.interface import Implementation, has
from impls.training.contract import LONGEST, Settings, noise_loss, training_problem
from impls.words import Corpus

PIECE = 120_000
"""Words of a step, at most; a text has a hundred steps or more, so that the rate falls smoothly, unless a model wants more at once."""
LEAST_PIECE = 1_000
HELD_OUT = 100
"""Of so many lines one is held out, where any are."""
A_WHILE_S = 0.3
POINTS = 8
"""Places at which a run's loss is measured."""

Ints = NDArray[np.integer[Any]]
Lines = NDArray[np.int64]
"""Begin and end of each line, (lines, 2)."""


def lines_of(corpus: Corpus, longest: int = LONGEST) -> Lines:
    """A corpus's lines, long ones cut."""
    begins = np.asarray(corpus.starts, np.int64)
    ends = np.append(begins[1:], len(corpus.ids))
    parts = np.maximum(1, -(-(ends - begins) // longest))
    line = np.repeat(np.arange(len(begins)), parts)
    at = np.arange(len(line)) - np.repeat(np.cumsum(parts) - parts, parts)
    begin = begins[line] + at * longest
    return np.stack([begin, np.minimum(begin + longest, ends[line])], axis=1)


def parted(lines: Lines) -> tuple[Lines, Lines]:
    """Lines to train on, and those held out."""
    out = np.arange(len(lines)) % HELD_OUT == HELD_OUT - 1
    return lines[~out], lines[out]


def pieces(corpus: Corpus, lines: Lines, most: int) -> Iterator[tuple[Ints, Ints]]:
    """Words of successive lines, about ``most`` at a time, with where each line begins and the last ends. Only these are in memory."""
    lengths = np.cumsum(lines[:, 1] - lines[:, 0])
    marks = np.arange(most, lengths[-1] + most, most) if len(lines) else np.zeros(0, np.int64)
    cuts = np.minimum(np.searchsorted(lengths, marks, side="left") + 1, len(lines))
    for first, last in pairwise(dict.fromkeys([0, *cuts.tolist()])):
        some = lines[first:last]
        gaps = np.flatnonzero(some[1:, 0] != some[:-1, 1]) + 1  # where lines are held out
        stretches = [corpus.ids[some[a, 0] : some[b - 1, 1]] for a, b in pairwise([0, *gaps.tolist(), len(some)])]
        yield np.concatenate(stretches, dtype=np.int32), np.concatenate([[0], np.cumsum(some[:, 1] - some[:, 0])])


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be trained. V: most frequent words that are kept. words: of all epochs together, at most (None: all)."""

    implementation: Implementation
    V: int
    H: int = 100
    K: int = 5
    threads: int = 1
    epochs: int = 5
    seed: int = 1
    settings: Settings = field(default_factory=Settings)
    words: int | None = None

    @property
    def size(self) -> Size:
        return Size(self.V, self.H, PIECE, self.K, index="i32", threads=self.threads)


@dataclass
class Trained:
    """A run so far. words: trained on, in all epochs, before any were left out for being frequent. total: those there would
    be. seconds, cpu_s: of its steps, without what reading their words and measuring the loss took. curve: words and loss on
    held-out lines."""

    model: Any
    total: int
    words: int = 0
    seconds: float = 0.0
    cpu_s: float = 0.0
    epoch: int = 0
    curve: list[tuple[int, float]] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)

    @property
    def words_per_s(self) -> float:
        return self.words / self.seconds if self.seconds else 0.0

    @property
    def left_s(self) -> float:
        """By the clock, all that goes on between steps included."""
        so_far = time.perf_counter() - self.began
        return so_far / self.words * (self.total - self.words) if self.words else float("inf")


def train(plan: Plan, corpus: Corpus, note: Callable[[Trained], None], hold_out: bool = False) -> Trained:
    """Train. note is told after every step; an exception that it raises ends the run between two steps.

    hold_out: leave lines out, and measure the loss on them at some places.
    """
    lines, held = parted(lines_of(corpus)) if hold_out else (lines_of(corpus), np.empty((0, 2), np.int64))
    in_text = int((lines[:, 1] - lines[:, 0]).sum())
    total = in_text * plan.epochs if plan.words is None else min(plan.words, in_text * plan.epochs)
    step, model = started(plan, corpus)
    run = Trained(model, total)
    most = max(int(np.clip(total // 100, LEAST_PIECE, PIECE)), model.at_once if has(model, "at_once") else 0)
    judged, counts = text_of(corpus, held), corpus.expected_counts(plan.V)
    places = set(np.linspace(0, total, POINTS + 1).astype(int).tolist()) if len(judged[0]) else set()
    for run.epoch in range(plan.epochs):
        for words, starts in pieces(corpus, lines, most):
            if run.words >= total:
                break
            done, then = run.words / total, (run.words + len(words)) / total
            rates = rate_at(plan.settings, done), rate_at(plan.settings, then)
            seconds, cpu_s = take(step, model, words, starts, rates, plan.implementation.adapt)
            run.seconds, run.cpu_s, run.words = run.seconds + seconds, run.cpu_s + cpu_s, run.words + len(words)
            if passed := {place for place in places if place <= run.words}:
                places -= passed
                loss = noise_loss(np.asarray(model.W_in), np.asarray(model.W_out), *judged, counts, plan.K)
                if loss is not None:
                    run.curve.append((run.words, loss))
            note(run)
    return run


def started(plan: Plan, corpus: Corpus) -> tuple[Callable[..., Any], Any]:
    """An implementation's step and its model, made and compiled."""
    counts = corpus.expected_counts(plan.V)
    problem = training_problem(plan.size, counts, [], np.random.default_rng(plan.seed), plan.settings)
    step, (model,) = plan.implementation.start(problem)
    return step, model


def take(
    step: Callable[..., Any],
    model: Any,
    words: Ints,
    starts: Ints,
    rates: tuple[float, float],
    adapt: Callable[..., tuple[Any, ...]] | None = None,
) -> tuple[float, float]:
    """Take a step, at rates from the one to the other: its seconds, wall and CPU, without those of adapting the piece."""
    model.alpha = sum(rates) / 2
    if has(model, "rates"):
        model.rates = rates
    arguments = adapt(model, words, starts) if adapt else (words, starts)
    begun, cpu = time.perf_counter(), time.process_time()
    step(*arguments, model)
    return time.perf_counter() - begun, time.process_time() - cpu


def pace(plan: Plan, corpus: Corpus) -> float:
    """Words a second in a step that takes a while, or is as large as a run's: steps grow from LEAST_PIECE words up to it."""
    step, model = started(plan, corpus)
    lines, most = lines_of(corpus), LEAST_PIECE
    while True:
        words, starts = next(pieces(corpus, lines, most))
        seconds, _ = take(
            step, model, words, starts, (plan.settings.alpha, plan.settings.alpha), plan.implementation.adapt
        )
        if seconds > A_WHILE_S or len(words) >= min(PIECE, len(corpus.ids)):
            return len(words) / seconds
        most *= 4


def rate_at(settings: Settings, done: float) -> float:
    """The rate once a share of a run is done: it falls linearly, and ends at min_alpha."""
    return settings.alpha - (settings.alpha - settings.min_alpha) * min(1.0, done)


def text_of(corpus: Corpus, lines: Lines) -> tuple[Ints, Ints]:
    """The words of some lines, all at once."""
    if not len(lines):
        return np.empty(0, np.int32), np.zeros(1, np.int64)
    return next(pieces(corpus, lines, 1 << 62))


def kept(corpus: Corpus, V: int) -> Corpus:
    """A corpus without the words that are not among its V most frequent."""
    inside = corpus.ids < V
    so_far = np.concatenate([[0], np.cumsum(inside)])
    starts = so_far[corpus.starts]
    lengths = np.diff(np.append(starts, so_far[-1]))
    return replace(corpus, counts=corpus.counts[:V], ids=corpus.ids[inside], starts=starts[lengths > 0])
