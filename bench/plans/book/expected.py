"""What the book's layers must give, in float64 and from the formulas alone; how near a result must be, and both as text."""

from __future__ import annotations

from typing import Any

import numpy as np
from w2vbench.impls.interface import Array

CLOSE, TINY = 2e-4, 1e-6
"""Relative to a number and to the largest one, and absolute: float32 and the book's 1e-7 inside of the logarithm stay far below,
and any mistake far above."""


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


def as_numbers(value: Any) -> Array | None:
    """Return a result in float64; None if it is no number and no array of them."""
    try:
        array = np.asarray(value)
    except Exception:
        return None
    return array.astype(np.float64) if array.dtype.kind in "fiub" else None


def close(got: Array, want: Any) -> bool:
    want = np.asarray(want, np.float64)
    return got.shape == want.shape and bool(np.all(np.abs(got - want) <= allowed(want)))


def allowed(want: Array) -> Array:
    return np.asarray(CLOSE * (np.abs(want) + np.abs(want).max(initial=0)) + TINY)


def difference(what: str, got: Array, want: Array) -> str:
    """Return a part of a result that is wrong, and what it must be: ``dW[1] is [5, 6], not [6, 8]``."""
    if got.shape != want.shape:
        return f"{what} has shape {got.shape}, not {want.shape}"
    if not want.shape:
        return f"{what} is {got:.4g}, not {want:.4g}"
    off = ~(np.abs(got - want) <= allowed(want))
    row = int(np.flatnonzero(off.reshape(len(off), -1).any(axis=1))[0])
    return f"{what}[{row}] is {shown(got[row])}, not {shown(want[row])}"


def shown(array: Any) -> str:
    """Return numbers as nested lists, with four digits."""
    if np.ndim(array):
        return f"[{', '.join(map(shown, array))}]"
    return f"{array:.4g}" if np.asarray(array).dtype.kind == "f" else str(array)


def inputs(**named: Any) -> str:
    """Return an example's inputs as text: ``idx = [1, 0, 1], dout = [[1, 2], …]``."""
    return ", ".join(f"{name} = {shown(value)}" for name, value in named.items())
