"""What the compiled implementations with shared negatives have in common: scores and gradients of some rows of h at a time.

TILE rows of h are scored against their targets and the negatives, then have all their exponentials in vectors, then their
gradients. These rows, the negatives, and the sums of the negatives' gradients stay in the nearest cache.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..compiling.intrinsics.products import row_units
from ..compiling.intrinsics.rows import copy_row, prefetch_row
from ..compiling.intrinsics.shared_products import pair_gradients, pair_scores, shared_blocks
from ..interface import Array, Implementation, Kernel, Problem
from ..interface.arrays import aligned
from .candidates import softplus_all

TILE = 16
"""Rows of h in a tile: whole vectors of scores."""


class SharedBuffers(NamedTuple):
    """Arrays that a compiled implementation writes to. Shared negatives are padded to whole blocks, K to K'."""

    dh: Array  # gradient of h, (B, H)
    # Gradient of W_out: rows (B + K',) and their values (B + K', H). Targets come first, then the negatives.
    words: Array
    values: Array
    tile: Array  # Scores of a tile, then the derivatives of the loss by them: (1 + K', TILE). Targets come first.
    high: tuple[int, ...]  # a block of shared negatives, from ``shared_blocks``
    # h as ``row_units`` divides it
    whole: tuple[int, ...]
    rest: tuple[int, ...]


def shared_buffers(problem: Problem) -> SharedBuffers:
    """Return buffers for the gradients of the targets and of the shared negatives."""
    size, dtype = problem.size, problem.size.float_type
    high, shared = shared_blocks(size.K)
    dh, values = (np.empty((rows, size.H), dtype) for rows in (size.B, size.B + shared))
    words, tile = np.empty(size.B + shared, size.index_type), aligned(1 + shared, TILE, dtype)
    return SharedBuffers(dh, words, values, tile, high, *row_units(size.H, dtype.itemsize))


def begin_pass(W_out: Array, target: Array, negatives: Array, buffers: SharedBuffers) -> None:
    """Write the words, zero the sums of the negatives' gradients, and prefetch the first targets."""
    words, values, n = buffers.words, buffers.values, len(target)
    for b in range(n):
        words[b] = target[b]
    for b in range(min(TILE, n)):
        prefetch_row(W_out, words[b])
    for k in range(n, len(words)):
        words[k] = negatives[min(k - n, len(negatives) - 1)]
        for j in range(values.shape[1]):
            values[k, j] = 0


def tile_scores(start: int, h: Array, W_out: Array, buffers: SharedBuffers) -> None:
    """Write a tile's scores with its targets and the shared negatives, and prefetch the next tile's targets."""
    _, words, _, tile, high, whole, rest = buffers
    n = len(h)
    for b in range(start, min(start + TILE, n), 2):
        pair = b, min(b + 1, n - 1)
        for ahead in range(b + TILE, min(b + TILE + 2, n)):
            prefetch_row(W_out, words[ahead])
        pair_scores(tile, h, pair, W_out, words, n, (1, b - start), (0,), high, whole, rest)
        for k in range(len(high), len(words) - n, len(high)):
            pair_scores(tile, h, pair, W_out, words, n + k, (1 + k, b - start), (), high, whole, rest)


def tile_gradients(start: int, h: Array, W_out: Array, buffers: SharedBuffers) -> None:
    """Turn a tile's slopes into gradients: its dh, its targets' gradients, and its share of the negatives' gradients."""
    dh, words, values, tile, high, whole, rest = buffers
    n = len(h)
    for b in range(start, min(start + TILE, n), 2):
        pair = b, min(b + 1, n - 1)
        pair_gradients(dh, values, h, pair, W_out, words, n, tile, (1, b - start), (0,), high, whole, rest)
        for k in range(len(high), len(words) - n, len(high)):
            place = 1 + k, b - start
            pair_gradients(dh, values, h, pair, W_out, words, n + k, tile, place, (), high, whole, rest)


def subtract_offsets(start: int, target_offset: Array, offsets: Array, buffers: SharedBuffers) -> None:
    """Subtract ``target_offset`` (B,) and ``offsets`` (K,) from a tile's scores with targets and negatives."""
    tile = buffers.tile
    for r in range(min(TILE, len(target_offset) - start)):
        tile[0, r] -= target_offset[start + r]
    for c in range(len(offsets)):
        for r in range(TILE):
            tile[1 + c, r] -= offsets[c]


def leave_out(count: int, K: int, buffers: SharedBuffers) -> None:
    """Set scores to -inf where there is no candidate: after a tile's first ``count`` rows of h, and after K negatives."""
    tile = buffers.tile
    for c in range(1 + K, len(tile)):
        for r in range(TILE):
            tile[c, r] = -np.inf
    for r in range(count, TILE):
        for c in range(len(tile)):
            tile[c, r] = -np.inf


def tile_logistic(start: int, n: int, K: int, product: float, buffers: SharedBuffers) -> tuple[float, float]:
    """Turn a tile's scores into slopes of the mean of n rows' losses: each candidate is a question of its own.

    ``product`` and results are those of ``softplus_all``, of which this is the form for a tile.
    """
    tile = buffers.tile
    for r in range(TILE):
        tile[0, r] = -tile[0, r]
    leave_out(n - start, K, buffers)
    loss, product = softplus_all(tile, tile.size, tile.dtype.type(1 / n), product)
    for r in range(TILE):
        tile[0, r] = -tile[0, r]
    return loss, product


# what any implementation must move


AHEAD = 8
"""How many rows ahead to prefetch."""


def shared_rows(problem: Problem) -> Array:
    """Return a buffer with a row for each target and each shared negative."""
    size = problem.size
    return np.empty((size.B + size.K, size.H), size.float_type)


def shared_read(W_out: Array, target: Array, negatives: Array, values: Array) -> None:
    n = len(target)
    for b in range(n):
        copy_row(values, b, W_out, target[b])
    for k in range(len(negatives)):
        copy_row(values, n + k, W_out, negatives[k])


def shared_read_ahead(W_out: Array, target: Array, negatives: Array, values: Array) -> None:
    n = len(target)
    for k in range(len(negatives)):
        prefetch_row(W_out, negatives[k])
    for b in range(-AHEAD, n):
        if b + AHEAD < n:
            prefetch_row(W_out, target[b + AHEAD])
        if b >= 0:
            copy_row(values, b, W_out, target[b])
    for k in range(len(negatives)):
        copy_row(values, n + k, W_out, negatives[k])


def corrected_candidates_read(
    h: Array, W_out: Array, target: Array, negatives: Array, log_q_target: Array, log_q: Array, values: Array
) -> None:
    shared_read(W_out, target, negatives, values)


def corrected_candidates_read_ahead(
    h: Array, W_out: Array, target: Array, negatives: Array, log_q_target: Array, log_q: Array, values: Array
) -> None:
    shared_read_ahead(W_out, target, negatives, values)


def corrected_floors(kernel: Kernel) -> tuple[Implementation, ...]:
    """Make the floors of an objective whose scores are corrected by log(K p)."""
    ways = (("rows", corrected_candidates_read), ("rows.ahead", corrected_candidates_read_ahead))
    return tuple(kernel.floor(slug, prepare=shared_rows)(way) for slug, way in ways)
