"""Results compared with what they must be, and both as text."""

from __future__ import annotations

from typing import Any

import numpy as np
from w2vbench.impls.interface import Array

CLOSE, TINY = 2e-4, 1e-6
"""Relative to a number and to the largest one, and absolute: float32 and the book's 1e-7 inside of the logarithm stay far below,
and any mistake far above."""


def as_numbers(value: Any) -> Array | None:
    """Return a result in float64; None if it is no number and no array of them."""
    try:
        array = np.asarray(value)
    except Exception:
        return None
    return array.astype(np.float64) if array.dtype.kind in "fiub" else None


def close(got: Array, want: Array) -> bool:
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
