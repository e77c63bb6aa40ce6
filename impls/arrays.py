"""Arrays: their type, and how tables are filled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def resident_zeros(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return zeros whose pages are in memory already. After np.zeros, the first call would pay for the page faults."""
    array = np.empty(shape, dtype)
    array.fill(0)
    return array


def normals(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any], scale: float = 0.01) -> Array:
    """Draw normal numbers. Tables of over 300,000 entries repeat a block of rows: drawing them all takes seconds."""
    rows = shape[0]
    width = int(np.prod(shape[1:], dtype=np.int64))
    block = min(rows, max(1, 300_007 // max(1, width)))
    drawn = rng.standard_normal((block, *shape[1:]), dtype.type)
    drawn *= dtype.type(scale)
    if block == rows:
        return drawn
    table = np.empty(shape, dtype)
    for start in range(0, rows, block):
        table[start : start + block] = drawn[: min(block, rows - start)]
    return table
