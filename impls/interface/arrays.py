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


def aligned(rows: int, width: int, dtype: Any = np.float32) -> Array:
    """Return zeros (rows, width) that begin at a cache line."""
    item = np.dtype(dtype).itemsize
    raw = resident_zeros((rows * width + 64 // item,), np.dtype(dtype))
    skip = -raw.ctypes.data % 64 // item
    return raw[skip : skip + rows * width].reshape(rows, width)
