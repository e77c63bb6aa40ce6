"""The compiled softmax: W_out is passed over twice, a tile of rows at a time, for scores and for gradients."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..compiling.intrinsics.losses import add_powers, raise_tops
from ..compiling.intrinsics.products import blocks, even_block, pace_of, product, product_way
from ..interface import Array, Problem
from ..interface.arrays import aligned
from .contract import gradient_buffer

TILE = 42
"""Words per tile, whose scores and rows stay in cache from product to product."""
FEW = 32
"""Up to this batch, the products take no longer than moving the rows: the next tile is prefetched, and no row of dh is computed
alone. In larger batches neither matters much, and without them more batch sizes share compiled code."""


class Tiles(NamedTuple):
    """The arrays of the compiled pass. Columns are padded to whole blocks of vectors: B to B', H to H'."""

    columns: Array  # h transposed, (H, B')
    rows: Array  # h, (B, H'), times what makes a tile's exponentials derivatives
    powers: Array  # exponentials of scores, (V, B')
    tops: Array  # the highest scores so far, one row for each tile, (tiles, B')
    # the last of these, and the sums of exponentials relative to them, (B')
    top: Array
    total: Array
    change: Array  # dh, (B, H')
    spare: Array  # a tile of words or of gradients where a product must not touch memory behind them, (words, H')
    gradient: Array  # dW_out, (V, H)
    # How many rows after its last one a product may read or overwrite. Near the end of a table there are fewer, and
    # ``spare`` stands in.
    behind: int
    # Whether gradients are computed in their place. Where a row takes several blocks of columns, these would come back
    # to the same lines of ``gradient``.
    in_place: bool
    few: int  # how many words' gradients are computed at a time
    # how the three products are computed (see ``products.product_way``)
    to_scores: tuple[Any, ...]
    to_change: tuple[Any, ...]
    to_gradient: tuple[Any, ...]


def tiles(problem: Problem) -> Tiles:
    """Return the arrays for a problem's size, and how its three products are computed."""
    size, dtype = problem.size, problem.size.float_type
    high, wide, across = blocks(size.B, dtype.itemsize)
    most, broad, along = blocks(size.H, dtype.itemsize)
    columns = aligned(size.H, across, dtype)
    powers, tops = (aligned(rows, across, dtype) for rows in (size.V, -(-size.V // TILE)))
    top, total = aligned(2, across, dtype)
    examples = max(1, size.B)  # an empty batch shares the code that is compiled for one example
    rows, change = (aligned(examples, along, dtype) for _ in range(2))
    spare, gradient = aligned(TILE, along, dtype), gradient_buffer(problem)
    behind = -(-(along - size.H) // size.H)
    tall = even_block(TILE, most)
    columns_at_once, row_at_once = len(wide) * wide[0], len(broad) * broad[0]
    in_place = along == row_at_once
    # bytes: each of two products prefetches half of the next tile
    half = TILE * size.H * dtype.itemsize // 2 if examples <= FEW else 0
    scores_pace = pace_of(half, TILE, size.H, across // columns_at_once)
    change_pace = pace_of(half, examples, TILE, along // row_at_once)
    change_high = even_block(examples, most) if examples <= FEW else most
    return Tiles(
        columns, rows, powers, tops, top, total, change, spare, gradient, behind, in_place,
        few=TILE if in_place else 2 * len(tall),
        to_scores=product_way(high, wide, size.H, scores_pace),
        to_change=product_way(change_high, broad, 1, change_pace),
        to_gradient=product_way(tall, broad),
    )  # fmt: skip


def set_columns(h: Array, tiles: Tiles) -> None:
    """Write h transposed, and begin with no scores."""
    columns, change = tiles.columns, tiles.change
    for b in range(columns.shape[1]):
        tiles.top[b], tiles.total[b] = -np.inf, 0
        for j in range(len(columns)):
            columns[j, b] = h[b, j] if b < len(h) else 0
    for b in range(len(change)):
        for j in range(change.shape[1]):
            change[b, j] = 0


def forward(W_out: Array, tiles: Tiles) -> None:
    """Compute exponentials and dh tile by tile, relative to the highest scores so far."""
    top, total, change, spare, columns = tiles.top, tiles.total, tiles.change, tiles.spare, tiles.columns
    for tile in range(len(tiles.tops)):
        begin, end = tile * TILE, (tile + 1) * TILE
        W, part, highest = W_out[begin:end], tiles.powers[begin:end], tiles.tops[tile]
        product(part, W, columns, tiles.to_scores, False, W_out[end:])
        for b in range(len(top)):
            highest[b] = top[b]
        raise_tops(highest, part)
        for b in range(len(top)):
            if highest[b] > top[b]:
                shrunk = np.exp(top[b] - highest[b])
                top[b] = highest[b]
                total[b] *= shrunk
                if b < len(change):
                    for j in range(change.shape[1]):
                        change[b, j] *= shrunk
        add_powers(total, part, top)
        factors, ahead = part[:, : len(change)].T, W_out[end + TILE // 2 :]
        if end + tiles.behind <= len(W_out):
            product(change, factors, W, tiles.to_change, True, ahead)
        else:
            for w in range(len(W)):
                for j in range(W.shape[1]):
                    spare[w, j] = W[w, j]
            product(change, factors, spare, tiles.to_change, True, ahead)


def backward(h: Array, tiles: Tiles) -> None:
    """Compute the gradients, some words of a tile at a time."""
    rows, tops, spare, gradient = tiles.rows, tiles.tops, tiles.spare, tiles.gradient
    for tile in range(len(tops)):
        for b in range(len(h)):
            if tile == 0 or tops[tile, b] > tops[tile - 1, b]:
                share = np.exp(tops[tile, b] - tiles.top[b]) / (tiles.total[b] * len(h))
                for j in range(h.shape[1]):
                    rows[b, j] = share * h[b, j]
        for begin in range(tile * TILE, min((tile + 1) * TILE, len(gradient)), tiles.few):
            end = min(begin + tiles.few, (tile + 1) * TILE, len(gradient))
            factors = tiles.powers[begin:end, : len(rows)]
            if tiles.in_place and end + tiles.behind <= len(gradient):
                product(gradient[begin:end], factors, rows, tiles.to_gradient, False, rows)
            else:
                product(spare, factors, rows, tiles.to_gradient, False, rows)
                for w in range(end - begin):
                    for j in range(h.shape[1]):
                        gradient[begin + w, j] = spare[w, j]
