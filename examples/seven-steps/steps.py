"""word2vec made fast in seven steps: CBOW from chapter 3 of *Deep Learning from Scratch 2* to a compiled loop.

Each class is the one before it with one thing done otherwise, in some ten lines. ``docs/seven-steps.md`` tells the story:

    w2vbench run --kernel training.cbow --impl examples/seven-steps/steps.py --only 'step-*'

All learn by word2vec's plain gradient descent, so that a step's gain is its own. W_in and W_out are (V, H) float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from w2vbench.impls.parts.random import alias_table
from w2vbench.impls.training.contract import initial
from w2vbench.impls.training.implementations import cbow
from w2vbench.impls.training.pairs import examples, keep_probability, windows

BATCH = 50
"""Words that are learnt together. More would add up changes that were computed without each other, and diverge."""


class Start:
    """Chapter 3: one-hot rows, a softmax over all V words, and a gradient for every row of both tables."""

    def __init__(self, problem: Any) -> None:
        self.settings, counts = problem.inputs["settings"], problem.inputs["counts"]
        self.rng = np.random.default_rng(problem.inputs["seed"])
        self.alpha, self.K = self.settings.alpha, problem.size.K
        self.keep = keep_probability(counts, self.settings.sample)
        self.p = counts**self.settings.power / (counts**self.settings.power).sum()
        self.W_in, self.W_out = initial(problem), np.zeros((problem.size.V, problem.size.H), np.float32)

    def step(self, words: Any, starts: Any) -> None:
        """Learn from some lines, word by word the centre: a batch is its targets (n,) and all their contexts, one after the other."""
        words, line, reach = examples(words, starts, self.keep, self.settings, self.rng)
        for first in range(0, len(words), BATCH):
            centres = np.arange(first, min(first + BATCH, len(words)))
            contexts, counts = windows(line, centres, reach[centres])
            if len(contexts):
                self.learn(words[contexts], words[centres[counts > 0]], counts[counts > 0])

    def learn(self, contexts: Any, targets: Any, counts: Any) -> None:
        """Predict each target from the mean of its contexts' rows, and change both tables by the gradient."""
        rows = self.lookup(contexts)
        h = np.add.reduceat(rows, np.cumsum(counts) - counts) / counts[:, None].astype(np.float32)
        dh = self.output(h, targets)
        self.change_in(contexts, np.repeat(dh, counts, axis=0))

    # [0]
    def lookup(self, contexts: Any) -> Any:
        self.one_hot = np.zeros((len(contexts), len(self.W_in)), np.float32)
        self.one_hot[np.arange(len(contexts)), contexts] = 1
        return self.one_hot @ self.W_in

    def output(self, h: Any, targets: Any) -> Any:
        p = np.exp(h @ self.W_out.T)
        p /= p.sum(axis=1, keepdims=True)
        p[np.arange(len(targets)), targets] -= 1
        dh, dW = p @ self.W_out, p.T @ h
        self.W_out -= np.float32(self.alpha) * dW
        return dh

    def change_in(self, contexts: Any, dout: Any) -> None:
        dW = self.one_hot.T @ dout
        self.W_in -= np.float32(self.alpha) * dW

    # [/]


# [1]
class Gather(Start):
    def lookup(self, contexts: Any) -> Any:
        return self.W_in[contexts]

    def change_in(self, contexts: Any, dout: Any) -> None:
        dW = np.zeros_like(self.W_in)
        np.add.at(dW, contexts, dout)
        self.W_in -= np.float32(self.alpha) * dW

    # [/]


# [2]
class Negatives(Gather):
    def output(self, h: Any, targets: Any) -> Any:
        words = np.c_[targets, self.negatives(targets)]  # (n, K + 1): the right answer first
        labels = np.arange(words.shape[1]) == 0
        scores = np.einsum("nh,nkh->nk", h, self.W_out[words])
        slopes = (1 / (1 + np.exp(-scores)) - labels).astype(np.float32)
        dh = np.einsum("nk,nkh->nh", slopes, self.W_out[words])
        self.change_out(words, slopes[:, :, None] * h[:, None])
        return dh

    def negatives(self, targets: Any) -> Any:
        drawn = np.empty((len(targets), self.K), targets.dtype)
        for i, target in enumerate(targets):
            p = self.p.copy()
            p[target] = 0
            drawn[i] = self.rng.choice(len(p), size=self.K, replace=False, p=p / p.sum())
        return drawn

    def change_out(self, words: Any, gradients: Any) -> None:
        dW = np.zeros_like(self.W_out)
        np.add.at(dW, words, gradients)
        self.W_out -= np.float32(self.alpha) * dW

    # [/]


