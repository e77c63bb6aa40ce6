"""The implementations that train batch by batch, in five stages. Each stage is one of the other kernels.

A batch is 100 words with their windows, or 50. ``lookup`` gets rows of W_in for the inputs. ``sampling`` draws negatives.
``output`` computes the gradients of the loss. ``scatter`` turns gradients of rows into one of W_in, and one of W_out where
that comes as rows. ``update`` is the optimizer. An implementation is a choice of the five; the step is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from time import perf_counter_ns
from typing import Any

import numpy as np

from ..corpus.words import Ints
from ..interface import Array, Problem
from ..output.negative_sampling import book_layers, matmul_rows
from ..output.softmax import full
from ..parts.random import alias_table
from ..sampling.with_replacement import alias
from ..sampling.without_replacement import choice_per_row
from ..scatter.dense import add_at
from ..scatter.rows import csr
from ..update.contract import BETA1, BETA2, EPSILON, rate
from ..update.lazy_adam import all_rows
from .contract import initial
from .pairs import examples, keep_probability, windows
from .settings import Settings

BATCH = 100
"""The book's batch, in words."""
STAGES = ("lookup", "sampling", "output", "scatter", "update")

Gradient = Array | tuple[Array, Array]


@dataclass(frozen=True)
class Stages:
    """The functions of an implementation's stages. Each gets the model as its first argument."""

    lookup: Callable[[StagedModel, Array, Ints], Array]  # (model, W, idx (n,)) -> rows (n, H)
    sampling: Callable[[StagedModel, Ints], Ints | None]  # (model, targets (n,)) -> negatives (n, K), or None
    # (model, h, targets, negatives) -> dh and a gradient of W_out
    output: Callable[[StagedModel, Array, Ints, Ints | None], tuple[Array, Gradient]]
    scatter: Callable[[StagedModel, Array, Ints], Gradient]  # (model, dout (n, H), idx (n,)) -> a gradient of W_in
    # (model, table, gradient) takes a step; table is "in" or "out"
    update: Callable[[StagedModel, str, Gradient], None]
    like_word2vec: bool = False  # whether tables start as word2vec's, and CBOW moves each row by the whole change
    # Words per batch. Plain descent sums changes that were computed independently, and diverges where the full windows
    # of a hundred words hit the same few rows.
    batch: int = BATCH

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        stages = (self.lookup, self.sampling, self.output, self.scatter, self.update)
        return tuple(function for function in stages if function is not no_negatives)


class StagedModel:
    """Two tables, trained by a choice of stages. ``stage_ns`` has the nanoseconds in each stage so far."""

    def __init__(self, problem: Problem, stages: Stages, skip_gram: bool) -> None:
        size, inputs = problem.size, problem.inputs
        self.choice, self.skip_gram, self.K = stages, skip_gram, size.K
        self.settings: Settings = inputs["settings"]
        self.alpha = self.settings.alpha
        self.rng = np.random.default_rng(inputs["seed"])
        self.sparse = import_module("scipy.sparse")
        self.keep = keep_probability(inputs["counts"], self.settings.sample)
        law = inputs["counts"] ** self.settings.power
        self.p = law / law.sum()
        self.aliases = alias_table(self.p)
        shape = size.V, size.H
        if stages.like_word2vec:
            self.W_in, self.W_out = initial(problem), np.zeros(shape, np.float32)
        else:  # the book's
            self.W_in, self.W_out = (self.rng.standard_normal(shape, np.float32) * np.float32(0.01) for _ in range(2))
        self.buffers: dict[str, Array] = {}
        self.t = self.examples_in_batch = 0
        self.stage_ns = dict.fromkeys(STAGES, 0)
        self.one_hot = np.zeros((0, 0), np.float32)

    def buffer(self, name: str) -> Array:
        """Return a named table of W's shape, zeros at first, for moments and gradients."""
        if name not in self.buffers:
            self.buffers[name] = np.zeros_like(self.W_in)
        return self.buffers[name]

    def step(self, words: Ints, starts: Ints) -> StagedModel:
        """Train on some lines."""
        for inputs, targets, counts in self.examples(words, starts):
            self.learn(inputs, targets, counts)
        return self

    def stages(self, words: Ints, starts: Ints) -> dict[str, float]:
        """Take a step, and return the seconds in each stage. ``examples`` is the rest: finding examples in the text."""
        before, began = dict(self.stage_ns), perf_counter_ns()
        self.step(words, starts)
        total = perf_counter_ns() - began
        stage_ns = {stage: self.stage_ns[stage] - before[stage] for stage in STAGES}
        return {stage: ns / 1e9 for stage, ns in {"examples": total - sum(stage_ns.values()), **stage_ns}.items()}

    def learn(self, inputs: Ints, targets: Ints, counts: Ints) -> None:
        """Train on a batch.

        Parameters
        ----------
        inputs
            Ids of rows of W_in, (r,).
        targets
            Ids of rows of W_out, (n,).
        counts
            How many inputs each target has, (n,), at least one.
        """
        stages, one_input = self.choice, len(inputs) == len(targets)
        self.t, self.examples_in_batch = self.t + 1, len(targets)
        marks = [perf_counter_ns()]
        h = stages.lookup(self, self.W_in, inputs)
        if not one_input:
            share, ends = 1 / counts.astype(np.float32), np.append(0, np.cumsum(counts))
            h = self.sparse.csr_matrix((np.repeat(share, counts), np.arange(len(inputs)), ends)) @ h
        marks.append(perf_counter_ns())
        negatives = stages.sampling(self, targets)
        marks.append(perf_counter_ns())
        dh, output_gradient = stages.output(self, h, targets, negatives)
        marks.append(perf_counter_ns())
        if not one_input:  # word2vec moves each row by all of dh
            dh = np.repeat(dh if stages.like_word2vec else dh * share[:, None], counts, axis=0)
        input_gradient = stages.scatter(self, dh, inputs)
        if isinstance(output_gradient, tuple):
            output_gradient = csr(output_gradient[1], output_gradient[0], self.sparse)
        marks.append(perf_counter_ns())
        stages.update(self, "in", input_gradient)
        stages.update(self, "out", output_gradient)
        marks.append(perf_counter_ns())
        for stage, begin, end in zip(STAGES, marks, marks[1:], strict=False):
            self.stage_ns[stage] += end - begin

    def examples(self, words: Ints, starts: Ints) -> Iterator[tuple[Ints, Ints, Ints]]:
        """Yield batches of inputs, targets, and how many inputs each target has.

        CBOW predicts a word from the mean of its window; skip-gram predicts each word of a window from its centre.
        """
        words, line, reach = examples(words, starts, self.keep, self.settings, self.rng)
        for first in range(0, len(words), self.choice.batch):
            centres = np.arange(first, min(first + self.choice.batch, len(words)))
            contexts, counts = windows(line, centres, reach[centres])
            if not len(contexts):
                continue
            if self.skip_gram:
                yield np.repeat(words[centres], counts), words[contexts], np.ones_like(contexts)
            else:
                yield words[contexts], words[centres[counts > 0]], counts[counts > 0]


