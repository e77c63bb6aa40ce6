"""What the book's layers must give, in float64 and from the formulas alone: pure functions of small arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from w2vbench.impls.interface import Array


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.asarray(x, np.float64))))


def softmax(x: Array) -> Array:
    powers = np.exp(np.asarray(x, np.float64) - np.max(x, axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def added(V: int, idx: Array, rows: Array) -> Array:
    """Return zeros (V, H) to which rows (n, H) are added at idx (n,)."""
    dW = np.zeros((V, rows.shape[1]))
    for word, row in zip(idx, rows, strict=True):
        dW[word] += row
    return dW


def one_hot(ids: Array, V: int) -> Array:
    return np.eye(V, dtype=np.int32)[ids]


def binary_loss(x: Array, t: Array) -> float:
    """Return the mean of -(t log y + (1 - t) log(1 - y)) with y = sigmoid(x)."""
    x = np.asarray(x, np.float64)
    return float(np.mean(np.logaddexp(0, x) - t * x))


def softmax_loss(x: Array, ids: Array) -> float:
    """Return the mean of -log softmax(x)[ids]."""
    return float(-np.mean(np.log(softmax(x)[np.arange(len(ids)), ids])))


@dataclass(frozen=True)
class Step:
    """A loss with its gradients: of h, and of the output matrix. Each is of one layer: rows sum over them."""

    losses: Array
    dh: Array
    dW: Array  # noqa: N815 - the field's name for the gradient of W


def negative_sampling(h: Array, W: Array, words: Array, labels: Array) -> Step:
    """Return what K + 1 layers give, one a column of words (B, K + 1), with the answers labels (K + 1,).

    Losses are (K + 1,), dh is (K + 1, B, H), and dW is (K + 1, V, H).
    """
    h, W = np.asarray(h, np.float64), np.asarray(W, np.float64)
    losses, dh, dW = [], [], []
    for column, label in zip(words.T, labels, strict=True):
        score = np.sum(h * W[column], axis=1)
        dscore = (sigmoid(score) - label)[:, None] / len(h)
        losses.append(binary_loss(score, np.full(len(h), label)))
        dh.append(dscore * W[column])
        dW.append(added(len(W), column, dscore * h))
    return Step(np.array(losses), np.array(dh), np.array(dW))


def output_softmax(h: Array, W: Array, ids: Array) -> Step:
    """Return chapter 3's output layer: h (B, H), W (H, V) and target ids, as one layer."""
    h, W = np.asarray(h, np.float64), np.asarray(W, np.float64)
    dscore = (softmax(h @ W) - one_hot(ids, W.shape[1])) / len(h)
    return Step(np.array([softmax_loss(h @ W, ids)]), (dscore @ W.T)[None], (h.T @ dscore)[None])


def law(counts: Sequence[int], power: float, target: int) -> Array:
    """Return the probabilities of one negative beside a target."""
    p = np.array(counts, np.float64) ** power
    p[target] = 0
    return np.asarray(p / p.sum())
