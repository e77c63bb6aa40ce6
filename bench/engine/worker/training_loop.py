"""A training run: an implementation trains on a text in pieces, epoch after epoch, at a falling learning rate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.machine.process import limit_memory, pin
from w2vbench.impls.corpus.words import Corpus, Ints
from w2vbench.impls.interface import Implementation
from w2vbench.impls.interface.case import Size
from w2vbench.impls.interface.facts import has_attribute
from w2vbench.impls.training.contract import LONGEST, Model, training_problem
from w2vbench.impls.training.pairs import noise_loss
from w2vbench.impls.training.settings import Settings

from .profiling import memory
from .variants.loop import Function
from .variants.sources import load_source
from .variants.variant import Adapt, adapt_batch

PIECE = 120_000
"""Most words in a step. A run has a hundred steps or more, so that the rate falls smoothly, unless a model wants larger steps."""
LEAST_PIECE = 1_000
HELD_OUT = 100
"""Where lines are held out, one in this many is."""
LONG_STEP_S = 0.3
"""A step that takes longer than this shows an implementation's speed."""
POINTS = 8
"""How often a run's loss is measured."""
PROGRESS_S = 1.0
"""Time between two reports of progress."""

Lines = NDArray[np.int64]
"""Start and end of each line, (lines, 2)."""


def train_once(job: protocol.Train, emit: protocol.Emit) -> None:
    """Train once and save the vectors in a file, or only measure the implementation's training speed."""
    pin(job.threads, job.cpu)
    limit_memory(job.settings.memory_limit_bytes)
    implementation = load_source("", job.sources[""]).find(job.key)
    corpus = Corpus.load(Path(job.corpus))
    emit(protocol.Ready())
    plan = TrainingPlan(
        implementation=implementation,
        settings=Settings(**job.training),
        seed=job.settings.seed,
        **{name: getattr(job, name) for name in ("V", "H", "K", "threads", "epochs", "words")},
    )
    if job.vectors is None:
        emit(protocol.StepBegins(name="measuring its speed", variant=implementation.key))
        emit(protocol.Pace(words_per_s=pace(plan, corpus)))
        return
    emit(protocol.StepBegins(name="training", variant=implementation.key))
    last = time.perf_counter()

    def note(run: TrainingState) -> None:
        nonlocal last
        if time.perf_counter() - last > PROGRESS_S:
            last = time.perf_counter()
            emit(protocol.Pace(words_per_s=run.words_per_s))

    run, growth = memory.resident_growth(lambda: train(plan, corpus, note, hold_out=True))
    np.save(job.vectors, np.asarray(run.model.W_in))
    emit(
        protocol.Trained(
            words=run.words,
            seconds=run.seconds,
            cpu_s=run.cpu_s,
            peak_bytes=growth,
            curve=run.curve,
            whole=plan.words is None,
        )
    )