# lookup


def one_hot_rows(model: StagedModel, W: Array, idx: Ints) -> Array:
    """Multiply one-hot rows by W, as in chapter 3. The one-hot rows are stored, since the gradient needs them too."""
    model.one_hot = np.zeros((len(idx), len(W)), W.dtype)
    model.one_hot[np.arange(len(idx)), idx] = 1
    return np.asarray(model.one_hot @ W)


def gathered_rows(model: StagedModel, W: Array, idx: Ints) -> Array:
    return np.asarray(W[idx])


# sampling


def no_negatives(model: StagedModel, targets: Ints) -> None:
    return None


def chosen_negatives(model: StagedModel, targets: Ints) -> Ints:
    """Call np.random.choice for every row, as the book does."""
    return np.asarray(choice_per_row(targets, model.K, model.p, model.rng))


def alias_negatives(model: StagedModel, targets: Ints) -> Ints:
    return np.asarray(alias(targets, model.K, model.p, model.rng, model.aliases))


# output


def full_softmax(model: StagedModel, h: Array, targets: Ints, negatives: Ints | None) -> tuple[Array, Gradient]:
    _, dh, dW = full(h, model.W_out, targets)
    return dh, dW


def negative_layers(model: StagedModel, h: Array, targets: Ints, negatives: Ints | None) -> tuple[Array, Gradient]:
    """Run the book's K + 1 layers."""
    buffers = model.buffer("gradient of W_out"), model.buffer("gradient of a layer")
    _, dh, dW = book_layers(h, model.W_out, targets, negatives, buffers)
    return dh, dW


def negative_rows(model: StagedModel, h: Array, targets: Ints, negatives: Ints | None) -> tuple[Array, Gradient]:
    _, dh, gradient = matmul_rows(h, model.W_out, targets, negatives)
    return dh, gradient


# scatter


def one_hot_product(model: StagedModel, dout: Array, idx: Ints) -> Array:
    """Multiply the transposed one-hot rows by the gradient, as in chapter 3."""
    return np.asarray(model.one_hot.T @ dout)


def dense_gradient(model: StagedModel, dout: Array, idx: Ints) -> Array:
    dW = model.buffer("gradient of W_in")
    add_at(dout, idx, dW)
    return dW


def gradient_rows(model: StagedModel, dout: Array, idx: Ints) -> tuple[Array, Array]:
    rows: tuple[Array, Array] = csr(dout, idx, model.sparse)
    return rows


# update


def dense_adam(model: StagedModel, table: str, gradient: Gradient) -> None:
    """Take a step of the book's optimizer over the whole table."""
    assert not isinstance(gradient, tuple)
    W, m, v = (model.W_in if table == "in" else model.W_out), model.buffer(f"m {table}"), model.buffer(f"v {table}")
    m += (1 - BETA1) * (gradient - m)
    v += (1 - BETA2) * (gradient**2 - v)
    W -= rate(model.t) * m / (np.sqrt(v) + EPSILON)


def lazy_adam(model: StagedModel, table: str, gradient: Gradient) -> None:
    assert isinstance(gradient, tuple)
    W = model.W_in if table == "in" else model.W_out
    all_rows(W, model.buffer(f"m {table}"), model.buffer(f"v {table}"), *gradient, model.t)


def descent(model: StagedModel, table: str, gradient: Gradient) -> None:
    """Take a step at word2vec's rate for each example of the batch. Gradients are of the mean loss."""
    assert isinstance(gradient, tuple)
    rows, values = gradient
    W = model.W_in if table == "in" else model.W_out
    W[rows] -= np.float32(model.alpha * model.examples_in_batch) * values


CHAPTER_3 = Stages(one_hot_rows, no_negatives, full_softmax, one_hot_product, dense_adam)
CHAPTER_4_1 = Stages(gathered_rows, no_negatives, full_softmax, dense_gradient, dense_adam)
CHAPTER_4_2 = Stages(gathered_rows, chosen_negatives, negative_layers, dense_gradient, dense_adam)
SPARSE = Stages(gathered_rows, alias_negatives, negative_rows, gradient_rows, lazy_adam)
BATCHED = Stages(gathered_rows, alias_negatives, negative_rows, gradient_rows, descent, like_word2vec=True, batch=50)