# [3]
class DrawnAtOnce(Negatives):
    def __init__(self, problem: Any) -> None:
        super().__init__(problem)
        self.sums = np.cumsum(self.p)

    def negatives(self, targets: Any) -> Any:
        points = self.rng.random((len(targets), self.K)) * self.sums[-1]
        drawn = np.searchsorted(self.sums, points, side="right")
        while len(again := np.flatnonzero((drawn == targets[:, None]).any(axis=1))):
            drawn[again] = self.negatives(targets[again])
        return drawn

    # [/]


# [4]
class RowsOnly(DrawnAtOnce):
    def change_in(self, contexts: Any, dout: Any) -> None:
        np.subtract.at(self.W_in, contexts, np.float32(self.alpha) * dout)

    def change_out(self, words: Any, gradients: Any) -> None:
        np.subtract.at(self.W_out, words, np.float32(self.alpha) * gradients)

    # [/]


# [5]
class SortedSums(RowsOnly):
    def change_in(self, contexts: Any, dout: Any) -> None:
        rows, sums = self.summed(contexts, dout)
        self.W_in[rows] -= np.float32(self.alpha) * sums

    def change_out(self, words: Any, gradients: Any) -> None:
        rows, sums = self.summed(words.ravel(), gradients.reshape(words.size, -1))
        self.W_out[rows] -= np.float32(self.alpha) * sums

    def summed(self, words: Any, gradients: Any) -> Any:
        order = np.argsort(words, kind="stable")
        rows, first = np.unique(words[order], return_index=True)
        return rows, np.add.reduceat(gradients[order], first)

    # [/]


# [6]
@njit
def by_search(table, rng):  # type: ignore[no-untyped-def]
    return np.searchsorted(table[0], rng.random() * table[0][-1], side="right")


@njit(fastmath=True)
def learn_all(words, line, reach, W_in, W_out, draw, table, K, alpha, rng):  # type: ignore[no-untyped-def]
    one = np.float32(1)
    for at in range(len(words)):
        low, high = max(0, at - reach[at]), min(len(words), at + reach[at] + 1)
        h, dh = np.zeros(W_in.shape[1], np.float32), np.zeros(W_in.shape[1], np.float32)
        count = np.float32(0)
        for i in range(low, high):
            if i != at and line[i] == line[at]:
                h += W_in[words[i]]
                count += one
        h /= max(count, one)
        for k in range(K + 1 if count else 0):
            word = words[at]
            while k > 0 and word == words[at]:
                word = draw(table, rng)
            row, score = W_out[word], np.float32(0)
            for j in range(len(h)):
                score += h[j] * row[j]
            slope = alpha * (np.float32(k == 0) - one / (one + np.exp(-score)))
            for j in range(len(h)):
                dh[j] += slope * row[j]
                row[j] += slope * h[j]
        for i in range(low, high):
            if i != at and line[i] == line[at]:
                W_in[words[i]] += dh


class Compiled(SortedSums):
    draw = staticmethod(by_search)

    def __init__(self, problem: Any) -> None:
        super().__init__(problem)
        self.table: tuple[Any, ...] = (self.sums,)

    def step(self, words: Any, starts: Any) -> None:
        text = examples(words, starts, self.keep, self.settings, self.rng)
        alpha = np.float32(self.alpha)
        learn_all(*text, self.W_in, self.W_out, self.draw, self.table, self.K, alpha, self.rng)

    # [/]


# [7]
@njit
def by_alias(table, rng):  # type: ignore[no-untyped-def]
    place = rng.random() * len(table[0])
    word = int(place)
    return word if place - word < table[0][word] else table[1][word]


class Alias(Compiled):
    draw = staticmethod(by_alias)

    def __init__(self, problem: Any) -> None:
        super().__init__(problem)
        self.table = alias_table(self.p)

    # [/]


STEPS = {
    "step-0": (Start, "chapter 3: one-hot rows, full softmax"),
    "step-1": (Gather, "rows by index"),
    "step-2": (Negatives, "negative sampling"),
    "step-3": (DrawnAtOnce, "all negatives drawn at once"),
    "step-4": (RowsOnly, "only rows that occur"),
    "step-5": (SortedSums, "sums of sorted rows"),
    "step-6": (Compiled, "one compiled loop"),
    "step-7": (Alias, "negatives by alias table"),
}


def trained(words: Any, starts: Any, model: Any) -> Any:
    model.step(words, starts)
    return model


STEP_0, STEP_1, STEP_2, STEP_3, STEP_4, STEP_5, STEP_6, STEP_7 = (
    cbow.implementation(
        slug,
        title,
        prepare=model,
        source_functions=(model.learn, model.lookup, model.output, model.change_in),
        requires=("numba",) if issubclass(model, Compiled) else (),
        differs="K negatives a target, descent at word2vec's rate"
        if slug > "step-1"
        else "full softmax, plain descent",
    )(trained)
    for slug, (model, title) in STEPS.items()
)