def lines_of(corpus: Corpus, longest: int = LONGEST) -> Lines:
    """Return a corpus's lines; long ones are cut."""
    begins = np.asarray(corpus.starts, np.int64)
    ends = np.append(begins[1:], len(corpus.ids))
    parts = np.maximum(1, -(-(ends - begins) // longest))
    line = np.repeat(np.arange(len(begins)), parts)
    at = np.arange(len(line)) - np.repeat(np.cumsum(parts) - parts, parts)
    begin = begins[line] + at * longest
    return np.stack([begin, np.minimum(begin + longest, ends[line])], axis=1)


def split_held_out(lines: Lines) -> tuple[Lines, Lines]:
    """Split lines into those to train on, and those held out."""
    held_out = np.arange(len(lines)) % HELD_OUT == HELD_OUT - 1
    return lines[~held_out], lines[held_out]


def pieces(corpus: Corpus, lines: Lines, size: int) -> Iterator[tuple[Ints, Ints]]:
    """Yield successive lines in pieces, of which only one is in memory at a time.

    Yields
    ------
    words
        About ``size`` word ids, int32.
    starts
        Where each line starts, and where the last one ends.
    """
    lengths = np.cumsum(lines[:, 1] - lines[:, 0])
    marks = np.arange(size, lengths[-1] + size, size) if len(lines) else np.zeros(0, np.int64)
    cuts = np.minimum(np.searchsorted(lengths, marks, side="left") + 1, len(lines))
    for first, last in pairwise(dict.fromkeys([0, *cuts.tolist()])):
        some = lines[first:last]
        gaps = np.flatnonzero(some[1:, 0] != some[:-1, 1]) + 1  # where lines are held out
        stretches = [corpus.ids[some[a, 0] : some[b - 1, 1]] for a, b in pairwise([0, *gaps.tolist(), len(some)])]
        yield np.concatenate(stretches, dtype=np.int32), np.concatenate([[0], np.cumsum(some[:, 1] - some[:, 0])])


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """What is trained, and how."""

    implementation: Implementation  # what trains
    V: int  # size of the vocabulary: the most frequent words
    H: int = 100  # length of a vector
    K: int = 5  # negatives of an example
    # as in ``w2vbench train``
    threads: int = 1
    epochs: int = 5
    seed: int = 1
    settings: Settings = field(default_factory=Settings)
    words: int | None = None  # most words to train on, in all epochs together; None for all

    @property
    def size(self) -> Size:
        return Size(self.V, self.H, PIECE, self.K, index="i32", threads=self.threads)


@dataclass
class TrainingState:
    """The state of a training run."""

    model: Model  # what is trained
    total: int  # words that the whole run will train on
    words: int = 0  # words trained on so far, in all epochs, including frequent ones that the model skips
    # time of its steps, without reading the text and measuring the loss
    seconds: float = 0.0
    cpu_s: float = 0.0
    curve: list[tuple[int, float]] = field(default_factory=list)  # words so far, and loss on held-out lines
    began: float = field(default_factory=time.perf_counter)  # when the run began, by ``time.perf_counter``

    @property
    def words_per_s(self) -> float:
        return self.words / self.seconds if self.seconds else 0.0

    @property
    def left_s(self) -> float:
        """Estimated wall time to the end of the run, including what happens between steps."""
        so_far = time.perf_counter() - self.began
        return so_far / self.words * (self.total - self.words) if self.words else float("inf")


def train(
    plan: TrainingPlan, corpus: Corpus, note: Callable[[TrainingState], None], hold_out: bool = False
) -> TrainingState:
    """Train on a corpus.

    Parameters
    ----------
    plan
        What is trained, and how.
    corpus
        The text.
    note
        Called after every step. If it raises an exception, the run ends between two steps.
    hold_out
        Whether some lines are held out, and the loss is measured on them.
    """
    lines, held_out = split_held_out(lines_of(corpus)) if hold_out else (lines_of(corpus), np.empty((0, 2), np.int64))
    in_text = int((lines[:, 1] - lines[:, 0]).sum())
    total = in_text * plan.epochs if plan.words is None else min(plan.words, in_text * plan.epochs)
    step, model = start_model(plan, corpus)
    run = TrainingState(model, total)
    at_once = model.at_once if has_attribute(model, "at_once") else 0
    step_words = max(int(np.clip(total // 100, LEAST_PIECE, PIECE)), at_once)
    held_out_text, counts = text_of(corpus, held_out), corpus.expected_counts(plan.V)
    places = set(np.linspace(0, total, POINTS + 1).astype(int).tolist()) if len(held_out_text[0]) else set()
    for _ in range(plan.epochs):
        for words, starts in pieces(corpus, lines, step_words):
            if run.words >= total:
                break
            before, after = run.words / total, (run.words + len(words)) / total
            rates = rate_at(plan.settings, before), rate_at(plan.settings, after)
            seconds, cpu_s = take_step(step, model, (words, starts), rates, plan.implementation.adapt)
            run.seconds, run.cpu_s, run.words = run.seconds + seconds, run.cpu_s + cpu_s, run.words + len(words)
            if passed := {place for place in places if place <= run.words}:
                places -= passed
                loss = noise_loss(np.asarray(model.W_in), np.asarray(model.W_out), *held_out_text, counts, plan.K)
                if loss is not None:
                    run.curve.append((run.words, loss))
            note(run)
    return run


def start_model(plan: TrainingPlan, corpus: Corpus) -> tuple[Function, Any]:
    """Make a model, and return the implementation's compiled step and the model."""
    counts = corpus.expected_counts(plan.V)
    problem = training_problem(plan.size, counts, [], np.random.default_rng(plan.seed), plan.settings)
    step, (model,) = plan.implementation.start(problem)
    return step, model


def take_step(
    step: Function, model: Any, piece: tuple[Ints, Ints], rates: tuple[float, float], adapt: Adapt | None
) -> tuple[float, float]:
    """Take one training step and return its wall and CPU seconds. Adapting the piece is not timed.

    rates: learning rate at the start and at the end of the step.
    """
    model.alpha = sum(rates) / 2
    if has_attribute(model, "rates"):
        model.rates = rates
    arguments = adapt_batch(adapt, (model,), piece)
    started, cpu = time.perf_counter(), time.process_time()
    step(*arguments, model)
    return time.perf_counter() - started, time.process_time() - cpu


def pace(plan: TrainingPlan, corpus: Corpus) -> float:
    """Measure the words that a step trains on a second. Steps grow until one takes LONG_STEP_S or is as large as a run's."""
    step, model = start_model(plan, corpus)
    lines, step_words = lines_of(corpus), LEAST_PIECE
    while True:
        piece = next(pieces(corpus, lines, step_words))
        seconds, _ = take_step(step, model, piece, (plan.settings.alpha,) * 2, plan.implementation.adapt)
        words = len(piece[0])
        if seconds > LONG_STEP_S or words >= min(PIECE, len(corpus.ids)):
            return words / seconds
        step_words *= 4


def rate_at(settings: Settings, done: float) -> float:
    """Return the learning rate once a share of a run is done. It falls linearly to min_alpha."""
    return settings.alpha - (settings.alpha - settings.min_alpha) * min(1.0, done)


def text_of(corpus: Corpus, lines: Lines) -> tuple[Ints, Ints]:
    """Return the words of some lines in one piece."""
    return next(pieces(corpus, lines, 1 << 62), (np.empty(0, np.int32), np.zeros(1, np.int64)))


def most_frequent(corpus: Corpus, V: int) -> Corpus:
    """Return a corpus with only its V most frequent words."""
    inside = corpus.ids < V
    kept_before = np.concatenate([[0], np.cumsum(inside)])
    starts = kept_before[corpus.starts]
    lengths = np.diff(np.append(starts, kept_before[-1]))
    return replace(corpus, counts=corpus.counts[:V], ids=corpus.ids[inside], starts=starts[lengths > 0])
