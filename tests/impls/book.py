"""What the book has around its layers: contexts and targets, optimizers, and the loop of its Trainer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from w2vbench.impls import layers
from w2vbench.impls.interface import Array

SENTENCE = np.array([0, 1, 2, 3, 4, 1, 5, 6])  # you say goodbye and i say hello .
MODELS = ("SimpleCBOW", "CBOW", "SkipGram")


def corpus_of(V: int, length: int) -> Array:
    """Word ids that all occur, frequent ones often."""
    rng = np.random.default_rng(0)
    ids = np.concatenate([np.arange(V), np.floor(V * rng.random(length - V) ** 3).astype(np.int64)])
    return np.asarray(rng.permutation(ids))


def windows(corpus: Array, window: int) -> tuple[Array, Array]:
    """The book's create_contexts_target: contexts (n, 2 * window) and targets (n,)."""
    spans = np.lib.stride_tricks.sliding_window_view(corpus, 2 * window + 1)
    return np.delete(spans, window, axis=1), corpus[window:-window]


def small(name: str, H: int = 4) -> tuple[Any, Array, Array]:
    """A model of the sentence's seven words, and its contexts and targets: one-hot in chapter 3."""
    contexts, target = windows(SENTENCE, 1)
    if name == "SimpleCBOW":
        return layers.SimpleCBOW(7, H), np.eye(7, dtype=np.int32)[contexts], np.eye(7, dtype=np.int32)[target]
    return getattr(layers, name)(7, H, 1, SENTENCE), contexts, target


class SGD:
    def update(self, params: list[Array], grads: list[Array]) -> None:
        for W, dW in zip(params, grads, strict=True):
            W -= dW


@dataclass
class Adam:
    steps: int = 0
    moments: dict[int, tuple[Array, Array]] = field(default_factory=dict)

    def update(self, params: list[Array], grads: list[Array]) -> None:
        self.steps += 1
        rate = 0.001 * math.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps)
        for i, (W, dW) in enumerate(zip(params, grads, strict=True)):
            m, v = self.moments.setdefault(i, (np.zeros_like(W), np.zeros_like(W)))
            m += 0.1 * (dW - m)
            v += 0.001 * (dW * dW - v)
            W -= rate * m / (np.sqrt(v) + 1e-7)


def remove_duplicate(params: list[Array], grads: list[Array]) -> tuple[list[Array], list[Array]]:
    """Each shared matrix once, and the gradients of its sharers added into the first one's in place."""
    kept: dict[int, tuple[Array, Array]] = {}
    for W, dW in zip(params, grads, strict=True):
        if id(W) in kept:
            kept[id(W)][1][...] += dW
        else:
            kept[id(W)] = W, dW
    return [W for W, _ in kept.values()], [dW for _, dW in kept.values()]


def batches(contexts: Array, target: Array, epochs: int, batch: int) -> Iterator[tuple[Array, Array]]:
    """Contexts and targets of each step of the book's Trainer.fit, which shuffles them in every epoch."""
    for _ in range(epochs):
        order = np.random.permutation(len(contexts))
        contexts, target = contexts[order], target[order]
        for start in range(0, len(contexts) // batch * batch, batch):
            yield contexts[start : start + batch], target[start : start + batch]


def train(model: Any, optimizer: Any, contexts: Array, target: Array, epochs: int, batch: int) -> list[float]:
    """The loop of the book's Trainer.fit: the loss of every step."""
    losses = []
    for arguments in batches(contexts, target, epochs, batch):
        losses.append(model.forward(*arguments))
        model.backward()
        optimizer.update(*remove_duplicate(model.params, model.grads))
    return [float(loss) for loss in losses]
